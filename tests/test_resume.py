"Runs that are killed: at any moment there is a state that loads, nothing is left half-written, and going on gives the same bits"
import os, random, signal, subprocess, sys, time
from pathlib import Path
import numpy as np
import pytest
import torch
from nextgenface_nb.config import Config
from nextgenface_nb.errors import CheckpointError, OutputError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import save_png
from nextgenface_nb.optim.optimizer import STAGE_NAMES
from nextgenface_nb.optim.pipeline import Pipeline
from nextgenface_nb.optim.resume import fit_resumable, resume_path, sweep
from nextgenface_nb.output.checkpoint import load_face
from nextgenface_nb.synthetic import synthetic_face

SETTINGS = dict(device='cpu', renderer='vertex', texture_resolution=64, max_resolution=64, bands=3, environment_height=16, samples_train=1, samples_final=1,
    steps_photometric=2, steps_texture=8, deterministic=True)

CHILD = '''
import sys, numpy as np, torch
from pathlib import Path
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.landmarks import Landmarks
from nextgenface_nb.optim.pipeline import Pipeline
from nextgenface_nb.optim.resume import fit_resumable, resume_path, sweep
folder = Path(sys.argv[1])/'results'; points = np.load(Path(sys.argv[1])/'points.npz')
landmarks = Landmarks(*(torch.from_numpy(points[k]) for k in ('points','ids','weights')), 'mediapipe')
pipeline = Pipeline(toy_model(29, 21), Config(**{settings}))
def tell(progress): print(progress.stage, progress.step, flush=True)
sweep(folder)
result = fit_resumable([Path(sys.argv[1])/'me.png'], pipeline, resume_path(folder), landmarks=[landmarks], progress=tell)
print('writing', 0, flush=True)
result.save(folder, samples=1)
resume_path(folder).unlink()
print('done', 0, flush=True)
'''

def start(place, settings=SETTINGS):
    return subprocess.Popen([sys.executable, '-c', CHILD.replace('{settings}', repr(settings)), str(place)], stdout=subprocess.PIPE, text=True, env=dict(os.environ, OMP_WAIT_POLICY='passive'))

def run_to_the_end(place, settings=SETTINGS):
    child = start(place, settings); said = child.communicate(timeout=300)[0].split('\n')
    assert child.returncode==0 and 'done 0' in said
    return said

def photograph(place):
    truth = synthetic_face(Pipeline(toy_model(29, 21), Config(**SETTINGS)), seed=1, size=96, samples=1).face.frames[0]
    place.mkdir(); save_png(place/'me.png', truth.photo.pixels)
    np.savez(place/'points.npz', **{k:getattr(truth.landmarks, k).numpy() for k in ('points','ids','weights')})
    return place

def result_of(place):
    face,_ = load_face(place/'results'/'checkpoints'/'stage3_output.npz', toy_model(29, 21))
    return face.parameters()

@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    place = photograph(tmp_path_factory.mktemp('whole')/'run')
    return result_of(place) if run_to_the_end(place) else None

def kill_and_go_on(place, lines, delay):
    "SIGKILL after so many lines and a delay; what is there loads; then on to the end"
    child = start(place)
    for _ in range(lines): child.stdout.readline()
    time.sleep(delay); child.send_signal(signal.SIGKILL); child.wait()
    keep = resume_path(place/'results')
    if keep.exists(): load_face(keep, toy_model(29, 21))
    if (place/'results').exists(): result_of(place)   # whole or not there
    return run_to_the_end(place)

def same_and_tidy(place, whole):
    found = result_of(place)
    assert set(found)==set(whole) and all(torch.equal(found[k], whole[k]) for k in whole)
    assert sorted(p.name for p in place.iterdir())==['me.png', 'points.npz', 'results']
    assert not [p for p in (place/'results').rglob('.*')]

@pytest.mark.parametrize('lines, delay', [(6, 0), (12, .05)])
def test_killed_and_resumed(tmp_path, whole, lines, delay):
    "In stage 3, and while the results are written"
    said = kill_and_go_on(photograph(tmp_path/'run'), lines, delay)
    assert not any(line.startswith('landmarks') for line in said) or lines<2
    same_and_tidy(tmp_path/'run', whole)

@pytest.mark.slow
@pytest.mark.parametrize('seed', range(20))
def test_killed_at_any_moment_and_resumed(tmp_path, whole, seed):
    chance = random.Random(seed)
    kill_and_go_on(photograph(tmp_path/'run'), chance.randrange(14), chance.random())
    same_and_tidy(tmp_path/'run', whole)

@pytest.mark.slow
def test_ray_traced_fit_is_resumed_exactly(tmp_path):
    settings = {**SETTINGS, 'renderer':'mitsuba'}
    one,two = (photograph(tmp_path/n) for n in ('one','two'))
    run_to_the_end(one, settings)
    child = start(two, settings)
    while not child.stdout.readline().startswith('texture 2'): pass
    child.kill(); child.wait(); run_to_the_end(two, settings)
    a,b = result_of(one),result_of(two)
    assert all(torch.equal(a[k], b[k]) for k in a)

# ---- in this process

@pytest.fixture(scope='module')
def place(tmp_path_factory): return photograph(tmp_path_factory.mktemp('here')/'run')

def fit_here(place, keep, **options):
    from nextgenface_nb.landmarks import Landmarks
    points = np.load(place/'points.npz')
    landmarks = Landmarks(*(torch.from_numpy(points[k]) for k in ('points','ids','weights')), 'mediapipe')
    settings = {**SETTINGS, **options.pop('settings', {})}
    return fit_resumable([place/'me.png'], Pipeline(toy_model(29, 21), Config(**settings)), keep, landmarks=[landmarks], **options)

def test_a_full_disk_is_named_and_leaves_the_last_state(place, tmp_path, monkeypatch):
    import errno, nextgenface_nb.output.checkpoint as checkpoint
    keep,save,count = tmp_path/'.x.resume.npz',np.savez_compressed,[]
    def full(file, **arrays):
        count.append(1)
        if len(count)==2: file.write(b'some bytes'); raise OSError(errno.ENOSPC, 'No space left on device')
        save(file, **arrays)
    monkeypatch.setattr(checkpoint.np, 'savez_compressed', full)
    with pytest.raises(OutputError, match='disk is full'): fit_here(place, keep)
    assert [p.name for p in tmp_path.iterdir()]==[keep.name]
    monkeypatch.undo()
    seen = []; fit_here(place, keep, progress=lambda p: seen.append(p.stage))
    assert set(seen)==set(STAGE_NAMES[1:])

def test_a_folder_in_which_nobody_may_write(place):
    if not Path('/proc/self').exists(): pytest.skip('needs a folder in which nobody may write')
    with pytest.raises(OutputError, match='cannot be written'): fit_here(place, Path('/proc/self/.x.resume.npz'))

def test_damaged_states_and_other_settings_are_refused(place, tmp_path):
    keep = tmp_path/'.x.resume.npz'
    fit_here(place, keep)
    with pytest.raises(CheckpointError, match='steps_texture was 8 and is 9'): fit_here(place, keep, settings=dict(steps_texture=9))
    with pytest.raises(CheckpointError, match='the stages were'): fit_here(place, keep, stages=STAGE_NAMES[:2])
    data = keep.read_bytes(); keep.write_bytes(data[:len(data)//2])
    with pytest.raises(CheckpointError, match='cut off'): fit_here(place, keep)
