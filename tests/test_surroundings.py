("The same result whatever the caller has set, and the caller's settings as they were: after a call, and at every step "
 "of a fit")
import logging, os, random, signal, time, warnings
from contextlib import ExitStack, contextmanager
import drjit as dr, mitsuba as mi, numpy as np, pytest, torch
from nextgenface_nb import Config, Pipeline, load_photo, reconstruct
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import portrait_path
from nextgenface_nb.reconstruction import exhaust, reconstruct_steps
from nextgenface_nb.rendering.variant import use_variant
from nextgenface_nb.evaluation.synthetic import synthetic_face

use_variant('cpu')
TINY = dict(device='cpu', deterministic=True, max_resolution=64, texture_resolution=64, steps_photometric=1,
    steps_texture=3, samples_train=2, samples_final=4, environment_height=32)

@contextmanager
def changed(get, put, value):
    before = get()
    put(value)
    try: yield
    finally: put(before)

@contextmanager
def errors():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        yield

def precision(kind): return changed(torch.get_default_dtype, torch.set_default_dtype, kind)

#: What a caller may have set
MODES = dict(
    no_grad=torch.no_grad,
    inference=torch.inference_mode,
    gradients_off=lambda: changed(torch.is_grad_enabled, torch.set_grad_enabled, False),
    double=lambda: precision(torch.float64),
    half=lambda: precision(torch.float16),
    bfloat=lambda: precision(torch.bfloat16),
    device=lambda: torch.device('meta'),
    autocast=lambda: torch.autocast('cpu', dtype=torch.bfloat16),
    deterministic=lambda: changed(torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True),
    anomaly=lambda: changed(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, True),
    products=lambda: changed(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, 'medium'),
    numpy=lambda: np.errstate(all='raise'),
    warnings=errors,
    drjit=dr.suspend_grad,
    variant=lambda: changed(mi.variant, mi.set_variant, 'scalar_rgb'))

@contextmanager
def all_at_once(*without):
    with ExitStack() as stack:
        for name,mode in MODES.items():
            if name not in ('half', 'bfloat', *without): stack.enter_context(mode())
        yield

def around()->dict:
    "All that the caller could find changed"
    with torch.device('cpu'): generator = torch.random.get_rng_state().numpy().tobytes()
    return dict(grad=torch.is_grad_enabled(), inference=torch.is_inference_mode_enabled(),
        precision=torch.get_default_dtype(), device=torch.get_default_device(),
        autocast=torch.is_autocast_enabled('cpu'), deterministic=torch.are_deterministic_algorithms_enabled(),
        anomaly=torch.is_anomaly_enabled(),
        products=torch.get_float32_matmul_precision(), threads=torch.get_num_threads(), numpy=np.geterr(),
        filters=list(warnings.filters),
        random=(generator, repr(np.random.get_state()), random.getstate()), environment=dict(os.environ),
        folder=os.getcwd(),
        signals=[signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
        logging=(logging.root.level, list(logging.root.handlers)),
        variant=mi.variant(), drjit_threads=dr.thread_count(),
        drjit_flags=[dr.flag(f) for f in (dr.JitFlag.Debug, dr.JitFlag.SymbolicLoops, dr.JitFlag.OptimizeLoops)])

def fit_toy(steps_shading=2, look=lambda progress: None):
    "All stages on a synthetic photo of the toy model; bits of all parameters"
    pipeline = Pipeline(toy_model(31, 23), Config(steps_shading=steps_shading, **TINY))
    truth = synthetic_face(pipeline, 1, size=64, samples=8, focal=230.)
    result = exhaust(reconstruct_steps(truth.photo(), pipeline.config, landmarks=truth.face.frames[0].landmarks,
        pipeline=pipeline), look)
    return {n:v.detach().clone() for n,v in result.face.parameters().items()}

@pytest.fixture(scope='module')
def plain(): return {n:fit_toy(n) for n in (0, 2)}

def same(a, b): return a.keys()==b.keys() and all(torch.equal(a[n], b[n]) for n in a)

@pytest.mark.parametrize('shading', (2, 0))
def test_a_fit_is_the_same_whatever_is_set(plain, shading):
    with all_at_once():
        before,seen = around(),[]
        found = fit_toy(shading, lambda progress: seen.append(around()==before))
        assert around()==before
    assert len(seen)>5 and all(seen)
    assert same(found, plain[shading])
    # with no steps of shading, stage 3 did nothing without gradients of the caller, in silence
    assert found['diffuse'].std()>0

@pytest.mark.slow
@pytest.mark.parametrize('mode', MODES)
def test_a_fit_is_the_same_in_each_mode(plain, mode):
    with MODES[mode]():
        before = around()
        found = fit_toy()
        assert around()==before
    assert same(found, plain[2])

def test_tensors_made_in_inference_mode_are_taken():
    with torch.inference_mode():
        pipeline = Pipeline(toy_model(31, 23), Config(steps_shading=1, **TINY))
        truth = synthetic_face(pipeline, 1, size=64, samples=8, focal=230.)
        photo,points = truth.photo(),truth.face.frames[0].landmarks
        photo.pixels,points.points = photo.pixels+0,points.points+0
        for n,v in vars(pipeline.model).items():
            if isinstance(v, torch.Tensor) and v.is_floating_point(): setattr(pipeline.model, n, v+0)
        assert photo.pixels.is_inference() and points.points.is_inference() and pipeline.model.shape_mean.is_inference()
        other = Pipeline(pipeline.model, pipeline.config)
    result = exhaust(reconstruct_steps(photo, other.config, landmarks=points, pipeline=other))
    assert len(result.history)>5

@pytest.mark.parametrize('renderer', ('mitsuba', 'vertex'))
def test_a_loop_of_ones_own(renderer):
    "Pictures and their gradients, forward and backward called by the caller"
    def slope():
        pipeline = Pipeline(toy_model(31, 23), Config(renderer=renderer, **TINY))
        face = synthetic_face(pipeline, 1, size=64, samples=8, focal=230.).face
        leaf = face.frames[0].translation.detach().clone().requires_grad_()
        face.assign('frames.0.translation', leaf)
        pipeline.render(face, 0, 4, silhouettes=True)[...,:3].mean().backward()
        return leaf.grad
    wanted = slope()
    assert wanted.norm()>0
    with all_at_once('no_grad', 'inference', 'gradients_off', 'device', 'autocast', 'anomaly'):
        before,found = around(),slope()
        assert around()==before
    assert torch.equal(found, wanted)
    with torch.no_grad():
        pipeline = Pipeline(toy_model(31, 23), Config(renderer=renderer, **TINY))
        # theirs to say
        assert not pipeline.render(synthetic_face(pipeline, 1, size=64, samples=8, focal=230.).face).requires_grad

def test_photo_to_files(tmp_path, monkeypatch):
    "Detection, fit, files, measures and exports of the bundled portrait; the working directory changes meanwhile"
    from nextgenface_nb.output.checkpoint import load_face
    from nextgenface_nb.output.export import export_face
    config = lambda: Config(steps_shading=2, **TINY)
    monkeypatch.chdir(tmp_path)
    def all_of_it(name, progress=None):
        result = reconstruct(load_photo(portrait_path()), config(), output=name, progress=progress)
        pipeline = result.pipeline
        face,_ = load_face(tmp_path/name/'checkpoints'/'stage3_output.npz', pipeline.model)
        export_face(pipeline, face, tmp_path/name/'more', ('obj', 'glb', 'ply'))
        return result.measures(4),result.card(4).to_dict(),{str(p.relative_to(tmp_path/name)):p.read_bytes()
            for p in (tmp_path/name).rglob('*') if p.suffix in ('.png', '.obj', '.ply', '.glb')}
    wanted = all_of_it('a')
    (tmp_path/'elsewhere').mkdir()
    with all_at_once():
        before = around()
        found = all_of_it('b', lambda progress: os.chdir(tmp_path/'elsewhere'))
        assert around()==before|dict(folder=str(tmp_path/'elsewhere'))
    assert found[0]==wanted[0] and found[1]==wanted[1]
    assert found[2].keys()==wanted[2].keys() and len(found[2])>8
    assert [n for n in found[2] if found[2][n]!=wanted[2][n] and 'losses' not in n]==[]

def test_threads_that_find_no_core_are_not_used(monkeypatch):
    "Of PyTorch, within our work; what a caller has set is the most, and is there again afterwards"
    from nextgenface_nb import surroundings
    for most,spare,inside in ((2, 1, 1), (2, 2, 2), (1, 4, 1)):
        monkeypatch.setattr(surroundings, 'spare_cores', lambda most: min(most, spare))
        with changed(torch.get_num_threads, torch.set_num_threads, most):
            with surroundings.Undisturbed(): assert torch.get_num_threads()==inside
            assert torch.get_num_threads()==most

def test_busy_programs_are_seen(monkeypatch):
    "Twice as many as cores leave none, however many other programs are busy too; `OMP_NUM_THREADS` decides otherwise"
    from nextgenface_nb.evaluation.speed import beside
    from nextgenface_nb.surroundings import SpareCores, spare_cores
    monkeypatch.setenv('OMP_NUM_THREADS', '8')
    assert spare_cores(8)==8
    meter,end = SpareCores(),time.monotonic()+120
    if meter.cores==1: pytest.skip('one core: there is nothing to give way to')
    with beside(2*meter.cores):
        while meter(meter.cores)>1 and time.monotonic()<end: time.sleep(meter.EVERY)
    assert meter.found<=1
