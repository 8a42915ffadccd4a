"A loss term from outside the package: it is summed, weighed, shown and reported as those of the table are"
import json, shutil
from dataclasses import replace
import pytest, torch
from nextgenface_nb.config import Config, setting
from nextgenface_nb.errors import ConfigError
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.optim.losses import Candidate, LossTerm, TERMS, checked_terms, stage_terms, weighed
from nextgenface_nb.optim.shading import ShadingSolver, skin_pixels
from nextgenface_nb.optim.stages import make_stages, run
from nextgenface_nb.output.pictures import loss_figure
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.reconstruction import outside_terms, reconstruct

SMALL = dict(device='cpu', renderer='vertex', texture_resolution=64, max_resolution=64, bands=3, environment_height=16,
    samples_train=1, samples_final=1, steps_shading=1, steps_texture=6, steps_detail=0)
MODEL = toy_model(29, 21)

# ---- terms of a user

def redness(c):
    "Mean red of the diffuse map, where the mesh is"
    return c.maps[c.prior.valid][:,0].mean()

def turned(c):
    "Squared yaw of the first photo"
    return c.face.frames[0].rotation[1]**2

def term(name, stage, function, weight=1.):
    return LossTerm(name, stage, function, setting=setting(weight, f'{name} of a test', low=0, high=1e4))

PALE,AHEAD = term('pale', 'texture', redness, 5.),term('ahead', 'photometric', turned, 100.)

@pytest.fixture(scope='module')
def truth(): return synthetic_face(pipeline(), seed=1, size=64, light=studio_light(.6, bands=3), samples=1)

def pipeline(**settings): return Pipeline(MODEL, Config(**SMALL|settings))

def after(truth, number, *terms, **settings):
    "The face after one stage, and what the stage told"
    own,face = pipeline(**settings),truth.face.copy()
    face.identity.diffuse = face.identity.specular = face.identity.roughness = None
    stage = make_stages(own.config, terms)[number]
    return face,[p.losses for p in run(stage, own, face)]

# ---- it is summed

def test_a_term_of_stage_3_changes_the_maps_and_appears_under_its_name(truth):
    (plain,told),(pale,shown) = after(truth, 2),after(truth, 2, PALE)
    seen = plain.identity.provenance==1
    red = lambda face: float(face.identity.diffuse[seen][:,0].mean())
    assert red(pale)<red(plain)-.01
    assert all('pale' not in losses for losses in told) and all(losses['pale']>0 for losses in shown)
    for losses in shown:
        assert sum(v for n,v in losses.items() if n!='total')==pytest.approx(losses['total'], rel=1e-5)

@pytest.mark.parametrize('settings', [dict(steps_shading=2), dict(steps_shading=0, steps_photometric=3)],
    ids=['Gauss-Newton', 'ray-traced'])
def test_a_term_of_stage_2_moves_the_geometry_and_appears_under_its_name(truth, settings):
    turned_face = truth.face.copy()
    turned_face.frames[0].rotation = turned_face.frames[0].rotation+torch.tensor([0., .1, 0.])
    known = replace(truth, face=turned_face)
    rate = dict(rate_pose=.05)
    (plain,told),(ahead,shown) = (after(known, 1, *terms, **settings|rate) for terms in ((), (AHEAD.at(1e4),)))
    yaw = lambda face: abs(float(face.frames[0].rotation[1]))
    assert yaw(ahead)<.7*yaw(plain), (yaw(ahead), yaw(plain))
    assert not any('ahead' in losses for losses in told)
    moving = [losses for losses in shown if 'landmarks' in losses]          # light and albedo have terms of their own
    assert moving and all('ahead' in losses for losses in moving)

def test_its_row_in_the_gauss_newton_system_has_its_value_and_its_gradient(truth):
    "The square of the residual is the term, and twice residual times Jacobian its gradient"
    own,face = pipeline(),truth.face.copy()
    face.frames[0].rotation = face.frames[0].rotation+torch.tensor([.02, .1, 0.])
    plain,extra = (make_stages(own.config, terms)[1] for terms in ((), (AHEAD,)))
    x = ShadingSolver(own, face, plain).bounds[0]
    pixels = skin_pixels(own, face, plain, 50)
    rows = [ShadingSolver(own, face, stage).system(pixels, x) for stage in (plain, extra)]
    (columns,r,J),size = rows[1][len(rows[0])-1],ShadingSolver(own, face, plain).problem.shape_size
    yaw = float(face.frames[0].rotation[1])
    assert len(rows[1])==len(rows[0])+1 and len(columns)==len(x)
    assert float(r[0]**2)==pytest.approx(100*yaw**2, rel=1e-5)
    wanted = torch.zeros(len(x), dtype=torch.float64)
    wanted[size+1] = 2*100*yaw
    torch.testing.assert_close(torch.as_tensor(2*r@J), wanted, atol=1e-4, rtol=1e-4)

def test_what_does_not_apply_is_not_there(truth):
    _,shown = after(truth, 2, term('absent', 'texture', lambda c: None))
    assert all('absent' not in losses for losses in shown)

def test_the_whole_fit_takes_it_and_tells_of_it(truth, tmp_path):
    "From a photo: the history, the curve, and report.json"
    result = reconstruct(truth.photo(), Config(**SMALL), MODEL, truth.landmarks(), tmp_path/'run', terms=[PALE, AHEAD])
    last = {p.stage:p.losses for p in result.history}
    assert last['texture']['pale']>0 and 'pale' not in last['photometric']
    assert any('ahead' in p.losses for p in result.history if p.stage=='photometric')
    told = json.loads((tmp_path/'run'/'report.json').read_text(encoding='utf-8'))['stages']['texture']['losses']
    assert told['pale']==pytest.approx(last['texture']['pale'], rel=1e-4)
    curve = loss_figure([p for p in result.history if p.stage=='texture'])
    assert 'pale' in [line.get_label() for line in curve.axes[0].lines]

def test_dashboards_have_its_weight_on_a_slider_and_its_value_on_the_curve(truth):
    pytest.importorskip('anywidget')
    from nextgenface_nb.widgets.dashboards import PhotometricDashboard, TextureDashboard
    own = pipeline()
    panel = TextureDashboard(own, truth.face.copy(), every=50, terms=[PALE])
    assert panel.weights['pale'].value==pytest.approx(5.)
    panel.runner.step_button.click()
    first = panel.history[-1].losses['pale']
    panel.weights['pale'].value = 50.
    panel.runner.step_button.click()
    assert panel.history[-1].losses['pale']>5*first
    panel.runner.close()
    assert 'ahead' in PhotometricDashboard(own, truth.face.copy(), terms=[AHEAD]).weights

# ---- its weight

def test_its_weight_counts_as_given(truth):
    first = lambda weight: after(truth, 2, PALE.at(weight), steps_texture=1)[1][0]['pale']
    assert first(10.)==pytest.approx(2*first(5.), rel=1e-5) and first(0.)==0

@pytest.mark.parametrize('weight', [-1., 1e5, 'much', float('nan')])
def test_a_weight_out_of_its_range_is_refused_as_one_of_the_settings_is(weight):
    with pytest.raises(ConfigError, match='from 0 to 10000'): PALE.at(weight)

WRONG = {'its name is taken': (PALE, replace(PALE, name='photo')), 'twice the same': (PALE, PALE),
    'the name of the sum': (replace(PALE, name='total'),), 'no name': (replace(PALE, name='a b'),),
    'a stage that sums nothing': (replace(PALE, stage='landmarks'),), 'no such stage': (replace(PALE, stage='hair'),),
    'no weight': (replace(PALE, setting=None),), 'the weight of another': (replace(PALE, weight='light'),),
    'a default out of range': (term('loud', 'texture', redness, 1e6),), 'no term': (redness,)}

@pytest.mark.parametrize('name', WRONG)
def test_what_is_no_term_is_refused_before_a_fit(name):
    with pytest.raises(ConfigError): make_stages(Config(), WRONG[name])

@pytest.mark.parametrize('function, said', [(lambda c: c.maps, 'not one number'), (lambda c: 1., 'not one number'),
    (lambda c: redness(c)*float('nan'), 'finite')])
def test_a_function_that_gives_no_number_is_named(truth, function, said):
    with pytest.raises(ConfigError, match='bad') as error: after(truth, 2, term('bad', 'texture', function))
    assert said in str(error.value)

def test_a_term_of_stage_2_is_not_negative(truth):
    with pytest.raises(ConfigError, match='not negative'):
        after(truth, 1, term('less', 'photometric', lambda c: -1-turned(c)))

# ---- the table

def test_every_term_of_the_table_is_summed_with_a_weight_of_the_config(truth):
    for stage in make_stages(Config())[1:]:
        assert stage.terms==stage_terms(stage.name) and all(t in TERMS for t in stage.terms)
        for t in stage.terms:
            if t.weight_name: assert stage.weights[t.weight_name]==getattr(Config(), f'weight_{t.weight_name}')
    names = {t.name for t in TERMS if t.stage=='texture'}
    assert set(after(truth, 2)[1][0])==names|{'total'}

def test_a_term_weighs_what_it_gives():
    now = Candidate(None, None, {}, maps=torch.ones(2, 2, 5), prior=type('Prior', (), dict(valid=torch.ones(2, 2)>0)))
    assert float(weighed(checked_terms([PALE]), dict(pale=3.), now)['pale'])==3

# ---- it is gone on with

def resumed(truth, keep, *terms, **more):
    from nextgenface_nb.resume import fit_resumable
    return fit_resumable([truth.photo()], pipeline(deterministic=True), keep, landmarks=[truth.landmarks()],
        terms=terms, **more)

class PowerCut(BaseException): pass

def cut(progress):
    if (progress.stage, progress.step)==('texture', 4): raise PowerCut

@pytest.fixture(scope='module')
def stopped(truth, tmp_path_factory):
    "The state of a fit with both terms that was cut off in stage 3"
    keep = tmp_path_factory.mktemp('stopped')/'cut.npz'
    with pytest.raises(PowerCut): resumed(truth, keep, PALE, AHEAD, progress=cut, every=0)
    return keep

@pytest.fixture
def keep(stopped, tmp_path):
    "A copy of it: whoever goes on writes there"
    shutil.copy(stopped, tmp_path/'cut.npz')
    return tmp_path/'cut.npz'

def test_a_resumed_fit_has_the_same_terms(truth, keep, tmp_path):
    "It gives what an uninterrupted one gives, and the report says what was added and at which weight"
    whole = resumed(truth, tmp_path/'whole.npz', PALE, AHEAD)
    again = resumed(truth, keep, PALE, AHEAD)
    for name,value in whole.face.parameters().items(): assert torch.equal(value, again.face.parameters()[name]), name
    assert again.history[-1].losses['pale']==whole.history[-1].losses['pale']>0
    again.save(tmp_path/'run')
    rows = [dict(name='ahead', stage='photometric', weight=100.), dict(name='pale', stage='texture', weight=5.)]
    assert json.loads((tmp_path/'run'/'report.json').read_text())['terms']==rows

@pytest.mark.parametrize('terms', [(), (PALE.at(6.), AHEAD), (PALE,), (replace(PALE, name='rosy'), AHEAD)],
    ids=['none', 'another weight', 'one of them', 'another name'])
def test_a_fit_with_other_terms_is_not_gone_on_with(truth, keep, terms):
    from nextgenface_nb.errors import CheckpointError
    with pytest.raises(CheckpointError, match='ahead of photometric .weight 100., pale of texture .weight 5.') as said:
        resumed(truth, keep, *terms)
    assert 'at the same weights' in said.value.advice

def test_a_fit_without_terms_is_not_gone_on_with_by_one_that_has_some(truth, tmp_path):
    from nextgenface_nb.errors import CheckpointError
    keep = tmp_path/'cut.npz'
    with pytest.raises(PowerCut): resumed(truth, keep, progress=cut, every=0)
    with pytest.raises(CheckpointError, match='were none; given are pale'): resumed(truth, keep, PALE)

def test_a_report_of_no_terms_speaks_of_none(truth, tmp_path):
    resumed(truth, tmp_path/'a.npz', stages=['landmarks']).save(tmp_path/'run', formats=['report'])
    assert 'terms' not in json.loads((tmp_path/'run'/'report.json').read_text())

def test_terms_of_the_table_are_not_from_outside():
    assert outside_terms(make_stages(Config(**SMALL)))==[]
    assert outside_terms(make_stages(Config(**SMALL), [PALE]))==[dict(name='pale', stage='texture', weight=5.)]
