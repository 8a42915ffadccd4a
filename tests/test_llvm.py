"Whether a libLLVM works is found out once, and not in every run"
import json, os, subprocess, sys
from pathlib import Path
import pytest
from nextgenface_nb.errors import ConfigError
from nextgenface_nb.rendering import variant

RUN = '''
import sys
from pathlib import Path
from nextgenface_nb.rendering import variant
library,home,answer = sys.argv[1:]
variant.cache_folder = lambda: Path(home)
def trial(path):
    print('tried', end=' ')
    return answer=='passes'
print(variant.remembered(trial)(library))
'''

@pytest.fixture
def run(tmp_path):
    "A trial in a process of its own, by a stand-in that says when it is called"
    library = tmp_path/'libLLVM.so.99'
    library.write_text('one')
    root = str(Path(__file__).resolve().parent.parent)
    def run(answer='passes', **environment):
        paths = os.pathsep.join([root, os.environ.get('PYTHONPATH', '')])
        command = [sys.executable, '-c', RUN, str(library), str(tmp_path/'cache'), answer]
        done = subprocess.run(command, capture_output=True, text=True,
            env=dict(os.environ, PYTHONPATH=paths, **environment))
        assert done.returncode==0, done.stderr
        return done.stdout.strip()
    run.library,run.kept = library,tmp_path/'cache'/'llvm.json'
    return run

def test_a_trial_that_has_passed_is_not_repeated_by_the_next_run(run):
    assert [run(), run(), run()]==['tried True', 'True', 'True']
    assert [p.name for p in run.kept.parent.iterdir()]==['llvm.json']
    run.library.write_text('two')                                    # of the same size
    os.utime(run.library, (1, 1))
    assert [run(), run()]==['tried True', 'True']
    run.library.write_text('another size')
    os.utime(run.library, (1, 1))
    assert [run(), run()]==['tried True', 'True'] and len(json.loads(run.kept.read_text()))==1

def test_a_trial_that_has_failed_is_repeated(run):
    assert [run('fails'), run('fails')]==['tried False']*2 and not run.kept.exists()
    assert [run(), run('fails')]==['tried True', 'True']

def test_it_can_be_switched_off(run):
    assert [run(NEXTGENFACE_TRIALS='off'), run(NEXTGENFACE_TRIALS='off')]==['tried True']*2 and not run.kept.exists()
    assert [run(), run(NEXTGENFACE_TRIALS='off'), run()]==['tried True', 'tried True', 'True']

# ---- within this process

@pytest.fixture
def counted(tmp_path, monkeypatch):
    "Called as by a new run: how often the stand-in has been called so far"
    library,calls = tmp_path/'libLLVM.so.99',[]
    library.touch()
    monkeypatch.setattr(variant, 'cache_folder', lambda: tmp_path/'cache')
    monkeypatch.setattr(variant, 'trials', {})
    def again():
        variant.trials.clear()
        assert variant.remembered(lambda path: calls.append(path) or True)(str(library)) is True
        return len(calls)
    again.kept = tmp_path/'cache'/'llvm.json'
    return again

@pytest.mark.parametrize('place', range(3))
def test_other_versions_are_tried_anew(counted, monkeypatch, place):
    own = variant._versions()
    assert all(own) and counted()==1
    monkeypatch.setattr(variant, '_versions', lambda: [v+'.1' if i==place else v for i,v in enumerate(own)])
    assert [counted(), counted()]==[2, 2]
    monkeypatch.setattr(variant, '_versions', lambda: own)
    assert counted()==3                                              # one row a library

DAMAGED = [b'', b'[[1, 2', b'{}', b'3', b'[3, null, {}, [], "a"]', b'['*200_000, b'\xff\xfe', b'\0'*50,
    b'['+b'[1],'*1_000_000+b'[1]]', b"__import__('os').mkdir('was_here')", b'cposix\nsystem\n']

@pytest.mark.parametrize('content', DAMAGED, ids=range(len(DAMAGED)))
def test_what_is_damaged_counts_as_nothing(counted, content, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    counted.kept.parent.mkdir()
    counted.kept.write_bytes(content)
    assert [counted(), counted()]==[1, 1] and not (tmp_path/'was_here').exists()   # written anew
    rows = json.loads(counted.kept.read_text())
    assert rows[-1][0].endswith('libLLVM.so.99') and all(isinstance(row, list) for row in rows)

@pytest.mark.parametrize('what', ['folder', 'pipe', 'file in the way', 'no home'])
def test_where_nothing_can_be_kept_it_works_as_well(counted, what, monkeypatch):
    def homeless(): raise ConfigError('this user has no home folder')
    if what=='folder': counted.kept.mkdir(parents=True)
    if what=='pipe':
        if not hasattr(os, 'mkfifo'): pytest.skip('there are none here')
        counted.kept.parent.mkdir()
        os.mkfifo(counted.kept)
    if what=='file in the way': counted.kept.parent.touch()
    if what=='no home': monkeypatch.setattr(variant, 'cache_folder', homeless)
    assert [counted(), counted()]==[1, 2]

def test_old_libraries_are_forgotten(counted):
    counted.kept.parent.mkdir()
    counted.kept.write_text(json.dumps([[f'/lib/{i}', 1, 2, 'a', 'b', 'c'] for i in range(1000)]))
    counted()
    assert len(json.loads(counted.kept.read_text()))==variant.MOST_KEPT

def test_a_library_that_hangs_when_it_is_asked(tmp_path, monkeypatch):
    "It does not say its version; nothing waits for ever"
    own = subprocess.run
    monkeypatch.setattr(variant, '_ask', 'import time; time.sleep(600)')
    monkeypatch.setattr(variant.subprocess, 'run', lambda *a, timeout, **k: own(*a, timeout=2, **k))
    assert variant.version_from_library(str(tmp_path/'libLLVM.so'))is None
