("A real browser for the tests of widgets: the Chromium that tools/needed.py finds or has installed; without one (or "
 "without playwright) they are skipped.")
import os
import pytest
from skips import needed

WEBGL = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist']
QUIET = ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--disable-quic',
    '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

@pytest.fixture(scope='module')
def browsers(): # of a module: while playwright lives, its event loop counts as running
    "What starts a Chromium; `webgl=False` starts one that cannot draw in 3D"
    playwright = pytest.importorskip('playwright.sync_api')
    program = needed.chromium()
    if not program: pytest.skip('no Chromium here: make needed')
    with playwright.sync_playwright() as p:
        yield lambda webgl=True: p.chromium.launch(executable_path=program,
            args=QUIET+(WEBGL if webgl else ['--disable-gpu', '--disable-3d-apis']))

@pytest.fixture(scope='module')
def browser(browsers):
    found = browsers()
    yield found
    found.close()

@pytest.fixture
def shots(tmp_path_factory):
    "Where screenshots are kept: the folder SHOTS, or a temporary one"
    folder = os.environ.get('SHOTS')
    folder = __import__('pathlib').Path(folder) if folder else tmp_path_factory.mktemp('shots')
    folder.mkdir(parents=True, exist_ok=True)
    return folder
