"The GLB of a person as an artist uses it: the mouth that opens, the morph targets, the validator."
from dataclasses import replace
import pytest, torch
from test_export import Glb, seen_by, validate
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import load_model
from nextgenface_nb.imaging import portrait_path
from nextgenface_nb.face import PROVENANCE
from nextgenface_nb.reconstruction import reconstruct
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.optim.stages import make_stages, run
from nextgenface_nb.optim.texture import mouth_interior
from nextgenface_nb.output.glb import face_glb, morph_targets, save_glb
from nextgenface_nb.output.surface import surface_of
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face

@pytest.fixture(scope='module')
def pipeline():
    return Pipeline(load_model(), Config(device='cpu', texture_resolution=128, max_resolution=96, bands=5,
        environment_height=16, samples_train=4, steps_texture=10))

@pytest.mark.parametrize('side', [0., .9])
def test_the_mouth_behind_closed_lips_keeps_the_models_colours(pipeline, side):
    "Stage 3 of a face that shows no mouth, and wrongly believes in next to no light: all albedo goes up"
    truth = synthetic_face(pipeline, seed=3, size=96, light=studio_light(side, bands=5, strength=2.), expression=False,
        samples=16)
    face = truth.face.copy()
    own,frame = face.identity,face.frames[0]
    frame.light.coefficients = frame.light.coefficients/3
    own.diffuse = own.specular = own.roughness = None
    stage = make_stages(pipeline.config)[2]
    for _ in run(replace(stage, rates={k:r for k,r in stage.rates.items() if k!='light'}), pipeline, face): pass
    share,inner = mouth_interior(pipeline, face)
    inside = (share[...,0]==1)&pipeline.texture_map.valid
    skin = pipeline.texture_map.bake(pipeline.model.regions['face'][:,None])[...,0]>.9
    # it did go up
    assert own.diffuse[skin&(own.provenance==PROVENANCE['seen'])].mean()>1.2*pipeline.model_maps(own)[0][skin].mean()
    assert inside.sum()>5 and (own.provenance[inside]==PROVENANCE['guessed']).all()
    assert own.diffuse[inside].max()<.8
    torch.testing.assert_close(own.diffuse[inside], pipeline.texture_map.bake(pipeline.model.diffuse_mean)[inside],
        atol=.01, rtol=0)

def test_neutral_plus_weights_times_targets_is_the_mesh_of_the_photo(pipeline):
    ("Read from the file by the words of the specification; a person with 52 expressions, and bumps that no "
     "coefficient has")
    face = synthetic_face(pipeline, seed=5, size=64, samples=4).face
    own,frame = face.identity,face.frames[0]
    generator = torch.Generator().manual_seed(1)
    own.displacement = .3*torch.randn(len(pipeline.displacement), generator=generator)
    frame.expression = .6*torch.rand(len(frame.expression), generator=generator)
    points,_ = seen_by(Glb(face_glb(pipeline, face, posed=0)), 1)
    surface = surface_of(pipeline.model)
    rows = torch.cat([surface.of(part)[2] for part in surface.parts])
    # mm
    assert (torch.tensor(points)-pipeline.world_vertices(face)[rows]).abs().max()<.01

def test_offsets_are_the_models_for_everybody_and_normals_are_personal(pipeline):
    "What the notebook says that a target of this person is; and every one moves something, the tongue too"
    model = pipeline.model
    people = model.vertices(model.sample(2, 4).shape)
    one,other = (morph_targets(model, x, model.normals(x)) for x in people)
    assert all(torch.equal(a[1], b[1]) for a,b in zip(one, other))
    assert not {name for name,moved,_ in one if not moved.abs().max()>.001}
    jaw = model.expression_names.index('jawOpen')
    assert (one[jaw][2]-other[jaw][2]).abs().max()>.05

@pytest.mark.slow
def test_the_khronos_validator_has_nothing_to_say_about_the_portrait(tmp_path):
    found = reconstruct(portrait_path(), Config(device='cpu'))
    for name,options in dict(face={}, posed=dict(posed=0), jpeg=dict(quality=85), merged=dict(merged=True, posed=0),
        baked=dict(posed=0, morphs=False)).items():
        save_glb(tmp_path/f'{name}.glb', found.pipeline, found.face, **options)
    done = validate(*tmp_path.glob('*.glb'))
    assert done.returncode==0 and done.stdout.count(' 0 errors, 0 warnings, 0 notes, 0 hints')==5, done.stdout
