"A lamp beside the head, from outside the package: it is rendered at every point, and a fit finds its place and its power"
import math
from dataclasses import dataclass, replace
import pytest, torch
import torch.nn.functional as F
from torch import Tensor
from nextgenface_nb import Config, LightError, Pipeline, check_light, load_face, register_light, save_face, Light
from nextgenface_nb.evaluation.synthetic import synthetic_face
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.harmonics import environment_directions, harmonics
from nextgenface_nb.light.environment import HarmonicLight
from nextgenface_nb.light.interface import LIGHTS, Movable
from nextgenface_nb.optim.light import LightProblem, fit_light
from nextgenface_nb.optim.shading import skin_pixels
from nextgenface_nb.optim.stages import make_stages
from nextgenface_nb.rendering.variant import use_variant

@register_light
@dataclass
class Lamp(Light):
    "A glowing ball with a soft rim, and the same light from everywhere."
    place:Tensor  # [3] mm from the middle of the head, axes of the viewer
    power:Tensor  # [3] irradiance of what faces it half a metre away
    around:Tensor # [3] radiance from everywhere
    kind = 'lamp_of_a_test'
    near = True
    RADIUS = 80. # mm

    @classmethod
    def start(cls, bands): return cls(torch.tensor([0., 150., 500.]), torch.ones(3), torch.full((3,), .3))

    def seen_from(self, points): # -> directions, concentration of the lobe, irradiance of what faces it
        way = self.place-points
        distance = way.norm(dim=-1, keepdim=True)
        return way/distance,(distance/self.RADIUS)**2,self.power*(500/distance)**2

    def radiance(self, points, directions):
        toward,sharp,arriving = self.seen_from(points)
        lobe = sharp/(2*math.pi)*torch.exp(sharp*((toward*directions).sum(-1, keepdim=True)-1))
        return lobe*arriving+self.around

    def environment(self, height=64): return self.radiance(torch.zeros(3), environment_directions(height))

    def harmonics_at(self, points, bands):
        "Of a lobe in closed form, to the second order of its width"
        toward,sharp,arriving = self.seen_from(points)
        band = torch.arange(bands).repeat_interleave(2*torch.arange(bands)+1)
        lobe = harmonics(toward, bands)*torch.exp(-band*(band+1)/2/sharp)
        even = torch.cat([torch.tensor([math.sqrt(4*math.pi)]), torch.zeros(bands**2-1)])
        return lobe[...,None]*arriving[:,None]+even[:,None]*self.around

    def turned(self, degrees):
        c,s = math.cos(math.radians(degrees)),math.sin(math.radians(degrees))
        return replace(self, place=torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]])@self.place)

    def scaled(self, factor): return replace(self, power=self.power*factor, around=self.around*factor)

    def units(self): return dict(place=100., power=.5, around=.2)

    def bounds(self): return dict(power=(0., None), around=(0., None))

#: The same, taken for light from far away
FAR = type('Far', (Lamp,), dict(near=False, kind='far_lamp_of_a_test', __module__=__name__))

TRUE = Lamp(torch.tensor([220., 120., 260.]), torch.tensor([1.2, 1., .8]), torch.tensor([.2, .25, .3]))
MODEL = toy_model(29, 21)
CONFIG = Config(device='cpu', texture_resolution=64, max_resolution=64, bands=5, environment_height=32, samples_train=4,
    samples_final=64, noise_final=0., displacement=0, light=Lamp.kind, deterministic=True)

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(MODEL, CONFIG)

@pytest.fixture(scope='module')
def truth(pipeline): return synthetic_face(pipeline, seed=1, size=64, light=TRUE, samples=64).face

def bare(truth, light):
    "The same face in another light"
    face = truth.copy()
    face.identity.diffuse = face.identity.specular = face.identity.roughness = None
    face.frames[0].light = light
    return face

def test_it_keeps_the_protocol():
    check_light(TRUE)
    check_light(Lamp.start(5))

@pytest.mark.parametrize('power', [1e-6, 1., 1e6])
def test_it_is_held_at_its_bounds_only_whatever_power_is_measured_in(power):
    "A step of a fixed size is lost beside a large number, and beyond the bound from a small one"
    lamp = Lamp(torch.tensor([0., 150., 500.]), torch.tensor([power, power, 0.]), torch.zeros(3))
    assert lamp.held(torch.ones(9)).tolist()==5*[False]+4*[True]
    assert not lamp.held(-torch.ones(9)).any() and not lamp.held(torch.zeros(9)).any()

def test_what_is_near_is_checked(monkeypatch):
    for name,method in (('environment', lambda self, height=64: 2*Lamp.environment(self, height)),
        ('harmonics_at', lambda self, points, bands: 2*Movable.harmonics_at(self, points, bands))):
        broken = type('Broken', (Lamp,), {name:method, 'kind':'broken_lamp', '__module__':__name__})
        monkeypatch.setitem(LIGHTS, broken.kind, broken)
        with pytest.raises(LightError, match='radiance|harmonics_at'): check_light(broken(*TRUE.tensors().values()))

def test_the_harmonics_that_nobody_wrote_are_those_that_somebody_wrote():
    "Sampled radiance and closed form, more points than are sampled together; and their Jacobian"
    points = 60*torch.randn(300, 3, generator=torch.Generator().manual_seed(0)).clamp(-1.5, 1.5)
    wide = replace(TRUE, place=torch.tensor([250., 100., 300.]))
    default = Movable.harmonics_at(wide, points, 4)
    assert (wide.harmonics_at(points, 4)-default).norm()<.02*default.norm()
    values,slopes = wide.linear_at(points[:5], 4)
    step = torch.zeros(9)
    step[:3] = 1.
    change = (replace(wide, place=wide.place+.5).harmonics_at(points[:5], 4)
        -replace(wide, place=wide.place-.5).harmonics_at(points[:5], 4))
    along = torch.stack([J@step[at] for at,J in slopes], -1)
    assert (along-change).norm()<.01*change.norm()

def test_rows_go_to_mitsuba_and_back():
    from nextgenface_nb.rendering.tracing import as_columns, as_rows
    use_variant('cpu', say=False)
    rows = torch.arange(12.).reshape(4, 3)
    assert torch.equal(as_rows(as_columns(rows)), rows)

def test_light_from_far_away_arrives_everywhere_alike():
    light = HarmonicLight.frontal(5)
    directions = environment_directions(32)
    for point in (torch.zeros(3), torch.tensor([90., -20., 40.])):
        assert (light.radiance(point, directions)-light.environment(32)).abs().max()<1e-4
    points = torch.randn(3, 3)
    torch.testing.assert_close(light.harmonics_at(points, 4), light.harmonics(4).expand(3, -1, -1))

def shaded(pipeline, face, light):
    "Colours of some pixels by precomputed transfer, and their weights"
    settings = make_stages(CONFIG)[1].light
    problem = LightProblem(pipeline, bare(face, light), settings, skin_pixels(pipeline, face, settings, 800))
    linear = problem._linear(0)
    return torch.stack([problem._colour(0, c, linear)[0] for c in range(3)], 1)

def test_ray_tracer_and_transfer_see_the_same_lamp(pipeline, truth):
    "The residuals of the photo: noise, bands and 8 bits; those of light from far away are many times as large"
    near,away = (shaded(pipeline, truth, light).abs().median() for light in (TRUE, FAR(*TRUE.tensors().values())))
    assert near<.015 and away>3*near, (near, away)

def test_a_picture_shows_where_it_is(pipeline, truth):
    "Nearer on one side, that side is brighter; passes and seeds agree"
    def sides(light):
        seen = pipeline.render(truth, 0, 32, final=True, light=light)
        half = seen.shape[1]//2
        return seen[:,half:,:3].sum()/seen[:,:half,:3].sum()
    close = replace(TRUE, place=.7*TRUE.place, around=torch.zeros(3))
    away = replace(TRUE, place=10*TRUE.place, around=torch.zeros(3))
    assert sides(close)>1.2*sides(away)
    a,b = (pipeline.render(truth, 0, 64, seed=s, final=True)[...,:3] for s in (1, 2))
    assert (a-b).norm()<.05*a.norm()

def fitted(pipeline, truth, start): # -> light, energies
    "Its light alone; the albedo is known"
    face,settings = bare(truth, start),make_stages(CONFIG)[1].light
    energies = [sum(e.values()) for e in fit_light(pipeline, face, replace(settings, rates=dict(light=1.)), 25)]
    return face.frames[0].light,energies

def test_a_fit_finds_place_and_power(pipeline, truth):
    "From a start that is 330 mm off; distance and power nearly trade places, what they make together is known better"
    found,energies = fitted(pipeline, truth, Lamp.start(5))
    true = TRUE.place.norm()
    cosine = F.cosine_similarity(found.place, TRUE.place, 0)
    assert energies[-1]<.1*energies[0]
    assert math.degrees(math.acos(min(1., float(cosine))))<4 and abs(found.place.norm()/true-1)<.2
    torch.testing.assert_close(found.power/found.place.norm()**2, TRUE.power/true**2, rtol=.1, atol=0)
    torch.testing.assert_close(found.around, TRUE.around, rtol=.1, atol=0)

def test_light_from_far_away_cannot_explain_it(pipeline, truth):
    "The same numbers, but the same light for all points: the photo is not explained"
    found,energies = fitted(pipeline, truth, FAR(*Lamp.start(5).tensors().values()))
    assert energies[-1]>2*fitted(pipeline, truth, TRUE)[1][-1]

def test_it_is_kept(truth, tmp_path):
    save_face(tmp_path/'face.npz', truth, MODEL)
    again = load_face(tmp_path/'face.npz', MODEL)[0].frames[0].light
    assert type(again) is Lamp and torch.equal(again.place, TRUE.place)
