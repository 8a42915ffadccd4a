"Damaged and hostile files: an error of our family or success, nothing else. `tools/fuzz.py` feeds 10,000 to each reader; here are a few, and the cases that were found or thought of"
import json, os, sys, zipfile
from pathlib import Path
import h5py, numpy as np, pytest
from nextgenface_nb.errors import CheckpointError, LandmarkError, ModelError, PhotoError
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.landmarks import load_landmarks
from nextgenface_nb.output.checkpoint import file_digest, load_face

sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
import fuzz

@pytest.mark.parametrize('reader, count', [('settings', 100), ('checkpoint', 60), ('pickle', 100), ('model', 50), ('landmarks', 100), ('image', 60)])
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
    monkeypatch.setitem(fuzz.READERS, 'bad', (lambda folder: {'.x':[bytes([n]) for n in (*range(0, 256, 16), 255)]}, reader))
    monkeypatch.setattr(fuzz, 'SECONDS', .3)
    found = fuzz.fuzz('bad', 30)
    assert {why.split(':')[0] for why in found['findings'].values()}>={'KeyError', 'MemoryError', 'the process ended with status 1280', 'no end in 0.3 s'}

# ---- models: sizes are checked before anything is allocated, and no other file is read
@pytest.fixture
def model_file(tmp_path):
    toy_model(9, 7).save(tmp_path/'model.h5'); return tmp_path/'model.h5'

def replaced(path, name, make):
    with h5py.File(path, 'r+') as file: del file[name]; make(file)
    with pytest.raises(ModelError) as caught: load_model(path)
    return str(caught.value)

def test_a_dataset_that_claims_terabytes(model_file):
    assert 'values' in replaced(model_file, 'shape/model/mean', lambda f: f.create_dataset('shape/model/mean', (2**40,), 'f4', chunks=(1024,)))

def test_a_dataset_that_was_never_written(model_file):
    assert 'never written' in replaced(model_file, 'shape/model/mean', lambda f: f.create_dataset('shape/model/mean', (189,), 'f4', chunks=(189,)))

def test_a_link_to_another_file(model_file, tmp_path):
    with h5py.File(tmp_path/'other.h5', 'w') as other: other['secret'] = np.zeros(189, np.float32)
    def link(file): file['shape/model/mean'] = h5py.ExternalLink('other.h5', 'secret')
    assert 'another file' in replaced(model_file, 'shape/model/mean', link)

def test_data_in_another_file(model_file, tmp_path):
    (tmp_path/'secret.bin').write_bytes(bytes(189*4))
    assert 'another file' in replaced(model_file, 'shape/model/mean', lambda f: f.create_dataset('shape/model/mean', (189,), 'f4', external=[(str(tmp_path/'secret.bin'), 0, h5py.h5f.UNLIMITED)]))

def test_a_virtual_dataset(model_file, tmp_path):
    with h5py.File(tmp_path/'other.h5', 'w') as other: other['secret'] = np.zeros(189, np.float32)
    def virtual(file):
        layout = h5py.VirtualLayout((189,), 'f4'); layout[:] = h5py.VirtualSource(str(tmp_path/'other.h5'), 'secret', (189,))
        file.create_virtual_dataset('shape/model/mean', layout)
    assert 'another file' in replaced(model_file, 'shape/model/mean', virtual)

def test_names_of_a_megabyte(model_file):
    assert 'names' in replaced(model_file, 'expression/names', lambda f: f.create_dataset('expression/names', (52,), 'S1000000'))

# ---- checkpoints
def packed(path, **members):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        for name,data in members.items(): file.writestr(f'{name}.npy', data)
    return path

def header(shape, kind='<f4'): # of a .npy file
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b' '*(63-(10+len(text))%64)+b'\n'
    return b'\x93NUMPY\x01\x00'+len(text).to_bytes(2, 'little')+text

@pytest.mark.parametrize('member', [header('(1099511627776,)'), header('(4,)', '|O')+b'\x80\x04N.', header('(-1,)'), header('(2, 3)')+bytes(20), b'\x93NUMPY\x01\x00\xff\xff{', b''])
def test_arrays_that_are_not_what_they_claim(tmp_path, member):
    with pytest.raises(CheckpointError, match='damaged'): load_face(packed(tmp_path/'x.npz', json=member), None)

def test_a_zip_bomb(tmp_path):
    path = tmp_path/'x.npz'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        with file.open('json.npy', 'w', force_zip64=True) as part:
            for _ in range(1100): part.write(bytes(1_000_000))
    assert path.stat().st_size<2_000_000
    with pytest.raises(CheckpointError, match='when unpacked'): load_face(path, None)

def test_json_nested_without_end(tmp_path):
    text = np.array('['*100_000); np.savez(tmp_path/'x.npz', json=text)
    with pytest.raises(CheckpointError, match='damaged'): load_face(tmp_path/'x.npz', None)

@pytest.mark.skipif(not Path('/dev/zero').exists(), reason='needs /dev/zero')
def test_a_photo_path_that_never_ends(): assert file_digest('/dev/zero')==''

# ---- landmarks, photos
@pytest.mark.parametrize('content', [header('(1099511627776, 2)'), header('(4,)', '|O')+b'\x80\x04N.', header('(68, 2)', '<f8')[:-3]+b"('''", b'PK\x03\x04', header('(2, 2, 2)', '<f8')+bytes(64)])
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
    (tmp_path/'x.png').write_bytes(b'\x89PNG\r\n\x1a\n'+chunk(b'IHDR', head)+chunk(b'IDAT', zlib.compress(bytes(1000)))+chunk(b'IEND', b''))
    with pytest.raises(PhotoError, match='million'): load_photo(tmp_path/'x.png')
