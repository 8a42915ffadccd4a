"The GLB of a person as an artist uses it: the mouth that opens, the morph targets, the validator, and three.js."
from dataclasses import replace
import pytest, torch
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import load_model
from nextgenface_nb.optim.face import PROVENANCE
from nextgenface_nb.optim.pipeline import Pipeline
from nextgenface_nb.optim.stages import make_stages, run
from nextgenface_nb.optim.texels import mouth_interior
from nextgenface_nb.synthetic import studio_light, synthetic_face

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(load_model(), Config(device='cpu', texture_resolution=128, max_resolution=96, bands=5, environment_height=16, samples_train=4, steps_texture=10))

@pytest.mark.parametrize('side', [0., .9])
def test_the_mouth_behind_closed_lips_keeps_the_models_colours(pipeline, side):
    "Stage 3 of a face that shows no mouth, and wrongly believes in next to no light: all albedo goes up"
    truth = synthetic_face(pipeline, seed=3, size=96, light=studio_light(side, bands=5, strength=2.), expression=False, samples=16)
    face = truth.face.copy(); own,frame = face.identity,face.frames[0]
    frame.light.coefficients = frame.light.coefficients/3
    own.diffuse = own.specular = own.roughness = None
    stage = make_stages(pipeline.config)[2]
    for _ in run(replace(stage, rates={k:r for k,r in stage.rates.items() if k!='light'}), pipeline, face): pass
    share,inner = mouth_interior(pipeline, face); inside = share[...,0]==1
    skin = pipeline.texture_map.bake(pipeline.model.regions['face'][:,None])[...,0]>.9
    assert own.diffuse[skin&(own.provenance==PROVENANCE['seen'])].mean()>1.2*pipeline.model_maps(own)[0][skin].mean()   # it did go up
    assert inside.sum()>5 and (own.provenance[inside]==PROVENANCE['guessed']).all()
    assert own.diffuse[inside].max()<.8
    torch.testing.assert_close(own.diffuse[inside], pipeline.texture_map.bake(pipeline.model.diffuse_mean)[inside], atol=.01, rtol=0)
