"The packaged model is a whole head: closed, with parts that stay where they belong, and expressions that do what they say"
from dataclasses import replace
import numpy as np, pytest, torch
from scipy.spatial import cKDTree
from nextgenface_nb.config import Config
from nextgenface_nb.errors import ModelError
from nextgenface_nb.evaluation.penetration import measure_penetration
from nextgenface_nb.facemodel.clearance import Contact, MAKES_WAY, cleared, contacts, crowns, part_vertices, penetrations
from nextgenface_nb.facemodel.model import load_model
from nextgenface_nb.geometry.camera import project, transform
from nextgenface_nb.geometry.mesh import fit_sphere, vertex_normals
from nextgenface_nb.geometry.subdivision import catmull_clark, rims, surface_matrix, to_cage, to_surface
from nextgenface_nb.evaluation.synthetic import photograph, synthetic_face
from nextgenface_nb.optim.shading import region_weights, surface_seen
from nextgenface_nb.optim.stages import make_stages
from nextgenface_nb.optim.texture import TEETH, TextureSolver, beside_mouth, pixel_means, texture_view, tooth_gain
from nextgenface_nb.pipeline import Pipeline

@pytest.fixture(scope='module')
def model(): return load_model()

@pytest.fixture(scope='module')
def pipeline(model): return Pipeline(model, Config(device='cpu', texture_resolution=128, max_resolution=64))

def own(model, part):
    "The vertices of a part"
    first,last = model.parts[part]
    return model.triangles[first:last].unique().numpy()

# ---- closed

def test_the_skin_has_one_rim_the_collar(model):
    first,last = model.parts['skin']
    rim, = rims(model.welded_triangles[first:last].numpy())
    height = model.shape_mean[rim,1]
    assert height.max()-height.min()<12 and height.max()<model.shape_mean[:,1].quantile(.1)

def test_every_part_has_its_triangles_and_its_place_in_the_texture(model):
    ranges = sorted(model.parts.values())
    assert [b for _,b in ranges[:-1]]==[a for a,_ in ranges[1:]]
    assert (ranges[0][0], ranges[-1][1])==(0, len(model.triangles))
    assert {'skin','left eye','right eye','upper teeth','lower teeth','upper gums','lower gums','tongue'}==set(model.parts)

def test_normals_are_the_same_on_both_sides_of_a_seam(model):
    vertices = model.vertices(model.sample(1, 3).shape[0])
    normals = model.normals(vertices)
    copies = torch.from_numpy(model.cage.copies)
    last = normals[-len(copies):]
    torch.testing.assert_close(vertices[copies], vertices[-len(copies):])
    assert torch.equal(normals[copies], last)
    torn = vertex_normals(vertices, model.triangles)
    assert (torn[copies]-torn[-len(copies):]).norm(dim=1).max()>.05

def test_no_turn_shows_an_inner_side(pipeline, model):
    "Rays from all around, at eye height, hit triangles from outside"
    from nextgenface_nb.facemodel.embedding import locate, posed, view_camera
    from nextgenface_nb.geometry.mesh import triangle_crosses
    camera = view_camera(96)
    first,last = model.parts['skin']
    skin = model.triangles[first:last]
    for yaw in range(0, 360, 60):
        world = posed(model.shape_mean, (0, yaw), distance=1500)
        grid = torch.stack(torch.meshgrid(*[torch.arange(26.,72,3)]*2, indexing='xy'), -1).reshape(-1, 2)
        nearest = []
        for triangles in (skin, skin.flip(1)):   # `locate` sees those that face the camera; flipped, the others
            found,weights = locate(grid, world, triangles, camera)
            point = (world[triangles[found.clamp(min=0)]]*weights[...,None]).sum(1)
            nearest.append(torch.where(found>=0, -point[:,2], torch.inf))
        assert (nearest[0]<torch.inf).sum()>20 and not (nearest[1]<nearest[0]-.5).any(), yaw

# ---- expressions

@pytest.mark.parametrize('name,part,way', [
    ('jawOpen', 'lower teeth', (0,-1,0)), ('jawForward', 'lower teeth', (0,0,1)), ('jawLeft', 'lower teeth', (1,0,0)),
    ('jawRight', 'lower teeth', (-1,0,0)), ('tongueOut', 'tongue', (0,0,1)), ('jawOpen', 'tongue', (0,-1,0)),
    ('eyeLookUpLeft', 'left eye', (0,1,0)), ('eyeLookDownRight', 'right eye', (0,-1,0)),
    ('eyeLookOutLeft', 'left eye', (1,0,0)), ('eyeLookInLeft', 'left eye', (-1,0,0))])
def test_parts_move_as_the_name_says(model, name, part, way):
    moved = model.expression_basis[model.expression_names.index(name)][own(model, part)]
    front = model.shape_mean[own(model, part),2].topk(40).indices   # of an eye the iris, of a row the incisors
    assert (moved[front]@torch.tensor(way, dtype=torch.float32)).mean()>2 # mm

def test_upper_teeth_stand_still_and_every_expression_moves_something(model):
    assert model.expression_basis[:,own(model, 'upper teeth')].abs().max()<.2
    assert (model.expression_basis.norm(dim=2).amax(1)>1).all()

def test_models_that_lack_parts_have_no_contacts(model):
    from dataclasses import replace
    fewer = replace(model, parts={k:v for k,v in model.parts.items() if 'gums' not in k})
    assert contacts(fewer)=={}
    with pytest.raises(ModelError, match='no teeth'): measure_penetration(fewer, people=1, quiet=True)
    with pytest.raises(ModelError, match='no cage'): cleared(replace(model, cage=None, parts={}))

def depth(model, vertices, part):
    "How deep the vertices of a part lie in the flesh, mm; -9 for those that are nowhere near"
    skin = own(model, 'skin')
    normals = model.normals(vertices).numpy()
    points = vertices.numpy()
    distance,near = cKDTree(points[skin]).query(points[own(model, part)])
    at = skin[near]
    inside = -((points[own(model, part)]-points[at])*normals[at]).sum(1)
    return np.where(distance<6, inside, -9)

@pytest.mark.parametrize('row', ['upper teeth', 'lower teeth'])
def test_teeth_stay_behind_lips_and_cheeks(model, row):
    shown = np.isin(own(model, row), crowns(model, row))
    assert shown.mean()>.3
    worst = {name:depth(model, model.vertices(expression={name:1.}), row)[shown].max()
        for name in ('jawOpen', 'jawLeft', 'mouthSmileLeft', 'mouthPucker', 'mouthRollLower', 'mouthPressLeft', 'cheekPuff')}
    assert max(worst.values())<.3, worst

def test_at_rest_everybodys_lips_are_closed(pipeline):
    "Nothing of what the mouth hides is seen from the front"
    from nextgenface_nb.evaluation.synthetic import synthetic_face
    from nextgenface_nb.optim.texture import mouth_opening
    for seed in range(3):
        face = synthetic_face(pipeline, seed, expression=False, size=64, samples=1).face
        assert mouth_opening(pipeline, face)<.001, seed

# ---- parts that keep clear

def test_parts_of_twenty_people_keep_clear(model):
    "At rest, and with six of the shapes each: a command asks five hundred"
    report = measure_penetration(model, people=20, single=6, mixed=0, seed=3, quiet=True)
    assert report['heads']==20*7
    assert max(report['worst']['rest'].values())<.3
    deep = {kind:max(parts.values()) for kind,parts in report['worst'].items()}
    assert np.mean([depth>.3 for depth in deep.values()])<.1 and max(deep.values())<1.5, deep

@pytest.mark.parametrize('name,part', [('tongueOut', 'tongue'), ('mouthRollUpper', 'upper teeth'), ('eyeLookInLeft', 'left lids')])
def test_flesh_that_closes_in_is_seen(model, name, part):
    "The measure itself: lips or lids 4 mm nearer, and a part stands in them"
    among = contacts(model)
    assert isinstance(among[part], Contact)
    there = model.vertices(expression={name:1.})
    assert penetrations(model, there, among)[part]<.3
    lips = torch.from_numpy(among[part].surface.used if part!='left lids' else among[part].points)
    back = there.clone()
    back[lips] -= 4*model.normals(there)[lips]*(1 if part=='left lids' else -1)
    assert penetrations(model, back, among)[part]>.3

def test_a_tongue_in_the_skull_is_deep(model):
    "Far from every triangle, on the wrong side of all of them"
    among = contacts(model)
    lost = model.vertices().clone()
    lost[torch.from_numpy(among['tongue'].points)] += torch.tensor([0,60.,0])
    assert penetrations(model, lost, among)['tongue']==among['tongue'].surface.reach

def test_shapes_are_cleared_for_both_sides_alike(model):
    again,history = cleared(model.trimmed(4), people=2, rounds=1, pairs=0)
    assert again.correctives.names==['mouthClose_beyond_jawOpen']
    assert set(history)==set(MAKES_WAY) and all(len(depths)<=2 for depths in history.values())
    left,right = (again.expression_basis[again.expression_names.index(f'eyeLookIn{side}')] for side in ('Left', 'Right'))
    skin = torch.from_numpy(part_vertices(model, 'skin'))
    torch.testing.assert_close(left[model.mirror]*torch.tensor([-1.,1,1]), right, atol=2e-3, rtol=0)
    assert (left-model.expression_basis[model.expression_names.index('eyeLookInLeft')])[skin].abs().max()<.5

@pytest.mark.parametrize('side', ['left', 'right'])
def test_looks_turn_an_eye_about_its_centre(model, side):
    own = part_vertices(model, f'{side} eye')
    centre,radius = fit_sphere(model.shape_mean[own].double().numpy())
    for way in ('In', 'Out', 'Up', 'Down'):
        ball = model.vertices(expression={f'eyeLook{way}{side.title()}':1.})[own].double().numpy()
        there,size = fit_sphere(ball)
        assert np.linalg.norm(there-centre)<.05 and abs(size-radius)<.05

# ---- as it is stored and used

def test_pictures_frame_the_head_and_not_the_shoulders(model, pipeline):
    from nextgenface_nb.output.replay import head_vertices, staged
    from nextgenface_nb.evaluation.synthetic import synthetic_face
    head = head_vertices(model)
    wide = lambda chosen: float(model.shape_mean[chosen,0].abs().max())
    assert wide(head)<100<wide(~head) and head.float().mean()>.8
    assert head[model.regions['face']>.5].all()
    face = synthetic_face(pipeline, 3, size=64, samples=1).face
    frame = staged(pipeline, face, size=200, upright=True).frames[0]
    seen = project(transform(pipeline.vertices(face)[head], frame.rotation, frame.translation), frame.camera)[...,:2]
    high = seen[:,1].max()-seen[:,1].min()
    assert seen.min()>0 and seen.max()<200 and high>110

def test_the_surface_is_that_of_its_cage(model):
    matrix = surface_matrix(model.cage)
    some = model.shape_basis[:3].numpy()
    np.testing.assert_allclose(to_surface(matrix, to_cage(matrix, some)), some, atol=2e-4*abs(some).max())
    step,_ = catmull_clark(model.cage.quads, int(model.cage.starts[-1]))
    np.testing.assert_allclose(step.sum(1), 1, atol=1e-12)   # every point is a mean of old ones

def test_saved_as_a_cage_it_is_the_same_model(model, tmp_path):
    model = model.trimmed(3)
    model.save(tmp_path/'m.h5', compact=True)
    again = load_model(tmp_path/'m.h5')
    assert again.parts==model.parts and (again.shape_mean-model.shape_mean).abs().max()<1e-3
    for name in ('shape_basis', 'expression_basis'):
        assert (getattr(again, name)-getattr(model, name)).abs().max()<1e-3*getattr(model, name).abs().max()
    assert len(again.cage.quads)==len(model.cage.quads)
    torch.testing.assert_close(again.normals(again.shape_mean), model.normals(model.shape_mean), atol=1e-3, rtol=0)

@pytest.mark.parametrize('compact', [False, True])
def test_parts_and_seams_survive_however_it_is_saved(model, tmp_path, compact):
    "Also of a surface that comes from no cage any more: that is stored as it is"
    moved = model.trimmed(1).frozen(model.shape_mean+.5*torch.randn(model.shape_mean.shape))
    moved.save(tmp_path/'m.h5', compact=compact)
    again = load_model(tmp_path/'m.h5')
    assert torch.equal(again.shape_mean, moved.shape_mean) and again.parts==model.parts
    assert torch.equal(again.weld, model.weld) and torch.equal(again.welded_triangles, model.welded_triangles)

@pytest.fixture(scope='module')
def small(model, tmp_path_factory):
    "The file of a model with a cage"
    path = tmp_path_factory.mktemp('small')/'m.h5'
    model.trimmed(1).having(embeddings={}).save(path, compact=True)
    return path

@pytest.mark.parametrize('spoil', [
    lambda f: f['cage/quads'].__setitem__((0,0), 10**6), lambda f: f['cage/levels'].__setitem__(0, 9),
    lambda f: f['cage/part'].__setitem__(0, 3), lambda f: f['cage/copies'].__setitem__(0, 10**6),
    lambda f: f['cage/copies'].__setitem__(0, -5), lambda f: f['parts/names'].__setitem__(1, f['parts/names'][0]),
    lambda f: f['cage/quads'].__setitem__((slice(0, 60), 0), f['cage/quads'][0,0]),
    lambda f: f['parts/triangles'].__setitem__((0,1), 10**7)])
def test_a_cage_that_is_none_is_refused(small, tmp_path, spoil):
    import h5py, shutil
    from nextgenface_nb.errors import ModelError
    shutil.copy(small, tmp_path/'m.h5')
    with h5py.File(tmp_path/'m.h5', 'r+') as file: spoil(file)
    with pytest.raises(ModelError, match='m.h5'): load_model(tmp_path/'m.h5')

def test_the_fit_looks_at_the_face_and_not_at_the_back_of_the_head(pipeline, model):
    used,around,triangles = surface_seen(pipeline)
    assert set(used.tolist())<=set(around.tolist()) and triangles.max()==len(around)-1
    assert (region_weights(pipeline, True)>.01).sum()<=len(used)<.7*len(model.uvs)
    skull = (model.shape_mean[:,2]<-60)&(model.shape_mean[:,1]>0)
    assert not skull[used].any()
    assert not np.intersect1d(used, own(model, 'upper teeth')).size

def test_the_tone_of_teeth_is_that_of_the_brighter_half(pipeline, model):
    teeth = pipeline.texture_map.bake(model.regions['teeth'][:,None])[...,0]>.5
    inner = torch.full((128, 128, 5), .5)
    shade = torch.where((torch.arange(128)%3==0)[:,None,None], .4, 1.)
    where,gain = tooth_gain(pipeline, inner[...,:3]*torch.tensor([1.2,1.,.8])*shade, inner, teeth)
    assert torch.equal(where, teeth)
    torch.testing.assert_close(gain, torch.tensor([1.2,1.,.8]))
    few = teeth&(teeth.flatten().cumsum(0).reshape(teeth.shape)<TEETH)
    assert torch.equal(tooth_gain(pipeline, 2*inner[...,:3], inner, few)[1], torch.ones(3))

#: A smile that shows teeth
SMILE = dict.fromkeys(('mouthSmileLeft', 'mouthSmileRight', 'mouthUpperUpLeft', 'mouthUpperUpRight', 'mouthLowerDownLeft',
    'mouthLowerDownRight'), .6)|dict(jawOpen=.2)

def smiling(pipeline):
    "A face from near that smiles, its mouth in the middle"
    face = synthetic_face(pipeline, seed=4, size=128, samples=1, expression=False, rotation=(0.,0.,0.), focal=800.,
        translation=(0.,70.,-900.)).face
    for name,weight in SMILE.items(): face.frames[0].expression[pipeline.model.expression_names.index(name)] = weight
    return face

def test_teeth_that_a_photo_shows_on_a_lip_are_not_believed(pipeline, model):
    face = smiling(pipeline)
    photo = face.frames[0].photo
    face.frames[0].photo = replace(photo, pixels=torch.full_like(photo.pixels, .8), exposed=None)
    view = texture_view(pipeline, face, 0)
    lips,mouth = (pixel_means(model.regions[name], pipeline, view.transfer) for name in ('lips', 'mouth'))
    rim = beside_mouth(face.frames[0], view.transfer, mouth)==0
    assert (rim&(lips>.5)).sum()>50 and (mouth>.5).sum()>100
    assert view.weight[rim].mean()<.3*view.weight[(lips>.5)&~rim].mean()

@pytest.mark.parametrize('tone', [(1.35,1.3,1.2), (.7,.62,.5)])
def test_teeth_of_a_smile_have_the_tone_that_the_photo_shows(model, tone):
    "White and dark ones, under a known light: within a seventh, and the lips beside them keep their own"
    pipeline = Pipeline(model, Config(device='cpu', texture_resolution=256, max_resolution=128))
    truth = smiling(pipeline)
    teeth = pipeline.texture_map.bake(model.regions['teeth'][:,None])[...,0]>.5
    begun = truth.copy()
    truth.identity.diffuse = torch.where(teeth[...,None], truth.identity.diffuse*torch.tensor(tone), truth.identity.diffuse)
    begun.frames[0].photo = photograph(pipeline, truth, 64).face.frames[0].photo
    stage = make_stages(pipeline.config)[2]
    solver = TextureSolver(pipeline, begun, replace(stage, rates=dict(diffuse=.01), steps=60))
    for step in range(60): solver.step(step)
    solver.finish()
    found = begun.identity.diffuse[teeth].mean(0)/truth.identity.diffuse[teeth].mean(0)
    assert (found.log().abs()<.15).all(), found
    lips = (pipeline.texture_map.bake(model.regions['lips'][:,None])[...,0]>.9)
    lips = lips&(begun.identity.provenance==1)
    apart = (begun.identity.diffuse-truth.identity.diffuse)[lips].abs().mean()
    assert apart<.03, apart
