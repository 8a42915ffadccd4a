("The panels pressed like a person would: run and pause while the kernel stays free, a second click, an error, by "
 "hand, save and reopen")
import asyncio, importlib, signal, sys, time
import pytest, torch
pytest.importorskip('anywidget')
from nextgenface_nb.config import Config
from nextgenface_nb.errors import LandmarkError, PhotoError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.optim.stages import Progress
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.widgets.dashboards import (FaceStudio, LandmarkDashboard, PhotometricDashboard, PlayDashboard,
    Runner, StartDashboard, TextureDashboard)
from nextgenface_nb.output.viewer import png

CONFIG = Config(device='cpu', texture_resolution=64, max_resolution=64, bands=5, environment_height=32, samples_final=8,
    samples_train=4, steps_photometric=2, steps_texture=6)

@pytest.fixture(scope='module')
def truth():
    return synthetic_face(Pipeline(toy_model(41, 29), CONFIG), seed=3, size=96, light=studio_light(.5, bands=5),
        samples=32)

class Known:
    def __init__(self, truth): self.truth = truth
    def detect(self, photo): return self.truth.landmarks().moved(photo)

@pytest.fixture
def start(truth):
    found = StartDashboard(truth.pipeline, truth.photo(), Known(truth))
    found.detect_button.click()
    return found

def steps(n, seconds=.02):
    for k in range(n):
        time.sleep(seconds)
        yield Progress('work', k+1, n, dict(total=1.), 0.)

def test_the_loop_stays_free_and_pause_stops():
    "While a run is under way, other tasks of the kernel get their turn after each step"
    async def person():
        runner,turns = Runner(lambda: steps(500), lambda p, last: None),0
        # the click itself took no step
        runner.run_button.click()
        assert runner.state=='running' and runner.last is None
        while runner.last is None or runner.last.step<4:
            await asyncio.sleep(0.001)
            turns += 1
        assert turns>=4
        runner.pause_button.click()
        await asyncio.wait_for(runner.task, 60)
        assert runner.state=='paused' and runner.last.step<10
        at = runner.last.step
        await asyncio.sleep(.1)
        assert runner.last.step==at
        runner.step_button.click()
        assert runner.last.step==at+1
        runner.run_button.click()
        while runner.last.step<at+3: await asyncio.sleep(.01)
        runner.reset_button.click()
        await asyncio.wait_for(runner.task, 60)
        assert runner.state=='ready' and runner.steps is None
    asyncio.run(person())

def test_a_second_click_does_no_harm():
    async def person():
        seen = []
        runner = Runner(lambda: steps(6, .01), lambda p, last: last or seen.append(p.step))
        runner.run_button.click()
        task = runner.task
        runner.run_button.click()
        runner.step_button.click()
        assert runner.task is task
        await asyncio.wait_for(task, 60)
        assert seen==[1,2,3,4,5,6] and runner.state=='done'
        runner.pause_button.click()
        assert runner.state=='done'
    asyncio.run(person())

def interrupting(n, at, signals=1, seconds=.01):
    for p in steps(n, seconds):
        if p.step==at:
            for _ in range(signals): signal.raise_signal(signal.SIGINT)
        yield p

def test_an_interrupt_pauses_and_the_next_run_goes_on():
    "As Ctrl-C in a script, and the kernel's interrupt of a cell: the step ends, the state is true, nothing is lost"
    before,seen = signal.getsignal(signal.SIGINT),[]
    runner = Runner(lambda: interrupting(10, 3), lambda p, last: last or seen.append(p.step))
    with pytest.raises(KeyboardInterrupt): runner.run_button.click()
    assert runner.state=='paused' and runner.last.step==3 and signal.getsignal(signal.SIGINT)==before
    runner.run_button.click()
    assert runner.state=='done' and seen==list(range(1, 11))

def test_the_kernels_interrupt_stops_the_task():
    "While the task is at work no cell is, and a kernel ignores the signal; the task hears it"
    async def person():
        before,seen = signal.signal(signal.SIGINT, signal.SIG_IGN),[]   # as ipykernel has it between cells
        try:
            runner = Runner(lambda: interrupting(10, 3), lambda p, last: last or seen.append(p.step))
            runner.run_button.click()
            await asyncio.wait_for(runner.task, 60)
            assert runner.state=='paused' and seen==[1, 2, 3] and signal.getsignal(signal.SIGINT)==signal.SIG_IGN
            runner.run_button.click()
            await asyncio.wait_for(runner.task, 60)
            assert runner.state=='done' and seen==list(range(1, 11))
        finally: signal.signal(signal.SIGINT, before)
    asyncio.run(person())

def test_a_cancelled_task_is_paused():
    runner = Runner(lambda: steps(10, .01), lambda p, last: None)
    async def person():
        runner.run_button.click()
        while runner.last is None or runner.last.step<3: await asyncio.sleep(.001)
    asyncio.run(person())   # which cancels what is left when it ends
    assert runner.state=='paused' and 3<=runner.last.step<10
    runner.run_button.click()
    assert runner.state=='done' and runner.last.step==10

def test_a_second_interrupt_within_a_step_is_no_end_of_the_stage():
    runner = Runner(lambda: interrupting(10, 3, signals=2), lambda p, last: None)
    with pytest.raises(KeyboardInterrupt): runner.run_button.click()
    assert runner.state=='failed' and runner.last.step==2 and 'within a step' in runner.status.value
    runner.start = lambda: steps(4, 0)
    runner.run_button.click()
    assert runner.state=='done' and runner.last.step==4

def test_a_stage_goes_on_where_it_was(truth):
    "The same face as of a run that nobody interrupted"
    def fitted(at):
        panel = PhotometricDashboard(truth.pipeline, truth.face.copy())
        panel.stage.steps,panel.stage.shading_steps = 1,0
        taken,steps = [],panel.runner.start
        def counted():
            for p in steps():
                taken.append(p.step)
                if p.step==at: signal.raise_signal(signal.SIGINT)
                yield p
        panel.runner.start = counted
        for _ in range(2):
            try: panel.runner.run_all()
            except KeyboardInterrupt: assert panel.runner.state=='paused' and len(panel.history)==at
            else: break
        assert panel.runner.state=='done' and taken==list(range(1, len(taken)+1)) and len(panel.history)==len(taken)
        return panel.face.parameters()
    a,b = fitted(3),fitted(0)
    assert all(torch.allclose(a[n], b[n], atol=1e-4) for n in a)

@pytest.mark.parametrize('error,words',
    [(PhotoError('it is dark', 'Switch on <the> light.'), 'Switch on &lt;the&gt; light.'),
    (ZeroDivisionError('oops'), 'ZeroDivisionError')])
def test_an_error_is_shown_and_the_panel_lives_on(error, words):
    def broken():
        yield from steps(1, 0)
        raise error
    runner = Runner(broken, lambda p, last: None)
    runner.run_button.click()
    assert runner.state=='failed' and runner.error is error and words in runner.status.value and 'alert' in runner.status.value
    runner.start = lambda: steps(2, 0)
    runner.run_button.click()
    assert runner.state=='done' and runner.error is None

def test_an_error_in_drawing_is_shown_too():
    def stepped(p, last): raise LandmarkError('no points', 'Detect.')
    runner = Runner(lambda: steps(2, 0), stepped)
    runner.step_button.click()
    assert runner.state=='failed'

def test_a_drag_reaches_the_fit(start):
    stage = LandmarkDashboard(start.pipeline, start.face, every=1)
    stage.runner.run_all()
    good = stage.nme()
    start.editor.points = [[x+20, y] if k<10 else [x, y] for k,(x,y) in enumerate(start.editor.points)]
    stage.set_face(start.face)
    stage.runner.run_all()
    assert stage.nme()>2*good
    start.editor.hidden = [k<10 for k in range(len(start.editor.points))]
    stage.set_face(start.face)
    stage.runner.run_all()
    points = torch.tensor(start.editor.points)[10:]
    assert (stage.pipeline.landmarks(stage.face, 0)[10:]-points).norm(dim=-1).mean()<1.5
    assert start.face.frames[0].landmarks.weights[:10].sum()==0

def test_holding_the_focal_length(start):
    stage = LandmarkDashboard(start.pipeline, start.face)
    stage.pose['focal'].value = 333.
    assert float(stage.face.frames[0].camera.focal)==333.
    stage.locks['focal'].value = True
    stage.runner.run_all()
    assert float(stage.face.frames[0].camera.focal)==pytest.approx(333., abs=.01)
    stage.locks['focal'].value = False
    stage.runner.run_all()
    assert float(stage.face.frames[0].camera.focal)!=pytest.approx(333., abs=.01)

def test_rates_and_weights_take_effect_on_the_next_step(truth):
    stage = TextureDashboard(truth.pipeline, truth.face.copy(), every=50)
    stage.stage.steps = 20
    def go(n): # the maps are put into the face every few steps
        for _ in range(n): stage.runner.step_button.click()
        return stage.face.identity.diffuse.clone()
    before = go(5)
    stage.free['diffuse'].value = False
    assert torch.equal(go(4), before)
    stage.free['diffuse'].value = True
    assert not torch.equal(go(4), before)
    a = stage.history[-1].losses['diffuse_symmetry']
    stage.weights['diffuse_symmetry'].value = 1e3
    go(1)
    assert stage.history[-1].losses['diffuse_symmetry']>10*a

def test_light_and_albedo_of_stage_2_are_on_sliders_too(truth):
    "Their settings are their own; they act on the next step, and are kept under the names they had"
    stage = PhotometricDashboard(truth.pipeline, truth.face.copy(), every=50)
    assert {'weight albedo', 'weight light_smooth', 'weight shape', 'rate light', 'free albedo', 'free pose'}<={*stage.kept()}
    stage.runner.step_button.click()
    stage.free['light'].value = False
    stage.weights['albedo'].value = 1e3
    assert stage.stage.light.rates['light']==0
    light,albedo = stage.face.frames[0].light.flat().clone(),stage.face.identity.albedo.norm()
    stage.runner.step_button.click()
    assert torch.equal(stage.face.frames[0].light.flat(), light)
    assert 0<stage.face.identity.albedo.norm()<.1*albedo

def test_reset_brings_the_face_back(truth):
    stage = PhotometricDashboard(truth.pipeline, truth.face.copy(), every=50)
    before = {k:v.clone() for k,v in stage.face.parameters().items()}
    stage.runner.step_button.click()
    assert any(not torch.equal(v, before[k]) for k,v in stage.face.parameters().items())
    stage.runner.reset_button.click()
    assert all(torch.equal(v, before[k]) for k,v in stage.face.parameters().items()) and not stage.history

def test_a_painted_map_of_another_size_is_refused(truth):
    stage = TextureDashboard(truth.pipeline, truth.face.copy(), every=50)
    stage.guarded(lambda: stage.paint('diffuse', torch.zeros(8, 8, 3)))()
    assert '(64, 64, 3)' in stage.notes.value and not stage.locked

def test_a_locked_texel_stands_still_and_the_rest_is_fitted_beside_it(truth):
    stage = TextureDashboard(truth.pipeline, truth.face.copy(), every=50)
    stage.runner.run_all()
    painted = stage.face.identity.diffuse.clone()
    painted[20:26,20:26] = torch.tensor([.7,.1,.1])
    stage.paint('diffuse', painted)
    seen = []
    def heard(progress, last): seen.append(stage.face.identity.diffuse[22,22].clone())
    stage.runner.stepped = heard
    stage.runner.run_all()
    assert all(torch.allclose(x, torch.tensor([.7,.1,.1])) for x in seen) and len(seen)>3
    assert not torch.equal(stage.face.identity.diffuse[30:50], painted[30:50])

def test_a_photo_from_the_camera(start, truth):
    start.capture._handle_custom_msg(dict(kind='photo', name='camera.png'), [memoryview(png(truth.photo().pixels))])
    assert start.photo.path=='camera.png' and start.frame is None and 'alert' not in start.notes.value
    start.capture._handle_custom_msg(dict(kind='photo', name='camera.png'), [memoryview(b'no picture')])
    assert 'alert' in start.notes.value and start.photo.path=='camera.png'

def test_the_lamp_lights_the_side_where_it_hangs(truth):
    play = PlayDashboard(truth.pipeline, truth.face)
    play.pose['yaw'].value = 0.
    play.lights.strength.value = 4.
    side = lambda x: float(x[:,:32].mean()-x[:,32:].mean())
    play.lights.ball.azimuth = -70.
    left = side(play.render(samples=16))
    play.lights.ball.azimuth = 70.
    right = side(play.render(samples=16))
    assert left>right+.005
    # the 3D view has it as well
    values = torch.frombuffer(bytearray(play.viewer.environment), dtype=torch.float32).reshape(64, 128, 3)
    assert values[:,:64].mean()>values[:,64:].mean()
    for box in play.use.values(): box.value = False
    assert len(play.shown().identity.diffuse.unique())==1

def test_upload_in_both_forms(truth, start):
    class Upload: pass
    for value in ({'a.png':dict(metadata=dict(name='a.png'), content=png(truth.photo().pixels))},
        (dict(name='a.png', content=memoryview(png(truth.photo().pixels))),)):
        start.upload = Upload()
        start.upload.value = value
        start.take_upload()
        assert start.photo.path=='a.png' and (start.photo.pixels
            -truth.photo().pixels).abs().max()<.01 and start.frame is None
        start.detect_button.click()
        assert start.frame is not None

def test_light_turned_in_the_viewer_and_in_the_ray_tracer_agree(truth):
    "Front light, turned by 90 degrees, comes from image right: three.js and the ray tracer mean the same"
    play = PlayDashboard(truth.pipeline, truth.face)
    play.light.value = 'studio, from the front'
    play.pose['yaw'].value = 0.
    play.turn.value = 60.
    picture = play.render(samples=16)
    cover = (picture-.2).abs().amax(-1)>.01
    columns = torch.arange(picture.shape[1])
    middle = int(columns[cover.any(0)].float().mean())
    assert picture[:,middle:][cover[:,middle:]].mean()>1.3*picture[:,:middle][cover[:,:middle]].mean()

def test_state_is_saved_and_reopened(truth, tmp_path):
    first = FaceStudio(truth.photo(), detector=Known(truth), pipeline=truth.pipeline)
    first.start.detect_button.click()
    first.tabs.selected_index = 1
    first.stages[0].runner.run_all()
    first.target.value = str(tmp_path/'state.npz')
    first.save_button.click()
    second = FaceStudio(detector=Known(truth), pipeline=truth.pipeline)
    second.target.value = first.target.value
    second.open_button.click()
    assert torch.equal(second.face.frames[0].rotation, first.face.frames[0].rotation) and len(second.tabs.children)==5
    second.target.value = str(tmp_path/'nothing.npz')
    second.open_button.click()
    assert 'alert' in second.notes.value

def test_importing_the_library_needs_no_widgets(tmp_path):
    import subprocess
    code = "import sys, nextgenface_nb, nextgenface_nb.reconstruction; sys.exit(any(m in sys.modules for m in ('anywidget','ipywidgets')))"
    assert subprocess.run([sys.executable, '-c', code]).returncode==0

def test_without_anywidget_a_reconstruction_is_a_picture(truth, monkeypatch):
    from nextgenface_nb.reconstruction import Reconstruction
    monkeypatch.setitem(sys.modules, 'nextgenface_nb.output.viewer', None)
    result = Reconstruction(truth.face, truth.pipeline)
    assert result._repr_mimebundle_()=={} and result._repr_png_()[:4]==b'\x89PNG'
