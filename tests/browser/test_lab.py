"""A person at a real JupyterLab: a photo from the camera, one pasted, one uploaded, drag a landmark, run and pause stage 1, step stage 2, back in the timeline and on by the one button, orbit, move a slider, drag the lamp, save, reopen.
At 1280 x 800 and at twice the zoom; by keyboard; every control has a name; no error in the console, no request to the outside. Screenshots go to the folder SHOTS, the seconds of each part to the output (pytest -s)."""
import io, os, socket, subprocess, sys, time, urllib.request
from pathlib import Path
import numpy as np, pytest
from PIL import Image
pytest.importorskip('anywidget')
pytest.importorskip('jupyterlab')
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.output.viewer import png

ROOT = Path(__file__).resolve().parents[2]
CODE = '''
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import Photo
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.widgets.studio import FaceStudio
pipeline = Pipeline(toy_model(41, 29), Config(device='cpu', texture_resolution=64, max_resolution=96, bands=5, environment_height=32, samples_final=8, samples_train=4, steps_photometric=2, steps_texture=6))
truth = synthetic_face(pipeline, seed=3, size=128, light=studio_light(.5, bands=5), samples=32)
class Known:
    def detect(self, photo): return truth.landmarks().moved(photo)
studio = FaceStudio(detector=Known(), pipeline=pipeline)
studio
'''.strip()

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    "A JupyterLab of its own, with settings of its own: (folder, address)"
    import nbformat
    work,port = tmp_path_factory.mktemp('lab'),free_port()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)],
        metadata=dict(kernelspec=dict(name='python3', display_name='Python 3', language='python'))),
        work/'studio.ipynb')
    own = {f'JUPYTER_{k}_DIR':str(work/k) for k in ('CONFIG','DATA','RUNTIME')}
    env = dict(os.environ, **own, JUPYTERLAB_SETTINGS_DIR=str(work/'SET'), JUPYTERLAB_WORKSPACES_DIR=str(work/'WS'),
        PYTHONPATH=str(ROOT))
    command = [sys.executable, '-m', 'jupyterlab', '--no-browser', '--allow-root', f'--port={port}',
        '--ServerApp.port_retries=0', '--IdentityProvider.token=', '--ServerApp.ip=127.0.0.1',
        f'--ServerApp.root_dir={work}', f'--LabApp.app_settings_dir={ROOT/"tools"/"lab"}']
    with (work/'lab.log').open('w') as log:
        server,url = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT),f'http://127.0.0.1:{port}'
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(url+'/api', timeout=2)
                    break
                except OSError: time.sleep(.5)
            else: pytest.fail((work/'lab.log').read_text()[-2000:])
            yield work,url
        finally:
            server.terminate()
            server.wait(20)

CONTROLS = ('button', 'checkbox', 'combobox', 'listbox', 'menuitem', 'slider', 'spinbutton', 'tab', 'textbox',
    'application', 'image', 'img')

def nameless(page, selector='.jp-OutputArea-output'):
    "Controls without a name, as the browser tells screen readers"
    cdp = page.context.new_cdp_session(page)
    found = []
    root = cdp.send('DOM.getDocument', dict(depth=0))['root']['nodeId']
    for node in cdp.send('DOM.querySelectorAll', dict(nodeId=root, selector=selector))['nodeIds']:
        for x in cdp.send('Accessibility.queryAXTree', dict(nodeId=node))['nodes']:
            role = x.get('role', {}).get('value')
            if role in CONTROLS and not x.get('ignored') and not x.get('name', {}).get('value', '').strip():
                found.append(cdp.send('DOM.describeNode',
                    dict(backendNodeId=x['backendDOMNodeId']))['node']['attributes']+[role])
    cdp.detach()
    return found

REACH = """() => [...document.querySelectorAll('.jp-OutputArea-output :is(button, input, select, canvas, [role=tab])')].filter(e => e.offsetParent && e.checkVisibility() && e.type !== 'file' && !e.disabled).map(e => {
  e.scrollIntoView({block: 'center', inline: 'nearest'})
  const r = e.getBoundingClientRect(), x = Math.min(Math.max((r.left + r.right) / 2, r.left + 2), innerWidth - 2), hit = document.elementFromPoint(Math.min(x, innerWidth - 30), (r.top + r.bottom) / 2)
  return hit && (e.contains(hit) || hit.contains(e)) ? null : `${e.tagName} ${e.textContent || e.ariaLabel || e.title || e.className}`
}).filter(Boolean)"""

#: Where the head is, seen from the tabs, and whether one sees it
HEAD = """() => { const [h, t] = ['.ngf-head', '.ngf-beside > :first-child'].map(s => document.querySelector(s).getBoundingClientRect())
  return (h.left >= t.right - 1 ? 'beside' : h.bottom <= t.top + 1 ? 'above' : 'below') + (h.top > -1 && h.bottom < innerHeight + 1 ? ', in view' : ', out of view') }"""

def hidden(page):
    "Controls that cannot be brought to where they can be clicked"
    return page.evaluate(REACH)

@pytest.fixture
def page(browser, shots):
    "A page whose last moment is kept as a picture too"
    found = browser.new_page(viewport=dict(width=1280, height=800))
    yield found
    found.screenshot(path=shots/'lab_last.png')
    found.close()

def test_from_photo_to_play(lab, page, shots, tmp_path):
    work,url = lab
    page.set_default_timeout(240_000)
    page.context.grant_permissions(['camera'], origin=url)
    clock = [time.time()]
    def mark(part):
        clock.append(time.time())
        print(f'{part}: {clock[-1]-clock[-2]:.0f} s', flush=True)
    complaints,outside = [],[]
    page.on('console', lambda m: complaints.append(m.text) if m.type=='error' else None)
    page.on('pageerror', lambda e: complaints.append(str(e)))
    page.on('request', lambda r: outside.append(r.url)
        if not r.url.startswith((url, url.replace('http', 'ws'), 'data:', 'blob:')) else None)
    shot = lambda name: page.screenshot(path=shots/f'lab_{name}.png')
    page.goto(f'{url}/lab/tree/studio.ipynb?reset')
    page.wait_for_selector('.jp-Notebook .jp-CodeCell')
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status=idle]')
    # on a busy machine the first click may come before the menu knows the notebook
    for _ in range(10):
        page.keyboard.press('Escape')
        page.get_by_role('menuitem', name='Run', exact=True).click()
        page.get_by_role('menuitem', name='Run All Cells', exact=True).click()
        page.wait_for_timeout(3000)
        if page.locator('.jp-InputPrompt').first.inner_text().strip('[]: '): break
    page.locator('.jp-OutputArea').get_by_role('button', name='Detect').wait_for()

    mark('lab open, studio shown')
    # nothing covers it: make lab starts with these settings too
    assert "--LabApp.app_settings_dir='$(CURDIR)/tools/lab'" in (ROOT/'Makefile').read_text()
    assert not page.get_by_text('official Jupyter news').count()

    # a photo from the camera (Chromium's picture of a clock), one pasted
    page.get_by_role('button', name='Camera').click()
    page.get_by_role('button', name='Take the photo').click()
    page.get_by_text('camera.png: ').wait_for()
    shot('camera')
    page.get_by_label('Paste a photo here with Ctrl+V').evaluate("""async field => {
      const c = document.createElement('canvas'); c.width = 90; c.height = 80; c.getContext('2d').fillRect(9, 9, 50, 50)
      const data = new DataTransfer(); data.items.add(new File([await new Promise(done => c.toBlob(done))], 'image.png', {type: 'image/png'}))
      field.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})) }""")
    page.get_by_text('clipboard.png: 90 x 80').wait_for()
    mark('camera and clipboard')

    # upload, detect, drag
    photo = synthetic_face(Pipeline(toy_model(41, 29),
        Config(device='cpu', texture_resolution=64, bands=5, environment_height=32)), seed=3, size=128,
        light=studio_light(.5, bands=5), samples=32).photo()
    (tmp_path/'me.png').write_bytes(png(photo.pixels))
    with page.expect_file_chooser() as chooser: page.get_by_role('button', name='Upload a photo').click()
    chooser.value.set_files(str(tmp_path/'me.png'))
    page.get_by_text('me.png: 128 x 128').wait_for()
    # it is shown before anything is found, and the head stands there; the corner of the square is dragged, and back
    overview = page.locator('canvas.ngf-photo:visible')
    overview.wait_for()
    page.get_by_text('The photo is here.').wait_for()
    page.locator('.jp-OutputArea canvas[role=img]:visible').wait_for()
    shot('photo')
    overview.scroll_into_view_if_needed()
    box = overview.bounding_box()
    for there,told in ((.7, 'Only this part'), (1., 'Drag the white corner')):
        here = box['width']*(1.7-there)-7*(there<1)
        page.mouse.move(box['x']+here, box['y']+here)
        page.mouse.down()
        page.mouse.move(box['x']+box['width']*there, box['y']+box['height']*there, steps=4)
        page.mouse.up()
        page.get_by_text(told).wait_for(timeout=20_000)
    page.get_by_role('button', name='Detect').click()
    page.get_by_text('Drag those that lie badly').wait_for()
    shot('start')
    page.wait_for_function("document.querySelector('canvas.ngf-landmarks').dataset.points > 0")
    canvas = page.locator('canvas.ngf-landmarks')
    canvas.scroll_into_view_if_needed()
    before = canvas.screenshot()
    words = page.locator('canvas.ngf-landmarks + p')
    canvas.focus()
    page.keyboard.press('n')
    page.wait_for_function("document.querySelector('canvas.ngf-landmarks + p').textContent.startsWith('Point')")
    x,y = map(float, words.inner_text().split(' at ')[1].split(', ')[:2])
    box = canvas.bounding_box()
    s = box['width']/96
    page.mouse.move(box['x']+x*s, box['y']+y*s)
    page.mouse.down()
    page.mouse.move(box['x']+x*s+40, box['y']+y*s+25, steps=4)
    page.mouse.up()
    moved = tuple(map(float, words.inner_text().split(' at ')[1].split(', ')[:2]))
    assert abs(moved[0]-x-40/s)<1 and abs(moved[1]-y-25/s)<1
    shot('dragged')
    assert canvas.screenshot()!=before
    assert not nameless(page), nameless(page)
    mark('upload, detect, drag')

    # stage 1: run, pause
    def tab(name):
        page.locator('.jp-OutputArea').get_by_role('tab', name=name, exact=True).click()
        page.wait_for_timeout(800)
    press = lambda name: page.locator('.jp-OutputArea button:visible', has_text=name).first.click()
    tab('Stage 1')
    press('Run')
    press('Run')
    press('Pause')
    page.wait_for_timeout(500)
    press('Run')
    page.locator('.jp-OutputArea :visible', has_text='done').first.wait_for()
    page.get_by_text('error of the points (NME)').first.wait_for()
    shot('stage1')
    assert not nameless(page), nameless(page)
    # by keyboard: from Run over Step and Pause to Reset, and press it
    page.locator('.jp-OutputArea button:visible', has_text='Run').first.focus()
    for _ in range(3): page.keyboard.press('Tab')
    assert page.evaluate("document.activeElement.textContent").strip()=='Reset'
    page.keyboard.press('Space')
    page.locator('.jp-OutputArea :visible', has_text='ready').first.wait_for()
    page.keyboard.press('Tab')
    assert page.evaluate("!!document.activeElement.closest('.jp-OutputArea')")
    press('Run')
    page.locator('.jp-OutputArea :visible', has_text='done').first.wait_for()
    mark('stage 1')

    # stage 2: a step changes the picture
    tab('Stage 2')
    picture = page.locator('.jp-OutputArea img:visible').first
    picture.wait_for()
    src = picture.get_attribute('src')
    press('Step')
    page.wait_for_function(
        "s => [...document.querySelectorAll('.jp-OutputArea img')].filter(i => i.offsetParent)[0].src !== s", arg=src)
    shot('stage2')
    page.get_by_text('photometric 1 of').first.wait_for()
    # the tab is longer than the screen; at its end the head is still there, beside it
    page.evaluate("document.querySelector('.ngf-beside').scrollIntoView({block: 'end'})")
    page.wait_for_timeout(300)
    assert page.evaluate(HEAD)=='beside, in view', page.evaluate(HEAD)
    shot('stage2_end')
    assert not nameless(page), nameless(page)
    mark('stage 2')

    # back to a step of stage 1, then on from it by the button: all that is left, to the last tab
    words = page.locator('.jp-OutputArea')
    timeline = page.get_by_role('slider', name='Timeline')
    timeline.focus()
    for _ in range(2): page.keyboard.press('ArrowLeft')
    words.get_by_text('Looking back at').first.wait_for()
    shot('timeline')
    press('Go on from here')
    words.get_by_text('Stage 2 is at work').first.wait_for()
    press('Cancel')
    words.get_by_text('Stage 2 is paused').first.wait_for()
    shot('cancelled')
    tab('Start')
    press('Reconstruct')
    words.get_by_text('All stages are done').first.wait_for()
    shot('finished')
    assert not words.get_by_text('Start with a photo').count()
    assert not nameless(page), nameless(page)
    mark('timeline, one button')

    # play: orbit, a slider, save
    tab('Play')
    view = page.locator('.jp-OutputArea canvas[role=img]:visible')
    view.wait_for()
    view.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    pixels = lambda: np.array(Image.open(io.BytesIO(view.screenshot())).convert('RGB')).astype(float)
    def changed(before, least=.2): # soon or, on a busy machine, late; nothing else moves
        for _ in range(240):
            page.wait_for_timeout(250)
            if np.abs(pixels()-before).mean()>least: return True
        return False
    first = pixels()
    assert first.std()>5
    box = view.bounding_box()
    x,y = box['x']+200,box['y']+200
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x+70, y+10, steps=4)
    page.mouse.up()
    assert changed(first)
    page.wait_for_timeout(500)
    turned = pixels()
    slider = page.get_by_role('slider', name='jaw open')
    slider.focus()
    page.keyboard.press('End')
    assert changed(turned, .1)
    shot('play')
    mark('play: orbit, expression')

    # the lamp, by mouse and by keyboard; another environment
    ball = page.locator('canvas.ngf-light:visible')
    ball.scroll_into_view_if_needed()
    box = ball.bounding_box()
    words = page.locator('canvas.ngf-light + p')
    dark = pixels()
    ball.scroll_into_view_if_needed()
    box = ball.bounding_box()
    page.mouse.move(box['x']+85, box['y']+85)
    page.mouse.down()
    page.mouse.move(box['x']+140, box['y']+60, steps=4)
    page.mouse.up()
    page.wait_for_function("document.querySelector('canvas.ngf-light + p').textContent.startsWith('Lamp at')")
    azimuth = float(words.inner_text().split('azimuth ')[1].split(',')[0])
    assert 40<azimuth<110, words.inner_text()
    assert changed(dark)
    ball.focus()
    page.keyboard.press('ArrowRight')
    page.wait_for_function(
        "a => Math.abs(document.querySelector('canvas.ngf-light + p').textContent.split('azimuth ')[1].split(',')[0] - "
        "a) > .1", arg=azimuth)
    assert abs(float(words.inner_text().split('azimuth ')[1].split(',')[0])-azimuth-5)<1.5
    ball.scroll_into_view_if_needed()
    shot('lamp')
    lit = pixels()
    page.locator('.jp-OutputArea select:visible').first.select_option('sunset')
    assert changed(lit)
    shot('sunset')
    assert not nameless(page), nameless(page)
    mark('lamp, environment')
    press('Ray-trace')
    page.wait_for_timeout(500)
    name = page.locator('.jp-OutputArea .widget-text:visible', has_text='Save as').locator('input').first
    name.fill('turn.mp4')
    name.press('Tab')
    press('Record')
    page.get_by_text('pictures in turn.mp4').wait_for()
    assert b'ftyp' in (work/'turn.mp4').read_bytes()[:16]
    mark('film')

    # save, an error with its advice, reopen
    page.get_by_role('button', name='Save state').click()
    page.get_by_text('saved as face.npz').wait_for()
    assert (work/'face.npz').stat().st_size>1000
    state = page.locator('.jp-OutputArea .widget-text:visible', has_text='State').locator('input').first
    state.fill('nothing.npz')
    state.press('Tab')
    page.get_by_role('button', name='Open state').click()
    page.locator('.jp-OutputArea [role=alert]:visible').first.wait_for()
    shot('error')
    state.fill('face.npz')
    state.press('Tab')
    page.get_by_role('button', name='Open state').click()
    page.get_by_text('opened face.npz').wait_for()
    mark('save, reopen')
    assert not hidden(page), hidden(page)

    # at 200 % a screen of 1280 x 800 has room for 640 x 400
    page.set_viewport_size(dict(width=640, height=400))
    page.wait_for_timeout(500)
    # its panel closes
    page.locator('.jp-SideBar.jp-mod-left [title^="File Browser"]').first.click()
    page.wait_for_timeout(500)
    for name in ('Start', 'Stage 1', 'Stage 2', 'Stage 3', 'Play'):
        tab(name)
        assert page.evaluate(HEAD).startswith('above')
        assert not hidden(page), (name, hidden(page))
        page.locator('.jp-OutputArea').get_by_role('tab', name=name, exact=True).scroll_into_view_if_needed()
        shot(f'zoomed_{name.replace(" ", "").lower()}')
    mark('200 %')
    complaints = [c for c in complaints if 'favicon' not in c]
    assert not outside, outside
    assert not complaints, complaints
