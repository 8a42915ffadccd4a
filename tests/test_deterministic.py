("`deterministic`: one thread, the same bits; and without it several threads, whose sums differ. The setting goes all "
 "the way from config and command to both libraries.")
import contextlib, dataclasses
import pytest, threadpoolctl, torch
from test_rendering import LIGHT, SIZE, START, TEXTURE, TRIANGLES, UVS, loss
from nextgenface_nb import cli
from nextgenface_nb.config import Config
from nextgenface_nb.errors import FaceError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import portrait_path
from nextgenface_nb.optim import stages
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.rendering import bridge, renderer, tracing
from nextgenface_nb.rendering.renderer import Renderer
from nextgenface_nb.evaluation.synthetic import synthetic_face
from nextgenface_nb.reconstruction import exhaust, reconstruct_steps
from nextgenface_nb.surroundings import Undisturbed

def drawing(deterministic):
    return Renderer(TRIANGLES, UVS, SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT), device='cpu', deterministic=deterministic)

@contextlib.contextmanager
def threads(count):
    "So many of Dr.Jit's and of PyTorch's"
    import drjit
    before = drjit.thread_count(),torch.get_num_threads()
    drjit.set_thread_count(count)
    torch.set_num_threads(count)
    try: yield drjit
    finally:
        drjit.set_thread_count(before[0])
        torch.set_num_threads(before[1])

def gradients(drawing, samples=64):
    "Sums over many rays: into the light, of which each ray asks one place, and into the vertices"
    free = {name:value.clone().requires_grad_(name in ('light', 'diffuse', 'shape')) for name,value in START.items()}
    loss(drawing, free, samples=samples, seed=3).backward()
    return torch.cat([value.grad.flatten() for value in free.values() if value.grad is not None])

def test_several_threads_differ_and_one_does_not():
    with threads(4):
        exact,loose = drawing(True),drawing(False)
        first = gradients(exact)
        assert all(torch.equal(gradients(exact), first) for _ in range(4))
        found = gradients(loose)
        torch.testing.assert_close(found, first, rtol=1e-3, atol=1e-5*float(first.abs().max()))
        assert any(not torch.equal(gradients(loose), found)
            for _ in range(50)), 'nothing here tells one thread from four'

@pytest.mark.parametrize('deterministic, count', [(True, 1), (False, 4)])
def test_so_many_threads_are_at_work(monkeypatch, deterministic, count):
    "Seen from within, when a tensor is given to Dr.Jit: picture and gradients; and afterwards as before"
    seen,give = [],renderer.to_drjit
    with threads(4) as drjit:
        def counted(*arguments, **options):
            seen.append(drjit.thread_count())
            return give(*arguments, **options)
        for module in (renderer, bridge): monkeypatch.setattr(module, 'to_drjit', counted)
        trace = tracing.Hits.__init__
        def begun(hits, *arguments):
            seen.append(drjit.thread_count())
            trace(hits, *arguments)
        monkeypatch.setattr(tracing.Hits, '__init__', begun)
        own = drawing(deterministic)
        free = {name:value.clone().requires_grad_() for name,value in START.items()}
        loss(own, free, samples=2, silhouettes=True).backward()
        assert len(seen)>=6 and set(seen)=={count} and drjit.thread_count()==4

@pytest.mark.parametrize('deterministic', [True, False])
def test_a_pipeline_hands_it_on(monkeypatch, deterministic):
    "To its renderers, and to PyTorch in every stage"
    settings = dict(device='cpu', texture_resolution=64, max_resolution=64, bands=3, environment_height=16,
        samples_train=1, samples_final=1)
    pipeline = Pipeline(toy_model(29, 21), Config(deterministic=deterministic, **settings))
    face = synthetic_face(pipeline, size=64, samples=1).face
    assert pipeline.renderer(face.frames[0]).deterministic is deterministic
    seen = []
    def watched(stage, pipeline, face, state):
        for step in range(2):
            seen.append(torch.get_num_threads())
            yield step
    with threads(3):
        for stage in stages.make_stages(pipeline.config):
            monkeypatch.setitem(stages.RUNNERS, stage.name, watched)
            for _ in stages.run(stage, pipeline, face): assert torch.get_num_threads()==3
    assert seen==[1 if deterministic else 3]*6

def blas_now():
    "Threads of each library of linear algebra that is loaded"
    return {lib['num_threads'] for lib in threadpoolctl.threadpool_info() if lib['user_api']=='blas'}

@contextlib.contextmanager
def blas(count):
    "So many of NumPy's, which any thread of Python may change"
    free = getattr(threadpoolctl.OpenBLASController, 'clear_controlling_thread', lambda force: None)   # of 3.8
    limits = threadpoolctl.threadpool_limits(count, 'blas')
    free(force=True)
    try: yield blas_now()
    finally:
        limits.restore_original_limits()
        free(force=True)

def test_numpy_has_one_thread_as_long_as_anybody_wants_it():
    "Threads of Python take turns, and each finds one; then it has as many as before"
    import threading
    seen,begun,late = [],threading.Event(),threading.Event()
    def work():
        begun.set()
        with Undisturbed(threads=1):
            seen.append(blas_now())
            late.set()
    with blas(2) as own:
        with Undisturbed(): assert blas_now()==own
        with Undisturbed(threads=1):
            other = threading.Thread(target=work, daemon=True)
            other.start()
            begun.wait()
            assert blas_now()=={1} and not late.wait(.5)
        other.join(60)
        assert seen==[{1}] and blas_now()==own

def test_a_fit_does_not_hang_on_the_threads_of_numpy():
    "What OPENBLAS_NUM_THREADS says, or the cores of the machine: losses to the last digit"
    settings = dict(device='cpu', renderer='vertex', texture_resolution=64, max_resolution=64, bands=3,
        environment_height=16, samples_final=1, deterministic=True, steps_landmarks=10)
    pipeline = Pipeline(toy_model(61, 43), Config(**settings))
    frame = synthetic_face(pipeline, size=64, samples=1).face.frames[0]
    moved = frame.landmarks.points+torch.randn(frame.landmarks.points.shape, generator=torch.Generator().manual_seed(1))
    def losses(count):
        points = dataclasses.replace(frame.landmarks, points=moved)
        steps = reconstruct_steps([frame.photo], pipeline.config, pipeline=pipeline, landmarks=[points], stages=['landmarks'])
        with blas(count): return [p.losses for p in exhaust(steps).history]
    assert losses(1)==losses(2)

@pytest.mark.parametrize('asked', [True, False])
def test_a_command_hands_it_on(monkeypatch, tmp_path, asked):
    "To the fit, and to all that the command does with its result"
    seen = []
    def fit(photos, folder, pipeline, run, progress, begun):
        seen.append((pipeline.config.deterministic, torch.get_num_threads(), blas_now()))
        raise FaceError('seen', 'enough')
    monkeypatch.setattr('nextgenface_nb.results.runs.fit_photos', fit)
    with threads(3), blas(2) as own:
        assert cli.main(['--input', str(portrait_path()), '--output', str(tmp_path), '--quiet', '--set',
            'renderer=vertex', '--set', f'deterministic={asked}'])!=0
        assert torch.get_num_threads()==3
    assert seen==[(asked, 1 if asked else 3, {1} if asked else own)]

def test_threads_of_python_work_with_dr_jit_one_at_a_time():
    "Two that change the number of its threads would wait for each other for ever, or leave it at one"
    import threading
    own,other,entered = drawing(True),drawing(False),threading.Event()
    def work():
        with other._threads(): entered.set()
    with threads(3) as drjit:
        with own._threads():
            late = threading.Thread(target=work)
            late.start()
            assert drjit.thread_count()==1 and not entered.wait(.5)
        late.join()
        assert entered.is_set() and drjit.thread_count()==3

def test_threads_leave_the_variable_of_llvm_as_it_was(monkeypatch):
    import os, threading, time
    from nextgenface_nb.rendering import variant
    monkeypatch.delenv('DRJIT_LIBLLVM_PATH', raising=False)
    monkeypatch.setattr(variant, 'find_llvm', lambda: '/some/libLLVM.so')
    def work():
        for _ in range(20):
            with variant._llvm_named(True): time.sleep(.001)
    all_of_them = [threading.Thread(target=work) for _ in range(4)]
    for thread in all_of_them: thread.start()
    for thread in all_of_them: thread.join()
    assert 'DRJIT_LIBLLVM_PATH' not in os.environ
