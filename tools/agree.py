("Notebooks, library, figures and README agree: export, clean, figures, stubs and readme change nothing; every promise has a "
 "test, lines are short, docments whole, types fit, and the oldest Python that is promised takes all code, that of "
 "notebooks too. Committed or not does not matter.")
import hashlib, re, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

def fingerprints():
    "The hash of every notebook, every module, every stub and the README"
    files = [*ROOT.glob('nbs/**/*.ipynb'), *ROOT.glob('nextgenface_nb/**/*.py'), *ROOT.glob('nextgenface_nb/**/*.pyi'),
        ROOT/'nextgenface_nb'/'helptext.json', ROOT/'README.md']
    return {str(f.relative_to(ROOT)): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in files if f.exists() and '.ipynb_checkpoints' not in f.parts}

def oldest_python()->list: # A command that fails where something is not of this Python's grammar
    "Ruff reads notebooks as well, and knows in which version a piece of grammar was added"
    version = re.search(r'^min_python = (\d+)\.(\d+)$', (ROOT/'settings.ini').read_text(encoding='utf-8'), re.M)
    return [BIN/'ruff', 'check', '--isolated', '--no-cache', '--quiet', '--select', 'E9', '--target-version',
        f'py{version[1]}{version[2]}', 'nextgenface_nb', 'nbs', 'tests', 'tools', 'setup.py']

def main():
    "Export, clean, make the stubs, fill in the figures and make the README; name the files that changed, and fail if there are any"
    before = fingerprints()
    tools = ([sys.executable, ROOT/'tools'/name] for name in ('stubs.py', 'figures.py', 'readme.py'))
    for command in ([BIN/'nbdev-export'], [BIN/'nbdev-clean'], *tools): subprocess.run(command, check=True, cwd=ROOT)
    after = fingerprints()
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name)!=after.get(name))
    if changed:
        sys.exit(
            'Notebooks, library, figures or README had drifted apart; these have changed now, look at them and '
            'commit:\n  ' + '\n  '.join(changed))
    print(f'Notebooks, library, figures and README agree ({len(after)} files).')
    checks = [ROOT/'tests'/'promises.py', *(ROOT/'tools'/f'{name}.py' for name in ('lines', 'docments', 'hints'))]
    for command in (*([sys.executable, check] for check in checks), oldest_python()):
        if subprocess.run(command, cwd=ROOT).returncode: sys.exit(1)

if __name__=='__main__': main()
