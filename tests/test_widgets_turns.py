"What is pressed while something else is at work: nothing is lost, nothing is silent, nothing meets a step under way"
import asyncio, threading
from dataclasses import replace
import pytest, torch
pytest.importorskip('anywidget')
from nextgenface_nb.errors import LandmarkError, PhotoError
from nextgenface_nb.optim.stages import Progress
from nextgenface_nb.widgets.dashboards import LandmarkDashboard, TextureDashboard
from nextgenface_nb.widgets.folder import PhotoFolder
from nextgenface_nb.widgets.runner import Runner
from test_widgets import Known, detected, studio_of, truth, until, words   # noqa: F401, a fixture among them

class Slow(Known):
    "A detector that waits until it may go on"
    def __init__(self, truth):
        super().__init__(truth)
        self.at_it,self.may = threading.Event(),threading.Event()
    def detect(self, photo):
        self.at_it.set()
        assert self.may.wait(60)
        return super().detect(photo)

def slow_studio(truth):
    studio = studio_of(truth)
    studio.start.detector = Slow(truth)
    return studio,studio.start.detector

def held(worker): # -> what lets it go
    "The thread is at something until somebody says so"
    may = threading.Event()
    worker.submit(may.wait, 60)
    return may.set

def broken(*_, **__): raise PhotoError('the photo is black', 'Switch on the light.')

def test_something_else_pressed_during_detection_is_no_end_of_reconstruct(truth):
    async def person():
        studio,detector = slow_studio(truth)
        studio.journey.button.click()
        await until(detector.at_it.is_set)
        studio.worker.run(lambda: None)                    # such as a tab that is drawn
        studio.worker.then(lambda: None)
        detector.may.set()
        await asyncio.wait_for(studio.journey.task, 120)
        assert studio.journey.state=='done' and [s.runner.state for s in studio.stages]==['done']*3
    asyncio.run(person())

def test_another_photo_during_detection_ends_reconstruct(truth):
    "Not one stage of the face before begins; the line and the tab are of the new photo"
    async def person():
        studio,detector = slow_studio(truth)
        studio.journey.button.click()
        await until(detector.at_it.is_set)
        studio.start.load(replace(truth.photo()))
        detector.may.set()
        await asyncio.wait_for(studio.journey.task, 60)
        assert studio.journey.state=='cancelled' and studio.face is None and not studio.journey.button.disabled
        assert all(s.runner.state=='ready' for s in studio.stages) and not studio.notes.value and not studio.tabs.selected_index
    asyncio.run(person())

def test_a_tab_that_is_not_there_is_not_opened(truth):
    studio = studio_of(truth)
    studio._follow(0)
    assert len(studio.tabs.children)==1 and not studio.tabs.selected_index

def test_points_of_a_photo_that_is_gone_make_no_face(truth):
    "Another photo is loaded between a drag and its turn"
    async def person():
        studio = await detected(truth)
        go = held(studio.worker)
        studio.start._edited()
        studio.start.load(replace(truth.photo()))
        go()
        await studio.worker.settled()
        assert studio.face is None and 'alert' not in studio.start.notes.value+studio.notes.value
    asyncio.run(person())

PRESSED = dict(
    set_face=lambda studio: studio.set_face(studio.face), _play=lambda studio: studio.enter(4),
    _without_face=lambda studio: studio.start.load(studio.start.photo), _go_on=lambda studio: studio.go_on(0),
    _put_back=lambda studio: studio._opened(('name', studio.face, {})),
    _take_entry=lambda studio: studio.take_entry(Opened()))

class Opened:
    "An entry of the sheet with a result"
    result = name = 'result'

@pytest.mark.parametrize('name', PRESSED)
def test_an_error_of_what_had_to_wait_is_read(truth, monkeypatch, name):
    async def person():
        studio = await detected(truth)
        studio.stages[0].runner.step_button.click()
        await asyncio.wait_for(studio.stages[0].runner.task, 60)
        monkeypatch.setattr(type(studio), '_set_face' if name=='set_face' else name, broken)
        go = held(studio.worker)
        PRESSED[name](studio)
        assert 'alert' not in studio.notes.value
        go()
        await studio.worker.settled()
        assert 'the photo is black' in words(studio.notes) and 'Switch on the light.' in words(studio.notes)
    asyncio.run(person())

def test_an_error_of_a_corrected_point_is_read_whether_it_waits_or_not(truth):
    async def person():
        studio = await detected(truth)
        studio.start.on_face = broken
        for wait in True,False:
            studio.start.notes.value = ''
            go = held(studio.worker) if wait else lambda: None
            studio.start.editor.weights = [w+1 for w in studio.start.editor.weights]
            go()
            await studio.worker.settled()
            assert 'the photo is black' in words(studio.start.notes), wait
    asyncio.run(person())

def test_an_error_of_a_slider_that_had_to_wait_is_read(truth):
    async def person():
        panel = LandmarkDashboard(truth.pipeline, truth.face.copy())
        panel.runner.close = broken
        go = held(panel.worker)
        panel.pose['yaw'].value += 3
        go()
        await panel.worker.settled()
        assert 'the photo is black' in words(panel.notes)
    asyncio.run(person())

@pytest.mark.parametrize('wait', [True, False])
def test_an_error_of_clear_and_of_reset_is_read(truth, wait):
    async def person():
        folder = PhotoFolder(truth.pipeline)
        folder.runner.forget = broken
        runner = Runner(lambda: iter(()), lambda p, last: None, broken)
        go = [held(folder.runner.worker), held(runner.worker)] if wait else []
        folder.clear_button.click()
        runner.reset_button.click()
        for let in go: let()
        await folder.runner.worker.settled()
        await runner.worker.settled()
        assert 'the photo is black' in words(folder.notes)
        assert runner.state=='failed' and 'the photo is black' in words(runner.status)
    asyncio.run(person())

def test_what_had_to_wait_finds_the_settings_of_the_library(truth):
    "As what is done at once does"
    async def person():
        studio = await detected(truth)
        found = []
        go = held(studio.worker)
        studio.worker.then(lambda: found.append(torch.get_default_dtype()))
        torch.set_default_dtype(torch.float64)
        try:
            go()
            await until(lambda: found)
        finally: torch.set_default_dtype(torch.float32)
        assert found==[torch.float32]
    asyncio.run(person())

def test_going_on_from_a_step_that_is_gone_says_so(truth):
    async def person():
        studio = await detected(truth)
        studio.stages[0].runner.step_button.click()
        await asyncio.wait_for(studio.stages[0].runner.task, 60)
        go = held(studio.worker)
        studio.set_face(face := truth.face.copy())
        studio.go_on(1)
        go()
        await studio.worker.settled()
        assert studio.face is face and 'is gone' in words(studio.notes) and studio.journey.state=='ready'
    asyncio.run(person())

def test_saving_no_face_says_so(truth, tmp_path):
    studio = studio_of(truth)
    studio.target.value = str(tmp_path/'face.npz')
    with pytest.raises(LandmarkError, match='no face yet'): studio.save()
    studio.save_button.click()
    assert 'there is no face yet' in words(studio.notes) and 'Detect' in words(studio.notes) and not [*tmp_path.iterdir()]

@pytest.mark.parametrize('kind', [LandmarkDashboard, TextureDashboard])
def test_another_face_is_copied_when_no_step_is_under_way(truth, kind):
    "`set_face` with the face that a step is changing: what Reset goes back to is the face as the step has left it"
    panel = kind(truth.pipeline, face := truth.face.copy())
    may,at_it = threading.Event(),threading.Event()
    def changing():
        before = float(face.identity.shape[0])
        for half in 1.,2.:
            face.identity.shape = face.identity.shape.clone()
            face.identity.shape[0] = before+half
            at_it.set()
            assert may.wait(60)
        yield Progress('changing', 1, 2, {}, 0.)
        yield Progress('changing', 2, 2, {}, 0.)
    panel.runner.start = changing
    before = float(face.identity.shape[0])
    async def person():
        panel.runner.run_button.click()
        await until(at_it.is_set)
        threading.Timer(.2, may.set).start()
        panel.set_face(face)
        assert float(panel.before.identity.shape[0])==before+2 and panel.runner.state=='ready'
        await asyncio.wait_for(panel.runner.task, 60)
    asyncio.run(person())
