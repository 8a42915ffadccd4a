"Light and albedo: the system says what the renderer shows, and finds what went in."
from dataclasses import replace
import pytest, torch
from nextgenface_nb.config import Config
from nextgenface_nb.errors import PhotoError
from nextgenface_nb.facemodel.skin import typology_angle
from nextgenface_nb.geometry.harmonics import environment_directions, project_environment
from nextgenface_nb.optim.light import LightProblem, fit_light, tone_and_pattern
from nextgenface_nb.light.environment import MapLight
from nextgenface_nb.optim.losses import exposure_gain, perceptual
from nextgenface_nb.optim.shading import skin_pixels
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.optim.shading import eye_whites, region_weights
from nextgenface_nb.optim.stages import make_stages, run, start_light
from nextgenface_nb.optim.texture import texture_view
from nextgenface_nb.evaluation.synthetic import photograph, studio_light, synthetic_face

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(None, Config(texture_resolution=64, components=10, bands=5, displacement=0))

@pytest.fixture(scope='module')
def truth(pipeline): return synthetic_face(pipeline, 3, light=studio_light(.6, bands=5), size=96, samples=64).face

@pytest.fixture(scope='module')
def settings(pipeline): return make_stages(pipeline.config)[1].light

def bare(truth):
    face = truth.copy()
    face.identity.diffuse = face.identity.specular = face.identity.roughness = None
    return face

def test_residuals_are_those_of_the_light_as_it_is_shown(pipeline, truth, settings):
    "A light with much below zero: the renderer shows none of that, nor must the residuals"
    face = bare(truth)
    light = face.frames[0].light
    light.coefficients = light.coefficients.clone()
    light.coefficients[1:4] *= 4
    assert (light.environment(32)==0).float().mean()>.2
    problem = LightProblem(pipeline, face, settings, skin_pixels(pipeline, face, settings, 300))
    p = problem.pixels[0]
    maps = p.maps(face.identity.albedo)
    shown = p.transfer.shade(p.transfer.lit(light.environment(32)), maps[:,:3], maps[:,3:],
        face.identity.base_roughness.expand(len(maps), 1))
    gain = exposure_gain(face.frames[0])
    for c in range(3):
        wanted = perceptual(gain*shown[:,c])-perceptual(gain*p.target[:,c])
        torch.testing.assert_close(problem._colour(0, c, problem._linear(0))[0], wanted,
            atol=2e-4, rtol=0)

def test_light_is_found_again_and_two_photos_share_the_albedo(pipeline, truth, settings):
    face = bare(truth)
    start_light(pipeline, face)
    face.frames.append(replace(face.frames[0], light=replace(face.frames[0].light)))
    known,pixels = face.identity.albedo.clone(),skin_pixels(pipeline, face, settings, 1500)
    face.identity.albedo = 0*known
    energies = [sum(e.values()) for e in fit_light(pipeline, face, settings, 8, pixels)]
    assert all(b<=a for a,b in zip(energies, energies[1:]))
    true = pixels[0].transfer.lit(truth.frames[0].light.environment(32))[0]
    for p,frame in zip(pixels, face.frames):
        found = p.transfer.lit(frame.light.environment(32))[0]
        gain = (found*true).sum()/found.square().sum()
        if p is pixels[0]: assert float((gain*found-true).norm()/true.norm())<.15
    torch.testing.assert_close(face.frames[0].light.coefficients, face.frames[1].light.coefficients,
        atol=.15*float(face.frames[0].light.coefficients.norm()), rtol=0)

def test_a_step_that_makes_it_worse_is_taken_back_and_the_next_one_is_shorter(pipeline, truth, settings):
    face = bare(truth)
    problem = LightProblem(pipeline, face, settings, skin_pixels(pipeline, face, settings, 300))
    light,albedo = face.frames[0].light.flat().clone(),face.identity.albedo.clone()
    energy,damping = problem.system().energy,float(problem.damping)
    go = problem.move
    problem.move = lambda x: go(-x)
    assert sum(problem.step().values())==pytest.approx(energy)
    assert torch.equal(face.frames[0].light.flat(), light) and torch.equal(face.identity.albedo, albedo)
    assert float(problem.damping)==pytest.approx(10*damping)
    problem.move = go
    assert sum(problem.step().values())<energy and float(problem.damping)==pytest.approx(2*damping)

def test_dark_skin_in_bright_light_is_no_better_than_light_skin_in_dim_light(pipeline, truth, settings):
    "The priors of a light say nothing of how bright it is"
    face = bare(truth)
    problem = LightProblem(pipeline, face, settings, skin_pixels(pipeline, face, settings, 100))
    light = face.frames[0].light.coefficients
    def energy(gain, names):
        face.frames[0].light.coefficients = gain*light
        return sum(float(settings.weights[n]*r.square().sum()) for n,(r,_) in problem._priors(0).items() if n in names)
    names = ['light_colour', 'light_smooth']
    assert energy(1., names)>0 and abs(energy(5., names)/energy(1., names)-1)<1e-4

def test_a_pattern_of_the_same_contrast_costs_the_same_on_light_and_on_dark_skin(pipeline, truth, settings):
    ("A linear model pays less for the same contrast on dark skin; three photos of one person, which agree on its "
     "contrasts, made everybody nearly black for it")
    model = pipeline.model
    face = bare(truth)
    problem = LightProblem(pipeline, face, settings, skin_pixels(pipeline, face, settings, 100))
    skin = model.regions['face']*(1-model.regions['eyes'])*(1-model.regions['mouth'])>.5
    spread = model.albedo_slopes(0*face.identity.albedo)[1][:,skin,:3].std((1, 2))*problem.sigma
    assert all(torch.equal(a, b) for a,b in zip(tone_and_pattern(model), (problem.tone, problem.pattern)))
    lighter,k = int(problem.tone.abs().argmax()),int((spread*problem.pattern).argmax())
    def cost_and_contrast(tone):
        z = torch.zeros_like(problem.sigma)
        z[lighter] = tone*problem.tone[lighter].sign()
        plain = model.diffuse_albedo(z*problem.sigma)[skin]
        z[k] = .5*float(1+problem.tone@z.double())
        face.identity.albedo = z*problem.sigma
        contrast = (model.diffuse_albedo(z*problem.sigma)[skin]/plain-1).std()
        return float(problem.albedo_rows()[0][k]**2),float(contrast)
    assert k!=lighter and problem.pattern[k]>.9 and problem.tone.abs().max()>.1
    (light,on_light),(dark,on_dark) = cost_and_contrast(1.),cost_and_contrast(-1.)
    assert abs(on_dark/on_light-1)<.15 and abs(dark/light-1)<.15, (light, dark, on_light, on_dark)

def test_one_band_is_enough_for_a_fit(pipeline, truth):
    "Only ambient light: it used to fail where the light was started"
    config = Config(texture_resolution=64, components=10, bands=1, steps_shading=1, steps_texture=2)
    flat,face = Pipeline(pipeline.model, config),bare(truth)
    for stage in make_stages(config)[1:]:
        for progress in run(stage, flat, face):
            assert all(torch.isfinite(torch.tensor(v)) for v in progress.losses.values())
    assert face.frames[0].light.coefficients.shape==(1, 3)

def test_white_of_the_eye_counts_more_than_skin_and_the_iris_less(pipeline):
    model = pipeline.model
    weight,white = region_weights(pipeline, True),eye_whites(model)
    iris = (model.regions['eyes']>.99)&(white<.01)
    assert (white>.9).sum()>20 and iris.sum()>20
    assert weight[white>.9].min()>.85*pipeline.config.weight_eye_white and weight[iris].max()<.3 and weight[model.regions['eyes']==0].max()<=1
    blind = replace(model, regions=model.regions|dict(eyes=0*model.regions['eyes']))
    assert eye_whites(blind).abs().max()==0

def test_light_that_the_skin_does_not_see_is_free_to_have_any_colour(pipeline, truth, settings):
    "Asked of the mean over all directions, light from behind would make up for any cast on the face"
    face = bare(truth)
    problem = LightProblem(pipeline, face, settings, skin_pixels(pipeline, face, settings, 300))
    start = face.frames[0].light.coefficients
    def cast(z): # of a red lobe from the front (1) or from behind (-1)
        lobe = torch.exp(8*(environment_directions(32)@torch.tensor([0., 0., z])-1))[...,None]*torch.tensor([1., 0.,
            0.])*start[0].mean()
        face.frames[0].light.coefficients = start+project_environment(lobe, 5)
        return float(problem._priors(0)['light_colour'][0].square().sum())
    assert cast(1.)>30*cast(-1.)

def test_a_very_light_person_in_dim_light_with_stubble_is_not_taken_for_a_dark_one(pipeline):
    "What the model cannot express pulls the tone; the white of the eye holds it"
    def found(white):
        own = Pipeline(pipeline.model, Config(texture_resolution=128, components=10, bands=5, displacement=0,
            weight_eye_white=white, weight_albedo=.024))
        shot = synthetic_face(own, 3, light=studio_light(.5, bands=5), size=192, samples=32).face
        m,me = own.model,shot.identity
        me.albedo = torch.zeros_like(me.albedo)
        me.albedo[0] = 2*m.albedo_variance[0].sqrt()
        shot.frames[0].light.coefficients = .5*shot.frames[0].light.coefficients
        diffuse,me.specular,me.roughness = own.model_maps(me)
        me.diffuse = diffuse*(1-.5*own.texture_map.bake(m.regions['beard'][:,None]))
        face = bare(photograph(own, shot, 64).face)
        tone = lambda: float(typology_angle(
            m.diffuse_albedo(face.identity.albedo)[m.regions['face']>.5].mean(0).clamp(min=1e-3).numpy()))
        true = tone()
        face.identity.albedo = 0*face.identity.albedo
        start_light(own, face)
        for _ in fit_light(own, face, make_stages(own.config)[1].light, 12): pass
        return abs(tone()-true)
    with_white,without = found(8.),found(.2)
    assert with_white<without-.3, (with_white, without)

def test_stage_3_keeps_brightness_and_hue_of_what_falls_on_the_skin(pipeline, truth):
    view = texture_view(pipeline, bare(truth), 0, 64)
    light = truth.frames[0].light.environment(32)
    before = view.shading.irradiance.mean(0)
    factor = view.relight(light*torch.tensor([2., 1., .5]), view.shading.roughness)
    torch.testing.assert_close(view.shading.irradiance.mean(0), before)
    torch.testing.assert_close(factor, torch.tensor([.5, 1., 2.]), rtol=.02, atol=0)

def test_of_a_known_light_only_the_brightness_is_found(pipeline, truth, settings):
    ("A map that is three times too bright: the fit makes it darker, keeps its shape, and finds the hue of the skin, "
     "which it cannot in unknown light")
    face,true = bare(truth),truth.frames[0].light.environment(64)
    face.frames[0].light = MapLight(3*true)
    face.identity.albedo = 0*face.identity.albedo
    pixels = skin_pixels(pipeline, face, settings, 1500)
    problem = LightProblem(pipeline, face, settings, pixels)
    assert len(problem.free)==len(face.identity.albedo) and problem.brighter.shape[1]==1
    for _ in fit_light(pipeline, face, replace(settings, weights=settings.weights|dict(albedo=1e-4)), 10, pixels): pass
    found = face.frames[0].light.values
    torch.testing.assert_close(found/found.mean(), true/true.mean(), atol=1e-4, rtol=1e-4)
    assert .8<float(found.mean()/true.mean())<1.25
    held = bare(truth)
    held.frames[0].light = MapLight(true)
    for _ in fit_light(pipeline, held, replace(settings, rates=settings.rates|dict(light=0.)), 3, pixels): pass
    assert torch.equal(held.frames[0].light.values, true)

def test_all_stages_take_a_known_light_beside_an_unknown_one(pipeline, truth):
    config = Config(texture_resolution=64, components=10, bands=5, steps_shading=1, steps_texture=3, displacement=0)
    own,face = Pipeline(pipeline.model, config),bare(truth)
    true = face.frames[0].light.environment(64)
    face.frames.append(replace(face.frames[0], light=MapLight(2*true)))
    for stage in make_stages(config)[1:]:
        for progress in run(stage, own, face):
            assert all(torch.isfinite(torch.tensor(v)) for v in progress.losses.values())
    known = face.frames[1].light.values
    torch.testing.assert_close(known/known.mean(), true/true.mean(), atol=1e-4, rtol=1e-4)
    assert face.frames[0].light.coefficients.shape==(25, 3) and face.identity.diffuse is not None

def test_the_light_of_another_result_is_read_from_its_file(pipeline, truth, tmp_path):
    from nextgenface_nb.radiance import write_exr
    from nextgenface_nb.reconstruction import make_frame
    true = truth.frames[0].light.environment(64)
    write_exr(tmp_path/'environment.exr', true)
    frame = truth.frames[0]
    made = make_frame(frame.photo, pipeline.model, Config(light=str(tmp_path/'environment.exr')), frame.landmarks,
        crop=False)
    torch.testing.assert_close(made.light.environment(64), true, atol=.01, rtol=.01)
    with pytest.raises(PhotoError, match='no such file'):
        make_frame(frame.photo, pipeline.model, Config(light=str(tmp_path/'none.exr')), frame.landmarks, crop=False)

def test_a_known_light_starts_as_bright_as_the_photo_in_whatever_unit_it_comes(pipeline, truth):
    "Of a light from behind, which hardly reaches the face, not without end"
    true = truth.frames[0].light.environment(64)
    starts = []
    for unit in (1., 1e3):
        face = bare(truth)
        face.frames[0].light = MapLight(unit*true)
        start_light(pipeline, face)
        starts.append(face.frames[0].light.values)
    torch.testing.assert_close(*starts, rtol=1e-4, atol=1e-5)
    assert .4<float(starts[0].mean()/true.mean())<2.5
    face = bare(truth)
    face.frames[0].light = MapLight(true.roll(64, 1))
    start_light(pipeline, face)
    assert float(face.frames[0].light.values.mean()/true.mean())<10

def test_a_face_from_a_checkpoint_goes_on_in_the_light_of_the_config(pipeline, truth, tmp_path):
    from nextgenface_nb.radiance import write_exr
    from nextgenface_nb.reconstruction import in_known_light
    true = truth.frames[0].light.environment(64)
    write_exr(tmp_path/'light.exr', true)
    assert in_known_light(bare(truth), Config()).frames[0].light.coefficients.shape==(25, 3)
    torch.testing.assert_close(in_known_light(bare(truth),
        Config(light=str(tmp_path/'light.exr'))).frames[0].light.values, true, atol=.01, rtol=.01)
