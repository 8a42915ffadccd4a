"The 3D view in a real browser: it draws what the ray tracer draws, follows new vertices, and asks nobody outside"
import base64, io, json
from dataclasses import replace
import numpy as np, pytest, torch
from PIL import Image
pytest.importorskip('anywidget')
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.interface import Correctives
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.imaging import to_bytes
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.output.viewer import FaceViewer, png

SIZE = 256
CONFIG = Config(device='cpu', texture_resolution=128, bands=5, environment_height=64, samples_final=64)

@pytest.fixture(scope='module')
def truth():
    return synthetic_face(Pipeline(toy_model(41, 29), CONFIG), seed=3, size=SIZE,
        light=studio_light(.8, ambient=.2, bands=5), rotation=(.05,.2,-.03), samples=64)

PAGE = '''<!doctype html><html lang="en"><title>view</title><style>body{margin:0}</style><div id="view"></div><script type="module">
import view from '/viewer.js'
const state = JSON.parse(document.getElementById ? await (await fetch('/state.json')).text() : '{}'), listeners = {}
for (const [k, v] of Object.entries(state)) if (v && v.base64 !== undefined) state[k] = new DataView(Uint8Array.from(atob(v.base64), c => c.charCodeAt(0)).buffer)
window.model = { get: k => state[k], off() {}, save_changes() {}, on: (k, f) => (listeners[k] ||= []).push(f), set(k, v) { state[k] = v; (listeners[`change:${k}`] || []).forEach(f => f()) } }
await view.render({ model: window.model, el: document.getElementById('view') })
window.ready = true
</script></html>'''

def state_of(viewer):
    "What Jupyter would send, as JSON"
    values = {k:getattr(viewer, k) for k in viewer.trait_names(sync=True) if not k.startswith('_')
        and k not in ('layout','comm','keys','tabbable','tooltip')}
    return json.dumps({k:dict(base64=base64.b64encode(v).decode()) if isinstance(v, bytes) else v
        for k,v in values.items()})

@pytest.fixture
def show(browser, shots):
    "Open a viewer on a page of its own; complaints and requests are recorded"
    pages = []
    def open_page(viewer, browser=browser):
        page = browser.new_page(viewport=dict(width=1280, height=800))
        pages.append(page)
        page.complaints,page.requests = [],[]
        page.on('console', lambda m: page.complaints.append(m.text) if m.type=='error' else None)
        page.on('pageerror', lambda e: page.complaints.append(str(e)))
        answers = {'/':('text/html', PAGE), '/viewer.js':('text/javascript', viewer._esm),
            '/state.json':('application/json', state_of(viewer)), '/favicon.ico':('image/x-icon', '')}
        def answer(route):
            path = route.request.url.removeprefix('http://view.test')
            page.requests.append(path)
            kind,body = answers.get(path, (None, None))
            if kind: route.fulfill(content_type=kind, body=body)
            else: route.abort()
        page.route(lambda url: url.startswith('http'), answer)
        page.goto('http://view.test/')
        page.wait_for_function('window.ready', timeout=60_000)
        assert set(page.requests)<={'/','/viewer.js','/state.json','/favicon.ico'}
        return page
    yield open_page
    for page in pages: page.close()

def pixels(page):
    "The canvas, RGBA"
    data = page.locator('canvas').first.evaluate('c => c.toDataURL("image/png")')
    return np.array(Image.open(io.BytesIO(base64.b64decode(data.split(',')[1]))).convert('RGBA')).astype(np.float32)

def test_it_draws_what_the_ray_tracer_draws(show, truth, shots):
    viewer = FaceViewer(truth.pipeline, truth.face, width=SIZE, height=SIZE, controls=False)
    page = show(viewer)
    seen = pixels(page)
    page.screenshot(path=shots/'viewer_skin.png')
    Image.fromarray(to_bytes(truth.photo().pixels)).save(shots/'viewer_photo.png')
    photo = to_bytes(truth.photo().pixels).astype(np.float32)
    cover = truth.pipeline.render(truth.face, 0, 16, final=True)[...,3].numpy()>.99
    def crop(picture, mask):                                  # the face itself, whatever the field of view
        rows,columns = np.where(mask.any(1))[0],np.where(mask.any(0))[0]
        box = columns[0],rows[0],columns[-1]+1,rows[-1]+1
        return (np.array(Image.fromarray(picture[...,:3].astype(np.uint8)).crop(box).resize((96,128),
            Image.BILINEAR)).astype(np.float32),
            np.array(Image.fromarray((mask*255).astype(np.uint8)).crop(box).resize((96,128)))>250)
    (a,ma),(b,mb) = crop(seen, seen[...,3]>250),crop(photo, cover)
    both = ma&mb
    assert both.mean()>.5 and both.sum()/(ma|mb).sum()>.95, 'not the same outline'
    a,b = a[both],b[both]
    assert np.corrcoef(a.mean(1), b.mean(1))[0,1]>.9 and abs(a.mean()/b.mean()
        -1)<.15, (np.corrcoef(a.mean(1), b.mean(1))[0,1], a.mean(), b.mean())
    assert not page.complaints

@pytest.mark.slow
def test_modes_vertices_light_and_morphs_change_the_picture(show, truth, shots):
    viewer = FaceViewer(truth.pipeline, truth.face, width=SIZE, height=SIZE)
    page = show(viewer)
    before = pixels(page)
    for text in ('Clay', 'Wireframe', 'Diffuse map', 'Specular map', 'Roughness map'):
        page.get_by_role('button', name=text).click()
        now = pixels(page)
        page.screenshot(path=shots/f'viewer_{text.split()[0].lower()}.png')
        assert np.abs(now-before).mean()>1, text
        before = now
    page.get_by_role('button', name='Skin').click()
    skin = pixels(page)
    slider = page.get_by_role('slider', name='jaw open')
    slider.focus()
    page.keyboard.press('End')
    assert page.evaluate('model.get("weights").jawOpen')==1 and np.abs(pixels(page)-skin).mean()>.3
    page.screenshot(path=shots/'viewer_jaw.png')
    page.keyboard.press('Home')
    before = pixels(page)
    page.evaluate('model.set("light_angle", 150)')
    assert np.abs(pixels(page)-before).mean()>1
    page.screenshot(path=shots/'viewer_light.png')
    before = pixels(page)
    page.evaluate(
        '''() => { const v = new Float32Array(model.get('vertices').buffer.slice(0)); for (let i = 0; i < v.length; i += 3) v[i] *= 1.3; model.set('vertices', new DataView(v.buffer)) }''')
    assert np.abs(pixels(page)-before).mean()>1
    assert not page.complaints

@pytest.mark.parametrize('kept', [None, ['mouthSmileLeft'], ['jawOpen']])
def test_correctives_follow_the_sliders(show, truth, kept):
    "Whichever expressions have a slider, the page shows the face that Python computes"
    model = truth.pipeline.model
    chin = model.expression_basis[0]
    rows = (chin.norm(dim=1)>1).nonzero()[:,0]
    pairs = Correctives([('jawOpen','mouthSmileLeft'),('jawOpen','eyeBlinkLeft')], torch.tensor([False,True]), rows,
        torch.stack([-.9*chin[rows], .9*chin[rows].flip(1)]))
    face = truth.face.copy()
    face.frames[0].expression = torch.tensor([.9,.7,0,.4,0,0])
    def shot(correctives, **expressions):
        pipeline = Pipeline(replace(model, correctives=correctives), CONFIG)
        viewer = FaceViewer(pipeline, face, width=SIZE, height=SIZE, controls=False, mode='clay', **expressions)
        return pixels(show(viewer))
    wanted,plain = shot(pairs, expressions=[]),shot(Correctives(), expressions=[])
    assert np.abs(shot(pairs, expressions=kept)-wanted).mean()<.2<2<np.abs(plain-wanted).mean()

def test_check_boxes_show_and_hide_parts(show, shots):
    "Without the skin eyes and teeth are seen; a part hidden from Python loses its tick"
    pipeline = Pipeline(load_model(), CONFIG)
    face = synthetic_face(pipeline, seed=3, size=SIZE, samples=1).face
    page = show(FaceViewer(pipeline, face, width=SIZE, height=SIZE, expressions=['jawOpen']))
    whole,boxes = pixels(page)[...,3]>250,page.get_by_role('group', name='Parts of the head').get_by_role('checkbox')
    assert boxes.count()==len(pipeline.model.parts) and all(box.is_checked() for box in boxes.all())
    page.screenshot(path=shots/'viewer_parts.png')
    page.get_by_role('checkbox', name='skin').uncheck()
    inner = pixels(page)
    assert page.evaluate('model.get("hidden")')==['skin']
    assert .005<(inner[...,3]>250).mean()<.3*whole.mean()
    page.screenshot(path=shots/'viewer_without_skin.png')
    page.evaluate('model.set("hidden", ["skin", "upper teeth", "lower teeth"])')
    assert not page.get_by_role('checkbox', name='upper teeth').is_checked()
    assert ((pixels(page)[...,3]>250)<(inner[...,3]>250)).sum()>15
    page.get_by_role('checkbox', name='skin').check()
    page.evaluate('model.set("hidden", [])')
    assert np.array_equal(pixels(page)[...,3]>250, whole) and not page.complaints

@pytest.mark.slow
def test_orbit_by_mouse_and_keys(show, truth, shots):
    page = show(FaceViewer(truth.pipeline, truth.face, width=SIZE, height=SIZE))
    before = pixels(page)
    box = page.locator('canvas').bounding_box()
    x,y = box['x']+SIZE/2,box['y']+SIZE/2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x+60, y, steps=4)
    page.mouse.up()
    turned = pixels(page)
    page.screenshot(path=shots/'viewer_orbit.png')
    assert np.abs(turned-before).mean()>1
    page.locator('canvas').focus()
    page.keyboard.press('ArrowLeft')
    page.keyboard.press('+')
    assert np.abs(pixels(page)-turned).mean()>1
    page.get_by_role('button', name='Reset view').click()
    assert np.abs(pixels(page)-before).mean()<.2
    assert not page.complaints

@pytest.mark.slow
def test_without_webgl_there_is_a_still_picture(show, browsers, truth, shots):
    chromium = browsers(webgl=False)
    try:
        page = show(FaceViewer(truth.pipeline, truth.face, picture=png(truth.photo().pixels)), chromium)
        page.screenshot(path=shots/'viewer_still.png')
        assert page.locator('img').evaluate('i => i.decode().then(() => i.naturalWidth)')==SIZE and page.locator(
            'canvas').count()==0
        assert 'no WebGL' in page.locator('#view').inner_text()
    finally: chromium.close()
