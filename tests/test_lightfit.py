"Light and albedo: the system says what the renderer shows, and finds what went in."
from dataclasses import replace
import pytest, torch
from nextgenface_nb.config import Config
from nextgenface_nb.optim.lightfit import LightProblem, fit_light, skin_pixels
from nextgenface_nb.optim.losses import perceptual
from nextgenface_nb.optim.pipeline import Pipeline
from nextgenface_nb.optim.stages import make_stages, run, start_light
from nextgenface_nb.synthetic import studio_light, synthetic_face

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(None, Config(texture_resolution=64, components=10, bands=5, relief=0))

@pytest.fixture(scope='module')
def truth(pipeline): return synthetic_face(pipeline, 3, light=studio_light(.6, bands=5), size=96, samples=64).face

@pytest.fixture(scope='module')
def stage(pipeline): return make_stages(pipeline.config)[1]

def bare(truth):
    face = truth.copy(); face.identity.diffuse = face.identity.specular = face.identity.roughness = None
    return face

def test_residuals_are_those_of_the_light_as_it_is_shown(pipeline, truth, stage):
    "A light with much below zero: the renderer shows none of that, nor must the residuals"
    face = bare(truth); light = face.frames[0].light
    light.coefficients = light.coefficients.clone(); light.coefficients[1:4] *= 4
    assert (light.environment(32)==0).float().mean()>.2
    problem = LightProblem(pipeline, face, stage, skin_pixels(pipeline, face, stage, 300)); p = problem.pixels[0]
    maps = p.maps(face.identity.albedo)
    shown = p.transfer.shade(p.transfer.lit(light.environment(32)), maps[:,:3], maps[:,3:], face.identity.base_roughness.expand(len(maps), 1))
    for c in range(3): torch.testing.assert_close(problem._colour(0, c)[0], perceptual(shown[:,c])-perceptual(p.target[:,c]), atol=2e-4, rtol=0)

def test_light_is_found_again_and_two_photos_share_the_albedo(pipeline, truth, stage):
    face = bare(truth); start_light(pipeline, face)
    face.frames.append(replace(face.frames[0], light=replace(face.frames[0].light)))
    known,pixels = face.identity.albedo.clone(),skin_pixels(pipeline, face, stage, 1500)
    face.identity.albedo = 0*known
    energies = [sum(e.values()) for e in fit_light(pipeline, face, stage, 8, pixels)]
    assert all(b<=a for a,b in zip(energies, energies[1:]))
    true = pixels[0].transfer.lit(truth.frames[0].light.environment(32))[0]
    for p,frame in zip(pixels, face.frames):
        found = p.transfer.lit(frame.light.environment(32))[0]; gain = (found*true).sum()/found.square().sum()
        if p is pixels[0]: assert float((gain*found-true).norm()/true.norm())<.15
    torch.testing.assert_close(face.frames[0].light.coefficients, face.frames[1].light.coefficients, atol=.15*float(face.frames[0].light.coefficients.norm()), rtol=0)

def test_dark_skin_in_bright_light_is_no_better_than_light_skin_in_dim_light(pipeline, truth, stage):
    "The priors of a light say nothing of how bright it is"
    face = bare(truth); problem = LightProblem(pipeline, face, stage, skin_pixels(pipeline, face, stage, 100)); light = face.frames[0].light.coefficients
    def energy(gain, names):
        face.frames[0].light.coefficients = gain*light
        return sum(float(stage.weights[n]*r.square().sum()) for n,(r,_) in problem._priors(0).items() if n in names)
    names = ['light_colour', 'light_smooth']
    assert energy(1., names)>0 and abs(energy(5., names)/energy(1., names)-1)<1e-4

def test_one_band_is_enough_for_a_fit(pipeline, truth):
    "Only ambient light: it used to fail where the light was started"
    config = Config(texture_resolution=64, components=10, bands=1, steps_shading=1, steps_texture=2)
    flat,face = Pipeline(pipeline.model, config),bare(truth)
    for stage in make_stages(config)[1:]:
        for progress in run(stage, flat, face): assert all(torch.isfinite(torch.tensor(v)) for v in progress.losses.values())
    assert face.frames[0].light.coefficients.shape==(1, 3)
