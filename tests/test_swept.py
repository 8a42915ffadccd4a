"Faults that the sweep of mutants found and that no test had noticed (tools/sweep.py)"
import math, os
from types import SimpleNamespace
import numpy as np
import pytest
import torch
from test_rendered_values import CAMERA, DOME, FLAT, LIGHT, SIZE, TEXTURE, TRIANGLES, UVS
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.harmonics import environment_directions, environment_solid_angles
from nextgenface_nb.rendering.renderer import Renderer

def test_the_light_of_clay():
    "A grey of .6 sends back its share of .35 from everywhere, and .75 cos^2 of the angle to a lamp above on the left"
    renderer = Renderer(TRIANGLES, UVS, SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT), device='cpu', samples=64)
    directions,areas = environment_directions(64),environment_solid_angles(64)
    lamp = (directions@torch.tensor([-.3, .45, .84])).clamp(min=0)**2
    arriving = float(((.35+.75*lamp)*directions[...,2].clamp(min=0)*areas).sum()/torch.pi)
    seen = float(renderer.clay(FLAT, CAMERA, samples=64)[12:20,12:20,0].mean())
    assert .57*arriving < seen < .66*arriving, 'the rest is its gloss of .03'
    dome = renderer.clay(DOME, CAMERA, samples=64)[...,0]
    def near(row, column): return dome[row-1:row+2,column-1:column+2].mean()
    assert near(10, 16)>1.2*near(22, 16) and near(16, 10)>1.05*near(16, 22)

def test_an_old_checkpoint_of_several_photos():
    "Each has its own pose, camera and light; an expression that is there once belongs to all"
    from nextgenface_nb.output.legacy import legacy_face
    model,draw = toy_model(),np.random.default_rng(0)
    def numbers(*shape): return draw.normal(0, .1, shape).astype(np.float32)
    found = dict(vShapeCoeff=numbers(1, len(model.shape_basis)), vAlbedoCoeff=numbers(1, len(model.diffuse_basis)),
        vExpCoeff=numbers(1, len(model.expression_basis)), vRotation=numbers(3, 3), vTranslation=numbers(3, 3),
        vFocals=np.array([700, 800, 900], np.float32), vShCoeffs=numbers(3, 9, 3), screenWidth=32, screenHeight=24)
    frames = legacy_face(found, model).frames
    assert [float(f.camera.focal) for f in frames]==[700, 800, 900]
    for i,frame in enumerate(frames):
        np.testing.assert_allclose(frame.expression, found['vExpCoeff'][0])
        np.testing.assert_allclose(frame.translation, found['vTranslation'][i]*[1, -1, -1])
        assert i==0 or not torch.equal(frame.light.coefficients, frames[0].light.coefficients)
    several = dict(found, vExpCoeff=numbers(3, len(model.expression_basis)))
    for frame,expression in zip(legacy_face(several, model).frames, several['vExpCoeff']):
        np.testing.assert_allclose(frame.expression, expression)

def test_usdz_connects_every_map_by_its_own_kind():
    "Colours as three numbers in sRGB, roughness as one as it is, all at the texture coordinates"
    pytest.importorskip('pxr', reason="usd-core is not installed: pip install 'nextgenface_nb[usd]'")
    from pxr import Usd, UsdShade
    from nextgenface_nb.output.export import _usd_material
    stage = Usd.Stage.CreateInMemory()
    _usd_material(stage, '/head/skin')
    surface = UsdShade.Shader(stage.GetPrimAtPath('/head/skin/surface'))
    found = {}
    for slot in surface.GetInputs():
        if not slot.HasConnectedSource(): continue
        source,output,_ = slot.GetConnectedSource()
        texture = UsdShade.Shader(source.GetPrim())
        kind,space = texture.GetOutput(output).GetTypeName(),texture.GetInput('sourceColorSpace').Get()
        found[slot.GetBaseName()] = output,str(kind),space,texture.GetInput('file').Get().path
        reader,result,_ = texture.GetInput('st').GetConnectedSource()
        assert (reader.GetPath().name, result)==('uv', 'result')
    assert found==dict(
        diffuseColor=('rgb', 'float3', 'sRGB', './diffuseMap_0.png'),
        specularColor=('rgb', 'float3', 'sRGB', './specularMap_0.png'),
        roughness=('r', 'float', 'raw', './roughnessMap_0.png'))

def painted(upper, lower, size=96):
    "A frame of the mean face, with one colour above the brows and another one below"
    from nextgenface_nb.facemodel.model import load_model
    from nextgenface_nb.geometry.camera import Camera, project
    from nextgenface_nb.imaging import Photo
    from nextgenface_nb.landmarks.detection import Landmarks
    from nextgenface_nb.output.card import zones
    model = load_model()
    embedding = model.embeddings['mediapipe']
    places = embedding.points(model.shape_mean, model.triangles)+torch.tensor([0., 0., -600.])
    points = Landmarks(project(places, Camera.centred(size, size, 2.5*size)), embedding.ids)
    above = zones(points, (size, size))['upper'][...,None]
    photo = Photo(torch.where(above, torch.tensor(upper), torch.tensor(lower)))
    return SimpleNamespace(landmarks=points, photo=photo)

def test_what_a_photo_tells_is_what_was_painted():
    from nextgenface_nb.facemodel.model import load_model
    from nextgenface_nb.output.card import photo_signs
    from nextgenface_nb.optim.landmarks import unturned_eye_distance
    upper,lower = (.5, .3, .2),(.4, .35, .3)
    frame = painted(upper, lower)
    model = load_model()
    place = {int(i):n for n,i in enumerate(frame.landmarks.ids)}
    points = frame.landmarks.points
    unit = unturned_eye_distance(model, frame.landmarks)
    def put(a, b, apart): points[place[a]] = points[place[b]]-torch.tensor([0., float(apart)])
    put(159, 145, .3*(points[place[33]]-points[place[133]]).norm())
    put(386, 374, .1*(points[place[362]]-points[place[263]]).norm())
    put(13, 14, .4*unit)
    signs = photo_signs(frame, model)
    assert signs['red_over_green']==pytest.approx([.5/.3, .4/.35], rel=1e-3)
    assert signs['blue_over_green']==pytest.approx([.2/.3, .3/.35], rel=1e-3)
    logs = [[math.log(v+.004) for v in colour] for colour in (upper, lower)]
    ratios = [(r-g, b-g) for r,g,b in logs]
    assert signs['zones_colour']==pytest.approx(math.dist(*ratios), rel=1e-3)
    assert signs['zones_light']==pytest.approx((sum(logs[0])-sum(logs[1]))/3, rel=1e-3)
    assert signs['eyes_open']==pytest.approx(.2, rel=1e-3) and signs['mouth_open']==pytest.approx(.4, rel=1e-3)

def test_a_detached_camera_forgets_where_its_numbers_come_from():
    from nextgenface_nb.geometry.camera import Camera
    focal,principal = torch.tensor(900., requires_grad=True),torch.tensor([64., 48.], requires_grad=True)
    camera = Camera(focal*1, principal*1, 128, 96)
    alone = camera.detach()
    assert camera.focal.requires_grad and camera.principal.requires_grad
    assert not alone.focal.requires_grad and not alone.principal.requires_grad
    assert (float(alone.focal), alone.principal.tolist(), alone.width, alone.height)==(900, [64, 48], 128, 96)

def test_the_numbers_of_replay_are_numbers():
    from nextgenface_nb.cli_replay import make_replay_parser
    numbers = dict(photo=1, size=64, frames=8, fps=12.5, samples=2, yaw=30.5, pitch=-10.5, zoom=1.5)
    parser = make_replay_parser()
    args = parser.parse_args(['a.npz', *(word for name,value in numbers.items() for word in (f'--{name}', str(value)))])
    assert {name:getattr(args, name) for name in numbers}==numbers
    usual = parser.parse_args(['a.npz'])
    assert (usual.photo, usual.size, usual.frames, usual.fps)==(0, 256, 96, 24)
    assert (usual.zoom, usual.yaw, usual.pitch)==(1, 360, 0)

@pytest.mark.parametrize('rate,milliseconds', [(1, 1000), (3, 330), (12.5, 80), (25, 40), (120, 20)])
def test_a_gif_lasts_as_long_as_it_should(tmp_path, rate, milliseconds):
    "In hundredths of a second, and no faster than viewers take"
    from PIL import Image
    from nextgenface_nb.output.replay import write_film
    write_film(tmp_path/'a.gif', [np.full((16, 16, 3), k*40, np.uint8) for k in range(4)], rate)
    with Image.open(tmp_path/'a.gif', formats=('GIF',)) as film:
        assert film.n_frames==4 and film.info['loop']==0
        assert film.info['duration']==milliseconds
        for k in range(4):
            film.seek(k)
            assert abs(np.asarray(film.convert('RGB')).mean()-k*40)<2

@pytest.mark.parametrize('axis', [(-.6, -.1, .8), (.6, -.5, .6), (.9, .5, .2)])
def test_a_pose_is_found_from_a_start_that_looks_the_other_way(axis):
    "Where a step goes too far, smaller ones are tried"
    from nextgenface_nb.geometry.camera import _refine_pose, _turn
    draw = np.random.default_rng(0)
    points,translation = draw.uniform(-70, 70, (12, 3)),np.array([20., -10, -500])
    matrix = _turn(np.array([.2, .4, -.1]))
    world = points@matrix.T+translation
    start = _turn(2.2*np.array(axis)/np.linalg.norm(axis))@matrix
    found,_,loss = _refine_pose(points, -world[:,:2]/world[:,2:], np.ones(12), start, np.array([0., 0, -350]), 60)
    assert loss<1e-15
    np.testing.assert_allclose(found, matrix, atol=1e-6)

def test_a_caption_stands_in_the_middle_below():
    from nextgenface_nb.output.replay import draw
    size = 128
    pipeline = SimpleNamespace(render=lambda *_, **__: torch.zeros(size, size, 4))
    def picture(caption): return draw(pipeline, None, caption).astype(float).sum(-1)
    rows,columns = np.nonzero(np.abs(picture('jawOpen')-picture('')))
    assert len(rows)>20 and rows.min()>.8*size and rows.max()<size
    assert (columns.min()+columns.max()+1)/2==pytest.approx(size/2, abs=2)

def test_the_judge_of_gradients_shoots_the_rays_that_are_asked_for():
    "Half of them for each of two pictures with other noise"
    from nextgenface_nb.geometry.camera import Camera
    from nextgenface_nb.rendering.accuracy import gradient_agreement
    size,asked = 4,[]
    noise = torch.Generator().manual_seed(0)
    def shade(light, diffuse, specular, roughness): return diffuse+2*specular+3*roughness
    def render(vertices, normals, diffuse, specular, roughness, environment, camera, samples, seed):
        asked.append((samples, seed))
        scale = 1+.1*torch.randn(size**2, 1, generator=noise)
        found = scale*shade(None, *(m.reshape(size**2, -1) for m in (diffuse, specular, roughness)))
        return torch.cat([found, torch.ones(size**2, 1)], 1).reshape(size, size, 4)
    transfer = SimpleNamespace(
        camera=Camera.centred(size, size, 10.), pixels=torch.arange(size**2), vertices=None, normals=None,
        gather=lambda maps: maps.reshape(size**2, -1), lit=lambda environment: None, shade=shade,
        renderer=SimpleNamespace(render=render))
    maps = tuple(torch.full((size, size, channels), .5) for channels in (3, 3, 1))
    found = gradient_agreement(transfer, maps, None, samples=100)
    assert asked==[(50, 1), (50, 2)]
    assert all(plain>.98 and abs(without_noise-1)<.02 for plain,without_noise in found.values())

@pytest.mark.parametrize('angle', [.5, 2., 4.])
def test_visible_normals_turn_with_the_view(angle):
    "Their mean and their spread, about the normal of the surface; from straight above they are those of GGX"
    from nextgenface_nb.rendering.transfer import spread_points, visible_normals
    u,alpha = spread_points(16384)[:,None],.3
    def moments(view):
        h = visible_normals(u, view[:,None,None], alpha)[:,0]
        torch.testing.assert_close(h.norm(dim=0), torch.ones(h.shape[1]))
        return h.mean(1),h@h.T/h.shape[1]
    turn = torch.tensor([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    view = torch.tensor([.6, 0, .8])
    mean,spread = moments(view)
    turned,turned_spread = moments(turn@view)
    torch.testing.assert_close(turned, turn@mean, atol=3e-3, rtol=0)
    torch.testing.assert_close(turned_spread, turn@spread@turn.T, atol=3e-3, rtol=0)
    mean,_ = moments(torch.tensor([0., 0., 1.]))
    cosine = torch.linspace(0, 1, 20001)[1:].double()
    shares = 2*alpha**2*cosine/(cosine**2*(alpha**2-1)+1)**2 # of GGX, times the cosine: what is seen from above
    torch.testing.assert_close(mean, torch.tensor([0, 0, float((shares*cosine).sum()/shares.sum())]), atol=3e-3, rtol=0)

def test_only_the_texture_stage_adds_detail():
    from nextgenface_nb.config import Config
    from nextgenface_nb.optim.stages import make_stages
    stages = make_stages(Config(steps_detail=3))
    assert [getattr(s, 'detail', None) for s in stages]==[None, None, 3]

def test_figures_of_debugging_are_utf_8_on_every_system(tmp_path, monkeypatch):
    from nextgenface_nb.output import debug
    asked = []
    def opened(path, mode, **how):
        asked.append(how)
        return open(path, mode, **how)
    monkeypatch.setattr(debug, 'open', opened, raising=False)
    debug._append(tmp_path/'new'/'a.txt', 'Größe\n', True)
    debug._append(tmp_path/'new'/'a.txt', '1 µm\n')
    assert (tmp_path/'new'/'a.txt').read_text(encoding='utf-8')=='Größe\n1 µm\n'
    assert [how.get('encoding') for how in asked]==['utf-8']*2

def test_a_step_of_the_maps_moves_what_has_a_rate():
    "The first step of Adam is as long as the rate: together, as the layers are added up; the others stand still"
    from nextgenface_nb.optim.texture import PYRAMID, TextureParameters
    size,before = 16,(.5, .04, .5)
    maps = tuple(torch.full((size, size, channels), value) for channels,value in zip((3, 3, 1), before))
    pipeline = SimpleNamespace(maps=lambda face: maps)
    free = TextureParameters(pipeline, None, dict(diffuse=.01))
    free.maps[...,0].sum().backward()
    free.step(.5)
    moved = .5*.01*sum(PYRAMID[:2]) # of 16 and 8 texels
    diffuse,specular,roughness = free.result()
    torch.testing.assert_close(diffuse[...,0], torch.full((size, size), .5-moved), atol=1e-5, rtol=0)
    torch.testing.assert_close(diffuse[...,1:], maps[0][...,1:])
    torch.testing.assert_close(specular, maps[1])
    torch.testing.assert_close(roughness, maps[2])
    still = TextureParameters(pipeline, None, {})
    still.maps.sum().backward()
    still.step()
    for now,then in zip(still.result(), maps): torch.testing.assert_close(now, then)

def test_a_pose_is_guessed_from_a_view_from_far_away():
    "Rows of the rotation over the depth, and where the middle of the points is seen"
    from nextgenface_nb.geometry.camera import _complete, _turn
    matrix,middle,there,depth = _turn(np.array([.3, -.4, .2])),np.array([5., -3, 8]),np.array([40., -25]),700.
    found,translation = _complete(matrix[0]/depth, matrix[1]/depth, middle, there/depth)
    np.testing.assert_allclose(found, matrix, atol=1e-12)
    np.testing.assert_allclose(matrix@middle+translation, [*there, -depth], atol=1e-9)

@pytest.mark.parametrize('side,said', [(8, 1), (1, 0)])
def test_blocks_of_jpeg_are_said_and_nothing_else(side, said, monkeypatch):
    from nextgenface_nb.config import Config
    from nextgenface_nb.facemodel.model import load_model
    from nextgenface_nb.imaging import Photo
    from nextgenface_nb import reconstruction as optimizer
    notes = []
    monkeypatch.setattr(optimizer, 'note', notes.append)
    points = painted((.5, .3, .2), (.5, .3, .2)).landmarks
    tiles = torch.rand(96//side, 96//side, 3, generator=torch.Generator().manual_seed(0))
    photo = Photo(.1+.5*tiles.repeat_interleave(side, 0).repeat_interleave(side, 1))
    optimizer.make_frame(photo, load_model(), Config(max_resolution=64), points)
    assert len([n for n in notes if 'blocks of JPEG' in n])==said

@pytest.mark.skipif(os.name!='posix', reason='modes of files are those of POSIX')
def test_others_of_a_group_may_take_the_lock_too(tmp_path):
    from nextgenface_nb.files import _lock
    before = os.umask(0o022) # as is usual
    try:
        with _lock(tmp_path/'lock'): assert (tmp_path/'lock').stat().st_mode & 0o060==0o060
    finally: os.umask(before)

def test_the_grid_of_a_light_has_the_shape_that_is_said():
    from nextgenface_nb.light.environment import light_grid
    assert light_grid(3).shape==(512, 9)

def test_the_shadow_of_an_edge_falls_past_it():
    "A plate over a floor, light from above: beside each edge the floor is met"
    from nextgenface_nb.rendering.shadows import _shadow_rays
    square = torch.tensor([[-1., -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    vertices = torch.cat((200*square+torch.tensor([0., 0, -600]), 50*square+torch.tensor([0., 0, -560])))
    triangles = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    renderer = Renderer(triangles, torch.zeros(8, 2), SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT), device='cpu')
    renderer.scene.set_tensors(vertices=vertices)
    sides = torch.tensor([[1., 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]).repeat_interleave(2, 0)
    along = sides[:,[1,0,2]].abs()*torch.tensor([1., -1]).repeat(4)[:,None]
    points = 50*sides+7*along+torch.tensor([0., 0, -560])
    up = torch.tensor([[0., 0, 1]]).expand(8, 3)
    sign,receiver = _shadow_rays(renderer.scene, points, up, .6*sides+.8*along)
    assert sign.tolist()==[1]*8 and set(receiver.tolist())<={0, 1}

@pytest.mark.skipif(not os.path.exists('/proc/cpuinfo'), reason='needs /proc/cpuinfo')
def test_the_report_names_the_processor():
    import platform, psutil
    from nextgenface_nb.output.report import machine
    found = machine()
    with open('/proc/cpuinfo') as file: lines = [line for line in file if line.startswith('model name')]
    if lines: assert found['processor'] and lines[0].rstrip().endswith(': '+found['processor'])
    assert found['memory_gb']==pytest.approx(psutil.virtual_memory().total/2**30, abs=.1)
    assert found['cores']==len(psutil.Process().cpu_affinity()) and found['system'].startswith(platform.system())

def test_the_browser_gets_all_that_its_scripts_read():
    "Each trait of our own is synchronised, and stands in the script; of numbered ones the name without its number"
    anywidget = pytest.importorskip('anywidget')
    import nextgenface_nb.output.viewer, nextgenface_nb.widgets.dashboards, nextgenface_nb.widgets.light
    kinds = [kind for kind in anywidget.AnyWidget.__subclasses__() if kind.__module__.startswith('nextgenface_nb.')]
    ours = lambda kind: [k for k in kind.__mro__ if k.__module__.startswith('nextgenface_nb.')]
    own = {kind.__name__:{name:trait for k in ours(kind) for name,trait in k.class_own_traits().items()
        if not name.startswith('_')} for kind in kinds}
    assert len(own['FaceViewer'])>20 and len(own['LightBall'])>4 and len(own['LandmarkEditor'])>7
    for kind in kinds:
        lost = [name for name,trait in own[kind.__name__].items()
            if not trait.metadata.get('sync') or name.rstrip('0123456789') not in str(kind._esm)]
        assert not lost, kind

def test_contrast_of_parts_is_of_their_light_and_of_nothing_else():
    "Stripes of 4 % of the distance of the eyes: the same at any exposure; what is below 0 after resampling is black"
    from nextgenface_nb.output import card
    centres = dict(lips_outer=(64., 96.), left_eye=(96., 40.), right_eye=(32., 40.))
    corners = torch.tensor([[-12., -8], [12, -8], [12, 8], [-12, 8]])
    points = SimpleNamespace(group=lambda name: SimpleNamespace(points=corners+torch.tensor(centres[name])))
    stripes = .5+.3*torch.sin(2*torch.pi*torch.arange(128)/8)[None,:].expand(128, 128)
    stripes = torch.where(torch.arange(128)[:,None]>64, .5, stripes) # none at the mouth
    face = torch.ones(128, 128, dtype=torch.bool)
    def contrast(light): return card.part_contrast(light, points, face, 64.)
    plain = contrast(stripes)
    assert plain['mouth']<.02 and plain['left']==pytest.approx(plain['right'], rel=.02) and plain['left']>.15
    assert contrast(7*stripes)==pytest.approx(plain, rel=1e-3)
    assert contrast(torch.full((128, 128), .5))==pytest.approx(dict(mouth=0, left=0, right=0), abs=1e-5)
    below = stripes.clone()
    below[30:50:3,20:110:3] = -.2
    found = contrast(below)
    assert found==pytest.approx(contrast(below.clamp(min=0)), rel=.02) and math.isfinite(sum(found.values()))

def test_coefficients_to_compute_with_are_all_there(tmp_path):
    "Every parameter of the face but its maps, what scales them, and of which model they are"
    import json, sys
    from pathlib import Path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
    from fuzz import small_face
    from nextgenface_nb.output.export import coefficient_table, save_coefficients
    face,model = small_face()
    with torch.no_grad():
        for value in face.parameters().values(): value += .01
    save_coefficients(tmp_path, model, face)
    wanted = {k:v for k,v in face.parameters().items() if k not in ('diffuse', 'specular', 'roughness')}
    with np.load(tmp_path/'coefficients.npz', allow_pickle=False) as found:
        assert set(found.files)=={*wanted, 'expression_names', 'shape_variance', 'albedo_variance', 'model_fingerprint'}
        for name,value in wanted.items(): np.testing.assert_array_equal(found[name], value.detach())
        for name in ('shape_variance', 'albedo_variance'):
            np.testing.assert_array_equal(found[name], getattr(model, name))
        assert found['expression_names'].tolist()==list(model.expression_names)
        assert str(found['model_fingerprint'])==model.fingerprint
    assert json.loads((tmp_path/'coefficients.json').read_text(encoding='utf-8'))==coefficient_table(model, face)
