"Ctrl-C while photos are fitted; memory over many photos"
import json, os, re, signal, subprocess, sys, time
from pathlib import Path
import pytest
from nextgenface_nb.batch import Stop, run_batch
from nextgenface_nb.config import Config

def test_ctrl_c_ends_with_the_step_and_a_second_one_at_once():
    before,steps = signal.getsignal(signal.SIGINT),[]
    with pytest.raises(KeyboardInterrupt), Stop() as stop:
        for k in range(5):
            if k==2: os.kill(os.getpid(), signal.SIGINT)
            steps.append(k); stop.check()
    assert steps==[0, 1, 2] and signal.getsignal(signal.SIGINT)==before
    with pytest.raises(KeyboardInterrupt), Stop():
        os.kill(os.getpid(), signal.SIGINT); steps.append('first is remembered')
        os.kill(os.getpid(), signal.SIGINT); steps.append('never')
    assert steps[-1]=='first is remembered'

# ---- workers: functions of this module, since they go to other processes
def put(folder):
    folder.mkdir(parents=True, exist_ok=True); (folder/'report.json').write_text('{}')

def killed(photos, folder):
    "`kills` does so while `slow` is at work"
    if photos[0].name=='kills': time.sleep(.5); os.kill(os.getpid(), signal.SIGKILL)
    if photos[0].name=='slow': time.sleep(1.5)
    put(folder)

def stoppable(photos, folder):
    put(folder)
    with Stop() as stop:
        for _ in range(600): time.sleep(.05); stop.check()

def make_killed(): return killed
def make_stoppable(): return stoppable
def make_slowly(): time.sleep(3); return stoppable
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
    with pytest.raises(ModelError, match='nowhere.h5') as error: run_batch(people(tmp_path, 'a', 'b', 'c'), make_nothing, tmp_path/'out', Config(), workers=2)
    assert error.value.advice=='Check the path.' and 'Traceback' not in capfd.readouterr().err and not (tmp_path/'out').exists()

BATCH = """
import signal, sys, test_batch as t
from pathlib import Path
if __name__=='__main__':
    folder = Path(sys.argv[1])
    print('ready', flush=True)
    found = t.run_batch(t.people(folder, *'abcd'), getattr(t, sys.argv[2]), folder/'out', t.Config(), workers=2)
    print(*[o.status for o in found], sep=',', flush=True)
"""

@pytest.mark.skipif(not hasattr(os, 'killpg'), reason='needs process groups')
@pytest.mark.parametrize('make, group', [('make_stoppable', True), ('make_stoppable', False), ('make_slowly', True)])
def test_ctrl_c_with_workers(tmp_path, make, group):
    "From a terminal, which signals all of them; to the first process alone; and while the workers load"
    (tmp_path/'run.py').write_text(BATCH)
    child = subprocess.Popen([sys.executable, str(tmp_path/'run.py'), str(tmp_path), make], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join([str(Path(__file__).parent), os.environ.get('PYTHONPATH', str(Path(__file__).parent.parent))])))
    assert child.stdout.readline()=='ready\n'
    began = time.monotonic()
    while make=='make_stoppable' and len(list(tmp_path.glob('out/*/report.json')))<2 and time.monotonic()-began<60: time.sleep(.1)
    if make=='make_slowly': time.sleep(2)
    (os.killpg if group else os.kill)(child.pid, signal.SIGINT)
    out,err = child.communicate(timeout=60)
    assert 'Traceback' not in err and out.strip()==('stopped,stopped,not begun,not begun' if make=='make_stoppable' else 'not begun,'*3+'not begun'), err

def test_a_stop_within_another_is_the_other(tmp_path):
    "So Ctrl-C during the last lines of one photo, which nothing looks at, is seen before the next"
    def late(photos, folder):
        put(folder)
        with Stop(): signal.raise_signal(signal.SIGINT)
    found = run_batch(people(tmp_path, *'abc'), lambda: late, tmp_path/'out', Config())
    assert [o.status for o in found]==['done', 'not begun', 'not begun'] and 'b,not begun' in (tmp_path/'out'/'summary.csv').read_text()

@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc/self/statm').exists(), reason='needs /proc')
def test_memory_does_not_grow_with_the_photos():
    "30 photos of different sizes, in one process; a detector for each photo would cost 30 MB a photo"
    tool = Path(__file__).resolve().parent.parent/'tools'/'memory.py'
    done = subprocess.run([sys.executable, str(tool), '--photos', '30'], capture_output=True, text=True)
    found = re.search(r'([+-][0-9.]+) MB per photo', done.stdout)
    assert done.returncode==0 and found, done.stderr[-1000:]
    assert float(found[1])<3, done.stdout

def test_one_detector_for_all_photos(monkeypatch):
    "MediaPipe holds on to 30 MB of each that was ever made (tools/memory.py)"
    from types import SimpleNamespace
    from nextgenface_nb.config import Config
    from nextgenface_nb.optim import optimizer
    made = []
    monkeypatch.setattr(optimizer, 'make_detector', lambda name, **options: made.append((name, options)) or object())
    pipeline = SimpleNamespace()
    first = optimizer.config_detector(Config(), pipeline)
    assert optimizer.config_detector(Config(bands=3), pipeline) is first and len(made)==1
    assert optimizer.config_detector(Config(landmark_model='x.task'), pipeline) is not first and made[1]==('mediapipe', {'model':'x.task'})
