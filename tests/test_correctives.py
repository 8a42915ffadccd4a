"Corrective shapes of the packaged model: slopes, files, the GLB, and what they are for - parts that keep clear."
from dataclasses import replace
import numpy as np, pytest, torch
from test_export import Glb, holding, placed
from nextgenface_nb.config import Config
from nextgenface_nb.evaluation.penetration import measure_penetration
from nextgenface_nb.evaluation.synthetic import synthetic_face
from nextgenface_nb.facemodel.clearance import PRESSING, Shapes, deep_pairs
from nextgenface_nb.facemodel.interface import Correctives
from nextgenface_nb.facemodel.lashes import lashes
from nextgenface_nb.facemodel.model import load_model
from nextgenface_nb.output.glb import face_glb
from nextgenface_nb.output.surface import surface_of
from nextgenface_nb.output.viewer import FaceViewer
from nextgenface_nb.pipeline import Pipeline

@pytest.fixture(scope='module')
def model(): return load_model()

@pytest.fixture(scope='module')
def pipeline(model):
    return Pipeline(model, Config(device='cpu', texture_resolution=64, max_resolution=64, bands=5, environment_height=16))

def drawn(model, seed=0):
    "Every expression a little, no two alike"
    return torch.rand(len(model.expression_names), generator=torch.Generator().manual_seed(seed))*.9+.05

def test_the_table_is_small_and_the_same_on_both_sides(model):
    c = model.correctives
    assert 10<=len(c.pairs)<=60 and len(c.rows)<.5*len(model.shape_mean)
    flip = lambda name: name.replace('Left', '@').replace('Right', 'Left').replace('@', 'Right')
    pairs = {frozenset(pair) for pair in c.pairs}
    assert pairs=={frozenset(map(flip, pair)) for pair in pairs}
    twins = dict(zip(pairs, ({*map(flip, pair)} for pair in pairs)))
    for pair,twin in list(twins.items())[:12]:
        one,other = (model.vertices(expression=dict.fromkeys(p, 1.)) for p in (pair, twin))
        torch.testing.assert_close(one[model.mirror]*torch.tensor([-1.,1,1]), other, atol=.02, rtol=0)

def test_pairs_that_are_deep_together_are_found_and_have_a_corrective(model):
    "Asked of shapes without correctives: the tongue in a mouth that is pressed shut is the worst"
    shapes = Shapes(model, people=1, seed=11)
    shapes.contacts = {'tongue':shapes.contacts['tongue']}
    found = deep_pairs(shapes, people=1)
    depths = [depth for depth,*_ in found]
    assert depths==sorted(depths, reverse=True) and depths[-1]>.15
    assert found[0][1:3]==('mouthClose', 'tongueOut') and found[0][3]==['tongue']
    known = {frozenset(pair) for pair in model.correctives.pairs}
    whole = lambda name: [name]*(name in model.expression_names) or [f'{name}Left']
    assert all(frozenset([*whole(a), *whole(b)]) in known for _,a,b,_ in found[:3])

def test_slopes_at_points_are_those_of_differences(model):
    "In doubles, away from equal coefficients"
    places = model.embedding_of()
    points = model.at(places)
    shape,expression = np.zeros(len(model.shape_variance)),drawn(model).double().numpy()
    where,_,slopes = points(shape, expression)
    plain = replace(model, correctives=Correctives()).at(places)
    assert np.abs(where-plain(shape, expression)[0]).max()>.1
    for k,name in enumerate(model.expression_names):
        step = np.eye(len(expression))[k]*1e-5
        both = [points(shape, expression+s*step)[0] for s in (1, -1)]
        np.testing.assert_allclose(slopes[k], (both[0]-both[1])/2e-5, atol=1e-5, err_msg=name)

def test_slopes_of_the_surface_are_those_of_autograd(model):
    expression = drawn(model, 1)
    _,found = model.jacobian(None, expression)
    weights = torch.randn(model.shape_mean.shape, generator=torch.Generator().manual_seed(2))
    leaf = expression.clone().requires_grad_()
    (model.vertices(None, leaf)*weights).sum().backward()
    torch.testing.assert_close((found*weights).sum((1, 2)), leaf.grad, rtol=1e-3, atol=2e-2)
    assert (found-model.expression_basis).abs().max()>.5

def test_a_line_from_rest_is_straight(model):
    expression = drawn(model, 3)
    rest,half,there = (model.vertices(None, s*expression) for s in (0, .5, 1))
    torch.testing.assert_close(half, (rest+there)/2, atol=1e-3, rtol=0)

def test_a_mouth_closes_no_further_than_the_jaw_is_open(model):
    close = model.expression_basis[model.expression_names.index('mouthClose')]
    alone = model.vertices(expression=dict(mouthClose=1.))-model.vertices()
    torch.testing.assert_close(alone, PRESSING*close, atol=.05, rtol=0)
    more = lambda close: model.vertices(expression=dict(jawOpen=.5, mouthClose=close))
    torch.testing.assert_close(more(.5)-more(.4), .1*(more(.5)-more(0.))/.5, atol=2e-3, rtol=0)
    assert (more(1.)-more(.5)).norm(dim=1).max()<.1*(more(.5)-more(0.)).norm(dim=1).max()

def test_the_file_holds_what_the_model_has(model, tmp_path):
    model.save(tmp_path/'again.h5', compact=True)
    again = load_model(tmp_path/'again.h5')
    assert again.correctives.pairs==model.correctives.pairs
    assert torch.equal(again.correctives.beyond, model.correctives.beyond)
    expression = drawn(model, 4)
    assert (again.vertices(None, expression)-model.vertices(None, expression)).abs().max()<.05
    assert replace(model, correctives=Correctives()).fingerprint!=model.fingerprint
    few = replace(model.correctives, moves=model.correctives.moves*1.01)
    assert replace(model, correctives=few).fingerprint!=model.fingerprint

def weight_of(extra, given):
    "By the words of the file"
    first,second = (min(max(given.get(extra[k], 0.), 0.), 1.) for k in ('first', 'second'))
    return dict([('smaller of both', min(first, second)), ('first beyond second', max(first-second, 0.))])[extra['weight']]

def test_a_reader_of_the_glb_that_keeps_to_its_list_has_the_models_face(pipeline, model):
    face = synthetic_face(pipeline, seed=5, size=64, samples=1).face
    face.frames[0].expression = drawn(model, 7)
    glb = Glb(face_glb(pipeline, face))
    extras = glb.json['asset']['extras']['correctives']
    assert [e['target'] for e in extras]==model.correctives.names
    given = dict(zip(model.expression_names, drawn(model, 6).tolist()))
    weights = [*given.values(), *(weight_of(extra, given) for extra in extras)]
    wanted = pipeline.person(face, torch.tensor([*given.values()]))
    surface = surface_of(model)
    for node in holding(glb, glb.nodes(0)[0]):
        primitive = glb.json['meshes'][node['mesh']]['primitives'][0]
        assert glb.json['meshes'][node['mesh']]['extras']['targetNames'][52:]==model.correctives.names
        points = glb.array(primitive['attributes']['POSITION']).astype(float)
        for weight,target in zip(weights, primitive['targets'], strict=True):
            points = points+weight*glb.array(target['POSITION'])
        if node['name'] in surface.parts:
            rows = surface.of(node['name'])[2]
            np.testing.assert_allclose(1000*placed(node, points), wanted[rows].numpy(), atol=.03)
    animation = glb.json['animations'][0]['samplers'][0]
    values = glb.array(animation['output']).reshape(3, -1)
    own = dict(zip(model.expression_names, face.frames[0].expression.tolist()))
    np.testing.assert_allclose(values[-1,52:], [weight_of(extra, own) for extra in extras], atol=1e-6)

def test_lashes_are_where_the_lids_are_when_two_shapes_move_them(pipeline, model):
    hair = lashes(model)
    neutral = model.vertices()
    names = [frozenset(pair) for pair in model.correctives.pairs]
    moved,more = hair.morphs(model, neutral),hair.corrected(model, neutral)
    for k,pair in enumerate(model.correctives.pairs):
        if model.correctives.beyond[k]: continue
        sums = sum(moved[model.expression_names.index(name)] for name in pair)
        wanted = hair.vertices(model.vertices(expression=dict.fromkeys(pair, 1.)))
        rest = [p for p in names if p<=set(pair)]
        if len(rest)==1: torch.testing.assert_close(hair.vertices(neutral)+sums+more[k], wanted, atol=2e-3, rtol=0)

def test_the_page_gets_the_pairs_of_its_sliders(pipeline, model):
    face = synthetic_face(pipeline, seed=5, size=64, samples=1).face
    viewer = FaceViewer(pipeline, face, expressions=['tongueOut'])
    wanted = [(*pair, beyond) for pair,beyond in zip(model.correctives.pairs, model.correctives.beyond.tolist())
        if 'tongueOut' in pair]
    assert [tuple(c) for c in viewer.correctives]==wanted and len(viewer.morph_counts)==1+len(wanted)
    assert set(viewer.fixed)=={*model.expression_names}-{'tongueOut'}

def test_parts_of_twenty_people_keep_clear_in_mixtures_too(model):
    "A command asks five hundred"
    report = measure_penetration(model, people=20, single=2, mixed=6, seed=3, quiet=True)
    assert report['heads']==20*9
    deep = {kind:max(parts.values()) for kind,parts in report['worst'].items()}
    del deep['mixture']
    assert max(deep.values())<.3, deep
    mixed = report['worst']['mixture']
    # a tongue half way out, of a mouth that is not open as far, still stands in the lips
    assert max(depth for part,depth in mixed.items() if part!='tongue')<.3 and mixed['tongue']<4, mixed
    assert report['deeper']['mixture']<.1
