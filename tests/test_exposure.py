"A face is the same whether its photo is exposed for an eighth of the time or for eight times as long"
from dataclasses import replace
import pytest, torch
from nextgenface_nb.config import Config
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.evaluation.score import light_error
from nextgenface_nb.face import Face, Frame, Identity
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.light.environment import HarmonicLight
from nextgenface_nb.optim.landmarks import start_pose
from nextgenface_nb.optim.light import LightDescent
from nextgenface_nb.optim.stages import make_stages, run
from nextgenface_nb.optim.texture import TextureSolver
from nextgenface_nb.pipeline import Pipeline

CONFIG = Config(device='cpu', texture_resolution=64, max_resolution=96, steps_shading=3, steps_texture=40,
    environment_height=16, bands=5)

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(toy_model(), CONFIG)

@pytest.fixture(scope='module')
def seen(pipeline):
    return synthetic_face(pipeline, seed=2, light=studio_light(.6, bands=5), size=96, samples=64).face.frames[0]

def fitted(pipeline, seen, exposure):
    "All three stages on the same photo, brighter or darker; not clipped"
    config = pipeline.config
    photo = replace(seen.photo, pixels=exposure*seen.photo.pixels)
    frame = Frame(photo, seen.landmarks, seen.camera, torch.zeros(3), torch.tensor([0., 0, -600]),
        torch.zeros_like(seen.expression), HarmonicLight.frontal(config.bands))
    start_pose(pipeline.model, frame)
    m = pipeline.model
    face = Face(Identity(torch.zeros_like(m.prior.shape), torch.zeros_like(m.prior.albedo)), [frame])
    for stage in make_stages(config):
        for _ in run(stage, pipeline, face): pass
    return face

def check_same(pipeline, other, usual, exposure):
    "The same face, in as much more light"
    apart = lambda a,b: float((a-b).norm()/b.norm())
    moved = (pipeline.vertices(other)-pipeline.vertices(usual)).norm(dim=-1)
    assert float(moved.max())<.005, 'mm'
    for a,b in zip(pipeline.maps(other), pipeline.maps(usual)): assert apart(a, b)<.01
    light,true = other.frames[0].light.coefficients/exposure,usual.frames[0].light.coefficients
    assert apart(light, true)<.005

@pytest.fixture(scope='module')
def usual(pipeline, seen): return fitted(pipeline, seen, 1.)

@pytest.mark.parametrize('exposure', [1/8, 8.])
def test_a_face_is_the_same_at_any_exposure(pipeline, seen, usual, exposure):
    check_same(pipeline, fitted(pipeline, seen, exposure), usual, exposure)

# ---- light in any unit, as floats have it

SMALL = replace(CONFIG, renderer='vertex', max_resolution=64, bands=3, samples_train=1, samples_final=1, steps_texture=10)

@pytest.fixture(scope='module')
def small(): return Pipeline(toy_model(29, 21), SMALL)

@pytest.fixture(scope='module')
def small_face(small):
    frame = synthetic_face(small, seed=2, light=studio_light(.6, bands=3), size=64, samples=1).face.frames[0]
    return frame,fitted(small, frame, 1.)

@pytest.mark.parametrize('power', [-10, 20])
def test_light_may_be_in_any_unit(small, small_face, power):
    "A power of two is rounded nowhere: what differs, a constant with a unit has done"
    frame,usual = small_face
    check_same(small, fitted(small, frame, 2.**power), usual, 2.**power)

# ---- the light of stage 3

def lost(pipeline, exposure):
    "Error of the light over nine bands after stage 3, which starts at the truth"
    true = synthetic_face(pipeline, seed=2, light=studio_light(.6).scaled(exposure), size=96, samples=64).face
    solver = TextureSolver(pipeline, true.copy(), replace(make_stages(CONFIG)[2], steps=60))
    for step in range(60): solver.step(step)
    return light_error(solver.face.frames[0].light.environment(64), true.frames[0].light.environment(64), 9)

@pytest.mark.parametrize('exposure', [1., .08])
def test_light_that_no_pixel_sees_stays(pipeline, exposure): assert lost(pipeline, exposure)<.06

def test_adam_would_lose_it(pipeline, monkeypatch):
    "What a second moment for each number costs: the test above is able to fail"
    monkeypatch.setattr(LightDescent, '_direction', lambda self,name,gradient: gradient.sign())
    assert lost(pipeline, 1.)>.1
