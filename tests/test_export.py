"Files for other programs, read by other programs."
import io, json, math, shutil, struct, subprocess, sys
from dataclasses import replace
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image
from skips import node_modules
from nextgenface_nb import cli_export, cli_replay
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.camera import project
from nextgenface_nb.imaging import from_srgb, to_srgb
from nextgenface_nb.metrics import psnr
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.output import export, replay
from nextgenface_nb.output.checkpoint import save_face
from nextgenface_nb.output.glb import face_glb
from nextgenface_nb.evaluation.synthetic import synthetic_face

ROOT = Path(__file__).resolve().parent.parent

@pytest.fixture(scope='module')
def made(tmp_path_factory):
    "A toy face whose photo is a crop from a larger one, its pipeline, and a checkpoint with the model beside it"
    folder = tmp_path_factory.mktemp('made')
    model = toy_model()
    model.save(folder/'toy.h5')
    from nextgenface_nb.facemodel.model import load_model
    model = load_model(folder/'toy.h5')
    pipeline = Pipeline(model, Config(texture_resolution=64, environment_height=16, bands=5, samples_final=16,
        model=str(folder/'toy.h5')))
    face = synthetic_face(pipeline, seed=3, size=64, samples=4).face
    frame = face.frames[0]
    frame.photo.original_size,frame.photo.offset = (200, 150),(61., 22.)
    frame.camera.principal = frame.photo.principal_point()                  # (39, 53) of 64 x 64: well off the middle
    frame.expression = torch.tensor([.6, .5, .1, .8, 0., .4])
    save_face(folder/'stage3_output.npz', face, model, dict(config=pipeline.config.to_dict()))
    return pipeline, face, folder

class Glb:
    "A plain reading of a GLB, by the words of the specification alone"
    def __init__(self, data):
        magic, version, total = struct.unpack('<4sII', data[:12])
        assert (magic, version, total)==(b'glTF', 2, len(data))
        length = struct.unpack('<I', data[12:16])[0]
        self.json, self.body = json.loads(data[20:20+length]), data[28+length:]

    def view(self, index, offset=0):
        v = self.json['bufferViews'][index]
        start = v.get('byteOffset', 0)
        return self.body[start+offset:start+v['byteLength']]

    def array(self, index):
        a = self.json['accessors'][index]
        kind = {5126: np.float32, 5123: np.uint16, 5125: np.uint32}
        width = dict(SCALAR=1, VEC2=2, VEC3=3)[a['type']]
        count = a['count']*width
        read = lambda where, dtype, n: np.frombuffer(self.view(where['bufferView'], where.get('byteOffset', 0)),
            dtype)[:n]
        values = read(a, kind[a['componentType']], count).copy() if 'bufferView' in a else np.zeros(count, np.float32)
        values = values.reshape(-1, width)
        if 'sparse' in a:
            s = a['sparse']
            values[read(s['indices'], kind[s['indices']['componentType']], s['count'])] = read(s['values'], np.float32,
                s['count']*width).reshape(-1, width)
        return values

    def picture(self, texture):
        image = self.json['images'][self.json['textures'][texture]['source']]
        return torch.tensor(np.asarray(Image.open(io.BytesIO(self.view(image['bufferView'])))).astype(np.float32)/255)

    def maps(self):
        skin = self.json['materials'][0]
        surface, shine = skin['pbrMetallicRoughness'], skin['extensions']['KHR_materials_specular']
        assert surface['metallicFactor']==0 and shine['specularFactor']==1
        roughness = self.picture(surface['metallicRoughnessTexture']['index'])
        specular = .04*torch.tensor(shine['specularColorFactor'])*from_srgb(
            self.picture(shine['specularColorTexture']['index']))
        # glTF takes from the diffuse part what the surface reflects; our renderer does not
        return from_srgb(self.picture(surface['baseColorTexture']['index']))*(1-specular), specular, roughness[..., 1:2]

    def nodes(self, scene): return [self.json['nodes'][n] for n in self.json['scenes'][scene]['nodes']]

def placed(node, points):
    "A node's place: rotation and translation"
    from scipy.spatial.transform import Rotation
    return Rotation.from_quat(node.get('rotation', [0, 0, 0, 1])).apply(points)+node.get('translation', [0, 0, 0])

def holding(glb, node):
    "The nodes with a mesh of a head, and where each is in it: the head itself, or its children"
    return [node] if 'mesh' in node else [glb.json['nodes'][n] for n in node['children']]

def seen_by(glb, scene):
    "Positions in mm before the camera of a scene, with the weights of its face; of the parts one after the other"
    camera = next(n for n in glb.nodes(scene) if 'camera' in n)
    head = next(n for n in glb.nodes(scene) if 'mesh' in n or 'children' in n)
    found = []
    for node in holding(glb, head):
        primitive = glb.json['meshes'][node['mesh']]['primitives'][0]
        points = glb.array(primitive['attributes']['POSITION']).astype(float)
        for weight, target in zip(node.get('weights', []), primitive['targets']):
            points = points+weight*glb.array(target['POSITION'])
        found.append(points if node is head else placed(node, points))
    from scipy.spatial.transform import Rotation
    there = placed(head, np.concatenate(found))-camera.get('translation', [0, 0, 0])
    return (Rotation.from_quat(camera.get('rotation', [0, 0, 0, 1])).inv().apply(there)*1000,
        glb.json['cameras'][camera['camera']])

def pixels(points, camera):
    "glTF's projection, and the crop that the extras name"
    lens, (x0, y0, x1, y1), (W, H) = camera['perspective'], camera['extras']['crop'], camera['extras']['crop_size']
    scale = 1/math.tan(lens['yfov']/2)
    u = .5+.5*scale/lens['aspectRatio']*points[:, 0]/-points[:, 2]
    v = .5-.5*scale*points[:, 1]/-points[:, 2]
    return np.stack([(u-x0)/(x1-x0)*W, (v-y0)/(y1-y0)*H], 1)

def test_glb_holds_the_face_where_the_photo_shows_it(made):
    ("Scene 1 is the photo: pose, expression from morph targets, and a camera whose axis does not go through the "
     "middle of the crop")
    pipeline, face, _ = made
    glb = Glb(face_glb(pipeline, face, posed=0))
    assert glb.json['scene']==1
    points, camera = seen_by(glb, 1)
    assert np.abs(points-pipeline.world_vertices(face).numpy()).max()<.01                            # mm
    assert np.abs(pixels(points, camera)-project(pipeline.world_vertices(face),
        face.frames[0].camera).numpy()).max()<.01

def test_glb_is_neutral_and_upright_at_the_origin(made):
    "Scene 0: the face alone, in metres, looking along +z, and the photographer standing before it"
    pipeline, face, _ = made
    glb = Glb(face_glb(pipeline, face))
    neutral = pipeline.model.vertices(face.identity.shape)
    mesh, camera = glb.nodes(0)
    assert 'rotation' not in mesh and 'weights' not in mesh and glb.json['scene']==0
    primitive = glb.json['meshes'][0]['primitives'][0]
    assert np.abs(glb.array(primitive['attributes']['POSITION'])*1000-neutral.numpy()).max()<1e-4
    assert np.abs(glb.array(primitive['attributes']['TEXCOORD_0'])
        -(pipeline.model.uvs*torch.tensor([1, -1])+torch.tensor([0, 1])).numpy()).max()<1e-6
    # in front of the face
    assert camera['translation'][2]>.5
    points, lens = seen_by(glb, 0)
    straight = face.copy()
    straight.frames[0].expression *= 0
    assert np.abs(pixels(points, lens)-project(pipeline.world_vertices(straight),
        face.frames[0].camera).numpy()).max()<.01

def test_expressions_of_the_glb_have_names_and_normals(made):
    from nextgenface_nb.geometry.mesh import vertex_normals
    pipeline, face, _ = made
    model = pipeline.model
    glb = Glb(face_glb(pipeline, face))
    mesh = glb.json['meshes'][0]
    primitive = mesh['primitives'][0]
    assert mesh['extras']['targetNames']==model.expression_names and len(primitive['targets'])==len(
        model.expression_names)
    normals = glb.array(primitive['attributes']['NORMAL'])
    for j, target in enumerate(primitive['targets']):
        one = torch.eye(len(model.expression_names))[j]
        moved = vertex_normals(model.vertices(face.identity.shape, one), model.triangles).numpy()
        assert np.abs(normals+glb.array(target['NORMAL'])-moved).max()<.005, model.expression_names[j]
    animation = glb.json['animations'][0]
    values = glb.array(animation['samplers'][0]['output']).reshape(3, -1)
    assert np.abs(values-np.stack([0*face.frames[0].expression, 0*face.frames[0].expression,
        face.frames[0].expression])).max()<1e-6

def diffuse_albedo_of_gltf(base, normal_incidence, degrees):
    "What glTF's matt part sends to a viewer of the light from everywhere; KHR_materials_specular, dielectric"
    theta,phi = np.meshgrid((np.arange(400)+.5)/400*np.pi/2, (np.arange(200)+.5)/200*2*np.pi, indexing='ij')
    light = np.stack([np.sin(theta)*np.cos(phi), np.sin(theta)*np.sin(phi), np.cos(theta)])
    view = np.array([np.sin(np.radians(degrees)), 0, np.cos(np.radians(degrees))])[:, None, None]
    half = (light+view)/np.linalg.norm(light+view, axis=0)
    fresnel = normal_incidence+(1-normal_incidence)*(1-(view*half).sum(0))**5
    return ((1-fresnel)*base/np.pi*np.cos(theta)*np.sin(theta)).sum()*(np.pi/2/400)*(2*np.pi/200)

@pytest.mark.parametrize('degrees, least', [(0, .0005), (30, .001), (60, .006)])
def test_the_diffuse_part_is_as_bright_in_gltf_as_with_us(degrees, least):
    from nextgenface_nb.output.glb import base_colour
    skin, shine = torch.full((2, 2, 3), .5), torch.full((2, 2, 3), .03)
    base = float(base_colour(skin, shine)[0, 0, 0])
    found = diffuse_albedo_of_gltf(base, .03, degrees)
    assert abs(found/.5-1)<least and diffuse_albedo_of_gltf(.5, .03, degrees)/.5<.97
    assert base_colour(torch.ones(2, 2, 3), shine).max()==1 and base_colour(skin, 0*shine).max()==.5

def test_a_render_of_the_glb_is_our_render(made):
    "Geometry, maps and camera from the file, light from us; skin that reflects up to a fifth"
    pipeline, face, _ = made
    face = face.copy()
    frame = face.frames[0]
    face.identity.specular = 4.4*face.identity.specular
    glb = Glb(face_glb(pipeline, face))
    points, _ = seen_by(glb, 1)
    assert .19<glb.maps()[1].max()<.21
    draw = lambda v, maps: pipeline.renderer(frame).render_converged(v, None, *maps, frame.light.environment(16),
        frame.camera, samples=16)
    ours, theirs = draw(pipeline.world_vertices(face),
        pipeline.maps(face)), draw(torch.tensor(points, dtype=torch.float32), glb.maps())
    assert psnr(to_srgb(theirs[..., :3]), to_srgb(ours[..., :3]), ours[..., 3]>.99)>48

def test_trimesh_loads_the_glb(made, tmp_path):
    import trimesh
    pipeline, face, _ = made
    (tmp_path/'face.glb').write_bytes(face_glb(pipeline, face, quality=90))
    scene = trimesh.load(tmp_path/'face.glb')
    mesh = next(iter(scene.geometry.values()))
    assert len(mesh.faces)==len(pipeline.model.triangles) and .1<mesh.extents[1]<.3
    assert mesh.visual.material.baseColorTexture.size==(64, 64) and mesh.visual.material.baseColorTexture.format=='JPEG'

def validate(*files):
    node_modules('gltf-validator')
    return subprocess.run(['node', ROOT/'tools'/'validate_glb.mjs', *files], capture_output=True, text=True)

def test_the_khronos_validator_has_nothing_to_say(made, tmp_path):
    pipeline, face, _ = made
    several = dict(face={}, posed=dict(posed=0), jpeg=dict(quality=85), merged=dict(merged=True),
        merged_posed=dict(merged=True, posed=0), plain=dict(morphs=False), baked=dict(posed=0, morphs=False))
    still = replace(pipeline.model,
        expression_basis=pipeline.model.expression_basis*torch.tensor([1., 0, 1, 0, 0, 1])[:, None, None])
    kinds = {'': pipeline, 'still': Pipeline(still, pipeline.config)}
    for kind, one in kinds.items():
        for name, options in several.items(): (tmp_path/f'{name}{kind}.glb').write_bytes(face_glb(one, face, **options))
    done = validate(*tmp_path.glob('*.glb'))
    assert done.returncode==0 and done.stdout.count(' 0 errors, 0 warnings, 0 notes, 0 hints')==2*len(
        several), done.stdout
    data = face_glb(pipeline, face).replace(b'"VEC2"', b'"VEC3"', 1)
    (tmp_path/'bad.glb').write_bytes(data)
    assert validate(tmp_path/'bad.glb').returncode==1                                                 # it does look

def test_environment_map_is_in_mitsubas_frame(made, tmp_path):
    "The file, read by Mitsuba's own light, shines from where our map does"
    from nextgenface_nb.geometry.harmonics import environment_directions
    from nextgenface_nb.rendering.variant import use_variant
    use_variant('cpu')
    import mitsuba as mi, drjit as dr
    pipeline, face, _ = made
    export.export_face(pipeline, face, tmp_path/'out', ['env'])
    light = mi.load_dict(dict(type='envmap', filename=str(tmp_path/'out'/'envMap_0.exr')))
    directions = environment_directions(16).reshape(-1, 3)
    si = dr.zeros(mi.SurfaceInteraction3f, len(directions))
    si.wi = mi.Vector3f((-directions).T.contiguous().numpy())
    found = np.array(light.eval(si)).T
    wanted = face.frames[0].light.environment(16).reshape(-1, 3).numpy()
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1]>.98 and abs(found.mean()/wanted.mean()-1)<.05

def test_export_command_writes_all_formats(made, tmp_path, capsys):
    import trimesh
    pipeline, face, folder = made
    formats = 'glb,posed,obj,ply,env,coefficients,maps,livelink'
    assert cli_export.main([str(folder), '--format', formats, '--space', 'camera', '--output', str(tmp_path/'out')])==0
    said = capsys.readouterr()
    assert sorted(said.out.split())==sorted(map(str, (tmp_path/'out').iterdir())) and len(said.out.split())==15
    world = pipeline.world_vertices(face).numpy()
    for name in ('mesh0.obj', 'mesh0.ply'):
        loaded = trimesh.load(tmp_path/'out'/name, process=False)
        if name.endswith('ply'): assert np.abs(loaded.vertices-world*[1, -1, -1]).max()<1e-3
        # y down, z forward
        assert np.abs(loaded.bounds-trimesh.PointCloud(world*[1, -1, -1]).bounds).max()<1e-3
    material = (tmp_path/'out'/'material0.mtl').read_text()
    for key in ('map_Kd', 'map_Ks', 'map_Pr'): assert (tmp_path/'out'/material.split(key)[1].split()[0]).is_file()

def test_export_flags_for_other_programs(made, tmp_path):
    "--merged, --bake, --envFor and --envAround do through the command what their functions do"
    import trimesh
    from nextgenface_nb.radiance import read_exr
    pipeline, face, folder = made
    def run(name, *flags):
        assert cli_export.main([str(folder), '--quiet', '--output', str(tmp_path/name), *flags])==0
        return tmp_path/name
    plain, turned, head = (read_exr(run(name, '--format', 'env', *flags)/'envMap_0.exr') for name, flags in
        dict(plain=[], turned=['--envFor', 'blender'], head=['--envAround', 'head']).items())
    quarter = plain.shape[1]//4
    assert np.abs(np.roll(plain, quarter, 1)-turned).max()<1e-6 and np.abs(plain-turned).max()>.01 and np.abs(plain
        -head).max()>.01
    merged = Glb((run('merged', '--format', 'glb', '--merged')/'face0.glb').read_bytes())
    assert len(merged.json['scenes'])==1 and len(merged.json['meshes'][0]['extras']['targetNames'])==6
    baked = trimesh.load(run('baked', '--format', 'posed', '--bake')/'posed0.glb').to_geometry()
    assert np.abs(baked.vertices*1000-pipeline.world_vertices(face).numpy()).max()<.01
    with open(run('take', '--format', 'livelink')/'livelink.csv', newline='') as file:
        row = next(__import__('csv').DictReader(file))
    assert row['BlendShapeCount']=='61' and abs(float(row['JawOpen'])-.6)<1e-6 and abs(float(row['BrowInnerUp'])
        -.4)<1e-6

def test_live_link_needs_arkit_names(made, tmp_path):
    "A PCA model has no such expressions; nothing is written"
    from types import SimpleNamespace
    from nextgenface_nb.errors import ModelError
    pipeline, face, _ = made
    other = SimpleNamespace(model=replace(pipeline.model, expression_names=[f'expression{i}' for i in range(6)]),
        config=pipeline.config)
    with pytest.raises(ModelError, match='ARKit'): export.export_face(other, face, tmp_path/'out', ['livelink'])
    assert not any(tmp_path.iterdir())

@pytest.mark.parametrize('flags,code,word',
    [(['--envFor', 'maya'], 2, 'blender'), (['--envAround', 'room'], 2, 'head'),
    (['--format', 'fbx'], 2, 'There are: glb'), (['--format', ','], 2, 'There are: glb'),
    (['--jpeg', '0'], 2, '1 to 95'), (['--neutral', '--space', 'viewer'], 2, 'model space'),
    (['--output', '/dev/null/x'], 5, 'cannot be written'), (['--model', '/no/such/model.h5'], 3, 'model')])
def test_export_errors_in_words(made, tmp_path, capsys, flags, code, word):
    target = [] if '--output' in flags else ['--output', str(tmp_path/'out')]
    assert cli_export.main([str(made[2]), *flags, *target])==code
    said = capsys.readouterr().err
    assert 'error: ' in said and word in said and 'Traceback' not in said and not any(tmp_path.iterdir())

def test_names_in_files_stay_names(made, tmp_path):
    ("A model's name, an expression's name and a photo's path come from files: they neither begin a line of OBJ nor "
     "name a folder")
    from types import SimpleNamespace
    pipeline, face, _ = made
    face = face.copy()
    names = ['../../up', 'two\nlines', '"quoted"', 'ümläut', 'jawOpen', 'jawOpen']
    odd = SimpleNamespace(model=replace(pipeline.model, name='head\nmtllib /etc/passwd', expression_names=names),
        config=pipeline.config, texture_map=pipeline.texture_map, maps=pipeline.maps, person=pipeline.person,
        vertices=pipeline.vertices, world_vertices=pipeline.world_vertices)
    face.frames[0].photo.path = '/home/somebody/secret/me.jpg'
    written = export.export_face(odd, face, tmp_path/'out', ['glb', 'obj', 'ply', 'coefficients'])
    assert {p.parent for p in written}=={tmp_path/'out'}
    assert [line for line in (tmp_path/'out'/'mesh0.obj').read_text().splitlines()
        if line.startswith('mtllib')]==['mtllib material0.mtl']
    assert Glb((tmp_path/'out'/'face0.glb').read_bytes()).json['meshes'][0]['extras']['targetNames']==names[:5]+[
        'jawOpen_2']
    for path in written: assert b'secret' not in path.read_bytes(), path.name

@pytest.mark.parametrize('spoil', [lambda f: f.identity.shape.fill_(math.nan),
    lambda f: f.identity.specular.fill_(math.inf)])
def test_a_face_that_is_not_finite_is_refused(made, tmp_path, spoil):
    from nextgenface_nb.errors import FaceError
    pipeline, face, _ = made
    face = face.copy()
    spoil(face)
    with pytest.raises(FaceError, match='finite'): export.export_face(pipeline, face, tmp_path/'out', ['glb'])
    assert not any(tmp_path.iterdir())

def test_checkpoints_that_are_none(tmp_path, capsys):
    (tmp_path/'cut.npz').write_bytes(b'PK\3\4 cut off')
    for path, code in ((tmp_path/'cut.npz', 3), (tmp_path, 2), (tmp_path/'none.npz', 3)):
        for command in (cli_export, cli_replay): assert command.main([str(path), '--output', str(tmp_path/'out')])==code
    assert not (tmp_path/'out').exists() and capsys.readouterr().err.count('error: ')==6

def test_replay_command(made, tmp_path, capsys):
    _, _, folder = made
    flags = ['--what', 'turntable,relight,expressions', '--format', 'gif,webp,mp4', '--size', '48', '--frames', '4',
        '--samples', '1', '--names', 'jawOpen,browInnerUp', '--yaw', '60', '--quiet']
    assert cli_replay.main([str(folder/'stage3_output.npz'), '--output', str(tmp_path), *flags])==0, capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()}=={f'{w}.{e}' for w in ('turntable', 'relight', 'expressions')
        for e in ('gif', 'webp', 'mp4')}
    for path in tmp_path.glob('*.gif'):
        film = Image.open(path)
        assert film.n_frames==4 and film.size==(48, 48)
        first = np.asarray(film.convert('RGB'), float)
        film.seek(1)
        # there is a head, and it moves
        assert first.std()>10 and np.abs(np.asarray(film.convert('RGB'), float)-first).mean()>.2, path.name
    for flags in (['--what', 'dance'], ['--size', '47'], ['--photo', '1'], ['--zoom', '0'], ['--zoom', 'nan'],
        ['--yaw', 'nan'], ['--pitch', 'inf'], ['--names', 'wink', '--what', 'expressions'], ['--fps', '0'],
        ['--format', 'avi']):
        assert cli_replay.main([str(folder), '--output', str(tmp_path/'no'), '--quiet', *flags])==2, flags
    assert not (tmp_path/'no').exists()
    capsys.readouterr()
    # before anything is read
    assert cli_replay.main(['/no/such.npz', '--yaw', 'nan'])==2 and 'error: yaw nan' in capsys.readouterr().err

@pytest.mark.parametrize('flags, code', [(['--fps', '0'], 2), (['--names', 'nobody', '--what', 'turntable,expressions'], 2),
    (['--what', 'turntable,relight'], 5), (['--photo', '7'], 2)])
def test_a_film_that_cannot_be_written_is_refused_before_it_is_drawn(made, tmp_path, monkeypatch, flags, code):
    monkeypatch.setattr(replay, 'draw', lambda *_: pytest.fail('drawn in vain'))
    if code==5: (tmp_path/'relight.webp').mkdir()
    assert cli_replay.main([str(made[2]), '--output', str(tmp_path), '--format', 'gif,webp', '--quiet', *flags])==code

def test_ctrl_c_leaves_no_mixture_of_old_and_new(made, tmp_path, monkeypatch):
    "It comes while files take their places: all of them do; and before, none does"
    import os, signal
    from nextgenface_nb import files
    pipeline,face,_ = made
    def export_it(progress=None): export.export_face(pipeline, face, tmp_path, ['maps', 'coefficients'], progress=progress)
    export_it()
    names = sorted(p.name for p in tmp_path.iterdir())
    dated = lambda: {n for n in names if (tmp_path/n).stat().st_mtime>10}
    def old():
        for n in names: os.utime(tmp_path/n, (1, 1))
    put = files._put
    def asked(new, old):
        os.kill(os.getpid(), signal.SIGINT)
        put(new, old)
    old()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        calls = []
        patch.setattr(files, '_put', lambda *a: (put if calls else asked)(*a) or calls.append(1))
        export_it()
    assert dated()==set(names) and len(names)==5 and sorted(p.name for p in tmp_path.iterdir())==names
    old()
    with pytest.raises(KeyboardInterrupt): export_it(lambda name: os.kill(os.getpid(), signal.SIGINT))
    assert not dated()

def test_the_bar_of_a_film_ends_where_the_film_does(made, tmp_path, capsys):
    "Two pictures for each of the model's expressions, more than were asked for"
    assert cli_replay.main([str(made[2]), '--what', 'expressions', '--size', '16', '--frames', '4', '--samples', '1',
        '--output', str(tmp_path)])==0
    count = 2*len(replay.expression_groups(made[0].model))
    assert count>4 and f'{count}/{count}' in capsys.readouterr().err

def test_two_people_do_not_overwrite_each_other(made, tmp_path, capsys):
    "Without --output, what is written lies with the run; also where the checkpoint is a file among others"
    for place in ('ann/checkpoints/stage3_output.npz', 'bob/checkpoints/stage3_output.npz', 'chris.npz', 'dora.npz'):
        (tmp_path/place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(made[2]/'stage3_output.npz', tmp_path/place)
    for given in ('ann', 'bob/checkpoints/stage3_output.npz', 'chris.npz', 'dora.npz'):
        assert cli_export.main([str(tmp_path/given), '--quiet'])==0
        assert cli_replay.main([str(tmp_path/given), '--quiet', '--size', '16', '--frames', '2', '--samples', '1'])==0
    for name in ('ann', 'bob', 'chris', 'dora'):
        assert (tmp_path/name/'export'/'face0.glb').is_file() and (tmp_path/name/'films'/'turntable.gif').is_file()
    assert 'NAME/export/' in ' '.join(cli_export.make_export_parser().format_help().split()) and 'NAME/films/' in ' '.join(
        cli_replay.make_replay_parser().format_help().split())

def test_export_needs_neither_detector_nor_renderer(made, tmp_path):
    code = ('import sys; from nextgenface_nb import cli_export; code = cli_export.main([sys.argv[1], "--format", '
        '"glb,ply,coefficients", "--quiet", "--output", sys.argv[2]])\n'
            'sys.exit(code or ",".join({"mediapipe", "mitsuba", "matplotlib"} & set(sys.modules)) or 0)')
    done = subprocess.run([sys.executable, '-c', code, str(made[2]), str(tmp_path/'out')], capture_output=True,
        text=True)
    assert done.returncode==0, done.stderr

def test_usdz_is_packed_on_the_disk_of_its_file(made, tmp_path, monkeypatch):
    "A small disk for temporary files is not asked, but where USD cannot open the name"
    pytest.importorskip('pxr', reason="usd-core is not installed: pip install 'nextgenface_nb[usd]'")
    import os, tempfile
    pipeline, face, _ = made
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path/'nowhere'))
    export.save_usdz(tmp_path/'out'/'face.usdz', pipeline, face)
    assert [p.name for p in (tmp_path/'out').iterdir()]==['face.usdz'] and not (tmp_path/'nowhere').exists()
    folder = tmp_path/os.fsdecode(b'f\xe9')
    try: folder.mkdir()
    except (OSError, ValueError): return   # this file system takes no such names
    monkeypatch.setattr(tempfile, 'tempdir', None)
    export.save_usdz(folder/'face.usdz', pipeline, face)
    assert [p.name for p in folder.iterdir()]==['face.usdz'] and (folder/'face.usdz').stat().st_size==(
        tmp_path/'out'/'face.usdz').stat().st_size

def test_usdz_passes_pixars_checker(made, tmp_path):
    pytest.importorskip('pxr', reason="usd-core is not installed: pip install 'nextgenface_nb[usd]'")
    from pxr import Usd, UsdGeom, UsdUtils
    pipeline, face, _ = made
    export.save_usdz(tmp_path/'face.usdz', pipeline, face)
    if hasattr(UsdUtils, 'ComplianceChecker'):
        checker = UsdUtils.ComplianceChecker(arkit=True)
        checker.CheckCompliance(str(tmp_path/'face.usdz'))
        faults = checker.GetErrors()+checker.GetFailedChecks()
    else:
        from pxr import UsdValidation
        validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
        assert len(validators)>10
        faults = [e.GetMessage()
            for e in UsdValidation.ValidationContext(validators).Validate(Usd.Stage.Open(str(tmp_path/'face.usdz')))]
    assert not faults, faults
    mesh = UsdGeom.Mesh((stage := Usd.Stage.Open(str(tmp_path/'face.usdz'))).GetPrimAtPath('/head/face'))
    assert np.abs(np.array(mesh.GetPointsAttr().Get())-pipeline.model.vertices(face.identity.shape).numpy()).max()<1e-4

def test_debug_files_of_a_fit(tmp_path):
    "--debug: the losses, meshes and pictures of a run beside its results"
    from nextgenface_nb import cli
    flags = '--preset fast --skipStage2 --skipStage3 --quiet --debug 5 --set samples_final=2 --set max_resolution=64 --set texture_resolution=64'.split()
    assert cli.main([*flags, '--output', str(tmp_path)])==0
    folder = tmp_path/'portrait.jpg'
    steps = len((folder/'loss_step1.txt').read_text().split())
    assert steps>=1 and len((folder/'loss_step1_detailed.txt').read_text().splitlines())>=steps+1 and 'together' in (
        folder/'timeTaken.txt').read_text()
    assert list((folder/'debug'/'mesh').glob('mitsuba_step1_iter*_0.obj')) and list(
        (folder/'debug'/'results').glob('mitsuba_step1_*_0_.png'))
    assert (folder/'face0.glb').is_file() and (folder/'report.json').is_file()
    assert cli.main([*flags, '--debug', '0', '--output', str(tmp_path/'none')])==2

def test_a_folder_fitted_again_gives_the_new_face(tmp_path):
    ("Fewer stages and another start into the same folder: nothing of the earlier run is left, and what the user put "
     "there is")
    from nextgenface_nb.reconstruction import Reconstruction
    from nextgenface_nb.optim.stages import Progress
    from nextgenface_nb.output.checkpoint import load_face
    pipeline = Pipeline(toy_model(), Config(device='cpu', renderer='vertex', texture_resolution=64,
        environment_height=16, bands=5, samples_final=1))
    formats = 'maps','glb','checkpoint','report'
    def fitted(seed, *stages):
        face = synthetic_face(pipeline, seed=seed, size=64, samples=1).face
        history = [Progress(stage=s, step=1, steps=1, losses=dict(total=1.), seconds=0.) for s in stages]
        Reconstruction(face, pipeline, history, {s:1. for s in stages}, [], [.01],
            {s:face.copy() for s in stages}).save(tmp_path/'me.jpg', formats=formats)
        return face.identity.shape
    fitted(1, 'landmarks', 'photometric', 'texture')
    (tmp_path/'me.jpg'/'checkpoints'/'notes.txt').write_text('mine')
    new = fitted(2, 'landmarks', 'photometric')
    for folder in (tmp_path/'me.jpg', tmp_path/'me.jpg'/'checkpoints'):
        assert export.find_checkpoint(folder).name=='stage2_output.npz'
        assert torch.equal(load_face(export.find_checkpoint(folder), pipeline.model)[0].identity.shape, new)
    assert {p.name for p in (tmp_path/'me.jpg'/'checkpoints').iterdir()}=={'notes.txt', 'stage1_output.npz',
        'stage2_output.npz'}
    # a folder in which an older version left the checkpoint of an earlier run: the report says which is of the last one
    shutil.copy(tmp_path/'me.jpg'/'checkpoints'/'stage1_output.npz',
        tmp_path/'me.jpg'/'checkpoints'/'stage3_output.npz')
    assert export.find_checkpoint(tmp_path/'me.jpg').name=='stage2_output.npz'
