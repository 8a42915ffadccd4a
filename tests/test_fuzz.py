("Damaged and hostile files: an error of our family or success, nothing else. `tools/fuzz.py` feeds 10,000 to each "
 "reader; here are a few, and the cases that were found or thought of")
import json, os, sys, zipfile, zlib
from pathlib import Path
import h5py, numpy as np, pytest
from nextgenface_nb.errors import CheckpointError, LandmarkError, ModelError, PhotoError
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.landmarks.detection import load_landmarks
from nextgenface_nb.output.checkpoint import file_digest, load_face

sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
import fuzz

@pytest.mark.parametrize('reader, count',
    [('settings', 100), ('checkpoint', 60), ('pickle', 100), ('model', 50), ('landmarks', 100), ('image', 60)])
def test_damaged_files(reader, count):
    if not hasattr(os, 'fork'): pytest.skip('needs fork')
    found = fuzz.fuzz(reader, count, seed=1)
    assert found['read']+found['refused']==count and not found['findings'], found['findings']
    assert found['refused']>count/10   # the damage reaches the reader

def test_the_fuzzer_finds_what_it_is_for(monkeypatch):
    "A reader with four faults: another exception, a crash, too much memory, no end"
    if not fuzz.address_space(): pytest.skip('needs /proc')
    def reader(path):
        first = path.read_bytes()[:1]
        if first<b'\x40': raise KeyError('x')
        if first<b'\x80': os._exit(5)
        if first<b'\xc0': bytearray(2*fuzz.BYTES)
        while first>b'\xf0': pass
    monkeypatch.setitem(fuzz.READERS, 'bad',
        (lambda folder: {'.x':[bytes([n]) for n in (*range(0, 256, 16), 255)]}, reader))
    monkeypatch.setattr(fuzz, 'SECONDS', .3)
    found = fuzz.fuzz('bad', 30)
    assert {why.split(':')[0] for why in found['findings'].values()}>={'KeyError', 'MemoryError',
        'the process ended with status 1280', 'no end in 0.3 s'}

# ---- models: sizes are checked before anything is allocated, and no other file is read
@pytest.fixture
def model_file(tmp_path):
    toy_model(9, 7).save(tmp_path/'model.h5')
    return tmp_path/'model.h5'

def replaced(path, name, make):
    with h5py.File(path, 'r+') as file:
        del file[name]
        make(file)
    with pytest.raises(ModelError) as caught: load_model(path)
    return str(caught.value)

def test_a_dataset_that_claims_terabytes(model_file):
    assert 'values' in replaced(model_file, 'shape/model/mean',
        lambda f: f.create_dataset('shape/model/mean', (2**40,), 'f4', chunks=(1024,)))

def test_a_dataset_that_was_never_written(model_file):
    assert 'never written' in replaced(model_file, 'shape/model/mean',
        lambda f: f.create_dataset('shape/model/mean', (189,), 'f4', chunks=(189,)))

def test_a_link_to_another_file(model_file, tmp_path):
    with h5py.File(tmp_path/'other.h5', 'w') as other: other['secret'] = np.zeros(189, np.float32)
    def link(file): file['shape/model/mean'] = h5py.ExternalLink('other.h5', 'secret')
    assert 'is a link' in replaced(model_file, 'shape/model/mean', link)

def test_data_in_another_file(model_file, tmp_path):
    (tmp_path/'secret.bin').write_bytes(bytes(189*4))
    assert 'another file' in replaced(model_file, 'shape/model/mean',
        lambda f: f.create_dataset('shape/model/mean', (189,), 'f4',
        external=[(str(tmp_path/'secret.bin'), 0, h5py.h5f.UNLIMITED)]))

def test_a_virtual_dataset(model_file, tmp_path):
    with h5py.File(tmp_path/'other.h5', 'w') as other: other['secret'] = np.zeros(189, np.float32)
    def virtual(file):
        layout = h5py.VirtualLayout((189,), 'f4')
        layout[:] = h5py.VirtualSource(str(tmp_path/'other.h5'), 'secret', (189,))
        file.create_virtual_dataset('shape/model/mean', layout)
    assert 'another file' in replaced(model_file, 'shape/model/mean', virtual)

def packed_once(file, size, filters=1):
    "189 numbers in one chunk, which zlib unpacks to so many bytes"
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((189,))
    for _ in range(filters): plist.set_deflate(9)
    made = h5py.h5d.create(file['shape/model'].id, b'mean', h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((189,)),
        plist)
    content = bytes(size)
    for _ in range(filters): content = zlib.compress(content)
    made.write_direct_chunk((0,), content)

def sparse(file, count, chunk):
    "So many numbers, of which nine are there"
    file.create_dataset('shape/model/mean', (count,), 'f4', chunks=(chunk,), compression='gzip')[:9] = 1

LIMITS = {'becomes larger than its size':lambda f: packed_once(f, 10_000),
    'packed in a way that is not read':lambda f: packed_once(f, 756, filters=2),
    'bytes in a file of':lambda f: sparse(f, 60_000_000, 1_000_000),
    'chunks of':lambda f: f.create_dataset('shape/model/mean', (189,), 'f4', maxshape=(None,),
    chunks=(2**24,)).__setitem__(slice(0, 9), 1), 'more than 100000 chunks':lambda f: sparse(f, 3_000_000, 3)}

@pytest.mark.parametrize('words', LIMITS)
def test_limits_of_a_dataset(model_file, words):
    ("Each of them has its own words: without one of them the file would be read, or refused for what comes after "
     "gigabytes and minutes")
    assert words in replaced(model_file, 'shape/model/mean', LIMITS[words])

def test_lists_that_are_far_too_long(model_file):
    "Of regions, of vertices; and a name of a megabyte is none"
    with h5py.File(model_file, 'r+') as file:
        file.attrs['name'] = np.bytes_(b'x'*60_000)
        assert len(file.attrs['name'])==60_000
    assert load_model(model_file).name=='model'
    with h5py.File(model_file, 'r+') as file:
        for i in range(65): file[f'regions/{i}'] = np.zeros(63, np.float32)
    with pytest.raises(ModelError, match='regions'): load_model(model_file)
    with h5py.File(model_file, 'w') as file:
        count = 3*500_001
        group = file.create_group('shape/model')
        for name,size in dict(mean=(count,), pcaVariance=(1,), pcaBasis=(count, 1)).items():
            group.create_dataset(name, data=np.ones(size, np.float32))
        file['diffuseAlbedo/model/mean'] = np.ones(count, np.float32)
    with pytest.raises(ModelError, match='500001 vertices'): load_model(model_file)

def test_names_of_a_megabyte(model_file):
    assert 'names' in replaced(model_file, 'expression/names',
        lambda f: f.create_dataset('expression/names', (52,), 'S1000000'))

# ---- checkpoints
def packed(path, **members):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        for name,data in members.items(): file.writestr(f'{name}.npy', data)
    return path

def header(shape, kind='<f4'): # of a .npy file
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b' '*(63-(10+len(text))%64)+b'\n'
    return b'\x93NUMPY\x01\x00'+len(text).to_bytes(2, 'little')+text

@pytest.mark.parametrize('member', [header('(1099511627776,)'), header('(4,)', '|O')+b'\x80\x04N.', header('(-1,)'),
    header('(2, 3)')+bytes(20), b'\x93NUMPY\x01\x00\xff\xff{', b''])
def test_arrays_that_are_not_what_they_claim(tmp_path, member):
    with pytest.raises(CheckpointError, match='damaged'): load_face(packed(tmp_path/'x.npz', json=member), None)

def test_a_zip_bomb(tmp_path):
    path = tmp_path/'x.npz'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        with file.open('a.npy', 'w', force_zip64=True) as part:
            for _ in range(1100): part.write(bytes(1_000_000))
    assert path.stat().st_size<2_000_000
    with pytest.raises(CheckpointError, match='1 GB when unpacked'): load_face(path, None)

def text_of(letters): return header('()', f'<U{len(letters)}')+letters.encode('utf-32-le')

def test_limits_of_a_checkpoint(tmp_path):
    ("Its text, the number of its members, how they are packed, the list of them: each has its own words, or its own "
     "reason")
    def refused(path):
        with pytest.raises(CheckpointError) as error: load_face(path, None)
        return f'{error.value} {error.value.__cause__}'
    assert '64 MB when unpacked' in refused(packed(tmp_path/'text.npz',
        json=header('()', '<U16000001')+bytes(4*16_000_001)))
    assert 'when unpacked' in refused(packed(tmp_path/'many.npz', json=text_of('{}'),
        **{f'a{i}':header('()')+bytes(4) for i in range(10_000)}))
    for method in zipfile.ZIP_LZMA,zipfile.ZIP_BZIP2:
        with zipfile.ZipFile(tmp_path/'other.npz', 'w', method) as file: file.writestr('json.npy', text_of('{}'))
        assert 'packed in a way' in refused(tmp_path/'other.npz')
    whole = packed(tmp_path/'a.npz', json=text_of('{}')).read_bytes()
    at = whole.rindex(b'PK\5\6')
    swollen = bytearray(whole)
    swollen[at+12:at+16] = (4_000_001).to_bytes(4, 'little')
    (tmp_path/'list.npz').write_bytes(swollen)
    assert 'more than 4 MB' in refused(tmp_path/'list.npz')
    (tmp_path/'zip64.npz').write_bytes(whole[:at]+b'PK\6\7'+bytes(16)+whole[at:])
    assert 'beyond 4 GB' in refused(tmp_path/'zip64.npz')
    assert 'not the bytes for its shape' in refused(packed(tmp_path/'claims.npz', json=header('(1099511627776,)')))
    # what is wrong is nothing of these
    assert 'not a checkpoint' in refused(packed(tmp_path/'other.npz', json=text_of('{}')))

def test_json_nested_without_end(tmp_path):
    text = np.array('['*100_000)
    np.savez(tmp_path/'x.npz', json=text)
    with pytest.raises(CheckpointError, match='damaged'): load_face(tmp_path/'x.npz', None)

@pytest.mark.skipif(not Path('/dev/zero').exists(), reason='needs /dev/zero')
def test_a_photo_path_that_never_ends(): assert file_digest('/dev/zero')==''

# ---- landmarks, photos
@pytest.mark.parametrize('content', [header('(1099511627776, 2)'), header('(4,)', '|O')+b'\x80\x04N.',
    header('(68, 2)', '<f8')[:-3]+b"('''", b'PK\x03\x04', header('(2, 2, 2)', '<f8')+bytes(64)])
def test_hostile_landmarks(tmp_path, content):
    (tmp_path/'x.npy').write_bytes(content)
    with pytest.raises(LandmarkError): load_landmarks(tmp_path/'x.npy')

def test_landmarks_of_a_gigabyte(tmp_path):
    with open(tmp_path/'x.txt', 'wb') as file: file.truncate(2**30)
    with pytest.raises(LandmarkError, match='10 MB'): load_landmarks(tmp_path/'x.txt')

def test_an_image_bomb(tmp_path):
    import struct, zlib
    from nextgenface_nb.imaging import load_photo
    chunk = lambda kind,data: struct.pack('>I', len(data))+kind+data+struct.pack('>I', zlib.crc32(kind+data))
    head = struct.pack('>IIBBBBB', 60_000, 60_000, 8, 2, 0, 0, 0)
    (tmp_path/'x.png').write_bytes(b'\x89PNG\r\n\x1a\n'+chunk(b'IHDR', head)+chunk(b'IDAT', zlib.compress(bytes(1000)))
        +chunk(b'IEND', b''))
    with pytest.raises(PhotoError, match='million'): load_photo(tmp_path/'x.png')

HUGE = 10**400   # a number that JSON has, and floats have not

@pytest.mark.parametrize('place,value', [
    (('photo', 'offset'), []), (('photo', 'offset'), ''), (('photo', 'offset'), {}), (('photo', 'offset'), [1., 2., 3.]),
    (('photo', 'offset', 0), HUGE), (('photo', 'original_size'), [64]), (('photo', 'original_size'), [64, 0]),
    (('photo', 'scale'), HUGE), (('photo', 'scale'), 0), (('landmarks', 'offset'), []), (('landmarks', 'scale'), -1),
    (('camera', 'width'), float('inf')), (('weight',), HUGE), (('focal_known',), HUGE)],
    ids=lambda x: str(x)[:40])
def test_a_description_that_is_none(tmp_path, place, value):
    "Numbers that no float can be, and pairs that are none, would be found later, or as errors that nobody has foreseen"
    from nextgenface_nb.output.checkpoint import save_face
    face,model = fuzz.small_face()
    save_face(tmp_path/'a.npz', face, model)
    with np.load(tmp_path/'a.npz') as file: arrays = dict(file)
    about = json.loads(str(arrays.pop('json')))
    part = about['frames'][0]
    for name in place[:-1]: part = part[name]
    assert place[-1] in part or isinstance(part, list)
    part[place[-1]] = value
    np.savez(tmp_path/'b.npz', json=np.array(json.dumps(about)), **arrays)
    with pytest.raises(CheckpointError, match='b.npz'): load_face(tmp_path/'b.npz', model)

def test_a_light_with_more_bands_than_numbers_have_digits(tmp_path):
    import torch
    from nextgenface_nb.light.environment import HarmonicLight
    from nextgenface_nb.output.checkpoint import save_face
    face,model = fuzz.small_face()
    face.frames[0].light = HarmonicLight(torch.full((200**2, 3), .001))
    save_face(tmp_path/'a.npz', face, model)
    with pytest.raises(CheckpointError, match='a.npz'): load_face(tmp_path/'a.npz', model)
