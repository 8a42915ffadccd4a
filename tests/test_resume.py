("Runs that are killed: at any moment there is a state that loads, nothing is left half-written, and going on gives "
 "the same bits")
import os, random, shutil, signal, subprocess, sys, time
from pathlib import Path
import numpy as np
import pytest
import torch
from nextgenface_nb.config import Config
from nextgenface_nb.errors import CheckpointError, OutputError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import save_png
from nextgenface_nb.reconstruction import STAGE_NAMES
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.resume import TOLERANCE, face_differences, fit_resumable, load_state, resume_path, sweep
from nextgenface_nb.output.checkpoint import load_face
from nextgenface_nb.evaluation.synthetic import synthetic_face

SETTINGS = dict(device='cpu', renderer='vertex', texture_resolution=64, max_resolution=64, bands=3,
    environment_height=16, samples_train=1, samples_final=1,
    steps_shading=2, steps_photometric=2, steps_texture=8, deterministic=True)

LIGHT = 3, 2, 2   # steps of light and albedo, in place of LIGHT_STEPS
STEPS = [('landmarks', 1), *(('photometric', n) for n in range(1, 10)), *(('texture', n) for n in range(1, 9))]

CHILD = '''
import sys, numpy as np, torch
from pathlib import Path
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.landmarks.detection import Landmarks
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.resume import fit_resumable, resume_path, sweep
folder = Path(sys.argv[1])/'results'; points = np.load(Path(sys.argv[1])/'points.npz')
landmarks = Landmarks(*(torch.from_numpy(points[k]) for k in ('points','ids','weights')), 'mediapipe')
pipeline = Pipeline(toy_model(29, 21), Config(**{settings}))
def tell(progress): print(progress.stage, progress.step, flush=True)
import nextgenface_nb.optim.stages as stages
stages.LIGHT_STEPS = {light}
sweep(folder)
result = fit_resumable([Path(sys.argv[1])/'me.png'], pipeline, resume_path(folder), landmarks=[landmarks], progress=tell, every=0)
print('writing', 0, flush=True)
result.save(folder, samples=1)
resume_path(folder).unlink()
print('done', 0, flush=True)
'''

def start(place, settings=SETTINGS):
    return subprocess.Popen([sys.executable, '-c',
        CHILD.replace('{settings}', repr(settings)).replace('{light}', repr(LIGHT)), str(place)],
        stdout=subprocess.PIPE, text=True, env=dict(os.environ, OMP_WAIT_POLICY='passive'))

def run_to_the_end(place, settings=SETTINGS):
    child = start(place, settings)
    said = child.communicate(timeout=300)[0].split('\n')
    assert child.returncode==0 and 'done 0' in said
    return said

def photograph(place):
    truth = synthetic_face(Pipeline(toy_model(29, 21), Config(**SETTINGS)), seed=1, size=96, samples=1).face.frames[0]
    place.mkdir()
    save_png(place/'me.png', truth.photo.pixels)
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
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    child.wait()
    keep = resume_path(place/'results')
    if keep.exists(): load_face(keep, toy_model(29, 21))
    if (place/'results').exists(): result_of(place)   # whole or not there
    return run_to_the_end(place)

def same_and_tidy(place, whole):
    found = result_of(place)
    assert set(found)==set(whole) and all(torch.equal(found[k], whole[k]) for k in whole)
    assert sorted(p.name for p in place.iterdir())==['me.png', 'points.npz', 'results']
    assert not [p for p in (place/'results').rglob('.*')]

@pytest.mark.parametrize('lines, delay', [(14, 0), (len(STEPS)+1, .05)])
def test_killed_and_resumed(tmp_path, whole, lines, delay):
    "In the middle of stage 3, and while the results are written"
    said = kill_and_go_on(photograph(tmp_path/'run'), lines, delay)
    left = [line for line in said if line.split(' ')[0] in STAGE_NAMES]
    assert len(left)<=len(STEPS)-lines+1, left   # nothing that was kept is done again
    same_and_tidy(tmp_path/'run', whole)

@pytest.mark.slow
@pytest.mark.parametrize('seed', range(20))
def test_killed_at_any_moment_and_resumed(tmp_path, whole, seed):
    chance = random.Random(seed)
    kill_and_go_on(photograph(tmp_path/'run'), chance.randrange(len(STEPS)+2), chance.random()*.6)
    same_and_tidy(tmp_path/'run', whole)

@pytest.mark.slow
def test_ray_traced_fit_is_resumed_exactly(tmp_path):
    settings = {**SETTINGS, 'renderer':'mitsuba'}
    one,two = (photograph(tmp_path/n) for n in ('one','two'))
    run_to_the_end(one, settings)
    child = start(two, settings)
    while not child.stdout.readline().startswith('texture 4'): pass
    child.kill()
    child.wait()
    said = [line for line in run_to_the_end(two, settings) if line.startswith('texture')]
    assert 'texture 3' not in said and 'texture 8' in said
    a,b = result_of(one),result_of(two)
    assert all(torch.equal(a[k], b[k]) for k in a)

# ---- in this process

@pytest.fixture(scope='module')
def place(tmp_path_factory): return photograph(tmp_path_factory.mktemp('here')/'run')

def fit_here(place, keep, **options):
    from nextgenface_nb.landmarks.detection import Landmarks
    points = np.load(place/'points.npz')
    landmarks = Landmarks(*(torch.from_numpy(points[k]) for k in ('points','ids','weights')), 'mediapipe')
    landmarks.points += options.pop('shift', 0)
    settings = {**SETTINGS, **options.pop('settings', {})}
    photos = options.pop('photos', 1)
    return fit_resumable([place/'me.png']*photos, Pipeline(toy_model(29, 21), Config(**settings)), keep,
        landmarks=[landmarks]*photos, **options)

TWO = dict(steps_photometric=0, steps_texture=7, texture_resolution=256, save_intermediate=True)

@pytest.mark.parametrize('settings, photos, some',
    [({}, 1, 5), pytest.param({}, 1, 1, marks=pytest.mark.slow), pytest.param(TWO, 2, 1, marks=pytest.mark.slow)])
def test_resumed_after_every_step(place, tmp_path, monkeypatch, settings, photos, some):
    ("The state after each step of each stage (or some), also of two photos of one person; from each of them the same "
     "bits follow, and only the steps that are left")
    monkeypatch.setattr('nextgenface_nb.optim.stages.LIGHT_STEPS', LIGHT)
    keep,kept,options = tmp_path/'.x.resume.npz',{},dict(settings=settings, photos=photos, every=0)
    def copy(step):
        if keep.exists(): kept[step.stage,step.step] = keep.read_bytes()   # of the step before
    whole = fit_here(place, keep, progress=copy, **options)
    done = [(p.stage,p.step) for p in whole.history]
    assert photos>1 or done==STEPS
    assert set(kept)==set(done[1:])
    for at,state in list(kept.items())[::some]:
        keep.write_bytes(state)
        seen = []
        again = fit_here(place, keep, progress=seen.append, **options)
        assert [(p.stage,p.step) for p in seen]==done[done.index(at):]
        a,b = whole.face.parameters(),again.face.parameters()
        assert set(a)==set(b) and all(torch.equal(a[k], b[k]) for k in a), (at,
            [k for k in a if not torch.equal(a[k], b[k])])
        assert torch.equal(whole.face.identity.provenance, again.face.identity.provenance)
        assert [(p.stage,p.step,p.losses) for p in again.history]==[(p.stage,p.step,p.losses) for p in whole.history]
        assert set(again.timings)==set(whole.timings) and list(again.snapshots)==list(whole.snapshots)
        for n,face in whole.snapshots.items():
            then = again.snapshots[n].parameters()
            assert set(then)==set(face.parameters()) and all(torch.equal(v, then[k])
                for k,v in face.parameters().items())

def test_resumed_with_several_threads_within_the_tolerance(place, tmp_path, monkeypatch):
    ("Not deterministic: from an uninterrupted run it differs no more than is stated; 76_resume shows that two "
     "uninterrupted ones do too, and that a run which loses steps differs more")
    import drjit
    monkeypatch.setattr('nextgenface_nb.optim.stages.LIGHT_STEPS', LIGHT)
    settings = dict(renderer='mitsuba', deterministic=False, max_resolution=96, samples_train=8, steps_photometric=10)
    def fit(name, stop=None):
        def progress(step):
            if (step.stage,step.step)==stop: raise KeyboardInterrupt
        return fit_here(place, tmp_path/f'.{name}.resume.npz', progress=progress, settings=settings, every=1000)
    before = drjit.thread_count()
    drjit.set_thread_count(4)
    try:
        one = fit('one')
        for stop in (('photometric', 8), ('texture', 5)):
            with pytest.raises(KeyboardInterrupt): fit(stop[0], stop)
        found = {name:face_differences(one.pipeline, one.face, r.face)
            for name,r in dict(in_2=fit('photometric'), in_3=fit('texture')).items()}
    finally: drjit.set_thread_count(before)
    for d in found.values(): assert all(d[k]<=TOLERANCE[k] for k in TOLERANCE), found

def test_ctrl_c_keeps_the_present_step(place, tmp_path):
    keep,seen = tmp_path/'.x.resume.npz',[]
    def stop(step):
        if (step.stage,step.step)==('texture',3): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): fit_here(place, keep, progress=stop, every=1000)
    fit_here(place, keep, progress=seen.append)
    assert [(p.stage,p.step) for p in seen]==[('texture',n) for n in range(4, 9)]

def test_begun_from_another_face(place, tmp_path):
    "Runs that go on from a checkpoint are kept too; another checkpoint is another run"
    face,keep = fit_here(place, tmp_path/'.y.resume.npz', stages=['landmarks']).face,tmp_path/'.x.resume.npz'
    def stop(step): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): fit_here(place, keep, start=face.copy(), stages=['texture'], progress=stop)
    other = face.copy()
    other.identity.shape = other.identity.shape+1
    with pytest.raises(CheckpointError, match='another checkpoint'):
        fit_here(place, keep, start=other, stages=['texture'])
    seen = []
    fit_here(place, keep, start=face.copy(), stages=['texture'], progress=seen.append)
    assert [p.step for p in seen]==[2, 3, 4, 5, 6, 7, 8]

def test_begun_with_other_landmarks(place, tmp_path):
    "Those of the interrupted run are gone on with, so others that are given are no wish that could be met"
    keep = tmp_path/'.x.resume.npz'
    fit_here(place, keep, stages=['landmarks'])
    with pytest.raises(CheckpointError, match='others than are given now'): fit_here(place, keep, stages=['landmarks'], shift=1)
    with pytest.raises(CheckpointError, match='given, and none are now'):
        fit_resumable([place/'me.png'], Pipeline(toy_model(29, 21), Config(**SETTINGS)), keep, stages=['landmarks'])
    fit_here(place, keep, stages=['landmarks'])

def test_a_damaged_state_of_a_stage_is_refused(place, tmp_path):
    keep = tmp_path/'.x.resume.npz'
    def stop(step):
        if (step.stage,step.step)==('texture',2): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): fit_here(place, keep, progress=stop)
    with np.load(keep) as file: arrays = {k:file[k] for k in file.files}
    def refused(words, **change):
        np.savez(keep, **{k:v for k,v in {**arrays, **change}.items() if v is not None})
        with pytest.raises(CheckpointError, match=words): fit_here(place, keep)
    for name,words in {'tensors.state.free.diffuse.0':'free.diffuse.0',
        'tensors.state.free.moments.0.exp_avg':'0.exp_avg', 'tensors.state.before.shape':'before|shape',
        'tensors.state.counters':'counters'}.items():
        refused(words, **{name:np.zeros(7, np.float32)})
    refused('counters', **{'tensors.state.counters':None})

def test_a_full_disk_is_named_and_leaves_the_last_state(place, tmp_path, monkeypatch):
    import errno, nextgenface_nb.output.checkpoint as checkpoint
    keep,save,count = tmp_path/'.x.resume.npz',np.savez,[]
    def full(file, **arrays):
        count.append(1)
        if len(count)==2:
            file.write(b'some bytes')
            raise OSError(errno.ENOSPC, 'No space left on device')
        save(file, **arrays)
    monkeypatch.setattr(checkpoint.np, 'savez', full)
    with pytest.raises(OutputError, match='disk is full'): fit_here(place, keep)
    assert [p.name for p in tmp_path.iterdir()]==[keep.name]
    monkeypatch.undo()
    seen = []
    fit_here(place, keep, progress=lambda p: seen.append(p.stage))
    assert set(seen)==set(STAGE_NAMES[1:])

@pytest.mark.slow
@pytest.mark.parametrize('mount, words',
    [('size=560k', 'disk is full'), ('size=4m', ''), ('size=4m,ro', 'read-only file system')])
def test_a_disk_of_its_own(place, tmp_path, whole, mount, words):
    "A real disk: one that gets full in stage 3, one that is large enough, one that is read-only"
    small,out = tmp_path/'disk',tmp_path/'out'
    small.mkdir()
    out.mkdir()
    script = CHILD.replace('{settings}', repr(SETTINGS)).replace('{light}',
        repr(LIGHT)).replace("[Path(sys.argv[1])/'me.png']",
        f"[Path({str(place)!r})/'me.png']").replace("Path(sys.argv[1])/'points.npz'", f"{str(place/'points.npz')!r}")
    (tmp_path/'child.py').write_text(script)
    command = f'mount -t tmpfs -o {mount} x {small} || exit 77; {sys.executable} {tmp_path}/child.py {small}; code=$?; cp -r {small}/. {out}; exit $code'
    done = subprocess.run(['unshare', '-rm', 'sh', '-c', command], capture_output=True, text=True,
        timeout=300) if shutil.which('unshare') else None
    if done is None or done.returncode==77 or 'unshare' in done.stderr:
        pytest.skip('needs a namespace of its own to mount a disk')
    if not words:
        assert done.returncode==0 and [p.name for p in out.iterdir()]==['results'], done.stderr
        return
    assert done.returncode!=0 and 'OutputError' in done.stderr and words in done.stderr.lower(), done.stderr
    if 'ro' in mount:
        assert not list(out.iterdir())
        return
    assert [p.name for p in out.iterdir()]==['.results.resume.npz']
    for name in 'me.png','points.npz': shutil.copy(place/name, out)
    said = run_to_the_end(out)
    assert not any(line.startswith(('landmarks','photometric')) for line in said)
    same_and_tidy(out, whole)

def test_a_folder_in_which_nobody_may_write(place):
    if not Path('/proc/self').exists(): pytest.skip('needs a folder in which nobody may write')
    with pytest.raises(OutputError, match='cannot be written'): fit_here(place, Path('/proc/self/.x.resume.npz'))

def test_damaged_states_and_other_settings_are_refused(place, tmp_path):
    keep = tmp_path/'.x.resume.npz'
    fit_here(place, keep)
    with pytest.raises(CheckpointError, match='steps_texture was 8 and is 9'):
        fit_here(place, keep, settings=dict(steps_texture=9))
    with pytest.raises(CheckpointError, match='the stages were'): fit_here(place, keep, stages=STAGE_NAMES[:2])
    data = keep.read_bytes()
    keep.write_bytes(data[:len(data)//2])
    with pytest.raises(CheckpointError, match='cut off'): fit_here(place, keep)

@pytest.mark.parametrize('setting', ['landmark_model', 'light', 'focal', 'detector'])
def test_files_that_settings_name_are_those_of_the_beginning(tmp_path, setting):
    "Exchanged under the same name while the run was interrupted, they are others; their digests are taken before"
    from nextgenface_nb.resume import keep_state, named_files
    from nextgenface_nb.reconstruction import Reconstruction
    named = tmp_path/dict(focal='lens.json', detector='points.npy').get(setting, 'one.exr')
    named.write_text('first')
    pipeline = Pipeline(toy_model(29, 21), Config(**SETTINGS, **{setting:str(named)}))
    face = synthetic_face(pipeline, size=32, samples=1).face
    keep,files = tmp_path/'.x.resume.npz',named_files(pipeline.config)
    named.write_text('second')
    for kept,fine in (None, True), (files, False):
        keep_state(keep, Reconstruction(face, pipeline), ['landmarks'], 0, files=kept)
        photos = [f.photo for f in face.frames]
        if fine: load_state(keep, photos, pipeline, ['landmarks'])
        else:
            with pytest.raises(CheckpointError, match=f'the file that {setting} names has changed'):
                load_state(keep, photos, pipeline, ['landmarks'])

@pytest.mark.parametrize('name', ['cameras.txt', 'images.txt'])
def test_both_files_of_colmap_are_those_of_the_beginning(tmp_path, name):
    "`--resume` says which has changed, and a batch does the photo again; what nobody reads may change"
    from nextgenface_nb.results.runs import Run, asked_for
    from nextgenface_nb.batch import invocation
    from nextgenface_nb.resume import _check_files, named_files
    for n,text in (('cameras.txt', '1 PINHOLE 9 9 9 9 4 4\n'), ('images.txt', '1 0 0 0 0 0 0 0 1 me.jpg\n\n')):
        (tmp_path/n).write_text(text)
    config = Config(focal=str(tmp_path/'cameras.txt'))
    asked = lambda: invocation([], **asked_for(Run(config)))
    then,report = dict(files=named_files(config)),asked()
    assert len(then['files'])==2 and report['images']['sha256'] and report['focal']['sha256']
    (tmp_path/'points3D.txt').touch()
    _check_files('keep', then, config, '')
    assert asked()==report
    with open(tmp_path/name, 'a') as file: file.write('# another\n')
    assert asked()!=report
    said = 'images.txt beside the file' if name=='images.txt' else 'keep: the file'
    with pytest.raises(CheckpointError, match=f'{said} that focal names has changed since'):
        _check_files('keep', then, config, '')

def test_a_lens_in_the_home_and_a_model_without_an_ending_have_a_digest(tmp_path, monkeypatch):
    "As the run finds them, so does the report"
    from nextgenface_nb.results.runs import Run, asked_for
    from nextgenface_nb.resume import named_files
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('USERPROFILE', str(tmp_path))
    for name in 'lens','model': (tmp_path/name).write_text('{"fx":9, "fy":9, "cx":4, "cy":4}')
    config = Config(focal='~/lens', landmark_model=str(tmp_path/'model'))
    asked = asked_for(Run(config))
    assert asked['focal']['sha256']==asked['landmark_model']['sha256']==named_files(config)['focal']!=''

def test_a_state_of_another_version_is_refused(place, tmp_path):
    "Of the library, of what is kept beside the face, of the file"
    import json
    keep = tmp_path/'.x.resume.npz'
    fit_here(place, keep, stages=STAGE_NAMES[:1])
    with np.load(keep) as file: arrays = {k:file[k] for k in file.files}
    about = json.loads(str(arrays['json']))
    for change,words in ((dict(library='9.9.9'), 'was of version 9.9.9 of this library'),
        (dict(meta=about['meta']|dict(state_version=9)), 'a state of version 9'),
        (dict(format_version=9), 'format version 9')):
        np.savez(keep, **arrays|dict(json=np.array(json.dumps(about|change))))
        with pytest.raises(CheckpointError, match=words): fit_here(place, keep, stages=STAGE_NAMES[:1])
