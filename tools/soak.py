"""Do batches survive an hour on a bad machine? Photos with names of all scripts and bytes, some of them bad, two batches on one output and one on a small disk; parents and workers are
killed, stopped and asked to end at random; the clock of one of them is set back and forth where libfaketime is installed (Debian, Ubuntu: apt-get install libfaketime). Then a calm batch does what is missing, and everything is looked at.
Before the random signals there are two that always hit: a worker is killed while it writes, and a parent while its workers are stopped.
usage: soak.py [--minutes M] [--photos N] [--seed S] [--short] [--json FILE] [--keep FOLDER]

The first photos are done in a quiet run before, with `deterministic=true`, as all are: their files must be the same in the end. Exit code 0: all is as it should be."""
import argparse, glob, hashlib, io, json, os, random, re, shutil, signal, statistics, subprocess, sys, tempfile, time
from collections import Counter
from pathlib import Path
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = (
    'max_resolution=96 texture_resolution=64 steps_shading=0 steps_texture=2 samples_final=1 steps_landmarks=6 '
    'steps_detail=0 bands=3 environment_height=8 deterministic=true').split()
NAMES = ['plain', 'two words', '顔', 'وجه', 'πρόσωπο', 'лицо', 'चेहरा', 'פנים', '얼굴', '👩‍🦰', 'a\u0301', 'ﬁ', '"quotes\'',
    '<b>&amp;', '%41?#', '=1+1', '-dash', ' blank ', 'tab\t', 'two\nlines',
    '\x1b[31mred', '$(touch x)', '`ls`', ';rm', '*', '{a,b}', '~', 'CON', '\u202ertl', os.fsdecode(b'caf\xe9'),
    os.fsdecode(b'\xff\xfe'), os.fsdecode(b'\x82\xa0'), 'long'*40]
ALL = []            # Flags of all batches
SMALL_DISK = 56     # MB; a run asks for 50 that are free
TRUE = 'PhotoError','NoFaceError','LandmarkError'

# ---- photos

def portraits(seed:int, count:int): # Yields (name, bytes)
    "The bundled portrait, in as many sizes and turns"
    from PIL import Image
    from nextgenface_nb.imaging import portrait_path
    whole = Image.open(portrait_path(), formats=('JPEG',)).convert('RGB')
    draw = random.Random(seed)
    for k in range(count):
        size = draw.randint(120, 220)
        picture = whole.resize((size, size)).rotate(draw.uniform(-8, 8), fillcolor=(90, 90, 90))
        data = io.BytesIO()
        picture.save(data, 'PNG' if k%3 else 'JPEG')
        yield f'{NAMES[k%len(NAMES)]}{k}'+('.png' if k%3 else '.jpg'),data.getvalue()

def bad_ones(seed:int): # Yields bytes: fifty ways in which a photo is none
    "25 that cannot be read, 25 without a face"
    from PIL import Image
    draw,numbers = random.Random(seed),np.random.default_rng(seed)
    good = next(portraits(seed, 1))[1]
    png = list(portraits(seed, 2))[1][1]
    yield from (b'', b'\0', b'text', b'<html></html>', b'{}', b'PK\3\4'+bytes(99), b'%PDF-1.4\n', b'MZ'+bytes(999),
        b'\x89PNG\r\n\x1a\n', b'RIFF\0\0\0\0WEBP', b'\xff\xd8\xff\xe0', b'GIF89a')
    yield from (good[:2], good[:20], good[:200], png[:30], png[:60], good[::-1], png[::-1],
        png.replace(b'IHDR', b'IHDX'), bytes(len(good)))
    yield from (draw.randbytes(n) for n in (10, 100, 1000, 10000))
    def picture(values):
        data = io.BytesIO()
        Image.fromarray(np.broadcast_to(np.asarray(values), (160, 160, 3)).astype(np.uint8)).save(data, 'PNG')
        return data.getvalue()
    yield from (picture([v]*3) for v in (0, 40, 90, 128, 200, 255))
    yield from (picture(c) for c in ([255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [224, 172, 105],
        [141, 85, 36]))
    x = np.arange(160)
    yield from (picture(((x//n)%2*255)[:,None,None]) for n in (1, 4, 16, 40))
    yield from (picture((((x[:,None]//n+x//n)%2)*255)[...,None]) for n in (8, 20))
    yield from (picture(np.linspace(0, 255, 160)[:,None,None]), picture(np.linspace(255, 0, 160)[None,:,None]))
    yield from (picture(numbers.integers(0, n, (160, 160, 3))) for n in (2, 64, 256))
    yield from (picture(numbers.integers(0, 256, (160, 160, 1))) for _ in range(2))

def make_photos(folder:Path, seed:int, count:int)->tuple: # names of good ones, of bad ones
    "Every twentieth is bad, at least two"
    folder.mkdir(parents=True)
    bad = max(2, count//20)
    ways = list(bad_ones(seed))
    chosen = [ways[i*len(ways)//bad%len(ways)] for i in range(bad)]
    good = []
    for name,data in portraits(seed, count-bad):
        (folder/name).write_bytes(data)
        good.append(name)
    wrong = [f'{NAMES[-1-k%len(NAMES)]}bad{k}.png' for k in range(bad)]
    for name,data in zip(wrong, chosen): (folder/name).write_bytes(data)
    return good,wrong

# ---- what a photo left

def fingerprint(folder:Path)->dict: # name -> what it holds, but for times
    "Of all files that the report lists"
    report = json.loads((folder/'report.json').read_text(encoding='utf-8'))
    found = {
        'report.json': _digest(json.dumps([report['config'], report['mean'],
        [{k:v for k,v in f.items() if k!='photo'} for f in report['frames']]]).encode())}
    for name in report['files']:
        if name!='report.json': found[name] = _content(folder/name)
    return found

def _content(path:Path)->str:
    if path.suffix!='.npz': return _digest(path.read_bytes())
    with np.load(path, allow_pickle=False) as arrays:
        return _digest(b''.join(n.encode()+arrays[n].tobytes() for n in sorted(arrays.files) if n!='json'))

def _digest(data:bytes)->str: return hashlib.sha256(data).hexdigest()[:16]

def missing(folder:Path)->list: # of names; the report's own where there is none
    "Files that the report lists and that are not there, or empty"
    try: names = json.loads((folder/'report.json').read_text(encoding='utf-8'))['files']
    except (OSError, ValueError, KeyError): return ['report.json']
    return [n for n in names if not (folder/n).is_file() or not (folder/n).stat().st_size]

def lines_of(folder:Path)->dict: # photo -> row of failures.json
    try: return {row['photo']:row for row in json.loads((folder/'failures.json').read_text(encoding='utf-8'))}
    except (OSError, ValueError): return {}

def hidden_in(folder:Path)->list: # parts, locks, states
    return sorted(str(p.relative_to(folder)) for p in folder.rglob('.*'))

# ---- processes

class Batch:
    "A batch in a process of its own, started again when it has ended"
    def __init__(self, home:Path, photos:Path, output:Path, flags=(), fake:str=''):
        self.home,self.flags,self.codes,self.child,self.log = (home,flags,Counter(),None,
            home/f'{output.name}{id(self)}.log')
        self.command = [sys.executable, '-m', 'nextgenface_nb.cli', f'--input={photos}', f'--output={output}',
            '--workers=2', *flags, *ALL, *(f'--set={s}' for s in SETTINGS)]
        self.environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]),
            OMP_WAIT_POLICY='passive', SOAK=str(home))
        if fake: self.environment |= faked(fake, home/'clock')

    def start(self):
        with open(self.log, 'ab') as log:
            self.child = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env=self.environment, start_new_session=True)

    def ended(self)->bool:
        if self.child is None: return True
        if self.child.poll() is None: return False
        self.codes[self.child.returncode] += 1
        self.child = None
        return True

    def wait(self, seconds:float)->bool: # has it ended?
        until = time.monotonic()+seconds
        while not self.ended() and time.monotonic()<until: time.sleep(.1)
        return self.child is None

    def unforeseen(self)->list: # lines of the log, and how each traceback ends
        text = self.log.read_text(encoding='utf-8', errors='replace') if self.log.exists() else ''
        tracebacks = [f'Traceback ... {t.splitlines()[-1]}' for t in TRACEBACK.findall(text)]
        return ([line for line in text.splitlines() if 'not foreseen' in line]
            +[t for t in tracebacks if not t.endswith(ORPHANED)])

#: From its first line to the one that names the error
TRACEBACK = re.compile(r'Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*\S.*')
#: A parent was killed in the instant in which Python's own spawn asks it what to do: no code of ours has begun
ORPHANED = 'EOFError: Ran out of input'

def alive(home:Path)->list: # of process ids, parents before children
    "All processes of this soak"
    mark,found = f'SOAK={home}'.encode(),[]
    for place in Path('/proc').glob('[0-9]*'):
        try:
            if mark in (place/'environ').read_bytes().split(b'\0') and (place/'stat').read_text().rsplit(')',
                1)[1].split()[0]!='Z':
                found.append(int(place.name))
        except OSError: pass
    return sorted(found)

def workers_of(home:Path)->list: # of process ids
    found = []
    for pid in alive(home):
        try: line = Path(f'/proc/{pid}/cmdline').read_bytes()
        except OSError: continue
        if b'spawn_main' in line: found.append(pid)
    return found

PATIENCE = 20. # Seconds in which what a killed process has left must be gone

def workers_at_work(parent:int)->list: # of (process id, when it started)
    "The children of a batch that have loaded PyTorch: from then on they end with their parent"
    found = []
    for pid in children_of(parent):
        try: loaded = b'libtorch' in Path(f'/proc/{pid}/maps').read_bytes()
        except OSError: continue
        if loaded and (since := started(pid)): found.append((pid, since))
    return found

def children_of(parent:int)->list: # of process ids
    return [int(p.name) for p in Path('/proc').glob('[0-9]*') if _stat(int(p.name))[1:2]==[str(parent)]]

def started(pid:int)->str: # ticks since the boot; empty: it is gone, or nothing but an entry
    fields = _stat(pid)
    return fields[19] if fields and fields[0]!='Z' else ''

def _stat(pid:int)->list: # of what stands behind the name
    try: return Path(f'/proc/{pid}/stat').read_text(errors='replace').rsplit(')', 1)[1].split()
    except (OSError, IndexError): return []

def gone_within(there, seconds:float)->bool:
    "Is it gone in time? `there` says whether it is still there"
    until = time.monotonic()+seconds
    while there():
        if time.monotonic()>until: return False
        time.sleep(.1)
    return True

def held_by(pids:list)->float: # MB
    page,total = os.sysconf('SC_PAGE_SIZE'),0
    for pid in pids:
        try: total += int(Path(f'/proc/{pid}/statm').read_text().split()[1])*page
        except OSError: pass
    return total/1e6

def faked(library:str, clock:Path)->dict: # Environment variables
    ("The clock of a process as this file says, whenever it changes; not that which measures how long something takes, "
     "nor the dates of files")
    return dict(LD_PRELOAD=library, FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_CACHE_DURATION='1',
        FAKETIME_DONT_FAKE_MONOTONIC='1', NO_FAKE_STAT='1')

PART = re.compile(r'\.part-[0-9a-f]{8}-(\d+)-')

def parts_in(folder:Path)->list: # of (path, process id of the writer)
    "What is being written, or was left half-written"
    found = []
    for place in (folder, *(p for p in folder.glob('*') if p.is_dir())):
        try: found += [(Path(e.path), int(m[1])) for e in os.scandir(place) if (m := PART.match(e.name))]
        except OSError: pass
    return found

def kill_a_writer(home:Path, folder:Path, batches:list, seconds:float=180)->list: # of faults
    ("A worker is stopped while it writes, and killed if what it writes is still there; whoever goes on has to remove "
     "it")
    until = time.monotonic()+seconds
    while time.monotonic()<until:
        keep_going(batches)
        for part,pid in parts_in(folder):
            if pid not in workers_of(home) or not _send(pid, 'SIGSTOP'): continue
            whole = os.path.lexists(part)
            _send(pid, 'SIGKILL' if whole else 'SIGCONT')
            if not whole: continue
            swept = gone_within(lambda: keep_going(batches) or os.path.lexists(part), PATIENCE)
            return [] if swept else [f'{part.name}: of a worker that was killed, is there {PATIENCE:g} s later']
        time.sleep(.005)
    return ['nobody could be killed while writing']

def kill_a_parent(batches:list, seconds:float=180)->list: # of faults
    "A parent is killed while its workers are stopped, and cannot end by themselves"
    until = time.monotonic()+seconds
    while time.monotonic()<until:
        keep_going(batches)
        for batch in batches:
            workers = workers_at_work(batch.child.pid) if batch.child else []
            if not workers: continue
            for pid,_ in workers: _send(pid, 'SIGSTOP')
            _send(batch.child.pid, 'SIGKILL')
            living = lambda: [pid for pid,since in workers if started(pid)==since]
            if gone_within(living, PATIENCE): return []
            return [f'worker {pid} lives {PATIENCE:g} s after its parent was killed' for pid in living()]
        time.sleep(.1)
    return ['no worker was there to lose its parent']

def keep_going(batches:list):
    "Start those again that have ended"
    for batch in batches:
        if batch.ended(): batch.start()

class Reports:
    "Which results of a folder have been replaced: whole ones are nobody's to do again"
    def __init__(self, folder:Path): self.folder,self.seen,self.again = folder,{},Counter()

    def look(self):
        for path in self.folder.glob('*/report.json'):
            try: about = path.stat()
            except OSError: continue
            now = about.st_ino,about.st_mtime_ns
            if self.seen.setdefault(path, now)!=now: self.again[path.parent.name] += 1
            self.seen[path] = now

    def faults(self)->list: return [f'{name!r}: was whole, and done again {n} times' for name,n in self.again.items()]

class Chaos:
    ("Signals to parents and workers, drawn at random; what is stopped goes on after a while, but for one in five. And "
     "a clock that somebody sets")
    CLOCKS = '-3d','-2h','+0','-400d','+2d','-30'
    KINDS = 'SIGKILL','SIGKILL','SIGTERM','SIGINT','SIGHUP','SIGSTOP','SIGSTOP'
    def __init__(self, home:Path, seed:int):
        self.home,self.random,self.counts,self.waking = home,random.Random(seed),Counter(),[]
        self.orphans = []   # of (when they must be gone, process id, when it started)
        self.faults = []

    def strike(self, parents:list):
        "One signal"
        workers = workers_of(self.home)
        whom = self.random.choice(['parent', 'worker', 'worker'])
        targets = parents if whom=='parent' else workers
        kind = self.random.choice(self.KINDS)
        pick,delay = self.random.random(),self.random.choice([1, 2, 4, 8, None])
        if not targets: return
        pid = targets[int(pick*len(targets))]
        if (whom, kind)==('parent', 'SIGKILL'):
            self.orphans += [(time.monotonic()+PATIENCE, *w) for w in workers_at_work(pid)]
        if not _send(pid, kind): return
        self.counts[f'{kind} to a {whom}'] += 1
        if kind=='SIGSTOP' and (delay or whom=='parent'): self.waking.append((time.monotonic()+(delay or 5), pid))

    def see_orphans(self):
        "Workers end with their parent"
        for due,pid,since in list(self.orphans):
            gone = started(pid)!=since
            if not gone and time.monotonic()<due: continue
            self.orphans.remove((due, pid, since))
            if not gone: self.faults.append(f'worker {pid} lives {PATIENCE:g} s after its parent was killed')

    def set_clock(self, clock:Path):
        "One in five times"
        if self.random.random()>.2: return
        new = self.random.choice(self.CLOCKS)
        before = clock.read_text().strip()
        part = clock.with_name('clock.new')
        part.write_text(new+'\n')
        os.replace(part, clock)
        if new!=before: self.counts['clock set '+('back' if _seconds(new)<_seconds(before) else 'forward')] += 1

    def wake(self, all_of_them:bool=False):
        for due,pid in list(self.waking):
            if all_of_them or time.monotonic()>due:
                _send(pid, 'SIGCONT')
                self.waking.remove((due, pid))
        if all_of_them:
            for pid in alive(self.home): _send(pid, 'SIGCONT')

def _seconds(clock:str)->int: # of what faketime takes, such as -3d
    unit = dict(d=86400, h=3600).get(clock[-1], 1)
    return int(clock.rstrip('dh'))*unit

def _send(pid:int, name:str)->bool:
    try: os.kill(pid, getattr(signal, name))
    except ProcessLookupError: return False
    return True

def small_disk(place:Path)->str: # '' where it is mounted; else why not
    place.mkdir()
    if os.geteuid(): return 'needs root'
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={SMALL_DISK}m', 'tmpfs', str(place)],
        capture_output=True, text=True)
    return '' if done.returncode==0 else done.stderr.strip() or 'cannot be mounted'

def fake_clock(home:Path)->str: # The library of faketime; empty: there is none, or it does not work
    "Where Debian, Fedora and Homebrew put it; tried on a Python of its own"
    places = '/usr/lib/*/faketime', '/usr/lib*/faketime', '/usr/local/lib/faketime', '/opt/homebrew/lib/faketime'
    (home/'clock').write_text('-3d\n')
    for found in sorted(f for p in places for f in glob.glob(f'{p}/libfaketimeMT.so.1')):
        ask = [sys.executable, '-c', 'import time; print(time.time())']
        done = subprocess.run(ask, capture_output=True, text=True, env=dict(os.environ, **faked(found, home/'clock')))
        if done.returncode==0 and abs(time.time()-259200-float(done.stdout))<600: return found
    return ''

# ---- the soak

def quiet_run(home:Path, photos:Path, names:list, pair:bool)->tuple:
    # name -> fingerprint, MB per photo (None: too few photos), faults
    "The first photos, undisturbed; by two batches side by side, if wanted, of which each leaves to the other what it has"
    some = home/'some'
    some.mkdir()
    for name in names: os.link(photos/name, some/name)
    batches = [Batch(home, some, home/'quiet') for _ in range(1+pair)]
    held,reports = {},Reports(home/'quiet'/'some')
    batches[0].start()
    if pair: begin_beside(*batches, home/'quiet'/'some')
    while not all([batch.ended() for batch in batches]):
        reports.look()
        done = len(list((home/'quiet'/'some').glob('*/report.json')))
        workers = [] if pair else workers_of(home)
        if len(workers)==2: held.setdefault(done, []).append(held_by(workers))
        time.sleep(.05 if pair else .25)
    reports.look()
    folders = {name:home/'quiet'/'some'/name for name in names}
    return ({name:fingerprint(f) for name,f in folders.items() if not missing(f)},
        growth({done:statistics.median(x) for done,x in held.items()}), reports.faults())

def begin_beside(first:Batch, second:Batch, folder:Path):
    "The second batch begins while the workers of the first are stopped at their photos, which are not its to do"
    begun = lambda: any(folder.glob('.*.resume.npz'))
    gone_within(lambda: not begun() and not first.ended(), 180)
    stopped = workers_at_work(first.child.pid) if first.child else []
    for pid,_ in stopped: _send(pid, 'SIGSTOP')
    second.start()
    gone_within(lambda: not second.ended() and not workers_at_work(second.child.pid), 120)
    gone_within(lambda: not second.ended(), 10)
    for pid,_ in stopped: _send(pid, 'SIGCONT')

def growth(held:dict, least:int=90)->float|None: # MB per photo
    ("The median of all slopes between two counts of photos (Theil and Sen), after the first third; both workers "
     "together")
    points = sorted((k, v) for k,v in held.items() if k>max(held)/3) if held else []
    if len(points)<least: return None
    return statistics.median((b[1]-a[1])/(b[0]-a[0]) for i,a in enumerate(points) for b in points[i+1:])

def until_at_work(home:Path, seconds:float=60):
    "Whoever is killed before a worker is there has nothing to leave behind"
    until = time.monotonic()+seconds
    while not workers_of(home) and time.monotonic()<until: time.sleep(.1)

def soak(home:Path, args)->dict: # The report
    began = time.monotonic()
    photos = home/'photos'
    good,bad = make_photos(photos, args.seed, args.photos)
    known,slope,faults = quiet_run(home, photos, good[:args.quiet], args.short)
    fake = fake_clock(home)
    no_disk = 'too short for a batch of its own' if args.short else small_disk(home/'disk')
    few = home/'few'
    few.mkdir()
    for name in good[:args.few]: os.link(photos/name, few/name)
    limit = f'--limit={args.limit}'
    batches = [Batch(home, photos, home/'out', [limit]), Batch(home, photos, home/'out', [limit, '--resume'], fake)]
    if not no_disk: batches.append(Batch(home, few, home/'disk', [limit]))
    for batch in batches: batch.start()
    until_at_work(home)
    reports = Reports(home/'out'/'photos')
    faults += kill_a_writer(home, home/'out'/'photos', batches[:2])
    faults += kill_a_parent(batches[:2])
    chaos,end,due = Chaos(home, args.seed),time.monotonic()+60*args.minutes,0.
    while time.monotonic()<end:
        keep_going(batches)
        reports.look()
        chaos.see_orphans()
        chaos.wake()
        if time.monotonic()>due:
            chaos.strike([b.child.pid for b in batches if b.child])
            if fake: chaos.set_clock(home/'clock')
            due = time.monotonic()+chaos.random.expovariate(1/args.pause)
        time.sleep(.2)
    chaos.wake(all_of_them=True)
    asked = [_send(b.child.pid, 'SIGTERM') for b in batches if b.child and b.child.poll() is None]
    stuck = [b for b in batches if not b.wait(120)]
    time.sleep(1)
    left_after_term = alive(home)
    for b in stuck: os.killpg(b.child.pid, signal.SIGKILL)
    parts = len(parts_in(home/'out'/'photos'))
    done_in_chaos = sum(not missing(home/'out'/'photos'/n) for n in good)
    calm = Batch(home, photos, home/'out', ['--resume'])
    calm.start()
    while not calm.wait(.2): reports.look()
    time.sleep(1)
    report = look(home, args, good, bad, known, batches, calm)
    report['faults'] += (faults+chaos.faults+reports.faults()+[f'{len(stuck)} batches did not end after SIGTERM']*bool(stuck)
        +[f'processes live after SIGTERM: {left_after_term}']*bool(left_after_term))
    if slope is not None and slope>args.growth: report['faults'].append(f'memory grows by {slope:.2f} MB per photo')
    report |= dict(minutes=args.minutes, seed=args.seed,
        signals={k:v for k,v in sorted(chaos.counts.items()) if k.startswith('SIG')}, asked_to_end=len(asked),
        done_in_chaos=done_in_chaos, parts_before_calm=parts, growth_mb=slope,
        clock=clock_words(chaos.counts) if fake else 'left as it is: libfaketime is not installed, or does not work',
        disk=f'{SMALL_DISK} MB, tmpfs' if not no_disk else f'left out: {no_disk}',
        codes={str(k):v for k,v in sorted(sum((b.codes for b in batches), Counter()).items())},
        calm_code=next(iter(calm.codes)), seconds=round(time.monotonic()-began))
    if not no_disk: subprocess.run(['umount', str(home/'disk')])
    return report

def clock_words(counts)->str:
    return f'of one batch: set back {1+counts["clock set back"]} times, forward {counts["clock set forward"]} times'

def look(home:Path, args, good, bad, known, batches, calm)->dict: # with faults: of str
    "Is everything as it should be?"
    out,faults = home/'out'/'photos',[]
    whole = [n for n in good if not missing(out/n)]
    faults += [f'{n!r}: not whole: {missing(out/n)[:3]}' for n in good if n not in whole]
    same = [n for n in known if n in whole and fingerprint(out/n)==known[n]]
    for n in known:
        if n in whole and n not in same:
            faults.append(
                f'{n!r}: differs from the quiet run in '
                f'{[f for f,v in fingerprint(out/n).items() if known[n].get(f)!=v]}')
    faults += [f'{args.quiet-len(known)} photos of the quiet run are not whole']*(len(known)<args.quiet)
    lines = lines_of(out)
    told = [n for n in bad if lines.get(n, {}).get('kind') in TRUE]
    faults += [f'{n!r}: bad, and its line is {lines.get(n)}' for n in bad if n not in told]
    faults += [f'{n!r}: good, and has a line: {lines[n]["error"]}' for n in lines if n not in bad]
    faults += [f'left: {p!r}' for p in hidden_in(home/'out')]
    faults += [f'process {p} lives' for p in alive(home)]
    faults += [line for b in [*batches, calm] for line in b.unforeseen()][:20]
    small,rows = home/'disk'/'few',lines_of(home/'disk'/'few')
    on_disk = [n for n in good[:args.few] if not missing(small/n)]
    return dict(photos=len(good)+len(bad), good=len(good), bad=len(bad), whole=len(whole), told=len(told),
        compared=len(known), same=len(same), on_small_disk=len(on_disk),
        refused_on_small_disk=sum('free' in r['error'] or 'full' in r['error'] for r in rows.values()), faults=faults)

def table(report:dict)->str: # Markdown
    rows = {'minutes of disturbance, seed': f'{report["minutes"]:g}, {report["seed"]}',
        'photos, of them bad': f'{report["photos"]}, {report["bad"]}',
        'good ones whole in the end': f'{report["whole"]} of {report["good"]}',
        'of them done while disturbed': report['done_in_chaos'],
        **({'half-written, of killed ones, before the calm run': report['parts_before_calm']}
        if 'parts_before_calm' in report else {}),
        'equal to the quiet run, file by file': f'{report["same"]} of {report["compared"]}',
        'bad ones with a true line': f'{report["told"]} of {report["bad"]}',
        'signals': ', '.join(f'{v} {k}' for k,v in report['signals'].items()),
        'exit codes of disturbed batches (minus: killed by that signal)': ', '.join(f'{k}: {v}'
        for k,v in report['codes'].items()), 'the clock': report['clock'],
        'a small disk': report['disk']+f'; {report["on_small_disk"]} photos whole on it',
        'memory, both workers, by photo of the quiet run': 'too few photos to tell' if report['growth_mb'] is None
        else f'{report["growth_mb"]:+.2f} MB', 'seconds, all in all': report['seconds'],
        'faults': len(report['faults'])}
    return '\n'.join(['| what | |', '|---|---|', *(f'| {k} | {v} |' for k,v in rows.items())])

def main(argv=None)->int:
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--minutes', type=float, default=60, help='of disturbance (default: %(default)g)')
    p.add_argument('--photos', type=int, default=1000)
    p.add_argument('--quiet', type=int, default=150, help='photos of the quiet run (default: %(default)s)')
    p.add_argument('--few', type=int, default=40, help='photos of the batch on the small disk (default: %(default)s)')
    p.add_argument('--pause', type=float, default=15,
        help='seconds between two signals, on the mean (default: %(default)g)')
    p.add_argument('--limit', type=float, default=120, help='--limit of the disturbed batches (default: %(default)g)')
    p.add_argument('--growth', type=float, default=.3,
        help='MB per photo and worker pair that are too much (default: %(default)g)')
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--short', action='store_true', help='without stage 2 and the small disk; the quiet run by two batches')
    p.add_argument('--json', type=Path, help='keep the report')
    p.add_argument('--keep', type=Path, help='work in this folder and leave it')
    args = p.parse_args(argv)
    if args.short: ALL.append('--skipStage2')
    if not Path('/proc/self/environ').exists(): sys.exit('soak.py needs /proc')
    home = args.keep or Path(tempfile.mkdtemp(prefix='soak'))
    home.mkdir(exist_ok=True)
    from nextgenface_nb.evaluation.figures import save_figures, stamp
    made = stamp('batch', 'cli', 'files', 'processes')
    # ended from outside, it takes its batches along
    for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, lambda *_: sys.exit(143))
    try: report = soak(home.resolve(), args)
    finally:
        for pid in alive(home.resolve()): _send(pid, 'SIGKILL')   # where it was interrupted itself
        subprocess.run(['umount', str(home/'disk')], capture_output=True)
        if not args.keep: shutil.rmtree(home, ignore_errors=True)
    print(table(report), *report['faults'], sep='\n')
    if args.json: save_figures(report|made, args.json)
    return bool(report['faults'])

if __name__=='__main__': sys.exit(main())
