("The forward way and the ways in: what each panel shows, which pixels are scored, what is handed on to the renderer, "
 "and what the interface of the original is asked for.")
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
import pytest, torch
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import portrait_path
from nextgenface_nb import reconstruction as optimizer
from nextgenface_nb.light.environment import MapLight
from nextgenface_nb.output.panels import result_panels
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.optim.stages import make_stages
from nextgenface_nb.rendering.renderer import Renderer
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face

SETTINGS = dict(device='cpu', texture_resolution=64, max_resolution=64, bands=3, environment_height=16,
    samples_final=16)
MAPS = dict(diffuse=.6, specular=.1, roughness=.3)

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(toy_model(29, 21), Config(**SETTINGS))

@pytest.fixture(scope='module')
def face(pipeline):
    "A face with maps of one value each"
    face = synthetic_face(pipeline, seed=1, size=64, light=studio_light(.6, bands=3), samples=4).face
    for name,value in MAPS.items(): setattr(face.identity, name, torch.full_like(getattr(face.identity, name), value))
    return face

def test_each_panel_shows_what_it_is_called(pipeline, face):
    panels = result_panels(pipeline, face)
    inside = pipeline.face_mask(face)
    for name,value in MAPS.items():
        torch.testing.assert_close(panels[name][inside], torch.full_like(panels[name][inside], value), atol=1e-4,
            rtol=0)
    assert panels['input'] is face.frames[0].photo.pixels
    outside = pipeline.render(face, 0, 16)[...,3]==0
    assert torch.equal(panels['overlay'][outside],
        panels['input'][outside]) and panels['reconstruction'][outside].max()==0
    assert (panels['overlay']-panels['reconstruction'])[inside].abs().mean()<1e-3
    dark = face.copy()
    dark.identity.diffuse = .3*dark.identity.diffuse
    others = result_panels(pipeline, dark)
    change = {n: float((others[n]-panels[n])[inside].abs().mean()/panels[n][inside].mean())
        for n in ('reconstruction', 'diffuse', 'light', 'clay')}
    assert min(change['reconstruction'], change['diffuse'])>.3 and max(change['light'], change['clay'])<.1, change
    turned = face.copy()
    turned.frames[0].light = studio_light(-.9, bands=3)
    change = {n: float((result_panels(pipeline, turned)[n]-panels[n])[inside].abs().mean()/panels[n][inside].mean())
        for n in ('light', 'clay')}
    assert change['light']>.15 and change['clay']<.1, change

def test_the_scored_region_is_the_face_without_its_mouth_and_without_its_edge(pipeline, face):
    model = pipeline.model
    place = model.shape_mean
    upper = (place[:,1]>0).float()
    mouth = upper*(place[:,0].abs()<15)
    own = Pipeline(replace(model, regions=model.regions|dict(face=upper, mouth=mouth)), pipeline.config)
    mask,seen = own.face_mask(face),own.flat(face, 0, torch.stack([upper, mouth], 1))
    assert mask.any() and seen[mask][:,0].min()>.5 and seen[mask][:,1].max()<.5 and seen[mask][:,2].min()>.999
    whole = own.face_mask(face)|(seen[...,1]>.5)
    # and nothing else is left out
    assert (whole|(seen[...,2]<.999)|(seen[...,0]<.6)|((seen[...,1]>.3)&(seen[...,1]<.7))).all()

def test_a_picture_is_asked_for_as_it_was_ordered(pipeline, face, monkeypatch):
    asked = []
    class Spy:
        def render(self, *arguments, **options): asked.append(('render', arguments, options))
        def render_converged(self, *arguments, **options): asked.append(('converged', arguments, options))
    own = Pipeline(pipeline.model, Config(**SETTINGS|dict(noise_final=.25)))
    monkeypatch.setattr(own, 'renderer', lambda frame,i=0: Spy())
    maps,light = tuple(torch.rand(2, 2, n) for n in (3, 3, 1)),MapLight(torch.rand(16, 32, 3))
    own.render(face, 0, 5, seed=7, silhouettes=True)
    own.render(face, maps=maps, light=light)
    own.render(face, 0, seed=3, final=True, progress=print)
    own.render(face, 0, 9, final=True)
    kinds,arguments,options = zip(*asked)
    assert kinds==('render', 'render', 'converged', 'converged')
    assert options[0]==dict(samples=5, seed=7, silhouettes=True) and options[1]==dict(samples=None, seed=0,
        silhouettes=False)
    assert options[2]==dict(samples=16, noise=.25, seed=3, progress=print) and options[3]==dict(samples=9, noise=0.,
        seed=0, progress=None)
    own_maps = tuple(getattr(face.identity, n) for n in MAPS)
    assert all(a is b for a,b in zip(arguments[0][2:5], own_maps)) and all(a is b
        for a,b in zip(arguments[1][2:5], maps))
    torch.testing.assert_close(arguments[0][5], face.frames[0].light.environment(16))
    assert arguments[1][5] is light.values and arguments[0][6] is face.frames[0].camera

def test_light_comes_by_way_of_the_face_where_that_is_asked_for():
    "In a bowl that faces the camera"
    t = torch.linspace(-.5, .5, 17)
    y,x = torch.meshgrid(-t, t, indexing='ij')
    index = torch.arange(17*17).reshape(17, 17)
    a,b,c,d = (index[i].reshape(-1) for i in ((slice(0, -1), slice(0, -1)), (slice(0, -1), slice(1, None)),
        (slice(1, None), slice(0, -1)), (slice(1, None), slice(1, None))))
    triangles,uvs = torch.cat([torch.stack([a, c, b], 1), torch.stack([b, c, d], 1)]),torch.stack([x+.5, y+.5],
        -1).reshape(-1, 2)
    bowl = torch.stack([200*x, 200*y, -500+300*(x**2+y**2)], -1).reshape(-1, 3)
    from nextgenface_nb.geometry.camera import Camera
    def brightness(depth):
        renderer = Renderer(triangles, uvs, 24, 24, 8, (8, 16), device='cpu', max_depth=depth)
        maps = [torch.full((8, 8, channels), value) for channels,value in ((3, .8), (3, 0.), (1, .5))]
        return float(renderer.render_converged(bowl, None, *maps, torch.ones(8, 16, 3), Camera.centred(24, 24, 60.),
            samples=64)[...,:3].mean())
    once,twice,often = (brightness(depth) for depth in (2, 3, 5))
    assert 1.02*once<twice and 1.002*twice<often

# ---- the interface of the original

@pytest.fixture
def runs(monkeypatch, tmp_path):
    "What a run is asked for: photos, stages, the face it starts from; and where its results go"
    asked = []
    def steps(photos, config, stages, start, pipeline):
        asked.append([[getattr(p, 'name', p) for p in photos], stages, start])
        return SimpleNamespace(save=lambda folder: asked[-1].append(folder.relative_to(tmp_path).as_posix()))
        yield
    monkeypatch.setattr(optimizer, 'reconstruct_steps', steps)
    monkeypatch.setattr(optimizer.Optimizer, '_load', lambda self, path: f'the face of {path}')
    (tmp_path/'people').mkdir()
    for name in ('anna.jpg', 'otto.jpg'): (tmp_path/'people'/name).write_bytes(Path(portrait_path()).read_bytes())
    interface = optimizer.Optimizer(tmp_path/'out', Config(renderer='vertex'))
    def run(*arguments, **options):
        asked.clear()
        interface.run(*arguments, **options)
        return asked
    return run

ALL = [s.name for s in make_stages(Config())]

def test_the_interface_of_the_original_does_what_it_is_told(runs, tmp_path):
    assert runs('me.jpg')==[[['me.jpg'], ALL, None, 'out']]
    assert runs('me.jpg', doStep1=False)==[[['me.jpg'], ALL[1:], None, 'out']]
    assert runs('me.jpg', doStep2=False)==[[['me.jpg'], [ALL[0], ALL[2]], None, 'out']]
    assert runs('me.jpg', doStep3=False)==[[['me.jpg'], ALL[:2], None, 'out']]
    assert runs('me.jpg', checkpoint='a.npz', doStep1=False)==[[['me.jpg'], ALL[1:], 'the face of a.npz', 'out']]
    people = str(tmp_path/'people')
    strangers = runs(people)
    assert [(photos, stages, start) for photos,stages,start,_ in strangers]==[(['anna.jpg'], ALL, None),
        (['otto.jpg'], ALL, None)]
    assert [where for *_,where in strangers]==['out/anna.jpg', 'out/otto.jpg']
    assert runs(people, sharedIdentity=True)==[[['anna.jpg', 'otto.jpg'], ALL, None, 'out']]
