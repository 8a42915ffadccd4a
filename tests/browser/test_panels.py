("Pictures, curves and expressions in a real browser, on a page of their own without a kernel: how much room they take at "
 "1280, 1920 and 400 pixels, light and dark, by mouse and by keyboard; every control has a name, nothing is asked of others")
import io, json
import numpy as np, pytest, torch
from PIL import Image
pytest.importorskip('anywidget')
from test_lab import nameless
from test_viewer import state_of
from nextgenface_nb.widgets.pictures import Pictures

PAGE = '''<!doctype html><html lang="en"><title>panel</title><meta name="viewport" content="width=device-width">
<style>body{margin:8px;background:var(--jp-layout-color1,#fff)} THEME</style><style>STYLE</style><div id="panel"></div><script type="module">
import widget from '/widget.js'
const state = await (await fetch('/state.json')).json(), listeners = {}
const take = v => v && v.base64 !== undefined ? new DataView(Uint8Array.from(atob(v.base64), c => c.charCodeAt(0)).buffer) : v
for (const k of Object.keys(state)) state[k] = take(state[k])
window.model = { get: k => state[k], save_changes() {}, on: (k, f) => (listeners[k] ||= []).push(f),
  off(k, f) { listeners[k] = (listeners[k] || []).filter(g => g !== f) },
  set(k, v) { state[k] = take(v); (listeners[`change:${k}`] || []).forEach(f => f()) } }
window.close_panel = await widget.render({ model: window.model, el: document.getElementById('panel') })
window.ready = true
</script></html>'''
DARK = ''':root{--jp-layout-color1:#111;--jp-layout-color2:#2b2b2b;--jp-ui-font-color1:#fff;--jp-ui-font-color2:#bbb;
--jp-border-color2:#555;--jp-brand-color1:#42a5f5}'''

@pytest.fixture
def show(browser, shots):
    "Open a widget on a page of its own"
    pages = []
    def open_page(widget, width=1280, dark=False):
        page = browser.new_page(viewport=dict(width=width, height=800))
        pages.append(page)
        page.complaints = []
        page.on('console', lambda m: page.complaints.append(m.text) if m.type=='error' else None)
        page.on('pageerror', lambda e: page.complaints.append(str(e)))
        html = PAGE.replace('THEME', DARK if dark else '').replace('STYLE', str(widget._css))
        answers = {'/':('text/html', html), '/widget.js':('text/javascript', str(widget._esm)),
            '/state.json':('application/json', state_of(widget)), '/favicon.ico':('image/x-icon', '')}
        def answer(route):
            kind,body = answers.get(route.request.url.removeprefix('http://panel.test'), (None, None))
            if kind: route.fulfill(content_type=kind, body=body)
            else: route.abort()   # which is an error in the console
        page.route(lambda url: url.startswith('http'), answer)
        page.goto('http://panel.test/')
        page.wait_for_function('window.ready', timeout=60_000)
        page.wait_for_timeout(200)
        assert page.evaluate('document.documentElement.scrollWidth<=innerWidth'), 'beyond the edge'
        assert not nameless(page, '#panel'), nameless(page, '#panel')
        return page
    yield open_page
    for page in pages:
        assert not page.complaints, page.complaints
        page.close()

def pixels(locator): return np.array(Image.open(io.BytesIO(locator.screenshot())).convert('RGB')).astype(float)

# ---- pictures

NAMES = 'Before','After','Photo','Clay','Map','Empty'

@pytest.fixture(scope='module')
def pictures():
    found = Pictures(*NAMES, wipe=('Before','After'))
    x = torch.linspace(0, 1, 64)
    checks = ((torch.arange(64)//8)[:,None]+(torch.arange(64)//8)[None])%2
    for n,rgb in dict(Before=(1.,0.,0.), After=(0.,0.,1.), Photo=(1.,1.,0.), Clay=(.4,.4,.4), Map=(0.,1.,0.)).items():
        found.show(n, (checks*.5+.25*x)[...,None].expand(64, 64, 1)*torch.tensor(rgb))
    return found

def frames(page): return page.locator('.ngf-picture:visible .ngf-frame')

@pytest.mark.parametrize('width,dark,columns', [(1280, False, 4), (1920, True, 4), (400, True, 1)])
def test_pictures_fill_the_width_and_empty_ones_take_no_room(pictures, show, shots, width, dark, columns):
    page = show(pictures.widget, width, dark)
    boxes = [f.bounding_box() for f in frames(page).all()]
    assert len(boxes)==4                                              # the wiped pair is one, the empty one none
    assert len({round(b['y']) for b in boxes})==-(-4//columns)
    assert sum(b['width'] for b in boxes[:columns])>.93*(width-16)
    page.screenshot(path=shots/f'pictures_{width}.png')

def test_a_click_enlarges_wheel_and_drag_move_all_alike(pictures, show, shots):
    page = show(pictures.widget)
    photo = page.get_by_role('button', name='Photo: enlarge')
    small = photo.bounding_box()['width']
    photo.click()
    large = page.get_by_role('button', name='Photo: smaller again')
    box = large.bounding_box()
    assert box['width']>1.8*small and frames(page).count()==1
    page.mouse.move(box['x']+.25*box['width'], box['y']+.25*box['height'])
    for _ in range(5): page.mouse.wheel(0, -100)
    transform = lambda name: page.evaluate(
        "n => document.querySelector(`img[alt='${n}']`).style.transform", name)
    page.wait_for_function("document.querySelector('img[alt=Photo]').style.transform.startsWith('scale(7')")
    at = transform('Photo')
    assert at==transform('Clay')==transform('Before')
    page.mouse.down()
    page.mouse.move(box['x']+.25*box['width']+60, box['y']+.25*box['height']+20, steps=3)
    page.mouse.up()
    assert transform('Photo')!=at and frames(page).count()==1          # a drag is no click
    page.screenshot(path=shots/'pictures_enlarged.png')
    page.keyboard.press('Escape')
    assert frames(page).count()==4 and transform('Map')==transform('Photo')
    page.get_by_role('button', name='Zoom: the whole pictures').click()
    assert transform('Photo').startswith('scale(1)')

def test_pictures_by_keyboard(pictures, show):
    page = show(pictures.widget)
    page.get_by_role('button', name='Clay: enlarge').focus()
    page.keyboard.press('Enter')
    assert frames(page).count()==1
    page.keyboard.press('+')
    page.keyboard.press('ArrowRight')
    scale = "document.querySelector('img[alt=Clay]').style.transform"
    assert page.evaluate(scale).startswith('scale(1.5) translate(-2')
    page.keyboard.press('0')
    assert page.evaluate(scale).startswith('scale(1)')
    page.keyboard.press('Escape')
    assert frames(page).count()==4
    page.get_by_role('slider', name='Before | After').focus()
    page.keyboard.press('Shift+ArrowRight')
    assert abs(page.evaluate("model.get('wipe_at')")-.6)<1e-6
    page.keyboard.press('End')
    assert page.evaluate("model.get('wipe_at')")==1 and frames(page).count()==4

def test_the_wipe_is_dragged_on_the_picture(pictures, show):
    page = show(pictures.widget)
    frame = page.get_by_role('button', name='Before | After: enlarge')
    box = frame.bounding_box()
    def red_and_blue(x): # at a share of the width
        part = pixels(frame)[:,round(x*box['width'])-8:round(x*box['width'])+8].mean((0, 1))
        return part[0]>2*part[2],part[2]>2*part[0]
    assert red_and_blue(.3)==(True, False) and red_and_blue(.7)==(False, True)
    page.mouse.move(box['x']+.5*box['width'], box['y']+.3*box['height'])
    page.mouse.down()
    page.mouse.move(box['x']+.85*box['width'], box['y']+.3*box['height'], steps=4)
    page.mouse.up()
    assert abs(page.evaluate("model.get('wipe_at')")-.85)<.02
    assert red_and_blue(.7)==(True, False) and red_and_blue(.95)==(False, True)
    assert frames(page).count()==4

def test_a_picture_that_comes_later_is_shown(pictures, show):
    page = show(pictures.widget)
    image = json.loads(state_of(pictures.widget))['picture4']
    page.evaluate("v => model.set('picture5', v)", image)
    page.wait_for_function("document.querySelectorAll('.ngf-picture:not([hidden])').length===5")
    page.evaluate("v => model.set('picture5', {base64: ''})", image)
    page.wait_for_function("document.querySelectorAll('.ngf-picture:not([hidden])').length===4")
    page.evaluate('close_panel()')
    page.evaluate("v => model.set('picture5', v)", image)
    assert frames(page).count()==4

# ---- expressions

@pytest.fixture(scope='module')
def expressions():
    from nextgenface_nb.config import Config
    from nextgenface_nb.evaluation.synthetic import synthetic_face
    from nextgenface_nb.facemodel.model import load_model
    from nextgenface_nb.output.viewer import FaceViewer
    from nextgenface_nb.pipeline import Pipeline
    from nextgenface_nb.widgets.expression import ExpressionPanel
    config = Config(device='cpu', texture_resolution=64, bands=3, environment_height=16, renderer='vertex')
    pipeline = Pipeline(load_model(), config)
    view = FaceViewer(pipeline, synthetic_face(pipeline, seed=3, size=64, samples=1).face)
    panel = ExpressionPanel(view)
    panel.fitted = panel.weights = {n:.1 if n=='mouthSmileLeft' else 0. for n in view.morph_names}
    return panel

def weights(page): return {n:v for n,v in page.evaluate("model.get('weights')").items() if v}

@pytest.mark.parametrize('width,dark', [(1280, False), (400, True)])
def test_expressions_fold_and_fit(expressions, show, shots, width, dark):
    page = show(expressions, width, dark)
    sliders = page.get_by_role('slider')
    assert sliders.count()==4 and page.locator('.ngf-expression').bounding_box()['height']<400
    for part in page.locator('summary').all()[:3]: part.click()
    assert sliders.count()==4+5+14+23
    page.screenshot(path=shots/f'expressions_{width}.png', full_page=True)
    assert page.evaluate('document.documentElement.scrollWidth<=innerWidth')

def test_a_slider_a_preset_and_back_to_the_fit(expressions, show):
    page = show(expressions)
    page.get_by_role('slider', name='jaw open').focus()
    for _ in range(3): page.keyboard.press('ArrowRight')
    assert weights(page)==dict(mouthSmileLeft=.1, jawOpen=.03)
    page.get_by_role('button', name='Expression: surprise').click()
    assert weights(page)['browInnerUp']==.8 and 'mouthSmileLeft' not in weights(page)
    assert page.locator('summary', has_text='Brows: 3 of 5').count()==1
    page.get_by_role('button', name='Expression: neutral').click()
    assert not weights(page)
    page.get_by_role('button', name='Expression: as fitted').click()
    assert weights(page)==dict(mouthSmileLeft=.1)

def test_both_sides_at_once(expressions, show):
    page = show(expressions)
    page.locator('summary', has_text='Mouth').click()
    count = page.get_by_role('slider').count()
    page.get_by_role('checkbox', name='symmetric').check()
    assert page.get_by_role('slider').count()<count and weights(page)==dict(mouthSmileLeft=.05, mouthSmileRight=.05)
    page.get_by_role('slider', name='mouth smile', exact=True).focus()
    page.keyboard.press('End')
    assert weights(page)==dict(mouthSmileLeft=1, mouthSmileRight=1)
    page.get_by_role('checkbox', name='symmetric').uncheck()
    page.get_by_role('slider', name='mouth smile left', exact=True).focus()
    page.keyboard.press('Home')
    assert weights(page)==dict(mouthSmileRight=1)

# ---- curves

@pytest.fixture(scope='module')
def curves():
    from types import SimpleNamespace
    from nextgenface_nb.widgets.curves import CurvesView
    found = CurvesView()
    losses = lambda k: {f'term_{n}':2.**-n*.97**k+.001*n for n in range(11)}|dict(total=3*.95**k+.1, nothing=0.)
    found.show([SimpleNamespace(step=k, losses=losses(k)) for k in range(1, 81)])
    return found

def drawn(page): return {p.get_attribute('data-name') for p in page.locator('.ngf-curves path').all()}

@pytest.mark.parametrize('width,dark', [(1280, False), (1920, True), (400, True)])
def test_curves_are_legible_at_any_width(curves, show, shots, width, dark):
    page = show(curves, width, dark)
    box = page.locator('.ngf-curves svg').bounding_box()
    assert box['width']>.95*(width-16) and 180<=box['height']<=340
    sizes = page.evaluate("[...document.querySelectorAll('.ngf-curves text')].map(t => t.getBoundingClientRect().height)")
    assert min(sizes)>11                                       # letters are no smaller on a phone
    assert len(drawn(page))==12                                # what is 0 throughout has no place on this scale
    page.screenshot(path=shots/f'curves_{width}.png')

def test_terms_are_clicked_off_and_the_scale_changes(curves, show):
    page = show(curves)
    page.get_by_role('button', name='term_0').click()
    assert 'term_0' not in drawn(page) and page.evaluate("model.get('hidden')")==['term_0']
    page.get_by_role('button', name='term_0').click()
    assert 'term_0' in drawn(page)
    page.get_by_role('button', name='Scale').click()
    assert 'nothing' in drawn(page) and page.get_by_role('button', name='Scale: linear').count()==1
    page.set_viewport_size(dict(width=500, height=800))
    page.wait_for_function("document.querySelector('.ngf-curves svg').viewBox.baseVal.width<500")

def test_values_at_a_step_by_pointer_and_by_keys(curves, show):
    page = show(curves)
    svg = page.locator('.ngf-curves svg')
    box = svg.bounding_box()
    page.mouse.move(box['x']+52+(box['width']-60)*39/79, box['y']+60)
    value = lambda name: float(page.get_by_role('button', name=name).locator('.ngf-value').inner_text())
    assert page.locator('[role=status]').inner_text()=='step 40'
    assert abs(value('total')-(3*.95**40+.1))<.01
    svg.focus()
    page.keyboard.press('Home')
    assert page.locator('[role=status]').inner_text()=='step 1' and abs(value('total')-2.95)<.01
    page.keyboard.press('ArrowRight')
    assert page.locator('[role=status]').inner_text()=='step 2' and 'total 2.81' in svg.get_attribute('aria-valuetext')
    page.keyboard.press('Escape')
    assert page.locator('[role=status]').inner_text()=='last step: 80'

def test_a_step_more_is_drawn(curves, show):
    page = show(curves)
    page.evaluate("""() => { const more = k => { const d = model.get(k), n = 80, f = new Float32Array(d.buffer), terms = f.length / n
      const g = new Float32Array(terms * 81); for (let t = 0; t < terms; t++) { for (let j = 0; j < n; j++) g[81 * t + j] = f[n * t + j]; g[81 * t + 80] = k === 'steps' ? 81 : .5 }
      return new DataView(g.buffer) }
      const steps = more('steps'), values = more('values'); model.set('steps', steps); model.set('values', values) }""")
    page.wait_for_function("document.querySelector('.ngf-curves [role=status]').textContent==='last step: 81'")
