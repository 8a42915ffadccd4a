"Every file that is written, and every field of report, checkpoint and camera.json: there, and with the true value"
import calendar, hashlib, json, math, os, platform, time
from dataclasses import fields, is_dataclass, replace
from importlib import metadata
from pathlib import Path
import numpy as np, pytest, torch
from promises import full_invocation, full_result
from nextgenface_nb import __version__
from nextgenface_nb.metrics import eye_distance, ssim
from nextgenface_nb.resume import keep_state, load_state
from nextgenface_nb import cli_replay
from nextgenface_nb.output import export
from nextgenface_nb.output.formats import format_names
from nextgenface_nb.output.checkpoint import FORMAT_VERSION, load_face, read_about, save_face
from nextgenface_nb.files import REPORT_VERSION

@pytest.fixture(scope='module')
def made(tmp_path_factory):
    "Everything that a fit can give, and what was asked for"
    folder = tmp_path_factory.mktemp('made')
    result = full_result(folder)
    result.invocation = full_invocation(folder, result)
    return result,folder

def names_in(folder): return {p.relative_to(folder).as_posix() for p in Path(folder).rglob('*') if p.is_file()}

def after(stage, frames=2):
    "What is written of a stage before the last"
    return {f'outputStage{stage}/{n}' for n in (
        'diffuseMap_0.png', 'specularMap_0.png', 'roughnessMap_0.png',
        *(n for i in range(frames) for n in (f'render_{i}.png', f'mesh{i}.obj', f'material{i}.mtl')))}

# ---- files

def test_a_run_writes_all_of_its_files(made, tmp_path):
    result,_ = made
    result.save(tmp_path/'run')
    each = {n.format(i) for i in range(2) for n in (
        'render_{}.png', 'landmarks{}.png', 'envMap_{}.png', 'envMap_{}.exr', 'mesh{}.obj', 'material{}.mtl')}
    stages = {f'checkpoints/stage{n}_{what}' for n in (1, 2, 3) for what in ('output.npz', 'loss.png')}
    maps = {f'{n}Map_0.png' for n in ('diffuse', 'specular', 'roughness')}
    assert names_in(tmp_path/'run')==each|stages|maps|after(1)|after(2)|{'face0.glb', 'camera.json', 'report.json'}

def test_an_export_writes_all_of_its_files_for_each_photo(made, tmp_path):
    "OBJ, PLY, posed GLB and light of both photos; what belongs to the person once"
    pytest.importorskip('pxr', reason="usd-core is not installed: pip install 'nextgenface_nb[usd]'")
    result,_ = made
    paths = export.export_face(result.pipeline, result.face, tmp_path/'out', format_names())
    each = {n.format(i) for i in range(2) for n in (
        'posed{}.glb', 'mesh{}.obj', 'material{}.mtl', 'mesh{}.ply', 'envMap_{}.png', 'envMap_{}.exr', 'envMap_{}.hdr')}
    once = {'face0.glb', 'face0.usdz', 'camera.json', 'coefficients.json', 'coefficients.npz', 'livelink.csv'}
    maps = {f'{n}Map_0.png' for n in ('diffuse', 'specular', 'roughness')}
    assert names_in(tmp_path/'out')==each|once|maps=={p.name for p in paths}

def test_debug_writes_texts_meshes_and_pictures(made, tmp_path):
    from nextgenface_nb.output.debug import DebugFiles
    result,_ = made
    watch = DebugFiles(tmp_path, result.pipeline, 2)
    for progress in result.history[-2:]: watch(progress, result.face)
    pictures = {f'debug/results/vertex_step3_2_{i}_.png' for i in range(2)}
    meshes = {f'debug/mesh/vertex_step3_iter2_{i}.obj' for i in range(2)}
    assert names_in(tmp_path)==pictures|meshes|{'loss_step3.txt', 'loss_step3_detailed.txt', 'timeTaken.txt'}
    assert (tmp_path/'loss_step3.txt').read_text().split()==['1', '0.5']

FILMS = 'turntable','expressions','relight'

def test_all_films_in_all_formats(made, tmp_path):
    result,_ = made
    save_face(tmp_path/'a.npz', result.face, result.pipeline.model, dict(config=result.pipeline.config.to_dict()))
    result.pipeline.model.save(tmp_path/'toy.h5')
    flags = '--size 16 --frames 2 --samples 1 --names jawOpen --quiet --format gif,webp,mp4 --what '+','.join(FILMS)
    place = '--model', str(tmp_path/'toy.h5'), '--output', str(tmp_path/'films')
    assert cli_replay.main([str(tmp_path/'a.npz'), *place, *flags.split()])==0
    assert names_in(tmp_path/'films')=={f'{w}.{e}' for w in FILMS for e in ('gif', 'webp', 'mp4')}

# ---- report.json

@pytest.fixture
def report(made, tmp_path):
    "What is written, where, and when it was not yet"
    result,_ = made
    folder = tmp_path/'run'
    result.pipeline.config.save_intermediate = False
    before = time.time()
    result.save(folder, formats=('maps', 'report'))
    result.pipeline.config.save_intermediate = True
    return json.loads((folder/'report.json').read_text(encoding='utf-8')),folder,before

def close(found, true): assert found==pytest.approx(true, rel=2e-5, abs=2e-6)

def digest(path): return hashlib.sha256(Path(path).read_bytes()).hexdigest()

def test_what_the_report_says_of_each_photo(made, report):
    "Against the face itself and against measures written out here"
    result,_ = made
    face,pipeline = result.face,result.pipeline
    assert len(report[0]['frames'])==2
    for i,(said,frame) in enumerate(zip(report[0]['frames'], face.frames)):
        photo,camera = frame.photo,frame.camera
        assert said['photo'] in (photo.path, Path(photo.path).name) and said['sha256']==photo.sha256
        assert (said['detector'], said['landmarks'])==(frame.landmarks.detector, len(frame.landmarks.points))
        assert said['faces']==[dict(row) for row in frame.landmarks.faces]
        crop = said['crop']
        assert (crop['width'], crop['height'])==(camera.width, camera.height)
        assert crop['original_size']==list(photo.original_size)
        close(crop['offset'], list(photo.offset))
        close(crop['scale'], photo.scale)
        assert said['focal_length_from']==frame.focal_source
        assert said['focal_length_px']==pytest.approx(float(camera.focal), abs=1e-3)
        np.testing.assert_allclose(said['principal_point_px'], camera.principal, atol=1e-3)
        np.testing.assert_allclose(said['rotation_degrees'], np.degrees(frame.rotation), atol=1e-3)
        np.testing.assert_allclose(said['translation_mm'], frame.translation, atol=2e-3)
        close(said['nme_after_landmarks'], result.after_landmarks[i])
        off = (pipeline.landmarks(face, i)-frame.landmarks.points).norm(dim=1).mean()
        close(said['nme'], float(off)/eye_distance(frame.landmarks))
        mask = pipeline.face_mask(face, i)
        seen = mask&(frame.hidden<.01)
        code = lambda x: np.where(x<=.0031308, 12.92*x, 1.055*np.maximum(x, 1e-9)**(1/2.4)-.055)
        picture = pipeline.render(face, i, final=True)[...,:3]
        drawn,there = (code(x.clamp(0, 1).numpy()) for x in (picture, photo.pixels))
        decibel = lambda where: -10*math.log10(((drawn-there)**2)[where].mean())
        assert said['psnr']==pytest.approx(decibel(seen.numpy()), abs=1e-3)
        assert said['psnr_all']==pytest.approx(decibel(mask.numpy()), abs=1e-3)
        assert said['ssim']==pytest.approx(ssim(drawn, there, seen), abs=1e-4)
    for name,value in report[0]['mean'].items(): close(value, np.mean([f[name] for f in report[0]['frames']]))

def test_what_the_report_says_of_the_run(made, report):
    "Settings, what was asked for, times, losses, where texels come from, model, versions, machine, files"
    from nextgenface_nb.output.report import machine
    result,place = made
    said,folder,before = report
    assert (said['format'], said['format_version'])==('nextgenface_nb report', REPORT_VERSION)
    assert said['config']==result.pipeline.config.to_dict()|dict(save_intermediate=False)
    file = lambda name: dict(name=name, sha256=digest(place/name))
    photos = [dict(name=f'{n}.png', sha256=digest(place/f'{n}.png')) for n in 'ab']
    assert said['invocation']==dict(
        photos=photos, stages=['landmarks', 'photometric', 'texture'], shared_identity=False, face=None,
        checkpoint=file('c.npz'), landmarks=file('p.npy'), light=file('l.exr'), focal=file('f.json'),
        landmark_model=file('m.task'))
    times = dict(said['seconds'])
    total = times.pop('total')
    assert times.pop('output')>0 and times=={k:v for k,v in result.timings.items() if k!='output'}
    close(total, sum(v for k,v in said['seconds'].items() if k!='total'))
    assert said['stages']=={p.stage:dict(steps=p.step, losses=p.losses) for p in result.history}
    kind = result.face.identity.provenance
    for name,value in dict(seen=1, mirrored=2, guessed=3).items():
        close(said['texels'][name], float((kind==value).sum()/(kind>0).sum()))
    model = result.pipeline.model
    assert said['model']==dict(
        name=model.name, fingerprint=model.fingerprint, licence=model.licence,
        place=result.pipeline.model_place)
    assert said['landmark_model']==result.landmark_model
    known = {n:metadata.version(n) for n in ('mitsuba', 'drjit', 'torch', 'numpy', 'mediapipe', 'scipy', 'pillow')}
    assert said['versions']==dict(known, nextgenface_nb=__version__, python=platform.python_version())
    here = said['machine']
    assert here['system']==f'{platform.system()} {platform.machine()}' and here['processor']==machine()['processor']
    assert here['cores']==(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())
    close(here['memory_gb'], machine()['memory_gb'])
    assert here['variant']==machine()['variant']
    written = calendar.timegm(time.strptime(said['written'], '%Y-%m-%dT%H:%M:%SZ'))
    assert before-2<written<time.time()+2
    assert set(said['files'])==names_in(folder) and said['files']==sorted(said['files'])

def test_what_the_report_says_of_trust(made, report):
    from nextgenface_nb.output.card import report_card
    from nextgenface_nb.output.report import frame_measures
    result,_ = made
    face,pipeline = result.face,result.pipeline
    drawn = [frame_measures(pipeline, face, i, pipeline.render(face, i, final=True)[...,:3]) for i in range(2)]
    said = report[0]['card']
    def same(a, b):
        if isinstance(b, dict):
            assert set(a)==set(b)
            for k in b: same(a[k], b[k])
        elif isinstance(b, (list,tuple)):
            assert len(a)==len(b)
            for x,y in zip(a, b): same(x, y)
        elif isinstance(b, float) and not math.isfinite(b): assert a is None
        elif isinstance(b, float): close(a, b)
        else: assert a==b
    card = report_card(result, drawn)
    same(said, dict(
        frames=card.frames, skin_tone=dict(ita_degrees=card.tone, name=said['skin_tone']['name']), texels=card.texels,
        warnings=card.warnings))
    angle = card.tone
    names = {55:'very light', 41:'light', 28:'intermediate', 10:'tan', -30:'brown'}
    name = next((n for least,n in names.items() if angle>least), 'dark')
    assert said['skin_tone']['name']==('unknown' if math.isnan(angle) else name)
    assert report[0]['warnings']==said['warnings'] and 'a note' in said['warnings']

# ---- checkpoints

def alike(a, b, where=''):
    "Two values of a face, down to the last number"
    if isinstance(b, torch.Tensor): assert a.dtype==b.dtype and torch.equal(a, b), where
    elif is_dataclass(b):
        assert type(a) is type(b), where
        for f in fields(b): alike(getattr(a, f.name), getattr(b, f.name), f'{where}.{f.name}')
    elif isinstance(b, dict):
        assert set(a)==set(b), where
        for k in b: alike(a[k], b[k], f'{where}.{k}')
    elif isinstance(b, (list,tuple)):
        assert len(a)==len(b), where
        for k,(x,y) in enumerate(zip(a, b)): alike(x, y, f'{where}[{k}]')
    else: assert a==b, where

def named(face):
    "The same with the names of its photos, not the folders in which they lay"
    frames = [replace(f, photo=replace(f.photo, path=Path(f.photo.path).name)) for f in face.frames]
    return replace(face, frames=frames)

def test_a_checkpoint_keeps_all_that_a_face_is(made, tmp_path):
    "Identity, frames, photos, landmarks, lights: every field that a dataclass has; and what was kept beside it"
    result,_ = made
    result.save(tmp_path, formats=('checkpoint',))
    model = result.pipeline.model
    for n,stage in enumerate(('landmarks', 'photometric', 'texture'), 1):
        path = tmp_path/'checkpoints'/f'stage{n}_output.npz'
        face,meta = load_face(path, model)
        alike(face, named(result.face))
        assert meta['stage']==stage and meta['config']==result.pipeline.config.to_dict()
        for name in ('detection', 'landmarks', 'photometric', 'texture'):
            assert meta['timings'][name]==result.timings[name]
        assert all(0<=v<1e4 for v in meta['timings'].values())
        assert meta['warnings']==result.warnings and meta['after_landmarks']==result.after_landmarks
        wanted = [p for p in result.history if ('landmarks', 'photometric', 'texture').index(p.stage)<n]
        assert meta['history']==[{f.name:getattr(p, f.name) for f in fields(p)} for p in wanted]
        about = read_about(path)
        assert (about['format'], about['format_version'])==('nextgenface_nb face', FORMAT_VERSION)
        assert about['library']==__version__
        assert about['model']==dict(name=model.name, fingerprint=model.fingerprint)
        assert about['photos']==[dict(path=f.photo.path, sha256=f.photo.sha256) for f in named(result.face).frames]

def test_the_state_of_a_run_keeps_how_far_it_is(made, tmp_path):
    result,_ = made
    terms = [dict(name='pale', stage='texture', weight=5.)]
    stranger = dict(photo='other.png', sha256='0'*64, why='somebody else')
    result = replace(result, terms=terms, left_out=[stranger])
    keep_state(tmp_path/'state.npz', result, ['landmarks', 'texture'], 1, None, 'begun', 2, points='those')
    photos = [f.photo for f in result.face.frames]
    again,done,_ = load_state(tmp_path/'state.npz', photos, result.pipeline, ['landmarks', 'texture'], 'begun', 2, terms, 'those')
    assert again.left_out==[stranger]
    assert done==1 and again.history==result.history and again.timings==result.timings
    assert again.warnings==result.warnings and again.after_landmarks==result.after_landmarks
    alike(again.face, named(result.face))
    meta = read_about(tmp_path/'state.npz')['meta']
    from nextgenface_nb.resume import STATE_VERSION
    assert meta['state_version']==STATE_VERSION and meta['config']==result.pipeline.config.to_dict()
    assert (meta['stages'], meta['done'], meta['start'], meta['which_face'])==(['landmarks', 'texture'], 1, 'begun', 2)
    assert meta['terms']==terms and meta['landmarks']=='those'

# ---- camera.json

UNITS = 'mm','m'

def seen_by_hand(pipeline, face, i):
    "Where the vertices are on the original: rotation, translation and a pinhole, written out"
    from scipy.spatial.transform import Rotation
    frame = face.frames[i]
    pitch,yaw,roll = frame.rotation.double().tolist()
    R = (Rotation.from_euler('z', roll)*Rotation.from_euler('y', yaw)*Rotation.from_euler('x', pitch)).as_matrix()
    there = pipeline.vertices(face, i).double().numpy()@R.T+frame.translation.double().numpy()
    focal = float(frame.camera.focal)/frame.photo.scale
    principal = frame.camera.principal.double().numpy()/frame.photo.scale+np.array(frame.photo.offset)
    return principal+focal*there[:,:2]*[1, -1]/-there[:,2:],focal,principal

def test_every_word_of_camera_json(made, tmp_path):
    "OpenCV, OpenGL, Blender, COLMAP and three.js put each vertex where a pinhole written out here does"
    from nextgenface_nb.output.camera import CONVENTIONS, FORMAT_VERSION as version, save_cameras
    result,_ = made
    save_cameras(tmp_path, result.face)
    said = json.loads((tmp_path/'camera.json').read_text(encoding='utf-8'))
    assert (said['format'], said['format_version'], said['library'])==('nextgenface_nb camera', version, __version__)
    assert said['conventions']==CONVENTIONS
    obj,glb = said['meshes']['mm'],said['meshes']['m']
    assert obj==dict(
        files='mesh{i}.obj, mesh{i}.ply', unit='millimetre', space='model', expression='the expression of photo i')
    assert (glb['files'], glb['unit'], glb['space'])==('face0.glb', 'metre', 'model')
    assert glb['expression'].startswith('neutral') and glb['expression'].endswith("in the animation 'photo i'")
    for i,(words,frame) in enumerate(zip(said['photos'], result.face.frames)):
        pixels,focal,principal = seen_by_hand(result.pipeline, result.face, i)
        w,h = frame.photo.original_size
        assert (words['photo'], words['width'], words['height'], words['distortion'])==(f'{"ab"[i]}.png', w, h, 'none')
        close(words['focal_length_px'], focal)
        close(words['principal_point_px'], principal.tolist())
        assert words['focal_length_from']==frame.focal_source
        close(words['focal_length_35mm'], focal*math.hypot(36, 24)/math.hypot(w, h))
        angle = lambda side: 2*math.degrees(math.atan(side/2/focal))
        sides = dict(horizontal=w, vertical=h, diagonal=math.hypot(w, h))
        close(words['field_of_view_degrees'], {k:angle(v) for k,v in sides.items()})
        close(words['crop']['offset'], list(frame.photo.offset))
        close(words['crop']['scale'], frame.photo.scale)
        assert words['crop']['size']==[frame.camera.width, frame.camera.height]
        assert set(words['crop'])=={'offset', 'scale', 'size'}
        for unit in UNITS:
            points = result.pipeline.vertices(result.face, i).double().numpy()*(1 if unit=='mm' else .001)
            points = np.concatenate([points, np.ones((len(points), 1))], 1)
            for name,project in READERS.items():
                found = project(words, unit, points)
                assert np.abs(found-pixels).max()<.02, (name, unit, np.abs(found-pixels).max())
            check_ranges(words, unit)
        assert words['opencv']['distortion']==[0.]*5
        line = words['colmap']['cameras_txt'].split()
        assert line[:4]==[str(i+1), 'SIMPLE_PINHOLE', str(w), str(h)]
        assert words['blender']['sensor_fit']=='HORIZONTAL' and words['blender']['resolution_percentage']==100
        assert (words['blender']['resolution_x'], words['blender']['resolution_y'])==(w, h)

def by_opencv(words, unit, points):
    K,M = np.array(words['opencv']['K']),np.array(words['opencv']['world_to_camera'][unit])
    assert M[3].tolist()==[0, 0, 0, 1]
    seen = (points@M.T)[:,:3]@K.T
    return seen[:,:2]/seen[:,2:]+.5

def by_opengl(words, unit, points):
    own = words['opengl']
    into,back,P = (np.array(own[n][unit]) for n in ('world_to_camera', 'camera_to_world', 'projection'))
    np.testing.assert_allclose(into@back, np.eye(4), atol=1e-9)
    assert into[3].tolist()==back[3].tolist()==[0, 0, 0, 1]
    clip = points@into.T@P.T
    x,y,z = (clip[:,k]/clip[:,3] for k in range(3))
    near,far = (1 if unit=='m' else 1000)*np.array([.01, 100.])
    depth = -(points@into.T)[:,2]
    np.testing.assert_allclose(z, (far+near)/(far-near)-2*far*near/(far-near)/depth, atol=1e-9)
    return np.stack([(x+1)/2*words['width'], (1-y)/2*words['height']], 1)

def by_blender(words, unit, points):
    own = words['blender']
    up = np.array([[1., 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])   # as the import turns a mesh
    turned = points@up.T
    M = np.array(own['matrix_world'][unit])
    assert M[3].tolist()==[0, 0, 0, 1]
    seen = turned@np.linalg.inv(M).T
    w,h = own['resolution_x'],own['resolution_y']
    focal = own['lens']/own['sensor_width']*w
    x,y = (focal*seen[:,k]/-seen[:,2] for k in (0, 1))
    return np.stack([w/2-own['shift_x']*w+x, h/2+own['shift_y']*w-y], 1)

def by_colmap(words, unit, points):
    from scipy.spatial.transform import Rotation
    own = words['colmap']
    q,t = own['qvec_wxyz'],own['tvec'][unit]
    image = own['images_txt'][unit].split()
    number = own['cameras_txt'].split()[0]
    assert image[0]==image[8]==number and image[9]==words['photo'].replace(' ', '_')
    np.testing.assert_allclose([float(x) for x in image[1:8]], [*q, *t], rtol=1e-9)
    there = points[:,:3]@Rotation.from_quat([*q[1:], q[0]]).as_matrix().T+t
    f,cx,cy = (float(x) for x in own['cameras_txt'].split()[4:])
    return f*there[:,:2]/there[:,2:]+[cx, cy]

def by_three(words, unit, points):
    own = words['three']
    M = np.array(own['matrix_world'][unit]).reshape(4, 4).T
    assert M[3].tolist()==[0, 0, 0, 1]
    seen = points@np.linalg.inv(M).T
    full_w,full_h,left,top,w,h = own['view_offset']
    assert (w, h)==(words['width'], words['height'])
    assert own['aspect']==pytest.approx(full_w/full_h)
    focal = full_h/2/math.tan(math.radians(own['fov'])/2)
    return np.stack([full_w/2+focal*seen[:,0]/-seen[:,2]-left, full_h/2-focal*seen[:,1]/-seen[:,2]-top], 1)

READERS = dict(opencv=by_opencv, opengl=by_opengl, blender=by_blender, colmap=by_colmap, three=by_three)

def check_ranges(words, unit):
    "What is drawn lies between a centimetre and a hundred metres"
    metre = 1000 if unit=='mm' else 1
    for own,names in ((words['blender'], ('clip_start', 'clip_end')), (words['three'], ('near', 'far'))):
        assert [own[n][unit] for n in names]==pytest.approx([.01*metre, 100*metre])
