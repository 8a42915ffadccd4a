"Arguments of a wrong kind, and files that may not be read: words that are true"
import ctypes, json, os, shutil, subprocess, sys, tempfile
from pathlib import Path
import numpy as np, pytest, torch
import nextgenface_nb as ngf
from nextgenface_nb import Config, Optimizer, Pipeline, reconstruct
from nextgenface_nb.errors import CheckpointError, ConfigError, FaceError, OutputError
from nextgenface_nb.evaluation.synthetic import synthetic_face
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import portrait_path, save_png
from nextgenface_nb import reconstruction as optimizer
from nextgenface_nb.output.checkpoint import load_face
from nextgenface_nb.files import check_writable, writing, writing_folder
from nextgenface_nb.output.replay import write_film

# ---- arguments

@pytest.mark.parametrize('config,advice',
    [(dict(bands=3), 'Config(**settings)'), ({}, 'Config(**settings)'), ('my.ini', 'Config.load(path)'), (0, 'Config'),
    (Config, 'Config')], ids=str)
def test_settings_that_are_none(config, advice, tmp_path):
    calls = (lambda: reconstruct(portrait_path(), config),
        lambda: reconstruct(portrait_path(), config, output=tmp_path/'out'), lambda: Optimizer(tmp_path/'out', config),
        lambda: Pipeline(toy_model(9, 7), config), lambda: next(optimizer.reconstruct_steps(portrait_path(), config)))
    for call in calls:
        with pytest.raises(ConfigError, match='not a Config') as error: call()
        assert advice in error.value.advice
    assert not (tmp_path/'out').exists()

@pytest.mark.parametrize('path', [3, 1.5, b'out', ['out'], 'a\0b'], ids=repr)
def test_an_output_that_is_no_path(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = np.zeros((8, 8, 3), np.float32)
    def entered(context):
        with context: pass
    calls = (lambda: reconstruct(portrait_path(), output=path), lambda: Optimizer(path),
        lambda: save_png(path, picture), lambda: check_writable(path), lambda: entered(writing(path)),
        lambda: entered(writing_folder(path)),
        lambda: write_film(path, [np.zeros((16, 16, 3), np.uint8)]))
    for call in calls:
        with pytest.raises(OutputError, match='path'): call()
    assert not list(tmp_path.iterdir())

# ---- a result in the hand, used wrongly

@pytest.fixture(scope='module')
def toy():
    config = Config(device='cpu', renderer='vertex', texture_resolution=64, environment_height=16, bands=5)
    pipeline = Pipeline(toy_model(29, 21), config)
    return ngf.Reconstruction(synthetic_face(pipeline, seed=3, size=64, samples=1).face, pipeline)

#: What somebody wrote in a trial -> words of the error. Each was a traceback of another family, or words about something else
SLIPS = {
    "f.camera.project(np.zeros((3, 2)))":r'points of shape \[3, 2\]', "f.camera.project('nose')":'points of shape',
    "f.camera.project(3.)":'points of shape', "f.expression.strongest('all')":"strongest 'all'",
    "f.expression.strongest(-1)":'whole number', "f.with_(maps=dict(diffuse='red'))":'diffuse map of the kind str',
    "f.with_(maps=dict(diffuse=[[1, 2], [3]]))":'diffuse map of the kind list', "f.with_(pose=np.zeros((4, 4)))":'no rotation',
    "f.panels(4)":'no photo 4', "f.strip(4)":'no photo 4', "f.panels('first')":"no photo 'first'",
    "f.pipeline.model.sample(seed='mine')":"seed 'mine'", "f.pipeline.model.sample(0)":'0 faces',
    "f.compare('other')":'comparison with str', "f.distance(None)":'distance to NoneType'}

@pytest.mark.parametrize('code', SLIPS)
def test_a_slip_is_told_in_words(code, toy):
    with pytest.raises(FaceError, match=SLIPS[code]) as error: eval(code, dict(f=toy, np=np))
    assert error.value.advice

def test_a_live_view_with_a_way_of_drawing_that_does_not_exist(toy):
    pytest.importorskip('anywidget')
    with pytest.raises(ConfigError, match='clay'): toy.view(size=64, live=True, mode='nothing')

# ---- settings and files

def test_what_is_several_and_what_is_one():
    "Generators are several photos, as tuples are; an open file is one, though it gives lines one after the other"
    with open(portrait_path(), 'rb') as file: assert optimizer._listed(file, [file])==[file]
    for many in ['a', 'b'], ('a', 'b'), (x for x in 'ab'), iter('ab'), map(str, 'ab'):
        assert optimizer._listed(many, None)==['a', 'b']
    for one in 'ab', b'ab', Path('ab'), None, 3: assert optimizer._listed(one, [one])==[one]
    array = np.zeros((2, 2))
    assert optimizer._listed(array, [array])[0] is array and optimizer._listed(torch.zeros(2), ['one'])==['one']

def test_checkpoints_that_are_none(tmp_path):
    for path,words in ((tmp_path, 'is a folder'), (os.devnull, 'a device'), (tmp_path/'none.npz', 'no such file'),
        (portrait_path(), 'not a checkpoint'), (3, 'no path'), ('a\0b', 'cannot be read')):
        with pytest.raises(CheckpointError, match=words): load_face(path, toy_model(9, 7))

# ---- files

CHILD = '''
import contextlib, io, json, sys, warnings
warnings.simplefilter('ignore')
from importlib import import_module
for name,flags in json.loads(sys.argv[1]):
    said = io.StringIO()
    module,function = name.split(':')
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()): code = getattr(import_module(f'nextgenface_nb.{module}'), function)(flags)
    print(json.dumps([code, said.getvalue()]), flush=True)
'''

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2   # of Linux

@pytest.mark.skipif(not hasattr(os, 'geteuid') or not os.geteuid() and sys.platform!='linux',
    reason='needs permissions that count')
def test_files_that_may_not_be_read():
    ("In a folder that is closed, and closed themselves: said so, by every command and every flag; never damaged, "
     "never unforeseen")
    with tempfile.TemporaryDirectory() as home:
        home = Path(home)
        for name in ('closed', 'closed/models', 'open', 'empty'): (home/name).mkdir()
        names = {'input':'a.jpg', 'checkpoint':'a.npz', 'model':'a.h5', 'landmarks':'a.npy', 'focal':'a.json',
            'light':'a.exr', 'config':'a.ini'}
        for where in ('closed', 'open'):
            for name in names.values(): (home/where/name).write_bytes(b'0')
        shutil.copy(portrait_path(), home/'me.jpg')
        small = '--set max_resolution=64 --set texture_resolution=64 --set renderer=vertex --skipStage1 --skipStage2 --skipStage3 --input'.split()+[str(home/'me.jpg'), '--output', str(home/'open'/'out')]
        def flags(kind, path):
            return ['--set', f'{kind}={path}'] if kind in ('model', 'light') else [f'--{kind}', str(path)]
        cases = [('cli:main', [*small, *flags(kind, home/where/name)]) for kind,name in names.items()
            for where in ('closed', 'open')]
        cases += [('cli:main', [*small, *flags(kind, home/'closed'/'models')])
            for kind in ('model', 'input')]+[('cli:main', [*small, '--set', f'model={home}/empty'])]
        cases += [(command, [str(place)]) for command in ('cli_export:main', 'cli_replay:main')
            for place in (home/'closed'/'a.npz', home/'open'/'a.npz', home/'closed'/'models')]
        cases += [('cli:config_main', ['--config', str(home/where/'a.ini')]) for where in ('closed', 'open')]
        for name in names.values(): (home/'open'/name).chmod(0)
        for name in ('closed', 'empty'): (home/name).chmod(0)
        home.chmod(0o755)
        (home/'open').chmod(0o777)
        def like_others():
            "Root may read everything, but for what these two capabilities allow"
            for n in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH) if not os.geteuid() else ():
                ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, n, 0, 0, 0)
        root = str(Path(__file__).resolve().parent.parent)
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join([root, os.environ.get('PYTHONPATH', '')]),
            HOME=str(home/'open'), PYTHONDONTWRITEBYTECODE='1')
        done = subprocess.run([sys.executable, '-c', CHILD, json.dumps(cases)], capture_output=True, text=True,
            preexec_fn=like_others, env=environment, cwd='/', timeout=900)
        for name in ('closed', 'empty'): (home/name).chmod(0o755)
    bad = 0
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found)==len(cases), done.stderr[-2000:]
    wrong = ('damaged', 'cut off', 'not foreseen', 'Traceback', 'no such', 'no face model', 'not readable')
    for (name,given),(code,said) in zip(cases, found):
        right = code in (2, 3) and ('may not be' in said or 'cannot be read' in said) and not any(word in said
            for word in wrong)
        print('' if right else 'WRONG', name, given[-2:], code, said)
        bad += not right
    assert not bad
