"The house of the stages: one shape for all solvers, settings of their own, and a short way through"
import ast, os, sys
from dataclasses import fields
from pathlib import Path
import pytest, torch
from nextgenface_nb.config import STAGE_NAMES, Config
from nextgenface_nb.errors import ConfigError
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.face import Face
from nextgenface_nb.optim import landmarks, light, shading, stages, texture
from nextgenface_nb.optim.shading import ShadingSolver, skin_pixels
from nextgenface_nb.optim.state import Solver, StageState, solve
from nextgenface_nb.pipeline import Pipeline

PACKAGE = Path(stages.__file__).parent.parent
SMALL = dict(device='cpu', renderer='vertex', texture_resolution=64, max_resolution=64, bands=3, environment_height=16,
    samples_train=1, samples_final=1, steps_shading=2, steps_photometric=1, steps_texture=2, steps_detail=0)

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(toy_model(29, 21), Config(**SMALL))

@pytest.fixture(scope='module')
def truth(pipeline): return synthetic_face(pipeline, seed=1, size=64, light=studio_light(.6, bands=3), samples=1).face

def solvers(pipeline, face)->dict: # name -> makes one
    "All five, on a face"
    _,photometric,maps = stages.make_stages(pipeline.config)
    return dict(
        landmarks=lambda: landmarks.LandmarkSolver(pipeline.model, face, displacement=pipeline.displacement_of(face)),
        shading=lambda: ShadingSolver(pipeline, face, photometric),
        light=lambda: light.LightProblem(pipeline, face, photometric.light, skin_pixels(pipeline, face, photometric, 100)),
        traced=lambda: stages.TracedSolver(pipeline, face, photometric),
        texture=lambda: texture.TextureSolver(pipeline, face, maps))

@pytest.mark.parametrize('name', ['landmarks', 'shading', 'light', 'traced', 'texture'])
def test_every_solver_is_run_by_the_same_loop(pipeline, truth, name):
    "Each step is in the face at once, without history; what is carried can be kept"
    face,state = truth.copy(),StageState()
    make = solvers(pipeline, face)[name]
    assert isinstance(make(), Solver)
    before,told = {n:v.clone() for n,v in face.parameters().items()},[]
    for losses in solve(make, face, 2, state):
        told.append(losses)
        assert not any(v.requires_grad for v in face.parameters().values())
        assert all(isinstance(v, float) for v in losses.values()) and state.tensors()['counters'][1]==len(told)
    assert len(told)==2
    assert any(n not in before or v.shape!=before[n].shape or (v-before[n]).abs().max()>0
        for n,v in face.parameters().items())

def test_no_stage_has_a_field_that_only_another_reads():
    "What each stage's own code asks it for is what it has"
    text = {m.__name__.split('.')[-1]:Path(m.__file__).read_text(encoding='utf-8')
        for m in (landmarks, light, shading, stages, texture)}
    asked = lambda called,*names: {node.attr for n in names for node in ast.walk(ast.parse(text[n]))
        if isinstance(node, ast.Attribute) and called in (getattr(node.value, 'id', ''), getattr(node.value, 'attr', ''))}
    readers = {landmarks.LandmarkStage:('stage', 'landmarks', 'stages'), texture.TextureStage:('stage', 'texture', 'stages'),
        shading.PhotometricStage:('stage', 'shading', 'stages'), light.LightSettings:('settings', 'light', 'shading')}
    for kind,names in readers.items(): assert {f.name for f in fields(kind)}<=asked(*names), kind
    assert not asked('stage', 'light')

def test_stage_2_has_no_weight_and_no_rate_that_only_the_light_reads():
    "Each of the light's own rates and weights is a setting"
    config = Config(optimize_focal_length=True)
    stage = stages.make_stages(config)[1]
    assert set(stage.weights)=={t.weight_name for t in stage.terms if t.weight_name}
    assert set(stage.rates)=={'shape', 'displacement', 'expression', 'pose', 'focal'}
    assert stage.light.weights=={n:getattr(config, f'weight_{n}') for n in ('albedo', 'light', 'light_colour', 'light_smooth')}
    assert stage.light.rates=={n:getattr(config, f'rate_{n}') for n in ('albedo', 'light')}

@pytest.mark.parametrize('kind', ['rates', 'weights'])
@pytest.mark.parametrize('name', ['albedo', 'light'])
def test_what_the_light_would_not_hear_is_refused(pipeline, truth, kind, name):
    stage = stages.make_stages(pipeline.config)[1]
    getattr(stage, kind)[name] = 0.
    with pytest.raises(ConfigError, match=rf"light\.{kind}\['{name}'\]"):
        next(stages.run(stage, pipeline, truth.copy()))

@pytest.mark.parametrize('change, still', [(dict(light=0.), 'light'), (dict(albedo=0.), 'albedo')])
def test_rates_of_the_light_act_on_its_next_step(pipeline, truth, change, still):
    "An interface may change them while the stage runs"
    face = truth.copy()
    stage = stages.make_stages(pipeline.config)[1]
    seen = lambda: dict(light=face.frames[0].light.flat().clone(), albedo=face.identity.albedo.clone())
    steps = stages.run(stage, pipeline, face)
    next(steps)
    before = seen()
    stage.light.rates.update(change)
    next(steps)
    for name,value in seen().items(): assert torch.equal(value, before[name])==(name==still)

def test_without_rates_light_and_albedo_stand_still(pipeline, truth):
    face = truth.copy()
    settings = light.LightSettings({}, dict.fromkeys(light.LIGHT_WEIGHTS, 1.), count=50)
    seen = []
    for _ in light.fit_light(pipeline, face, settings, 2): seen.append(face.parameters())
    assert len(seen)==2 and all(torch.equal(v, truth.parameters()[n]) for n,v in seen[-1].items())

def test_weights_of_the_light_act_on_its_next_step(pipeline, truth):
    face = truth.copy()
    stage = stages.make_stages(pipeline.config)[1]
    steps = stages.run(stage, pipeline, face)
    next(steps)
    before = face.identity.albedo.norm()
    stage.light.weights['albedo'] = 1e4
    next(steps)
    assert before>0 and face.identity.albedo.norm()<.1*before

def test_names_of_stages_stand_once():
    "Elsewhere they are asked for; a file, a function or a folder may be called so too"
    assert tuple(stages.RUNNERS)==STAGE_NAMES==tuple(s.name for s in stages.make_stages(Config()))
    lists = [f.name for f in PACKAGE.rglob('*.py') for node in ast.walk(ast.parse(f.read_text(encoding='utf-8')))
        if isinstance(node, (ast.Tuple, ast.List)) and [getattr(x, 'value', None) for x in node.elts]==list(STAGE_NAMES)]
    assert lists==['config.py']

def test_nothing_is_imported_by_a_star():
    found = [f'{f.name}: {node.module}' for f in PACKAGE.rglob('*.py')
        for node in ast.walk(ast.parse(f.read_text(encoding='utf-8')))
        if isinstance(node, ast.ImportFrom) and node.names[0].name=='*']
    assert found==[]

def test_the_outline_of_the_face_is_laid_once(monkeypatch):
    from nextgenface_nb.facemodel import contour
    asked,lay = [],contour._lay_outline
    monkeypatch.setattr(contour, '_lay_outline', lambda model,detector: asked.append(detector) or lay(model, detector))
    model = toy_model(29, 21)
    first = contour.face_outline(model, 'fan')
    assert contour.face_outline(model, 'fan') is first and asked==['fan']

def test_a_face_that_goes_through_the_geometry_of_stage_2_stays_within_6_files(pipeline, truth):
    "The files of functions that are handed the face, of whole steps; its own, and those of light, are not counted"
    face,found = truth.copy(),set()
    def watch(frame, event, _):
        path = frame.f_code.co_filename
        if event!='call' or not path.startswith(str(PACKAGE)+os.sep): return
        names = frame.f_code.co_varnames[:frame.f_code.co_argcount+frame.f_code.co_kwonlyargcount]
        if not any(isinstance(frame.f_locals.get(n), Face) for n in names): return
        found.add(Path(path).relative_to(PACKAGE).as_posix())
    stage = stages.make_stages(pipeline.config)[1]
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        for _ in solve(lambda: ShadingSolver(pipeline, face, stage, count=100), face, stage.shading_steps): pass
    finally: sys.setprofile(before)
    found = (found|{'optim/stages.py'})-{'face.py'}
    assert {'optim/shading.py', 'optim/landmarks.py', 'optim/state.py', 'pipeline.py'}<=found
    assert len(found)<=6, found
