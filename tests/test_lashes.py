"Lashes and corneas hang on the head: rooted on the lids, outside of skin and eyes, and with every face, blink and look"
import numpy as np, pytest, torch, trimesh
from scipy.spatial import cKDTree
from test_export import Glb, holding, validate
from nextgenface_nb import cli_export, cli_replay
from nextgenface_nb.config import Config
from nextgenface_nb.errors import ConfigError
from nextgenface_nb.facemodel.lashes import (CORNEA, IRIS, ROWS, attachments, cornea, eye_hoop, eyelids, lash_texture,
    lashes)
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.geometry.subdivision import rims
from nextgenface_nb.output.checkpoint import save_face
from nextgenface_nb.output.glb import face_glb
from nextgenface_nb.output.overlay import drawn_over
from nextgenface_nb.output.replay import staged
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.reconstruction import Reconstruction
from nextgenface_nb.evaluation.synthetic import synthetic_face

@pytest.fixture(scope='module')
def model(): return load_model()

@pytest.fixture(scope='module')
def hair(model): return lashes(model)

@pytest.fixture(scope='module')
def people(model): return model.sample(6, 3).shape

@pytest.fixture(scope='module')
def pipeline(model): return Pipeline(model, Config(device='cpu', texture_resolution=64, environment_height=16, bands=5))

def both(name, weight=1.): return {f'{name}{side}':weight for side in ('Left','Right')}

LOOKS = [both(f'eyeLook{way}') for way in ('Up','Down','In','Out')]
FACES = dict(rest={}, half=both('eyeBlink', .5), blink=both('eyeBlink'), squint=both('eyeSquint'), wide=both('eyeWide'),
    up=LOOKS[0], down=LOOKS[1], inward=LOOKS[2], outward=LOOKS[3])

def own(attachment, words):
    "Vertices of the parts whose names have these words, [n]"
    ranges = [r for name,r in attachment.parts.items() if all(w in name for w in words.split())]
    return torch.cat([attachment.triangles[a:b].unique() for a,b in ranges])

def depth(points, vertices, triangles, normals):
    "How deep points lie under a surface, by the nearest place on it, mm; below 0: outside"
    corners = vertices[triangles]
    near = cKDTree(corners.mean(1)).query(points, k=24)[1]
    every = np.repeat(points, near.shape[1], 0)
    place = trimesh.triangles.closest_point(corners[near.ravel()], every).reshape(*near.shape, 3)
    far = np.linalg.norm(place-points[:,None], axis=2)
    best = near[np.arange(len(points)),far.argmin(1)]
    place = place[np.arange(len(points)),far.argmin(1)]
    weight = trimesh.triangles.points_to_barycentric(corners[best], place)
    out = (normals[triangles[best]]*weight[...,None]).sum(1)
    return -np.sign(((points-place)*out).sum(1))*far.min(1)

def left_side(model, surface):
    "Skin around the left eye, and its ball: triangles"
    faces = model.welded_triangles.numpy()
    skin = faces[slice(*model.parts['skin'])]
    near = (abs(surface[skin].mean(1)-[31, 0, 70])<[34, 40, 40]).all(1)
    return skin[near],faces[slice(*model.parts['left eye'])]

# ---- lashes

def test_roots_are_on_the_rim_of_the_lids(model, hair, people):
    "On the skin, and as far before the ball as the margin is thick: rings farther out are farther from it"
    for shape in people:
        surface = model.vertices(shape)
        skin,ball = left_side(model, surface.numpy())
        normals = model.normals(surface).numpy()
        points = hair.vertices(surface)[own(hair, 'left')].reshape(-1, ROWS, 3)[:,0].numpy()
        assert abs(depth(points, surface.numpy(), skin, normals)).max()<.1
        far = -depth(points, surface.numpy(), ball, normals)
        assert 1<far.min() and far.mean()<2.6                                       # the margin of a lid is 2 mm thick
        upper,lower = (hair.vertices(surface)[own(hair, f'left {k}')].reshape(-1, ROWS, 3)[:,0] for k in ('upper 0','lower'))
        assert upper[:,1].mean()>lower[:,1].mean()+3

@pytest.mark.parametrize('expression', FACES)
def test_lashes_stay_outside_of_skin_and_eyes(model, hair, people, expression):
    for shape in people:
        surface = model.vertices(shape, FACES[expression])
        skin,ball = left_side(model, surface.numpy())
        normals = model.normals(surface).numpy()
        points = hair.vertices(surface)[own(hair, 'left')].numpy()
        worst = [depth(points, surface.numpy(), t, normals).max() for t in (skin, ball)]
        assert max(worst)<.35, worst

def test_both_sides_are_mirror_images(model, hair):
    points = hair.vertices(model.shape_mean)
    left,right = (points[own(hair, side)] for side in ('left','right'))
    assert (left*torch.tensor([-1., 1, 1])-right).abs().max()<1e-3

def test_upper_lashes_go_down_with_the_lid_and_turn(model, hair, people):
    upper = own(hair, 'upper').reshape(-1, ROWS)
    for shape in people:
        before,after = (hair.vertices(model.vertices(shape, e))[upper] for e in ({}, both('eyeBlink')))
        rise = lambda x: (x[:,-1,1]-x[:,0,1]).mean()
        assert (after-before)[:,-1,1].mean()<-9 and rise(before)>1 and rise(after)<-.5
        lengths = [x.diff(dim=1).norm(dim=2).sum(1) for x in (before, after)]
        torch.testing.assert_close(*lengths, atol=1e-3, rtol=0)
        assert 8.5<lengths[0].max()<10

def test_targets_are_what_expressions_do_and_take_no_time(model, hair, people):
    import time
    neutral = model.vertices(people[0])
    start = time.process_time()
    targets = hair.morphs(model, neutral, people[0])
    assert time.process_time()-start<.5 and targets.shape==(52, len(hair.uvs), 3)
    for name in ('eyeBlinkLeft', 'browDownRight'):
        there = hair.vertices(model.vertices(people[0], {name:1.}))
        torch.testing.assert_close(hair.vertices(neutral)+targets[model.expression_names.index(name)], there, atol=1e-3, rtol=0)
    assert targets[model.expression_names.index('jawOpen')].abs().max()<.5

def test_hair_is_drawn_as_long_and_as_dense_as_asked_for(model, hair):
    long = lashes(model, length=1.5)
    rest = model.shape_mean
    reach = lambda a: a.vertices(rest).reshape(-1, ROWS, 3).diff(dim=1).norm(dim=2).sum(1)
    torch.testing.assert_close(reach(long), 1.5*reach(hair), atol=1e-3, rtol=0)
    assert lashes(model, density=2.).texture[...,3].mean()>1.4*hair.texture[...,3].mean()
    assert np.array_equal(hair.texture, lash_texture()) and not np.array_equal(lash_texture(seed=1), lash_texture())
    for wrong in (dict(length=0), dict(length=9), dict(density='many'), dict(density=-1)):
        with pytest.raises(ConfigError, match='of lashes'): lashes(model, **wrong)

def test_models_without_lids_have_none(model):
    toy = toy_model(21, 17)
    assert attachments(toy, glass=True)==[] and eyelids(toy, 'left')=={}
    assert attachments(model.having(parts={}), glass=True)==[]                     # as BFM: one surface
    names = [n.replace('eyeBlink', 'wink') for n in model.expression_names]
    assert [a.name for a in attachments(model.having(expression_names=names), glass=True)]==['cornea']

def test_a_model_that_is_no_subdivision_any_more_keeps_them(model, hair):
    "The line of the lids is looked for in each: a person's may lie half a millimetre from that of the mean"
    person = model.trimmed(1).frozen(model.vertices(model.sample(1, 2).shape[0]))
    found = lashes(person)
    assert list(found.parts)==list(hair.parts) and .9<len(found.uvs)/len(hair.uvs)<1.1
    there,others = (a.vertices(person.shape_mean) for a in (found, hair))
    assert torch.cdist(there, others).min(1).values.mean()<.7

def test_roots_of_lower_lashes_stay_near_the_lid_on_the_straight_line_of_a_file(model, hair, people):
    "They make way for the upper lid; between rest and blink a target cuts that corner"
    roots = own(hair, 'left lower').reshape(-1, ROWS)[:,0]
    for shape in people[:3]:
        rest = model.vertices(shape)
        blink = hair.morphs(model, rest, shape)[model.expression_names.index('eyeBlinkLeft')]
        for weight,bound in ((.5, 1.), (.75, 1.5)):
            surface = model.vertices(shape, {'eyeBlinkLeft':weight})
            points = (hair.vertices(rest)+weight*blink)[roots].numpy()
            skin,_ = left_side(model, surface.numpy())
            assert abs(depth(points, surface.numpy(), skin, model.normals(surface).numpy())).max()<bound

def closed(model):
    "The model with eyeballs that have no rim: a fan of triangles across the ring at the back of each"
    faces,parts = [],{}
    for name,(first,last) in model.parts.items():
        own = [model.triangles[first:last]]
        if 'eye' in name:
            for rim in rims(model.welded_triangles[first:last].numpy()):
                own.append(torch.tensor([(rim[0], b, a) for a,b in zip(rim[1:], rim[2:])]))
        start = sum(map(len, faces))
        faces += own
        parts[name] = start,start+sum(map(len, own))
    return model.having(triangles=torch.cat(faces), parts=parts, cage=None)

def test_eyeballs_may_be_closed(model, hair):
    whole = closed(model)
    eye = whole.welded_triangles[slice(*whole.parts['left eye'])].numpy()
    assert not rims(eye) and len(eye_hoop(whole, 'left'))==len(np.unique(eye))
    found = {a.name:a for a in attachments(whole, glass=True)}
    assert torch.equal(found['lashes'].bound, hair.bound)
    surface = model.vertices()
    assert (found['lashes'].vertices(surface)-hair.vertices(surface)).abs().max()<2
    both = [a.vertices(surface) for a in (found['cornea'], cornea(model))]
    assert len(found['cornea'].parts)==2 and (both[0].amax(0)-both[1].amax(0)).abs().max()<.6
    assert (both[0][:,2].max()-both[1][:,2].max()).abs()<.1

# ---- the cornea

def test_an_eye_without_vertices_at_the_iris_has_no_cornea(model):
    "The left eye is larger than its rings: nothing of it lies there"
    first,last = model.parts['left eye']
    mean = model.shape_mean.clone()
    rows = model.triangles[first:last].unique()
    middle = mean[eye_hoop(model, 'left')].mean(0)
    mean[rows] = middle+20*(mean[rows]-middle)
    glass = cornea(model.having(shape_mean=mean))
    assert list(glass.parts)==['right'] and glass.vertices(mean).isfinite().all()
    assert cornea(model.having(parts={k:v for k,v in model.parts.items() if k=='left eye'}, shape_mean=mean)) is None

@pytest.mark.parametrize('look', range(5))
def test_the_cornea_is_a_dome_before_the_iris(model, people, look):
    glass = cornea(model)
    for shape in people:
        surface = model.vertices(shape, LOOKS[look-1] if look else None)
        points,eye = glass.vertices(surface),surface[glass.bound]
        for side,way in (('left', 1), ('right', -1)):
            here = own(glass, side)
            radius = ((model.shape_mean[glass.bound[here]]-torch.tensor([way*31.19, .82, 0]))[:,:2]).norm(dim=1)
            lift = (points[here]-eye[here]).norm(dim=1)
            assert ((points-eye)[here,2]>0).all() and lift[radius<2].min()>1 and lift[radius>IRIS+.5].max()<.3
            *centre,rest = np.linalg.lstsq(np.c_[2*points[here][radius<5.5],np.ones((radius<5.5).sum())],
                points[here][radius<5.5].square().sum(1).numpy(), rcond=None)[0]
            ball = np.sqrt(rest+np.dot(centre, centre))
            assert abs(ball/CORNEA-1)<.15, ball

# ---- files

@pytest.fixture(scope='module')
def made(pipeline, tmp_path_factory):
    face = synthetic_face(pipeline, seed=3, size=64, samples=1, expression=False).face
    path = tmp_path_factory.mktemp('made')/'stage3_output.npz'
    save_face(path, face, pipeline.model, dict(config=pipeline.config.to_dict()))
    return face,path

def names(glb): return [n['name'] for n in holding(glb, glb.nodes(0)[0])]

def test_lashes_and_corneas_are_nodes_that_blend(model, pipeline, made, tmp_path):
    data = face_glb(pipeline, made[0], cornea=True)
    found = Glb(data)
    assert names(found)==[*model.parts, 'lashes', 'cornea']
    hair,glass = found.json['materials'][-2:]
    assert (hair['alphaMode'], hair['doubleSided'], glass['alphaMode'])==('BLEND', True, 'BLEND')
    assert glass['pbrMetallicRoughness']['roughnessFactor']==0 and glass['pbrMetallicRoughness']['baseColorFactor'][3]<.3
    texture = found.json['textures'][hair['pbrMetallicRoughness']['baseColorTexture']['index']]
    assert found.json['images'][texture['source']]['name']=='lashes'
    (tmp_path/'a.glb').write_bytes(data)
    (tmp_path/'b.glb').write_bytes(face_glb(pipeline, made[0], merged=True))
    done = validate(*tmp_path.glob('*.glb'))
    assert done.returncode==0 and done.stdout.count(' 0 errors, 0 warnings')==2, done.stdout

def test_roots_in_a_file_follow_the_lids_of_the_file(model, pipeline, made, hair):
    "With every target the file's own numbers put them on its skin"
    found = Glb(face_glb(pipeline, made[0]))
    meshes = {m['name']:m['primitives'][0] for m in found.json['meshes']}
    for name in ('eyeBlinkRight', 'eyeWideLeft'):
        k = model.expression_names.index(name)
        at = {n:1000*(found.array(meshes[n]['attributes']['POSITION'])+found.array(meshes[n]['targets'][k]['POSITION']))
            for n in ('skin', 'lashes')}
        roots = at['lashes'].reshape(-1, ROWS, 3)[:,0]
        upper = own(hair, 'upper').reshape(-1, ROWS)[:,0].numpy()//ROWS
        assert cKDTree(at['skin']).query(roots[upper])[0].max()<.1

def test_whoever_names_parts_gets_these(pipeline, made):
    for options,there in ((dict(lashes=False), False), (dict(parts='face'), False), (dict(parts='face', lashes=True), True),
            (dict(parts='teeth', lashes=True), False)):
        assert ('lashes' in names(Glb(face_glb(pipeline, made[0], **options))))==there, options

def test_one_eye_has_one_cornea(model, pipeline, made):
    "The other does not float in the air"
    whole = cornea(model)
    for side,way in (('left', 1), ('right', -1)):
        found = Glb(face_glb(pipeline, made[0], parts=f'{side} eye', cornea=True))
        assert names(found)==[f'{side} eye', 'cornea']
        glass = found.array(found.json['meshes'][1]['primitives'][0]['attributes']['POSITION'])
        assert len(glass)==len(whole.uvs)//2 and (way*glass[:,0]>.01).all()            # m
        wanted = whole.vertices(pipeline.person(made[0]))[own(whole, side)].numpy()/1000
        np.testing.assert_allclose(glass, wanted, atol=1e-5)

def test_the_command_writes_lashes_and_corneas_as_asked_for(made, tmp_path):
    for flags,wanted in (((), ['lashes']), (['--no-lashes', '--cornea'], ['cornea']),
            (['--parts', 'skin', '--lashes'], ['lashes'])):
        assert cli_export.main([str(made[1]), '--quiet', '--output', str(tmp_path/'out'), *flags])==0
        found = Glb((tmp_path/'out'/'face0.glb').read_bytes())
        assert [n for n in names(found) if n in ('lashes','cornea')]==wanted

# ---- pictures

def test_drawn_lashes_darken_what_is_around_the_eyes(pipeline, made, hair):
    face = staged(pipeline, made[0], size=192, upright=True)
    plain = torch.cat([torch.ones(192, 192, 3), torch.ones(192, 192, 1)], 2)
    seen = drawn_over(pipeline, face, plain, [hair])
    changed = (seen-plain).abs().amax(2)>.02
    place = hair.vertices(pipeline.world_vertices(face))
    pixels = face.frames[0].camera.focal*place[:,:2]/-place[:,2:]*torch.tensor([1, -1])+face.frames[0].camera.principal
    rows,columns = changed.nonzero().T
    assert changed.sum()>40 and (seen<=plain+1e-6).all()
    assert pixels[:,1].min()-1<rows.min() and rows.max()<pixels[:,1].max()+1 and pixels[:,0].min()-1<columns.min()
    behind = drawn_over(pipeline, staged(pipeline, made[0], size=192, yaw=180, upright=True), plain, [hair])
    assert (behind-plain).abs().max()<1e-6                                         # the head hides them

def test_films_and_pictures_have_lashes_as_asked_for(pipeline, made, tmp_path, monkeypatch):
    result = Reconstruction(made[0], pipeline)
    with_,without = (result.render(size=96, samples=1, as_array=True, lashes=x) for x in (True, False))
    assert .02<abs(with_-without).max()
    picture = np.zeros((16, 16, 3), np.uint8)
    monkeypatch.setattr('nextgenface_nb.output.replay.draw', lambda *a, hanging, **k: seen.append(len(hanging)) or picture)
    for flags,count in (((), 1), (['--no-lashes'], 0)):
        seen = []
        assert cli_replay.main([str(made[1]), '--quiet', '--output', str(tmp_path), '--size', '16', '--frames', '2', *flags])==0
        assert seen==[count]*2
