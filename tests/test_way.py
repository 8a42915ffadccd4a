"The way of a photo: few calls from the command to the reader, every face detected once, and nothing on the pipeline"
import ast, sys, traceback
from pathlib import Path
import pytest
import nextgenface_nb
from nextgenface_nb import cli, imaging
from nextgenface_nb.config import Config
from nextgenface_nb.errors import PhotoError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import portrait_path
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.output.debug import DebugFiles
from nextgenface_nb.reconstruction import exhaust, reconstruct_steps
from nextgenface_nb.evaluation.synthetic import synthetic_face

PACKAGE = Path(nextgenface_nb.__file__).parent
QUICK = [x for k,v in dict(renderer='vertex', max_resolution=64, texture_resolution=64, bands=3, environment_height=16,
    samples_final=1, save_exr=False).items() for x in ('--set', f'{k}={v}')]
NONE = '--skipStage1','--skipStage2','--skipStage3'

@pytest.fixture
def ways(monkeypatch):
    ("Of each photo of the user's that is read, the functions of the package on the stack: wrappers and generators are "
     "some too. (A detector tries itself on the bundled portrait.)")
    found,taken = [],imaging._taken
    def read(source, name):
        frames = [f for f in traceback.extract_stack(sys._getframe(1)) if PACKAGE in Path(f.filename).parents]
        if 'people' in str(source): found.append([f.name for f in frames])
        return taken(source, name)
    monkeypatch.setattr(imaging, '_taken', read)
    return found

def calls(way):
    "From `main` to `load_photo`"
    assert way[-1]=='load_photo'
    return len(way)-1-way.index('main')

@pytest.fixture
def people(tmp_path):
    (tmp_path/'people').mkdir()
    for name in 'ab': (tmp_path/'people'/f'{name}.jpg').symlink_to(portrait_path())
    return tmp_path/'people'

@pytest.mark.parametrize('flags, photos', [
    (['--input', 'people/a.jpg'], 1), (['--input', 'people'], 2), (['--input', 'people', '--sharedIdentity'], 2),
    (['--input', 'people/a.jpg', '--face', 'all'], 2)], ids=['one', 'folder', 'shared', 'faces'])
def test_a_photo_is_read_within_six_calls(ways, people, monkeypatch, flags, photos):
    monkeypatch.chdir(people.parent)
    assert cli.main([*flags, *QUICK, *NONE, '--output', 'out', '--quiet'])==0
    assert len(ways)==photos, ways
    for way in ways: assert calls(way)<=6, way

@pytest.fixture
def detected(monkeypatch):
    "How often a detector was asked for the face of a photo"
    from nextgenface_nb.landmarks.detection import Detector
    asked,detect = [],Detector.detect
    def count(self, photo, *rest, **more):
        asked.append(photo.path)
        return detect(self, photo, *rest, **more)
    monkeypatch.setattr(Detector, 'detect', count)
    return asked

def test_faces_of_one_person_are_detected_once(detected, people, tmp_path):
    flags = ['--input', str(people), '--sharedIdentity', '--quiet', '--output', str(tmp_path/'out')]
    assert cli.main([*flags, *QUICK, *NONE])==0
    assert sorted(Path(p).name for p in detected)==['a.jpg', 'b.jpg']

def test_what_was_said_of_photos_of_one_person_is_in_the_report(people, tmp_path, monkeypatch):
    from nextgenface_nb import reconstruction
    from nextgenface_nb.files import read_report
    make = reconstruction.make_frame
    def noted(photo, *rest, **more):
        reconstruction.note(f'{Path(photo.path).name} is special')
        return make(photo, *rest, **more)
    monkeypatch.setattr(reconstruction, 'make_frame', noted)
    flags = ['--input', str(people), '--sharedIdentity', '--quiet', '--output', str(tmp_path/'out')]
    assert cli.main([*flags, *QUICK, *NONE])==0
    report = read_report(tmp_path/'out'/'people'/'report.json')
    assert [w for w in report['warnings'] if 'special' in w]==['a.jpg is special', 'b.jpg is special']
    assert report['seconds']['detection']>0

def test_nothing_is_hung_on_a_pipeline(tmp_path):
    "A fit that is watched and whose pictures are drawn with a bar leaves it as it was, but for what is made once"
    pipeline = Pipeline(toy_model(29, 21), Config(
        device='cpu', renderer='vertex', texture_resolution=64, max_resolution=64, bands=3, environment_height=16))
    truth = synthetic_face(pipeline, seed=3, size=64, samples=1)
    before = {k:v for k,v in vars(pipeline).items() if not k.startswith('_')}
    seen = []
    watch = DebugFiles(tmp_path, pipeline, 100)
    result = exhaust(reconstruct_steps(
        truth.photo(), pipeline.config, stages=['landmarks'], landmarks=truth.landmarks(), pipeline=pipeline,
        watch=watch))
    result.save(tmp_path/'out', rays=lambda done,total: seen.append(total))
    after = {k:v for k,v in vars(pipeline).items() if not k.startswith('_')}
    assert set(before)==set(after)=={'config', 'model', 'model_place'}
    assert all(before[k] is after[k] for k in before)
    assert seen and (tmp_path/'loss_step1.txt').exists()

#: The one function beside each parser, and what all commands share
AT_THE_DOOR = {'read_request', 'read_export_request', 'read_replay_request', 'read_paths'}

def test_what_a_parser_returns_stops_at_the_door():
    "No function takes it under its usual name, but the one that makes a request of it"
    found = {node.name for path in PACKAGE.rglob('*.py') for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        if isinstance(node, ast.FunctionDef) and 'args' in [a.arg for a in (*node.args.args, *node.args.kwonlyargs)]}
    assert found==AT_THE_DOOR
