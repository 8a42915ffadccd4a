"A real browser for the tests of widgets: the system's Chromium, no download; without one (or without playwright) they are skipped."
import os, shutil
import pytest

CHROMIUM = os.environ.get('CHROME') or shutil.which('chromium') or shutil.which('google-chrome')
WEBGL = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist']
QUIET = ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

@pytest.fixture(scope='module')
def browsers(): # of a module: while playwright lives, its event loop counts as running
    "What starts a Chromium; `webgl=False` starts one that cannot draw in 3D"
    playwright = pytest.importorskip('playwright.sync_api')
    if not CHROMIUM: pytest.skip('no Chromium here')
    with playwright.sync_playwright() as p:
        yield lambda webgl=True: p.chromium.launch(executable_path=CHROMIUM, args=QUIET+(WEBGL if webgl else ['--disable-gpu', '--disable-3d-apis']))

@pytest.fixture(scope='module')
def browser(browsers):
    found = browsers(); yield found; found.close()

@pytest.fixture
def shots(tmp_path_factory):
    "Where screenshots are kept: the folder SHOTS, or a temporary one"
    folder = os.environ.get('SHOTS'); folder = __import__('pathlib').Path(folder) if folder else tmp_path_factory.mktemp('shots')
    folder.mkdir(parents=True, exist_ok=True); return folder
