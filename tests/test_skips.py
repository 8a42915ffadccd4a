("Where NEXTGENFACE_REQUIRE is set nothing is skipped without an excuse: a browser that is missing turns the tests red "
 "instead of quiet.")
import os, re, shutil, subprocess, sys
from pathlib import Path
import pytest
from skips import may_be_skipped, needed

HERE = Path(__file__).resolve().parent
TESTS = '''
import pytest
def test_runs(): pass
def test_browser(): pytest.skip('no Chromium here')
@pytest.mark.skipif(True, reason='gltf-validator is not installed')
def test_validator(): pass
@pytest.fixture
def node(): pytest.skip('node is not installed')
def test_node(node): pass
def test_card(): pytest.skip('no NVIDIA card here')
@pytest.mark.xfail
def test_fails(): assert False
'''

@pytest.mark.parametrize('required', [False, True])
def test_a_skip_without_an_excuse_is_a_failure(tmp_path, required):
    for name in ('conftest.py', 'skips.py'): shutil.copy(HERE/name, tmp_path)
    shutil.copytree(HERE.parent/'tools', tmp_path.parent/'tools',
        ignore=shutil.ignore_patterns('node_modules', 'site*'), dirs_exist_ok=True)
    (tmp_path/'test_some.py').write_text(TESTS)
    (tmp_path/'test_whole.py').write_text(
        "import pytest; pytest.importorskip('no_such_package_here')\ndef test_it(): pass\n")
    environment = ({k:v for k,v in os.environ.items() if k!='NEXTGENFACE_REQUIRE'}
        |(dict(NEXTGENFACE_REQUIRE='1') if required else {}))
    done = subprocess.run([sys.executable, '-m', 'pytest', '-q', '-rA', '-p', 'no:cacheprovider',
        '--continue-on-collection-errors', str(tmp_path)],
        cwd=tmp_path, env=environment, capture_output=True, text=True)
    count = {word.rstrip('s'):int(n) for n,word in re.findall(r'(\d+) (passed|failed|skipped|errors?|xfailed)',
        done.stdout.splitlines()[-1])}
    if required:
        assert count==dict(passed=1, failed=1, skipped=1, xfailed=1, error=3) or count==dict(passed=1, failed=3,
            skipped=1, xfailed=1, error=1), done.stdout
        assert done.returncode==1 and all(f'test_{name}' in done.stdout
            for name in ('browser', 'validator', 'node', 'whole'))
    else: assert count==dict(passed=1, skipped=5, xfailed=1) and done.returncode==0, done.stdout

@pytest.mark.parametrize('reason', ['no Chromium here', 'node is not installed',
    'three.js is not installed: (cd tools/viewer && npm ci)',
    "could not import 'anywidget': No module named 'anywidget'",
    "could not import 'playwright.sync_api': No module named 'playwright'", 'npm does not answer'])
def test_what_is_installed_by_command_has_no_excuse(reason): assert not may_be_skipped(reason)

# ---- tools/needed.py, with stand-ins for all that it calls

def run_needed(monkeypatch, user=0, there=(), brings=()):
    ("Exit code and the commands that were called; `there`: what is installed before, `brings`: which command installs "
     "something")
    have,asked = set(there),[]
    def called(*command, **options):
        asked.append(' '.join(map(str, command)))
        for words,thing in brings:
            if words in asked[-1]:
                have.add(thing)
                return True
        return False
    monkeypatch.setattr(needed, 'called', called)
    monkeypatch.setattr(needed, 'chromium', lambda: '/bin/chromium' if 'chromium' in have else None)
    monkeypatch.setattr(needed, 'missing_packages', lambda: [] if 'packages' in have else list(needed.PACKAGES))
    monkeypatch.setattr(needed.shutil, 'which', lambda name: f'/bin/{name}' if name=='apt-get' or name in have
        or 'node' in have else None)
    monkeypatch.setattr(needed.os, 'geteuid', lambda: user, raising=False)
    return needed.main(),asked

def test_what_is_missing_is_installed_and_what_is_there_is_left_alone(monkeypatch):
    monkeypatch.setenv('NEXTGENFACE_REQUIRE', '1')
    debian = ('--no-install-recommends chromium', 'chromium'),('--no-install-recommends nodejs npm', 'node'),('npm ci',
        'packages')
    code,asked = run_needed(monkeypatch, brings=debian)
    assert code==0 and [a.split()[:2] for a in asked]==[['apt-get', 'update'], ['apt-get', 'install'],
        ['apt-get', 'update'], ['apt-get', 'install'], ['npm', 'ci']]
    code,asked = run_needed(monkeypatch, user=1000, there=['node'],
        brings=[('playwright install chromium', 'chromium'), ('npm ci', 'packages')])
    assert code==0 and len(asked)==2 and not any('apt-get' in a for a in asked)
    assert run_needed(monkeypatch, there=['chromium', 'node', 'packages'])==(0, [])

def test_what_is_still_missing_is_said_and_an_error_where_it_is_required(monkeypatch, capsys):
    monkeypatch.delenv('NEXTGENFACE_REQUIRE', raising=False)
    assert run_needed(monkeypatch)[0]==0
    said = capsys.readouterr().out
    assert all(word in said for word in ('Chromium', 'Node', 'three', 'gltf-validator'))
    monkeypatch.setenv('NEXTGENFACE_REQUIRE', '1')
    assert run_needed(monkeypatch)[0]==1 and run_needed(monkeypatch, there=['chromium', 'node', 'packages'])[0]==0

def test_the_named_browser_comes_first(monkeypatch):
    monkeypatch.setenv('CHROME', '/opt/mine')
    assert needed.chromium()=='/opt/mine'
