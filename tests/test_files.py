("Results that are killed, shared, linked, mounted, too long or too large: whole, or not taken for results, and "
 "nothing of anybody else's lost")
import ast, errno, json, os, re, shutil, signal, subprocess, sys, tempfile, time
from pathlib import Path
import pytest
from limited import limited
from os_calls import exchange
from nextgenface_nb.errors import BusyError, OutputError
from nextgenface_nb import files
from nextgenface_nb.files import (LIST, at_work, check_writable, is_whole, listed_files, sweep_parts, writing,
    writing_folder)

OWN = {'mine.txt':'of the user', 'export/face0.glb':'of another command'}
STEPS = 'replace', 'rename', 'unlink', 'mkdir', 'rmdir', 'fsync'   # of `os`: all that changes or flushes a folder

def save(folder, names, text):
    "As a run does"
    with writing_folder(folder, lambda part, old: set(listed_files(old))-set(names)) as part:
        for name in names:
            (part/name).parent.mkdir(exist_ok=True)
            with writing(part/name) as file: file.write_text(text)
        (part/LIST).write_text(json.dumps(dict(files=[*names, LIST], by=text)))

def contents(folder):
    return {p.relative_to(folder).as_posix():p.read_text() for p in Path(folder).rglob('*') if p.is_file()}

def hidden(folder): return [p.name for p in Path(folder).rglob('.*')]

def expected(names, text): return {**dict.fromkeys(names, text), LIST:json.dumps(dict(files=[*names, LIST], by=text))}

OLD, NEW = ('a.png', 'checkpoints/1', 'old/x'), ('a.png', 'b.png', 'checkpoints/1', 'checkpoints/3')

def kill_at(step, work):
    "In a child: SIGKILL before the next of so many `STEPS`; False if there are fewer"
    child = os.fork()
    if not child:
        left = [step]
        def spied(call):
            def spy(*args, **more):
                left[0] -= 1
                if left[0]<0: os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **more)
            return spy
        for name in STEPS: exchange(setattr, name, spied(getattr(os, name)))
        try: work()
        finally: os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])==-signal.SIGKILL

@pytest.fixture
def memory(tmp_path):
    "A folder on a disk on which flushing costs nothing, where there is one"
    if not os.path.isdir('/dev/shm'):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir='/dev/shm') as folder: yield Path(folder)

@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs processes that are copies')
@pytest.mark.parametrize('there', [False, True])
def test_killed_at_every_step(memory, there):
    ("A new folder, and one over an older result: whole, the old or the new one, or not taken for one; the next run "
     "cleans up; what is not the run's stays")
    step, states = 0, set()
    while True:
        folder = memory/f'{step}'/'me.jpg'
        if there:
            save(folder, OLD, 'old')
            for name, text in OWN.items():
                (folder/name).parent.mkdir(exist_ok=True)
                (folder/name).write_text(text)
        if not kill_at(step, lambda: save(folder, NEW, 'new')): break
        found = {k:v for k, v in contents(folder).items() if not k.startswith('.')}
        own = OWN if there else {}
        if is_whole(folder):
            which = json.loads(found[LIST])['by']
            states.add(which)
            known = {k:v for k, v in found.items() if k in json.loads(found[LIST])['files']}
            assert known==expected(OLD if which=='old' else NEW, which), step
        else: states.add('none')
        assert all(found[k]==v for k, v in own.items()), step
        save(folder, NEW[:2], 'newer')
        assert contents(folder)=={**own, **expected(NEW[:2], 'newer')} and not hidden(folder.parent), step
        step += 1
    assert step>15 and states==({'old', 'none', 'new'} if there else {'none', 'new'})

def test_flushed_before_the_old_is_given_up(tmp_path, monkeypatch):
    "Each file, then its folder; the list goes first and comes last"
    if not Path('/proc/self/fd').exists(): pytest.skip('needs the names of open files')
    save(tmp_path/'me', OLD, 'old')
    said = []
    def spied(name, call, what):
        def spy(*args, **more):
            said.append((name, *what(*args)))
            return call(*args, **more)
        return spy
    short = lambda path: 'part' if files._PART.match(Path(path).name) else Path(path).name
    monkeypatch.setattr(os, 'fsync', spied('fsync', os.fsync,
        lambda handle: [short(os.readlink(f'/proc/self/fd/{handle}'))]))
    for name in 'replace', 'rename':
        exchange(monkeypatch.setattr, name, spied('move', getattr(os, name), lambda a, b: [short(b)]))
    exchange(monkeypatch.setattr, 'unlink', spied('unlink', os.unlink, lambda path, **_: [short(path)]))
    at = lambda *call: said.index(call)
    with writing(tmp_path/'one.txt') as part: part.write_text('whole')
    assert at('fsync', 'part')<at('move', 'one.txt')<at('fsync', tmp_path.name)
    said.clear()
    save(tmp_path/'new', NEW, 'new')
    assert max(at('fsync', Path(n).name) for n in (*NEW, LIST))<at('fsync', 'part')<at('move', 'new')<at('fsync',
        tmp_path.name)
    said.clear()
    save(tmp_path/'me', NEW, 'new')
    start = at('move', '.unfinished.json')
    moved = [said.index(('move', Path(n).name), start) for n in NEW]
    flushed = [k for k, s in enumerate(said) if s==('fsync', 'me')]
    goes = said.index(('unlink', LIST))
    comes = len(said)-1-said[::-1].index(('move', LIST))
    assert max(at('fsync', Path(n).name)
        for n in (*NEW, LIST))<start<goes<min(moved)<max(moved)<said.index(('unlink', 'x'))<comes
    assert any(goes<k<min(moved) for k in flushed) and any(max(moved)<k<comes for k in flushed) and flushed[-1]>comes
    assert said.index(('unlink', '.unfinished.json'))>flushed[-1]

def test_the_state_goes_when_the_results_are_on_the_disk(tmp_path, monkeypatch):
    from types import SimpleNamespace
    from nextgenface_nb.config import Config
    from nextgenface_nb.results import runs
    from nextgenface_nb.resume import resume_path
    said, folder = [], tmp_path/'me.jpg'
    result = SimpleNamespace(save=lambda where,rays: save(where, NEW, 'new'), warnings=[], face=SimpleNamespace(frames=[]))
    monkeypatch.setattr(runs, 'fit_photos', lambda *_: resume_path(folder).touch() or result)
    monkeypatch.setattr(runs, 'asked_for', lambda *_: {})
    sync, unlink = files._sync, os.unlink
    monkeypatch.setattr(files, '_sync', lambda path: (sync(path), said.append(Path(path).name)))
    exchange(monkeypatch.setattr, 'unlink',
        lambda path, **more: (said.append(Path(path).name), unlink(path, **more))[1])
    monkeypatch.setattr('nextgenface_nb.reconstruction.begin', lambda *_, **__: result)
    monkeypatch.setattr('nextgenface_nb.imaging.load_photo', str)
    runs.fit_and_save([tmp_path/'me.png'], folder, SimpleNamespace(config=Config()), runs.Run())
    assert said.index(LIST)<said.index(tmp_path.name)<said.index('.me.jpg.resume.npz')
    assert [p.name for p in tmp_path.iterdir()]==['me.jpg'] and is_whole(folder)

# ---- two at once

CHILD = '''
import sys, time
sys.path.insert(0, {tests!r})
from test_files import *
{body}
'''

def child(body, *args, **options):
    code = CHILD.format(tests=str(Path(__file__).parent), body=body)
    paths = [str(Path(files.__file__).parents[2]), os.environ.get('PYTHONPATH', '')]
    return subprocess.Popen([*options.pop('within', ()), sys.executable, '-c', code, *map(str, args)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths)), **options)

AT_WORK = 'with at_work(sys.argv[1]): print("ready", flush=True); sys.stdin.read()'

@pytest.fixture
def other():
    "Another process that is at work in a folder"
    running = []
    def start(folder, **options):
        running.append(child(AT_WORK, folder, stdin=subprocess.PIPE, **options))
        assert running[-1].stdout.readline()=='ready\n', running[-1].stderr.read()
        return running[-1]
    yield start
    for p in running:
        p.kill()
        p.wait()

@pytest.mark.parametrize('there', [False, True])
def test_a_second_run_is_told(tmp_path, other, there):
    ("By whatever name it knows the folder; also when the folder is taken away or made meanwhile; nothing is lost; "
     "when the other is killed it may")
    folder = tmp_path/'out'/'me.jpg'
    if there: save(folder, OLD, 'old')
    (tmp_path/'out').mkdir(exist_ok=True)
    (tmp_path/'link').symlink_to(tmp_path/'out')
    first = other(tmp_path/'link'/'me.jpg')
    before = contents(folder)
    for name in (folder, tmp_path/'link'/'me.jpg', tmp_path/'out'/'x'/'..'/'me.jpg'):
        with pytest.raises(BusyError, match=f'another run is at work there .process {first.pid} of'):
            save(name, NEW, 'new')
    assert contents(folder)==before
    if there: folder.rename(tmp_path/'out'/'elsewhere')
    else: folder.mkdir()
    with pytest.raises(BusyError): save(folder, NEW, 'new')
    save(tmp_path/'out'/'you.jpg', NEW, 'new')   # a neighbour is free
    first.kill()
    first.wait()
    save(folder, NEW, 'new')
    assert is_whole(folder) and not hidden(folder) and hidden(tmp_path/'out') in ([], ['.nextgenface-lock'])
    assert not there or not hidden(tmp_path/'out'/'you.jpg')

def test_a_sleep_that_fails_is_no_missing_lock(tmp_path, other, monkeypatch):
    "Where a clock is set or faked meanwhile, sleeping may end with EINVAL: the other run is at work all the same"
    first = other(tmp_path/'me')
    def fail(seconds): raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    monkeypatch.setattr(time, 'sleep', fail)
    with pytest.raises(BusyError):
        with at_work(tmp_path/'me', wait=.3): pass
    monkeypatch.undo()
    first.kill()
    first.wait()
    with at_work(tmp_path/'me', wait=.3): pass

def test_processes_are_told_apart_without_signals(monkeypatch):
    "On Windows a signal ends a process: there, what runs is asked of the list of processes"
    import types
    from nextgenface_nb import files
    gone = subprocess.Popen([sys.executable, '-c', ''])
    gone.wait()
    monkeypatch.setattr(files, 'os', types.SimpleNamespace(name='nt'))
    assert files._alive(os.getpid(), 0) and not files._alive(gone.pid, 0)

MANY = '''
for k in range(12):
    try: save(sys.argv[1], [f'{n}{sys.argv[2]}.png' if n else 'shared.png' for n in range(3)], f'{sys.argv[2]} {k}'); print('done')
    except BusyError: print('busy')
'''

def test_many_at_once(tmp_path):
    "Four processes that write again and again: in the end all files of one of them, and of nobody else"
    running = [child(MANY, tmp_path/'me', name) for name in 'wxyz']
    said = [p.communicate(timeout=120) for p in running]
    assert all(p.returncode==0 for p in running), said
    assert sum(out.count('done') for out, _ in said)>=12
    found = contents(tmp_path/'me')
    by = json.loads(found[LIST])['by']
    assert is_whole(tmp_path/'me') and set(found)=={'shared.png', LIST, f'1{by[0]}.png', f'2{by[0]}.png'} and {v
        for k, v in found.items() if k!=LIST}=={by}
    assert not hidden(tmp_path)

def test_what_a_living_run_writes_is_not_swept(tmp_path):
    "By resume's way to sweep neither, for there is only one"
    from nextgenface_nb.resume import sweep
    body = 'with writing_folder(sys.argv[1]) as part: (part/"half").touch(); print(part, flush=True); sys.stdin.read()'
    writer = child(body, tmp_path/'me', stdin=subprocess.PIPE)
    part = Path(writer.stdout.readline().strip())
    sweep(tmp_path/'me')
    sweep_parts(tmp_path)
    assert (part/'half').exists()
    writer.kill()
    writer.wait()
    sweep(tmp_path/'me')
    assert not list(tmp_path.iterdir())

def test_containers_with_one_host_name(tmp_path, other):
    "Their processes have numbers of their own: number 1 there is not number 1 here"
    if not shutil.which('unshare') or subprocess.run(['unshare', '-rpf', 'true'], capture_output=True).returncode:
        pytest.skip('needs unshare')
    body = 'part = files._part_of(Path(sys.argv[1])/"x.png"); part.touch(); print(part, flush=True); sys.stdin.read()'
    inside = child(body, tmp_path, within=['unshare', '-rpf', '--kill-child'], stdin=subprocess.PIPE)
    part = Path(inside.stdout.readline().strip())
    ours = files._part_of(tmp_path/'y.png')
    ours.touch()
    sweep_parts(tmp_path)
    swept = child('sweep_parts(sys.argv[1]); print("swept")', tmp_path, within=['unshare', '-rpf', '--kill-child'])
    assert swept.communicate(timeout=60)[0]=='swept\n'
    assert part.exists() and ours.exists()
    first = other(tmp_path/'me', within=['unshare', '-rpf', '--kill-child'])
    with pytest.raises(BusyError): save(tmp_path/'me', NEW, 'new')
    inside.kill()
    inside.wait()
    first.kill()
    first.wait()
    os.utime(part, (0, 0))
    sweep_parts(tmp_path)
    assert not part.exists() and ours.exists()

def test_a_command_is_told_before_it_works(tmp_path, other, capsys, monkeypatch):
    from nextgenface_nb import cli
    from nextgenface_nb.imaging import portrait_path
    from nextgenface_nb.results import runs
    save(tmp_path/'portrait.jpg', OLD, 'old')
    other(tmp_path/'portrait.jpg')
    monkeypatch.setattr(runs, 'fit_photos', lambda *_: pytest.fail('it has worked'))
    assert cli.main(['--input', str(portrait_path()), '--output', str(tmp_path), '--set', 'renderer=vertex'])==5
    said = capsys.readouterr().err
    assert 'another run is at work there' in said and 'Traceback' not in said
    assert contents(tmp_path/'portrait.jpg').items()>=expected(OLD, 'old').items()

BATCH = """
from nextgenface_nb import batch
from nextgenface_nb.config import Config
out = Path(sys.argv[1])
def do(photos, folder):
    if batch.was_done(photos, folder, Config()): return
    with at_work(folder, wait=0), open(out/'begun', 'a') as file:
        file.write(f'{photos[0].name} {os.getpid()}\\n'); file.flush()
        time.sleep(.3)
        same = batch.origin(Config())
        about = dict(format_version=same['format_version'], versions=dict(nextgenface_nb=same['library']), model=dict(fingerprint=same['model']))
        with writing_folder(folder) as part:
            (part/LIST).write_text(json.dumps(dict(**about, config=Config().to_dict(), invocation=batch.invocation(photos), files=[LIST])))
batch._fingerprint = lambda *_: 'the same'   # no model is read
print('ready', flush=True); sys.stdin.readline()
jobs = [([out/n], out/'out'/n) for n in 'abcde']
print(*[o.status for o in batch.run_batch(jobs, lambda: do, out/'out', Config())], flush=True)
"""

def test_two_batches_share_the_photos_of_a_folder(tmp_path):
    "Each photo is done by one of them; both end when all is done, and without a failure"
    for name in 'abcde': (tmp_path/name).touch()
    both = [child(BATCH, tmp_path, stdin=subprocess.PIPE) for _ in range(2)]
    for p in both: assert p.stdout.readline()=='ready\n', p.stderr.read()
    said = _go(both)
    for out, err in said: assert set(out.split())<={'done', 'before'} and len(out.split())==5, (out, err)
    begun = [line.split() for line in (tmp_path/'begun').read_text().splitlines()]
    assert sorted(n for n, _ in begun)==list('abcde') and len({p for _, p in begun})==2
    assert not (tmp_path/'out'/'failures.json').exists() and not hidden(tmp_path)

def _go(children):
    "Let all go on at once"
    for p in children:
        p.stdin.write('\n')
        p.stdin.flush()
    return [p.communicate(timeout=120) for p in children]

LISTS = {
    'figures':'from nextgenface_nb.evaluation.speed import append_report as add; file = sys.argv[1]',
    'trials':'from nextgenface_nb.rendering import variant; add = lambda row, file: variant._keep(row); file = None'}

@pytest.mark.parametrize('kind', LISTS)
def test_two_that_add_to_one_list_lose_nothing(tmp_path, monkeypatch, kind):
    "It is read and written anew by both at the same moment, again and again"
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.delenv('NEXTGENFACE_TRIALS', raising=False)
    (tmp_path/'nextgenface_nb').mkdir()
    file = tmp_path/'bench.json' if kind=='figures' else tmp_path/'nextgenface_nb'/'llvm.json'
    body = f'{LISTS[kind]}\nprint("ready", flush=True); sys.stdin.readline()\n' \
        'for k in range(10): add([f"{sys.argv[2]}{k}", 0, 0], file)'
    both = [child(body, file, name, stdin=subprocess.PIPE) for name in 'ab']
    for p in both: assert p.stdout.readline()=='ready\n', p.stderr.read()
    said = _go(both)
    assert all(p.returncode==0 for p in both), said
    assert {row[0] for row in json.loads(file.read_text())}=={f'{name}{k}' for name in 'ab' for k in range(10)}
    assert not hidden(tmp_path)

def test_a_list_that_another_keeps_is_waited_for_and_then_an_error(tmp_path):
    from nextgenface_nb.files import changing
    keeps = child('from nextgenface_nb.files import changing\nwith changing(sys.argv[1]): print(1, flush=True); sys.stdin.read()',
        tmp_path/'new'/'list.json', stdin=subprocess.PIPE)
    assert keeps.stdout.readline()=='1\n', keeps.stderr.read()
    with pytest.raises(BusyError, match=r'list\.json: another run is at work there'):
        with changing(tmp_path/'new'/'list.json', wait=.2): pass
    keeps.stdin.close()
    with changing(tmp_path/'new'/'list.json') as path: path.write_text('[]')
    keeps.wait()
    assert contents(tmp_path)=={'new/list.json':'[]'}

def test_a_report_of_another_version_is_no_config(tmp_path):
    from nextgenface_nb.config import Config
    from nextgenface_nb.errors import ConfigError
    for version, words in ((files.REPORT_VERSION, ''), (9, 'a report of version 9')):
        (tmp_path/LIST).write_text(json.dumps(dict(format_version=version, config=dict(bands=3))))
        if not words:
            assert Config.load(tmp_path/LIST).bands==3
            continue
        with pytest.raises(ConfigError, match=words): Config.load(tmp_path/LIST)

def test_the_short_ways_ask_before_they_work(tmp_path, other, monkeypatch):
    "`reconstruct` and `Optimizer`: a fit whose results cannot be written is not begun"
    from nextgenface_nb import reconstruction as optimizer
    monkeypatch.setattr(optimizer, 'exhaust', lambda *_: pytest.fail('it has worked'))
    monkeypatch.setattr(optimizer, 'Pipeline', lambda *_: None)
    other(tmp_path/'me')
    (tmp_path/'out').symlink_to(tmp_path/'unplugged')
    for folder, kind in ((tmp_path/'me', BusyError), (tmp_path/'out', OutputError), (tmp_path/'out'/'me', OutputError)):
        with pytest.raises(kind): optimizer.reconstruct('x.jpg', output=folder)
        with pytest.raises(kind): optimizer.Optimizer(folder).run('x.jpg')

def test_the_state_lies_where_one_may_write(tmp_path, monkeypatch):
    from nextgenface_nb.resume import resume_path
    (tmp_path/'me').mkdir()
    assert resume_path(tmp_path/'me')==tmp_path/'.me.resume.npz'
    monkeypatch.setattr(os, 'access', lambda path, mode: Path(path)!=tmp_path)
    assert resume_path(tmp_path/'me').parent==tmp_path/'me'

# ---- other disks

@pytest.fixture
def elsewhere(tmp_path):
    "A folder on another disk"
    if not os.path.isdir('/dev/shm') or os.stat('/dev/shm').st_dev==os.stat(tmp_path).st_dev:
        pytest.skip('needs a second disk')
    with tempfile.TemporaryDirectory(dir='/dev/shm') as folder: yield Path(folder)

def test_links_to_another_disk(tmp_path, elsewhere):
    "The folder of results, one above it, one within it; nothing is written on the wrong one"
    (elsewhere/'me').mkdir()
    (tmp_path/'me').symlink_to(elsewhere/'me')
    save(tmp_path/'me', NEW, 'new')
    assert (tmp_path/'me').is_symlink() and is_whole(elsewhere/'me')
    (tmp_path/'disk').symlink_to(elsewhere)
    save(tmp_path/'disk'/'you', NEW, 'new')
    (tmp_path/'us').mkdir()
    (elsewhere/'deep').mkdir()
    (tmp_path/'us'/'checkpoints').symlink_to(elsewhere/'deep')
    save(tmp_path/'us', NEW, 'new')
    assert is_whole(elsewhere/'you') and contents(elsewhere/'deep')=={'1':'new',
        '3':'new'} and contents(tmp_path/'us').keys()>={'a.png', LIST}
    assert not hidden(tmp_path) and not hidden(elsewhere)

def test_a_link_to_nothing_is_refused_at_the_start(tmp_path):
    (tmp_path/'out').symlink_to(tmp_path/'unplugged')
    for where in (tmp_path/'out', tmp_path/'out'/'me'):
        for ask in (check_writable, lambda folder: save(folder, NEW, 'new'),
            lambda folder: writing(folder/'a.txt').__enter__()):
            with pytest.raises(OutputError, match='out: a link to .*unplugged, which is not there'): ask(where)
    assert [p.name for p in tmp_path.iterdir()]==['out']

MOUNTED = '''
out = Path(sys.argv[1])/'me'
from nextgenface_nb.resume import resume_path
assert os.path.ismount(out) and os.path.ismount(out/'films')
save(out, OLD, 'old'); save(out, NEW, 'new')
assert is_whole(out) and not hidden(out) and (out/'films').is_dir() and not [p for p in out.parent.iterdir() if p!=out]
assert resume_path(out).parent==out
try: files._remove(out, 'films/none')
except OSError: sys.exit('the mount is no file of ours')
print('done')
'''

def mounted(place, mounts, body):
    "Run something where a disk of its own is mounted"
    script = Path(place)/'run.py'
    script.write_text(CHILD.format(tests=str(Path(__file__).parent), body=body))
    paths = os.pathsep.join([str(Path(files.__file__).parents[2]), os.environ.get('PYTHONPATH', '')])
    command = ' && '.join(f'mkdir -p {p} && mount -t tmpfs -o size={size} x {p}' for p, size in mounts)
    if not shutil.which('unshare'): pytest.skip('needs a namespace of its own to mount a disk')
    done = subprocess.run(['unshare', '-rm', 'sh', '-c', f'({command}) || exit 77; {sys.executable} {script} {place}'],
        capture_output=True, text=True, timeout=300, env=dict(os.environ, PYTHONPATH=paths))
    if done.returncode==77 or 'unshare' in done.stderr: pytest.skip('needs a namespace of its own to mount a disk')
    return done

def test_an_output_that_is_a_disk_of_its_own(tmp_path):
    (tmp_path/'out').mkdir()
    done = mounted(tmp_path, [(tmp_path/'me', '4m'), (tmp_path/'me'/'films', '1m')],
        MOUNTED.replace("[p for p in out.parent.iterdir() if p!=out]",
        "[p for p in out.parent.iterdir() if p.name.startswith('.')]"))
    assert done.stdout=='done\n', done.stderr

FULL = '''
import io, numpy as np, torch
from nextgenface_nb.output.pictures import picture, save_picture
from nextgenface_nb.radiance import write_exr
from nextgenface_nb.output.replay import write_film
disk, noise = Path(sys.argv[1])/'disk', lambda n: iter(np.random.default_rng(0).integers(0, 256, (n, 256, 256, 3), dtype=np.uint8))
def written(name, data):
    with writing(disk/name) as part: part.write_bytes(data)
def opened(name, write):
    with writing(disk/name) as part, open(part, 'wb') as file: write(file)
cases = dict(exr=lambda: write_exr(disk/'a.exr', torch.rand(256, 256, 3)), hdr=lambda: write_exr(disk/'a.hdr', torch.rand(512, 512, 3)),
    png=lambda: save_picture(disk/'a.png', picture(torch.rand(512, 512, 3))), gif=lambda: write_film(disk/'a.gif', noise(8)),
    webp=lambda: write_film(disk/'a.webp', noise(8)), mp4=lambda: write_film(disk/'a.mp4', noise(8)),
    glb=lambda: written('a.glb', bytes(10**6)), npz=lambda: opened('a.npz', lambda file: np.savez(file, x=np.zeros(10**6))), folder=lambda: save(disk/'me', NEW, 'x'*10**6))
for name, write in cases.items():
    try: write()
    except OutputError as e: print(name, str(e).replace(chr(10), ' '))
    else: print(name, 'written')
    assert not list(disk.iterdir()), list(disk.iterdir())
'''

def test_a_full_disk_is_said_whatever_was_written(tmp_path):
    "Also where a library makes another error of it, or none"
    done = mounted(tmp_path, [(tmp_path/'disk', '200k')], FULL)
    said = dict(line.split(' ', 1) for line in done.stdout.splitlines())
    assert set(said)=={'exr', 'hdr', 'png', 'gif', 'webp', 'mp4', 'glb', 'npz', 'folder'}, done.stderr
    for text in said.values():
        assert 'cannot be written (no space left on device) The disk is full' in text and 'part-' not in text, text

@pytest.mark.parametrize('number, words',
    [(errno.EIO, 'damaged or unplugged'), (errno.EDQUOT, 'quota'), (errno.ENOSPC, 'disk is full')])
def test_the_disk_complains_when_it_is_flushed(tmp_path, monkeypatch, number, words):
    "As network disks do"
    save(tmp_path/'me', OLD, 'old')
    def fail(handle): raise OSError(number, os.strerror(number))
    monkeypatch.setattr(os, 'fsync', fail)
    for write in (lambda: save(tmp_path/'me', NEW, 'new'), lambda: save(tmp_path/'you', NEW, 'new')):
        with pytest.raises(OutputError, match=words): write()
    assert contents(tmp_path)=={f'me/{k}':v for k, v in expected(OLD, 'old').items()} and not hidden(tmp_path)

def test_something_of_another_kind_in_the_way(tmp_path):
    "Found before anything is changed"
    save(tmp_path/'me', OLD, 'old')
    (tmp_path/'me'/'b.png').mkdir()
    with pytest.raises(OutputError, match='b.png: cannot be written .is a directory'): save(tmp_path/'me', NEW, 'new')
    assert is_whole(tmp_path/'me') and contents(tmp_path/'me')==expected(OLD, 'old')

# ---- names

@pytest.mark.parametrize('name', ['x'*228, 'x'*251+'.jpg', 'é'*125+'x.jpg', '顔'*83+'é.jpg'])
def test_names_of_up_to_255_bytes(tmp_path, name):
    "Limits are of bytes, not of letters"
    from nextgenface_nb.resume import resume_path
    assert 228<=len(os.fsencode(name))<=255
    for _ in range(2): save(tmp_path/name, NEW, 'new')
    with at_work(tmp_path/name): resume_path(tmp_path/name).touch()
    with writing(tmp_path/'files'/name) as part: part.write_text('whole')
    assert part.suffix==Path(name).suffix and len(os.fsencode(part.name))<100
    assert is_whole(tmp_path/name) and len(list(tmp_path.iterdir()))==3 and not hidden(tmp_path/name)

def test_a_path_that_is_too_long(tmp_path):
    "Said at the start, also where only the files within would be too much"
    deep = tmp_path/'/'.join(['x'*200]*19)
    room = 4096-len(os.fsencode(str(deep)))
    for folder in (tmp_path/('x'*256), deep/('y'*(room-60))/'z', deep/('y'*room)):
        with pytest.raises(OutputError, match='(?s)cannot be written.*255 bytes and a path 4096'):
            check_writable(folder)
    assert not list(tmp_path.iterdir())

# ---- a report that is none

def test_a_path_that_is_too_long_for_windows(tmp_path, monkeypatch):
    "There, with long paths off, what is too long is said to be missing: counted before the work, and told as it is"
    folder = tmp_path.resolve()
    check_writable(folder/('y'*21))   # elsewhere nobody counts
    monkeypatch.setattr(files, '_most_windows', lambda: len(str(folder))+1+20+files._ROOM)
    check_writable(folder/('y'*20))
    for name in 'y'*21, '\U0001f600'*11:   # as Windows counts: two for an emoji
        with pytest.raises(OutputError, match='too long a path for Windows') as said: check_writable(folder/name)
        assert 'LongPathsEnabled' in said.value.advice
    missing = FileNotFoundError(errno.ENOENT, 'No such file or directory')
    assert 'too long a path' in files.output_error(missing, folder/('z'*200)).what
    for other in folder/'z', '\\\\?\\'+str(folder/('z'*200)): assert 'no such file' in files.output_error(missing, other).what

@pytest.mark.parametrize('answer, most', [(1, 0), (0x7f01, 0), (0x7f00, 259), (None, 259)])
def test_windows_is_asked_whether_it_takes_long_paths(monkeypatch, answer, most):
    import ctypes
    from types import SimpleNamespace
    asked = SimpleNamespace() if answer is None else SimpleNamespace(RtlAreLongPathsEnabled=lambda: answer)
    monkeypatch.setattr(ctypes, 'windll', SimpleNamespace(ntdll=asked), raising=False)
    assert files._most_windows()==0 or os.name=='nt'
    monkeypatch.setattr(files, 'os', SimpleNamespace(name='nt'))
    assert files._most_windows()==most

@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='there are no pipes here')
@pytest.mark.parametrize('what', ['pipe', 'endless', 'folder', 'a list', 'nested', 'large'])
def test_a_report_that_is_none(tmp_path, what, monkeypatch):
    "In a folder to which others may write: not done, nothing is listed, and nobody waits"
    from nextgenface_nb.batch import figures, was_done
    from nextgenface_nb.config import Config
    path = tmp_path/'out'/LIST
    path.parent.mkdir()
    if what=='pipe': os.mkfifo(path)
    elif what=='endless': path.symlink_to('/dev/zero')
    elif what=='folder': path.mkdir()
    elif what=='large':
        limited(monkeypatch, report_bytes=1000)
        path.write_text(json.dumps(dict(files=[LIST], more='x'*1000)))
    else: path.write_text('[3]' if what=='a list' else '['*200_000)
    (tmp_path/'a.jpg').touch()
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail('it waits'))
    signal.alarm(60)
    try:
        assert not was_done([tmp_path/'a.jpg'], path.parent,
            Config()) and not is_whole(path.parent) and listed_files(path.parent)==[]
        assert figures(path.parent)==dict(nme=None, psnr=None, ssim=None, seconds=None)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

def test_a_working_folder_lies_with_its_file_and_is_swept(tmp_path):
    "USD packs in it; killed meanwhile, the next run removes it"
    if hasattr(os, 'fork'):
        child = os.fork()
        if not child:
            with files.working_folder(tmp_path/'a.usdz') as work:
                (work/'half').write_text('x')
                os._exit(0)
        os.waitpid(child, 0)
        assert len(hidden(tmp_path))==1
        sweep_parts(tmp_path)
    with files.working_folder(tmp_path/'a.usdz') as work: assert work.parent==tmp_path and hidden(tmp_path)==[work.name]
    assert not hidden(tmp_path)

# ---- whole or not at all, whoever writes

#: What is no result: words on the screen, a lock's owner, lines that are told while a fit goes on
ELSEWHERE = {'config.py':{"goal.write_text(text, encoding='utf-8')"}, 'output/debug.py':{"open(path, 'w' if anew else 'a', encoding='utf-8')"},
    # in a folder of its own that goes with the run
    'widgets/app.py':{"(kernel / 'kernel.json').write_text(json.dumps(spec), encoding='utf-8')",
        "notebook.write_text(json.dumps(studio_notebook(request)), encoding='utf-8')",
        "(own / file.name).write_text(ours.replace(END_OF_STYLE, PAGE_STYLE + END_OF_STYLE), encoding='utf-8')",
        'page.write_text(f\'<meta charset="utf-8">{at_once}<a href="{to}">Face studio</a>\', encoding=\'utf-8\')'},
    'widgets/keep.py':{"zipfile.ZipFile(data, 'w', zipfile.ZIP_DEFLATED)"},   # in memory
    'files.py':{"Path(path).write_text(f'process {os.getpid()} of {platform.node()}', encoding='utf-8')"}}

def written(text):
    "Calls that write a file under a name which `writing` has not given"
    found = set()
    for call in (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)):
        name = ast.unparse(call.func)
        where = ast.unparse(call.args[0]) if call.args else ''
        mode = any(isinstance(n, ast.Constant) and isinstance(n.value, str) and re.fullmatch('[wax]b?[+]?', n.value)
            for a in call.args[1:2] for n in ast.walk(a))
        if name.endswith(('.write_text', '.write_bytes')): bad = 'part' not in name
        elif name in ('open', 'h5py.File', 'zipfile.ZipFile'): bad = mode and where not in ('part', 'new')
        elif name.startswith('np.save'): bad = where not in ('part', 'file', 'data', 'text')   # open already, or in memory
        else: continue
        if bad: found.add(ast.unparse(call))
    return found

@pytest.mark.parametrize('text', ["open(path, 'w')", "open(path, 'wb' if b else 'r')", 'np.savez(path, a=1)', "h5py.File(path, 'w')",
    "path.write_text('x')", "Path(x).write_bytes(b)"])
def test_what_is_written_directly_is_seen(text): assert written(text)

def test_nothing_is_written_directly():
    "A result that is half there after a kill or on a full disk; `writing` gives the name under which it is made"
    package = Path(files.__file__).parent
    for path in package.rglob('*.py'):
        name = path.relative_to(package).as_posix()
        assert written(path.read_text(encoding='utf-8'))==ELSEWHERE.get(name, set()), name

def errors_of_a_detector():
    import numpy as np
    from nextgenface_nb.landmarks.uncertainty import DetectorErrors
    return DetectorErrors(.02, np.arange(4), np.zeros((1, 4, 2)), np.ones(1))

def small_model():
    from nextgenface_nb.facemodel.model import toy_model
    return toy_model(9, 7)

@pytest.mark.parametrize('make', [small_model, errors_of_a_detector])
def test_a_model_is_saved_whole_or_not_at_all(tmp_path, monkeypatch, make):
    "A full disk and a bug while it is written: the old one is still there, and nothing else"
    import numpy as np, h5py
    path = tmp_path/'new'/'a.bin'
    thing = make()
    thing.save(path)
    before = path.read_bytes()
    for error, seen in (OSError(errno.ENOSPC, 'No space left on device'), OutputError), (ZeroDivisionError('a bug'), ZeroDivisionError):
        def fail(*_, **__): raise error
        with monkeypatch.context() as m:
            m.setattr(h5py.Group, '__setitem__', fail)
            m.setattr(np, 'savez_compressed', fail)
            with pytest.raises(seen): thing.save(path)
        assert [p.name for p in path.parent.iterdir()]==['a.bin'] and path.read_bytes()==before
