"Ctrl-C while photos are fitted; memory over many photos"
import json, os, re, signal, subprocess, sys, time
from pathlib import Path
import pytest
from nextgenface_nb.batch import run_batch
from nextgenface_nb.interrupts import Stop
from nextgenface_nb.config import Config

def test_ctrl_c_ends_with_the_step_and_a_second_one_at_once():
    before,steps = signal.getsignal(signal.SIGINT),[]
    with pytest.raises(KeyboardInterrupt), Stop() as stop:
        for k in range(5):
            if k==2: os.kill(os.getpid(), signal.SIGINT)
            steps.append(k)
            stop.check()
    assert steps==[0, 1, 2] and signal.getsignal(signal.SIGINT)==before
    with pytest.raises(KeyboardInterrupt), Stop():
        os.kill(os.getpid(), signal.SIGINT)
        steps.append('first is remembered')
        os.kill(os.getpid(), signal.SIGINT)
        steps.append('never')
    assert steps[-1]=='first is remembered'

# ---- workers: functions of this module, since they go to other processes
def put(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder/'report.json').write_text('{}')

def killed(photos, folder):
    "`kills` does so while `slow` is at work"
    if photos[0].name=='kills':
        time.sleep(.5)
        os.kill(os.getpid(), signal.SIGKILL)
    if photos[0].name=='slow': time.sleep(1.5)
    put(folder)

def stoppable(photos, folder):
    put(folder)
    with Stop() as stop:
        for _ in range(600):
            time.sleep(.05)
            stop.check()

def hanging(photos, folder):
    "Where no word reaches it"
    put(folder)
    if photos[0].name!='hangs': return stoppable(photos, folder)
    from nextgenface_nb.files import writing
    with writing(folder.parent/'half') as part:
        part.write_text('x')
        hang()

def hang():
    for number in signal.SIGINT,signal.SIGTERM,signal.SIGHUP: signal.signal(number, signal.SIG_IGN)
    time.sleep(600)

def shortly(photos, folder):
    put(folder)
    if photos[0].name=='hangs': hang()
    time.sleep(.5)

def make_hanging(): return hanging
def make_shortly(): return shortly
def make_dying(): os.kill(os.getpid(), signal.SIGKILL)
def make_killed(): return killed
def make_stoppable(): return stoppable
def make_slowly():
    "Begins to load, and goes on when it is told to"
    folder = Path(os.environ['TEST_BATCH'])
    (folder/f'loading{os.getpid()}').touch()
    while not (folder/'go on').exists(): time.sleep(.02)
    return stoppable
def make_nothing():
    from nextgenface_nb.errors import ModelError
    raise ModelError('/nowhere.h5: no such file', 'Check the path.')

def people(folder, *names):
    for n in names: (folder/n).touch()
    return [([folder/n], folder/'out'/n) for n in names]

@pytest.mark.skipif(not hasattr(signal, 'SIGKILL'), reason='a process cannot be killed like that')
def test_one_that_kills_its_process_fails_alone(tmp_path):
    "What was being worked on beside it is done again, and the rest is done"
    jobs = people(tmp_path, 'slow', 'kills', 'c')
    found = run_batch(jobs, make_killed, tmp_path/'out', Config(), workers=2)
    assert {o.photo:o.status for o in found}==dict(slow='done', kills='failed', c='done')
    failed, = json.loads((tmp_path/'out'/'failures.json').read_text())
    assert failed['photo']=='kills' and 'died' in failed['error'] and 'Memory' in failed['advice']

def test_workers_that_cannot_begin_are_one_error(tmp_path, capfd):
    from nextgenface_nb.errors import ModelError
    with pytest.raises(ModelError, match='nowhere.h5') as error:
        run_batch(people(tmp_path, 'a', 'b', 'c'), make_nothing, tmp_path/'out', Config(), workers=2)
    assert error.value.advice=='Check the path.' and 'Traceback' not in capfd.readouterr().err and not (
        tmp_path/'out').exists()

BATCH = """
import signal, sys, test_batch as t
from pathlib import Path
if __name__=='__main__':
    folder,make,names,limit = Path(sys.argv[1]),getattr(t, sys.argv[2]),sys.argv[3].split(','),float(sys.argv[4])
    print('ready', flush=True)
    try: found = t.run_batch(t.people(folder, *names), make, folder/'out', t.Config(), workers=2, limit=limit)
    except KeyboardInterrupt: print('at once', flush=True)
    else: print(*[o.status for o in found], sep=',', flush=True)
"""

class Batch:
    "A batch in a process of its own, in a group of its own"
    def __init__(self, folder, make, names='a,b,c,d', limit=0, before=None):
        (folder/'run.py').write_text(BATCH)
        self.folder,self.mark = folder,f'TEST_BATCH={folder}'
        paths = [str(Path(__file__).parent), os.environ.get('PYTHONPATH', str(Path(__file__).parent.parent))]
        self.child = subprocess.Popen([sys.executable, str(folder/'run.py'), str(folder), make, names, str(limit)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, preexec_fn=before,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths), TEST_BATCH=str(folder)))
        assert self.child.stdout.readline()=='ready\n'

    def until(self, count, seconds=120):
        "Wait until so many photos are being worked on"
        until = time.monotonic()+seconds
        while len(list(self.folder.glob('out/*/report.json')))<count and time.monotonic()<until: time.sleep(.1)

    def end(self): # what it printed
        out,err = self.child.communicate(timeout=120)
        assert 'Traceback' not in err, err
        return out.strip()

    def processes(self): # of this batch, that live
        found = []
        for place in Path('/proc').glob('[0-9]*'):
            try:
                if self.mark.encode() in (place/'environ').read_bytes().split(b'\0') and (
                    place/'stat').read_text().rsplit(')', 1)[1].split()[0]!='Z':
                    found.append(int(place.name))
            except OSError: pass
        return found

    def nothing_left(self, seconds=60):
        until = time.monotonic()+seconds
        while self.processes() and time.monotonic()<until: time.sleep(.1)
        return self.processes()==[]

needs_groups = pytest.mark.skipif(not hasattr(os, 'killpg'), reason='needs process groups')
needs_proc = pytest.mark.skipif(not Path('/proc/self/environ').exists(), reason='needs /proc')

@needs_groups
@pytest.mark.parametrize('make, number, group',
    [('make_stoppable', 'SIGINT', True), ('make_stoppable', 'SIGTERM', False), ('make_stoppable', 'SIGHUP', True),
    ('make_slowly', 'SIGTERM', True)])
def test_ctrl_c_with_workers(tmp_path, make, number, group):
    "From a terminal, which signals all of them; to the first process alone; and while the workers load"
    batch = Batch(tmp_path, make)
    if make=='make_stoppable': batch.until(2)
    else:
        while len(list(tmp_path.glob('loading*')))<2: time.sleep(.02)
    (os.killpg if group else os.kill)(batch.child.pid, getattr(signal, number))
    (tmp_path/'go on').touch()
    assert batch.end()==('stopped,stopped,not begun,not begun' if make=='make_stoppable'
        else 'not begun,'*3+'not begun')
    assert (tmp_path/'out'/'summary.csv').exists()

@needs_groups
def test_a_run_under_nohup_goes_on_when_the_terminal_is_closed(tmp_path):
    batch = Batch(tmp_path, 'make_shortly', before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    batch.until(2)
    os.killpg(batch.child.pid, signal.SIGHUP)
    assert batch.end()=='done,done,done,done'

@needs_groups
@needs_proc
def test_workers_end_when_their_parent_is_killed(tmp_path):
    "Also those that hang and hear nothing; and the process that tracks resources"
    batch = Batch(tmp_path, 'make_hanging', 'hangs,b')
    batch.until(2)
    assert len(batch.processes())>=3
    os.kill(batch.child.pid, signal.SIGKILL)
    assert batch.nothing_left()

@needs_groups
@needs_proc
def test_ctrl_c_twice_ends_at_once(tmp_path):
    "Though a worker hears nothing; the summary is written, and nothing half-written stays"
    batch = Batch(tmp_path, 'make_hanging', 'hangs,b')
    batch.until(2)
    while not list(tmp_path.glob('out/.*part*')): time.sleep(.1)
    before = len(batch.processes())
    os.kill(batch.child.pid, signal.SIGINT)
    while len(batch.processes())==before: time.sleep(.05)   # the worker that hears is gone: the first one has come
    os.kill(batch.child.pid, signal.SIGINT)
    assert batch.end()=='at once' and batch.nothing_left()
    assert 'hangs,not begun' in (tmp_path/'out'/'summary.csv').read_text()
    assert not list(tmp_path.glob('out/.*part*'))

@needs_groups
@needs_proc
def test_one_worker_that_is_asked_to_end_takes_no_photo_with_it(tmp_path):
    "SIGTERM for it alone, as some guards of memory send it: nobody has stopped the batch"
    batch = Batch(tmp_path, 'make_shortly', 'a,b,c,d,e,f')
    batch.until(2)
    commands = {p:Path(f'/proc/{p}/cmdline').read_bytes() for p in batch.processes()}
    os.kill(next(p for p,words in commands.items() if b'spawn_main' in words), signal.SIGTERM)
    assert batch.end()=='done,done,done,done,done,done' and batch.nothing_left()

@pytest.mark.parametrize('system, told', [('posix', [(7, signal.SIGINT)]), ('nt', [])])
def test_ctrl_c_is_handed_on_where_it_is_none_that_kills(monkeypatch, system, told):
    "On Windows `os.kill` ends a process at once, in the middle of a step, and the console has told it already"
    import types
    from nextgenface_nb import batch
    worker,sent = batch.Worker.__new__(batch.Worker),[]
    worker.process = types.SimpleNamespace(pid=7, is_alive=lambda: True)
    monkeypatch.setattr(batch, 'os', types.SimpleNamespace(name=system, kill=lambda *what: sent.append(what)))
    worker.interrupt()
    assert sent==told

COMPUTING = """
import argparse, hashlib, sys, time
from nextgenface_nb.interrupts import Stop
from nextgenface_nb.command import run_command
def compute(): hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31-1)   # minutes, in which Python hears nothing
def work(args):
    print('ready', flush=True)
    if sys.argv[1]=='command': compute()
    with Stop():
        if sys.argv[1]=='stop': compute()
        try:
            while True: time.sleep(.05)
        finally:
            time.sleep(3)                       # longer than one that hears nothing is given
            print('cleared up', flush=True)
sys.exit(run_command(argparse.ArgumentParser(), work, []))
"""

@needs_groups
@pytest.mark.parametrize('what', ['command', 'stop', 'hears'])
def test_the_second_ctrl_c_ends_at_once_what_hears_nothing(what):
    "A library that computes for minutes; what does hear it may clear up"
    environment = dict(os.environ,
        PYTHONPATH=os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get('PYTHONPATH', '')]))
    child = subprocess.Popen([sys.executable, '-c', COMPUTING, what], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment)
    try:
        assert child.stdout.readline()=='ready\n'
        for _ in range(2):
            time.sleep(.5)
            assert child.poll() is None
            child.send_signal(signal.SIGINT)
        out,err = child.communicate(timeout=60)
    finally: child.kill()
    assert child.returncode==130 and 'stopped' in err and 'Traceback' not in err
    assert (out=='cleared up\n')==(what=='hears') and ('within a step' in err)==(what!='hears')

def test_an_event_loop_keeps_its_own_way_to_hear_signals():
    import socket
    from nextgenface_nb.interrupts import as_ctrl_c
    near,far = socket.socketpair()
    far.setblocking(False)
    with near,far:
        signal.set_wakeup_fd(far.fileno())
        try:
            with as_ctrl_c(): pass
        finally: kept = signal.set_wakeup_fd(-1)
    assert kept==far.fileno() or kept>=0
    with as_ctrl_c(): pass
    assert signal.set_wakeup_fd(-1)==-1

FROM_HERE = """
import os, sys, test_batch as t
from pathlib import Path
import nextgenface_nb.batch
if __name__=='__main__':
    nextgenface_nb.batch._wants_safe_path = lambda: True       # as on Python 3.10
    found = t.run_batch([([Path('a.jpg')], Path('out')/'a.jpg')], t.make_looking, Path('out'), t.Config(), workers=2)
    print(*[o.status for o in found], os.getcwd(), flush=True)
"""

def looking(photos, folder):
    put(folder)
    (folder/'where').write_text(os.getcwd())

def make_looking(): return looking

def test_workers_take_no_module_from_the_working_directory(tmp_path):
    "What PYTHONSAFEPATH asks of newer ones, of Python 3.10 too: from a folder full of traps"
    for name in ('socket', 'selectors', 'runpy', 'pickle', 'multiprocessing', 'json', 'numpy', 'random'):
        (tmp_path/f'{name}.py').write_text(
            f'open({str(tmp_path/"caught")!r}, "a").write({name!r})\nraise SystemExit(99)\n')
    script = tmp_path/'elsewhere'/'run.py'
    script.parent.mkdir()
    script.write_text(FROM_HERE)
    paths = [str(Path(__file__).parent), str(Path(__file__).parent.parent),
        *filter(None, os.environ.get('PYTHONPATH', '').split(os.pathsep))]
    environment = {k:v for k,v in os.environ.items() if k!='PYTHONSAFEPATH'}|dict(PYTHONPATH=os.pathsep.join(paths))
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env=environment)
    assert done.stdout.split()==['done', str(tmp_path)] and not (tmp_path/'caught').exists(), done.stderr
    assert (tmp_path/'out'/'a.jpg'/'where').read_text()==str(tmp_path)

@needs_groups
@needs_proc
def test_a_photo_that_hangs_is_given_up_and_the_others_are_done(tmp_path):
    batch = Batch(tmp_path, 'make_shortly', 'hangs,b,c', limit=6)
    assert batch.end()=='failed,done,done' and batch.nothing_left()
    failed, = json.loads((tmp_path/'out'/'failures.json').read_text())
    assert failed['photo']=='hangs' and 'not done after 6 s' in failed['error'] and '--limit' in failed['advice']

@needs_groups
def test_workers_that_die_as_they_start_are_one_error(tmp_path):
    from nextgenface_nb.errors import DeviceError
    with pytest.raises(DeviceError, match='die as they start'):
        run_batch(people(tmp_path, *'abcdef'), make_dying, tmp_path/'out', Config(), workers=2)

def test_a_stop_within_another_is_the_other(tmp_path):
    "So Ctrl-C during the last lines of one photo, which nothing looks at, is seen before the next"
    def late(photos, folder):
        put(folder)
        with Stop(): signal.raise_signal(signal.SIGINT)
    found = run_batch(people(tmp_path, *'abc'), lambda: late, tmp_path/'out', Config())
    assert [o.status for o in found]==['done', 'not begun',
        'not begun'] and 'b,not begun' in (tmp_path/'out'/'summary.csv').read_text()

@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc/self/statm').exists(), reason='needs /proc')
def test_memory_does_not_grow_with_the_photos():
    ("30 photos of different sizes, in one process, by the median of all slopes; a detector for each photo would cost "
     "30 MB a photo")
    tool = Path(__file__).resolve().parent.parent/'tools'/'memory.py'
    done = subprocess.run([sys.executable, str(tool), '--photos', '30'], capture_output=True, text=True)
    found = re.search(r'([+-][0-9.]+) MB per photo', done.stdout)
    assert done.returncode==0 and found, done.stderr[-1000:]
    assert float(found[1])<.3, done.stdout

def test_one_detector_for_all_photos(monkeypatch):
    "MediaPipe holds on to 30 MB of each that was ever made (tools/memory.py)"
    from nextgenface_nb.config import Config
    from nextgenface_nb import pipeline
    from nextgenface_nb.facemodel.model import toy_model
    made = []
    monkeypatch.setattr(pipeline, 'make_detector', lambda name, **options: made.append((name, options)) or object())
    own = pipeline.Pipeline(toy_model(29, 21), Config())
    first = own.detector
    assert own.detector is first and made==[('mediapipe', {})]
    own.config.landmark_model = 'x.task'
    assert own.detector is not first and made[1]==('mediapipe', {'model':'x.task'})
    own.config.landmark_model = ''
    assert own.detector is first

# ---- names

BYTES = [b'caf\xe9.jpg', b'two\nlines.jpg', b'"quotes\' & <b>.jpg', '顔 👩.jpg'.encode(), 'وجه.jpg'.encode(),
    b'-leading.jpg', b'per%20cent?#.jpg', b'\x1b[31mred.jpg', b'\xff\xfe.jpg', b'=1+1.jpg']

def some_names(folder): # that this file system takes
    found = []
    for name in BYTES:
        try: (folder/os.fsdecode(name)).touch()
        except (OSError, ValueError): continue
        found.append(os.fsdecode(name))
    return found

def test_what_was_left_out_is_told_beside_the_own_photos_whatever_another_batch_wrote_meanwhile(tmp_path):
    from nextgenface_nb.batch import Outcome, finish_summary, save_summary
    own, others = ([Outcome(n, str(tmp_path/n), 'not begun')] for n in ('a.jpg', 'b.jpg'))
    save_summary(tmp_path, own)
    save_summary(tmp_path, others)   # of another batch, with the same output
    finish_summary(tmp_path, own, [('notes.txt', 'no photo')])
    table = (tmp_path/'summary.csv').read_bytes().decode().split('\r\n')
    assert table[1:]==['a.jpg,not begun,,,,,', 'notes.txt,left out,,,,,no photo', '']

@pytest.mark.parametrize('workers', [1, 2])
def test_names_of_any_bytes_in_what_a_batch_leaves(tmp_path, workers):
    "JSON that reads back to the same names, a table and a page in UTF-8, links by the bytes"
    from urllib.parse import unquote_to_bytes
    names = some_names(tmp_path)
    jobs = [([tmp_path/n], tmp_path/'out'/n) for n in names]
    found = run_batch(jobs, make_named, tmp_path/'out', Config(), workers=workers)
    assert {o.photo for o in found if o.status=='failed'}=={names[0], names[1]} and sum(o.status=='done'
        for o in found)==len(names)-2
    rows = json.loads((tmp_path/'out'/'failures.json').read_bytes().decode())
    assert {row['photo'] for row in rows}=={names[0], names[1]}
    table = (tmp_path/'out'/'summary.csv').read_bytes().decode()
    page = (tmp_path/'out'/'contact_sheet.html').read_bytes().decode()
    assert 'caf\\xe9.jpg,failed' in table and '\x1b' not in table+page and '<b>' not in page
    links = re.findall(r'href="([^"]+)/"', page)
    assert all((tmp_path/'out'/os.fsdecode(unquote_to_bytes(link))/'report.json').exists()
        for link in links) and len(links)==len(names)-2

def named(photos, folder):
    from nextgenface_nb.errors import PhotoError
    if photos[0].name in map(os.fsdecode, BYTES[:2]): raise PhotoError(f'{photos[0]}: cannot be read')
    put(folder)

def make_named(): return named

def test_a_photo_with_a_name_that_is_not_utf8(tmp_path, capfd):
    "The whole command, in and out of folders with such names, to a terminal that knows ASCII alone"
    from nextgenface_nb.imaging import portrait_path
    folder,out = tmp_path/os.fsdecode(b'f\xe9lder'),tmp_path/os.fsdecode(b'\xffout')
    try: folder.mkdir()
    except (OSError, ValueError): pytest.skip('this file system takes no such names')
    good,bad = os.fsdecode(b'caf\xe9\n.jpg'),os.fsdecode(b'bad\xe9.jpg')
    (folder/good).write_bytes(Path(portrait_path()).read_bytes())
    (folder/bad).write_bytes(b'no photo')
    flags = '--preset fast --skipStage2 --skipStage3 --set samples_final=2 --set max_resolution=64 --set texture_resolution=64'.split()
    run = [sys.executable, '-m', 'nextgenface_nb.cli', *flags, '--input', str(folder), '--output', str(out)]
    done = subprocess.run(run, capture_output=True,
        env=dict(os.environ, PYTHONIOENCODING='ascii',
        PYTHONPATH=os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get('PYTHONPATH', '')])))
    assert done.returncode==3 and b'bad\\xe9.jpg: is not a picture' in done.stderr and b'caf\\xe9' in done.stdout, done.stderr.decode()
    result = out/folder.name/good
    report = json.loads((result/'report.json').read_bytes().decode())
    assert report['invocation']['photos'][0]['name']==good
    assert {'envMap_0.exr', 'face0.glb', 'mesh0.obj', 'render_0.png',
        'report.json'}<=set(report['files']) and all((result/n).exists() for n in report['files'])
    for path in result.rglob('*'):
        if path.suffix in ('.json', '.obj', '.mtl'): path.read_bytes().decode('utf-8')

@pytest.mark.parametrize('name', ['SIGTERM', 'SIGHUP'])
@pytest.mark.skipif(not hasattr(signal, 'SIGHUP'), reason='there is none here')
def test_every_command_hears_that_it_shall_end(name, capsys):
    "Those that look at no mark too; and what was set before is set again"
    import argparse
    from nextgenface_nb.command import run_command
    number = getattr(signal, name)
    before = signal.getsignal(number)
    assert run_command(argparse.ArgumentParser(), lambda args: signal.raise_signal(number), [])==130
    assert 'stopped' in capsys.readouterr().err and signal.getsignal(number)==before

def test_a_photo_that_another_batch_has_done_meanwhile_is_not_begun(monkeypatch, tmp_path):
    "Between the question and the lock; a state of it would be left behind if this one were killed"
    from types import SimpleNamespace
    from nextgenface_nb.imaging import portrait_path
    from nextgenface_nb.results import runs
    answers = iter([False, True])
    monkeypatch.setattr(runs, 'was_done', lambda *_: next(answers))
    monkeypatch.setattr(runs, 'begin_pipeline', lambda config, say: SimpleNamespace(config=config))
    monkeypatch.setattr(runs, 'fit_photos', lambda *_: pytest.fail('it is done'))
    assert runs.photo_worker(runs.Run())([str(portrait_path())], tmp_path/'portrait.jpg')==[]
    assert not list(tmp_path.rglob('*.npz'))

@pytest.mark.parametrize('done', [1, 3])
def test_what_another_run_has_made_is_tidied(tmp_path, done):
    ("A worker finds results of a run that was killed right behind them, or before another began: its state, however "
     "far it is, is of no use any more")
    import numpy as np
    from nextgenface_nb.results.runs import fit_and_save
    from nextgenface_nb.files import resume_path
    folder = tmp_path/'me.png'
    folder.mkdir()
    photos,stages = [dict(name='me.png', sha256='ab')],['landmarks', 'photometric', 'texture']
    report = dict(files=['report.json'], config=Config().to_dict(),
        invocation=dict(photos=photos, stages=stages, face=None))
    (folder/'report.json').write_text(json.dumps(report))
    meta = dict(config=Config().to_dict(), stages=stages, done=done, start='', which_face=None)
    about = dict(format='nextgenface_nb face', format_version=1, photos=photos, meta=meta)
    np.savez(resume_path(folder), json=np.array(json.dumps(about)))
    assert fit_and_save([tmp_path/'me.png'], folder, None, None, done=lambda *job: True)==[]
    assert not resume_path(folder).exists() and (folder/'report.json').exists()

@pytest.mark.parametrize('value', [10**400, '\ud800', 'x', [], True, float('nan'), None],
    ids=['huge', 'half a letter', 'text', 'list', 'true', 'nan', 'none'])
def test_figures_of_a_report_that_are_none(tmp_path, value):
    "It may be anybody's: a photo that was done before must not cost the batch its summary"
    import csv
    from nextgenface_nb.batch import Outcome, figures, save_summary
    from nextgenface_nb.cli import summary
    (tmp_path/'a.jpg').mkdir()
    report = dict(mean=dict(nme=value, psnr=31.5, ssim=value), seconds=dict(total=value))
    (tmp_path/'a.jpg'/'report.json').write_text(json.dumps(report))
    assert figures(tmp_path/'a.jpg')==dict(nme=None, psnr=31.5, ssim=None, seconds=None)
    assert 'landmarks unknown of the eye distance   PSNR 31.5 dB' in summary(tmp_path/'a.jpg', 1.)
    save_summary(tmp_path, [Outcome('a.jpg', str(tmp_path/'a.jpg'), 'before')])
    with open(tmp_path/'summary.csv', encoding='utf-8', newline='') as file: row, = csv.DictReader(file)
    assert (row['psnr'], row['nme'], row['status'])==('31.5', '', 'before')
