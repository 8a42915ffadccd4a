("Every GLB opens in other programs, and they find in it what we put there: assimp and trimesh always, three.js, "
 "Babylon.js, gltf-transform, assimp in JavaScript and Blender where `make importers` and `make blender` have put them.")
import json, math, os, shutil, subprocess
from dataclasses import replace
from pathlib import Path
import assimp_py, numpy as np, pytest, torch, trimesh
from PIL import Image
from test_export import Glb
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.imaging import portrait_path
from nextgenface_nb.light.environment import MapLight
from nextgenface_nb.reconstruction import reconstruct
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.output.export import export_face
from nextgenface_nb.output.glb import save_glb, target_weights
from nextgenface_nb.output.surface import material_name
from nextgenface_nb.evaluation.synthetic import synthetic_face

ROOT = Path(__file__).resolve().parent.parent
IMPORTERS = ROOT/'tests'/'importers'
#: Where `make blender` puts a Python with bpy, or where yours lies
BLENDER = Path(os.environ.get('BLENDER_PYTHON') or ROOT/'.blender'/'bin'/'python')

def some(model, keep):
    "A model with only some of its expressions"
    names = [model.expression_names[k] for k in keep]
    return replace(model, expression_basis=model.expression_basis[keep], correctives=model.correctives.among(names),
        expression_variance=model.expression_variance[keep],
        expression_bounds=model.expression_bounds[keep], expression_names=names)

def stilled(model, which):
    "A model of which some expressions move nothing"
    basis = model.expression_basis.clone()
    basis[which] = 0
    return replace(model, expression_basis=basis)

MODELS = {
    'one stands still': lambda: stilled(toy_model(), [3]),
    'all stand still': lambda: stilled(toy_model(), list(range(6))),
    'only one, still': lambda: stilled(some(toy_model(), [2]), [0]),
    'only one': lambda: some(toy_model(), [0]),
    'none': lambda: some(toy_model(), []),
    'names twice': lambda: replace(toy_model(),
    expression_names=['jawOpen', 'jawOpen', 'a', 'A', 'ümläut "x"', 'jawOpen']),
    'packaged': load_model}
CHOICES = {'face': {}, 'posed': dict(posed=0), 'merged': dict(merged=True), 'merged posed': dict(merged=True, posed=0),
    'baked': dict(posed=0, morphs=False), 'plain': dict(morphs=False), 'jpeg': dict(quality=85),
    'dense': dict(dense=True, merged=True)}

def written(pipeline, face, folder, choices=CHOICES):
    "The files of a face, by name of the choice"
    found = {name:folder/f'{name.replace(" ", "_")}.glb' for name in choices}
    for name,path in found.items(): save_glb(path, pipeline, face, lashes=False, **CHOICES[name])
    return found

@pytest.fixture(scope='module', params=MODELS)
def made(request, tmp_path_factory):
    "Pipeline, face and files of a synthetic person"
    pipeline = Pipeline(MODELS[request.param](),
        Config(device='cpu', texture_resolution=64, environment_height=16, bands=5))
    face = synthetic_face(pipeline, seed=3, size=64, samples=1).face
    face.frames[0].expression = torch.linspace(.2, .8, len(face.frames[0].expression))
    # its files are large; the portrait has all
    few = ['face', 'merged posed', 'plain'] if request.param=='packaged' else CHOICES
    return pipeline, face, written(pipeline, face, tmp_path_factory.mktemp('glb'), few)

@pytest.fixture(scope='module')
def portrait(tmp_path_factory):
    "The same of the bundled portrait, as a plain run fits it"
    found = reconstruct(portrait_path(), Config(device='cpu'))
    return found.pipeline, found.face, written(found.pipeline, found.face, tmp_path_factory.mktemp('portrait'))

# ---- what the specification asks for, and what importers ask for beyond it

def test_every_accessor_has_data_and_lies_where_it_should(made):
    _, _, files = made
    sizes = {5126: 4, 5125: 4, 5123: 2}
    for name,path in files.items():
        glb = Glb(path.read_bytes())
        for accessor in glb.json['accessors']:
            assert 'bufferView' in accessor or 'sparse' in accessor, (name, accessor)
            parts = [accessor] if 'bufferView' in accessor else []
            if 'sparse' in accessor:
                assert name!='dense' and accessor['sparse']['count']>0
                parts += [accessor['sparse']['indices'], accessor['sparse']['values']|dict(componentType=5126)]
            for part in parts:
                start = glb.json['bufferViews'][part['bufferView']].get('byteOffset', 0)+part.get('byteOffset', 0)
                assert start%sizes[part['componentType']]==0
        for primitive in (p for mesh in glb.json['meshes'] for p in mesh['primitives']):
            for target in primitive.get('targets', []):
                position,normal = (glb.json['accessors'][target[key]] for key in ('POSITION', 'NORMAL'))
                assert normal['componentType']==position['componentType']==5126 and normal['type']==position['type']=='VEC3'
                values = glb.array(target['POSITION'])
                assert np.array_equal(position['min'], values.min(0)) and np.array_equal(position['max'], values.max(0))
        for kind in ('nodes', 'meshes', 'materials', 'cameras', 'scenes', 'animations', 'images', 'textures'):
            names = [x['name'] for x in glb.json.get(kind, [])]
            assert len(names)==len(set(names)), (name, kind, names)

def test_names_and_numbers_of_the_expressions(made):
    pipeline, face, files = made
    number = len(pipeline.model.expression_names)+len(pipeline.model.correctives.pairs)
    for name,path in files.items():
        for mesh in Glb(path.read_bytes()).json['meshes']:
            wanted = 0 if name in ('baked', 'plain') else number
            names = mesh.get('extras', {}).get('targetNames', [])
            assert len(names)==len(set(names))==len(mesh.get('weights', []))==wanted, name
            assert {len(p.get('targets', [])) for p in mesh['primitives']}=={wanted}, name

def test_merged_and_baked_files_have_one_object(made):
    pipeline, face, files = made
    for name,path in files.items():
        glb = Glb(path.read_bytes())
        holding = [n for n in glb.json['nodes'] if 'mesh' in n]
        parts,many = max(1, len(pipeline.model.parts)),name in ('face', 'posed', 'jpeg')
        assert [len(m['primitives']) for m in glb.json['meshes']]==([1]*parts if many else [parts])
        if many: assert len(holding)==2*parts and len(glb.json['scenes'])==2
        else: assert len(holding)==1 and len(glb.json['scenes'])==1 and 'weights' not in holding[0], name
    weights = Glb(files['merged posed'].read_bytes()).json['meshes'][0].get('weights', [])
    shown = target_weights(pipeline.model, face.frames[0].expression)
    assert np.allclose(weights, shown, atol=1e-6)

# ---- assimp, and what is built on it

def in_assimp(scene):
    "The corners of all triangles where its nodes put them within the head, in the order of the meshes"
    places = {}
    def walk(node, place):
        place = np.eye(4) if node.name.startswith('face') else place@np.array(node.transformation).reshape(4, 4)
        for k in node.mesh_indices: places.setdefault(k, place)
        for child in node.children: walk(child, place)
    walk(scene.root_node, np.eye(4))
    found = []
    for k,mesh in enumerate(scene.meshes):
        points = np.array(mesh.vertices, np.float32).reshape(-1, 3)[np.array(mesh.indices).ravel()]
        found.append(points@places[k][:3,:3].T+places[k][:3,3])
    return np.concatenate(found)

def test_assimp_opens_every_file(made):
    pipeline, face, files = made
    corners = pipeline.person(face).numpy()[pipeline.model.triangles.numpy().reshape(-1)]/1000
    for name,path in files.items():
        scene = assimp_py.import_file(str(path), 0)
        assert scene.num_meshes==max(1, len(pipeline.model.parts))
        assert sum(m.num_vertices for m in scene.meshes)==len(pipeline.model.shape_mean), name
        normals = np.concatenate([np.array(m.normals).reshape(-1, 3) for m in scene.meshes])
        assert np.abs(np.linalg.norm(normals, axis=1)-1).max()<1e-3
        found = in_assimp(scene)
        # metres, y up, +z the nose
        assert found.shape==corners.shape and (name=='baked' or np.abs(found-corners).max()<1e-6), name
        used = [scene.materials[m.material_index] for m in scene.meshes]
        assert [m['NAME'] for m in used]==[material_name(p) for p in pipeline.model.parts or ['skin']], name
        for material in used:
            assert {len(x) for x in material['TEXTURES'].values()}=={1, 2}, name
            # base colour, roughness, reflectance, its strength
            assert len({picture for kind in material['TEXTURES'].values() for picture in kind})==4
        assert 'face' in [c.name for c in scene.root_node.children] or name=='posed'

@pytest.mark.parametrize('made', ['only one'], indirect=True)
def test_assimp_refuses_what_it_refused_before(made, tmp_path):
    "So the test above can fail: a target without data"
    _, _, files = made
    data = files['merged'].read_bytes()
    kept = data[20:20+int.from_bytes(data[12:16], 'little')]
    target = Glb(data).json['meshes'][0]['primitives'][0]['targets'][0]['POSITION']
    header = json.loads(kept)
    header['accessors'][target].pop('sparse')
    text = json.dumps(header, separators=(',', ':')).encode()
    assert len(text)<=len(kept)
    (tmp_path/'broken.glb').write_bytes(data.replace(kept, text.ljust(len(kept))))
    with pytest.raises(RuntimeError, match='data is null'): assimp_py.import_file(str(tmp_path/'broken.glb'), 0)

@pytest.mark.parametrize('made', ['one stands still', 'none'], indirect=True)
def test_assimp_writes_it_as_obj(made, tmp_path):
    "The command of Debian's package assimp-utils, another version: out as OBJ, and as glTF again with the expressions"
    if not shutil.which('assimp'): pytest.skip('assimp (Debian: assimp-utils) is not installed')
    pipeline, face, files = made
    for name in ('face', 'merged posed'):
        for kind in ('obj', 'glb2'):
            done = subprocess.run(['assimp', 'export', str(files[name]), str(tmp_path/f'out.{kind[:3]}'), f'-f{kind}'],
                capture_output=True, text=True)
            assert done.returncode==0, done.stdout
        back = trimesh.load(tmp_path/'out.obj', process=False, force='mesh')
        assert len(back.faces)==len(pipeline.model.triangles)
        again,before = Glb((tmp_path/'out.glb').read_bytes()),Glb(files[name].read_bytes())
        mine,theirs = (glb.json['meshes'][0]['primitives'][0].get('targets', []) for glb in (before, again))
        assert len(mine)==len(theirs)
        for a,b in zip(mine, theirs):
            assert np.abs(before.array(a['POSITION'])-again.array(b['POSITION'])).max()<1e-6, name

def test_trimesh_opens_every_file(made):
    pipeline, face, files = made
    for name,path in files.items():
        scene = trimesh.load(path)
        mesh = next(iter(scene.geometry.values()))
        assert len(scene.geometry)==max(1, len(pipeline.model.parts)), name
        assert sum(len(m.vertices) for m in scene.geometry.values())==len(pipeline.model.shape_mean), name
        assert mesh.visual.material.baseColorTexture.size==(64, 64)
    if 'baked' not in files: return
    there = trimesh.load(files['baked']).to_geometry().vertices*1000
    assert np.abs(there-pipeline.world_vertices(face).numpy()).max()<.01

@pytest.fixture(scope='module')
def haired(tmp_path_factory):
    "A head with all that hangs on it: its nodes, and a file"
    pipeline = Pipeline(load_model(), Config(device='cpu', texture_resolution=64, environment_height=16, bands=5))
    face = synthetic_face(pipeline, seed=3, size=64, samples=1).face
    path = tmp_path_factory.mktemp('hair')/'face0.glb'
    save_glb(path, pipeline, face, cornea=True)
    return [*pipeline.model.parts, 'lashes', 'cornea'],path

def test_lashes_and_corneas_are_opened(haired):
    "By assimp and trimesh: a mesh each, with a material of its own"
    nodes,path = haired
    scene = assimp_py.import_file(str(path), 0)
    assert scene.num_meshes==len(nodes)
    assert [scene.materials[m.material_index]['NAME'] for m in scene.meshes][-2:]==nodes[-2:]
    found = trimesh.load(path).geometry
    assert list(found)==nodes and found['lashes'].visual.material.alphaMode=='BLEND'

# ---- programs that a fresh clone lacks

def only_slow(request, run):
    "What runs such a program: for slow tests alone, also where it is installed, for elsewhere it is not"
    assert request.node.get_closest_marker('slow'), 'mark it slow: a fresh clone lacks this program'
    return run

@pytest.fixture
def javascript(request): return only_slow(request, run_javascript)

@pytest.fixture
def blender(request): return only_slow(request, run_blender)

# ---- programs in JavaScript: make importers

def run_javascript(program, *paths):
    "What a program of tests/importers finds in files"
    node = shutil.which('node')
    if not node: pytest.skip('node is not installed')
    done = subprocess.run([node, str(IMPORTERS/'open.mjs'), program, *map(str, paths)], capture_output=True, text=True)
    if done.returncode==3: pytest.skip(done.stderr.strip())
    assert done.returncode==0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])

def targets(model, face, name):
    "Largest motion of each target, m, and the weight that the file shows it with; correctives behind the expressions"
    moved = torch.cat([model.expression_basis, model.corrected()[1]]).abs().amax((1, 2)).numpy()/1000
    shown = np.array(target_weights(model, face.frames[0].expression))
    return moved,shown if 'posed' in name else 0*shown

def agrees(seen, pipeline, face, name, program):
    "A program's account of a file, against the face"
    model,hidden = pipeline.model,name in ('baked', 'plain')
    vertices = (pipeline.vertices(face) if name=='baked' else pipeline.person(face)).detach().numpy()/1000
    assert 'error' not in seen, (name, seen['error'])
    assert seen['vertices']==seen['uvs']==len(vertices) and seen['triangles']==len(
        model.triangles) and seen['unit'], (name, seen)
    one = name not in ('face', 'posed', 'jpeg') and program in ('assimpjs', 'gltf-transform')
    assert len(seen['objects'])==(1 if one else max(1, len(model.parts))), (name, seen['objects'])
    assert np.allclose(np.array(seen['positions']).T, [vertices.min(0), vertices.max(0)], atol=1e-6), name
    # assimpjs' assimp does not know the strength of a reflectance
    assert seen['textures']==(3 if program=='assimpjs' else 4), seen['textures']
    if program=='assimpjs': return
    moved,shown = targets(model, face, name)
    number = 0 if hidden else len(moved)
    assert seen['targets']==len(seen['names'])==number and seen['normals'] and seen['cameras']==1
    assert np.allclose(seen['weights'], [] if hidden else shown, atol=1e-6), name
    assert seen['alike'], (name, 'names or weights of the parts differ')
    assert np.allclose(seen['moves'], moved[:number], atol=2e-6), name
    assert seen['animations']==(['photo 0'] if number and name!='merged posed' else [])
    if program=='gltf-transform': assert seen['again']==number

@pytest.mark.slow
@pytest.mark.parametrize('program', ['assimpjs', 'gltf-transform', 'babylon', 'three'])
def test_programs_in_javascript_open_every_file(javascript, made, program):
    pipeline, face, files = made
    for name,seen in zip(files, javascript(program, *files.values())): agrees(seen, pipeline, face, name, program)

@pytest.mark.slow
@pytest.mark.parametrize('program', ['assimpjs', 'gltf-transform', 'babylon', 'three'])
def test_programs_in_javascript_open_the_portrait(javascript, portrait, program):
    pipeline, face, files = portrait
    for name,seen in zip(files, javascript(program, *files.values())): agrees(seen, pipeline, face, name, program)

@pytest.mark.slow
@pytest.mark.parametrize('program', ['assimpjs', 'babylon', 'gltf-transform', 'three'])
def test_programs_in_javascript_open_lashes(javascript, haired, program):
    nodes,path = haired
    seen, = javascript(program, path)
    assert len(seen['objects'])>=len(nodes) and seen['unit']

# ---- Blender: make blender

def run_blender(folder, *jobs):
    "What Blender says to a list of jobs, see tests/importers/blender_look.py"
    if not BLENDER.is_file(): pytest.skip('no Python with bpy: make blender, or BLENDER_PYTHON=...')
    (folder/'jobs.json').write_text(json.dumps(jobs))
    done = subprocess.run([str(BLENDER), str(IMPORTERS/'blender_look.py'), str(folder/'answer.json'),
        str(folder/'jobs.json')], capture_output=True, text=True)
    assert done.returncode==0, done.stderr
    answer = json.loads((folder/'answer.json').read_text())
    for found in answer['answers']: assert 'error' not in found, found
    return answer['answers']

def agrees_in_blender(seen, pipeline, face, name):
    model = pipeline.model
    vertices = (pipeline.vertices(face) if name=='baked' else pipeline.person(face)).detach().numpy()/1000
    # Blender's z is up, its faces look along -y
    turned = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], 1)
    parts = max(1, len(model.parts))
    assert len(seen['objects'])==(2*parts if name in ('face', 'posed', 'jpeg') else 1), name  # all scenes at once
    assert seen['vertices']==len(vertices) and seen['triangles']==len(
        model.triangles) and seen['unit'] and seen['uvs']==['UVMap']
    assert np.allclose([seen['low'], seen['high']], [turned.min(0), turned.max(0)], atol=1e-6), name
    kinds = sorted({material_name(part) for part in model.parts or ['skin']})
    assert seen['alike'] and seen['materials']==kinds, (name, seen['materials'])
    assert [(p, space) for p,_,space in seen['pictures']]==[('diffuse', 'sRGB'), ('roughness', 'Non-Color'),
        ('specular', 'sRGB'), ('specular strength', 'sRGB')]
    moved,shown = targets(model, face, name)
    number = 0 if name in ('baked', 'plain') else len(moved)
    assert np.allclose(list(seen['moved'].values()), moved[:number], atol=2e-6), name
    if name in ('merged', 'merged posed'):
        # neutral, though the animation is there
        assert np.allclose(list(seen['weights'].values()), shown, atol=1e-6), name

@pytest.mark.slow
def test_blender_opens_every_file(blender, made, tmp_path):
    pipeline, face, files = made
    for name,seen in zip(files, blender(tmp_path, *(dict(look=str(p)) for p in files.values()))):
        agrees_in_blender(seen, pipeline, face, name)

@pytest.mark.slow
def test_blender_opens_the_portrait(blender, portrait, tmp_path):
    pipeline, face, files = portrait
    for name,seen in zip(files, blender(tmp_path, *(dict(look=str(p)) for p in files.values()))):
        agrees_in_blender(seen, pipeline, face, name)

# ---- light from where it should come

# row and column of 32 x 64
LAMPS = {'the right of the picture': (16, 16), 'the left of the picture': (16, 48), 'above': (1, 32),
    'the camera': (16, 32), 'behind': (16, 0)}

def lamp(where):
    "A dark world with one bright patch"
    values,(row, column) = torch.full((32, 64, 3), .02),LAMPS[where]
    columns = [(column+k)%64 for k in range(-3, 3)]
    values[max(0, row-3):row+3, columns] = 12.
    return MapLight(values)

def picture(path):
    "Light, linear enough to say where there is more, and coverage"
    x = np.asarray(Image.open(path).convert('RGBA')).astype(float)/255
    return x[..., :3].mean(-1), x[..., 3]>.99

@pytest.fixture(scope='module')
def lit(tmp_path_factory):
    ("A head that looks aside, in five lights: files for Blender, turned there (as they are) and before (--envFor), "
     "and without the pose")
    folder = tmp_path_factory.mktemp('lit')
    pipeline = Pipeline(toy_model(), Config(device='cpu', texture_resolution=64, environment_height=32, bands=5,
        samples_final=64))
    face = synthetic_face(pipeline, seed=3, size=96, samples=1, rotation=(0., .5, 0.)).face
    jobs,ours = [],{}
    for where in LAMPS:
        face.frames[0].light = lamp(where)
        name = where.split()[-1] if 'picture' not in where else where.split()[1]
        ours[where] = pipeline.render(face, 0, 64, final=True)
        kinds = [('as it is', 'mitsuba', 'photo', 90), ('turned', 'blender', 'photo', 0),
            ('wrong', 'mitsuba', 'photo', 0), ('head', 'blender', 'head', 0)]
        for kind,env_for,around,degrees in kinds:
            if kind=='wrong' and where!='the camera': continue
            place = folder/f'{name}-{kind.replace(" ", "_")}'
            export_face(pipeline, face, place, ['glb' if kind=='head' else 'posed', 'env'], merged=True,
                env_for=env_for, env_around=around)
            glb = place/('face0.glb' if kind=='head' else 'posed0.glb')
            jobs.append(dict(where=where, kind=kind,
                draw=dict(path=str(glb), picture=str(place/'envMap_0.exr'), degrees=degrees, size=96, samples=48,
                to=str(place/'drawn.png'))))
    return ours, jobs, run_blender(folder, *jobs)

@pytest.mark.slow
@pytest.mark.parametrize('kind', ['as it is', 'turned', 'head'])
def test_light_in_blender_comes_from_where_it_should(lit, kind):
    _, jobs, _ = lit
    mean = {}
    for job in jobs:
        if job['kind']!=kind: continue
        light,inside = picture(job['draw']['to'])
        y,x = np.nonzero(inside)
        value = light[inside]
        mean[job['where']] = value.mean()
        left,right = value[x<np.median(x)].mean(),value[x>=np.median(x)].mean()
        if 'right of' in job['where']: assert right>1.3*left
        if 'left of' in job['where']: assert left>1.3*right
        if job['where']=='above': assert value[y<np.median(y)].mean()>1.2*value[y>=np.median(y)].mean()
    assert mean['the camera']==max(mean.values()) and mean['behind']==min(mean.values())

@pytest.mark.slow
def test_blender_draws_what_we_draw(lit):
    "The same picture but for shadows' and gloss' details; and turned wrongly, another one"
    from nextgenface_nb.imaging import to_srgb
    ours, jobs, _ = lit
    apart = {}
    for job in jobs:
        wanted = to_srgb(ours[job['where']][..., :3].clamp(0, 1)).mean(-1).numpy()
        light,inside = picture(job['draw']['to'])
        inside &= ours[job['where']][..., 3].numpy()>.99
        apart.setdefault(job['kind'], {})[job['where']] = np.abs(light-wanted)[inside].mean()
    for kind,found in apart.items(): print(kind, {k:round(float(v), 3) for k,v in found.items()})
    for kind in ('as it is', 'turned', 'head'): assert max(apart[kind].values())<.025, kind
    assert max(apart['wrong'].values())>.15
