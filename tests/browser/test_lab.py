"""A person at a real JupyterLab: upload a photo, drag a landmark, run and pause stage 1, step stage 2, orbit, move a slider, save.
At 1280 x 800; no error in the console, no request to the outside. Screenshots go to the folder SHOTS."""
import io, os, shutil, socket, subprocess, sys, time, urllib.request
from pathlib import Path
import numpy as np, pytest
from PIL import Image
pytest.importorskip('anywidget'); pytest.importorskip('jupyterlab')
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.optim.pipeline import Pipeline
from nextgenface_nb.synthetic import studio_light, synthetic_face
from nextgenface_nb.widgets.viewer import png

ROOT = Path(__file__).resolve().parents[2]
CODE = '''
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import Photo
from nextgenface_nb.optim.pipeline import Pipeline
from nextgenface_nb.synthetic import studio_light, synthetic_face
from nextgenface_nb.widgets.dashboards import FaceStudio
pipeline = Pipeline(toy_model(41, 29), Config(device='cpu', texture_resolution=64, max_resolution=96, bands=5, environment_height=32, samples_final=8, samples_train=4, steps_photometric=2, steps_texture=6))
truth = synthetic_face(pipeline, seed=3, size=128, light=studio_light(.5, bands=5), samples=32)
class Known:
    def detect(self, photo): return truth.landmarks().moved(photo)
studio = FaceStudio(detector=Known(), pipeline=pipeline)
studio
'''.strip()

def free_port():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return s.getsockname()[1]

@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    "A JupyterLab of its own, with settings of its own: (folder, address)"
    import nbformat
    work,port = tmp_path_factory.mktemp('lab'),free_port()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)], metadata=dict(kernelspec=dict(name='python3', display_name='Python 3', language='python'))), work/'studio.ipynb')
    own = {f'JUPYTER_{k}_DIR':str(work/k) for k in ('CONFIG','DATA','RUNTIME')}
    env = dict(os.environ, **own, JUPYTERLAB_SETTINGS_DIR=str(work/'SET'), JUPYTERLAB_WORKSPACES_DIR=str(work/'WS'), PYTHONPATH=str(ROOT))
    command = [sys.executable, '-m', 'jupyterlab', '--no-browser', '--allow-root', f'--port={port}', '--ServerApp.port_retries=0', '--IdentityProvider.token=', '--ServerApp.ip=127.0.0.1',
        f'--ServerApp.root_dir={work}', '--LabApp.news_url=None', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate']
    with (work/'lab.log').open('w') as log:
        server,url = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT),f'http://127.0.0.1:{port}'
        try:
            for _ in range(240):
                try: urllib.request.urlopen(url+'/api', timeout=2); break
                except OSError: time.sleep(.5)
            else: pytest.fail((work/'lab.log').read_text()[-2000:])
            yield work,url
        finally: server.terminate(); server.wait(20)

def test_from_photo_to_play(lab, browser, shots, tmp_path):
    work,url = lab; page = browser.new_page(viewport=dict(width=1280, height=800)); page.set_default_timeout(120_000)
    complaints,outside = [],[]
    page.on('console', lambda m: complaints.append(m.text) if m.type=='error' else None); page.on('pageerror', lambda e: complaints.append(str(e)))
    page.on('request', lambda r: outside.append(r.url) if not r.url.startswith((url, url.replace('http', 'ws'), 'data:', 'blob:')) else None)
    shot = lambda name: page.screenshot(path=shots/f'lab_{name}.png')
    page.goto(f'{url}/lab/tree/studio.ipynb?reset'); page.wait_for_selector('.jp-Notebook .jp-CodeCell'); page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status=idle]')
    page.keyboard.press('Escape'); page.get_by_role('menuitem', name='Run', exact=True).click(); page.get_by_role('menuitem', name='Run All Cells', exact=True).click()
    page.locator('.jp-OutputArea').get_by_role('button', name='Detect').wait_for()

    # upload, detect, drag
    photo = synthetic_face(Pipeline(toy_model(41, 29), Config(device='cpu', texture_resolution=64, bands=5, environment_height=32)), seed=3, size=128, light=studio_light(.5, bands=5), samples=32).photo()
    (tmp_path/'me.png').write_bytes(png(photo.pixels))
    with page.expect_file_chooser() as chooser: page.get_by_role('button', name='Upload a photo').click()
    chooser.value.set_files(str(tmp_path/'me.png'))
    page.get_by_text('me.png: 128 x 128').wait_for(); page.get_by_role('button', name='Detect').click(); page.get_by_text('Drag those that lie badly').wait_for(); shot('start')
    canvas = page.locator('canvas.ngf-landmarks'); canvas.scroll_into_view_if_needed(); before = canvas.screenshot(); words = page.locator('canvas.ngf-landmarks + p')
    canvas.focus(); page.keyboard.press('n'); page.wait_for_function("document.querySelector('canvas.ngf-landmarks + p').textContent.startsWith('Point')")
    x,y = map(float, words.inner_text().split(' at ')[1].split(', ')[:2])
    box = canvas.bounding_box(); s = box['width']/96
    page.mouse.move(box['x']+x*s, box['y']+y*s); page.mouse.down(); page.mouse.move(box['x']+x*s+40, box['y']+y*s+25, steps=4); page.mouse.up()
    moved = tuple(map(float, words.inner_text().split(' at ')[1].split(', ')[:2]))
    assert abs(moved[0]-x-40/s)<1 and abs(moved[1]-y-25/s)<1; shot('dragged'); assert canvas.screenshot()!=before

    # stage 1: run, pause
    def tab(name): page.locator('.jp-OutputArea').get_by_role('tab', name=name, exact=True).click(); page.wait_for_timeout(800)
    panel = lambda: page.locator('.jp-OutputArea .lm-TabPanel-stackedPanel > :not(.lm-mod-hidden), .jp-OutputArea .widget-tab-contents > :not(.lm-mod-hidden)').first
    press = lambda name: page.locator('.jp-OutputArea button:visible', has_text=name).first.click()
    tab('Stage 1'); press('Run'); press('Pause'); page.wait_for_timeout(500); press('Run')
    page.locator('.jp-OutputArea :visible', has_text='done').first.wait_for(); page.get_by_text('error of the points (NME)').first.wait_for(); shot('stage1')

    # stage 2: a step changes the picture
    tab('Stage 2'); picture = page.locator('.jp-OutputArea img:visible').first; picture.wait_for(); src = picture.get_attribute('src')
    press('Step'); page.wait_for_function("s => [...document.querySelectorAll('.jp-OutputArea img')].filter(i => i.offsetParent)[0].src !== s", arg=src); shot('stage2')
    page.get_by_text('photometric 1 of').first.wait_for()

    # play: orbit, a slider, save
    tab('Play'); view = page.locator('.jp-OutputArea canvas[role=img]:visible'); view.wait_for(); view.scroll_into_view_if_needed(); page.wait_for_timeout(1500)
    pixels = lambda: np.array(Image.open(io.BytesIO(view.screenshot())).convert('RGB')).astype(float)
    first = pixels(); assert first.std()>5; box = view.bounding_box(); x,y = box['x']+200,box['y']+200
    page.mouse.move(x, y); page.mouse.down(); page.mouse.move(x+70, y+10, steps=4); page.mouse.up(); page.wait_for_timeout(500)
    turned = pixels(); assert np.abs(turned-first).mean()>.5
    slider = page.get_by_role('slider', name='jaw open'); slider.focus(); page.keyboard.press('End'); page.wait_for_timeout(500)
    assert np.abs(pixels()-turned).mean()>.1; shot('play')
    page.get_by_role('button', name='Save state').click(); page.get_by_text('saved as face.npz').wait_for()
    assert (work/'face.npz').stat().st_size>1000
    page.evaluate("document.body.style.zoom = '2'"); page.wait_for_timeout(500); shot('zoomed'); page.evaluate("document.body.style.zoom = '1'")
    complaints = [c for c in complaints if 'favicon' not in c]
    assert not outside, outside
    assert not complaints, complaints
    page.close()
