"""What some tests need and pip does not bring: a browser, Node, assimp, and packages of npm. What is missing is installed where we may.

    python tools/needed.py

Exit code 1 where something is missing still and NEXTGENFACE_REQUIRE is set, as .ci/run sets it; else it is only said.
"""
import os, shutil, subprocess, sys
from pathlib import Path

VIEWER = Path(__file__).resolve().parent/'viewer'
#: Of a Chromium; Ubuntu's chromium-browser only names a snap
NAMES = 'chromium', 'google-chrome', 'google-chrome-stable'
PACKAGES = 'three', 'gltf-validator'                        #: Of npm, in the versions of tools/viewer/package-lock.json

def chromium()->str|None:
    "The browser that CHROME names, the system's, or Playwright's own"
    found = os.environ.get('CHROME') or next(filter(None, map(shutil.which, NAMES)), None)
    if found: return found
    try: from playwright.sync_api import sync_playwright
    except ImportError: return None
    with sync_playwright() as playwright: own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None

def missing_packages()->list: # of names
    return [name for name in PACKAGES if not (VIEWER/'node_modules'/name).is_dir()]

def called(*command, **options)->bool:
    "Run a command; is it there, and did it work?"
    if not shutil.which(command[0]): return False
    try: done = subprocess.run(command, capture_output=True, text=True, timeout=600, **options)
    except subprocess.TimeoutExpired: return False
    return done.returncode==0

def packaged(*names)->bool:
    "Install packages of Debian, where this is one and we may"
    if not shutil.which('apt-get') or getattr(os, 'geteuid', lambda: 1)(): return False
    environment = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
    called('apt-get', 'update', '-qq', env=environment)
    patient = '-o', 'DPkg::Lock::Timeout=120'  # a machine that has just started updates itself
    return called('apt-get', 'install', *patient, '-y', '-qq', '--no-install-recommends', *names, env=environment)

def install_chromium():
    "Debian's, else Playwright's"
    if chromium() or packaged('chromium') and chromium(): return
    called(sys.executable, '-m', 'playwright', 'install', 'chromium')

def install_node():
    "Debian's"
    if not shutil.which('npm'): packaged('nodejs', 'npm')

def install_assimp():
    "Debian's: the program that opens our GLB files as other programs' importers do"
    if not shutil.which('assimp'): packaged('assimp-utils')

def install_packages():
    "The packages of tools/viewer; none of them needs to run a program of its own for that"
    if missing_packages(): called('npm', 'ci', '--no-audit', '--no-fund', '--ignore-scripts', cwd=VIEWER)

def main()->int: # Exit code
    for install in (install_chromium, install_node, install_assimp, install_packages): install()
    missing = ([] if chromium()
        else ['a Chromium (Debian: apt-get install chromium; else: python -m playwright install chromium; or name one '
            'in CHROME)'])
    if not shutil.which('node'): missing.append('Node (Debian: apt-get install nodejs npm)')
    if not shutil.which('assimp'): missing.append('assimp (Debian: apt-get install assimp-utils)')
    missing += [f'{name} (cd tools/viewer && npm ci)' for name in missing_packages()]
    if missing: print('Missing, and tests that need it are skipped:', *missing, sep='\n  ')
    return int(bool(missing and os.environ.get('NEXTGENFACE_REQUIRE')))

if __name__=='__main__': sys.exit(main())
