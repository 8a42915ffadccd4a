"The lens that is known, the camera that is found: from the photo's file to other programs, in pixels of the original"
import json, math, os, shutil, subprocess, sys
from dataclasses import replace
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image
from skips import node_modules
from nextgenface_nb import cli
from nextgenface_nb.config import Config
from nextgenface_nb.errors import CheckpointError, ConfigError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.camera import Camera, project, transform
from nextgenface_nb.imaging import load_photo
from nextgenface_nb.landmarks.detection import Landmarks
from nextgenface_nb.lens import exif_lens, focal_of_film, known_lens, read_exif
from nextgenface_nb.reconstruction import (exhaust, find_lens, in_known_camera, make_frame, mean_identity,
    reconstruct_steps)
from nextgenface_nb.face import Face
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.output.camera import camera_table, project_original, save_cameras
from nextgenface_nb.output.checkpoint import load_face, save_face
from nextgenface_nb.output.mesh import mesh_vertices, save_mesh
from nextgenface_nb.evaluation.synthetic import synthetic_face

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = dict(device='cpu', renderer='vertex', texture_resolution=64, max_resolution=64, bands=3,
    environment_height=16, samples_train=1, samples_final=1,
    steps_shading=1, steps_photometric=1, deterministic=True)

# ---- photos with a known camera

def stored(upright, orientation):
    "Pixels as a camera that was held otherwise stores them, with that orientation tag"
    turned = {1: lambda x: x, 2: lambda x: x[:, ::-1], 3: lambda x: x[::-1, ::-1], 4: lambda x: x[::-1],
        5: lambda x: x.swapaxes(0, 1), 6: lambda x: x[:, ::-1].swapaxes(0, 1),
        7: lambda x: x[::-1, ::-1].swapaxes(0, 1), 8: lambda x: x[::-1].swapaxes(0, 1)}
    return np.ascontiguousarray(turned[orientation](upright))

#: name -> width, height, orientation, principal point, where the face is in the picture (shares), distance (mm), focal length, ending
CASES = dict(
    plain=(640, 480, 1, (320., 240.), (.5, .5), 700., 900., 'png'),
    turned_left=(480, 640, 6, (240., 320.), (.45, .4), 700., 900., 'jpg'),
    turned_right=(480, 640, 8, (231.5, 330.25), (.45, .4), 600., 800., 'jpg'),
    upside_down=(640, 480, 3, (320., 240.), (.3, .6), 700., 900., 'png'),
    mirrored=(641, 479, 5, (300., 222.), (.5, .5), 700., 900., 'png'),
    shrunk=(4200, 900, 1, (2100., 450.), (.7, .5), 600., 1500., 'jpg'),
    shrunk_and_turned=(901, 8300, 6, (450.5, 4150.), (.5, .3), 500., 2600., 'jpg'),
    at_the_edge=(640, 480, 1, (320., 240.), (.06, .9), 600., 900., 'png'),
    off_centre=(800, 600, 1, (-120., 900.), (.5, .5), 800., 1200., 'png'),
    wide_angle=(640, 640, 1, (320., 320.), (.5, .5), 300., 300., 'png'),
    tele=(640, 360, 1, (320., 180.), (.5, .5), 6000., 12000., 'png'))

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(toy_model(), Config(**SETTINGS))

@pytest.fixture(scope='module', params=CASES)
def scene(request, pipeline, tmp_path_factory):
    ("A face of the model before a known camera: its frame, made from the file as the command does, the true pixels of "
     "its vertices, and a folder with mesh and cameras")
    width,height,orientation,principal,place,distance,focal,ending = CASES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    camera = Camera(torch.tensor(focal, dtype=torch.float64), torch.tensor(principal, dtype=torch.float64), width,
        height)
    middle = torch.tensor([place[0]*width-principal[0], principal[1]-place[1]*height],
        dtype=torch.float64)*distance/focal
    rotation,translation = torch.tensor([.1, -.35, .2]),torch.tensor([*middle.tolist(), -distance], dtype=torch.float64)
    face = Face(mean_identity(pipeline.model), [])
    vertices = pipeline.person(face).double()
    seen = project(transform(vertices, rotation.double(), translation), camera)
    pixels = np.full((height, width, 3), 60, np.uint8)
    dot = min(width-20, 400),min(height-20, 300)                                           # of 8 x 8 pixels, somewhere
    pixels[dot[1]:dot[1]+8, dot[0]:dot[0]+8] = 255
    image = Image.fromarray(stored(pixels, orientation))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(folder/f'me.{ending}', exif=exif, **(dict(quality=95) if ending=='jpg' else {}))
    photo = load_photo(folder/f'me.{ending}')
    embedding = pipeline.model.embeddings['mediapipe']
    points = embedding.points(seen, pipeline.model.triangles)
    marks = Landmarks(photo.from_original(points).float(), embedding.ids, torch.ones(len(points)), 'mediapipe',
        offset=photo.offset, scale=photo.scale)
    fx,fy,cx,cy = focal,focal,principal[0]-.5,principal[1]-.5                             # as OpenCV counts
    config = replace(pipeline.config, focal=f'{fx},{fy},{cx},{cy}')
    frame = make_frame(photo, pipeline.model, config, marks)
    estimated = frame.rotation,frame.translation
    frame.rotation,frame.translation = rotation,translation.float()
    face.frames.append(frame)
    save_mesh(folder, pipeline, face)
    save_cameras(folder, face)
    return dict(name=request.param, face=face, photo=photo, seen=seen.numpy(), dot=dot, folder=folder,
        size=(width, height), estimated=estimated,
        words=json.loads((folder/'camera.json').read_text())['photos'][0],
        obj=np.array([line.split()[1:4] for line in open(folder/'mesh0.obj') if line.startswith('v ')], dtype=float))

def test_the_file_is_of_the_original(scene):
    words,frame = scene['words'],scene['face'].frames[0]
    assert (words['width'], words['height'])==scene['size'] and frame.focal_fixed
    assert words['focal_length_px']==pytest.approx(CASES[scene['name']][6], rel=1e-6)
    np.testing.assert_allclose(words['principal_point_px'], CASES[scene['name']][3], atol=.01)

def test_pixels_of_the_crop_are_those_of_the_original(scene):
    "A square of light lies in the crop where the file has it"
    photo,(x,y) = scene['photo'],scene['dot']
    bright = (photo.pixels[...,0]>.3).nonzero()[:,[1,0]].double()+.5
    np.testing.assert_allclose(photo.to_original(bright.mean(0)), [x+4, y+4], atol=.5)
    corner = photo.from_original(torch.tensor([x+4., y+4.]))
    side = 48
    crop = photo.crop(float(corner[0])-side/2-3.25, float(corner[1])-side/2+5.5, side, 64)
    light = crop.pixels[...,0]-crop.pixels[...,0].median()
    light = torch.where(light>.1, light, 0.)
    grid = torch.arange(64)+.5
    centre = torch.stack([(light.sum(0)*grid).sum(), (light.sum(1)*grid).sum()])/light.sum()
    np.testing.assert_allclose(crop.to_original(centre), [x+4, y+4], atol=.25/photo.scale)

def test_the_pose_is_found_in_the_known_camera(scene):
    rotation,translation = scene['estimated']
    true = scene['face'].frames[0]
    assert (rotation-true.rotation).abs().max()<2e-3 and (translation
        -true.translation).norm()<2e-3*true.translation.norm()

def test_numpy_lands_where_the_lens_does(scene, pipeline):
    off = project_original(scene['words'], scene['obj'])-scene['seen']
    # the OBJ has four digits, poses are float32
    assert np.abs(off).max()<.02*max(1., CASES[scene['name']][6]/1500)
    metres = project_original(scene['words'], pipeline.person(scene['face']).numpy()/1000, 'm')
    np.testing.assert_allclose(metres, project_original(scene['words'], pipeline.person(scene['face']).numpy()),
        atol=1e-3)
    for space in ('viewer', 'camera'):
        words = camera_table(scene['face'], space)['photos'][0]
        assert np.abs(project_original(words, mesh_vertices(pipeline, scene['face'], 0, space))
            -scene['seen']).max()<.02*max(1., CASES[scene['name']][6]/1500)

def test_numpy_lands_where_the_renderer_draws(scene, pipeline):
    "What a ray through the middle of a pixel of the crop hits is projected onto the middle of that pixel"
    face = scene['face']
    frame = face.frames[0]
    triangle,weights = pipeline.renderer(frame).hits(pipeline.world_vertices(face), frame.camera)[:2]
    hit = triangle>=0
    points = (pipeline.person(face)[pipeline.model.triangles[triangle[hit]]]*weights[hit][...,None]).sum(1)
    column,row = torch.arange(frame.camera.width)+.5,torch.arange(frame.camera.height)+.5
    middle = torch.stack(torch.meshgrid(column, row, indexing='xy'), -1).reshape(-1, 2)[hit]
    assert hit.sum()>200
    seen = frame.photo.from_original(torch.tensor(project_original(scene['words'], points.numpy())))
    assert (seen-middle).abs().max()<.02

# ---- the page: its cells, run as they stand

def page_cells():
    notebook = json.loads((ROOT/'nbs'/'tutorials'/'85_camera.ipynb').read_text(encoding='utf-8'))
    return [''.join(c['source']) for c in notebook['cells'] if c['cell_type']=='code']

@pytest.fixture(scope='module')
def page(tmp_path_factory):
    "The functions of the page, and its scripts in a folder"
    names,folder = dict(np=np, json=json, subprocess=subprocess, Path=Path),tmp_path_factory.mktemp('page')
    import ast
    for cell in page_cells():
        if cell.startswith('%%writefile'):
            first,text = cell.split('\n', 1)
            (folder/first.split('/')[-1]).write_text(text)
        elif 'def ' in cell:
            for part in ast.parse(cell).body:
                if isinstance(part, ast.FunctionDef): exec(compile(ast.Module([part], []), 'page', 'exec'), names)
    return names,folder

def limit(scene): return .02*max(1., CASES[scene['name']][6]/1500)

def test_page_numpy(scene, page):
    assert np.abs(page[0]['project_numpy'](scene['words'], page[0]['read_vertices'](scene['folder']/'mesh0.obj'))
        -scene['seen']).max()<limit(scene)

def test_page_opencv(scene, page):
    pytest.importorskip('cv2')
    assert np.abs(page[0]['project_opencv'](scene['words'], scene['obj'])+.5-scene['seen']).max()<limit(scene)

def test_page_colmap(scene, page, tmp_path):
    page[0]['write_colmap']([scene['words']], tmp_path/'sparse')
    assert np.abs(page[0]['project_colmap'](tmp_path/'sparse', scene['obj'])-scene['seen']).max()<limit(scene)
    assert camera_table(Face(scene['face'].identity,
        [replace(scene['face'].frames[0], photo=replace(scene['photo'],
        path='a b\n c.jpg'))]))['photos'][0]['colmap']['images_txt']['mm'].endswith(' 1 a_b_c.jpg')
    # and we read what we write
    again = known_lens(str(tmp_path/'sparse'/'cameras.txt'), scene['words']['photo'], *scene['size'])
    assert again.focal==pytest.approx(scene['words']['focal_length_px']) and again.principal==pytest.approx(
        scene['words']['principal_point_px'])

COLMAP = '''
import json, sys, numpy as np, pycolmap
model = pycolmap.Reconstruction(); model.read_text(sys.argv[1])
image = next(iter(model.images.values()))
print(json.dumps([image.name, [list(image.project_point(p)) for p in np.load(sys.argv[2])]]))
'''

@pytest.mark.slow
def test_colmap_itself_reads_it(scene, page, tmp_path):
    "PYCOLMAP_PYTHON names a Python that has pycolmap"
    python = os.environ.get('PYCOLMAP_PYTHON')
    if not python: pytest.skip('PYCOLMAP_PYTHON is not set')
    page[0]['write_colmap']([scene['words']], tmp_path/'sparse')
    np.save(tmp_path/'points.npy', scene['obj'])
    done = subprocess.run([python, '-c', COLMAP, tmp_path/'sparse', tmp_path/'points.npy'], capture_output=True,
        text=True)
    name,seen = json.loads(done.stdout)
    assert name==scene['words']['photo'] and np.abs(np.array(seen)-scene['seen']).max()<limit(scene)

@pytest.fixture(scope='module')
def three():
    "A folder with three.js in it"
    return node_modules('three')

def test_page_three(scene, page, three, tmp_path):
    for name in ('camera.json', 'mesh0.obj'): shutil.copy(scene['folder']/name, tmp_path)
    shutil.copy(page[1]/'project_three.mjs', tmp_path)
    (tmp_path/'node_modules').symlink_to(three)
    for unit in ('mm', 'm'):
        assert np.abs(page[0]['project_three'](tmp_path, str(tmp_path/'mesh0.obj'), unit)
            -scene['seen']).max()<limit(scene)

@pytest.fixture(scope='module')
def blender(tmp_path_factory):
    ("A Python that has bpy: the one that BPY_PYTHON names, or a new environment (bpy is GPL and large, and no part of "
     "ours)")
    if named := os.environ.get('BPY_PYTHON'): return named
    if sys.version_info[:2]!=(3, 11):
        pytest.skip('bpy 4.2 is made for Python 3.11; BPY_PYTHON may name one that has it')
    folder = tmp_path_factory.mktemp('bpy')
    subprocess.run([sys.executable, '-m', 'venv', folder], check=True)
    if subprocess.run([folder/'bin'/'pip', 'install', '-q', 'bpy==4.2.0'], capture_output=True).returncode:
        pytest.skip('bpy cannot be installed here')
    return str(folder/'bin'/'python')

@pytest.mark.slow
def test_page_blender(scene, page, blender, pipeline, tmp_path):
    "Vertices of OBJ and GLB, and the silhouette that Blender draws, against ours"
    from nextgenface_nb.output.glb import save_glb
    for name in ('camera.json', 'mesh0.obj', 'material0.mtl'): shutil.copy(scene['folder']/name, tmp_path)
    shutil.copy(page[1]/'project_blender.py', tmp_path)
    small = max(scene['size'])<1000
    seen = page[0]['project_blender'](blender, tmp_path, str(tmp_path/'mesh0.obj'), 'mm',
        str(tmp_path/'silhouette.png') if small else None)
    assert np.abs(seen-scene['seen']).max()<.1
    if small:
        drawn = np.asarray(Image.open(tmp_path/'silhouette.png'))[...,3]>127
        w,h = scene['size']
        whole = replace(scene['face'].frames[0],
            camera=Camera(scene['words']['focal_length_px'], tuple(scene['words']['principal_point_px']), w, h))
        ours = pipeline.renderer(whole).hits(pipeline.world_vertices(Face(scene['face'].identity, [whole])),
            whole.camera)[0].reshape(h, w).numpy()>=0
        edge = (ours[:-1, 1:]!=ours[1:, 1:])|(ours[1:, :-1]!=ours[1:, 1:])
        # half a pixel along the outline
        assert (drawn!=ours).sum()<.5*edge.sum()
    save_glb(tmp_path/'face0.glb', pipeline, scene['face'])
    neutral = page[0]['project_blender'](blender, tmp_path, str(tmp_path/'face0.glb'), 'm')
    assert len(neutral)==len(scene['seen']) and np.abs(neutral-scene['seen']).max()<.1

# ---- what is known is kept

@pytest.fixture(scope='module')
def small(): return Pipeline(toy_model(29, 21), Config(**SETTINGS))

@pytest.fixture(scope='module')
def pictures(small):
    "Two photos of a toy head, whose lens is 288 pixels"
    truth = synthetic_face(small, seed=1, size=96, samples=1)
    other = synthetic_face(small, seed=1, size=96, samples=1, rotation=(0., -.3, 0.))
    return [truth.face.frames[0], other.face.frames[0]]

@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    from nextgenface_nb.optim import stages
    monkeypatch.setattr(stages, 'LIGHT_STEPS', (1, 1, 1))

def fitted(pictures, stages=('landmarks', 'photometric'), **settings):
    "Stages 1 and 2"
    frames = pictures if isinstance(pictures, list) else [pictures]
    config = Config(**SETTINGS|settings)
    return exhaust(reconstruct_steps([f.photo for f in frames], config, landmarks=[f.landmarks for f in frames],
        stages=list(stages), pipeline=Pipeline(toy_model(29, 21), config)))

@pytest.mark.parametrize('optimize', [True, False])
def test_a_known_lens_is_kept_through_all_stages(pictures, optimize):
    result = fitted(pictures[0], focal='250px', optimize_focal_length=optimize)
    frame = result.face.frames[0]
    assert float(frame.camera.focal)/frame.photo.scale==pytest.approx(250, rel=1e-7)
    assert frame.focal_fixed and 'given: 250 px' in camera_table(result.face)['photos'][0]['focal_length_from']
    free = fitted(pictures[0], ['landmarks'])
    assert abs(float(free.face.frames[0].camera.focal)/free.face.frames[0].photo.scale/250
        -1)>1e-3, 'the test would not see a lens that moves'

def test_the_ray_traced_steps_keep_it_too(pictures):
    from nextgenface_nb.optim.stages import FreeParameters
    config = Config(**SETTINGS)
    pipeline = Pipeline(toy_model(29, 21), config)
    frames = [make_frame(f.photo, pipeline.model, replace(config, focal=focal), f.landmarks)
        for f,focal in zip(pictures, ('250px', '~250px'))]
    free = FreeParameters(pipeline, Face(mean_identity(pipeline.model), frames), dict(focal=.01))
    assert list(free.free)==['frames.1.focal']

def test_several_photos_have_a_lens_each(pictures, tmp_path):
    named = [replace(f, photo=replace(f.photo, path=f'{tmp_path}/{name}.jpg')) for f,name in zip(pictures, 'ab')]
    (tmp_path/'lenses.json').write_text('{"a.jpg": "250px", "b.jpg": "~300px"}')
    result = fitted(named, focal=str(tmp_path/'lenses.json'), steps_photometric=0)
    a,b = (float(f.camera.focal)/f.photo.scale for f in result.face.frames)
    assert a==pytest.approx(250, rel=1e-7) and b!=300 and abs(math.log(b/300))<.15
    one = fitted(named, ['landmarks'], focal='270px')
    assert [float(f.camera.focal)/f.photo.scale for f in one.face.frames]==pytest.approx([270, 270], rel=1e-7)
    words = camera_table(one.face)['photos']
    assert [p['photo'] for p in words]==['a.jpg', 'b.jpg'] and [p['colmap']['cameras_txt'][0]
        for p in words]==['1', '2']

def test_it_survives_a_checkpoint_and_can_be_told_later(pictures, tmp_path, small):
    pipeline = small
    result = fitted(pictures[0], focal='250px')
    save_face(tmp_path/'a.npz', result.face, pipeline.model)
    face,_ = load_face(tmp_path/'a.npz', pipeline.model)
    frame = face.frames[0]
    assert frame.focal_fixed and frame.focal_source==result.face.frames[0].focal_source
    on = exhaust(reconstruct_steps(None, Config(**SETTINGS), start=face, pipeline=pipeline,
        stages=['landmarks', 'photometric']))
    assert float(on.face.frames[0].camera.focal)/frame.photo.scale==pytest.approx(250, rel=1e-7)
    before = pipeline.landmarks(face)
    told = in_known_camera(face, Config(**SETTINGS, focal='500,500,60,30'))
    assert float(told.frames[0].camera.focal)/frame.photo.scale==pytest.approx(500, rel=1e-6)
    np.testing.assert_allclose(camera_table(told)['photos'][0]['principal_point_px'], [60.5, 30.5], atol=1e-3)
    assert (pipeline.landmarks(told)-before).abs().max()<6, 'the face has left its place'
    about = json.loads(str(np.load(tmp_path/'a.npz')['json']))
    for key,value in dict(focal_known=float('nan'), focal_spread='x', focal_source=3).items():
        bad = json.loads(json.dumps(about))
        bad['frames'][0][key] = value
        arrays = dict(np.load(tmp_path/'a.npz'))
        arrays['json'] = np.array(json.dumps(bad))
        np.savez(tmp_path/'b.npz', **arrays)
        with pytest.raises(CheckpointError): load_face(tmp_path/'b.npz', pipeline.model)

def test_the_command_keeps_it_and_a_report_repeats_it(tmp_path, monkeypatch):
    from functools import lru_cache
    from nextgenface_nb import pipeline
    monkeypatch.setattr(pipeline, 'load_model', lru_cache(pipeline.load_model))
    flags = '--preset fast --skipStage2 --skipStage3 --set renderer=vertex --set samples_final=1 --set max_resolution=64 --set texture_resolution=64 --quiet'.split()
    assert cli.main([*flags, '--focal', '85mm', '--output', str(tmp_path/'one')])==0
    folder = tmp_path/'one'/'portrait.jpg'
    report = json.loads((folder/'report.json').read_text())
    words = json.loads((folder/'camera.json').read_text())['photos'][0]
    assert words['focal_length_px']==pytest.approx(focal_of_film(85, 512, 512),
        rel=1e-6) and words['focal_length_35mm']==pytest.approx(85, rel=1e-6)
    assert 'camera.json' in report['files'] and report['frames'][0]['focal_length_from']=='given: 85 mm (35 mm equivalent, by the diagonal)'
    assert cli.main([*flags, '--config', str(folder/'report.json'), '--output', str(tmp_path/'two')])==0
    assert (tmp_path/'two'/'portrait.jpg'/'camera.json').read_bytes()==(folder/'camera.json').read_bytes()
    checkpoint = str(folder/'checkpoints'/'stage1_output.npz')
    assert cli.main([*flags, '--checkpoint', checkpoint, '--focal', str(folder/'camera.json'), '--output',
        str(tmp_path/'three')])==0
    from nextgenface_nb import cli_export
    assert cli_export.main([str(folder), '--format', 'obj', '--space', 'viewer', '--quiet'])==0
    words = json.loads((folder/'export'/'camera.json').read_text())['photos'][0]
    obj = np.array([line.split()[1:4] for line in open(folder/'export'/'mesh0.obj') if line.startswith('v ')],
        dtype=float)
    seen = project_original(words, obj)
    own = np.array([line.split()[1:4] for line in open(folder/'mesh0.obj') if line.startswith('v ')], dtype=float)
    np.testing.assert_allclose(seen, project_original(json.loads((folder/'camera.json').read_text())['photos'][0], own),
        atol=.02)

# ---- EXIF

def photo_of(frame, exif, size=None):
    "The photo of a frame with what its file says"
    return replace(frame.photo, exif=exif, original_size=size or frame.photo.original_size)

def test_exif_is_a_prior_and_can_be_switched_off(pictures):
    film = 288/focal_of_film(1, 96, 96)
    exif = dict(film=film*1.25, sizes=[(96, 96)], doubtful={})
    with_it,without,off,own = (fitted(replace(pictures[0], photo=photo_of(pictures[0], e)), ['landmarks'],
        **s).face.frames[0]
        for e,s in ((exif, {}), (None, {}), (exif, dict(exif_focal=False)), (exif, dict(focal_length=300.))))
    assert 'EXIF' in with_it.focal_source and with_it.focal_spread>.05 and not with_it.focal_fixed
    assert with_it.camera.focal!=without.camera.focal
    known = with_it.focal_known
    assert abs(math.log(float(with_it.camera.focal)/known))<3*with_it.focal_spread and float(
        with_it.camera.focal)!=known
    for a,b in zip((without.camera.focal, without.rotation, without.translation, without.expression),
        (off.camera.focal, off.rotation, off.translation, off.expression)):
        assert torch.equal(a, b)
    # a start is a prior about itself, and nothing that the report calls known
    assert own.focal_known==pytest.approx(300) and own.focal_spread>.05 and own.focal_source==off.focal_source==''

@pytest.mark.parametrize('exif', [dict(film=1500., sizes=[(96, 96)]), dict(film=5., sizes=[(9600, 9600)]),
    dict(length=50., sizes=[]), dict(doubtful=dict(film='0.5'), sizes=[]), dict(zoom=2., sizes=[])])
def test_exif_that_cannot_be_is_left_out_and_said(pictures, exif):
    frame = replace(pictures[0], photo=photo_of(pictures[0], exif))
    lens = find_lens(frame, Config())
    if lens.focal:
        assert 2<lens.focal/30   # 5 mm is not impossible by itself
    else: assert lens.source.startswith('EXIF is not used: ')

@pytest.mark.filterwarnings('ignore')
def test_hostile_exif_never_stops_a_photo(tmp_path):
    from PIL import TiffImagePlugin
    rational = TiffImagePlugin.IFDRational
    values = [0, 1, 65535, (1, 2), 'x', b'\xff\xfe', rational(0, 0), rational(1, 0), rational(-5, 1),
        rational(2**32-1, 1), rational(1, 2**32-1)]
    image = Image.new('RGB', (64, 48), 'grey')
    tags = dict(film=0xA405, length=0x920A, x=0xA20E, unit=0xA210, zoom=0xA404, w=0xA002, h=0xA003)
    for name,tag in tags.items():
        for value in values:
            exif = image.getexif()
            ifd = exif.get_ifd(0x8769)
            ifd.clear()
            ifd[0xA405],ifd[0x920A] = 50,rational(50, 1)
            ifd[tag] = value
            try: image.save(tmp_path/'x.jpg', exif=exif)
            except Exception: continue                                                   # Pillow does not write it
            photo = load_photo(tmp_path/'x.jpg')
            lens = exif_lens(photo.exif, 64, 48)
            assert lens.focal==0 or 0<lens.focal<1e6 and 0<lens.spread<=.4
    good = (tmp_path/'x.jpg').read_bytes()
    start = good.index(b'Exif')
    chance = np.random.default_rng(0)
    for _ in range(200):
        data = bytearray(good)
        for at in chance.integers(start+6, start+140, 4): data[at] = chance.integers(256)
        (tmp_path/'y.jpg').write_bytes(data)
        try: image = Image.open(tmp_path/'y.jpg')
        except OSError: continue                                                         # no picture any more
        read_exif(image)

@pytest.mark.parametrize('ending', ['jpg', 'png', 'webp'])
@pytest.mark.parametrize('orientation', [1, 6])
def test_exif_of_every_kind_of_file(tmp_path, ending, orientation):
    image = Image.new('RGB', (90, 60), 'grey')
    exif = image.getexif()
    exif[0x0112] = orientation
    ifd = exif.get_ifd(0x8769)
    ifd[0xA405],ifd[0xA002],ifd[0xA003] = 85,90,60
    image.save(tmp_path/f'x.{ending}', exif=exif)
    photo = load_photo(tmp_path/f'x.{ending}')
    lens = exif_lens(photo.exif, *photo.original_size)
    assert lens.focal==pytest.approx(focal_of_film(85, 90, 60)) and lens.spread==.05

def test_a_sub_ifd_of_a_tiff(tmp_path):
    import struct
    image = Image.new('RGB', (90, 60), 'grey')
    image.save(tmp_path/'x.tif')
    data = bytearray((tmp_path/'x.tif').read_bytes())
    first = struct.unpack('<I', data[4:8])[0]
    count = struct.unpack('<H', data[first:first+2])[0]
    entries = bytes(data[first+2:first+2+12*count])
    own = len(data)
    sub = own+2+12*(count+1)+4
    ifd = (struct.pack('<H', count+1)
        +b''.join(sorted([entries[i:i+12] for i in range(0, 12*count, 12)]+[struct.pack('<HHII', 0x8769, 4, 1, sub)],
        key=lambda e: struct.unpack('<H', e[:2])))+bytes(4))
    inner = struct.pack('<H', 3)+struct.pack('<HHIHH', 0xA002, 3, 1, 90, 0)+struct.pack('<HHIHH', 0xA003, 3, 1, 60,
        0)+struct.pack('<HHIHH', 0xA405, 3, 1, 85, 0)+bytes(4)
    data[4:8] = struct.pack('<I', own)
    (tmp_path/'x.tif').write_bytes(bytes(data)+ifd+inner)
    photo = load_photo(tmp_path/'x.tif')
    assert photo.exif['film']==85 and exif_lens(photo.exif, 90, 60).focal==pytest.approx(focal_of_film(85, 90, 60))

# ---- cameras of others

def test_opencv_writes_what_we_read(tmp_path):
    cv2 = pytest.importorskip('cv2')
    K,bent = np.array([[2410., 0, 1999.5], [0, 2412., 1499.5], [0, 0, 1]]),np.array([[.1, -.02, 0, 0, 0]])
    for ending in ('yml', 'json'):
        file = cv2.FileStorage(str(tmp_path/f'K.{ending}'), cv2.FILE_STORAGE_WRITE)
        file.write('image_width', 4000)
        file.write('image_height', 3000)
        file.write('camera_matrix', K)
        file.write('distortion_coefficients', bent)
        file.release()
        lens = known_lens(str(tmp_path/f'K.{ending}'), 'me.jpg', 2000, 1500)
        assert lens.focal==pytest.approx(1205.5,
            rel=1e-6) and lens.principal==pytest.approx((1000, 750)) and 'distortion' in lens.source, ending
    np.savetxt(tmp_path/'K.txt', K)
    assert known_lens(str(tmp_path/'K.txt'), 'me.jpg', 4000, 3000).principal==(2000., 1500.)

def test_colmap_finds_the_camera_of_a_photo_by_its_name(tmp_path):
    (tmp_path/'cameras.txt').write_text(
        '# cameras\n1 SIMPLE_PINHOLE 640 480 500 320 240\n2 OPENCV 640 480 700 700 320 240 0 0 0 0\n')
    (tmp_path/'images.txt').write_text(
        '# images\n1 1 0 0 0 0 0 0 1 set/a b.jpg\n10 20 -1 30 40 7\n2 1 0 0 0 0 0 0 2 set/c.jpg\n\n')
    assert [known_lens(str(tmp_path/'cameras.txt'), name, 640, 480).focal
        for name in ('a b.jpg', 'c.jpg')]==pytest.approx([500, 700])
    with pytest.raises(ConfigError, match='none is that of d.jpg'):
        known_lens(str(tmp_path/'cameras.txt'), 'd.jpg', 640, 480)

BAD = {'number.json': '3', 'list.json': '[1, 2]', 'empty.json': '{}', 'words.json': '{"a.jpg": "wide"}',
    'nested.json': '{"K":'+'['*3000+']'*3000+'}', 'short.json': '{"K": [[1, 2], [3, 4]]}',
    'nan.json': '{"fx": NaN, "fy": 3, "cx": 1, "cy": 1}',
    'zero.json': '{"fx": 0, "fy": 0, "cx": 1, "cy": 1}', 'inf.json': '{"fx": 1e999, "fy": 1e999, "cx": 1, "cy": 1}',
    'skewed.json': '{"K": [[500, 30, 320], [0, 500, 240], [0, 0, 1]]}',
    'text.json': '{"fx": "a", "fy": "b", "cx": 1, "cy": 1}',
    'photos.json': '{"photos": [3]}', 'fisheye.txt': '1 OPENCV_FISHEYE 640 480 500 500 320 240 0 0 0 0',
    'cut.txt': '1 PINHOLE 640', 'binary.txt': '\0\1\2', 'nothing.txt': '', 'K.yml': 'K: '*30000}

@pytest.mark.parametrize('name', BAD)
def test_files_that_describe_no_camera(tmp_path, name):
    (tmp_path/name).write_text(BAD[name])
    with pytest.raises(ConfigError) as found: known_lens(str(tmp_path/name), 'me.jpg', 640, 480)
    assert name in found.value.what and found.value.advice

def test_lenses_that_cannot_be(tmp_path):
    (tmp_path/'large.json').write_bytes(b' '*1_000_001)
    for text in ('50', '50cm', '1e400px', '-50mm', '0px', '1,2', 'nowhere.json', str(tmp_path),
        str(tmp_path/'large.json'), '50px', '1e7px', '2400,2500,320,240', '2400,2400,1e9,0'):
        with pytest.raises(ConfigError): known_lens(text, 'me.jpg', 640, 4800)

def test_a_wrong_lens_ends_the_command_before_anything_is_loaded(tmp_path, capsys):
    for focal,words in (('50', 'mm or pixels'), ('nowhere.json', 'no such file'), ('3px,4', 'no focal length')):
        assert cli.main(['--focal', focal, '--output', str(tmp_path/'out')])==2
        assert words in capsys.readouterr().err and not (tmp_path/'out').exists()
    assert cli.main(['--focal', '50mm', '--set', 'focal_length=300', '--output', str(tmp_path/'out'), '--quiet',
        '--skipStage2', '--skipStage3'])==2
    assert 'Give one of them' in capsys.readouterr().err

def test_a_lens_in_the_home_of_nobody():
    from nextgenface_nb.errors import ConfigError
    from nextgenface_nb.lens import read_cameras
    with pytest.raises(ConfigError, match='no such file'): read_cameras('~nobody-of-that-name/lens.json')

@pytest.mark.parametrize('principal', [(39., 53.), (150., 20.), (100., 75.)])
def test_the_view_of_three_js_is_no_larger_than_symmetry_takes(principal):
    "On each axis the photo reaches one border of the whole view: a larger one costs its readers resolution"
    import numpy as np
    from nextgenface_nb.output.camera import three_words
    said = three_words(300., principal, (200, 150), np.eye(4), np.eye(4))
    *full,left,top,width,height = said['view_offset']
    for whole,start,size,middle in (full[0], left, width, principal[0]), (full[1], top, height, principal[1]):
        assert min(start, whole-start-size)==0 and start+middle==whole/2
    assert math.isclose(math.tan(math.radians(said['fov'])/2)*300, full[1]/2) and said['aspect']==full[0]/full[1]
