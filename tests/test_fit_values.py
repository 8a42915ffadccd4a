("A small head whose truth is known, photographed by ourselves: each stage must find its part again. tests/mutants.py "
 "breaks the stages.")
from dataclasses import replace
import pytest
import torch
from nextgenface_nb import metrics as measures
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import to_srgb
from nextgenface_nb.face import PROVENANCE, Face, Frame, Identity
from nextgenface_nb.light.environment import HarmonicLight
from nextgenface_nb.optim.landmarks import LandmarkProblem, LandmarkSettings, residual_rows
from nextgenface_nb.optim.light import LightProblem
from nextgenface_nb.optim.losses import Candidate, stage_terms, weighed
from nextgenface_nb.optim.shading import ShadingSolver, skin_pixels
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.optim.shading import frame_transfer
from nextgenface_nb.optim.stages import FreeParameters, fit_geometry, make_stages, run
from nextgenface_nb.optim.texture import CHANNELS, TexturePrior, texture_prior
from nextgenface_nb.evaluation.synthetic import photograph, rotation_error, studio_light, synthetic_face

CONFIG = Config(device='cpu', texture_resolution=64, bands=5, environment_height=32, samples_final=64)

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(toy_model(41, 29), CONFIG)

@pytest.fixture(scope='module')
def truth(pipeline): return synthetic_face(pipeline, seed=3, size=64, light=studio_light(.8, bands=5), samples=128)

def ignorant(truth, **known):
    "The same photo with nothing known but what is given: pose, light, ..."
    true = truth.face.frames[0]
    camera = replace(true.camera, focal=true.camera.focal*1.2)
    plain = HarmonicLight(torch.zeros(25, 3))
    plain.coefficients[0] = 3.5
    frame = dict(camera=camera, rotation=torch.zeros(3), translation=torch.tensor([0.,0,-600]),
        expression=torch.zeros_like(true.expression), light=plain)|known
    face = Face(Identity(torch.zeros_like(truth.face.identity.shape), torch.zeros_like(truth.face.identity.albedo)),
        [Frame(true.photo, true.landmarks,
        *(frame[k] for k in ('camera', 'rotation', 'translation', 'expression', 'light')))])
    return face

def last(steps):
    for progress in steps: pass
    return progress

def test_stage_1_finds_the_pose(pipeline, truth):
    face = ignorant(truth)
    last(run(make_stages(CONFIG)[0], pipeline, face))
    frame = face.frames[0]
    assert rotation_error(frame.rotation, truth.face.frames[0].rotation)<2.5
    assert measures.nme(pipeline.landmarks(face, 0), frame.landmarks)<.006
    bounds = pipeline.model.expression_bounds
    assert (frame.expression>=bounds[:,0]-1e-4).all() and (frame.expression<=bounds[:,1]+1e-4).all()

def test_light_transport_is_what_the_ray_tracer_sees(pipeline, truth):
    "Two ways to one picture"
    transfer,frame = frame_transfer(pipeline, truth.face, 0),truth.face.frames[0]
    diffuse,specular,roughness = pipeline.maps(truth.face)
    maps = diffuse,torch.full_like(specular, .15),torch.full_like(roughness, .4)
    seen = transfer.gather(torch.cat(maps, -1))
    picture = transfer.picture(transfer.shade(transfer.lit(frame.light.environment(32)), seen[:,:3], seen[:,3:6],
        seen[:,6:]))
    traced = pipeline.render(truth.face, 0, 256, final=True, maps=maps)
    inside = torch.zeros(64*64)
    inside[transfer.pixels] = 1
    inside = inside.reshape(64, 64)*(traced[...,3]>.999)
    assert inside.sum()>500 and measures.psnr(to_srgb(picture), to_srgb(traced[...,:3]), inside)>38

def textured(truth, weights, steps=30):
    "Stage 3 alone, with geometry and light as they are"
    face = Face(Identity(truth.face.identity.shape.clone(), torch.zeros_like(truth.face.identity.albedo)),
        [replace(truth.face.frames[0])])
    stage = make_stages(CONFIG)[2]
    progress = last(run(replace(stage, steps=steps) if weights is None
        else replace(stage, steps=steps, detail=0, weights={k: weights for k in stage.weights}), truth.pipeline, face))
    return face.identity,progress

def test_stage_3_explains_the_photo(pipeline, truth):
    identity,progress = textured(truth, None, steps=60)
    face = Face(identity, truth.face.frames)
    frame = truth.face.frames[0]
    fitted,mask = pipeline.render(face, 0, 256, final=True),pipeline.face_mask(face, 0)
    before = pipeline.render(Face(Identity(identity.shape, torch.zeros_like(identity.albedo)), truth.face.frames), 0,
        256, final=True)
    score = lambda image: measures.psnr(to_srgb(image[...,:3]), to_srgb(frame.photo.pixels), mask)
    # the mean skin is near already; a painted one is found in test_optim.py
    assert score(fitted)>max(40, score(before)+1)
    assert progress.losses['photo']<.02 and sum(v
        for k,v in progress.losses.items() if k!='total')==pytest.approx(progress.losses['total'], rel=1e-4)

def test_stage_3_heeds_what_is_known_about_maps(pipeline, truth):
    "With heavy weights the maps stay near the model's; with none they do not"
    reference = texture_prior(pipeline,
        Face(Identity(truth.face.identity.shape, torch.zeros_like(truth.face.identity.albedo)),
        truth.face.frames)).reference[...,:3]
    valid = pipeline.texture_map.valid
    away = lambda identity: float((identity.diffuse-reference)[valid].abs().mean())
    free,held = textured(truth, 0.)[0],textured(truth, 100.)[0]
    assert away(held)<.5*away(free)

def test_each_prior_of_a_map_counts():
    "Zero for the reference itself, and with its weight for an asymmetric, a shifted, a rough map"
    size = 32
    flat,valid = torch.full((size, size, 5), .4),torch.ones(size, size, dtype=torch.bool)
    prior = TexturePrior(flat, valid, torch.arange(size*size).reshape(size, size).flip(1).reshape(-1))
    terms,stage = stage_terms('texture'),make_stages(CONFIG)[2]
    def cost(maps, name, weight):
        "Of the diffuse map, with one weight"
        now = Candidate(None, None, {}, maps=maps, prior=prior)
        return float(weighed(terms, stage.weights|{f'diffuse_{name}':weight}, now)[f'diffuse_{name}'])
    ramp = flat+torch.linspace(-.1, .1, size)[None,:,None]
    rough = flat+.05*(torch.arange(size)%2)[None,:,None]
    shifted = flat+.1
    for name,texture in dict(symmetry=ramp, consistency=shifted, smoothness=rough).items():
        one,two = (cost(texture, name, w) for w in (1., 2.))
        assert one>(1e-6 if name=='smoothness' else 1e-4) and two==pytest.approx(2*one, rel=1e-3), name
        assert cost(flat, name, 1.)<.2*one, name

def test_parameters_move_in_their_own_units_and_within_bounds(pipeline, truth):
    face = ignorant(truth)
    free = FreeParameters(pipeline, face, dict(pose=.01, expression=5., focal=.01, shape=.1))
    for _ in range(3):
        free.write()
        (pipeline.landmarks(face, 0)-truth.landmarks().points).square().mean().backward()
        free.step()
    free.close()
    frame,bounds = face.frames[0],pipeline.model.expression_bounds
    assert (frame.expression>=bounds[:,0]-1e-5).all() and (frame.expression<=bounds[:,1]+1e-5).all()
    assert 0<frame.rotation.norm()<.055 and .055*600>float((frame.translation
        -torch.tensor([0.,0,-600])).norm())>3 and not frame.rotation.requires_grad

# ---- what a config asks for is done

MAPS = 'diffuse', 'specular', 'roughness'

def made_of(truth, samples=128, **maps):
    "The same face photographed again with other maps, and where its texels are seen"
    face = truth.face.copy()
    for name,value in maps.items(): setattr(face.identity, name, torch.full_like(getattr(face.identity, name), value))
    return photograph(truth.pipeline, face, samples).face

@pytest.mark.parametrize('name, skin',
    [('specular', dict(specular=.12)), ('roughness', dict(specular=.1, roughness=.25))])
def test_stage_3_finds_how_glossy_and_how_rough_the_skin_is(pipeline, truth, name, skin):
    "All else is given, and nothing is known beforehand: what is left of the error is less than half"
    true = made_of(truth, **skin)
    found = true.copy()
    setattr(found.identity, name, dict(zip(MAPS, pipeline.model_maps(true.identity)))[name])
    start,stage = found.copy(),make_stages(CONFIG)[2]
    last(run(replace(stage, steps=60, rates={name: stage.rates[name]}, weights={k: 0. for k in stage.weights}),
        pipeline, found))
    seen = found.identity.provenance==PROVENANCE['seen']
    away = lambda face: float((getattr(face.identity, name)-getattr(true.identity, name))[seen].abs().mean())
    assert away(found)<.5*away(start), (away(start), away(found))

@pytest.mark.parametrize('number', [0, 1], ids=['stage 1', 'stage 2'])
@pytest.mark.parametrize('moves', [True, False])
def test_the_focal_length_moves_where_the_config_lets_it(truth, number, moves):
    config = replace(CONFIG, optimize_focal_length=moves, steps_shading=2, steps_photometric=2, samples_train=4)
    own,face = Pipeline(truth.pipeline.model, config),ignorant(truth) if number==0 else truth.face.copy()
    if number: face.identity.diffuse = face.identity.specular = face.identity.roughness = None
    before = face.frames[0].camera.focal.clone()
    last(run(make_stages(config)[number], own, face))
    assert (not torch.equal(face.frames[0].camera.focal, before))==moves

# ---- photos of one person that count differently

def two_photos(truth, weights):
    "The same view twice, of skin that is lighter, and darker: no one albedo explains both"
    light,dark = (made_of(truth, 32, diffuse=value).frames[0] for value in (.7, .3))
    face = Face(Identity(truth.face.identity.shape, torch.zeros_like(truth.face.identity.albedo)),
        [light, replace(dark, light=replace(dark.light))])
    for frame,weight in zip(face.frames, weights): frame.weight = weight
    return face

def test_the_photo_that_counts_more_is_painted(pipeline, truth):
    stage = make_stages(CONFIG)[2]
    stage = replace(stage, steps=30, detail=0, rates=dict(diffuse=.05), weights={k: 0. for k in stage.weights})
    def tone(*weights):
        face = two_photos(truth, weights)
        last(run(stage, pipeline, face))
        return float(face.identity.diffuse[face.identity.provenance==PROVENANCE['seen']].mean())
    assert tone(1., .25)>tone(1., 1.)+.015>tone(.25, 1.)+.03

ENERGIES = {
    'stage 1': lambda pipeline,face: sum(float(rows.residuals@rows.residuals) for rows in residual_rows(
    held(pipeline, face), held(pipeline, face).start(face)) if rows.name=='landmarks'),
    'points': lambda pipeline,face: float(points(pipeline, face, make_stages(CONFIG)[1])),
    'light': lambda pipeline,face: LightProblem(pipeline, face, make_stages(CONFIG)[1].light,
    skin_pixels(pipeline, face, make_stages(CONFIG)[1], 300)).system()[2]['photo'],
    'shading': lambda pipeline,face: ShadingSolver(pipeline, face, make_stages(CONFIG)[1]).terms(
    skin_pixels(pipeline, face, make_stages(CONFIG)[1], 300))['photo'],
    'ray-traced steps': lambda pipeline,face: next(fit_geometry(pipeline, face,
    replace(make_stages(CONFIG)[1], steps=1)))['photo'],
    'stage 3': lambda pipeline,face: next(run(replace(make_stages(CONFIG)[2], steps=1), pipeline,
    face)).losses['photo']}

def points(pipeline, face, stage):
    "The weighted landmarks of stage 2"
    return weighed(stage.terms, stage.weights, Candidate(pipeline, face, stage.rates))['landmarks']

def held(pipeline, face): return LandmarkProblem(pipeline.model, face, LandmarkSettings(shape_free=False))

@pytest.mark.parametrize('name', ENERGIES)
def test_a_photo_counts_by_its_weight_in_every_stage(pipeline, truth, name):
    "What two photos are off together is the sum of both, each times its weight"
    def energy(*weights):
        face = two_photos(truth, weights)
        face.frames[1].landmarks = replace(face.frames[1].landmarks, points=face.frames[1].landmarks.points+2.)
        face.frames[0].landmarks = replace(face.frames[0].landmarks, points=face.frames[0].landmarks.points-1.)
        return ENERGIES[name](pipeline, face)
    both = energy(1., 1.)
    first,second = 2*(both-energy(.5, 1.)),2*(both-energy(1., .5))
    assert min(first, second)>.02*both and both==pytest.approx(first+second, rel=1e-2)
    assert energy(.25, 3.)==pytest.approx(.25*first+3*second, rel=1e-2)
