("Every setting of a fit is heard where it counts: what it holds stands still, what it weighs weighs, what it draws is "
 "drawn otherwise.")
from dataclasses import fields, replace
import pytest, torch
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.harmonics import environment_basis
from nextgenface_nb.optim import stages
from nextgenface_nb.face import Face
from nextgenface_nb.light.environment import light_grid
from nextgenface_nb.optim.light import LightProblem
from nextgenface_nb.optim import losses
from nextgenface_nb.optim.landmarks import residual_rows
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.optim.shading import ShadingSolver, region_picture, skin_pixels
from nextgenface_nb.optim.stages import fit_geometry, make_stages, run, start_light
from nextgenface_nb.optim.texture import TextureSolver, photo_weights, texture_view
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face

SMALL = dict(device='cpu', renderer='vertex', texture_resolution=64, max_resolution=64, bands=3, environment_height=16,
    samples_train=1, samples_final=1,
    steps_shading=1, steps_photometric=1, steps_texture=4, steps_detail=0)
MODEL = toy_model(29, 21)

@pytest.fixture(scope='module')
def truth():
    return synthetic_face(Pipeline(MODEL, Config(**SMALL)), seed=1, size=64, light=studio_light(.6, bands=3),
        samples=1).face

@pytest.fixture(autouse=True)
def few_steps(monkeypatch): monkeypatch.setattr(stages, 'LIGHT_STEPS', (2, 2, 1))

def bare(truth):
    "The true face at a slightly wrong place, with no maps of its own"
    face = truth.copy()
    face.identity.diffuse = face.identity.specular = face.identity.roughness = None
    face.frames[0].rotation = face.frames[0].rotation+.02
    return face

def after(truth, number, **settings):
    "Its parameters before and after one stage under these settings"
    pipeline,face = Pipeline(MODEL, Config(**SMALL|settings)),bare(truth)
    if number==1: start_light(pipeline, face)
    before = {n:v.clone() for n,v in face.parameters().items()}
    for _ in run(make_stages(pipeline.config)[number], pipeline, face): pass
    return before,face,pipeline

# ---- what is held, and what may move

STAGE_2 = dict(rate_shape='shape', rate_expression='frames.0.expression', rate_albedo='albedo',
    rate_pose='frames.0.rotation', rate_focal='frames.0.focal', rate_light='frames.0.light.coefficients')

def moved(before, now): return float((now-before).abs().max()/before.abs().max().clamp(min=1e-6))

@pytest.fixture(scope='module')
def usual(truth):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, 'LIGHT_STEPS', (2, 2, 1))
        return after(truth, 1)

@pytest.mark.parametrize('setting, name', STAGE_2.items())
def test_a_rate_of_0_holds_a_parameter_of_stage_2(truth, usual, setting, name):
    start,face,_ = usual
    assert moved(start[name], face.parameters()[name])>1e-4
    before,held,_ = after(truth, 1, **{setting: 0.})
    if setting=='rate_light':
        before = start|{name: bare(truth).parameters()[name]}   # it is not even brought to the brightness of the photo
    others = [n for n in STAGE_2.values() if n!=name]
    if setting!='rate_light': assert moved(before[name], held.parameters()[name])<1e-5
    assert all(moved(before[n], held.parameters()[n])>1e-4 for n in others)

@pytest.mark.parametrize('name', ['diffuse', 'specular', 'roughness'])
def test_a_rate_of_0_holds_a_map(truth, name):
    for rate,holds in ((.01, False), (0., True)):
        _,face,pipeline = after(truth, 2, **{f'rate_{name}': rate})
        seen = face.identity.provenance==1
        start = dict(zip(('diffuse', 'specular', 'roughness'), pipeline.model_maps(face.identity)))[name]
        assert (moved(start[seen], getattr(face.identity, name)[seen])<1e-5)==holds

@pytest.mark.parametrize('rate, holds', [(.03, False), (0., True)])
def test_the_light_moves_in_stage_3_by_its_rate(truth, rate, holds):
    before,face,_ = after(truth, 2, rate_light=rate)
    name = 'frames.0.light.coefficients'
    assert (moved(before[name], face.parameters()[name])<1e-4)==holds

@pytest.mark.parametrize('displacement, there', [(2., True), (0., False)])
def test_the_displacement_is_free_where_it_is_asked_for(truth, displacement, there):
    found = after(truth, 1, displacement=displacement)[1].identity.displacement
    assert (found is not None and bool(found.abs().max()>0))==there

def test_stage_1_takes_as_many_steps_as_it_may(truth):
    losses = []
    for steps in (1, 2, 30):
        pipeline,face = Pipeline(MODEL, Config(**SMALL|dict(steps_landmarks=steps))),bare(truth)
        face.frames[0].rotation = face.frames[0].rotation+.3
        losses.append(next(run(make_stages(pipeline.config)[0], pipeline, face)).losses['total'])
    assert losses[0]>1.01*losses[1]>losses[2]

# ---- what is weighed

def energies(truth, **settings):
    "Every weighted term of stages 2 and 3, at a face where none of them is zero"
    pipeline,face = Pipeline(MODEL, Config(**SMALL|settings)),bare(truth)
    own,frame,config = face.identity,face.frames[0],pipeline.config
    own.displacement = torch.ones(len(pipeline.displacement))
    frame.focal_known,frame.focal_spread = 1.1*float(frame.camera.focal),.2
    _,photometric,texture = make_stages(config)
    now = losses.Candidate(pipeline, face, photometric.rates)
    terms = losses.weighed(photometric.terms, photometric.weights, now)
    found = {n:float(v) for n,v in terms.items()}
    solver = ShadingSolver(pipeline, face, photometric)
    names = [rows.name for rows in residual_rows(solver.problem, solver.bounds[0])]
    blocks = solver.system([], solver.bounds[0])
    found |= {f'shading: {n}':float(r@r) for n,(_,r,_) in zip(names, blocks)}
    # below zero somewhere, and coloured
    frame.light.coefficients = frame.light.coefficients.clone()
    frame.light.coefficients[1:4] *= torch.tensor([4., 3., 5.])
    lights = LightProblem(pipeline, face, photometric.light, skin_pixels(pipeline, face, photometric, 200))
    found |= {f'light: {n}':photometric.light.weights[n]*float(r.square().sum()) for n,(r,_) in lights._priors(0).items()}
    found |= {'light: sum':lights.system()[2]['light'], 'light: albedo':lights.system()[2]['albedo']}
    solver = TextureSolver(pipeline, face, texture)
    waves = .03*torch.sin(1.5*torch.arange(64.))[None,:,None]*torch.linspace(.2, 1, 64)[None,:,None]
    solver.free.start = solver.free.start+waves                      # uneven, rough, and beside the model's
    return found|{f'maps: {n}':float(v.detach()) for n,v in solver.losses(relight=True).items()}

@pytest.fixture(scope='module')
def weighed(truth): return energies(truth)

#: weight -> the terms that it changes, in the energy and as rows of a Gauss-Newton step; 'sum' is of all priors of a light
SHADING = lambda *names: {*names, *(f'shading: {n}' for n in names)}
WEIGHTS = dict(weight_landmarks=SHADING('landmarks', 'focal'), weight_shape=SHADING('shape', 'displacement'),
    weight_expression=SHADING('expression'),
    weight_albedo={'light: albedo'}, weight_light={'light: light', 'light: sum', 'maps: light'},
    weight_light_colour={'light: light_colour', 'light: sum'},
    weight_light_smooth={'light: light_smooth', 'light: sum'},
    **{f'weight_{m}_{t}': {f'maps: {m}_{t}'} for m in ('diffuse', 'specular', 'roughness')
    for t in ('symmetry', 'consistency', 'smoothness')})

@pytest.mark.parametrize('setting, terms', WEIGHTS.items())
def test_a_weight_counts_where_it_should_and_nowhere_else(truth, weighed, setting, terms):
    doubled = energies(truth, **{setting: 2*getattr(Config(), setting)})
    assert set(doubled)==set(weighed) and all(weighed[n]>0 for n in terms)
    changed = {n for n,v in doubled.items() if abs(v/weighed[n]-1)>1e-3}
    assert changed==terms
    for n in terms:
        if n.split(':')[0] not in ('light',) or n=='light: albedo':
            assert doubled[n]==pytest.approx(2*weighed[n], rel=1e-3), n

def test_every_weight_is_in_the_table():
    # of which test_lightfit.py asks
    assert {f.name for f in fields(Config) if f.name.startswith('weight_')}==set(WEIGHTS)|{'weight_eye_white'}

# ---- what is drawn

def test_the_seed_chooses_the_pixels_and_the_rays(truth, monkeypatch):
    asked,pixels = [],[]
    for seed in (0, 0, 5):
        pipeline,face = Pipeline(MODEL, Config(**SMALL|dict(seed=seed, samples_train=3+seed))),bare(truth)
        stage = make_stages(pipeline.config)[1]
        pixels.append(skin_pixels(pipeline, face, stage, 50)[0].transfer.pixels)
        draw = pipeline.render
        pipeline.render = lambda face,i,samples,seed,**more: asked.append((samples, seed)) or draw(face, i, samples,
            seed=seed, **more)
        for _ in fit_geometry(pipeline, face, replace(stage, steps=2)): pass
    assert torch.equal(pixels[0], pixels[1]) and not torch.equal(pixels[0], pixels[2])
    # once to see what can be skin, then at each step
    assert [samples for samples,_ in asked]==[3]*6+[8]*3
    # fresh ones at each step, others for another seed
    assert asked[:3]==asked[3:6] and len({seed for _,seed in asked})==4

@pytest.mark.parametrize('components', [0, 3])
def test_so_many_components_are_used(truth, components):
    model = Pipeline(MODEL, Config(**SMALL|dict(components=components))).model
    wanted = min(components or 10**6, len(MODEL.shape_variance)),min(components or 10**6, len(MODEL.albedo_variance))
    assert (len(model.shape_variance), len(model.albedo_variance))==wanted and len(model.shape_basis)==wanted[0]

def test_maps_light_and_environment_are_as_large_as_asked_for(truth):
    _,face,pipeline = after(truth, 2, texture_resolution=128, environment_height=24)
    assert face.identity.diffuse.shape==(128, 128, 3) and pipeline.renderer(face.frames[0]).environment_shape==(24, 48)
    for bands in (2, 4):
        pipeline,other = Pipeline(MODEL, Config(**SMALL|dict(bands=bands))),bare(truth)
        start_light(pipeline, other)
        assert other.frames[0].light.coefficients.shape==(bands**2, 3)
        assert light_grid(bands).shape==environment_basis(16, bands).reshape(-1, bands**2).shape

def test_detail_is_added_as_often_as_asked_for(truth):
    maps = [after(truth, 2, steps_detail=rounds)[1].identity.diffuse for rounds in (0, 1, 6)]
    change = [float((a-b).abs().mean()) for a,b in zip(maps, maps[1:])]
    assert min(change)>1e-5

# ---- which pixels count

@pytest.mark.parametrize('what', ['mask', 'inside', 'exposed'])
def test_pixels_that_are_masked_or_no_photo_count_nowhere(truth, what):
    pipeline,face = Pipeline(MODEL, Config(**SMALL)),bare(truth)
    left = torch.zeros(64, 64)
    left[:,:32] = 1
    frame = face.frames[0]
    if what=='mask': frame.mask = left
    else: frame.photo = replace(frame.photo, **{what: left.bool() if what=='inside' else left})
    view = texture_view(pipeline, face, 0)
    for stage_3 in (photo_weights(pipeline, face, 0, view.transfer), view.weight[:,0]):
        there = torch.zeros(64*64)
        there[view.transfer.pixels] = stage_3
        assert there.reshape(64, 64)[:,:32].max()>.1 and there.reshape(64, 64)[:,32:].max()==0
    stage_2 = region_picture(pipeline, face, 0)[...,0]
    assert stage_2[:,:32].max()>.1 and stage_2[:,32:].max()==0
    assert (skin_pixels(pipeline, Face(face.identity, [frame]), make_stages(pipeline.config)[1],
        200)[0].transfer.pixels%64<32).all()
