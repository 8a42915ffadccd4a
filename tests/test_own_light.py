("A light from outside the package, in one class: fitted, saved, gone on with, shown. And what a light gets wrong is said "
 "in words.")
from __future__ import annotations
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
import math, sys
import pytest, torch
import torch.nn.functional as F
from torch import Tensor
from nextgenface_nb.config import Config
from nextgenface_nb.errors import CheckpointError, LightError
from nextgenface_nb.evaluation.synthetic import synthetic_face
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.harmonics import environment_directions
from nextgenface_nb.light import interface
from nextgenface_nb.light.environment import HarmonicLight
from nextgenface_nb.light.interface import LIGHTS, Light, check_light, register_light
from nextgenface_nb.optim import stages
from nextgenface_nb.optim.light import LightProblem, fit_light
from nextgenface_nb.optim.shading import skin_pixels
from nextgenface_nb.optim.stages import make_stages, run, start_light
from nextgenface_nb.output.checkpoint import load_face, save_face
from nextgenface_nb.output.export import save_coefficients, save_environment
from nextgenface_nb.pipeline import Pipeline

@register_light
@dataclass
class Sun(Light):
    "A von Mises-Fisher lobe, and the sky around it."
    direction:Tensor # [3] toward the sun, of any length
    sharpness:Tensor # [] concentration of the lobe
    colour:Tensor    # [3] irradiance of what faces the sun
    sky:Tensor       # [3] radiance from everywhere
    kind = 'sun_of_a_test'

    @classmethod
    def start(cls, bands): return cls(torch.tensor([0., .3, 1.]), torch.tensor(5.), torch.ones(3), torch.full((3,), .3))

    def environment(self, height=64):
        cosine = environment_directions(height)@F.normalize(self.direction, dim=0)
        lobe = self.sharpness/(2*math.pi)*torch.exp(self.sharpness*(cosine-1))
        return lobe[...,None]*self.colour+self.sky

    def turned(self, degrees):
        c,s = math.cos(math.radians(degrees)),math.sin(math.radians(degrees))
        return replace(self, direction=torch.tensor([[c,0,s],[0,1,0],[-s,0,c]])@self.direction)

    def scaled(self, factor): return replace(self, colour=self.colour*factor, sky=self.sky*factor)

    def units(self): return dict(direction=.3, sharpness=5., colour=.5, sky=.2)

    def bounds(self): return dict(sharpness=(1., 20.), colour=(0., None), sky=(0., None))

    def residuals(self, arriving=None):
        return dict(length=.1*(self.direction.norm()-1)[None], usual_sun=.02*(self.sharpness/8).log()[None])

TRUE = Sun(F.normalize(torch.tensor([.8, .5, 1.]), dim=0), torch.tensor(8.), torch.tensor([2., 1.7, 1.4]),
    torch.tensor([.2, .25, .35]))
MODEL = toy_model(29, 21)
SMALL = dict(device='cpu', renderer='vertex', texture_resolution=64, max_resolution=64, bands=5, environment_height=32,
    samples_train=1, samples_final=1, steps_shading=1, steps_photometric=1, steps_texture=4, steps_detail=0, displacement=0,
    deterministic=True)

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(MODEL, Config(**SMALL|dict(light=Sun.kind)))

@pytest.fixture(scope='module')
def truth(pipeline):
    "A face in the sun, in a photo with noise"
    face = synthetic_face(pipeline, seed=1, size=64, light=TRUE, samples=1).face
    photo = face.frames[0].photo
    noise = .01*torch.randn(photo.pixels.shape, generator=torch.Generator().manual_seed(0))
    face.frames[0].photo = replace(photo, pixels=(photo.pixels+noise).clamp(min=0))
    return face

@pytest.fixture(autouse=True)
def few_steps(monkeypatch): monkeypatch.setattr(stages, 'LIGHT_STEPS', (3, 2, 1))

def bare(truth, light=None):
    "The same face with no maps of its own, in another light"
    face = truth.copy()
    face.identity.diffuse = face.identity.specular = face.identity.roughness = None
    if light is not None: face.frames[0].light = light
    return face

def apart(light)->float: # degrees
    "The way from a sun to the true one"
    return math.degrees(math.acos(min(1., float(F.normalize(light.direction, dim=0)@TRUE.direction))))

def hue(colour): return colour/colour.sum()

# ---- it does what others rely on

def test_it_keeps_the_protocol():
    check_light(TRUE)
    check_light(Sun.start(9))

def test_the_derivatives_that_nobody_wrote_are_those_that_somebody_wrote():
    "Harmonics by their own Jacobian and by the default"
    light = HarmonicLight(torch.randn(25, 3, generator=torch.Generator().manual_seed(2))+torch.eye(25)[:,:1]*3)
    step = torch.randn(75, generator=torch.Generator().manual_seed(3))
    for own,default in ((light.linear(5), Light.linear(light, 5)), (light.linear(4), Light.linear(light, 4))):
        torch.testing.assert_close(own[0], default[0], atol=1e-5, rtol=1e-4)
        for (a,J),(b,D) in zip(own[1], default[1]): torch.testing.assert_close(J@step[a], D@step[b], atol=1e-4, rtol=1e-4)

WRONG = dict(
    negative=(dict(environment=lambda self, height=64: Sun.environment(self, height)-1), 'negative'),
    narrow=(dict(environment=lambda self, height=64: Sun.environment(self, height)[:,:height]), 'environment'),
    dim=(dict(scaled=lambda self, factor: self), 'scaled'),
    mirrored=(dict(turned=lambda self, degrees: Sun.turned(self, -degrees)), 'turned'),
    forgetful=(dict(arrays=lambda self: Sun.arrays(self)|dict(sky=0*self.sky.numpy())), 'another light'),
    unbounded=(dict(bounds=lambda self: dict(sharpness=(10., 20.))), 'bounds'),
    misnamed=(dict(units=lambda self: dict(size=1.)), 'no unknown'),
    crooked=(dict(linear=lambda self, bands: (self.harmonics(bands),
        [(a, -J) for a,J in Sun.linear(self, bands)[1]])), 'Jacobian of linear'),
    dear=(dict(priors=lambda self, arriving=None: {n:(r, 2*J) for n,(r,J) in Sun.priors(self, arriving).items()}), 'prior'))

@pytest.mark.parametrize('name', WRONG)
def test_a_broken_promise_is_said(monkeypatch, name):
    methods,words = WRONG[name]
    broken = type('Broken', (Sun,), dict(methods, kind='broken_in_a_test', __module__=__name__))
    monkeypatch.setitem(LIGHTS, broken.kind, broken)
    with pytest.raises(LightError, match=words): check_light(broken(*TRUE.tensors().values()))

@pytest.mark.parametrize('body, words', [
    (dict(kind='half', environment=lambda self: 0), 'has no scaled, turned'), (dict(Sun.__dict__, kind=''), 'kind is'),
    (dict(Sun.__dict__, kind='two words'), 'kind is'), (dict(Sun.__dict__, kind='map'), 'already')])
def test_what_is_no_light_is_not_registered(body, words):
    body = {k:v for k,v in body.items() if k not in ('__dict__', '__weakref__')}|dict(__qualname__='Other')
    with pytest.raises(LightError, match=words): register_light(dataclass(type('Other', (Light,), body)))

# ---- it is found

def test_a_sun_is_found_again_in_a_noisy_photo(pipeline, truth):
    "The albedo is known; how sharp a lamp is, a matte face hardly says, so it is only brought near to what is usual"
    face,settings = bare(truth, Sun.start(5)),make_stages(pipeline.config)[1].light
    start_light(pipeline, face)
    assert apart(face.frames[0].light)>30
    energies = [sum(e.values()) for e in fit_light(pipeline, face, replace(settings, rates=dict(light=1.)), 12)]
    assert all(b<=a for a,b in zip(energies, energies[1:])) and energies[-1]<.4*energies[0]
    found = face.frames[0].light
    assert apart(found)<2
    torch.testing.assert_close(hue(found.colour), hue(TRUE.colour), atol=.01, rtol=0)
    torch.testing.assert_close(hue(found.sky), hue(TRUE.sky), atol=.03, rtol=0)
    torch.testing.assert_close(found.colour+math.pi*found.sky, TRUE.colour+math.pi*TRUE.sky, rtol=.1, atol=0)
    assert abs(float(found.direction.norm())-1)<.1

def test_the_system_is_that_of_the_energy(pipeline, truth):
    "By differences, the light's own priors among it"
    face,settings = bare(truth, Sun.start(5)),make_stages(pipeline.config)[1].light
    face.frames[0].light = face.frames[0].light.scaled(1.5)
    problem = LightProblem(pipeline, face, settings, skin_pixels(pipeline, face, settings, 500))
    H,g,energy = problem.system()
    assert energy['light']>0 and problem.lights==len(TRUE.flat())==10
    x = torch.zeros_like(g)
    x[:10] = .003*torch.randn(10, generator=torch.Generator().manual_seed(1))
    sides = []
    for sign in (1, -2):
        problem.move(sign*x)
        sides.append(sum(problem.system()[2].values()))
    assert abs((sides[0]-sides[1])/2-2*float(g@x))<.02*2*float(g[:10].norm()*x.norm())

def test_two_photos_of_different_kinds_of_light_share_the_albedo(pipeline, truth):
    face,settings = bare(truth, Sun.start(5)),make_stages(pipeline.config)[1].light
    face.frames.append(replace(face.frames[0], light=HarmonicLight.start(5)))
    start_light(pipeline, face)
    for _ in fit_light(pipeline, face, settings, 8): pass
    lit = [f.light.harmonics(2)[:,1] for f in face.frames]
    assert apart(face.frames[0].light)<5
    assert F.cosine_similarity(lit[0], lit[1], 0)>.97

def test_it_stays_within_its_bounds_in_both_solvers(pipeline, truth, monkeypatch):
    "A sun that must be soft: the fit would have it sharper"
    monkeypatch.setattr(Sun, 'bounds', lambda self: dict(sharpness=(1., 2.), colour=(0., None), sky=(0., None)))
    face = bare(truth, replace(Sun.start(5), sharpness=torch.tensor(2.)))
    for stage in make_stages(pipeline.config)[1:]:
        for _ in run(stage, pipeline, face):
            light = face.frames[0].light
            assert 1<=light.sharpness<=2 and light.sky.min()>=0
    still = bare(truth, replace(Sun.start(5), sharpness=torch.tensor(2.)))
    for _ in fit_light(pipeline, still, make_stages(pipeline.config)[1].light, 12): pass
    assert float(still.frames[0].light.sharpness)==2 and apart(still.frames[0].light)<5 # the others go on

def test_stage_3_moves_it_and_counts_what_it_expects(pipeline, truth):
    "The term is on the curve; a rate of 0 holds it"
    found = {}
    for rate in (.15, 0.):
        face = bare(truth, replace(TRUE, sharpness=torch.tensor(3.)))
        stage = make_stages(replace(pipeline.config, rate_light=rate))[2]
        losses = [p.losses for p in run(stage, pipeline, face)]
        found[rate] = face.frames[0].light,losses[0].get('light', 0.)
    assert abs(found[.15][1]-(.02*math.log(3/8))**2)<1e-6
    assert float((found[.15][0].sharpness-3).abs())>.3 and apart(found[.15][0])>.1
    assert float(found[0.][0].sharpness)==3 and apart(found[0.][0])<.05

def test_a_light_of_which_nothing_is_unknown_only_becomes_brighter(pipeline, truth, monkeypatch):
    monkeypatch.setattr(Sun, 'unknowns', lambda self: {})
    face,settings = bare(truth, TRUE.scaled(3.)),make_stages(pipeline.config)[1].light
    for _ in fit_light(pipeline, face, replace(settings, rates=dict(light=1.)), 10): pass
    found = face.frames[0].light
    assert .9<float((found.colour/TRUE.colour).mean())<1.1
    torch.testing.assert_close(hue(found.sky), hue(TRUE.sky))
    assert torch.equal(found.sharpness, TRUE.sharpness) and torch.equal(found.direction, TRUE.direction)

# ---- it is kept

def test_it_is_saved_and_loaded(truth, tmp_path, monkeypatch):
    save_face(tmp_path/'face.npz', truth, MODEL)
    again = load_face(tmp_path/'face.npz', MODEL)[0].frames[0].light
    assert type(again) is Sun and all(torch.equal(v, again.tensors()[n]) for n,v in TRUE.tensors().items())
    monkeypatch.delitem(LIGHTS, Sun.kind)
    with pytest.raises(CheckpointError, match=r"(?s)face.npz: no kind of light is called 'sun_of_a_test'.*harmonic.*map.*Import"):
        load_face(tmp_path/'face.npz', MODEL)
    with pytest.raises(LightError, match='register_light'): save_face(tmp_path/'other.npz', truth, MODEL)
    assert not (tmp_path/'other.npz').exists()

@pytest.mark.parametrize('name, value', [('sky', torch.full((3,), math.nan)),
    ('colour', torch.ones(2)), ('direction', torch.ones(3, dtype=torch.float64))])
def test_a_damaged_one_is_refused(truth, tmp_path, name, value):
    face = bare(truth, replace(TRUE, **{name:value}))
    save_face(tmp_path/'face.npz', face, MODEL)
    with pytest.raises(CheckpointError, match='face.npz'): load_face(tmp_path/'face.npz', MODEL)

PACKAGE = '''
from dataclasses import dataclass
import torch
from nextgenface_nb.light.interface import Light, register_light

@register_light
@dataclass
class Even(Light):
    "The same from everywhere"
    colour: torch.Tensor
    kind = 'even_of_a_package'
    def environment(self, height=64): return self.colour.expand(height, 2*height, 3)
    def turned(self, degrees): return self
    def scaled(self, factor): return Even(self.colour*factor)
'''

def test_one_of_an_installed_package_is_found_by_its_entry_point(truth, tmp_path, monkeypatch):
    "As the commands need it, into which nobody imports anything"
    (tmp_path/'package_of_a_test.py').write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    import package_of_a_test
    save_face(tmp_path/'face.npz', bare(truth, package_of_a_test.Even(torch.tensor([1., 2., 3.]))), MODEL)
    monkeypatch.delitem(LIGHTS, 'even_of_a_package')
    monkeypatch.delitem(sys.modules, 'package_of_a_test')
    with pytest.raises(CheckpointError, match='even_of_a_package'): load_face(tmp_path/'face.npz', MODEL)
    entry = EntryPoint('even_of_a_package', 'package_of_a_test:Even', interface.GROUP)
    monkeypatch.setattr(interface, 'entry_points', lambda group: [entry] if group==interface.GROUP else [])
    found = load_face(tmp_path/'face.npz', MODEL)[0].frames[0].light
    assert torch.equal(found.colour, torch.tensor([1., 2., 3.]))
    del LIGHTS['even_of_a_package']

def test_a_fit_that_was_cut_off_goes_on_with_the_same_bits(pipeline, truth, tmp_path):
    "In the middle of stage 2 and of stage 3; the light is the one that the config asks for"
    from nextgenface_nb.resume import fit_resumable
    frame = truth.frames[0]
    def fit(name, stop):
        count = iter(range(10**6))
        def progress(_):
            if next(count)==stop: raise KeyboardInterrupt
        return fit_resumable([frame.photo], pipeline, tmp_path/name, landmarks=[frame.landmarks], progress=progress, every=0)
    whole = fit('whole.npz', -1).face
    assert type(whole.frames[0].light) is Sun
    for stop in (2, 8):
        with pytest.raises(KeyboardInterrupt): fit(f'{stop}.npz', stop)
        again = fit(f'{stop}.npz', -1).face.parameters()
        assert all(torch.equal(v, again[n]) for n,v in whole.parameters().items()), stop

# ---- it is shown

def test_it_is_turned_exported_and_drawn(pipeline, truth, tmp_path):
    import json
    face = truth.copy()
    (tmp_path/'env').mkdir()
    save_environment(tmp_path/'env', TRUE.environment(32), 0, True)
    save_coefficients(tmp_path, MODEL, face)
    told = json.loads((tmp_path/'coefficients.json').read_text())
    assert any((tmp_path/'env').iterdir()) and str(round(float(TRUE.sharpness))) in json.dumps(told)
    sides = [pipeline.render(face, 0, light=TRUE.turned(d))[...,:3] for d in (60., -120.)]
    half = sides[0].shape[1]//2
    assert sides[0][:,half:].mean()>sides[0][:,:half].mean() and sides[1][:,half:].mean()<sides[1][:,:half].mean()

def test_the_setting_names_it(truth):
    from nextgenface_nb.reconstruction import in_known_light, make_frame
    config,frame = Config(**SMALL|dict(light=Sun.kind)),truth.frames[0]
    made = make_frame(frame.photo, MODEL, config, frame.landmarks, crop=False)
    assert type(made.light) is Sun
    assert in_known_light(bare(truth, TRUE), config).frames[0].light is TRUE            # a fit that goes on keeps its own
    assert type(in_known_light(bare(truth, HarmonicLight.start(5)), config).frames[0].light) is Sun
