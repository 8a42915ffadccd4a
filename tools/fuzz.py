"""Feed damaged files to everything that reads files, and count what happens: success or an error of our family is right; anything else,
a crash, more than 5 seconds of processor time (or a minute of waiting) or more than 1 GB on top of what was there is a finding.   usage: fuzz.py [--count N] [--seed S] [READER ...]"""
import argparse, json, mmap, os, pickle, random, resource, signal, struct, sys, tempfile, time, warnings
from pathlib import Path

SECONDS,BYTES = 5,1_000_000_000
NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 2**40, 2**63-1, 2**64-1]

def mutate(data:bytes, chance:random.Random, others:list)->bytes:
    "One to six small damages"
    data = bytearray(data)
    for _ in range(chance.choice((1,1,1,2,3,6))):
        at,size = chance.randrange(len(data)+1),min(chance.choice((1,1,2,4,8,16,64,400)), len(data))
        kind = chance.randrange(8)
        if kind==0 and data: data[min(at,len(data)-1)] ^= 1<<chance.randrange(8)
        elif kind==1: data[at:at+size] = chance.randbytes(size)
        elif kind==2: del data[at:at+size]
        elif kind==3: data[at:at] = data[(start := chance.randrange(len(data)+1)):start+size]
        elif kind==4:
            value = chance.choice(NUMBERS)
            width = chance.choice((1,2,4,8))
            data[at:at+width] = (value%(1<<8*width)).to_bytes(width, chance.choice(('little','big')))
        elif kind==5: del data[at:]
        elif kind==6: data[at:at+size] = bytes(size)
        else:
            other = chance.choice(others)
            start = chance.randrange(len(other)+1)
            data[at:at+size] = other[start:start+size]
    return bytes(data)

def settings_seeds(folder):
    from nextgenface_nb.config import Config
    from nextgenface_nb.config import LEGACY
    old = ''.join(f'{k} = {v!r}\n' for k in LEGACY for v in [getattr(Config(), k)])
    return {'.ini':[Config().to_text().encode(), old.encode()],
        '.json':[json.dumps(Config().to_dict()).encode(),
        json.dumps(dict(config=Config.preset('fast').to_dict())).encode()]}

def settings_read(path):
    from nextgenface_nb.config import Config
    Config.load(path)

def small_face():
    import torch
    from nextgenface_nb.facemodel.model import toy_model
    from nextgenface_nb.geometry.camera import Camera
    from nextgenface_nb.imaging import Photo
    from nextgenface_nb.landmarks.detection import Landmarks
    from nextgenface_nb.face import Face, Frame, Identity
    from nextgenface_nb.light.environment import HarmonicLight
    model = MODEL.setdefault('toy', toy_model(9, 7))
    points = Landmarks(torch.rand(8,2)*16, torch.arange(8), torch.ones(8), 'mediapipe')
    frame = Frame(Photo(torch.rand(16,16,3)), points, Camera.centred(16, 16, 30.), torch.zeros(3),
        torch.tensor([0.,0,-600]), torch.zeros(len(model.prior.expression)), HarmonicLight.frontal(3))
    return Face(Identity(torch.zeros(len(model.prior.shape)), torch.zeros(len(model.prior.albedo))), [frame]),model

MODEL = {}

def checkpoint_seeds(folder):
    from nextgenface_nb.output.checkpoint import save_face
    face,model = small_face()
    path = folder/'seed.npz'
    save_face(path, face, model, dict(config={}))
    import numpy as np
    with np.load(path) as file: arrays = {k:file[k] for k in file.files}
    # not packed: damage reaches the arrays, past the checksum of zip only where it is repaired
    np.savez(folder/'plain.npz', **arrays)
    return {'.npz':[path.read_bytes(), (folder/'plain.npz').read_bytes()]}

def checkpoint_read(path):
    import zipfile
    from nextgenface_nb.output.checkpoint import load_face
    # as if whoever damaged the file had repaired its checksums
    zipfile.ZipExtFile._update_crc = lambda self, data: None
    load_face(path, MODEL['toy'])

def pickle_seeds(folder):
    import numpy as np
    model = small_face()[1]
    zeros = lambda *shape: np.zeros(shape, np.float32)
    old = dict(vShapeCoeff=zeros(1,len(model.prior.shape)), vAlbedoCoeff=zeros(1,len(model.prior.albedo)),
        vExpCoeff=zeros(1,len(model.prior.expression)), vRotation=zeros(1,3), vTranslation=zeros(1,3),
        vFocals=zeros(1)+50, vShCoeffs=zeros(1,4,3), screenWidth=16, screenHeight=16, sharedIdentity=False)
    return {'.pickle':[pickle.dumps(old, protocol) for protocol in (0,2,4)]
        +[pickle.dumps({**old, 'vFocals':Bad()}, protocol) for protocol in (0,4)]}

class Bad:
    def __reduce__(self): return (os.mkdir, ('/tmp/fuzz-ran-code',))

def pickle_read(path):
    from nextgenface_nb.output.legacy import load_legacy
    load_legacy(path, MODEL['toy'])
    if os.path.exists('/tmp/fuzz-ran-code'): raise SystemError('the file ran code')

def model_seeds(folder):
    model = small_face()[1]
    for compact in (False,True): model.save(folder/f'{compact}.h5', compact=compact)
    return {'.h5':[(folder/f'{compact}.h5').read_bytes() for compact in (False,True)]}

def model_read(path):
    from nextgenface_nb.facemodel.model import load_model
    load_model(path)

def landmark_seeds(folder):
    import io, numpy as np
    points,file = np.random.default_rng(0).uniform(0, 256, (68,2)),io.BytesIO()
    np.save(file, points)
    lines = '\n'.join(f'{x:.3f} {y:.3f}' for x,y in points)
    return {'.npy':[file.getvalue()], '.pts':[f'version: 1\nn_points: 68\n{{\n{lines}\n}}\n'.encode()],
        '.txt':[('# detector: fan\n'+'\n'.join(f'{i} {x:.2f} {y:.2f}' for i,(x,y) in enumerate(points))).encode()]}

def landmark_read(path):
    from nextgenface_nb.landmarks.detection import load_landmarks
    load_landmarks(path)

def image_seeds(folder):
    import io, numpy as np
    from PIL import Image
    smooth = np.linspace(0, 255, 48*40*3).reshape(40,48,3).astype(np.uint8)
    found = {}
    for kind,suffix in dict(PNG='.png', JPEG='.jpg', WEBP='.webp', TIFF='.tiff', BMP='.bmp').items():
        file = io.BytesIO()
        Image.fromarray(smooth).save(file, kind)
        found[suffix] = [file.getvalue()]
    file = io.BytesIO()
    Image.fromarray((smooth[...,0].astype(np.uint16)*257)).save(file, 'PNG')
    found['.png'].append(file.getvalue())
    return found

def image_read(path):
    from nextgenface_nb.imaging import load_photo
    load_photo(path)

READERS = dict(settings=(settings_seeds,settings_read), checkpoint=(checkpoint_seeds,checkpoint_read),
    pickle=(pickle_seeds,pickle_read), model=(model_seeds,model_read),
    landmarks=(landmark_seeds,landmark_read), image=(image_seeds,image_read))

def address_space()->int:
    return (int(Path('/proc/self/statm').read_text().split()[0])*resource.getpagesize()
        if Path('/proc/self/statm').exists() else 0)

def case(reader:str, number:int, seed:int, seeds:dict)->tuple: # suffix and bytes
    chance = random.Random(f'{reader} {seed} {number}')
    suffix = chance.choice(sorted(seeds))
    return suffix,mutate(chance.choice(seeds[suffix]), chance, seeds[suffix])

def child(reader, first, count, seed, seeds, folder, board):
    "Read inputs from `first` on; `board` says which, and how it went"
    import torch
    from nextgenface_nb.errors import FaceError
    torch.set_num_threads(1)   # a pool of threads does not survive a fork
    if address_space(): resource.setrlimit(resource.RLIMIT_AS, (address_space()+BYTES,)*2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    warnings.simplefilter('ignore')
    for number in range(first, count):
        suffix,data = case(reader, number, seed, seeds)
        path = folder/f'input{suffix}'
        path.write_bytes(data)
        board.seek(0)
        board.write(struct.pack('qd', number, time.time()))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)   # then SIGPROF ends the process
        try:
            READERS[reader][1](path)
            outcome = 1
        except FaceError: outcome = 2
        except BaseException as error:
            outcome = 3
            (folder/f'finding{number}').write_text(f'{type(error).__name__}: {error}')
        board[16+number] = outcome

def fuzz(reader:str, count:int, seed:int=0)->dict: # figures, and findings: number and what happened
    with tempfile.TemporaryDirectory() as there:
        folder = Path(there)
        seeds,board,first,findings,began = READERS[reader][0](folder),mmap.mmap(-1, 16+count),0,{},time.time()
        while first<count:
            pid = os.fork()
            if not pid:
                try: child(reader, first, count, seed, seeds, folder, board)
                finally: os._exit(0)
            board[:16] = struct.pack('qd', first, time.time())
            why = watch(pid, board)
            number,_ = struct.unpack('qd', board[:16])
            if why: findings[number] = why
            first = number+1 if why else count
        outcomes = [board[16+n] for n in range(count)]
        findings |= {int(p.name[7:]):p.read_text() for p in folder.glob('finding*')}
        slow = {n:w for n,w in findings.items()}
        return dict(reader=reader, inputs=count, read=outcomes.count(1), refused=outcomes.count(2), findings=slow,
            seconds=round(time.time()-began, 1))

def watch(pid, board)->str: # why the child ended early; empty: it did not
    "Wait for a child; end it when it waits for something that does not come"
    while True:
        done,status = os.waitpid(pid, os.WNOHANG)
        if done and os.WIFSIGNALED(status) and os.WTERMSIG(status)==signal.SIGPROF: return f'no end in {SECONDS} s'
        if done: return '' if status==0 else f'the process ended with status {status}'
        number,since = struct.unpack('qd', board[:16])
        if time.time()-since>12*SECONDS:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return f'no end in {12*SECONDS} s of waiting'
        time.sleep(.05)

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('readers', nargs='*', metavar='READER', help=', '.join(READERS))
    p.add_argument('--count', type=int, default=10_000)
    p.add_argument('--seed', type=int, default=0)
    args = p.parse_args()
    bad = 0
    print('| reader | inputs | read | refused in words | findings | seconds |\n|---|---|---|---|---|---|')
    for reader in args.readers or READERS:
        found = fuzz(reader, args.count, args.seed)
        bad += len(found['findings'])
        print(f"| {reader} | {found['inputs']} | {found['read']} | {found['refused']} | {len(found['findings'])} | "
            f"{found['seconds']:.0f} |", flush=True)
        for number,why in sorted(found['findings'].items())[:8]:
            print(f'  {reader} {number}: {why[:300]}', file=sys.stderr)
    return min(bad, 1)

if __name__=='__main__': sys.exit(main())
