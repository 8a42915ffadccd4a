"A head in files: parts as nodes, quads, levels of detail, the face alone"
import json
from dataclasses import replace
from types import SimpleNamespace
import numpy as np, pytest, torch, trimesh
from scipy.spatial import cKDTree
from elsewhere import elsewhere, mark, on_card
from test_export import Glb, holding, validate
from nextgenface_nb import cli_export
from nextgenface_nb.config import Config
from nextgenface_nb.errors import ConfigError
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.geometry.mesh import triangle_crosses
from nextgenface_nb.geometry.subdivision import surface_matrix, to_cage, triangulate
from nextgenface_nb.output.checkpoint import save_face
from nextgenface_nb.output.export import export_face, save_ply, save_usdz, vertex_colours
from nextgenface_nb.output.glb import face_glb, target_weights
from nextgenface_nb.output.mesh import save_mesh, write_mesh
from nextgenface_nb.output.surface import DETAILS, WET, material_name, model_quads, surface_of
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.evaluation.synthetic import synthetic_face

@pytest.fixture(scope='module')
def model(): return load_model()

@pytest.fixture(scope='module')
def made(model, tmp_path_factory):
    "A person of the packaged model with an expression, and a checkpoint"
    pipeline = Pipeline(model, Config(device='cpu', texture_resolution=64, environment_height=16, bands=5))
    face = synthetic_face(pipeline, seed=3, size=64, samples=1).face
    face.frames[0].expression = torch.linspace(.1, .5, 52)
    folder = tmp_path_factory.mktemp('made')
    save_face(folder/'stage3_output.npz', face, model, dict(config=pipeline.config.to_dict()))
    return pipeline, face, folder/'stage3_output.npz'

@pytest.fixture(scope='module')
def glb(made): return Glb(face_glb(*made[:2], lashes=False))   # those are in test_lashes.py

# ---- GLB: nodes

def test_parts_are_nodes_under_one_root_each_with_its_material(glb, model):
    root = glb.nodes(0)[0]
    nodes = holding(glb, root)
    assert root['name']=='face' and [n['name'] for n in nodes]==list(model.parts)
    meshes = [glb.json['meshes'][n['mesh']] for n in nodes]
    assert len({n['mesh'] for n in nodes})==len(model.parts) and all(len(m['primitives'])==1 for m in meshes)
    used = [glb.json['materials'][m['primitives'][0]['material']] for m in meshes]
    assert [m['name'] for m in used]==[material_name(p) for p in model.parts]
    assert {m['name'] for m in glb.json['materials']}=={'skin', *WET}
    rough = {m['name']:m['pbrMetallicRoughness'].get('roughnessFactor', 1) for m in glb.json['materials']}
    assert rough==dict(skin=1)|WET
    assert len(glb.json['images'])==len(glb.json['textures'])==4                # none is there twice

def test_every_node_has_all_expressions_under_the_same_numbers(glb, model):
    names = [*model.expression_names, *model.correctives.names]
    assert model.expression_names==names[:52] and glb.json['asset']['extras']['correctives']
    for mesh in glb.json['meshes']:
        assert mesh['extras']['targetNames']==names
        assert len(mesh['primitives'][0]['targets'])==len(mesh['weights'])==len(names)
    jaw = model.expression_names.index('jawOpen')
    def moved(part):
        mesh = next(m for m in glb.json['meshes'] if m['name']==part)
        return np.abs(glb.array(mesh['primitives'][0]['targets'][jaw]['POSITION'])).max()*1000
    assert moved('lower teeth')>10 and moved('lower gums')>10 and moved('tongue')>5 and moved('skin')>10
    assert moved('upper teeth')<.2 and moved('left eye')==0

def test_what_stands_still_is_stored_once(glb, made):
    "And a file is not much larger for it: the description is a small part of it"
    eye = next(m for m in glb.json['meshes'] if m['name']=='left eye')
    places = [t['POSITION'] for t in eye['primitives'][0]['targets']]
    assert len(set(places))==5 and len({a for t in eye['primitives'][0]['targets'] for a in t.values()})==9
    assert len(json.dumps(glb.json))<.05*len(glb.body)

def test_animations_and_poses_drive_all_nodes(glb, made):
    pipeline,face,_ = made
    animation, = glb.json['animations']
    root,posed = glb.nodes(0)[0],next(n for n in glb.nodes(1) if 'children' in n)
    assert [c['target']['node'] for c in animation['channels']]==root['children']
    assert all(c['target']['path']=='weights' and c['sampler']==0 for c in animation['channels'])
    for node in holding(glb, posed):
        shown = target_weights(pipeline.model, face.frames[0].expression)
        np.testing.assert_allclose(node['weights'], shown, atol=1e-6)
        assert 'rotation' not in node                                            # the head is turned, not its parts
    assert all('weights' not in n for n in holding(glb, root))

def test_an_eyes_node_is_in_the_middle_of_its_ball(glb, made, model):
    "A turn of the node leaves the ball where it is, and looks where the look shape looks"
    pipeline,face,_ = made
    from scipy.spatial.transform import Rotation
    for side,node in zip(('Left','Right'), (n for n in holding(glb, glb.nodes(0)[0]) if 'eye' in n['name'])):
        primitive = glb.json['meshes'][node['mesh']]['primitives'][0]
        points = glb.array(primitive['attributes']['POSITION'])*1000
        distance = np.linalg.norm(points, axis=1)
        assert abs(np.median(distance)/1000/node['extras']['radius']-1)<.05 and distance.std()<.06*distance.mean()
        there = pipeline.person(face)[model.triangles[slice(*model.parts[node['name']])].unique()].numpy()
        np.testing.assert_allclose(points+1000*np.array(node['translation']), there, atol=1e-3)
        up = model.expression_names.index(f'eyeLookUp{side}')
        shape = points+1000*glb.array(primitive['targets'][up]['POSITION'])
        turned = Rotation.from_euler('x', -10, degrees=True).apply(points)
        front = points[:,2]>.9*points[:,2].max()
        assert np.linalg.norm(turned-shape, axis=1)[front].max()<1.5             # mm

def test_a_node_has_its_own_vertices_only(glb, made, model):
    for mesh in glb.json['meshes']:
        primitive = mesh['primitives'][0]
        count = glb.json['accessors'][primitive['attributes']['POSITION']]['count']
        first,last = model.parts[mesh['name']]
        assert count==len(model.triangles[first:last].unique())
        assert np.array_equal(np.unique(glb.array(primitive['indices'])), np.arange(count))

def test_the_validator_has_nothing_to_say_about_any_choice(made, tmp_path):
    pipeline,face,_ = made
    few = [made[0].model.expression_names.index(n) for n in ('jawOpen', 'eyeLookUpLeft', 'browInnerUp')]
    model = pipeline.model
    names = [model.expression_names[k] for k in few]
    pipeline = Pipeline(replace(model, expression_basis=model.expression_basis[few], expression_names=names,
        expression_variance=model.expression_variance[few], expression_bounds=model.expression_bounds[few],
        correctives=model.correctives.among(names)), pipeline.config)
    face = face.copy()
    face.frames[0].expression = face.frames[0].expression[few]
    several = dict(all=dict(posed=0), merged=dict(merged=True, detail='coarse'), baked=dict(morphs=False, posed=0),
        face=dict(parts='face', detail='coarse'))
    for name,options in several.items(): (tmp_path/f'{name}.glb').write_bytes(face_glb(pipeline, face, **options))
    done = validate(*tmp_path.glob('*.glb'))
    assert done.stdout.count(' 0 errors, 0 warnings, 0 notes, 0 hints')==len(several), done.stdout

# ---- parts and levels of detail

def test_the_face_alone_is_asked_for_by_name(made, model):
    pipeline,face,_ = made
    found = Glb(face_glb(pipeline, face, parts='face'))
    assert [n['name'] for n in holding(found, found.nodes(0)[0])]==['skin', 'left eye', 'right eye']
    skin = found.json['meshes'][0]['primitives'][0]
    assert found.array(skin['attributes']['POSITION'])[:,2].min()>-.02           # m: nothing of the back of the head
    some = Glb(face_glb(pipeline, face, parts=['upper teeth', 'tongue'], merged=True))
    assert len(some.json['meshes'][0]['primitives'])==2
    with pytest.raises(ConfigError, match='no part'): face_glb(pipeline, face, parts='nose ring')

@pytest.mark.parametrize('detail,share', [*zip(DETAILS, (.273, 1, 4))])
def test_a_level_of_detail_is_the_same_head(made, model, detail, share):
    pipeline,face,_ = made
    there = pipeline.vertices(face)
    surface = surface_of(model, detail=detail)
    assert abs(len(surface.quads)/len(model_quads(model))-share)<.01*share+.01
    points,normals = surface.vertices(there),surface.normals(there)
    assert list(surface.parts)==list(model.parts)
    assert (points.amax(0)-there.amax(0)).abs().max()<1.5 and (points.amin(0)-there.amin(0)).abs().max()<1.5
    own = model.normals(there)[cKDTree(there.numpy()).query(points.numpy())[1]]
    assert np.median((normals*own).sum(1))>.97
    cross = triangle_crosses(points, torch.from_numpy(surface.triangles))
    outward = (cross*normals[torch.from_numpy(surface.triangles)].mean(1)).sum(1)
    assert (outward>0).float().mean()>.98
    stretch = lambda s: torch.cdist(s.uvs[torch.from_numpy(s.triangles)][:,:1], s.uvs[torch.from_numpy(s.triangles)][:,1:2])
    assert stretch(surface).max()<3*stretch(surface_of(model)).max()             # no triangle across a seam

def test_the_fine_surface_is_the_next_step_of_the_cage(model):
    "Closed across seams: where the cage itself would be, subdivided once more"
    matrix = surface_matrix(model.cage)
    mean = model.shape_mean.numpy()[None]
    wanted = model.cage.subdivided(1)[0]@to_cage(matrix, mean)[0]
    found = surface_of(model, detail='fine').vertices(model.shape_mean).numpy()
    for one,other in (wanted, found), (found, wanted): assert cKDTree(one).query(other)[0].max()<.02 # mm

def test_expressions_of_a_level_of_detail_are_the_persons(made, model):
    "Neutral plus weights times targets, at a quarter of the quads: the coarse head of the photo"
    pipeline,face,_ = made
    found = Glb(face_glb(pipeline, face, posed=0, detail='coarse', lashes=False))
    from test_export import seen_by
    points,_ = seen_by(found, 1)
    surface = surface_of(model, detail='coarse')
    rows = torch.cat([surface.of(part)[2] for part in surface.parts])
    wanted = surface.vertices(pipeline.world_vertices(face))[rows]
    assert (torch.tensor(points)-wanted).abs().max()<.01

# ---- OBJ, PLY, USD

def read_obj(path):
    "Vertices, and by group: material, faces counted from 0"
    lines = [l.split() for l in path.read_text().splitlines()]
    points = np.array([l[1:] for l in lines if l[:1]==['v']], float)
    groups,name = {},None
    for line in lines:
        if line[:1]==['g']: name = line[1]
        if line[:1]==['usemtl']: groups[name] = [line[1], []]
        if line[:1]==['f']: groups[name][1].append([int(c.split('/')[0])-1 for c in line[1:]])
    return points, groups

def test_obj_has_quads_that_cover_exactly_the_triangles(made, model, tmp_path):
    pipeline,face,_ = made
    save_mesh(tmp_path, pipeline, face)
    points,groups = read_obj(tmp_path/'mesh0.obj')
    np.testing.assert_allclose(points, pipeline.vertices(face).numpy(), atol=1e-3)
    assert list(groups)==[name.replace(' ', '_') for name in model.parts]
    for (material,faces),(name,(first,last)) in zip(groups.values(), model.parts.items()):
        assert material==material_name(name) and {len(f) for f in faces}=={4}
        assert np.array_equal(triangulate(np.array(faces)), model.triangles[first:last].numpy()), name
    said = (tmp_path/'material0.mtl').read_text()
    assert {l.split()[1] for l in said.splitlines() if l.startswith('newmtl')}=={'skin', *WET}
    assert said.count('map_Kd diffuseMap_0.png')==5

def test_trimesh_reads_the_obj_with_its_parts(made, model, tmp_path):
    pipeline,face,_ = made
    export_face(pipeline, face, tmp_path/'out', ['obj'], parts='teeth,eyes', detail='coarse', pose='neutral')
    loaded = trimesh.load(tmp_path/'out'/'mesh0.obj', process=False)
    surface = surface_of(model, 'teeth,eyes', 'coarse')
    assert len(loaded.geometry)==2                                               # two materials
    assert sum(len(m.faces) for m in loaded.geometry.values())==len(surface.triangles)
    assert np.abs(loaded.bounds[1]-surface.vertices(pipeline.person(face)).numpy().max(0)).max()<1e-3

def test_ply_and_usd_have_what_is_asked_for(made, model, tmp_path):
    pipeline,face,_ = made
    surface = surface_of(model, 'face', 'fine')
    save_ply(tmp_path/'a.ply', pipeline, face, parts='face', detail='fine')
    loaded = trimesh.load(tmp_path/'a.ply', process=False)
    assert np.array_equal(loaded.faces, surface.triangles)
    np.testing.assert_allclose(loaded.vertices, surface.vertices(pipeline.vertices(face)).numpy(), atol=1e-3)
    pytest.importorskip('pxr')
    from pxr import Usd, UsdGeom
    save_usdz(tmp_path/'a.usdz', pipeline, face, 'face')
    stage = Usd.Stage.Open(str(tmp_path/'a.usdz'))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath('/head/face'))
    assert set(mesh.GetFaceVertexCountsAttr().Get())=={4}
    assert len(mesh.GetFaceVertexCountsAttr().Get())==len(surface_of(model, 'face').quads)

# ---- by the command, and by methods

def exported(made, tmp_path, *flags):
    assert cli_export.main([str(made[2]), '--quiet', '--output', str(tmp_path/'out'), *flags])==0
    return tmp_path/'out'

def test_the_command_writes_the_parts_that_are_named(made, tmp_path):
    found = Glb((exported(made, tmp_path, '--parts', 'left eye, tongue')/'face0.glb').read_bytes())
    assert [m['name'] for m in found.json['meshes']]==['left eye', 'tongue']
    assert cli_export.main([str(made[2]), '--parts', 'wig', '--output', str(tmp_path/'no')])==2

def test_the_command_writes_the_detail_that_is_asked_for(made, model, tmp_path):
    for detail in DETAILS[::2]:
        out = exported(made, tmp_path, '--format', 'ply', '--parts', 'eyes', '--detail', detail)
        loaded = trimesh.load(out/'mesh0.ply', process=False)
        assert np.array_equal(loaded.faces, surface_of(model, 'eyes', detail).triangles)

def test_the_command_shows_the_pose_that_is_asked_for(made, tmp_path):
    pipeline,face,_ = made
    for pose,scene,mesh in (('photo', 1, pipeline.vertices(face)), ('neutral', 0, pipeline.person(face))):
        out = exported(made, tmp_path, '--format', 'glb,obj', '--parts', 'lower teeth', '--pose', pose)
        assert Glb((out/'face0.glb').read_bytes()).json['scene']==scene
        rows = surface_of(pipeline.model, 'lower teeth').rows
        np.testing.assert_allclose(read_obj(out/'mesh0.obj')[0], mesh[rows].numpy(), atol=1e-3)
    again = exported(made, tmp_path, '--format', 'obj', '--parts', 'lower teeth', '--neutral')/'mesh0.obj'
    again = again.read_bytes()
    before = exported(made, tmp_path, '--format', 'obj', '--parts', 'lower teeth', '--pose', 'neutral')/'mesh0.obj'
    assert again==before.read_bytes()                                            # the alias

def test_methods_take_the_same_words(made, tmp_path):
    from nextgenface_nb.reconstruction import Reconstruction
    pipeline,face,_ = made
    result = Reconstruction(face, pipeline)
    shown = lambda **o: Glb(result.to_glb(tmp_path/'a.glb', parts='eyes', **o).read_bytes()).json['scene']
    assert (shown(), shown(pose='photo'), shown(pose='neutral'), shown(posed=0))==(0, 1, 0, 1)
    still = read_obj(result.to_obj(tmp_path/'a.obj', pose='neutral', parts='tongue', detail='fine'))[0]
    surface = surface_of(pipeline.model, 'tongue', 'fine')
    np.testing.assert_allclose(still, surface.vertices(pipeline.person(face)).numpy(), atol=1e-3)
    for wrong in (dict(pose='neutral', posed=0), dict(pose='smile'), dict(detail='finest'), dict(parts='wig')):
        with pytest.raises(ConfigError): result.to_glb(tmp_path/'a.glb', **wrong)
    with pytest.raises(ConfigError): result.to_obj(tmp_path/'a.obj', pose='photo', neutral=True)

# ---- wrong words, and names that are taken

@pytest.mark.parametrize('wrong', [[1], ['skin', None], b'skin', 5, [], ',', ' ', 'all,face', 'wig'])
def test_parts_that_are_none_are_told_in_words_whatever_is_written(made, tmp_path, wrong):
    pipeline,face,_ = made
    for formats in (['glb'], ['coefficients']):
        with pytest.raises(ConfigError) as error:
            export_face(pipeline, face, tmp_path/'out', formats, parts=wrong)
        assert 'There are: .' not in str(error.value)
    assert not (tmp_path/'out').exists()
    with pytest.raises(ConfigError): face_glb(pipeline, face, parts=wrong)

def test_a_model_that_is_one_piece_says_so():
    with pytest.raises(ConfigError, match='all in one piece'): surface_of(toy_model().having(regions={}), 'face')

@pytest.mark.parametrize('wrong', [dict(detail='finest'), dict(pose='smile'), dict(space='moon'), dict(env_for='maya'),
    dict(env_around='room'), dict(lashes='no'), dict(cornea='yes'), dict(merged='no'), dict(quality=0),
    dict(pose='photo', neutral=True)])
def test_a_wrong_choice_is_told_where_no_format_takes_it(made, tmp_path, wrong):
    pipeline,face,_ = made
    with pytest.raises(ConfigError): export_face(pipeline, face, tmp_path/'out', ['coefficients'], **wrong)
    assert not (tmp_path/'out').exists()

def test_the_command_refuses_the_photos_pose_of_a_neutral_face(made, tmp_path, capsys):
    for flags in (['--pose', 'photo', '--neutral'], ['--neutral', '--pose', 'photo']):
        assert cli_export.main([str(made[2]), *flags, '--output', str(tmp_path/'out')])==2
        assert 'Choose one of both' in capsys.readouterr().err

def named(model, **others):
    "The model with other names of parts"
    return model.having(parts={others.get(name.replace(' ', '_'), name):r for name,r in model.parts.items()})

def test_a_part_may_be_called_rest(model):
    "Beside triangles that are of no part"
    parts = {'rest':model.parts['skin'], **{k:r for k,r in model.parts.items() if k not in ('skin', 'tongue')}}
    surface = surface_of(model.having(parts=parts))
    assert list(surface.parts)==[*parts, 'rest_2']
    count = lambda r: r[1]-r[0]
    assert count(surface.parts['rest'])==count(model.parts['skin'])
    assert count(surface.parts['rest_2'])==count(model.parts['tongue'])

def test_parts_called_as_what_a_file_adds_are_kept(made):
    pipeline,face,_ = made
    model = named(pipeline.model, tongue='lashes', upper_teeth='cornea', lower_teeth='face')
    found = Glb(face_glb(Pipeline(model, pipeline.config), face, lashes=True, cornea=True))
    nodes = [n['name'] for n in holding(found, found.nodes(0)[0])]
    wanted = [*model.parts, 'lashes_2', 'cornea_2']
    wanted[wanted.index('face')] = 'face_2'                                      # the root is `face`
    assert nodes==wanted==[m['name'] for m in found.json['meshes']]
    count = lambda name: len(found.array(next(m for m in found.json['meshes'] if m['name']==name)['primitives'][0]['indices']))
    assert count('lashes')==3*np.diff(model.parts['lashes'])[0]

def test_a_ply_of_a_model_elsewhere(made, tmp_path, monkeypatch):
    "As if the model lay on a card"
    pipeline,face,_ = made
    save_ply(tmp_path/'here.ply', pipeline, face, parts='eyes')
    with elsewhere(monkeypatch):
        there = SimpleNamespace(model=pipeline.model, vertices=lambda *a: mark(pipeline.vertices(*a).clone(), True),
            maps=lambda f: tuple(mark(m.clone(), True) for m in pipeline.maps(f)))
        save_ply(tmp_path/'there.ply', there, face, parts='eyes')
        assert not on_card(vertex_colours(there, face))
    assert (tmp_path/'here.ply').read_bytes()==(tmp_path/'there.ply').read_bytes()

def test_a_mesh_of_quads_has_the_normals_of_its_halves(model, tmp_path):
    quads = model_quads(model)
    for name,faces in (('quads', quads), ('triangles', triangulate(quads))): write_mesh(tmp_path, model.shape_mean, faces, name=name)
    lines = [[l for l in (tmp_path/f'{name}0.obj').read_text().splitlines() if l.startswith('vn')] for name in ('quads','triangles')]
    assert lines[0]==lines[1] and len(lines[0])==len(model.shape_mean)
