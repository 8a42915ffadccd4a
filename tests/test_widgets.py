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
from nextgenface_nb.widgets.dashboards import (LandmarkDashboard, PhotometricDashboard, PlayDashboard,
    Runner, StartDashboard, TextureDashboard)
from nextgenface_nb.widgets.studio import FaceStudio
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
        await asyncio.wait_for(runner.task, 60)
        assert runner.last.step==at+1 and runner.state=='paused' and f'work {at+1} of' in runner.status.value
        runner.run_button.click()
        while runner.last.step<at+3: await asyncio.sleep(.01)
        runner.reset_button.click()
        await until(lambda: runner.state=='ready')
        assert runner.steps is None and runner.last is None
    asyncio.run(person())

def test_a_long_step_holds_no_control():
    "Within a step, not only between two of them; what it shows is shown by the loop's own thread, in order"
    import threading
    from nextgenface_nb.widgets.beside import on_page
    async def person():
        seen,home,gaps = [],threading.current_thread(),[]
        def stepped(p, last):
            assert threading.current_thread() is not home
            on_page(lambda: seen.append((p.step, last, threading.current_thread() is home)))
        runner = Runner(lambda: steps(3, .5), stepped)
        runner.run_button.click()
        at = time.monotonic()
        while runner.state=='running':
            await asyncio.sleep(.002)
            gaps.append(time.monotonic()-at)
            at = time.monotonic()
        assert len(gaps)>30 and max(gaps)<.4 and seen==[(1, False, True), (2, False, True), (3, False, True), (3, True, True)]
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

# ---- the studio: one button, one head, one timeline

def studio_of(truth, photo=True):
    return FaceStudio(truth.photo() if photo else None, detector=Known(truth), pipeline=truth.pipeline)

async def detected(truth):
    "As a person on a page has it: a while after the click"
    studio = studio_of(truth)
    studio.start.detect_button.click()
    assert studio.face is None
    await until(lambda: studio.stages)
    return studio

def words(widget):
    import re
    return re.sub('<[^>]+>', '', widget.value)

async def until(true, seconds=60.):
    end = time.monotonic()+seconds
    while not true():
        assert time.monotonic()<end
        await asyncio.sleep(.005)

@pytest.fixture(scope='module')
def fitted(truth):
    "A studio in which all was done, for tests that leave it so"
    studio = studio_of(truth)
    studio.run_all()
    return studio

def test_one_button_from_the_photo_to_the_face(truth):
    "Found, three stages in turn, the last tab; the kernel is free between the steps, and the line is true throughout"
    async def person():
        studio,said,turns = studio_of(truth),[],0
        studio.standing.observe(lambda change: said.append(words(studio.standing)), 'value')
        studio.journey.button.click()
        assert studio.face is None and studio.journey.button.disabled and not studio.journey.cancel_button.disabled
        while studio.journey.state=='running':
            turns += 1
            assert sum(s.runner.state=='running' for s in studio.stages)<=1
            await asyncio.sleep(.001)
        return studio,said,turns
    studio,said,turns = asyncio.run(person())
    assert [s.runner.state for s in studio.stages]==['done']*3 and studio.journey.state=='done'
    assert all(s.runner.bar.value==s.runner.bar.max for s in studio.stages) and studio.journey.bar.value==1.
    assert studio.tabs.selected_index==4 and studio.face.identity.diffuse is not None and turns>20
    assert not any('Start with a photo' in s for s in said) and words(studio.standing).startswith('All stages are done')
    for n in (1, 2, 3): assert any(s.startswith(f'Stage {n} is at work at step') for s in said), n
    assert studio.journey.cancel_button.disabled and not studio.journey.button.disabled

def test_the_same_face_as_reconstruct(truth, fitted):
    "The studio is another way to press the same buttons: not a bit differs"
    from nextgenface_nb.reconstruction import exhaust, reconstruct_steps
    config = truth.pipeline.config
    other = exhaust(reconstruct_steps(truth.photo(), config, pipeline=truth.pipeline, detector=Known(truth)))
    a,b = fitted.face.parameters(),other.face.parameters()
    assert {*a}=={*b} and [n for n in a if not torch.equal(a[n], b[n])]==[]
    assert fitted.result.after_landmarks==other.after_landmarks and {*fitted.result.timings}>={'detection', 'texture'}

def test_reconstruct_without_a_photo_says_so(truth):
    studio = studio_of(truth, photo=False)
    assert words(studio.standing)=='Start with a photo.'
    studio.journey.run_all()
    assert 'no photo' in studio.start.notes.value and studio.journey.state=='failed'
    with pytest.raises(PhotoError): studio.run_all()

def test_cancel_keeps_what_there_is_and_the_button_goes_on(truth, fitted):
    async def person():
        studio = studio_of(truth)
        studio.journey.button.click()
        await until(lambda: studio.stages and studio.stages[1].runner.last and studio.stages[1].runner.last.step>=3)
        assert 'left' in words(studio.journey.words)
        studio.journey.cancel_button.click()
        await asyncio.wait_for(studio.journey.task, 60)
        at,there = studio.stages[1].runner.last.step,{n:v.clone() for n,v in studio.face.parameters().items()}
        assert [s.runner.state for s in studio.stages]==['done', 'paused', 'ready'] and studio.journey.state=='cancelled'
        assert f'Stage 2 is paused at step {at}' in words(studio.standing)
        await asyncio.sleep(.1)
        assert all(torch.equal(v, there[n]) for n,v in studio.face.parameters().items())
        studio.journey.button.click()
        await asyncio.wait_for(studio.journey.task, 120)
        return studio
    studio = asyncio.run(person())
    a,b = studio.face.parameters(),fitted.face.parameters()
    assert studio.journey.state=='done' and [n for n in b if not torch.equal(a[n], b[n])]==[]

def test_two_stages_are_never_at_work(truth):
    "A later one pauses the earlier one, and both say so"
    async def person():
        studio = await detected(truth)
        first,second,_ = studio.stages
        first.runner.run_button.click()
        await until(lambda: first.runner.last and first.runner.last.step>=2)
        second.runner.step_button.click()
        assert first.runner.state=='paused' and second.runner.state=='running' and second.runner.last is None
        await asyncio.wait_for(second.runner.task, 60)
        assert first.runner.state=='paused' and second.runner.state=='paused' and second.runner.last.step==1
        assert 'for stage 2' in words(first.runner.status) and 'Stage 1 was paused at step' in words(studio.notes)
        second.runner.run_button.click()
        await until(lambda: second.runner.last.step>=3)
        first.runner.run_button.click()                     # again from its beginning: what stage 2 knew is forgotten
        assert first.runner.state=='running' and second.runner.state=='paused'
        await until(lambda: first.runner.last is not None)
        assert second.runner.state=='ready' and not second.history
        studio.journey.button.click()
        await asyncio.wait_for(studio.journey.task, 120)
        assert {s.runner.state for s in studio.stages}=={'done'}
    asyncio.run(person())

def test_pictures_of_a_stage_that_has_passed_are_drawn_for_who_looks(truth):
    "Where the next one follows at once nobody waits for them; its tab, opened later, shows its end"
    drawn = []
    studio = studio_of(truth)
    studio.start.detect_button.click()
    for n,panel in enumerate(studio.stages):
        panel.every.value = 50
        panel.draw = lambda own=panel.draw, n=n, panel=panel: (drawn.append((n, panel.runner.last is not None)), own())
    studio.run_all()
    assert [n for n,ran in drawn if ran]==[2] and [p.stale for p in studio.stages]==[True, True, False]
    studio.tabs.selected_index = 2
    assert drawn[-1]==(1, True) and not studio.stages[1].stale and studio.stages[1].pictures.picture('Render')
    # by itself a stage shows its end at once
    alone = studio.stages[1]
    alone.runner.reset_button.click()
    drawn.clear()
    alone.runner.run_all()
    assert (1, True) in drawn and not alone.stale

def test_who_stays_at_a_stage_that_has_passed_sees_its_end(truth):
    studio = studio_of(truth)
    studio.start.detect_button.click()
    first,second = studio.stages[:2]
    drawn = []
    second.draw = lambda own=second.draw: (drawn.append(second.runner.state), own())
    first.runner.listeners.append(lambda before, runner: setattr(studio.tabs, 'selected_index', 2))   # by hand
    studio.run_all()
    assert studio.tabs.selected_index==2 and drawn[-1]=='done'

def test_a_look_at_a_tab_disturbs_nothing(truth):
    async def person():
        studio = studio_of(truth)
        studio.journey.button.click()
        await until(lambda: studio.stages and studio.stages[0].runner.state=='done')
        studio.tabs.selected_index = 0
        await asyncio.wait_for(studio.journey.task, 120)
        assert studio.journey.state=='done' and studio.tabs.selected_index==0
        return studio
    studio = asyncio.run(person())
    history = len(studio.stages[0].history)
    studio.tabs.selected_index = 1
    assert studio.stages[0].runner.state=='done' and len(studio.stages[0].history)==history>0

def test_a_reset_makes_what_came_after_it_untrue(truth):
    studio = studio_of(truth)
    studio.start.detect_button.click()
    for s in studio.stages[:2]: s.runner.run_all()
    before = {n:v.clone() for n,v in studio.stages[1].before.parameters().items()}
    studio.stages[0].runner.reset_button.click()
    assert [s.runner.state for s in studio.stages]==['ready']*3 and not len(studio.timeline) and not studio.stages[1].history
    assert not torch.equal(studio.face.frames[0].rotation, before['frames.0.rotation'])
    assert 'comes next' in words(studio.standing)

def test_a_failed_stage_is_told_by_the_line(truth):
    studio = studio_of(truth)
    studio.start.detect_button.click()
    whole = studio.stages[0].steps
    def broken():
        yield next(whole())
        raise LandmarkError('no points', 'Detect.')
    studio.stages[0].steps = broken
    studio.journey.run_all()
    assert studio.journey.state=='failed' and 'Stage 1 has failed' in words(studio.standing)
    with pytest.raises(LandmarkError): studio.run_all()

def test_the_head_stands_there_from_the_beginning_and_follows(truth):
    studio = studio_of(truth, photo=False)
    clay,first = studio.viewer.mode,studio.viewer.vertices
    assert clay=='clay' and len(first)==12*len(truth.pipeline.model.neutral)
    heads,maps = [],[]
    studio.EVERY = dict(head=0., maps=0.)
    studio.start.load(truth.photo())
    studio.viewer.observe(lambda change: heads.append(studio.viewer.mode), 'vertices')
    studio.viewer.observe(lambda change: maps.append(change['new']), 'diffuse')
    studio.run_all()
    assert len(heads)>5 and studio.viewer.mode=='skin' and len(maps)>=3
    texels = torch.frombuffer(bytearray(studio.viewer.vertices), dtype=torch.float32).reshape(-1, 3)
    rest = studio.face.frames[0].expression*0
    assert torch.allclose(texels, truth.pipeline.person(studio.face, rest), atol=1e-4)

def test_another_photo_begins_anew(truth, fitted):
    studio = studio_of(truth)
    studio.run_all()
    studio.start.load(truth.photo())
    assert studio.face is None and not len(studio.timeline) and 'The photo is here' in words(studio.standing)
    studio.tabs.selected_index = 3
    studio.stages[2].runner.run_button.click()
    assert 'no face yet' in studio.stages[2].runner.status.value
    assert studio.run_all() and studio.face.identity.diffuse is not None

# ---- the timeline

def faces(truth, count=None):
    "A studio after all stages, and the face at each of its moments"
    studio,there = studio_of(truth),[]
    studio.timeline.KEYS = 2
    studio.start.detect_button.click()
    add,end,begin = studio.timeline.add,studio.timeline.end,studio.timeline.begin
    def kept(do):
        def also(*args):
            do(*args)
            del there[len(studio.timeline)-1:]
            there.append({n:v.clone() for n,v in studio.face.parameters().items()})
        return also
    studio.timeline.add,studio.timeline.end,studio.timeline.begin = map(kept, (add, end, begin))
    studio.run_all()
    return studio,there

MAPPED = 'diffuse', 'specular', 'roughness'

def test_back_is_the_face_that_stood_there(truth):
    "Bit for bit at each step; the maps of stage 3 where they were kept"
    studio,there = faces(truth)
    assert len(there)==len(studio.timeline)>20
    for k,known in enumerate(there):
        found = studio.timeline.at(k, studio.face).parameters()
        names = [n for n in known if studio.timeline.key(k)==k or n not in MAPPED]
        assert {*names}<={*found} and [n for n in names if not torch.equal(found[n], known[n])]==[], k
    assert any(studio.timeline.key(k)!=k for k in range(len(there)))
    assert 'displacement' not in studio.timeline.at(1, studio.face).parameters()

def test_pictures_head_and_curves_follow_the_slider(truth):
    studio = studio_of(truth)
    studio.run_all()
    now = {n:v.clone() for n,v in studio.face.parameters().items()}
    k = next(k for k,m in enumerate(studio.timeline.moments) if m.stage=='photometric' and m.step==2)
    picture,head = studio.stages[1].still(),studio.viewer.vertices
    studio.tabs.selected_index = 3
    seen = []
    draw = studio.stages[1].draw
    studio.stages[1].draw = lambda: (seen.append((studio.stages[1].seen, len(studio.stages[1].curves.history))), draw())
    studio.bar.slider.value = k
    assert studio.tabs.selected_index==2 and studio.bar.back and 'Looking back at stage 2, step 2' in words(studio.standing)
    assert studio.viewer.vertices!=head and studio.stages[1].still()!=picture and seen[-1][1]==2
    assert seen[-1][0] is not studio.face and all(torch.equal(v, now[n]) for n,v in studio.face.parameters().items())
    studio.bar.now_button.click()
    assert studio.viewer.vertices==head and not studio.bar.back and 'All stages are done' in words(studio.standing)

def test_to_look_back_pauses_the_fit(truth):
    async def person():
        studio = studio_of(truth)
        studio.journey.button.click()
        await until(lambda: studio.stages and studio.stages[1].runner.last and studio.stages[1].runner.last.step>=3)
        studio.bar.slider.value = 2
        await asyncio.wait_for(studio.journey.task, 60)
        at = len(studio.timeline)
        assert studio.stages[1].runner.state=='paused' and studio.journey.state=='cancelled'
        await asyncio.sleep(.2)
        assert len(studio.timeline)==at and studio.bar.slider.value==2
        studio.stages[1].runner.run_button.click()             # to go on is to come back
        assert not studio.bar.back
        await asyncio.wait_for(studio.stages[1].runner.task, 60)
        assert studio.stages[1].runner.state=='done'
    asyncio.run(person())

def test_going_on_with_unchanged_settings_is_the_fit_itself(truth, fitted):
    ("The same bits as without a stop: what the solvers carry was kept. A step of stage 3 without is left for the key "
     "before it")
    same = lambda a,b: [n for n in {*a, *b} if n not in a or n not in b or not torch.equal(a[n], b[n])]
    ends = {n:v.clone() for n,v in fitted.face.parameters().items()}
    told = lambda: ([repr(m) for m in fitted.timeline.moments], [[p.step for p in s.history] for s in fitted.stages])
    before = told()
    for stage,step in (('texture', 3), ('texture', 0), ('photometric', 9), ('photometric', 4), ('landmarks', 2)):
        k = next(k for k,m in enumerate(fitted.timeline.moments) if m.stage==stage and m.step==step)
        fitted.bar.slider.value = k
        fitted.bar.on_button.click()                           # no event loop: to the end at once
        assert 'alert' not in fitted.notes.value and same(fitted.face.parameters(), ends)==[], (stage, step)
        assert told()==before, (stage, step)

def test_going_on_with_other_weights_drops_what_came_after(truth, fitted):
    async def person():
        studio = studio_of(truth)
        studio.run_all()
        k = next(k for k,m in enumerate(studio.timeline.moments) if m.stage=='photometric' and m.step==4)
        studio.bar.slider.value = k
        studio.stages[1].weights['albedo'].value = 1e3
        await studio.worker.settled()
        studio.bar.on_button.click()
        assert len(studio.timeline)==k+1 and [s.runner.state for s in studio.stages]==['done', 'paused', 'ready']
        assert studio.stages[1].runner.bar.value==4 and len(studio.stages[1].history)==4
        await asyncio.wait_for(studio.journey.task, 120)
        return studio
    studio = asyncio.run(person())
    assert {s.runner.state for s in studio.stages}=={'done'} and [p.step for p in studio.stages[1].history]==[
        p.step for p in fitted.stages[1].history]
    assert studio.face.identity.albedo.norm()<.5*fitted.face.identity.albedo.norm()

def test_the_timeline_is_saved_with_the_state(truth, fitted, tmp_path):
    fitted.target.value = str(tmp_path/'state.npz')
    fitted.save_button.click()
    other = studio_of(truth, photo=False)
    other.target.value = fitted.target.value
    other.open_button.click()
    assert 'opened' in other.notes.value and len(other.timeline)==len(fitted.timeline)
    assert [s.runner.state for s in other.stages]==['done']*3 and words(other.standing).startswith('All stages are done')
    k = next(k for k,m in enumerate(other.timeline.moments) if m.stage=='photometric' and m.step==4)
    a,b = (s.timeline.at(k, s.face).parameters() for s in (other, fitted))
    assert {*a}=={*b} and all(torch.equal(a[n], b[n]) for n in a)
    other.go_on(k)
    a,b = other.face.parameters(),fitted.face.parameters()
    assert [n for n in a if not torch.equal(a[n], b[n])]==[]

# ---- words, the photo

def test_each_tab_says_what_it_is_about(fitted, monkeypatch):
    "With a link to its notebook, once that stands somewhere: a link that leads nowhere is worse than none"
    from nextgenface_nb.widgets import words
    panels = fitted.start,*fitted.stages,fitted.play
    for panel,name in zip(panels, ('start', 'landmarks', 'photometric', 'texture', 'play')):
        assert panel.widget.children[0].value==words.about(name)
        monkeypatch.setattr(words, 'NOTEBOOKS', 'https://example.org/OWNER/nbs/')
        assert 'href' not in words.about(name)
        monkeypatch.setattr(words, 'NOTEBOOKS', 'https://example.org/somebody/nbs/')
        assert f'href="https://example.org/somebody/nbs/{words.ABOUT[name][2]}"' in words.about(name)
        monkeypatch.undo()

def test_a_warning_stands_where_it_arises_with_its_advice(truth):
    from dataclasses import replace
    photo = truth.photo()
    studio = FaceStudio(replace(photo, pixels=photo.pixels*.01), detector=Known(truth), pipeline=truth.pipeline)
    studio.start.detect_button.click()
    studio.stages[0].runner.run_all()
    assert 'very dark' in studio.stages[0].warned.value and 'more light' in studio.stages[0].warned.value
    studio.stages[1].runner.run_all()
    assert 'very dark' not in studio.stages[1].warned.value
    studio.start.detect_button.click()
    assert not studio.stages[0].warned.value

def test_the_photo_is_there_before_anything_is_found(truth):
    import io
    from PIL import Image
    start = StartDashboard(truth.pipeline, truth.photo(), Known(truth))
    assert Image.open(io.BytesIO(start.overview.picture)).size==(96, 96) and start.overview.extent==[96, 96]
    assert start.points.layout.display=='none' and not start.overview.boxes
    start.overview.crop = [.1, .05, .8]                       # as a drag does
    assert [s.value for s in start.crop.values()]==[.1, .05, .8] and start.cropped().width==77
    start.detect_button.click()
    start.crop['side'].value = .9
    assert start.overview.crop[2]==.9 and 'press Detect' in words(start.notes)

def test_of_several_faces_one_is_clicked(truth):
    "Boxes where the photo shows them; the one that is clicked is the one that is fitted"
    from dataclasses import replace
    from nextgenface_nb.landmarks.detection import face_row
    photo,asked = truth.photo(),[]
    class Two(Known):
        def detect(self, photo, face=None):
            asked.append(face)
            found = super().detect(photo)
            other = replace(found, points=found.points*.9)
            rows = [face_row(photo, p.points, k) for k,p in enumerate((found, other), 1)]
            return replace((found, other)[(face or 1)-1], faces=tuple(dict(r, chosen=r['number']==(face or 1)) for r in rows))
    studio = FaceStudio(photo, detector=Two(truth), pipeline=truth.pipeline)
    studio.start.detect_button.click()
    start = studio.start
    assert len(start.overview.boxes)==2 and start.overview.chosen==0 and asked[0] is None
    points,box = truth.landmarks().points,start.overview.boxes[0]
    assert torch.allclose(torch.tensor(box), torch.cat([points.amin(0), points.amax(0)]), atol=.1)
    first = studio.face
    start.overview.chosen = 1                                 # as a click does
    assert 2 in asked and studio.face is not first and start.overview.chosen==1
    start.overview.crop = [.1, .1, .8]
    assert not start.overview.boxes and start.number is None

# ---- kept

def test_kept_as_files_as_a_program_and_side_by_side(truth, fitted, tmp_path, monkeypatch):
    import io, json, zipfile
    monkeypatch.chdir(tmp_path)
    fitted.results_button.click()
    glb,archive = fitted.links
    assert glb.content[:4]==b'glTF' and glb.name=='face.glb' and (tmp_path/'results').is_dir()
    names = zipfile.ZipFile(io.BytesIO(archive.content)).namelist()
    assert any(n.endswith('.npz') for n in names) and all(n.startswith('results/') for n in names)
    fitted.stages[2].weights['diffuse_smoothness'].value = 3.
    try:
        fitted.program_button.click()
        assert 'written as' in fitted.notes.value, fitted.notes.value
        text = ''.join(''.join(c['source']) for c in json.loads(next((tmp_path/'studio').glob('*.ipynb')).read_text())['cells'])
        assert 'weight_diffuse_smoothness=3.0' in text and 'steps_texture=6' in text and 'model is one of its own' in text
        assert 'load_landmarks' in text and len(list((tmp_path/'studio').iterdir()))==3
        fitted.compare_button.click()
        fitted.stages[2].weights['diffuse_smoothness'].value = 4.
        fitted.compare_button.click()
    finally: fitted.stages[2].weights['diffuse_smoothness'].value = CONFIG.weight_diffuse_smoothness
    assert 'weight_diffuse_smoothness' in fitted.comparison.table.value and fitted.compared.selected_index==0
    assert [*fitted.comparison.kept]==['result 1', 'result 2']

def test_an_upload_keeps_its_lens_in_the_program(truth, tmp_path, monkeypatch):
    "The file as it was uploaded, from a photo or from the sheet: EXIF says the focal length, a PNG of the pixels would not"
    import io
    from PIL import Image
    from nextgenface_nb.imaging import load_photo
    monkeypatch.chdir(tmp_path)
    image,exif = Image.fromarray(truth.photo().to_bytes()),Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 85                      # FocalLengthIn35mmFilm
    data = io.BytesIO()
    image.save(data, 'JPEG', quality=95, exif=exif)
    studio = studio_of(truth, photo=False)
    uploading(studio, (dict(name='../me.jpg', content=memoryview(data.getvalue())),))
    studio.start.detect()
    studio.program_button.click()
    assert (tmp_path/'studio'/'me.jpg').read_bytes()==data.getvalue(), studio.notes.value
    assert load_photo(tmp_path/'studio'/'me.jpg').exif==studio.start.photo.exif and studio.start.photo.exif
    (tmp_path/'studio'/'me.jpg').unlink()
    studio.start.load(truth.photo())                       # another one: the bytes before are no bytes of it
    studio.start.detect()
    studio.program_button.click()
    assert {f.suffix for f in (tmp_path/'studio').iterdir()}=={'.ipynb', '.txt', '.png'}
    studio.folder.add([('me.jpg', data.getvalue())])
    studio.folder.runner.run_all()
    studio.folder.entries[0].button.click()
    studio.program_button.click()
    assert (tmp_path/'studio'/'me.jpg').read_bytes()==data.getvalue()

def test_a_program_has_the_points_where_it_might_find_others(truth):
    "What was moved by hand, a part of the photo, another of several faces"
    studio = studio_of(truth)
    studio.start.detect_button.click()
    studio.start.detector = None                              # as if the config's own had found them
    assert not studio._needs_points()
    studio.start.number = 2
    assert studio._needs_points()
    studio.start.number = None
    studio.start.crop['side'].value = .9
    assert studio._needs_points()
    studio.start.crop['side'].value = 1.
    assert not studio._needs_points()
    studio.start.editor.points = [[1., 2.], *studio.start.editor.points[1:]]
    assert studio._needs_points()

def test_nothing_is_kept_of_no_face(truth):
    studio = studio_of(truth)
    for button in (studio.results_button, studio.program_button, studio.compare_button):
        button.click()
        assert 'no face yet' in studio.notes.value
        studio.notes.value = ''

# ---- several photos

def photos_of(truth, *wrong):
    "Files of an upload, as ipywidgets 8 gives them; those that are wrong are letters"
    data = png(truth.photo().pixels)
    return tuple(dict(name=n, content=memoryview(b'Dear Sir' if n in wrong else data)) for n in ('a.png', 'b.png', 'c.png'))

def uploading(studio, files): # what a click does; the widget itself takes only what a page sends
    from types import SimpleNamespace
    studio.start.upload.unobserve_all()
    studio.start.upload = SimpleNamespace(value=files)
    studio.start.take_upload()

def test_a_wrong_file_among_several_loses_nothing(truth):
    "In the background: the kernel stays alive, cancel stops after a step, and it goes on to the end"
    async def person():
        studio = studio_of(truth, photo=False)
        sheet = studio.folder
        assert studio.start.upload.multiple and sheet.widget.layout.display=='none'
        uploading(studio, photos_of(truth, 'b.png'))
        assert [e.state for e in sheet.entries]==['waiting']*3 and sheet.widget.layout.display is None
        assert 'on the sheet' in studio.start.notes.value
        sheet.button.click()
        assert studio.standing.value.count('photos of the sheet are at work')
        while sheet.runner.last is None or 'photometric' not in sheet.runner.last.stage: await asyncio.sleep(.001)
        sheet.cancel_button.click()
        await asyncio.wait_for(sheet.runner.task, 60)
        assert [e.state for e in sheet.entries]==['at work', 'waiting', 'waiting'] and sheet.cancel_button.disabled
        sheet.button.click()
        await asyncio.wait_for(sheet.runner.task, 120)
        return studio
    studio = asyncio.run(person())
    first,wrong,last = studio.folder.entries
    assert [e.state for e in (first, wrong, last)]==['done', 'failed', 'done']
    assert 'not a picture' in words_of(wrong) and 'dB' in words_of(first) and first.shown.value.count('<img')==2
    assert '2 of 3 photos are done, 1 without a face' in studio.folder.words.value
    # one is opened; what is done with it there does not change what the sheet keeps
    last.button.click()
    assert studio.face.identity.diffuse is not None and 'c.png is opened' in studio.notes.value
    assert torch.equal(studio.face.identity.shape, last.result.face.identity.shape)
    studio.face.identity.shape += 1
    assert not torch.equal(studio.face.identity.shape, last.result.face.identity.shape)
    wrong.button.click()
    assert 'not a picture' in studio.notes.value and studio.face is not None

def words_of(entry): return words(entry.shown)

def test_one_person_is_one_face(truth, tmp_path):
    studio = studio_of(truth, photo=False)
    for n,f in enumerate(photos_of(truth, 'b.png')): (tmp_path/f['name']).write_bytes(f['content'])
    (tmp_path/'notes.txt').write_text('no photo')
    studio.start.path.value = str(tmp_path)
    studio.start.load_button.click()
    sheet = studio.folder
    assert [e.name for e in sheet.entries]==['a.png', 'b.png', 'c.png'] and '1 other' in sheet.notes.value
    sheet.one.value = True
    sheet.runner.run_all()
    a,b,c = sheet.entries
    assert [e.state for e in (a, b, c)]==['done', 'failed', 'done'], sheet.words.value
    assert a.result is c.result and len(a.result.face.frames)==2 and (a.frame, c.frame)==(0, 1)
    assert c.face().frames[0].photo.path.endswith('c.png') and a.face().frames[0].photo.path.endswith('a.png')
    sheet.clear_button.click()
    assert not sheet.entries and not sheet.sheet.children and sheet.widget.layout.display=='none'

def test_a_stage_and_the_sheet_are_never_at_work_at_once(truth):
    async def person():
        studio = await detected(truth)
        studio.folder.add([(f['name'], bytes(f['content'])) for f in photos_of(truth)])
        studio.stages[0].runner.run_button.click()
        studio.folder.button.click()
        assert studio.stages[0].runner.state=='paused' and 'was paused' in studio.notes.value
        await asyncio.sleep(.05)
        studio.stages[0].runner.run_button.click()
        assert studio.folder.runner.state=='paused' and studio.stages[0].runner.state=='running'
        studio.stages[0].runner.pause_button.click()
        # taken off the sheet while it was at work: the photo waits no longer, and nothing goes on
        studio.folder.button.click()
        await asyncio.sleep(.05)
        studio.folder.clear_button.click()
        await until(lambda: not studio.folder.entries)
        assert studio.folder.runner.state=='ready' and studio.folder.runner.task.done()
    asyncio.run(person())

def test_several_are_dropped(truth):
    studio = studio_of(truth, photo=False)
    files = photos_of(truth)
    studio.start.capture._handle_custom_msg(dict(kind='photos', names=[f['name'] for f in files]),
        [f['content'] for f in files])
    assert [e.name for e in studio.folder.entries]==['a.png', 'b.png', 'c.png']
    alone = StartDashboard(truth.pipeline, None, Known(truth))   # without a sheet the last one counts
    assert not alone.upload.multiple
    alone.capture._handle_custom_msg(dict(kind='photos', names=['a.png', 'c.png']), [files[0]['content']]*2)
    assert alone.photo.path=='c.png'
