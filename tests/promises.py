"""What is promised, and who would notice? Every option, setting, file and field, and beside it a test.

    python tests/promises.py                      the table is complete: every promise has a test, every test is there
    python tests/promises.py --ignore             ignore each promise in turn, run its test, and expect red
    python tests/promises.py --ignore fps zoom    only promises with one of these words in their name
    python tests/promises.py --ignore --json F    and keep the score in F; a run of some promises adds to what is there

The list comes from the code: the commands of settings.ini and their parsers, the fields of `Config`, and what a small
result writes. The tests are named in tests/promises.json. An option is ignored after it was parsed; a setting where the
library reads it (not where it is set and shown); of a file the last of its kind is lost, of a field the last number is
wrong.
"""
from __future__ import annotations
import argparse, ast, configparser, copy, faulthandler, importlib, inspect, io, json, os, re, subprocess, sys, tempfile
import time
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT/'tests'/'promises.json'
SECTIONS = 'options','settings','files','report','checkpoint','camera'

# ---- the list

def commands()->dict: # name -> parser
    "The commands of settings.ini, each with the parser that its main function makes"
    settings = configparser.ConfigParser()
    settings.read(ROOT/'settings.ini', encoding='utf-8')
    found = {}
    for entry in settings['DEFAULT']['console_scripts'].split():
        name,where = entry.split('=')
        module,function = where.split(':')
        home = importlib.import_module(module)   # it may have been imported long before
        keep = lambda parser, *_, **__: found.__setitem__(name, parser)
        with put(home, 'run_command', lambda own: keep): getattr(home, function)([])
    return found

def option_names(action)->list:
    "An option by its first name; one that can be said with `--no-` by both"
    if isinstance(action, argparse.BooleanOptionalAction): return list(action.option_strings)
    return action.option_strings[:1]

def options()->list: # 'command --option'
    "What can be asked of each command, but for --help; what must be given cannot be ignored"
    return [
        f'{command} {name}' for command,parser in commands().items() for action in parser._actions
        if not isinstance(action, argparse._HelpAction) for name in option_names(action)]

def settings()->list:
    from nextgenface_nb.config import FIELDS
    return list(FIELDS)

def pattern(name:str)->str:
    "The name of a file with {n} in place of each number"
    return re.sub(r'\d+', '{n}', name)

#: Keys below which the names are not promised one by one: settings, terms of a loss, stages, what a photo's file says
OPEN = 'config','losses','timings','exif','blendshapes'

def leaves(x, path:str=''): # Iterator of paths
    "The fields of what JSON holds: `a.b` of an object, `a[].b` of a list of objects"
    if isinstance(x, dict) and x and path.split('.')[-1] not in OPEN:
        for key,value in x.items(): yield from leaves(value, f'{path}.{key}' if path else key)
    elif isinstance(x, list) and x and isinstance(x[-1], dict):
        for key,value in {k:v for row in reversed(x) for k,v in row.items()}.items():
            yield from leaves(value, f'{path}[].{key}')
    else: yield path

def same_stage(path:str)->str:
    "A field of each stage, once"
    return re.sub(r'^stages\.\w+', 'stages.{stage}', path)

def full_result(folder): # A `Reconstruction`
    "A small head in two photos with everything that a result can have"
    import torch
    from dataclasses import replace
    from nextgenface_nb.config import Config
    from nextgenface_nb.facemodel.model import toy_model
    from nextgenface_nb.face import Face
    from nextgenface_nb.reconstruction import Reconstruction, STAGE_NAMES
    from nextgenface_nb.pipeline import Pipeline
    from nextgenface_nb.optim.stages import Progress
    from nextgenface_nb.evaluation.synthetic import synthetic_face
    config = Config(
        device='cpu', renderer='vertex', max_resolution=64, texture_resolution=64, bands=3, environment_height=16,
        samples_final=1, save_intermediate=True)
    pipeline = Pipeline(toy_model(29, 21), config)
    face = synthetic_face(pipeline, seed=3, size=64, samples=1).face
    own = face.identity
    size = own.diffuse.shape[:2]
    own.provenance = (torch.arange(size[0]*size[1])%4).reshape(size).to(torch.uint8)
    own.displacement = torch.linspace(-.5, .5, len(pipeline.displacement))
    first = face.frames[0]
    H,W = first.photo.pixels.shape[:2]
    ramp = torch.linspace(0, 1, H*W).reshape(H, W)
    for name in 'ab': (Path(folder)/f'{name}.png').write_bytes(name.encode())
    frames = []
    for k,name in enumerate('ab'):
        photo = replace(
            first.photo, path=str(Path(folder)/f'{name}.png'), sha256=name*64, offset=(3.5+k, 7.25), scale=.8+.1*k,
            original_size=(120+k, 110), alpha=ramp.flip(k), inside=ramp>.01, exposed=1-.25*ramp,
            exif=dict(film=50.+k, sizes=[[120, 110]]))
        marks = replace(
            first.landmarks, blendshapes=dict(jawOpen=.25+k), offset=(1.5, 2.5+k), scale=.9, uncertainty=.01+.001*k,
            faces=(dict(number=1, size=55.5, chosen=True, middle=[1., 2.]),))
        light = type(first.light)(first.light.coefficients*(1+k))
        frames.append(replace(
            first, photo=photo, landmarks=marks, rotation=first.rotation+.1*k, light=light, mask=1-.5*ramp, weight=1.+k,
            hidden=.02*ramp, focal_known=190.+k, focal_spread=.05, focal_source=f'told {k}'))
    face = Face(own, frames)
    history = [
        Progress(stage, k, 2, dict(photo=.5/k, total=1./k), .25*k) for stage in STAGE_NAMES for k in (1, 2)]
    timings = dict(detection=.5, landmarks=1., photometric=2., texture=3.)
    return Reconstruction(
        face, pipeline, history, timings, ['a note'], [.011, .012], {s:face.copy() for s in STAGE_NAMES})

def full_invocation(folder, result)->dict:
    "What a command keeps of its flags, with every flag that it keeps"
    from nextgenface_nb import cli
    from nextgenface_nb.batch import invocation
    from nextgenface_nb.results.runs import asked_for
    path = {n:str(Path(folder)/n) for n in ('c.npz','p.npy','l.exr','f.json','m.task')}
    for p in path.values(): Path(p).write_text(p)
    flags = ['--checkpoint', path['c.npz'], '--landmarks', path['p.npy']]
    request = cli.read_request(cli.make_parser().parse_args(flags))
    config = cli.make_config(request)
    config.light,config.focal,config.landmark_model = (path[n] for n in ('l.exr','f.json','m.task'))
    request,_ = cli.recall(request)
    return invocation([f.photo.path for f in result.face.frames], **asked_for(cli.run_of(request, config)))

def written(folder)->list: # of patterns
    return sorted({pattern(p.relative_to(folder).as_posix()) for p in Path(folder).rglob('*') if p.is_file()})

def results()->dict: # files, report, checkpoint, camera: list of names
    "What a small result writes, and what is in it"
    from nextgenface_nb import batch
    from nextgenface_nb.resume import keep_state
    from nextgenface_nb.output import export, formats, replay
    from nextgenface_nb.output.checkpoint import read_about
    from nextgenface_nb.output.debug import DebugFiles
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        result = full_result(place)
        result.invocation = full_invocation(place, result)
        result.save(place/'run')
        export.export_face(result.pipeline, result.face, place/'export', formats.format_names())
        DebugFiles(place/'debug', result.pipeline, 2)(result.history[-1], result.face)
        keep_state(place/'state.npz', result, ['landmarks'], 1, None, 'x', 1)
        report = json.loads((place/'run'/'report.json').read_text(encoding='utf-8'))
        camera = json.loads((place/'run'/'camera.json').read_text(encoding='utf-8'))
        kept = [place/'run'/'checkpoints'/'stage3_output.npz', place/'state.npz']
        fields = [path for file in kept for path in [*leaves(read_about(file)), *arrays_of(file)]]
        files = [
            *(f'run {n}' for n in written(place/'run')), *(f'export {n}' for n in written(place/'export')),
            *(f'debug {n}' for n in written(place/'debug')), *(f'batch {n}' for n in batch.BATCH_FILES),
            *(f'films {what}.{ending}' for what in replay.FILMS for ending in replay.ENDINGS), 'state .resume.npz']
    return dict(
        files=files, report=list(dict.fromkeys(map(same_stage, leaves(report)))),
        checkpoint=list(dict.fromkeys(fields)), camera=list(leaves(camera)))

def arrays_of(path)->list: # of names, with [] in place of the number of a frame
    import numpy as np
    with np.load(path) as file: names = [n for n in file.files if n!='json' and not n.startswith('tensors.')]
    return sorted({re.sub(r'^frames\.\d+', 'frames[]', n) for n in names})

def promised()->dict: # section -> list of names
    return dict(options=options(), settings=settings(), **results())

# ---- public functions: somebody calls them

def public_names()->dict: # name -> module
    "Functions and classes in the __all__ of a module"
    found = {}
    for path in sorted((ROOT/'nextgenface_nb').rglob('*.py')):
        tree = ast.parse(path.read_text(encoding='utf-8'))
        own = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        for node in tree.body:
            if isinstance(node, ast.Assign) and [getattr(t, 'id', '') for t in node.targets]==['__all__']:
                module = path.relative_to(ROOT).with_suffix('').as_posix().replace('/', '.')
                names = [getattr(part, 'value', None) for part in node.value.elts]
                found |= {f'{module}.{name}':name for name in names if name in own}
    return found

#: Cells that make the library, or never run
EXPORTED = re.compile(r'^#\|\s*(exporti?|default_exp|eval: *false)', re.M)

def shown_code(): # Iterator of syntax trees
    "The tests, and what notebooks run beside the code that they export"
    for path in (ROOT/'tests').glob('*.py'): yield ast.parse(path.read_text(encoding='utf-8'))
    for path in (ROOT/'nbs').rglob('*.ipynb'):
        if '.ipynb_checkpoints' in path.parts: continue
        for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
            text = ''.join(cell['source'])
            if cell['cell_type']!='code' or EXPORTED.search(text): continue
            plain = re.sub(r'^(\s*)[%!].*$', r'\1pass', text, flags=re.M)
            try: yield ast.parse(plain)
            except SyntaxError: continue

def called_names()->set:
    "All names that are called, or handed to somebody who calls them"
    calls = [node for tree in shown_code() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    parts = [x for c in calls for x in (c.func, *c.args, *(k.value for k in c.keywords))]
    return {getattr(x, 'id', getattr(x, 'attr', None)) for x in parts if isinstance(x, (ast.Name,ast.Attribute))}

def uncalled()->list: # of 'module.name'
    called = called_names()
    return [full for full,name in public_names().items() if name not in called]

# ---- the table

def read_table()->dict: # section -> name -> test
    return json.loads(TABLE.read_text(encoding='utf-8'))

def tests_there()->set: # 'test_cli.py::test_results'
    "The names of all tests, from their text"
    return {
        f'{path.name}::{node.name}' for path in (ROOT/'tests').glob('test_*.py')
        for node in ast.parse(path.read_text(encoding='utf-8')).body if isinstance(node, ast.FunctionDef)}

def faults(table:dict, found:dict, there:set, unused:list, offered)->list: # of sentences
    "What is wrong with the table"
    said = []
    for section in SECTIONS:
        named = table.get(section, {})
        said += [f'{section}: {n!r} has no test' for n in found[section] if not named.get(n)]
        said += [f'{section}: {n!r} is no longer promised' for n in named if n not in found[section]]
        gone = {n:t for n,t in named.items() if t and t.split('[')[0] not in there}
        said += [f'{section}: {n!r} names {t}, which is no test' for n,t in gone.items()]
    known = table.get('uncalled', [])
    said += [f'{n} is offered, and no test or notebook calls it' for n in unused if n not in known]
    said += [f'uncalled: {n!r} is no longer offered' for n in known if n not in offered]
    return said

def check()->int: # Exit code
    found,unused,offered = promised(),uncalled(),public_names()
    said = faults(read_table(), found, tests_there(), unused, offered)
    for line in said: print(line)
    if said: print(f'{len(said)} faults in tests/promises.json: name the test that turns red when the promise is lost.')
    else:
        print(
            f'{sum(map(len, found.values()))} promises, each with a test. Of {len(offered)} public functions and '
            f'classes tests and notebooks call {len(offered)-len(unused)}, the others are called by these.')
    return int(bool(said))

# ---- ignoring

def wrong(x):
    "Another value of the same kind; of many the last one is wrong"
    import numpy as np
    if isinstance(x, np.ndarray):
        other = x.copy()
        if x.dtype.kind not in 'fiub' or not x.size: return other
        last = tuple(n-1 for n in x.shape)
        other[last] = ~x[last] if x.dtype.kind=='b' else x[last]+1 if x.dtype.kind in 'iu' else -2*x[last]-1
        return other
    if isinstance(x, bool): return not x
    if isinstance(x, (int,float)): return -2*x-1
    if isinstance(x, str): return x+'?'
    if isinstance(x, (list,tuple)): return [*x[:-1], wrong(x[-1])] if x else ['lost']
    if isinstance(x, dict): return {**x, (last := list(x)[-1]):wrong(x[last])} if x else {'lost':1}
    return 'lost'

def falsify(x, path:str):
    "Put a wrong value at a path, in place; nothing where there is no such field"
    head,_,rest = path.partition('.')
    if not isinstance(x, dict): return
    if head=='{stage}': head = list(x)[-1] if x else head
    if head.endswith('[]'):
        first = rest.split('.')[0].removesuffix('[]')
        for row in [r for r in x.get(head[:-2]) or [] if first in r][-1:]: falsify(row, rest)
    elif rest: falsify(x.get(head), rest)
    elif head in x: x[head] = wrong(x[head])

@contextmanager
def put(place, name, value):
    "Something else under a name, for a while"
    before = getattr(place, name)
    setattr(place, name, value(before))
    try: yield
    finally: setattr(place, name, before)

def ignore_option(name:str):
    "As if it had not been said"
    from nextgenface_nb import command as commands_share
    command,option = name.split(' ')
    parser = commands()[command]
    action = next(a for a in parser._actions if option in option_names(a))
    if isinstance(action, argparse._VersionAction):
        def silent(call): return lambda self, parser, *rest: None if parser.prog==command else call(self, parser, *rest)
        return put(argparse._VersionAction, '__call__', silent)
    both = isinstance(action, argparse.BooleanOptionalAction)
    def forget(read):
        def read_and_forget(parser, args):
            args = read(parser, args)
            said = getattr(args, action.dest, None)
            if parser.prog==command and (not both or said is not option.startswith('--no-')):
                setattr(args, action.dest, action.default)
            return args
        return read_and_forget
    return put(commands_share, 'read_paths', forget)

def ignore_setting(name:str):
    "The library reads the default, whatever was set; the module of the settings itself keeps the true value"
    from nextgenface_nb.config import CheckedSettings, FIELDS
    default = FIELDS[name].default
    def read(own):
        def default_for_readers(self, key):
            if key!=name: return own(self, key)
            module = inspect.currentframe().f_back.f_globals.get('__name__', '')
            reads = module.startswith('nextgenface_nb.') and module!='nextgenface_nb.config'
            return default if reads else own(self, key)
        return default_for_readers
    return put(CheckedSettings, '__getattribute__', read)

def _lose(folder, wanted:str):
    "Remove the last file of a kind"
    files = sorted(p for p in Path(folder).rglob('*') if p.is_file())
    for p in [p for p in files if pattern(p.relative_to(folder).as_posix())==wanted][-1:]: p.unlink()

def ignore_file(name:str):
    "It is not written"
    from nextgenface_nb import batch
    from nextgenface_nb.output import debug, export, replay, report
    what,wanted = name.split(' ')
    def folder_without(own):
        @contextmanager
        def write(*args, **options):
            with own(*args, **options) as part:
                yield part
                _lose(part, wanted)
        return write
    def file_without(own):
        @contextmanager
        def write(path):
            if Path(path).name!=wanted:
                with own(path) as part: yield part
            else:
                with tempfile.TemporaryDirectory() as other: yield Path(other)/wanted
        return write
    def called_without(own):
        def call(self, *args):
            own(self, *args)
            _lose(self.folder, wanted)
        return call
    if what in ('run','export'): return put(report if what=='run' else export, 'writing_folder', folder_without)
    if what=='debug': return put(debug.DebugFiles, '__call__', called_without)
    if what=='state':
        from nextgenface_nb import resume
        return put(resume, 'keep_state', lambda own: lambda *args, **options: None)
    return put(batch if what=='batch' else replay, 'writing', file_without)

def ignore_field(section:str, name:str):
    "A wrong value is written"
    from nextgenface_nb.output import camera, checkpoint, report
    def spoilt(own):
        def make(*args, **options):
            made = copy.deepcopy(own(*args, **options))   # it may hold what is there for all
            falsify(made, name)
            return made
        return make
    if section=='report': return put(report, 'make_report', spoilt)
    if section=='camera': return put(camera, 'camera_table', spoilt)
    def archive(own):
        @contextmanager
        def write(path):
            with own(path) as part:
                yield part
                _falsify_archive(part, name)
        return write
    return put(checkpoint, 'writing', archive)

def _falsify_archive(path, name:str):
    import numpy as np
    with np.load(path) as file: arrays = {k:file[k] for k in file.files}
    own = re.compile(re.escape(name).replace(r'\[\]', r'\.\d+')+'$')
    found = [k for k in arrays if own.match(k)]
    for k in found[-1:]: arrays[k] = wrong(arrays[k])
    if not found:
        about = json.loads(str(arrays['json']))
        falsify(about, name)
        arrays['json'] = np.array(json.dumps(about))
    with open(path, 'wb') as file: np.savez(file, **arrays)

def ignored(section:str, name:str): # A context
    "Within it, a promise is lost"
    if section=='options': return ignore_option(name)
    if section=='settings': return ignore_setting(name)
    if section=='files': return ignore_file(name)
    return ignore_field(section, name)

# ---- the trial

class Trial:
    """For pytest: each test without a fault, with each of its faults, and once more without.
    What the tests of a module share is made in the first of these, and kept."""
    def __init__(self,
        jobs:list, # of (section, name, test), all of one file
        tell,      # Called with section, name and verdict
    ):
        self.jobs,self.tell,self.seen,self.sound = jobs,tell,{},{}

    @pytest.fixture(autouse=True)
    def lost(self, request):
        "The fault, around the test and what is made for it alone"
        which = getattr(request, 'param', None)
        with ignored(*self.jobs[which][:2]) if isinstance(which, int) else nullcontext(): yield

    def pytest_generate_tests(self, metafunc):
        "Every test that is named as often as it is needed"
        named = f'::{metafunc.function.__name__}'
        own = [k for k,(_,_,test) in enumerate(self.jobs) if test.split('[')[0].endswith(named)]
        if own: metafunc.parametrize('lost', ['before', *own, 'after'], indirect=True, ids=lambda k: f'#{k}')

    def pytest_collection_modifyitems(self, items):
        "No others, and each fault with its own parameters"
        names = [test.split('::')[1] for _,_,test in self.jobs]
        def wanted(item):
            k = item.callspec.params.get('lost') if hasattr(item, 'callspec') else None
            if k is None: return False
            return plain_name(item.name) in (names if isinstance(k, str) else names[k:k+1])
        items[:] = [item for item in items if wanted(item)]

    def pytest_runtest_logreport(self, report):
        "How it ended"
        state = self.seen.setdefault(report.nodeid, [0, 0])
        state[0] += report.passed and report.when=='call'
        state[1] += report.failed
        if report.when!='teardown': return
        _give_up_later()
        passed,failed = self.seen.pop(report.nodeid)
        verdict = 'red' if failed else 'green' if passed else 'none'
        test = plain_name(report.nodeid.split('::')[-1])
        k = re.search(r'[\[-]#(\w+)', report.nodeid)[1]
        if k=='before': self.sound[test] = verdict
        elif k=='after':
            if self.sound[test]=='green' and verdict!='green': self.tell('', test, 'ERROR: a fault stayed behind')
        else: self.tell(*self.jobs[int(k)][:2], self.judged(test, verdict))

    def judged(self, test:str, verdict:str)->str:
        if self.sound[test]!='green': return f'ERROR: {test} is {self.sound[test]} without any fault'
        return {'red':'noticed', 'green':'NOT NOTICED'}.get(verdict, f'ERROR: {test} did not run')

def _give_up_later(seconds:float=600.):
    "A test that takes longer ends the process"
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)

def plain_name(name:str)->str:
    "Of a test, without the number of its fault"
    return re.sub(r'\[#\w+\]|(?<=\[)#\w+-|-#\w+(?=\])', '', name)

#: Of pytest: nothing is kept, and what only costs time here is left out
PYTEST = '-q --no-header -p no:cacheprovider -p no:unraisableexception -p no:threadexception'.split()

def try_here(jobs:list): # of (section, name, test), all of one file; prints a line of JSON for each
    "In this process; nothing of a fault may stay"
    said = os.fdopen(os.dup(1), 'w')   # which pytest does not take
    trial = Trial(jobs, lambda *row: print(json.dumps(row), file=said, flush=True))
    _give_up_later()
    with tempfile.TemporaryDirectory() as place, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        file = ROOT/'tests'/jobs[0][2].split('::')[0]
        pytest.main([*PYTEST, f'--basetemp={place}/t', str(file)], plugins=[trial])
    faulthandler.cancel_dump_traceback_later()

def try_in_process(jobs:list): # Iterator of (section, name, verdict)
    "The same in a process for each file of tests; one that dies goes on behind the promise at which it died"
    left = list(jobs)
    while left:
        command = [sys.executable, str(ROOT/'tests'/'promises.py'), '--try']
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
            json.dump(left, child.stdin)
            child.stdin.close()
            for line in child.stdout:
                if not line.startswith('["'): continue
                section,name,verdict = json.loads(line)
                left = [j for j in left if j[:2]!=[section, name]]
                yield section,name,verdict
        if child.returncode and left:
            section,name,_ = left.pop(0)
            yield section,name,f'ERROR: the process ended with {child.returncode}'
            continue
        for section,name,test in left: yield section,name,f'ERROR: there is no {test}'
        return

def ignore_all(words:list, path=None)->int: # Exit code
    "Ignore promises in turn and say what was noticed"
    table = read_table()
    jobs = [[s, n, t] for s in SECTIONS for n,t in table[s].items() if not words or any(w in f'{s} {n}' for w in words)]
    verdicts = {}
    for file in dict.fromkeys(t.split('::')[0] for _,_,t in jobs):
        for section,name,verdict in try_in_process([j for j in jobs if j[2].split('::')[0]==file]):
            print(f'{section:10} {name}: {verdict}', flush=True)
            verdicts[section,name] = verdict
    if path: keep_score(verdicts, table, Path(path))
    noticed = sum(v=='noticed' for v in verdicts.values())
    print(f'{noticed} of {len(jobs)} promises were noticed when they were lost ({noticed/max(1, len(jobs)):.1%}).')
    return int(noticed<len(verdicts))

def keep_score(verdicts:dict, table:dict, path:Path):
    "By section the tests that were seen red; and what was not noticed. What this run has not tried stays as it was"
    try: before = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError): before = {}
    tried = {k:v=='noticed' for k,v in verdicts.items() if k[0]}
    noticed,lost = {},[]
    for section in SECTIONS:
        old = before.get('noticed', {}).get(section, {})
        noticed[section] = {n:t for n,t in table[section].items() if tried.get((section, n), old.get(n)==t)}
        known = [n for s,n in before.get('lost', []) if s==section]
        lost += [[section, n] for n in table[section] if not tried.get((section, n), n not in known)]
    asked = ['git', 'rev-parse', '--short', 'HEAD']
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    score = dict(date=time.strftime('%Y-%m-%d', time.gmtime()), commit=commit, lost=lost, noticed=noticed)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(score, indent=1)+'\n', encoding='utf-8')

def counts(score:dict, table:dict)->dict: # section -> (promised, noticed), all of them under 'all'
    "Promises of today's table, and how many of them were seen to turn their present test red"
    found = {
        s:(len(table[s]), sum(score['noticed'].get(s, {}).get(n)==t for n,t in table[s].items())) for s in SECTIONS}
    return found|dict(all=tuple(map(sum, zip(*found.values()))))

def score_table(score:dict, table:dict)->str: # Markdown
    "One line for each section"
    lines = [f'| {name} | {n} | {k} | {k/n:.1%} |' for name,(n,k) in counts(score, table).items()]
    return '\n'.join(['| | promised | noticed | |', '|---|---|---|---|', *lines])

def main(argv=None)->int: # Exit code
    parser = argparse.ArgumentParser(description='Is every promise noticed when it is lost?')
    parser.add_argument('words', nargs='*', help='only promises with one of these words in their name')
    parser.add_argument('--ignore', action='store_true', help='ignore them in turn')
    parser.add_argument('--json', metavar='FILE', help='keep the score there')
    parser.add_argument('--try', dest='here', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.here:
        try_here(json.load(sys.stdin))
        return 0
    return ignore_all(args.words, args.json) if args.ignore else check()

if __name__=='__main__': sys.exit(main())
