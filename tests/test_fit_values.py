"A small head whose truth is known, photographed by ourselves: each stage must find its part again. tests/mutants.py breaks the stages."
from dataclasses import replace
import pytest
import torch
from nextgenface_nb import measures
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import to_srgb
from nextgenface_nb.optim.face import Face, Frame, HarmonicLight, Identity
from nextgenface_nb.optim.pipeline import Pipeline
from nextgenface_nb.optim.stages import FreeParameters, Stage, frame_transfer, make_stages, run
from nextgenface_nb.optim.texels import CHANNELS, TexturePrior, texture_prior
from nextgenface_nb.synthetic import rotation_error, studio_light, synthetic_face

CONFIG = Config(device='cpu', texture_resolution=64, bands=5, environment_height=32, samples_final=64)

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(toy_model(41, 29), CONFIG)

@pytest.fixture(scope='module')
def truth(pipeline): return synthetic_face(pipeline, seed=3, size=64, light=studio_light(.8, bands=5), samples=128)

def ignorant(truth, **known):
    "The same photo with nothing known but what is given: pose, light, ..."
    true,model = truth.face.frames[0],truth.pipeline.model
    camera = replace(true.camera, focal=true.camera.focal*1.2)
    plain = HarmonicLight(torch.zeros(25, 3)); plain.coefficients[0] = 3.5
    frame = dict(camera=camera, rotation=torch.zeros(3), translation=torch.tensor([0.,0,-600]), expression=torch.zeros_like(true.expression), light=plain)|known
    face = Face(Identity(torch.zeros_like(truth.face.identity.shape), torch.zeros_like(truth.face.identity.albedo)), [Frame(true.photo, true.landmarks, *(frame[k] for k in ('camera', 'rotation', 'translation', 'expression', 'light')))])
    return face

def last(steps):
    for progress in steps: pass
    return progress

def test_stage_1_finds_the_pose(pipeline, truth):
    face = ignorant(truth); last(run(make_stages(CONFIG)[0], pipeline, face))
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
    picture = transfer.picture(transfer.shade(transfer.lit(frame.light.environment(32)), seen[:,:3], seen[:,3:6], seen[:,6:]))
    traced = pipeline.render(truth.face, 0, 256, final=True, maps=maps)
    inside = torch.zeros(64*64); inside[transfer.pixels] = 1; inside = inside.reshape(64, 64)*(traced[...,3]>.999)
    assert inside.sum()>500 and measures.psnr(to_srgb(picture), to_srgb(traced[...,:3]), inside)>38

def textured(truth, weights, steps=30):
    "Stage 3 alone, with geometry and light as they are"
    face = Face(Identity(truth.face.identity.shape.clone(), torch.zeros_like(truth.face.identity.albedo)), [replace(truth.face.frames[0])])
    stage = make_stages(CONFIG)[2]
    progress = last(run(replace(stage, steps=steps) if weights is None else replace(stage, steps=steps, detail=0, weights={k: weights for k in stage.weights}), truth.pipeline, face))
    return face.identity,progress

def test_stage_3_explains_the_photo(pipeline, truth):
    identity,progress = textured(truth, None, steps=60)
    face = Face(identity, truth.face.frames); frame = truth.face.frames[0]
    fitted,mask = pipeline.render(face, 0, 256, final=True),pipeline.face_mask(face, 0)
    before = pipeline.render(Face(Identity(identity.shape, torch.zeros_like(identity.albedo)), truth.face.frames), 0, 256, final=True)
    score = lambda image: measures.psnr(to_srgb(image[...,:3]), to_srgb(frame.photo.pixels), mask)
    assert score(fitted)>max(40, score(before)+1)   # the mean skin is near already; a painted one is found in test_optim.py
    assert progress.losses['photo']<.02 and sum(v for k,v in progress.losses.items() if k!='total')==pytest.approx(progress.losses['total'], rel=1e-4)

def test_stage_3_heeds_what_is_known_about_maps(pipeline, truth):
    "With heavy weights the maps stay near the model's; with none they do not"
    reference = texture_prior(pipeline, Face(Identity(truth.face.identity.shape, torch.zeros_like(truth.face.identity.albedo)), truth.face.frames)).reference[...,:3]
    valid = pipeline.texture_map.valid
    away = lambda identity: float((identity.diffuse-reference)[valid].abs().mean())
    free,held = textured(truth, 0.)[0],textured(truth, 100.)[0]
    assert away(held)<.5*away(free)

def test_each_prior_of_a_map_counts():
    "Zero for the reference itself, and with its weight for an asymmetric, a shifted, a rough map"
    size = 32; flat,valid = torch.full((size, size, 5), .4),torch.ones(size, size, dtype=torch.bool)
    prior = TexturePrior(flat, valid, torch.arange(size*size).reshape(size, size).flip(1).reshape(-1))
    weights = lambda **w: {f'{n}_{k}': w.get(k, 0.) for n in CHANNELS for k in ('symmetry', 'consistency', 'smoothness')}
    ramp = flat+torch.linspace(-.1, .1, size)[None,:,None]; rough = flat+.05*(torch.arange(size)%2)[None,:,None]; shifted = flat+.1
    for name,texture in dict(symmetry=ramp, consistency=shifted, smoothness=rough).items():
        one,two = (float(prior.losses(texture, weights(**{name: w}))['diffuse']) for w in (1., 2.))
        assert one>(1e-6 if name=='smoothness' else 1e-4) and two==pytest.approx(2*one, rel=1e-3), name
        assert float(prior.losses(flat, weights(**{name: 1.}))['diffuse'])<.2*one, name

def test_parameters_move_in_their_own_units_and_within_bounds(pipeline, truth):
    face = ignorant(truth); free = FreeParameters(pipeline, face, dict(pose=.01, expression=5., focal=.01, shape=.1))
    for _ in range(3):
        free.write()
        (pipeline.landmarks(face, 0)-truth.landmarks().points).square().mean().backward(); free.step()
    free.close()
    frame,bounds = face.frames[0],pipeline.model.expression_bounds
    assert (frame.expression>=bounds[:,0]-1e-5).all() and (frame.expression<=bounds[:,1]+1e-5).all()
    assert 0<frame.rotation.norm()<.055 and .055*600>float((frame.translation-torch.tensor([0.,0,-600])).norm())>3 and not frame.rotation.requires_grad
