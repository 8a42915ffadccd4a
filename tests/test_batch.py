"Ctrl-C while photos are fitted; memory over many photos"
import os, re, signal, subprocess, sys
from pathlib import Path
import pytest
from nextgenface_nb.batch import Stop

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
