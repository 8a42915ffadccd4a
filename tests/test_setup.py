("What a person gets who installs this: metadata, pins, an import that costs nothing, a wheel that works away from the "
 "checkout.")
import ast, hashlib, re, shutil, subprocess, sys, tarfile, zipfile
from configparser import ConfigParser
from pathlib import Path
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
import nextgenface_nb

try: import tomllib
except ImportError: import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT/'nextgenface_nb'
settings = ConfigParser(delimiters=['='])
settings.read(ROOT/'settings.ini')
settings = settings['DEFAULT']
project = tomllib.loads((ROOT/'pyproject.toml').read_text())
requirements = [Requirement(r) for r in settings['requirements'].split()]

def python(code, *arguments, cwd=None, **environment):
    "Run code in a fresh interpreter and give back what it printed"
    import os
    result = subprocess.run([sys.executable, '-c', code, *arguments], cwd=cwd, env=dict(os.environ, **environment),
        capture_output=True, text=True)
    assert result.returncode==0, result.stderr
    return result.stdout.strip()

# ---- the files say the same

def test_settings_pyproject_and_version_agree():
    assert settings['version']==nextgenface_nb.__version__
    assert settings['lib_name']==project['project']['name']==settings['lib_path']==project['tool']['nbdev']['lib_path']
    assert settings['license']==project['project']['license']
    assert settings['tst_flags']==project['tool']['nbdev']['tst_flags']
    assert settings['git_url']==project['project']['urls']['Repository']
    assert project['project']['requires-python'].startswith(f">={settings['min_python']}")
    assert {'version', 'dependencies', 'optional-dependencies', 'readme', 'scripts',
        'entry-points'} <= {*project['project']['dynamic']}

@pytest.mark.parametrize('name', ['settings.ini', 'nbs', 'nextgenface_nb', '_quarto.yml', 'data', 'tests', 'setup.py'])
def test_what_was_asked_for_stands_at_the_top(name):
    assert (ROOT/name).exists() and not (ROOT/name).is_symlink()

def test_nbdev_finds_the_settings_of_the_site():
    "It reads those in nbs/, which point to the ones at the top"
    assert (ROOT/'nbs'/'_quarto.yml').resolve() == (ROOT/'_quarto.yml').resolve()

def test_lower_bounds_and_no_pins():
    for requirement in requirements:
        assert [s.operator for s in requirement.specifier]==['>='], str(requirement)

PYTHONS = {'constraints.txt': ['3.10.13', '3.11.7', '3.12.1'], 'constraints-colab.txt': ['3.13.0']}

@pytest.mark.parametrize('name, version',
    [(name, version) for name,versions in PYTHONS.items() for version in versions])
def test_constraints_pin_all_that_is_asked_for(name, version):
    marker = dict(python_version='.'.join(version.split('.')[:2]), python_full_version=version, sys_platform='linux',
        os_name='posix', platform_machine='x86_64', implementation_name='cpython')
    lines = [Requirement(line) for line in (ROOT/name).read_text().splitlines() if line and not line.startswith('#')]
    pins = {}
    for line in lines:
        assert line.url is None and [s.operator for s in line.specifier]==['=='], str(line)
        if line.marker is None or line.marker.evaluate(marker):
            assert canonicalize_name(line.name) not in pins, f'{line.name} twice for Python {version}'
            pins[canonicalize_name(line.name)] = next(iter(line.specifier)).version
    for extra in ('requirements', 'build_requirements', 'notebook_requirements', 'studio_requirements', 'dev_requirements'):
        for requirement in map(Requirement, settings[extra].split()):
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), str(requirement)
    if name=='constraints.txt':
        assert (pins['torch'], pins['mitsuba'], pins['mediapipe'], pins['numpy'][0])==('2.13.0', '3.9.1', '0.10.21',
            '1')
    else: assert (pins['numpy'][:3], pins['ipywidgets'], pins['mediapipe'][0])==('2.1', '7.7.1', '1')

# ---- the library itself

def modules(): return [path for path in PACKAGE.rglob('*.py') if path.name!='_modidx.py']

def test_what_is_imported_is_required():
    "Every third-party import of the library is a requirement, or an extra's, and every requirement is used"
    distribution = {'PIL': 'pillow', 'cv2': 'opencv', 'face_alignment': 'face-alignment',
        'imageio_ffmpeg': 'imageio-ffmpeg', 'pxr': 'usd-core'}
    used = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import): used |= {alias.name.split('.')[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.level==0: used.add(node.module.split('.')[0])
    used = {distribution.get(name, name)
        for name in used if name not in sys.stdlib_module_names and name!='nextgenface_nb'}
    wanted = {r.name for r in requirements}
    extras = {Requirement(r).name for key in ('fan', 'usd', 'lpips', 'pandas', 'build', 'notebook', 'studio')
        for r in settings[f'{key}_requirements'].split()}
    assert used<=wanted|extras, f'not required: {used-wanted-extras}'
    assert wanted<=used, f'required and not used: {wanted-used}'

# may speak to their user; the last does so for them
COMMANDS = {'cli.py', 'photos.py', 'speed.py', 'benchmark.py', 'cli_export.py', 'cli_replay.py', 'command.py',
    'terminal.py', 'stopwatch.py'}

def test_the_library_does_not_print_assert_or_unpickle():
    faults = []
    for path in modules():
        tree = ast.parse(path.read_text())
        # ends with its block
        scoped = {id(item.context_expr) for node in ast.walk(tree) if isinstance(node, ast.With) for item in node.items}
        for node in ast.walk(tree):
            if id(node) in scoped: continue
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ''
            wrong = isinstance(node, ast.Assert) or name in ('os.system', 'exec', 'eval', 'torch.set_grad_enabled',
                'matplotlib.use') or (name=='print' and path.name not in COMMANDS)
            # legacy admits arrays only (test_legacy); speed reads what it has written itself, in memory
            wrong |= isinstance(node, (ast.Import, ast.ImportFrom)) and any('pickle' in alias.name
                for alias in node.names) and path.name not in ('legacy.py', 'speed.py')
            if wrong: faults.append(f'{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)[:60]}')
    assert not faults, '\n'.join(faults)

def test_import_is_quick_and_loads_nothing_heavy():
    "A small part of what PyTorch alone takes"
    code = '''
import time, sys
times = [time.process_time()]
import nextgenface_nb
times.append(time.process_time())
loaded = sorted({m.split(".")[0] for m in sys.modules})
import torch
times.append(time.process_time())
print((times[1]-times[0])/(times[2]-times[1]), *loaded)'''
    share,*loaded = python(code).split()
    assert float(share)<.25
    assert not {'torch', 'mitsuba', 'drjit', 'mediapipe', 'matplotlib', 'h5py', 'scipy', 'numpy'} & {*loaded}

def test_settings_load_without_torch():
    assert python(
        'import sys, nextgenface_nb.config; print("torch" in sys.modules, "mitsuba" in sys.modules)')=='False False'

@pytest.mark.parametrize('name', nextgenface_nb._PUBLIC)
def test_public_names(name):
    assert getattr(nextgenface_nb, name).__module__==f'nextgenface_nb.{nextgenface_nb._PUBLIC[name]}'
    assert name in dir(nextgenface_nb) and name in nextgenface_nb.__all__

def test_a_name_that_does_not_exist():
    with pytest.raises(AttributeError, match='Rendrer'): nextgenface_nb.Rendrer

# ---- wheel and sdist

METADATA = 'settings.ini', 'setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE', 'NOTICE'
FETCHED = 'models', 'baselMorphableModel' # of data/: what users have put there

@pytest.fixture(scope='module')
def built(tmp_path_factory):
    "Wheel and sdist, built from a copy of the tracked files, beside which somebody has put a model of his own"
    if not (ROOT/'data'/'face_model.h5').exists(): pytest.fail('no default model')
    source,out = tmp_path_factory.mktemp('source'),tmp_path_factory.mktemp('dist')
    for name in METADATA: shutil.copy(ROOT/name, source)
    shutil.copytree(PACKAGE, source/'nextgenface_nb', ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copytree(ROOT/'data', source/'data', ignore=shutil.ignore_patterns(*FETCHED))
    # must not get in
    shutil.copytree(ROOT/'tests', source/'tests', ignore=shutil.ignore_patterns('__pycache__', 'node_modules'))
    for place in ('data/models', 'data/baselMorphableModel', 'data', 'nextgenface_nb/widgets'):
        (source/place).mkdir(exist_ok=True)
        (source/place/'licensed.h5').touch()
    # the wheel comes from the sdist
    subprocess.run([sys.executable, '-m', 'build', '--no-isolation', '--outdir', out, source], check=True,
        capture_output=True)
    return out

def test_the_source_distribution_has_what_a_wheel_is_made_of_and_nothing_else(built):
    archive = tarfile.open(next(built.glob('*.tar.gz')))
    names = {name.partition('/')[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    made = {'PKG-INFO', 'setup.cfg'} | {name for name in names if '.egg-info/' in name}
    ours = {path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob('*') if path.is_file() and '__pycache__' not in path.parts}
    assert names-made==ours|{*settings['data_in_wheel'].split(), 'data/README.md', *METADATA}

def test_the_wheel_has_all_of_the_library_and_nothing_else(built):
    wheel = zipfile.ZipFile(next(built.glob('*.whl')))
    names = wheel.namelist()
    ours = {path.relative_to(ROOT).as_posix():path
        for path in PACKAGE.rglob('*') if path.is_file() and '__pycache__' not in path.parts}
    ours |= {f'nextgenface_nb/{name}':ROOT/name for name in settings['data_in_wheel'].split()}
    assert {name for name in names if '.dist-info/' not in name}==ours.keys()
    digest = lambda data: hashlib.sha256(data).digest()
    for name,path in ours.items():
        assert digest(wheel.read(name))==digest(path.read_bytes()), f'{name} is another than {path.relative_to(ROOT)}'
    assert any(name.endswith('licenses/LICENSE') for name in names) and any(name.endswith('licenses/NOTICE')
        for name in names)
    info = wheel.read(next(name for name in names if name.endswith('METADATA'))).decode()
    assert re.search('^License-Expression: Apache-2.0$', info,
        re.M) and re.search('^Description-Content-Type: text/markdown', info, re.M)
    assert {Requirement(line).name for line in re.findall('^Requires-Dist: (.*)$', info, re.M)
        if 'extra' not in line}=={r.name for r in requirements}
    scripts = wheel.read(next(name for name in names if name.endswith('entry_points.txt'))).decode()
    assert 'nextgenface-reconstruct = nextgenface_nb.cli:main' in scripts
    assert sum(i.file_size for i in wheel.infolist())<40e6

def test_the_installed_wheel_works_away_from_the_checkout(built, tmp_path):
    "Its own files, the environment's other packages, another folder"
    subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-index', '--target',
        tmp_path/'site', next(built.glob('*.whl'))], check=True, capture_output=True)
    (tmp_path/'elsewhere').mkdir()
    code = '''
import nextgenface_nb, sys
assert nextgenface_nb.__file__.startswith(sys.argv[1]), nextgenface_nb.__file__
from importlib.resources import files
from nextgenface_nb.landmarks.uncertainty import detector_errors
from nextgenface_nb.landmarks.detection import mirror_partners
model = nextgenface_nb.load_model()
photo = nextgenface_nb.load_photo(nextgenface_nb.imaging.portrait_path())
known = detector_errors('mediapipe').modes is not None, mirror_partners('mediapipe') is not None
scripts = [path.name for path in files('nextgenface_nb.widgets').iterdir() if path.name.endswith('.js')]
print(len(model.shape_mean) > 5000, photo.width, *known, len(scripts), nextgenface_nb.Config.preset('fast').texture_resolution)'''
    scripts = len(list((ROOT/'nextgenface_nb'/'widgets').glob('*.js')))
    assert python(code, str(tmp_path/'site'), cwd=tmp_path/'elsewhere',
        PYTHONPATH=str(tmp_path/'site'))==f'True 512 True True {scripts} 256'

# ---- make

def test_make_refuses_another_python(tmp_path):
    if not shutil.which('make'): pytest.skip('no make here')
    old = tmp_path/'python3.9'
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.18 && exit 0\nexit 1\n')
    old.chmod(0o755)
    result = subprocess.run(['make', 'demo', f'PYTHON={old}', f'VENV={tmp_path}/venv'], cwd=ROOT, capture_output=True,
        text=True)
    assert result.returncode!=0 and '3.10 - 3.13' in result.stdout and '3.9.18' in result.stdout and not (
        tmp_path/'venv').exists()

# ---- libLLVM: the branch that installs it, with stand-ins for the package manager and for Python

def stand_in(folder, name, text):
    (folder/name).write_text(f'#!/bin/sh\n{text}\n')
    (folder/name).chmod(0o755)

def run_llvm_script(tmp_path, user=0, packaged='*', installs=True):
    "Exit code, output, and what the package manager was asked to do; `python` finds a library once one was installed"
    stand_in(tmp_path, 'python',
        f'test -e {tmp_path}/installed && echo found || {{ echo "no usable libLLVM"; exit 1; }}')
    stand_in(tmp_path, 'id', f'echo {user}')
    stand_in(tmp_path, 'apt-cache', f'case "$*" in show*libllvm{packaged}) exit 0;; esac; exit 100')
    stand_in(tmp_path, 'apt-get', f'echo "$@" >> {tmp_path}/asked\ncase "$*" in install*libllvm*) '
        + (f'touch {tmp_path}/installed' if installs else 'exit 100') + ';; esac')
    result = subprocess.run(['/bin/sh', str(ROOT/'tools'/'llvm.sh'), str(tmp_path/'python')],
        env=dict(PATH=f'{tmp_path}:/usr/bin:/bin'), capture_output=True, text=True)
    return (result.returncode,result.stdout,(tmp_path/'asked').read_text().splitlines() if (tmp_path/'asked').exists()
        else [])

def test_llvm_is_installed_where_that_is_allowed(tmp_path):
    code,said,asked = run_llvm_script(tmp_path)
    assert code==0 and 'found' in said and [a.split()[0] for a in asked]==['update',
        'install'] and asked[1].endswith('libllvm19')
    assert run_llvm_script(tmp_path)[2]==asked   # found at once the second time: nothing more is asked for

def test_another_llvm_is_installed_where_there_is_no_19(tmp_path):
    code,said,asked = run_llvm_script(tmp_path, packaged='22')
    assert code==0 and [a.split()[0] for a in asked]==['update','install'] and asked[1].endswith('libllvm22')

@pytest.mark.parametrize('case, words',
    [(dict(user=1000), 'no usable'), (dict(packaged='16'), 'none of these packages'),
    (dict(installs=False), 'no usable')])
def test_llvm_that_cannot_be_installed(tmp_path, case, words):
    code,said,asked = run_llvm_script(tmp_path, **case)
    assert code==1 and words in said and 'no usable libLLVM' in said.splitlines()[-1]
    assert (asked==[])==('user' in case)

# ---- make, with programs that only look like those that it calls

def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('#!/bin/sh\n'+text)
    path.chmod(0o755)
    return path

def make(*arguments): return subprocess.run(['make', *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)

@pytest.mark.skipif(not shutil.which('make'), reason='no make here')
@pytest.mark.parametrize('there', (True, False))
def test_make_removes_only_what_it_has_made(tmp_path, there):
    "`python -m venv` fails half-way in a folder that was there before, and in one that was not"
    venv = tmp_path/'mine'
    if there: script(venv/'sub'/'thesis.txt', 'years of work')
    fails = script(tmp_path/'python',
        f'[ "$1" = -c ] && exit 0\nmkdir -p {venv}/bin; touch {venv}/bin/python; exit 1\n')
    done = make(f'{venv}/bin/python', f'PYTHON={fails}', f'VENV={venv}')
    assert done.returncode!=0 and 'No virtual environment could be made' in done.stdout
    # or the next call would take it for a whole one
    assert venv.exists()==there and not (venv/'bin'/'python').exists()
    if there: assert (venv/'sub'/'thesis.txt').read_text().endswith('years of work') and 'stays' in done.stdout

@pytest.mark.skipif(not shutil.which('make'), reason='no make here')
@pytest.mark.parametrize('name', ('my results', "it's $HOME", 'plain', '-x'))
def test_make_demo_into_a_folder_of_any_name(tmp_path, name):
    venv,output = tmp_path/'venv',tmp_path/name
    script(venv/'bin'/'python', 'exit 0\n')
    script(venv/'bin'/'nextgenface-reconstruct', 'mkdir -p "${1#--output=}/portrait.jpg"\n')
    (venv/'.installed').touch()
    done = make('demo', f'VENV={venv}', f'OUTPUT={output}'.replace('$', '$$'))
    assert done.returncode==0, done.stderr
    assert str(output) in done.stdout and 'portrait.jpg/' in done.stdout and sorted(p.name
        for p in tmp_path.iterdir())==sorted(['venv', name])

@pytest.mark.skipif(not shutil.which('make'), reason='no make here')
def test_make_says_that_a_space_in_the_name_of_the_environment_is_one_too_many(tmp_path):
    done = make('demo', f'VENV={tmp_path}/my venv')
    assert done.returncode!=0 and 'space' in done.stderr and not list(tmp_path.iterdir())

# ---- NOTICE: whose work is carried by the wheel, the source distribution and the site

NOTICE = (ROOT/'NOTICE').read_text(encoding='utf-8')

def npm_packages():
    "(name, licence) of all that gets into scripts"
    import json
    for lock in ('tools/site/package-lock.json', 'tools/viewer/package-lock.json'):
        for place,about in json.loads((ROOT/lock).read_text())['packages'].items():
            if place and not about.get('dev'):
                yield place.rpartition('node_modules/')[2],(about.get('license') or 'MIT').strip('()')

def test_notice_names_every_script(): # and every file of data/: test_data
    for file in sorted(PACKAGE.rglob('*')):
        if file.is_file() and file.suffix not in ('.py', '.pyi', '.pyc'):
            assert file.relative_to(ROOT).as_posix() in NOTICE, f'{file.name}: whose is it, and under which licence?'
    for name in re.findall(r'nextgenface_nb/[\w./]+\.\w+', NOTICE):
        assert (ROOT/name).is_file(), f'{name} is named and not there'

def test_notice_names_every_package_of_npm_with_its_licence():
    listed = NOTICE[NOTICE.index('Packages of npm'):]
    lines = {licence:re.split(r',\s+', names.strip())
        for licence,names in re.findall(r'^  (\S[^:\n]*): ((?:.|\n    )+)', listed, re.M)}
    assert {(n, l) for l,names in lines.items() for n in names}==set(npm_packages())

def test_notice_names_what_makes_the_pages():
    "Sphinx and its extensions put scripts and styles of their own beside the pages"
    carried = ast.literal_eval(re.search(r'^CARRIED = (\(.*?\))$', (ROOT/'tools'/'site.py').read_text(), re.M | re.S)[1])
    for requirement in settings['docs_requirements'].split():
        assert canonicalize_name(Requirement(requirement).name) in carried
    for name in carried: assert re.search(rf'\b{name}\b', NOTICE), name

def test_notice_names_every_file_of_the_site():
    site = ROOT/'_docs'/'_static'
    if not site.is_dir(): pytest.skip('no site was built here (make docs)')
    from fnmatch import fnmatch
    known = re.findall(r'_static/(\S+)', NOTICE)
    for file in site.rglob('*'):
        name = file.relative_to(site).as_posix()
        if file.is_file() and not name.endswith('.map'):
            assert any(name.startswith(k) if k.endswith('/') else fnmatch(name, k)
                for k in known), f'{name}: whose is it?'

def test_wheel_and_source_carry_the_notice():
    assert 'NOTICE' in (ROOT/'MANIFEST.in').read_text() and 'LICENSE' in (ROOT/'MANIFEST.in').read_text()

# ---- workflows

@pytest.mark.parametrize('path', sorted((ROOT/'.github'/'workflows').glob('*.y*ml')), ids=lambda p: p.name)
def test_workflows_run_strangers_without_rights(path):
    "Actions by commit; rights for each job, and none to write or to sign where anything but actions runs"
    yaml = pytest.importorskip("yaml")
    flow = yaml.safe_load(path.read_text())
    assert flow.get('permissions')=={}, 'rights are given job by job'
    for name,job in flow['jobs'].items():
        steps,rights = job['steps'],job.get('permissions', {})
        for step in steps:
            if 'uses' in step: assert re.fullmatch(r'[\w./-]+@[0-9a-f]{40}', step['uses']), f"{name}: {step['uses']}"
        # of what another job has built
        upload = re.compile(r'pipx run uv==[\d.]+ publish --trusted-publishing always dist/\*|gh release create "\$GITHUB_REF_NAME" '
            r'--repo "\$GITHUB_REPOSITORY" --verify-tag --title "\$GITHUB_REF_NAME" --notes-file notes.md')
        if any(not upload.fullmatch(step.get('run', 'uv')) if 'run' in step else 'checkout' in step.get('uses', '')
            for step in steps):
            assert set(rights.items())<={('contents', 'read')}, f'{name}: {rights}'
            assert all(step.get('with', {}).get('persist-credentials') is False
                for step in steps if 'checkout' in step.get('uses', ''))
