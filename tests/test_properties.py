"""Whatever Hypothesis thinks of: what was written comes back the same, and what is wrong is an error of our family, whatever it is.
`tools/fuzz.py` damages bytes; here the files are well formed, and what stands in them is not. The examples are the same in every run; for more, and others each time: EXAMPLES=1000 pytest tests/test_properties.py."""
from pathlib import Path
import json, math, os, string
from dataclasses import fields
import h5py, numpy as np, pytest, torch
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, from_dtype
from PIL import Image
from nextgenface_nb.config import FIELDS, IGNORED, LEGACY, Config, of_one_line
from nextgenface_nb.errors import CheckpointError, ConfigError, FaceError, LandmarkError, ModelError, PhotoError
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.geometry.camera import Camera
from nextgenface_nb.imaging import Photo, from_srgb, load_photo
from nextgenface_nb.landmarks.detection import Landmarks, load_landmarks, save_landmarks
from nextgenface_nb.face import Face, Frame, Identity
from nextgenface_nb.light.environment import HarmonicLight
from nextgenface_nb.output.checkpoint import load_face, save_face

EXAMPLES = int(os.environ.get('EXAMPLES', 60))
some = lambda share=1.: settings(max_examples=max(5, int(EXAMPLES*share)), deadline=5000,
    derandomize='EXAMPLES' not in os.environ, database=None, suppress_health_check=list(HealthCheck))

# ---- settings
def value_of(f):
    "Everything that a setting accepts"
    m,kind = f.metadata,type(f.default)
    if m['choices']: return st.sampled_from(m['choices'])
    if kind is bool: return st.booleans()
    if kind is int: return st.integers(int(max(m['low'], -2**31)), int(min(m['high'], 2**31)))
    if kind is float: return st.floats(max(m['low'], -1e9), min(m['high'], 1e9))
    return st.text(max_size=12)

configs = st.dictionaries(st.sampled_from(sorted(FIELDS)), st.none(),
    max_size=8).flatmap(lambda names: st.fixed_dictionaries({n:value_of(FIELDS[n]) for n in names}))
json_values = st.recursive(st.none()|st.booleans()|st.integers()|st.floats()|st.text(),
    lambda inner: st.lists(inner, max_size=3)|st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6)

def made(values):
    "A config, or None where a text is none that a line can hold"
    try: return Config(**values)
    except ConfigError:
        assert any(isinstance(v, str) and not of_one_line(v) for v in values.values()), values
        return None

@some()
@given(configs)
def test_settings_come_back_from_text_and_json(tmp_path_factory, values):
    if (config := made(values)) is None: return
    folder = tmp_path_factory.mktemp('c')
    for name in 'x.ini','x.json':
        config.save(folder/name)
        assert Config.load(folder/name)==config, name
    assert Config(**json.loads(json.dumps(config.to_dict())))==config

@some(2)
@given(st.text()|st.lists(st.tuples(st.sampled_from([*FIELDS, *LEGACY, *IGNORED]),
    st.text(max_size=10)|json_values.map(str))).map(lambda rows: '\n'.join(f'{k} = {v}' for k,v in rows)))
def test_any_text_of_settings(tmp_path_factory, text):
    path = tmp_path_factory.mktemp('c')/'x.ini'
    path.write_bytes(text.encode('utf-8', 'surrogatepass'))
    try: config = Config.load(path)
    except ConfigError as error: assert 'x.ini' in str(error)
    else: valid(config)

@some(2)
@given(json_values|st.dictionaries(st.sampled_from([*FIELDS, *LEGACY, *IGNORED, 'config']), json_values, max_size=4))
def test_any_json_of_settings(tmp_path_factory, content):
    path = tmp_path_factory.mktemp('c')/'x.json'
    path.write_text(json.dumps(content))
    try: config = Config.load(path)
    except ConfigError as error: assert 'x.json' in str(error)
    else: valid(config)

def valid(config):
    "Every setting has its type and is in its range"
    for name,f in FIELDS.items():
        value,m = getattr(config, name),f.metadata
        assert type(value) is type(f.default)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            assert m['low']<=value<=m['high'] and math.isfinite(value)

# ---- checkpoints
MODEL = toy_model(9, 7)

@st.composite
def faces(draw):
    "A face of the toy model, with or without maps, with one to three photos of different sizes"
    floats = lambda *shape: torch.from_numpy(
        draw(arrays(np.float32, shape, elements=st.floats(-1e6, 1e6, width=32),
        fill=st.nothing() if math.prod(shape)<20 else st.floats(-10, 10, width=32))))
    identity = Identity(floats(len(MODEL.shape_basis)), floats(len(MODEL.diffuse_basis)),
        torch.tensor(draw(st.floats(.25, .75, width=32))))
    if draw(st.booleans()):
        T = draw(st.sampled_from((8, 16)))
        identity.diffuse,identity.specular,identity.roughness,identity.provenance = floats(T,T,3),floats(T,T,
            3),floats(T,T,1),torch.from_numpy(draw(arrays(np.uint8, (T,T))))
    frames = []
    for _ in range(draw(st.integers(1, 3))):
        H,W,L = draw(st.integers(1, 9)),draw(st.integers(1, 9)),draw(st.integers(6, 9))
        photo = Photo(floats(H,W,3), draw(st.text(string.ascii_letters+' .äß"\\', max_size=8)),
            (draw(st.floats(-100, 100)), 0.), draw(st.floats(.125, 9)))
        points = Landmarks(floats(L,2), torch.arange(L), torch.ones(L), 'mediapipe')
        camera = Camera(torch.tensor(draw(st.floats(1, 1e4, width=32))), floats(2), W, H)
        frames.append(Frame(photo, points, camera, floats(3), floats(3), floats(len(MODEL.expression_basis)),
            HarmonicLight(floats(9,3)), mask=torch.ones(H,W) if draw(st.booleans()) else None))
    return Face(identity, frames)

@some()
@given(faces(), st.dictionaries(st.text(max_size=5), st.integers()|st.text()
    |st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3)), st.booleans())
def test_faces_come_back_from_checkpoints(tmp_path_factory, face, meta, packed):
    path = tmp_path_factory.mktemp('f')/'x.npz'
    meta = {k:v for k,v in meta.items() if k not in ('model', 'photos', 'library', 'tensors')}
    save_face(path, face, MODEL, meta, dict(a=face.identity.shape), packed)
    again,found = load_face(path, MODEL)
    assert {k:found[k] for k in meta}==meta and torch.equal(found['tensors']['a'], face.identity.shape)
    assert set(again.parameters())==set(face.parameters()) and all(torch.equal(v, again.parameters()[k])
        for k,v in face.parameters().items())
    for a,b in zip(again.frames, face.frames):
        assert torch.equal(a.photo.pixels, b.photo.pixels)
        assert a.photo.path==Path(b.photo.path).name   # not the folder in which it lay
        assert (a.photo.offset, a.photo.scale)==(b.photo.offset, b.photo.scale)

numbers = st.sampled_from(['f4','f8','i4','i8','u1','?','U3','S2','c8']).map(np.dtype).flatmap(lambda kind: arrays(kind,
    array_shapes(min_dims=0, max_dims=3, max_side=9)))

@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    points = Landmarks(torch.rand(8,2), torch.arange(8), torch.ones(8), 'mediapipe')
    frame = Frame(Photo(torch.rand(4,5,3)), points, Camera.centred(5, 4, 30.), torch.zeros(3),
        torch.tensor([0.,0,-600]), torch.zeros(len(MODEL.expression_basis)), HarmonicLight.frontal(3))
    maps = dict(diffuse=torch.rand(8,8,3), specular=torch.rand(8,8,3), roughness=torch.rand(8,8,1),
        provenance=torch.ones(8,8, dtype=torch.uint8))
    path = tmp_path_factory.mktemp('f')/'good.npz'
    save_face(path, Face(Identity(torch.zeros(len(MODEL.shape_basis)), torch.zeros(len(MODEL.diffuse_basis)), **maps),
        [frame]), MODEL, dict(config={}), dict(a=torch.zeros(2)))
    with np.load(path) as file: return {k:file[k] for k in file.files}

@some(2)
@given(st.data())
def test_any_array_in_a_checkpoint(tmp_path_factory, checkpoint, data):
    "One array is another, or one is missing, or one too many"
    path,name = (tmp_path_factory.mktemp('f')/'x.npz',
        data.draw(st.sampled_from([k for k in checkpoint if k!='json']
        +['tensors.x', 'identity.x', 'frames.0.x', 'frames.1.rotation'])))
    changed = {k:v for k,v in checkpoint.items() if k!=name}
    if data.draw(st.integers(0, 4)): changed[name] = data.draw(numbers)
    np.savez(path, **changed)
    read_whole(path)

@some(2)
@given(st.data())
def test_any_json_in_a_checkpoint(tmp_path_factory, checkpoint, data):
    "One value of its JSON, at any depth, is another"
    about = json.loads(str(checkpoint['json']))
    place = about
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.integers(0, 3))==0: break
        place = place[key]
    if isinstance(place, dict) and data.draw(st.booleans()): del place[key]
    else: place[key] = data.draw(json_values)
    path = tmp_path_factory.mktemp('f')/'x.npz'
    np.savez(path, **{**checkpoint, 'json':np.array(json.dumps(about))})
    read_whole(path)

def read_whole(path):
    "A `CheckpointError`, or a face that can be worked with"
    try: face,_ = load_face(path, MODEL)
    except CheckpointError as error:
        assert path.name in error.what and error.advice
        return
    for name,value in face.parameters().items(): assert torch.isfinite(value).all(), name
    for frame in face.frames:
        assert MODEL.vertices(face.identity.shape, frame.expression).shape==MODEL.shape_mean.shape
        assert frame.photo.pixels.shape==(frame.camera.height, frame.camera.width, 3)
        assert frame.light.environment(8).shape==(8, 16,
            3) and torch.isfinite(frame.photo.to_original(frame.landmarks.points)).all()
        assert isinstance(frame.photo.path, str) and math.isfinite(frame.weight)

# ---- face models
@pytest.fixture(scope='module')
def model_bytes(tmp_path_factory):
    path = tmp_path_factory.mktemp('m')/'good.h5'
    MODEL.save(path)
    found = []
    with h5py.File(path) as file:
        file.visititems(lambda name,x: found.append((name, x.shape, x.dtype)) if isinstance(x, h5py.Dataset) else None)
    return path.read_bytes(),found

@some(2)
@given(st.data())
def test_any_dataset_in_a_model(tmp_path_factory, model_bytes, data):
    "One dataset is missing, of another shape or kind, or has other values"
    whole,datasets = model_bytes
    path,(name,shape,kind) = tmp_path_factory.mktemp('m')/'x.h5',data.draw(st.sampled_from(datasets))
    path.write_bytes(whole)
    other = data.draw(st.sampled_from(['none', 'shape', 'values', 'anything']))
    with h5py.File(path, 'r+') as file:
        if other=='values' and kind.kind in 'fi':
            flat = file[name][()].reshape(-1)
            flat[data.draw(st.integers(0, len(flat)-1))] = data.draw(from_dtype(kind))
            file[name][...] = flat.reshape(shape)
        else:
            del file[name]
            if other=='shape':
                file[name] = np.zeros(data.draw(array_shapes(max_dims=3, max_side=200)) if data.draw(st.booleans())
                    else (*shape[:-1], max(shape[-1]-1, 0)), kind)
            elif other!='none': file[name] = data.draw(numbers.filter(lambda a: a.dtype.kind!='U'))
    try: model = load_model(path)
    except ModelError as error:
        assert 'x.h5' in error.what
        return
    V = len(model.shape_mean)
    assert model.vertices(torch.zeros(len(model.shape_basis)), torch.zeros(len(model.expression_basis))).shape==(V,3)
    assert 0<=model.triangles.min() and model.triangles.max()<V and model.uvs.shape==(V,
        2) and 0<=model.mirror.min() and model.mirror.max()<V
    assert torch.isfinite(model.shape_basis).all() and (model.shape_variance>=0).all() and len(
        model.expression_names)==len(model.expression_basis)
    for e in model.embeddings.values(): assert 0<=e.triangles.min() and e.triangles.max()<len(model.triangles)

# ---- landmarks
@some()
@given(arrays(np.float64, st.sampled_from([(68,2), (478,2), (9,3), (468,2)]), elements=st.floats(-1e5, 1e5),
    fill=st.floats(0, 500)), st.sampled_from(['.npy', '.txt', '.pts']))
def test_landmarks_come_back(tmp_path_factory, points, suffix):
    path = tmp_path_factory.mktemp('l')/f'x{suffix}'
    if points.shape[1]==3: points[:,0] = np.arange(len(points))
    if suffix=='.npy': np.save(path, points)
    elif suffix=='.txt': np.savetxt(path, points, fmt='%.17g')
    elif points.shape[1]==2:
        path.write_text('version: 1\nn_points: 68\n{\n'+'\n'.join(f'{x!r} {y!r}' for x,y in (points+.5).tolist())
            +'\n}\n')
    else: return
    found = load_landmarks(path)
    whole = suffix!='.pts' and (points[:,-2:]==points[:,-2:].round()).all()    # pixels, not places: their centres
    np.testing.assert_allclose(found.points.numpy(), points[:,-2:]+.5*whole, rtol=1e-6, atol=1e-6)
    save_landmarks(path.with_suffix('.txt'), found, Photo(torch.zeros(4,4,3)))
    again = load_landmarks(path.with_suffix('.txt'))
    assert again.detector==found.detector and torch.equal(again.ids, found.ids)
    np.testing.assert_allclose(again.points, found.points, atol=.01)

@some(2)
@given(st.text(max_size=60)|st.lists(st.lists(st.sampled_from(['1', '2.5', 'nan', 'inf', '-1e300', 'x', '1e9']),
    max_size=4)).map(lambda rows: '\n'.join(map(' '.join, rows))), st.sampled_from(['.txt', '.pts', '.npy']))
def test_any_text_of_landmarks(tmp_path_factory, text, suffix):
    path = tmp_path_factory.mktemp('l')/f'x{suffix}'
    path.write_bytes((f'{{\n{text}\n}}' if suffix=='.pts' else text).encode('utf-8', 'surrogatepass'))
    sensible_landmarks(path)

@some(2)
@given(numbers|arrays(np.float64, st.sampled_from([(68,2), (7,3)]), elements=st.floats(), fill=st.floats(0, 9)))
def test_any_array_of_landmarks(tmp_path_factory, array):
    path = tmp_path_factory.mktemp('l')/'x.npy'
    np.save(path, array)
    sensible_landmarks(path)

def sensible_landmarks(path):
    try: found = load_landmarks(path)
    except LandmarkError as error:
        assert path.name in str(error)
        return
    assert torch.isfinite(found.points).all() and found.points.shape==(len(found.ids), 2) and (found.ids>=0).all()

# ---- photos
MODES = {'L':((), np.uint8), 'LA':((2,), np.uint8), 'RGB':((3,), np.uint8), 'RGBA':((4,), np.uint8),
    'I;16':((), np.uint16), '1':((), np.uint8), 'P':((), np.uint8)}
ABLE = {'PNG':set(MODES), 'TIFF':set(MODES), 'BMP':{'L','RGB','1','P'}, 'JPEG':{'L','RGB'}, 'WEBP':{'RGB','RGBA'}}

@st.composite
def pictures(draw):
    kind = draw(st.sampled_from(sorted(ABLE)))
    mode = draw(st.sampled_from(sorted(ABLE[kind])))
    channels,dtype = MODES[mode]
    size = draw(st.integers(32, 40)),draw(st.integers(32, 40))
    values = draw(arrays(dtype, (*size, *channels), fill=st.integers(0, np.iinfo(dtype).max)))
    image = Image.fromarray(values).convert('1') if mode=='1' else Image.fromarray(values,
        'P') if mode=='P' else Image.fromarray(values)
    if mode=='P': image.putpalette(draw(st.binary(min_size=768, max_size=768)))
    return kind,mode,values,image

@some()
@given(pictures(), st.integers(-1, 12))
def test_photos_come_back(tmp_path_factory, picture, orientation):
    "All that Pillow writes; the lossless kinds to the last bit, whichever way the camera was held"
    (kind,mode,values,image),path = picture,tmp_path_factory.mktemp('p')/'x.png'
    exif = Image.Exif()
    if orientation>=0: exif[0x0112] = orientation
    image.save(path, kind, **(dict(exif=exif) if kind in ('PNG','JPEG','WEBP') else {}))
    photo = load_photo(path)
    turned = kind in ('PNG','JPEG','WEBP') and orientation in (5,6,7,8)
    assert photo.pixels.shape==(*(values.shape[:2][::-1] if turned else values.shape[:2]), 3)
    assert torch.isfinite(photo.pixels).all() and photo.pixels.min()>=0 and photo.pixels.max()<=1
    assert (photo.alpha is not None)==(mode in ('LA','RGBA'))
    if kind in ('PNG','TIFF','BMP') and mode in ('L','RGB') and (orientation not in range(2, 9) or kind!='PNG'):
        np.testing.assert_allclose(photo.pixels, from_srgb(values.reshape(*values.shape[:2], -1)/255.)*np.ones(3),
            atol=1e-6)

@some(2)
@given(st.binary(max_size=400),
    st.sampled_from([b'', b'\x89PNG\r\n\x1a\n', b'\xff\xd8\xff\xe0', b'RIFF\x00\x01\x00\x00WEBP',
    b'II*\x00\x08\x00\x00\x00', b'BM', b'GIF89a']), st.sampled_from(['.png', '.jpg', '.webp', '.tif']))
def test_any_bytes_as_a_photo(tmp_path_factory, content, magic, suffix):
    path = tmp_path_factory.mktemp('p')/f'x{suffix}'
    path.write_bytes(magic+content)
    try: load_photo(path)
    except PhotoError as error: assert path.name in str(error)
