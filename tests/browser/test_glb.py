"The GLB in three.js: it loads, its expressions move, and under our light it looks as we draw it"
import io, math

import numpy as np, pytest, torch
from PIL import Image
from skips import node_modules
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import portrait_path, to_bytes
from nextgenface_nb.reconstruction import reconstruct
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.output.export import export_face
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face

SIZE = 256
PAGE = '''<!doctype html><title>glb</title><style>body{margin:0}</style><script type="importmap">{"imports": {"three": "/three/build/three.module.js", "three/addons/": "/three/examples/jsm/"}}</script>
<script type="module">
import * as THREE from 'three'
import {GLTFLoader} from 'three/addons/loaders/GLTFLoader.js'
import {EXRLoader} from 'three/addons/loaders/EXRLoader.js'
window.gltf = await new GLTFLoader().loadAsync('/face0.glb')
const maps = {}
for (const [name, path] of [['ours', '/envMap_0.exr'], ['turned', '/for_three/envMap_0.exr']]) {
  maps[name] = await new EXRLoader().setDataType(THREE.FloatType).loadAsync(path)
  maps[name].mapping = THREE.EquirectangularReflectionMapping
}
const renderer = new THREE.WebGLRenderer({antialias: true, preserveDrawingBuffer: true})
renderer.setClearColor(0, 1); document.body.append(renderer.domElement)
// our environment map counts its angle from another side
window.draw = (number, weights, turn = -Math.PI/2, map = 'ours', turned = {}) => { // turned: name of a node -> [degrees about x, y]
  const scene = new THREE.Scene(); scene.add(gltf.scenes[number])
  scene.environment = maps[map]; scene.environmentRotation.y = turn
  let camera; const faces = []; scene.traverse(o => { camera ??= o.isCamera ? o : undefined; if (o.isMesh) faces.push(o) })
  const before = faces.map(f => [...f.morphTargetInfluences])
  for (const f of faces) for (const [name, value] of Object.entries(weights || {})) f.morphTargetInfluences[f.morphTargetDictionary[name]] = value
  const nodes = Object.entries(turned).map(([name, [x, y]]) => [scene.getObjectByName(name), x*Math.PI/180, y*Math.PI/180])
  for (const [node, x, y] of nodes) node.rotation.set(x, y, 0)
  scene.updateMatrixWorld(true)
  const [x0, y0, x1, y1] = camera.userData.crop, [w, h] = camera.userData.crop_size, full = [w/(x1-x0), h/(y1-y0)]
  renderer.setSize(w, h); camera.setViewOffset(...full, x0*full[0], y0*full[1], w, h); camera.updateProjectionMatrix()
  renderer.render(scene, camera); faces.forEach((f, k) => f.morphTargetInfluences.splice(0, before[k].length, ...before[k]))
  for (const [node] of nodes) node.rotation.set(0, 0, 0)
  return renderer.domElement.toDataURL('image/png')
}
window.ready = true
</script>'''

@pytest.fixture(scope='module')
def made(tmp_path_factory):
    "A toy face lit from the side, drawn by us, and its files"
    config = Config(device='cpu', texture_resolution=128, bands=5, environment_height=64, samples_final=128)
    truth = synthetic_face(Pipeline(toy_model(), config), seed=3, size=SIZE,
        light=studio_light(.8, ambient=.2, bands=5), samples=4)
    frame = truth.face.frames[0]
    # a crop: the camera's axis goes elsewhere
    frame.photo.original_size,frame.photo.offset = (640, 480),(150., 80.)
    frame.camera.principal = frame.photo.principal_point()
    frame.translation = frame.translation-torch.tensor([48/768*900., -32/768*900., 0.])
    folder = tmp_path_factory.mktemp('glb')
    export_face(truth.pipeline, truth.face, folder, ['glb', 'env'])
    export_face(truth.pipeline, truth.face, folder/'for_three', ['env'], env_for='three')
    return truth.pipeline.render(truth.face, 0, final=True), folder

@pytest.fixture(scope='module')
def portrait(tmp_path_factory):
    "The same of the bundled portrait: a real face, fitted as a plain run does it"
    config = Config(device='cpu')
    found = reconstruct(portrait_path(), config)
    folder = tmp_path_factory.mktemp('portrait')
    export_face(found.pipeline, found.face, folder, ['glb', 'env'], lashes=False)             # the ray tracer has none
    export_face(found.pipeline, found.face, folder/'for_three', ['env'], env_for='three')
    from nextgenface_nb.optim.texture import shut_mouth                                # as the neutral file has it
    return found.pipeline.render(found.face, 0, 1024, final=True, maps=shut_mouth(found.pipeline, found.face)), folder

@pytest.fixture
def page(browser, made): yield from opened(browser, made[1], SIZE)

@pytest.fixture
def portrait_page(browser, portrait): yield from opened(browser, portrait[1], len(portrait[0]))

def opened(browser, folder, size):
    "A page with the face0.glb and the envMap_0.exr of a folder"
    modules = node_modules('three')
    page = browser.new_page(viewport=dict(width=size, height=size))
    page.complaints,page.outside = [],[]
    page.on('console', lambda m: page.complaints.append(m.text) if m.type=='error'
        and 'favicon' not in m.location.get('url', '') else None)
    page.on('pageerror', lambda e: page.complaints.append(str(e)))
    def answer(route):
        path = route.request.url.removeprefix('http://glb.test/').split('?')[0]
        if not route.request.url.startswith(('http://glb.test/', 'blob:', 'data:')):
            page.outside.append(route.request.url)
            return route.abort()
        if not path: return route.fulfill(body=PAGE, content_type='text/html')
        file = modules/path if path.startswith('three/') else folder/path
        return route.fulfill(path=str(file), content_type='text/javascript' if path.endswith('.js')
            else 'application/octet-stream') if file.is_file() else route.fulfill(status=404)
    page.route('**/*', answer)
    page.goto('http://glb.test/')
    page.wait_for_function('window.ready', timeout=120_000)
    yield page
    assert not page.complaints and not page.outside, (page.complaints, page.outside)
    page.close()

def picture(page, *arguments):
    "What three.js draws, 8 bits in sRGB"
    import base64, json
    data = page.evaluate(f'draw({", ".join(json.dumps(a) for a in arguments)})')
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.split(',')[1]))).convert('RGB')).astype(float)

def compare(page, ours, path, name):
    "Our picture of a photo's scene and that of three.js, how far apart they are (dB), and where the face is"
    inside = (ours[..., 3]>.999).numpy()
    wanted = to_bytes(ours[..., :3]).astype(float)
    found = picture(page, 1)
    Image.fromarray(np.concatenate([wanted, found], 1).astype(np.uint8)).save(path)
    assert found.shape==wanted.shape
    value = 10*math.log10(255**2/((found-wanted)[inside]**2).mean())
    print(f'three.js and our ray tracer, {name}: PSNR {value:.1f} dB')
    return wanted, found, value, inside

def test_three_draws_what_we_draw(page, made, shots):
    wanted, found, value, inside = compare(page, made[0], shots/'glb.png', 'toy head')
    assert value>26
    # the outline lies where ours does
    assert ((found.sum(-1)>0)!=inside).mean()<.02
    wrong = [10*math.log10(255**2/((picture(page, 1, {}, turn)-wanted)[inside]**2).mean())
        for turn in (0, math.pi/2, math.pi)]
    assert max(wrong)<value-3, 'the light comes from where it should'
    assert np.abs(picture(page, 1, {}, 0, 'turned')
        -found).mean()<.5, 'a map that was turned for three.js needs no turning there'

@pytest.mark.slow
def test_expressions_move_in_three(page):
    assert page.evaluate('gltf.scenes.length')==2 and page.evaluate('gltf.animations.map(a => a.name)')==['photo 0']
    straight, opened = picture(page, 0), picture(page, 0, dict(jawOpen=1.))
    changed = np.abs(opened-straight).sum(-1)>12
    rows = np.flatnonzero(changed.any(1))
    face = np.flatnonzero((straight.sum(-1)>0).any(1))
    assert changed.mean()>.01 and rows.min()>face.min()+.4*np.ptp(face)                  # the lower part of the face

@pytest.mark.slow
def test_three_draws_the_portrait_as_we_do(portrait_page, portrait, shots):
    wanted, found, value, inside = compare(portrait_page, portrait[0], shots/'portrait.png', 'bundled portrait')
    assert value>26
    straight, opened = picture(portrait_page, 0), picture(portrait_page, 0, dict(jawOpen=1.))
    Image.fromarray(np.concatenate([straight, opened], 1).astype(np.uint8)).save(shots/'portrait_jaw.png')
    white = lambda x: (x.min(-1)>225).mean()
    # no stretched teeth in the open mouth
    assert white(opened)<white(straight)+.002
