"A face model from outside the package, with a joint: through all stages, files and back; and nobody reads a basis"
import ast
from dataclasses import replace
from pathlib import Path
import numpy as np
import pytest
import torch
import nextgenface_nb
from nextgenface_nb import FaceModel
from nextgenface_nb.config import Config
from nextgenface_nb.errors import CheckpointError, ModelError
from nextgenface_nb.evaluation.synthetic import photograph, rotation_error, scale_aligned_errors, studio_light, synthetic_face
from nextgenface_nb.face import Face, Frame, Identity
from nextgenface_nb.facemodel.interface import check_model
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.landmarks.uncertainty import DetectorErrors
from nextgenface_nb.light.environment import HarmonicLight
from nextgenface_nb.optim.landmarks import LandmarkProblem, LandmarkSettings, evaluate, fit_landmarks, start_pose
from nextgenface_nb.optim.shading import PointMotion, ShapeSlopes, SkinPixels, pixel_rows, shape_slopes
from nextgenface_nb.optim.stages import make_stages, run
from nextgenface_nb.output.checkpoint import load_face, save_face
from nextgenface_nb.output.glb import face_glb, morph_targets
from nextgenface_nb.geometry.mesh import vertex_normals
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.reconstruction import reconstruct

class JawHead(FaceModel):
    "The toy with a jaw on a hinge, as FLAME has it: a template, one pose blendshape, linear blend skinning"
    def __init__(self, base):
        self.base,self.name,self.licence = base,'toy head with a jaw','Apache-2.0'
        self.triangles,self.uvs,self.mirror = base.triangles,base.uvs,base.mirror
        self.regions,self.embeddings = base.regions,base.embeddings
        y,z = base.neutral[:,1],base.neutral[:,2]
        self.weight = (torch.sigmoid(-(y+44)/4)*torch.sigmoid(z/6))[:,None]             # [V, 1] how far a vertex follows the jaw
        self.ears = torch.nn.functional.normalize(((base.neutral[:,0].abs()>60)&(y.abs()<15)).float(), p=1, dim=0)
        self.corrective = 4*self.weight*(1-self.weight)*torch.tensor([0.,0,6])          # [V, 3] mm: what the turn takes from the lip
        self.expression_names = ['jaw pitch', *base.expression_names[1:]]
        self.expression_bounds = torch.cat([torch.tensor([[0.,.5]]), base.expression_bounds[1:]])
        variance = torch.cat([torch.tensor([.15**2]), base.prior.expression[1:]])
        self.prior = base.prior._replace(expression=variance)

    def vertices(self, shape=None, expression=None):
        if expression is None: expression = torch.zeros(len(self.expression_names))
        angle = expression[...,:1,None]                                                 # [.., 1, 1]
        others = torch.cat([torch.zeros_like(expression[...,:1]), expression[...,1:]], -1)
        joint = torch.einsum('v,...vc->...c', self.ears, self.base.vertices(shape))[...,None,:]
        template = self.base.vertices(shape, others)+self.corrective*(1-angle.cos())
        x,y,z = (template-joint).split(1, -1)
        turned = torch.cat([x, y*angle.cos()-z*angle.sin(), y*angle.sin()+z*angle.cos()], -1)+joint
        return template+self.weight*(turned-template)

    def diffuse_albedo(self, albedo=None): return self.base.diffuse_albedo(albedo)
    def specular_albedo(self, albedo=None): return self.base.specular_albedo(albedo)

CONFIG = Config(device='cpu', texture_resolution=64, max_resolution=96, bands=5, environment_height=32, samples_final=32,
    samples_train=4, steps_photometric=0, steps_texture=15, steps_detail=1)
JAW = .32 # radians

@pytest.fixture(scope='module')
def model(): return check_model(JawHead(toy_model(41, 29)))

@pytest.fixture(scope='module')
def pipeline(model): return Pipeline(model, CONFIG)

@pytest.fixture(scope='module')
def truth(pipeline):
    "Somebody with an open jaw"
    face = synthetic_face(pipeline, seed=3, size=96, light=studio_light(.5, bands=5), samples=4, expression=False).face
    face.frames[0].expression[0] = JAW
    return photograph(pipeline, face, 128).face

def unknown(truth):
    "The same photos and points, nothing else known"
    frames = [Frame(f.photo, f.landmarks, f.camera, torch.zeros(3), torch.tensor([0.,0,-600]), torch.zeros_like(f.expression),
        HarmonicLight.frontal(5)) for f in truth.frames]
    return Face(Identity(torch.zeros_like(truth.identity.shape), torch.zeros_like(truth.identity.albedo)), frames)

def test_points_bend(model):
    "Half the angle is not half the way: a linear model of this jaw would be off by millimetres"
    at = lambda angle: model.vertices(None, torch.tensor([angle, *[0.]*5]))
    assert (at(.25)-(at(0.)+at(.5))/2).norm(dim=-1).max()>2
    assert not model.linear and toy_model(41, 29).linear

def test_the_jacobian_is_that_of_the_points(model):
    drawn = model.sample(1, 5)
    shape,expression = drawn.shape[0],drawn.expression[0].clone()
    expression[0] = JAW
    step = 1e-2
    both = zip(model.jacobian(shape, expression), (shape, expression), model.prior)
    for k,(slopes,at,variance) in enumerate(both):
        for j in range(len(at)):
            way = torch.eye(len(at))[j]*variance[j].sqrt()*step
            moved = [model.vertices(*((shape+s*way, expression) if k==0 else (shape, expression+s*way))) for s in (1, -1)]
            assert torch.allclose((moved[0]-moved[1])/(2*way[j]), slopes[j], atol=.02*float(slopes[j].abs().max())+.05)

def test_stage_1_finds_the_jaw(pipeline, truth):
    "Exact points give the angle, as they give a blendshape"
    face = unknown(truth)
    start_pose(pipeline.model, face.frames[0])
    fit_landmarks(pipeline.model, face, LandmarkSettings(DetectorErrors(.001), shape=.01, expression=.01), optimize_focal=False)
    found,true = face.frames[0],truth.frames[0]
    assert abs(float(found.expression[0])-JAW)<.01 and rotation_error(found.rotation, true.rotation)<.5
    assert (pipeline.landmarks(face, 0)-true.landmarks.points).norm(dim=-1).max()<.05

def test_the_solver_of_stage_1_knows_that_points_bend(pipeline, truth):
    "Its Jacobian is that of its residuals where the jaw is open, with the heights of bumps among the unknowns"
    problem = LandmarkProblem(pipeline.model, truth, LandmarkSettings(displacement_free=True), pipeline.displacement)
    x = problem.start(truth)
    r,J = problem_rows(problem, x)
    for column,size in ((0, 1.), (problem.shape_size-1, .5), (problem.shape_size+7, .02), (problem.shape_size+8, .1)):
        step = np.eye(len(x))[column]*size
        difference = (problem_rows(problem, x+step)[0]-problem_rows(problem, x-step)[0])/(2*size)
        assert abs(J[:,column]-difference).max()<.01*abs(J[:,column]).max()

def problem_rows(problem, x):
    "Residuals and Jacobian as a whole"
    blocks = evaluate(problem, x)
    J,row = np.zeros((sum(len(r) for _,r,_ in blocks), len(x))),0
    for columns,r,part in blocks:
        J[row:row+len(r),columns] = part
        row += len(r)
    return np.concatenate([r for _,r,_ in blocks]),J

def test_the_shading_knows_how_an_open_jaw_moves(pipeline, truth):
    "The column of the angle in the Jacobian of the pixels, against differences"
    pixels = SkinPixels(pipeline, truth, 0, 800, torch.Generator().manual_seed(0), margin=2, blurred=2.)
    slopes,S = ShapeSlopes(pipeline, truth),len(pipeline.model.prior.shape)
    rows = lambda face,p: pixel_rows(pipeline, face, 0, p, PointMotion(pipeline, face, 0, p, slopes, S))
    J = rows(truth, pixels)[1][...,S+7]
    sides = []
    for sign in (1, -1):
        other = truth.copy()
        other.frames[0].expression[0] += sign*.03
        sides.append(rows(other, pixels.moved(pipeline, other, 0))[0])
    a,b = (J*pixels.weight).flatten(),((sides[0]-sides[1])/.06*pixels.weight).flatten()
    assert torch.cosine_similarity(a, b, 0)>.8 and .6<a.norm()/b.norm()<1.4

def test_each_photo_has_a_table_of_its_own(pipeline, truth):
    "Where the jaw is shut it moves another way; a linear model shares one"
    shut = replace(truth.frames[0], expression=torch.zeros(6))
    pair = Face(truth.identity, [truth.frames[0], shut])
    open_jaw,closed = shape_slopes(pipeline, pair)
    assert (open_jaw.table-closed.table).abs().max()>5
    toy = Pipeline(pipeline.model.base, CONFIG)
    one,other = shape_slopes(toy, pair)
    assert one is other

@pytest.fixture(scope='module')
def result(pipeline, truth):
    "All stages, as a user calls them"
    f = truth.frames[0]
    found = reconstruct(f.photo, CONFIG, model=pipeline.model, landmarks=[f.landmarks], progress=None)
    return found

def test_all_stages_fit_an_open_jaw(pipeline, truth, result):
    found,region = result.face.frames[0],pipeline.model.regions['face']>.5
    assert abs(float(found.expression[0])-JAW)<.08
    assert {p.stage for p in result.history}=={'landmarks','photometric','texture'}
    apart = scale_aligned_errors(result.pipeline.vertices(result.face), pipeline.vertices(truth), region)[0].median()
    mean = scale_aligned_errors(pipeline.model.neutral, pipeline.vertices(truth), region)[0].median()
    assert float(apart)<.6*float(mean)
    assert result.face.identity.diffuse.shape==(64, 64, 3) and result.measures(32)[0]['nme']<.03

def test_stage_2_alone_opens_a_jaw(pipeline, truth):
    "From the true face with a jaw that is too shut"
    face = truth.copy()
    face.frames[0].expression[0] = .15
    stage = make_stages(CONFIG)[1]
    for _ in run(replace(stage, rates=dict(expression=stage.rates['expression'])), pipeline, face): pass
    assert abs(float(face.frames[0].expression[0])-JAW)<.05

def test_a_checkpoint_finds_its_model_by_its_fingerprint(pipeline, result, tmp_path):
    "Passed again, made anew; another one is refused in words"
    path = tmp_path/'jaw.npz'
    save_face(path, result.face, pipeline.model)
    again,_ = load_face(path, JawHead(toy_model(41, 29)))
    assert all(torch.equal(v, again.parameters()[n]) for n,v in result.face.parameters().items())
    for other in (toy_model(41, 29), JawHead(toy_model(41, 31))):
        with pytest.raises(CheckpointError, match=r"(?s)made with the model 'toy head with a jaw'.*load_face\(path, model\)"):
            load_face(path, other)
    stiffer = JawHead(toy_model(41, 29))
    stiffer.weight = .9*stiffer.weight
    with pytest.raises(CheckpointError): load_face(path, stiffer)

def test_results_are_written_and_read(result, tmp_path):
    folder = result.save(tmp_path/'out')
    assert (Path(folder)/'mesh0.obj').is_file() and (Path(folder)/'face0.glb').is_file()

def test_programs_without_joints_get_straight_lines(pipeline, truth):
    "Exact at full strength, of this person"
    model,own = pipeline.model,truth.identity.shape
    neutral = model.vertices(own)
    targets = morph_targets(model, neutral, vertex_normals(neutral, model.triangles), own)
    assert targets[0][0]=='jaw pitch'
    full = model.vertices(own, torch.tensor([.5, *[0.]*5]))
    assert torch.allclose(neutral+targets[0][1], full, atol=2e-3)
    assert len(face_glb(pipeline, truth))>1000

@pytest.mark.parametrize('change, said', [
    (dict(prior=None), 'prior'), (dict(expression_names=['a']), 'names'), (dict(uvs=None), 'uvs'),
    (dict(expression_bounds=torch.zeros(3, 2)), 'expression_bounds has the shape'),
    (dict(vertices=lambda *_: torch.zeros(5, 3)), 'what vertices gives has the shape'),
    (dict(diffuse_albedo=lambda *_: None), 'what diffuse_albedo gives has the shape NoneType')])
def test_a_model_that_does_not_fit_is_refused_in_words(model, change, said):
    with pytest.raises(ModelError, match=said): Pipeline(model.having(**change), CONFIG)

def test_what_is_no_model_is_refused_in_words():
    with pytest.raises(ModelError, match='a face model without'): Pipeline(object(), CONFIG)

def test_a_model_that_cannot_be_trimmed_says_so(model):
    with pytest.raises(ModelError, match='components'): Pipeline(model, replace(CONFIG, components=3))

#: What only `facemodel/` may name: how a linear model is made
INSIDE = {f'{part}_{kind}' for part in ('shape','expression','diffuse','specular','albedo') for kind in ('mean','basis','variance')}
INSIDE |= {'basis_at','landmark_basis'}

def insiders(text:str)->list: # of (line, name)
    "Where code reads or sets what only a linear model has"
    names = lambda node: ([node.attr] if isinstance(node, ast.Attribute) else
        [k.arg for k in node.keywords] if isinstance(node, ast.Call) and getattr(node.func, 'id', '')=='replace' else
        [a.value for a in node.args[1:2] if isinstance(a, ast.Constant)] if isinstance(node, ast.Call)
        and getattr(node.func, 'id', '') in ('getattr','setattr','hasattr') else [])
    return [(node.lineno, n) for node in ast.walk(ast.parse(text)) for n in names(node) if n in INSIDE]

def test_nobody_outside_the_folder_reads_a_basis():
    root = Path(nextgenface_nb.__file__).parent
    files = [f for f in sorted(root.rglob('*.py')) if 'facemodel' not in f.relative_to(root).parts]
    assert len(files)>60
    assert [(f.name, *where) for f in files for where in insiders(f.read_text(encoding='utf-8'))]==[]

@pytest.mark.parametrize('text', ['m.shape_basis', 'x = model.expression_variance.sqrt()', 'replace(m, shape_mean=v)',
    "getattr(model, 'diffuse_basis')", 'model.basis_at(places)', 'model.landmark_basis()[0]'])
def test_a_reader_of_a_basis_is_seen(text): assert insiders(text)
