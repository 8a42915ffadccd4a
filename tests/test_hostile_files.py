"""Small files that claim to be large, never end, or start other programs.

A child that may take 2 GB more than it has after its imports reads all of them: each is read rightly or refused with an error of the family, none
ends the child, none takes more than seconds, no other program is started."""
import io, json, os, re, struct, subprocess, sys, tracemalloc, warnings, zipfile, zlib
from pathlib import Path
import h5py, numpy as np, pytest
from PIL import Image
from nextgenface_nb.errors import FaceError
from nextgenface_nb.facemodel.model import toy_model
from limited import limited
from nextgenface_nb.reading import can_read, limit
ROOT = Path(__file__).resolve().parent.parent

def chunk(kind, content):
    return struct.pack('>I', len(content))+kind+content+struct.pack('>I', zlib.crc32(kind+content))

def png(width, height, pixels=b'', bits=8, kind=2, extra=b'', interlaced=0):
    header = struct.pack('>IIBBBBB', width, height, bits, kind, 0, 0, interlaced)
    return b'\x89PNG\r\n\x1a\n'+chunk(b'IHDR', header)+extra+chunk(b'IDAT', pixels)+chunk(b'IEND', b'')

BLOCK = 2**24

def raw_zeros(count, before=b''):
    "These bytes and so many of zero as deflate packs them, made of the same piece over and over"
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(before)+packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(BLOCK))+packer.flush(zlib.Z_FULL_FLUSH)
    return start+piece*(count//BLOCK)+packer.compress(bytes(count % BLOCK))+packer.flush()

def zeros(count):
    "So many bytes of zero, packed by zlib; their checksum is known"
    return b'\x78\x9c'+raw_zeros(count)+struct.pack('>I', (count % 65521) << 16 | 1)

def tiff(*tags, values=b''):
    return b'II*\0\x08\0\0\0'+struct.pack('<H', len(tags))+b''.join(struct.pack('<HHII', *t)
        for t in sorted(tags))+bytes(4)+values

def basic(width, height, *more, packing=8, colours=1, bits=8):
    given = {256:(256, 4, 1, width), 257:(257, 4, 1, height), 258:(258, 3, 1, bits), 259:(259, 3, 1, packing),
        262:(262, 3, 1, 1), 277:(277, 3, 1, colours)}
    return [*{**given, **{t[0]:t for t in more}}.values()]

def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()

def photos(small, big_text):
    "Name -> bytes of files that are given as photos"
    exif_bomb = tiff(*[(1000+i, 7, 60_000, 8) for i in range(2000)], values=bytes(40_000))
    found = {'claims.png':png(60_000, 60_000, zlib.compress(b'x')),
        'full.png':png(8000, 8000, zeros(8000*(8000*8+1)), 16, 6),
        'laced.png':png(8000, 8000, zeros(8000*(8000*3+30)), interlaced=1),
        'text.png':png(64, 64, zeros(64*193), extra=chunk(b'zTXt', b'a\0\0'+big_text)*3),
        'unicode.png':png(64, 64, zeros(64*193), extra=chunk(b'iTXt', b'XML:com.adobe.xmp\0\1\0\0\0'+big_text)),
        'raw_exif.png':png(64, 64, zeros(64*193), extra=chunk(b'zTXt', b'Raw profile type exif\0\0'+big_text)),
        'profile.png':png(64, 64, zeros(64*193), extra=chunk(b'iCCP', b'a\0\0'+big_text)),
        'exif.png':png(64, 64, zeros(64*193), extra=chunk(b'eXIf', exif_bomb)),
        'parts.png':png(64, 64, zeros(64*193), extra=chunk(b'abCd', b'')*550_000),
        'frames.png':png(64, 64, zeros(64*193), extra=chunk(b'acTL', struct.pack('>II', 4_000_000_000, 0))
        +chunk(b'fcTL', struct.pack('>5I2H2B', 0, 64, 64, 0, 0, 1, 1, 0, 0))*20_000),
        'claims.gif':b'GIF89a\xff\xff\xff\xff\x80\0\0'+bytes(6)+b',\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;',
        'comment.gif':b'GIF89a@\0@\0\0\0\0'+b'!\xfe'+(b'\xff'+b'a'*255)*30_000+b'\0,\0\0\0\0@\0@\0\0\x02\x01\0\0;',
        'frames.gif':saved(small, 'GIF')[:-1]+saved(small, 'GIF')[13+768:-1]*500+b';',
        'claims.bmp':saved(small, 'BMP')[:18]+struct.pack('<ii', 8000, 8000)+saved(small, 'BMP')[26:],
        'claims.ppm':b'P6 60000 60000 255\n'+bytes(100), 'full.ppm':b'P5 8000 8000 65535\n'+bytes(100),
        'claims.tif':tiff(*basic(60_000, 60_000, (273, 4, 1, 200), (279, 4, 1, 10)), values=bytes(300)),
        'tile.tif':tiff(*basic(64, 64, (322, 4, 1, 30_000), (323, 4, 1, 30_000), (324, 4, 1, 200), (325, 4, 1, 10)),
        values=bytes(300)),
        'strips.tif':tiff(*basic(64, 64, (273, 4, 1_000_000, 8), (279, 4, 1_000_000, 8), (278, 4, 1, 1)),
        values=bytes(4_000_000)), 'tags.tif':tiff(*basic(64, 64), *[(1000+i, 7, 1_000_000, 8) for i in range(3000)],
        values=bytes(1_000_000)),
        'numbers.tif':tiff(*basic(64, 64), (320, 3, 20_000_000, 8), values=bytes(30_000)),
        'strip.tif':(lambda p: tiff(*basic(8000, 8000, (273, 4, 1, 200), (279, 4, 1, len(p)), (278, 4, 1, 8000)),
        values=bytes(200-8-2-12*9-4)+p))(zeros(64_000_000)),
        'rows.tif':tiff(*basic(64, 64, (273, 4, 1, 200), (279, 4, 1, 4_000_000_000), (278, 4, 1, 4_000_000_000)),
        values=bytes(300)),
        'big.tif':b'II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0'+struct.pack('<Q', 2**60)+bytes(500),
        'program.jpg':b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\nclippath fill showpage\n',
        'icon.png':saved(small.resize((64, 64)), 'ICO'),
        'passes.jpg':(lambda d: d[:-2]+d[d.index(b'\xff\xda'):-2]*3000+d[-2:])(saved(small, 'JPEG')),
        'huge.jpg':re.sub(rb'(\xff\xc0\0\x11\x08)....', lambda m: m[1]+b'\xff\xdc\xff\xdc', saved(small, 'JPEG'),
        flags=re.S),
        'exif.jpg':(lambda d, e: d[:2]+b''.join(b'\xff\xe1'+struct.pack('>H', len(p)+8)+b'Exif\0\0'+p
        for p in (e[i:i+60_000] for i in range(0, len(e), 60_000)))+d[2:])(saved(small, 'JPEG'),
        tiff(*[(1000+i, 7, 900_000, 8) for i in range(60_000)], values=bytes(300_000))),
        'overlap.jpg':b'\xff\xd8'+b'\xff\xe1\xff\xffExif\0\0'*60_000+bytes(70_000),
        'million.jpg':(lambda d: d[:2]+b'\xff\xe1\0\x0aExif\0\0ab'*1_000_000+d[2:])(saved(small, 'JPEG')),
        'words.jpg':(lambda d: d[:2]+(b'\xff\xfe\0\x02')*200_000+d[2:])(saved(small, 'JPEG'))}
    if can_read('WEBP'):
        found['canvas.webp'] = b'RIFF'+struct.pack('<I', 22)+b'WEBPVP8X'+struct.pack('<I',
            10)+b'\2\0\0\0'+b'\xff\x3f\0'*2
        found['frames.webp'] = saved(small, 'WEBP', save_all=True,
            append_images=[small.rotate(i) for i in range(1, 60)])
        found['exif.webp'] = (lambda d: b'RIFF'+struct.pack('<I', len(d)-8)+d[8:])(saved(small, 'WEBP', exif=exif_bomb))
    if can_read('JPEG2000'):
        jp2 = saved(small, 'JPEG2000')
        at = jp2.index(b'\xff\x4f\xff\x51')+8
        found['claims.jp2'] = jp2[:at]+struct.pack('>8I', 60_000, 60_000, 0, 0, 60_000, 60_000, 0, 0)+jp2[at+32:]
        found['tiles.jp2'] = jp2[:at]+struct.pack('>8I', 8000, 8000, 0, 0, 8, 8, 0, 0)+jp2[at+32:]
        found['pieces.jp2'] = jp2[:at]+struct.pack('>8I', 8000, 8000, 0, 0, 64, 64, 0, 0)+jp2[at+32:]
    if can_read('AVIF'):
        avif = saved(small, 'AVIF')
        at = avif.index(b'ispe')+8
        found['claims.avif'] = avif[:at]+struct.pack('>II', 60_000, 60_000)+avif[at+8:]
        found['lies.avif'] = (lambda d: d[:d.index(b'ispe')+8]+struct.pack('>II', 64, 64)
            +d[d.index(b'ispe')+16:])(saved(small.resize((4000, 4000)), 'AVIF', speed=10))
        found['exif.avif'] = saved(small, 'AVIF', exif=b'Exif\0\0'+exif_bomb)
    return found

def maps(folder, small):
    from nextgenface_nb.radiance import write_exr
    write_exr(folder/'seed.exr', np.zeros((4, 8, 3), np.float32))
    exr = (folder/'seed.exr').read_bytes()
    window = struct.pack('<4i', 0, 0, 7, 3)
    def hdr(width, height): # new run-length encoding: 4 channels, runs of 127
        runs = (bytes((255, 0))*(width//127)+(bytes((128+width % 127, 0)) if width % 127 else b''))*4
        return b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n' % (height,
            width)+(b'\2\2'+struct.pack('>H', width)+runs)*height
    return {'claims.exr':exr.replace(window, struct.pack('<4i', 0, 0, 39_999, 19_999)),
        'tall.exr':exr.replace(window, struct.pack('<4i', 0, 0, 7, 4_000_000)), 'packed.exr':large_exr(8192, 4096),
        'beyond.exr':large_exr(16_384, 8192),
        'channels.exr':many_channels(exr), 'wrong.exr':exr.replace(window, struct.pack('<4i', 0, 0, -2**31, 2**31-1)),
        'cut.exr':exr[:len(exr)//2], 'head.exr':exr[:300],
        'size.exr':exr.replace(b'dataWindow\0box2i\0\x10\0\0\0', b'dataWindow\0box2i\0\xff\xff\xff\x7f'),
        'claims.hdr':b'#?RADIANCE\n\n-Y 40000 +X 80000\n'+bytes(100), 'runs.hdr':hdr(30_000, 15_000)[:2_000_000],
        'full.hdr':hdr(8192, 4096), 'picture.hdr':png(60_000, 30_000, zlib.compress(b'x')),
        'picture.exr':png(8000, 4000, zeros(4000*(8000*3+1))), 'lines.hdr':b'#?RADIANCE\n'+b'A=B\n'*200_000}

def large_exr(width, height):
    "Half precision, ZIP, all zeros: 16 rows to a piece"
    def tag(name, kind, content): return name+b'\0'+kind+b'\0'+struct.pack('<i', len(content))+content
    channel = lambda name: name+b'\0'+struct.pack('<iiii', 1, 0, 1, 1)
    box = struct.pack('<4i', 0, 0, width-1, height-1)
    head = b'\x76\x2f\x31\x01\2\0\0\0'+tag(b'channels', b'chlist',
        b''.join(map(channel, (b'B', b'G', b'R')))+b'\0')+tag(b'compression', b'compression', b'\3')+tag(b'dataWindow',
        b'box2i', box)+tag(b'displayWindow', b'box2i', box)
    head += tag(b'lineOrder', b'lineOrder', b'\0')+tag(b'pixelAspectRatio', b'float',
        struct.pack('<f', 1))+tag(b'screenWindowCenter', b'v2f', bytes(8))+tag(b'screenWindowWidth', b'float',
        struct.pack('<f', 1))+b'\0'
    rows = zlib.compress(bytes([0])+bytes([128])*(16*width*6-1))        # differences of zero, as OpenEXR stores them
    pieces = height//16
    start = len(head)+8*pieces
    return head+b''.join(struct.pack('<Q', start+i*(8+len(rows)))
        for i in range(pieces))+b''.join(struct.pack('<ii', 16*i, len(rows))+rows for i in range(pieces))

def many_channels(exr):
    at = exr.index(b'channels\0chlist\0')+len(b'channels\0chlist\0')
    size, = struct.unpack_from('<i', exr, at)
    names = b''.join(b'c%05d\0' % i+struct.pack('<iiii', 2, 0, 1, 1) for i in range(20_000))+b'\0'
    return exr[:at]+struct.pack('<i', len(names))+names+exr[at+4+size:].replace(struct.pack('<4i', 0, 0, 7, 3),
        struct.pack('<4i', 0, 0, 7999, 3999))

def models(folder):
    "HDF5 files, each with one part exchanged"
    base = folder/'base.h5'
    toy_model(9, 7).save(base)
    data = base.read_bytes()
    pipe = folder/'pipe.h5'
    def deflated(file, size, twice=False, chunk=189, count=189):
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((chunk,))
        for _ in range(1+twice): plist.set_deflate(9)
        made = h5py.h5d.create(file['shape/model'].id, b'mean', h5py.h5t.NATIVE_FLOAT,
            h5py.h5s.create_simple((count,), (h5py.h5s.UNLIMITED,)), plist)
        packed = zeros(size)
        made.write_direct_chunk((0,), zlib.compress(packed) if twice else packed)
    def virtual(file):
        layout = h5py.VirtualLayout((189,), 'f4', maxshape=(None,))
        layout[:h5py.h5s.UNLIMITED] = h5py.VirtualSource(str(pipe), 'x', (189,), maxshape=(None,))[:h5py.h5s.UNLIMITED]
        file.create_virtual_dataset('shape/model/mean', layout)
    def soft(file):
        file['far'] = h5py.ExternalLink(str(pipe), '/')
        file['shape/model/mean'] = h5py.SoftLink('/far/x')
    def group(file): file['shape/model'] = h5py.ExternalLink(str(pipe), '/')
    changes = {'chunk.h5':lambda f: deflated(f, 2**31, chunk=2**29, count=9),
        'inflates.h5':lambda f: deflated(f, 2_500_000_000), 'twice.h5':lambda f: deflated(f, 2_500_000_000, True),
        'values.h5':lambda f: f.create_dataset('shape/model/mean', shape=(60_000_000,), dtype='f4', chunks=(1_000_000,),
        compression='gzip', fillvalue=0).__setitem__(slice(0, 9), 1),
        'lzf.h5':lambda f: f.create_dataset('shape/model/mean', data=np.zeros(189, 'f4'), chunks=(189,),
        compression='lzf'),
        'external.h5':lambda f: f.__setitem__('shape/model/mean', h5py.ExternalLink(str(pipe), 'x')), 'soft.h5':soft,
        'virtual.h5':virtual, 'elsewhere.h5':lambda f: f.create_dataset('shape/model/mean', (189,), 'f4',
        external=[(str(pipe), 0, h5py.h5f.UNLIMITED)]), 'group.h5':group}
    found = {}
    for name, change in changes.items():
        path = folder/'model.tmp'
        path.write_bytes(data)
        with h5py.File(path, 'r+') as file:
            del file['shape/model' if name == 'group.h5' else 'shape/model/mean']
            change(file)
        found[name] = path.read_bytes()
    return found

def npy(shape, kind='<f4', content=b''):
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b' '*(63-(10+len(text)) % 64)+b'\n'
    return b'\x93NUMPY\x01\x00'+struct.pack('<H', len(text))+text+content

def archive(**members):
    "A zip of .npy files; a member is bytes, or a header and the number of zeros that follow"
    body, table = b'', b''
    for name, content in members.items():
        head, count = content if isinstance(content, tuple) else (content, 0)
        packed, check, name = raw_zeros(count, head), zlib.crc32(head), f'{name}.npy'.encode()
        for start in range(0, count, BLOCK): check = zlib.crc32(bytes(min(BLOCK, count-start)), check)
        about = struct.pack('<5HIIIHH', 20, 0, 8, 0, 33, check, len(packed), len(head)+count, len(name), 0)
        table += b'PK\1\2'+struct.pack('<H', 20)+about+struct.pack('<HHHII', 0, 0, 0, 0, len(body))+name
        body += b'PK\3\4'+about+name+packed
    return body+table+b'PK\5\6'+struct.pack('<4HIIH', 0, 0, len(members), len(members), len(table), len(body), 0)

def other_archive(method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', method) as made:
        made.writestr('json.npy', npy('()', '<U2', '{}'.encode('utf-32-le')))
    return file.getvalue()

def checkpoints(heavy):
    text = lambda letters: npy('()', f'<U{len(letters)}', letters.encode('utf-32-le'))
    lists = text('['+'{},'*4_000_000+'0]')
    directory = archive(json=text('{}'))
    end = directory.rindex(b'PK\5\6')
    entry = directory[directory.index(b'PK\1\2'):end]
    many = entry*200_000
    swollen = directory[:directory.index(b'PK\1\2')]+many+b'PK\5\6'+struct.pack('<HHHHIIH', 0, 0, 0xffff, 0xffff,
        len(many), directory.index(b'PK\1\2'), 0)
    large = dict() if not heavy else {'arrays.npz':archive(json=text('{}'), a=(npy('(275000000,)'), 1_100_000_000)),
        'nearly.npz':archive(json=text('{}'), a=(npy('(240000000,)'), 960_000_000))}
    return large if heavy else {'json.npz':archive(json=(npy('()', '<U300000000'), 1_200_000_000)),
        'lists.npz':archive(json=lists),
        'lzma.npz':other_archive(zipfile.ZIP_LZMA), 'bzip.npz':other_archive(zipfile.ZIP_BZIP2),
        'directory.npz':swollen, 'claims.npz':archive(json=npy('(1000000000000,)')),
        'objects.npz':archive(json=npy('(4,)', '|O', b'\x80\x04N.'))}

def pickles():
    return {'lists.pickle':b'\x80\x04('+b']'*20_000_000+b'l.', 'memo.pickle':b'\x80\x04]r\xff\xff\xff\x7f.',
        'long.pickle':b'\x80\x04B\xff\xff\xff\x7fabc.', 'frame.pickle':b'\x80\x04\x95'+b'\xff'*8+b'.',
        'text.pickle':b'I'+b'9'*3_000_000+b'\n.'}

def points():
    return {'claims.npy':npy('(1099511627776, 2)'), 'objects.npy':npy('(4,)', '|O', b'\x80\x04N.'),
        'header.npy':b'\x93NUMPY\x02\x00\xff\xff\xff\x7f{', 'numbers.txt':b'1 '*4_000_000,
        'long.pts':b'{'+b'1 1\n'*300_000+b'}'}

CHILD = '''
import json, os, resource, signal, sys, time, warnings, numpy as np
from pathlib import Path
warnings.simplefilter('ignore')
import mitsuba, drjit
from nextgenface_nb.config import Config
from nextgenface_nb.errors import FaceError
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.imaging import load_photo, load_values
from nextgenface_nb.landmarks.detection import load_correspondences, load_landmarks
from nextgenface_nb.light.environment import read_environment
from nextgenface_nb.output.checkpoint import load_face, photo_digest
from nextgenface_nb.output.legacy import read_legacy
from nextgenface_nb.radiance import read_exr
model = toy_model(9, 7)
checkpoint = lambda path: load_face(path, model)
settings = Config.load
folder = Path(sys.argv[1])
sizes = {line.split(':')[0]:int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('Vm')}
limit = sizes['VmSize']*1024 + 2*10**9
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
def stop(*_): raise TimeoutError('no end')
signal.signal(signal.SIGALRM, stop)
began = time.process_time()
np.sort(np.random.default_rng(0).random(2_000_000))
usual = time.process_time()-began   # some tenths of a second, by the machine
for name, readers in json.loads(sys.argv[2]):
    for reader in readers:
        print(json.dumps(['begin', name, reader]), flush=True)
        began, outcome = time.process_time(), 'read'
        signal.alarm(600)
        try: globals()[reader](folder/name)
        except FaceError as e: outcome = 'refused' if str(e).strip() else 'silent'
        except BaseException as e: outcome = f'{type(e).__name__}: {e}'[:300]
        signal.alarm(0)
        print(json.dumps([name, reader, outcome, round((time.process_time()-began)/usual, 2)]), flush=True)
'''

READERS = {'.exr':['read_environment', 'read_exr'], '.hdr':['read_environment', 'read_exr'], '.h5':['load_model'],
    '.npz':['checkpoint'], '.pickle':['read_legacy'], '.npy':['load_landmarks'],
    '.txt':['load_landmarks', 'load_correspondences'], '.pts':['load_landmarks'], '.ini':['settings'],
    '':['load_model']}
# these are, or may be, read rightly
READ = {'full.png', 'laced.png', 'text.png', 'unicode.png', 'raw_exif.png', 'profile.png', 'frames.png', 'frames.gif',
    'strip.tif', 'frames.webp', 'packed.exr', 'full.hdr', 'pieces.jp2', 'lies.avif'}

# seconds each: they are unpacked as far as the limits allow
HEAVY = {'full.png', 'laced.png', 'strip.tif', 'picture.exr', 'packed.exr', 'full.hdr', 'nearly.npz', 'arrays.npz'}

def outcomes_of(tmp_path_factory, heavy):
    "(name, reader) -> (what happened, processor time over that of sorting two million numbers)"
    if sys.platform != 'linux': pytest.skip('limits of memory are those of Linux')
    folder = tmp_path_factory.mktemp('hostile')
    small = Image.fromarray(np.linspace(0, 255, 64*64*3).reshape(64, 64, 3).astype(np.uint8))
    made = tmp_path_factory.mktemp('made')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')         # of Pillow, about the damage that is made
        files = {**photos(small, zeros(300_000_000)), **maps(made, small), **models(made), **checkpoints(heavy),
            **pickles(), **points(), 'long.ini':b'a'*5_000_000}
    files = {name:data for name, data in files.items() if (name in HEAVY) == heavy}
    for name, data in files.items(): (folder/name).write_bytes(data)
    assert max(map(len, files.values())) < 25_000_000 and (heavy or len(files) > 70)
    others = ([] if heavy
        else [*(f'pipe{end}' for end in ('.jpg', '.exr', '.h5', '.npz', '.pickle', '.npy', '.txt', '.ini')), 'models',
        'endless.png'])
    for name in others[:-2]: os.mkfifo(folder/name)
    os.mkfifo(made/'pipe.h5')               # where links and virtual datasets lead to
    (folder/'models').mkdir()
    os.mkfifo(folder/'models'/'a.h5')
    (folder/'endless.png').symlink_to('/dev/zero')
    jobs = [(name, READERS.get(Path(name).suffix, ['load_photo'])) for name in [*files, *others]]
    tools = tmp_path_factory.mktemp('tools')
    for name in ('gs', 'rsvg-convert'):
        (tools/name).write_text(f'#!/bin/sh\ntouch {tools}/was_run\n')
        (tools/name).chmod(0o755)
    child = subprocess.run([sys.executable, '-c', CHILD, str(folder), json.dumps(jobs)], capture_output=True, text=True,
        timeout=900, env={**os.environ, 'PATH':f'{tools}:{os.environ["PATH"]}', 'OMP_NUM_THREADS':'1'})
    lines = [json.loads(line) for line in child.stdout.splitlines() if line.startswith('[')]
    done = {(line[0], line[1]):(line[2], line[3]) for line in lines if line[0] != 'begin'}
    if os.environ.get('SHOW_HOSTILE'):
        print(*(f'{line[3]:7.2f}   {line[2]:8} {line[1]:20} {line[0]}' for line in lines if line[0] != 'begin'),
            sep='\n')
    assert child.returncode == 0, (child.returncode, lines[-1:], child.stderr[-2000:])
    assert len(done) == sum(len(readers) for _, readers in jobs) and not (tools/'was_run').exists()
    return done

def check(outcomes):
    assert not {k:v for k, v in outcomes.items() if v[0] not in ('read', 'refused')}
    assert not {k:v for k, v in outcomes.items() if v[1] > 300}         # about a minute: no end
    read = {name for (name, reader), (outcome, _) in outcomes.items() if outcome == 'read'}
    assert read <= READ, sorted(read-READ)
    return read

def test_bombs_pipes_and_programs(tmp_path_factory):
    read = check(outcomes_of(tmp_path_factory, False))
    assert {'text.png', 'frames.png', 'profile.png'} <= read

@pytest.mark.slow
def test_the_largest_that_are_read(tmp_path_factory):
    read = check(outcomes_of(tmp_path_factory, True))
    assert {'full.png', 'laced.png', 'packed.exr', 'full.hdr', 'strip.tif'} <= read

def test_pillow_is_told_which_kind():
    ("Every place that opens a picture names the kinds: there is no other way to Ghostscript, or to a reader that "
     "nobody has looked at")
    for path in [*(ROOT/'nextgenface_nb').rglob('*.py'), *(ROOT/'tools').rglob('*.py')]:
        for call in re.findall(r'Image\.open\((?:[^()]|\([^()]*\))*\)', path.read_text(encoding='utf-8')):
            assert 'formats=' in call, (path, call)

def test_the_digest_is_of_what_was_decoded(tmp_path, monkeypatch):
    "A photo that is exchanged the moment after it was read: report, checkpoint and resume know the old one"
    import hashlib
    from nextgenface_nb import imaging
    path = tmp_path/'me.png'
    Image.new('RGB', (64, 64), (200, 90, 60)).save(path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    own = imaging._decode
    def exchanged(data, name):
        Image.new('RGB', (64, 64), (0, 0, 0)).save(path)
        return own(data, name)
    monkeypatch.setattr(imaging, '_decode', exchanged)
    photo = imaging.load_photo(path)
    assert photo.sha256 == before != hashlib.sha256(path.read_bytes()).hexdigest() and photo.to_bytes()[0, 0, 0] == 200
    assert photo.crop(0, 0, 50, 40).sha256 == before

def test_checkpoints_know_what_was_decoded(tmp_path, monkeypatch):
    "An upload called like another file in the working directory, and a photo that was exchanged"
    import hashlib
    sys.path.insert(0, str(ROOT/'tools'))
    import fuzz
    from nextgenface_nb.imaging import load_photo
    from nextgenface_nb.output.checkpoint import load_face, photo_digest, save_face
    monkeypatch.chdir(tmp_path)
    Image.new('RGB', (64, 64), 'red').save('me.png')
    file = io.BytesIO()
    Image.new('RGB', (64, 64), 'blue').save(file, 'PNG')
    uploaded = load_photo(file.getvalue(), 'me.png')
    face, model = fuzz.small_face()
    face.frames[0].photo = uploaded.crop(0, 0, 64, 16)
    save_face(tmp_path/'a.npz', face, model)
    again, about = load_face(tmp_path/'a.npz', model)
    digest = hashlib.sha256(file.getvalue()).hexdigest()
    assert about['photos'] == [dict(path='me.png',
        sha256=digest)] and again.frames[0].photo.sha256 == digest == photo_digest(
        again.frames[0].photo) != photo_digest('me.png')

# ---- lists and cameras in text

def described(kind, size):
    "A file for `focal` of so many bytes, whose content becomes many times as large when it is read"
    if kind=='camera.json': return '{"photos":['+'{},'*(size//3)+'{}]}'
    if kind=='names.json': return '{'+','.join(f'"{n:06}":"9mm"' for n in range(size//15))+'}'
    if kind=='matrix.txt': return '1 '*(size//2)
    if kind=='matrix.yml': return 'K:\n  data: ['+'1,'*900+']\n'+'a: 1\n'*(size//5)
    return '\n'.join(f'{n} PINHOLE 9 9 9 9 5 5' for n in range(size//27))

def most_held(read, *arguments):
    "Bytes that Python holds at the height of a reading, beside those from before; what became of it"
    tracemalloc.start()
    try: outcome = read(*arguments)
    except FaceError as error: outcome = error
    finally:
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return held,outcome

@pytest.mark.parametrize('kind', ('camera.json', 'names.json', 'matrix.txt', 'matrix.yml', 'cameras.txt'))
def test_what_describes_a_camera_is_no_longer_than_that_takes(kind, tmp_path, monkeypatch):
    "Ten times as long as allowed: refused by its length, and less memory than the longest that is read"
    from nextgenface_nb import lens
    held = []
    assert limit('camera_bytes')<=10**6
    limited(monkeypatch, camera_bytes=10**5)
    for size in (.9*10**5, 10*10**5):
        (tmp_path/kind).write_text(described(kind, int(size)))
        held.append(most_held(lens.read_cameras, str(tmp_path/kind)))
    assert held[1][0]<held[0][0]/10 and ': larger than' in str(held[1][1]) and ': larger' not in str(held[0][1])

def test_photos_of_colmap_that_nobody_has_taken(tmp_path, monkeypatch):
    "images.txt may be long, for its points; photos by the million are refused, and a file of gigabytes is left alone"
    from nextgenface_nb import lens
    (tmp_path/'cameras.txt').write_text('1 PINHOLE 900 900 900 900 450 450\n')
    def given(photos):
        row = '1 0 0 0 0 0 0 0 1 me.jpg\n'+'5 5 -1 '*40+'\n'
        (tmp_path/'images.txt').write_text(row*photos)
        return most_held(lens.read_cameras, str(tmp_path/'cameras.txt'))
    limited(monkeypatch, colmap_photos=2000)
    usual,refused = given(2000),given(40_000)
    assert len(usual[1])==2000 and 'more than 2,000 photos' in str(refused[1]) and refused[0]<1.5*usual[0]
    limited(monkeypatch, colmap_bytes=100_000)
    assert [c.photo for c in given(2000)[1]]==['']

def test_a_list_of_benchmarks_is_no_longer_than_that_takes(tmp_path, monkeypatch):
    "Of --append: too long, nested without end, a pipe"
    from nextgenface_nb.evaluation import speed
    file = tmp_path/'bench.json'
    def given(text):
        file.write_text(text)
        return most_held(speed.append_report, {}, file)
    assert limit('benchmarks_bytes')<=10**7
    limited(monkeypatch, benchmarks_bytes=10**6)
    usual,long = given('['+'{},'*300_000+'{}]'),given('['+'{},'*3_000_000+'{}]')
    assert usual[1] is None and len(json.loads(file.read_text()))==3_000_001, 'it is left as it was'
    assert 'has more than 1 MB' in str(long[1]) and long[0]<usual[0]/10
    assert 'no list of benchmarks' in str(given('['*500_000)[1])
    file.unlink()
    if not hasattr(os, 'mkfifo'): return
    os.mkfifo(file)
    assert 'is a pipe' in str(most_held(speed.append_report, {}, file)[1])

def test_exif_in_some_pieces_is_read_and_in_many_refused(tmp_path, monkeypatch):
    from nextgenface_nb.imaging import load_photo
    limited(monkeypatch, exif_pieces=3)
    d = saved(Image.new('RGB', (64, 64)), 'JPEG')
    for count,fine in (3, True), (4, False):
        (tmp_path/'me.jpg').write_bytes(d[:2]+b'\xff\xe1\0\x0aExif\0\0ab'*count+d[2:])
        if fine: load_photo(tmp_path/'me.jpg')
        else:
            with pytest.raises(FaceError, match='more than 3 pieces'): load_photo(tmp_path/'me.jpg')

# ---- headers without end

def long_headers(count):
    "Kind -> a picture with so many parts of no size, or bytes that mean nothing, before its pixels"
    small = Image.new('RGB', (64, 64))
    jpeg, gif = saved(small, 'JPEG'), saved(small, 'GIF')
    pixels = bytes(64*64*3)
    palette = 13+(3 << (gif[10] & 7)+1)
    found = {f'jpeg {name}':jpeg[:2]+part*count+jpeg[2:] for name, part in dict(padding=b'\xff', escaped=b'\xff\0',
        comments=b'\xff\xfe\0\2', tables=b'\xff\xdb\0\2', restarts=b'\xff\xd0', more=b'\xff\xe5\0\2').items()}
    found |= {f'gif {name}':gif[:palette]+part*count+gif[palette:] for name, part in dict(letters=b'x', zeros=b'\0',
        comments=b'x!\xfe\0').items()}
    found |= {f'ppm {name}':b'P6'+before+b' 64 64 255\n'+pixels for name, before in dict(digits=b' '+b'0'*count,
        spaces=b' '*count, comment=b'\n#'+b'x'*count+b'\n', comments=b'\n'+b'#\n'*count).items()}
    if can_read('JPEG2000'):
        jp2, free = saved(small, 'JPEG2000'), b'\0\0\0\x08free'*count
        head, stream = jp2.index(b'jp2h')-4, jp2.index(b'\xff\x4f\xff\x51')
        size, = struct.unpack_from('>I', jp2, head)
        marks = stream+4+struct.unpack_from('>H', jp2, stream+4)[0]
        found |= {'jp2 boxes':jp2[:head]+free+jp2[head:],
            'jp2 within':jp2[:head]+struct.pack('>I', size+len(free))+jp2[head+4:head+size]+free+jp2[head+size:],
            'j2k markers':jp2[stream:marks]+b'\xff\x52\0\2'*count+jp2[marks:]}
    return found

@pytest.mark.parametrize('kind', long_headers(1))
def test_a_header_without_end_is_not_gone_through(kind, monkeypatch):
    "Ten parts are no harm; of more than allowed the decoder does not get to see the file"
    from nextgenface_nb.imaging import load_photo
    limited(monkeypatch, picture_parts=1000, picture_head=1000, picture_text=1000)
    if kind not in ('ppm digits', 'jpeg tables', 'j2k markers'): load_photo(long_headers(10)[kind])
    monkeypatch.setattr(Image, 'open', lambda *_, **__: pytest.fail('it is decoded'))
    with pytest.raises(FaceError, match='before the picture|has no header'): load_photo(long_headers(1100)[kind])

def test_the_limits_of_headers_are_moments():
    assert limit('picture_parts') <= 10**5 and limit('picture_head') <= 2**16 and limit('picture_text') <= 10**6

def test_a_map_has_the_size_that_its_decoder_takes():
    "Mitsuba takes the first line with -Y, wherever it stands; the size that was looked at must be that one"
    from nextgenface_nb.radiance import decode_radiance
    head, end = b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n', b'\n\n-Y 2 +X 2\n'+b'\x80'*16
    assert decode_radiance(head+end[1:], 'a.hdr').shape[:2] == (2, 2)
    for other in b'\n-Y 300 +X 300 \n', b' -Y 300 +X 300\n', b'\n-Y 300 +X 300\r\n', b'x'*70_000:
        with pytest.raises(FaceError, match='has no header'): decode_radiance(head+other+end, 'a.hdr')

@pytest.mark.parametrize('text', [json.dumps({'a':'1'*15_000+'x'}), json.dumps({'a':'1'*15_000+'.'+'1'*15_000+'x'}),
    '\n'*30_000, 'K: data: [1]\n'+'\n'*30_000, 'K:data:[\n'*20_000], ids=['digits', 'dots', 'lines', 'matrix', 'names'])
def test_what_describes_no_camera_is_found_at_once(tmp_path, text):
    "Some kilobytes, for which a pattern tries every way to read them"
    import time
    from nextgenface_nb import lens
    (tmp_path/'camera.txt').write_text(text)
    began = time.process_time()
    with pytest.raises(FaceError): lens.read_cameras(str(tmp_path/'camera.txt'))
    assert time.process_time()-began < 3

def test_what_is_larger_than_any_file_of_ours_is_not_read_for_its_digest(tmp_path, monkeypatch):
    "A file of terabytes that is called photo.jpg"
    from nextgenface_nb.output.checkpoint import file_digest
    limited(monkeypatch, checkpoint_bytes=1000)
    for size in 1000,1001:
        (tmp_path/'a.jpg').write_bytes(bytes(size))
        assert bool(file_digest(tmp_path/'a.jpg'))==(size==1000)

def test_a_landmark_model_is_no_longer_than_that_takes(tmp_path, monkeypatch):
    from nextgenface_nb.landmarks.detection import MediaPipeTasks
    limited(monkeypatch, detector_bytes=1000)
    (tmp_path/'a.task').write_bytes(bytes(1001))
    with pytest.raises(FaceError, match='No landmark model needs that many'): MediaPipeTasks(tmp_path/'a.task')

def test_texts_of_png_are_asked_a_few_times(tmp_path, monkeypatch):
    "Each of half a million that claim to say how the picture is turned would be unpacked"
    from nextgenface_nb import reading
    unpacked = []
    monkeypatch.setattr(reading, 'unpacked', lambda packed, most: unpacked.append(most) or b'')
    text = chunk(b'zTXt', b'XML:com.adobe.xmp\0\0'+zlib.compress(bytes(1000)))
    picture = png(64, 64, zeros(64*193), extra=chunk(b'tEXt', b'date:create\0now')*100+text*100)
    lean = reading.lean_png(picture, 'me.png')
    assert len(unpacked)==lean.count(b'zTXt')==limit('picture_texts') and lean.count(b'tEXt')==0

# ---- what Pillow decodes in Python

def slow_ppm(magic, brightest, width=96, height=64, missing=0):
    "Random codes up to the brightest one, and some above where there is room, as files have them that are damaged"
    bands, deep = (3 if magic == b'P6' else 1), brightest > 255
    highest = min(brightest+brightest//8, 65535 if deep else 255)
    codes = np.random.default_rng(brightest).integers(0, highest+1, width*height*bands)
    pixels = codes.astype('>u2' if deep else 'u1').tobytes()
    return b'%b\n# made of noise\n%d %d %d\n' % (magic, width, height, brightest)+pixels[:len(pixels)-missing]

@pytest.mark.parametrize('brightest', (1, 100, 127, 254, 255, 256, 1023, 4095, 65534, 65535))
@pytest.mark.parametrize('magic', (b'P5', b'P6'))
def test_ppm_of_any_brightest_value_has_the_values_of_pillow(magic, brightest, monkeypatch):
    "Pillow's own decoder for it works in Python, minutes for a large file: it is not asked, and the values are its"
    from PIL import PpmImagePlugin
    from nextgenface_nb.reading import open_picture
    data = slow_ppm(magic, brightest)
    by_pillow = Image.open(io.BytesIO(data), formats=('PPM',))
    by_pillow.load()
    monkeypatch.setattr(PpmImagePlugin.PpmDecoder, 'decode', lambda *_: pytest.fail('it is decoded in Python'))
    found = open_picture(data, 'me.ppm')
    assert (found.mode, found.size) == (by_pillow.mode, by_pillow.size)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(by_pillow))

def test_ppm_is_not_many_times_as_large_on_the_way():
    from nextgenface_nb.reading import open_picture
    data = slow_ppm(b'P6', 1023, 2000, 1000)
    most_held(open_picture, data, 'me.ppm')   # modules are loaded
    assert most_held(open_picture, data, 'me.ppm')[0] < 1.5*len(data)

@pytest.mark.parametrize('missing', (1, 7, 96*64*3*2))
def test_ppm_that_is_cut_off_is_refused(missing):
    from nextgenface_nb.imaging import load_photo
    with pytest.raises(FaceError, match='cannot be decoded'): load_photo(slow_ppm(b'P6', 1023, missing=missing))

def runs_of_bmp(packing, width=64, height=64):
    "A grey picture of runs, each of one pixel"
    body = (b'\1\7'*width+b'\0\0')*height+b'\0\1'
    head = struct.pack('<IiiHHIIiiII', 40, width, height, 1, 8 if packing == 1 else 4, packing, len(body), 0, 0, 16, 0)
    start = 14+40+64
    return b'BM'+struct.pack('<IHHI', start+len(body), 0, 0, start)+head+bytes(range(64))+body

@pytest.mark.parametrize('packing', (1, 2))
def test_bmp_of_runs_is_no_longer_than_that_takes(packing, monkeypatch):
    "Pillow goes through the runs one by one in Python, also those that lie beyond the end of a row"
    from nextgenface_nb.imaging import load_photo
    assert limit('bmp_runs') <= 2*10**7
    data = runs_of_bmp(packing)
    limited(monkeypatch, bmp_runs=len(data))
    load_photo(data)
    monkeypatch.setattr(Image, 'open', lambda *_, **__: pytest.fail('it is decoded'))
    with pytest.raises(FaceError, match='more than .* of runs'): load_photo(data+b'\0')

def test_bmp_without_runs_may_be_long(monkeypatch):
    from nextgenface_nb.imaging import load_photo
    limited(monkeypatch, bmp_runs=1000)
    load_photo(saved(Image.new('RGB', (64, 64)), 'BMP'))

# ---- parts of JPEG that Pillow takes apart in Python

def segment(kind, content): return bytes((0xff, kind))+struct.pack('>H', len(content)+2)+content

def taken_apart(count):
    "Kind -> a picture whose parts hold so many small ones"
    d = saved(Image.new('RGB', (64, 64)), 'JPEG')
    split = lambda kind, start, one, most: b''.join(
        segment(kind, start+one*min(most, count-at)) for at in range(0, count, most))
    parts = dict(resources=split(0xed, b'Photoshop 3.0\0', b'8BIM\4\4\0\0\0\0\0\0', 5000),
        tables=split(0xdb, b'', b'\0'+bytes(range(1, 65)), 1000),
        frames=split(0xc0, b'\x08\0\x40\0\x40\x03', b'\1\x11\0', 255))
    return {kind:d[:2]+part+d[2:] for kind, part in parts.items()}

@pytest.mark.parametrize('kind,most', (('resources', 'picture_parts'), ('tables', 'picture_head'),
    ('frames', 'picture_head')))
def test_small_parts_of_jpeg_are_counted(kind, most, monkeypatch):
    "Of 19 MB of the first Pillow takes many seconds, of 80 MB of the last it makes gigabytes; a camera writes some"
    from nextgenface_nb.imaging import load_photo
    if kind != 'frames': load_photo(taken_apart(20)[kind])
    limited(monkeypatch, **{most:1000})
    monkeypatch.setattr(Image, 'open', lambda *_, **__: pytest.fail('it is decoded'))
    with pytest.raises(FaceError, match='before the picture'): load_photo(taken_apart(1100)[kind])

def test_tags_of_a_picture_in_several_pictures_are_looked_at(recwarn):
    "MPO: a table like that of EXIF, whose tags claim the same bytes again and again; Pillow warns of each"
    from nextgenface_nb.imaging import load_photo
    two = saved(Image.new('RGB', (64, 64)), 'MPO', save_all=True, append_images=[Image.new('RGB', (64, 64))])
    load_photo(two)
    bomb = segment(0xe2, b'MPF\0'+tiff(*[(1000+i, 7, 60_000, 8) for i in range(5000)]))
    with pytest.raises(FaceError, match='its tags claim'): load_photo(two[:2]+bomb+two[2:])
    assert not recwarn.list

@pytest.mark.parametrize('channels,fine', ((900, True), (1100, False)))
def test_channels_of_a_map_are_counted(tmp_path, monkeypatch, channels, fine):
    "Mitsuba compares each with all before: 14 s for 100,000 of one pixel, which are 3 MB"
    from nextgenface_nb.radiance import decode_radiance
    assert limit('map_channels') <= 1000
    def tag(name, kind, content): return name+b'\0'+kind+b'\0'+struct.pack('<i', len(content))+content
    names = b''.join(b'c%05d\0' % i+struct.pack('<iiii', 2, 0, 1, 1) for i in range(channels))+b'\0'
    parts = [(b'channels', b'chlist', names), (b'compression', b'compression', b'\0'), (b'dataWindow', b'box2i', bytes(16)),
        (b'displayWindow', b'box2i', bytes(16)), (b'lineOrder', b'lineOrder', b'\0'),
        (b'pixelAspectRatio', b'float', struct.pack('<f', 1)), (b'screenWindowCenter', b'v2f', bytes(8)),
        (b'screenWindowWidth', b'float', struct.pack('<f', 1))]
    head = b'\x76\x2f\x31\x01\2\0\0\0'+b''.join(tag(*part) for part in parts)+b'\0'
    data = head+struct.pack('<Qii', len(head)+8, 0, 4*channels)+bytes(4*channels)
    if fine: assert decode_radiance(data, 'a.exr').shape == (1, 1, channels)
    else:
        import mitsuba
        monkeypatch.setattr(mitsuba, 'Bitmap', lambda *_: pytest.fail('it is decoded'))
        with pytest.raises(FaceError, match='1100 channels'): decode_radiance(data, 'a.exr')
