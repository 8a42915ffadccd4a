("data/: each file is the one that its README tells of, the library finds it in a checkout and installed, and models "
 "that a user has fetched by their names")
import re, shutil, subprocess, sys
from configparser import ConfigParser
from pathlib import Path
import pytest
from nextgenface_nb import batch, places
from nextgenface_nb.landmarks import detection as landmarks
from nextgenface_nb.config import Config
from nextgenface_nb.errors import LandmarkError, ModelError
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.landmarks.detection import find_model
from nextgenface_nb.reconstruction import detector_place
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.places import data_folder

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT/'data'
sys.path.insert(0, str(ROOT/'tools'))
import checksums
settings = ConfigParser(delimiters=['='])
settings.read(ROOT/'settings.ini', encoding='utf-8')
settings = settings['DEFAULT']
WHEEL = settings['data_in_wheel'].split()
LISTED = checksums.listed((DATA/'README.md').read_text(encoding='utf-8'))

# ---- README, files, NOTICE

def test_each_file_is_the_one_that_the_readme_tells_of():
    assert {file:digest
        for file,(digest,
        _) in LISTED.items()}==checksums.there(), 'made anew on purpose? make checksums; new? a line in data/README.md'

@pytest.mark.parametrize('file', LISTED)
def test_the_readme_tells_what_from_where_under_which_licence_and_how(file):
    what,origin,licence,maker = LISTED[file][1]
    assert all((what, origin, maker)) and licence in ('Apache-2.0', 'CC0-1.0', 'public domain')
    commands = {line.partition('=')[0] for line in settings['console_scripts'].split()}
    named = [word for text in re.findall('`([^`]+)`', maker) for word in text.split()]
    makers = [word for word in named if word in commands or re.fullmatch(r'(nbs|tools|tests)/\S+', word)]
    assert makers, f'{maker}: no notebook, tool or command of ours'
    assert all(word in commands or (ROOT/word).is_file() for word in makers)

def test_what_the_wheel_carries_is_what_the_readme_says():
    page = (DATA/'README.md').read_text(encoding='utf-8')
    carried = checksums.listed(page[page.index('(in the wheel)'):page.index('(not in the wheel)')])
    assert sorted(WHEEL)==sorted(f'data/{file}' for file in carried)

def test_notice_names_every_file():
    notice = (ROOT/'NOTICE').read_text(encoding='utf-8')
    for file in LISTED:
        assert re.search(rf'(?<![\w/])data/({re.escape(file)}|{re.escape(Path(file).parts[0])}/(?!\w))',
            notice), f'{file}: whose is it, and under which licence?'
    for name in re.findall(r'(?<![\w/])data/[\w./]*\w', notice):
        assert (ROOT/name).exists(), f'{name} is named and not there'

def git(*arguments):
    if not (ROOT/'.git').exists() or not shutil.which('git'): pytest.skip('no git here')
    return subprocess.run(['git', *arguments], cwd=ROOT, capture_output=True, text=True)

def test_git_keeps_each_file_once_as_it_is_and_no_model_of_a_user():
    # file -> hash of its content
    kept = dict(reversed(line.split(maxsplit=3)[1::2]) for line in git('ls-files', '-s').stdout.splitlines())
    for file in LISTED: assert list(kept.values()).count(kept[f'data/{file}'])==1, f'{file} is kept twice'
    for place in ('models/head.h5', 'baselMorphableModel/model2017-1_face12_nomouth.h5'):
        assert git('check-ignore', f'data/{place}').returncode==0
    for file in LISTED:
        assert git('check-attr', 'text', f'data/{file}').stdout.strip().endswith(
            'text: unset'), f'{file}: Windows would change the ends of its lines'
        assert git('check-ignore', '--no-index', f'data/{file}').returncode==1

def test_checksums_are_written(tmp_path, monkeypatch, capsys):
    (tmp_path/'models').mkdir()
    (tmp_path/'models'/'mine.h5').touch()
    (tmp_path/'a.bin').write_bytes(b'abc')
    (tmp_path/'README.md').write_bytes(b'# Data\n\n| `a.bin` | a | b | c | `d` | `` |\n')
    monkeypatch.setattr(checksums, 'DATA', tmp_path)
    checksums.main()
    digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'   # FIPS 180-2
    assert (tmp_path/'README.md').read_bytes()==f'# Data\n\n| `a.bin` | a | b | c | `d` | `{digest}` |\n'.encode() and digest in capsys.readouterr().out
    (tmp_path/'b.bin').touch()
    with pytest.raises(SystemExit, match='b.bin'): checksums.main()

# ---- where it lies

def test_a_checkout_has_its_data_at_the_top_and_none_beside_the_modules():
    assert data_folder()==ROOT/'data'
    assert not (ROOT/'nextgenface_nb'/'data').exists(), 'left over from before: what is in it hides data/'

# ---- models of a user

@pytest.fixture
def own(tmp_path, monkeypatch):
    "A checkout in which somebody has put models; another working directory"
    data = tmp_path/'checkout'/'data'
    for folder in places.MODEL_FOLDERS: (data/folder).mkdir(parents=True)
    toy_model(29, 21, shape=7).save(data/'models'/'head.h5')
    (data/'models'/'face_landmarker.task').write_bytes(b'points')
    monkeypatch.setattr(places, 'data_folder', lambda package='': data)
    for name in ('XDG_CACHE_HOME', 'LOCALAPPDATA', 'HOME'): monkeypatch.setenv(name, str(tmp_path/'home'))
    monkeypatch.delenv(landmarks.MODEL_VARIABLE, raising=False)
    (tmp_path/'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path/'elsewhere')
    return data

@pytest.mark.parametrize('name', ['head.h5', 'models/head.h5', 'data/models/head.h5'])
def test_a_model_is_found_by_its_name_and_the_report_says_where(own, name):
    assert load_model(name).fingerprint==toy_model(29, 21,
        shape=7).fingerprint==batch.origin(Config(model=name))['model']
    assert Pipeline(None, Config(model=name)).model_place=='data/models/head.h5'

def test_without_a_setting_it_is_the_model_of_the_package(own):
    toy_model(29, 21, shape=7).save(own/'baselMorphableModel'/'model2017-1_face12_nomouth.h5')
    assert load_model().fingerprint==load_model(DATA/'face_model.h5').fingerprint==batch.origin(Config())['model']

def test_a_path_as_it_is_given_goes_first(own, tmp_path):
    toy_model(29, 21, shape=3).save(tmp_path/'elsewhere'/'head.h5')
    assert len(load_model('head.h5').shape_variance)==3
    assert Pipeline(None, Config(model='head.h5')).model_place=='head.h5'

def test_a_model_that_is_nowhere(own):
    with pytest.raises(ModelError, match='nobody.h5') as caught: load_model('nobody.h5')
    assert 'data/baselMorphableModel' in caught.value.advice and 'data/models' in caught.value.advice

def test_the_folder_of_the_references_is_found_from_an_old_file(own, tmp_path):
    (old := tmp_path/'old.ini').write_text('path = "data/baselMorphableModel"\n')
    found = Config.load(old)
    assert found.model=='data/baselMorphableModel' and not any('path' in note for note in found.notes)
    (own/'baselMorphableModel').rmdir()
    assert Config.load(old).model=='' and any('baselMorphableModel' in note for note in Config.load(old).notes)

def test_the_landmark_model_is_found_without_a_setting(own, monkeypatch, tmp_path):
    assert find_model()==find_model('face_landmarker.task')==own/'models'/'face_landmarker.task'
    (other := tmp_path/'other.task').touch()
    assert find_model(other)==other
    monkeypatch.setenv(landmarks.MODEL_VARIABLE, str(other))
    assert find_model()==other
    with pytest.raises(LandmarkError, match='no such model'): find_model('nowhere.task')

def test_the_report_says_where_the_landmark_model_was(own, monkeypatch, tmp_path):
    class Tasks: model_file = own/'models'/'face_landmarker.task'
    for file,said in ((Tasks.model_file, 'data/models/face_landmarker.task'),
        (tmp_path/'home'/'ann'/'x.task', 'x.task'), (None, None)):
        Tasks.model_file = file
        monkeypatch.setattr('nextgenface_nb.pipeline.make_detector', lambda *a, **o: Tasks())
        assert detector_place(Pipeline(toy_model(), Config()).detector)==said
