"The way of a photo: few calls from the command to the reader, every face detected once, and nothing on the pipeline"
import ast, shutil, sys, traceback
from pathlib import Path
import pytest
import nextgenface_nb
from nextgenface_nb import cli, imaging
from nextgenface_nb.config import Config
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
        if 'photos' in str(source): found.append([f.name for f in frames])
        return taken(source, name)
    monkeypatch.setattr(imaging, '_taken', read)
    return found

def calls(way):
    "From `main` to `load_photo`"
    assert way[-1]=='load_photo'
    return len(way)-1-way.index('main')

@pytest.fixture
def toy(tmp_path, monkeypatch):
    "Two photos of a generated head, its model and its points, in the working directory"
    shutil.copytree(Path(__file__).resolve().parent/'old_results'/'toy', tmp_path/'toy')
    monkeypatch.chdir(tmp_path/'toy')
    shutil.copy('photos/face.png', 'photos/again.png')

@pytest.mark.parametrize('flags, photos', [
    (['--input', 'photos/face.png'], 1), (['--input', 'photos'], 2), (['--input', 'photos', '--sharedIdentity'], 2),
    (['--input', 'photos/face.png', '--face', 'all'], 2)], ids=['one', 'folder', 'shared', 'faces'])
def test_a_photo_is_read_within_six_calls(ways, toy, flags, photos):
    assert cli.main([*flags, '--config', 'toy.ini', *NONE, '--output', 'new', '--quiet'])==0
    assert len(ways)==photos, ways
    for way in ways: assert calls(way)<=6, way

def test_photos_of_one_person_are_looked_at_once_and_what_was_said_of_them_is_kept(tmp_path, monkeypatch):
    from nextgenface_nb import reconstruction
    from nextgenface_nb.files import read_report
    from nextgenface_nb.landmarks.detection import Detector
    asked,detect,make = [],Detector.detect,reconstruction.make_frame
    def count(self, photo, *rest, **more):
        asked.append(Path(photo.path).name)
        return detect(self, photo, *rest, **more)
    def noted(photo, *rest, **more):
        reconstruction.note(f'{Path(photo.path).name} is special')
        return make(photo, *rest, **more)
    monkeypatch.setattr(Detector, 'detect', count)
    monkeypatch.setattr(reconstruction, 'make_frame', noted)
    (tmp_path/'people').mkdir()
    for name in 'ab': shutil.copy(portrait_path(), tmp_path/'people'/f'{name}.jpg')
    flags = ['--input', str(tmp_path/'people'), '--sharedIdentity', '--quiet', '--output', str(tmp_path/'out')]
    assert cli.main([*flags, *QUICK, *NONE])==0
    report = read_report(tmp_path/'out'/'people'/'report.json')
    assert asked==['a.jpg', 'b.jpg']
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
AT_THE_DOOR = {'read_request', 'read_export_request', 'read_replay_request', 'read_studio_request', 'read_paths'}

def test_what_a_parser_returns_stops_at_the_door():
    "No function takes it under its usual name, but the one that makes a request of it"
    found = {node.name for path in PACKAGE.rglob('*.py') for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        if isinstance(node, ast.FunctionDef) and 'args' in [a.arg for a in (*node.args.args, *node.args.kwonlyargs)]}
    assert found==AT_THE_DOOR
