"""What do the tests notice? Faults that nobody thought of: drawn from all that cosmic-ray finds in the modules of some
rooms, put one at a time into a copy of the project, in the module and in the notebook that it comes from.

    python tools/sweep.py --map               which test runs which function; goes on where it stood
    python tools/sweep.py                     the sample; goes on where it stood
    python tools/sweep.py --again survived    those that survived once more, after tests were written
    python tools/sweep.py --round 2           what is new belongs to a second draw: tests were written for the first
    python tools/sweep.py --show              score and survivors of the last run
    python tools/sweep.py --only 3f2a         one mutant, by the beginning of its key: its change, and what it does

First the notebook of the module runs, then the tests and notebooks that ran the function when the map was made, the
quick ones first, at most --seconds of them. The first that is red ends the trial; one that takes five times as long as
it should is red too. A sample of 50 is the beginning of the sample of 200 with the same seed.
"""
from __future__ import annotations
import argparse, ast, collections, contextlib, difflib, functools, hashlib, json, os, re, shutil, signal
import subprocess, sys, tempfile, time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from parso.python.tree import Keyword
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = 'nextgenface_nb'
ROOMS = 'geometry', 'rendering', 'optim', 'output'
STORE = ROOT/'.sweep'
REPORT = ROOT/'data'/'figures'/'sweep.json'
EQUIVALENT = ROOT/'tests'/'equivalent.json'
FLAGS = 'slow anny gpu'  # cells that only a long test runs
# tests of other things than these rooms, most by processes of their own
UNMAPPED = ('test_build', 'test_docs', 'test_setup', 'test_mutants', 'test_soak', 'test_sweep',
            'test_mitsuba_versions', 'test_photo_files', 'test_terminal', 'test_processes')

# ---- what may be changed

class DropKeyword(Operator):
    "A keyword argument is left away: the default counts"
    @staticmethod
    def _places(node):
        if node.type not in ('arglist', 'trailer'): return []
        return [i for i,c in enumerate(node.children) if c.type=='argument' and c.children[1]=='=']

    def mutation_positions(self, node):
        return [(node.children[i].start_pos, node.children[i].end_pos) for i in self._places(node)]

    def mutate(self, node, index):
        i = self._places(node)[index]
        if node.type=='trailer': gone = {i}
        else: gone = {i, i+1} if i+1<len(node.children) else {i-1, i}
        node.children = [c for k,c in enumerate(node.children) if k not in gone]
        return node

    @classmethod
    def examples(cls): return ()

class SkipStatement(Operator):
    "A call whose value nobody takes, `x += y` or `x[i] = y` is left away"
    @staticmethod
    def _is(node):
        if node.parent is None or node.parent.type!='simple_stmt': return False
        last = node.children[-1] if node.type in ('atom_expr', 'power') else None
        if last is not None: return last.type=='trailer' and last.children[0]=='('
        if node.type!='expr_stmt': return False
        target,sign = node.children[:2]
        if sign.type=='operator' and sign.value!='=': return True
        return target.type in ('atom_expr', 'power') and target.children[-1].children[0]=='['

    def mutation_positions(self, node): return [(node.start_pos, node.end_pos)] if self._is(node) else []

    def mutate(self, node, index): return Keyword('pass', node.start_pos, prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls): return ()

def _swaps():
    "Names of cosmic-ray's operators that replace a sign by one for the same kind of values: others end in a TypeError"
    pairs = [(a, b) for a in ('Add', 'Sub', 'Mul', 'Div') for b in ('Add', 'Sub', 'Mul', 'Div') if a!=b]
    pairs += [('FloorDiv', 'Mul'), ('Mod', 'FloorDiv'), ('Pow', 'Mul'), ('LShift', 'RShift'), ('RShift', 'LShift')]
    pairs += [('BitOr', 'BitAnd'), ('BitAnd', 'BitOr'), ('BitXor', 'BitOr')]
    yield from (f'ReplaceBinaryOperator_{a}_{b}' for a,b in pairs)
    pairs = [('Lt', 'LtE'), ('Lt', 'GtE'), ('LtE', 'Lt'), ('LtE', 'Gt'), ('Gt', 'GtE'), ('Gt', 'LtE'), ('GtE', 'Gt')]
    pairs += [('GtE', 'Lt'), ('Eq', 'NotEq'), ('NotEq', 'Eq'), ('Is', 'IsNot'), ('IsNot', 'Is')]
    yield from (f'ReplaceComparisonOperator_{a}_{b}' for a,b in pairs)
    yield from (f'ReplaceUnaryOperator_{name}' for name in ('Delete_USub', 'Delete_Not', 'Delete_Invert'))

NAMES = [*_swaps(), 'ReplaceTrueWithFalse', 'ReplaceFalseWithTrue', 'ReplaceAndWithOr', 'ReplaceOrWithAnd', 'AddNot',
    'ReplaceBreakWithContinue', 'ReplaceContinueWithBreak', 'NumberReplacer', 'ZeroIterationForLoop', 'RemoveDecorator']

@functools.cache
def operators()->dict: # Operator by name
    "What cosmic-ray has, and two of our own"
    found = {name:get_operator(f'core/{name}')() for name in NAMES}
    return found|dict(DropKeyword=DropKeyword(), SkipStatement=SkipStatement())

# ---- where

@dataclass
class Place:
    "A piece of code that may be changed, in one or several ways"
    module:str      # Path within the package
    function:str    # `function`, `Class.method`, or '' outside of both
    start:tuple     # Line (from 1), column
    end:tuple
    name:str        # Tells it from all others, and stays while the lines above change
    ways:list       # Names of operators, and the how-manieth of its changes each would be

def digest(*words)->str: return hashlib.sha256('\0'.join(map(str, words)).encode()).hexdigest()

def functions(tree:ast.Module)->list: # (name, first line, line of `def`, first line of the body, last line)
    "Functions and methods, with what is defined inside of them"
    found = []
    def walk(body, prefix):
        for node in body:
            if isinstance(node, ast.ClassDef): walk(node.body, prefix+node.name+'.')
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                found.append((prefix+node.name, first, node.lineno, node.body[0].lineno, node.end_lineno))
            else: walk([n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)], prefix)
    walk(tree.body, '')
    return found

def function_at(found:list, line:int)->str: return next((n for n,first,*_,last in found if first<=line<=last), '')

MESSAGES = {'print', 'warn'}
TEXTS = {'help', 'description', 'epilog', 'metavar'}

def pointless(tree:ast.Module, lines:list)->list: # (start, end) of what is for readers
    "Annotations, words and numbers of messages: what stands inside of them is not changed"
    inside = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)): inside.append(node.returns)
        elif isinstance(node, (ast.arg, ast.AnnAssign)): inside.append(node.annotation)
        elif isinstance(node, ast.Raise): inside.append(node.exc)
        elif isinstance(node, ast.keyword) and node.arg in TEXTS: inside.append(node)
        elif isinstance(node, ast.JoinedStr): inside.append(node)
        elif isinstance(node, ast.Call) and getattr(node.func, 'id', getattr(node.func, 'attr', '')) in MESSAGES:
            inside += [*node.args, *node.keywords]
    def characters(line, column): return line,len(lines[line-1].encode()[:column].decode())
    return [(characters(n.lineno, n.col_offset), characters(n.end_lineno, n.end_col_offset))
            for n in inside if n is not None]

def places(source:str, module:str)->list:
    "All places of a module in which something may be changed"
    tree,parsed,lines = ast.parse(source),get_ast(source),source.splitlines()
    outside,known = pointless(tree, lines),functions(tree)
    nodes = list(ast_nodes(parsed))
    ways = collections.defaultdict(list)
    for name,operator in operators().items():
        spans = ((start, end) for node in nodes for start,end in operator.mutation_positions(node))
        for n,span in enumerate(spans): ways[span].append((name, n))
    found,seen = [],collections.Counter()
    for (start, end),choice in sorted(ways.items()):
        if any(a<=start and end<=b for a,b in outside): continue
        function = function_at(known, start[0])
        text = '\n'.join(lines[start[0]-1:end[0]])
        name = f'{module}:{function}:{text.strip()}:{start[1]-len(text)+len(text.lstrip())}-{end[1]}'
        seen[name] += 1
        found.append(Place(module, function, start, end, digest(name, seen[name]), choice))
    return found

def rooms_of(package:Path, rooms)->dict: # Modules of every room
    found = {room:[p for p in (package/room).rglob('*.py') if p.name!='__init__.py'] for room in rooms}
    return {room:sorted(p.relative_to(package).as_posix() for p in paths) for room,paths in found.items()}

# ---- which

@dataclass
class Mutant:
    place:Place
    operator:str
    source:str      # The whole module, changed
    before:str      # The lines that differ
    after:str
    key:str         # Of ten characters, the same while the lines are the same

def differences(old:list, new:list)->list: # (first, last + 1) of the old lines, of the new ones
    found = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [spans for kind,*spans in found if kind!='equal']

def mutant(source:str, place:Place, seed:int)->Mutant|None:
    "The change that the seed chooses for this place; None if none of them is a change that Python takes"
    for name,n in sorted(place.ways, key=lambda way: digest(seed, place.name, *way)):
        changed = mutate_code(source, operators()[name], n)
        try:
            if changed is None or ast.dump(ast.parse(changed))==ast.dump(ast.parse(source)): continue
        except SyntaxError: continue
        old,new = source.splitlines(),changed.splitlines()
        def shown(lines): return '\n'.join(x.strip() for x in lines if x.strip() and not MARK.match(x))
        before = shown(line for i,j,_,_ in differences(old, new) for line in old[i:j])
        after = shown(line for _,_,i,j in differences(old, new) for line in new[i:j])
        return Mutant(place, name, changed, before, after, digest(place.name, before, after)[:10])

def sample(package:Path, rooms, count:int, seed:int): # Yields (room, Mutant); the first of them are a sample as well
    "As many of every room, in an order that the seed shuffles: of a place no more than one change, of a room in turn"
    def drawn(modules):
        sources = {m:(package/m).read_text(encoding='utf-8') for m in modules}
        for place in sorted((p for m,s in sources.items() for p in places(s, m)), key=lambda p: digest(seed, p.name)):
            found = mutant(sources[place.module], place, seed)
            if found is not None: yield found
    draws = {room:drawn(modules) for room,modules in rooms_of(package, rooms).items()}
    while count>0 and draws:
        for room,draw in list(draws.items()):
            found = next(draw, None)
            if found is None: del draws[room]
            elif count>0:
                count -= 1
                yield room,found

# ---- in a copy

OUT = shutil.ignore_patterns('.git', '.venv', '.blender', '.sweep', '__pycache__', 'node_modules', 'build', 'dist',
    '_docs', '_proc', '_site', 'jupyter_execute', '.ipynb_checkpoints', '*.egg-info')
RUNNER = """import sys
from nbdev.test import test_nb
sys.exit(not test_nb(sys.argv[1], skip_flags=sys.argv[2].split(), basepath='.', cell_timeout=None)[0])
"""

@contextlib.contextmanager
def workplace():
    "A copy of the project in a temporary folder: nothing is ever changed in the checkout"
    with tempfile.TemporaryDirectory(prefix='sweep-') as name:
        folder = Path(name).resolve()/'copy'
        shutil.copytree(ROOT, folder, ignore=OUT)
        (folder/'run_notebook.py').write_text(RUNNER, encoding='utf-8')
        yield folder

def run(command:list, folder:Path, seconds:float)->tuple: # Exit code (None: took too long), what it printed
    "A process in the copy, ended with all its children when its time is over"
    environment = dict(os.environ, PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE='1', OMP_NUM_THREADS='1',
        OMP_WAIT_POLICY='passive', MPLBACKEND='agg')
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen([sys.executable, *map(str, command)], cwd=folder, env=environment, stdout=printed,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        try: code = process.wait(seconds)
        except subprocess.TimeoutExpired: code = None
        finally:
            if os.name=='posix':
                with contextlib.suppress(ProcessLookupError): os.killpg(process.pid, signal.SIGKILL)
            elif process.poll() is None: process.kill()
            process.wait()
        printed.seek(0)
        return code,printed.read().decode(errors='replace')

def pytest_command(tests:list)->list:
    return [*'-m pytest -x -q --no-header --tb=line -p no:cacheprovider -m'.split(), 'not slow', *tests]

def notebook_command(name:str)->list: return ['run_notebook.py', name, FLAGS]

MARK = re.compile(r'^# %% (?:\.\./)+(\S+\.ipynb) #(\S+)$')

def own_cell(lines:list, line:int)->tuple: # Notebook, id of the cell, number of its first line
    "Where a line of a module comes from"
    for n in range(line-1, -1, -1):
        found = MARK.match(lines[n])
        if found: return found[1],found[2],n+1
    raise ValueError(f'line {line} comes from no cell')

def change_notebook(folder:Path, change:Mutant, source:str)->tuple: # Name of the notebook, its text, changed
    "The same change in the cell that the module was exported from"
    old,new = source.splitlines(),change.source.splitlines()
    name,cell_id,begin = own_cell(old, change.place.start[0])
    notebook = json.loads((folder/name).read_text(encoding='utf-8'))
    cell = next(c for c in notebook['cells'] if c.get('id')==cell_id)
    lines = ''.join(cell['source']).split('\n')
    skipped = next(n for n,line in enumerate(lines) if line.strip() and not line.startswith('#|'))
    for i,j,k,l in reversed(differences(old, new)):
        i = max(i, begin) # with a decorator the comment above it goes, which is the mark of the cell
        a,b = i-begin+skipped,j-begin+skipped
        if lines[a:b]!=old[i:j]: raise ValueError(f'{name}, cell {cell_id}: not what stands in {change.place.module}')
        lines[a:b] = new[k:l]
    cell['source'] = '\n'.join(lines)
    return name,json.dumps(notebook, ensure_ascii=False)

# ---- which test runs what

def covered(data, folder:Path, notebook:bool)->dict: # module -> function -> tests; '*': outside of any, as in a fixture
    "The functions of the package whose bodies ran, and in which tests"
    found = {}
    for path in map(Path, data.measured_files()):
        module = path.relative_to(folder/PACKAGE).as_posix()
        known = functions(ast.parse(path.read_text(encoding='utf-8')))
        by_function = collections.defaultdict(set)
        for line,contexts in data.contexts_by_lineno(str(path)).items():
            for name,first,define,body,last in known:
                if not first<=line<=last or line<body: continue
                if define==body: # to define it runs the same line
                    contexts = [] if notebook else [c for c in contexts if c]
                by_function[name] |= {c.rpartition('.')[2] if c else '*' for c in contexts}
        if by_function: found[module] = {name:sorted(tests) for name,tests in by_function.items() if tests}
    return found

def measure(name:str, folder:Path, limit:float)->dict:
    "Run a notebook or a file of tests under coverage.py: its seconds, those of its tests, and what they run"
    from coverage import CoverageData
    settings,data,times = folder/'sweep.rc',folder/'sweep.data',folder/'sweep.xml'
    for path in (data, times): path.unlink(missing_ok=True)
    lines = '[run]', f'source_pkgs = {PACKAGE}', f'data_file = {data}', 'dynamic_context = test_function'
    settings.write_text('\n'.join(lines), encoding='utf-8')
    notebook = name.endswith('.ipynb')
    if notebook: command = notebook_command(name)
    else: command = [w for w in pytest_command([name]) if w!='-x']+[f'--junitxml={times}']
    begun = time.time()
    code,printed = run(['-m', 'coverage', 'run', f'--rcfile={settings}', *command], folder, limit)
    found = dict(seconds=round(time.time()-begun, 1), code=code, hash=digest((folder/name).read_bytes())[:16])
    if code is None: return found|dict(covers={}, tests={}, red=[f'took more than {limit:.0f} s'])
    tests,red = collections.Counter(),set()
    if not notebook and times.exists():
        for case in ElementTree.parse(times).iter('testcase'):
            test = case.get('name').partition('[')[0]
            tests[test] += float(case.get('time'))
            if any(case.find(kind) is not None for kind in ('failure', 'error')): red.add(test)
    if code and not red: red = {printed.strip().splitlines()[-1][:200] if printed.strip() else 'red'}
    measured = CoverageData(str(data))
    if data.exists(): measured.read()
    covers = covered(measured, folder, notebook) if data.exists() else {}
    return found|dict(covers=covers, tests={t:round(s, 2) for t,s in tests.items()}, red=sorted(red))

def write(path:Path, what):
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(path.name+'.part')
    part.write_text(json.dumps(what, indent=1, ensure_ascii=False)+'\n', encoding='utf-8')
    os.replace(part, path)

def read(path:Path, otherwise): return json.loads(path.read_text(encoding='utf-8')) if path.exists() else otherwise

def own_notebooks(rooms)->list:
    "The notebooks that the modules of these rooms come from"
    found = []
    for modules in rooms_of(ROOT/PACKAGE, rooms).values():
        for module in modules:
            lines = (ROOT/PACKAGE/module).read_text(encoding='utf-8').splitlines()
            found += sorted({m[1] for m in map(MARK.match, lines) if m})
    return list(dict.fromkeys(found))

def add_to_map(name:str, folder:Path, limit:float)->dict: # The whole map
    "Measure a notebook or a file of tests, if that was not done since it was changed"
    known = read(STORE/'map.json', {})
    if known.get(name, {}).get('hash')==digest((folder/name).read_bytes())[:16]: return known
    known[name] = measure(name, folder, limit)
    write(STORE/'map.json', known)
    print(f"     {known[name]['seconds']:4.0f} s  {name}", *known[name]['red'], sep='\n   red: ', flush=True)
    return known

def make_map(rooms, only:list, limit:float):
    "Measure what is not measured yet, or was changed since: the notebooks of the rooms, then the files of tests"
    tests = [p for p in sorted(ROOT.glob('tests/test_*.py')) if p.stem not in UNMAPPED]
    names = own_notebooks(rooms)+[f'tests/{p.name}' for p in tests]
    with workplace() as folder:
        for name in [n for n in names if not only or any(word in n for word in only)]: add_to_map(name, folder, limit)

# ---- the trial

START = 8 # Seconds until a process has imported what it needs

def chosen(known:dict, module:str, function:str, own:str)->list: # (file, its tests or None, seconds), quick ones first
    "What ran this function: outside of a function, what ran any function of the module"
    found = []
    for name,entry in known.items():
        covers = entry['covers'].get(module, {})
        tests = set(covers.get(function, [])) if function else {t for ts in covers.values() for t in ts}
        if not tests or name==own: continue
        if name.endswith('.ipynb'):
            if not entry['red']: found.append((name, None, entry['seconds']))
            continue
        green = {t:s for t,s in entry['tests'].items() if t not in entry['red'] and ('*' in tests or t in tests)}
        if green: found.append((name, list(green), sum(green.values())+START))
    return sorted(found, key=lambda run: run[2])

def check_environment(folder:Path):
    "A library that is gone in the middle of a sweep would make everything red"
    code,printed = run(['-c', 'import coverage, mitsuba, nbdev, pytest, torch'], folder, 300)
    if code!=0: sys.exit(f'The libraries that the tests need cannot be imported any more:\n{printed}')

def library(folder:Path)->str: # A digest of all modules
    return digest(*(p.read_bytes() for p in sorted((folder/PACKAGE).rglob('*.py'))))

FOLDERS = re.compile(r'(?:/[\w.-]+)+/') # of temporary files: no business of a report

def trial(folder:Path, change:Mutant, known:dict, seconds:float, green=())->dict: # status, by, left, green
    "Notebook, tests, other notebooks, until one is red; what was green before with the same library is not asked again"
    module = folder/PACKAGE/change.place.module
    here = library(folder)
    def state(file): return f'{file} {digest((folder/file).read_bytes(), here)[:10]}'
    source = module.read_text(encoding='utf-8')
    name,text = change_notebook(folder, change, source)
    original = (folder/name).read_text(encoding='utf-8')
    try:
        own = known[name]
        runs = [] if own['red'] else [(name, None, own['seconds'])]
        more = chosen(known, change.place.module, change.place.function, name)
        quick = sum(sum(r[2] for r in more[:n+1])<=seconds for n in range(len(more)))
        runs,left = runs+more[:quick],len(more)-quick
        states = {file:state(file) for file,*_ in runs} # before the notebook is changed
        module.write_text(change.source, encoding='utf-8')
        (folder/name).write_text(text, encoding='utf-8')
        for file,tests,usual in runs:
            if states[file] in green: continue
            if tests is None: code,printed = run(notebook_command(file), folder, 5*usual+60)
            else:
                listed = folder/'sweep.tests'
                listed.write_text('\n'.join(f'{file}::{t}' for t in tests), encoding='utf-8')
                code,printed = run(pytest_command([f'@{listed}']), folder, 5*usual+60)
            if code and re.search(r'(ModuleNotFound|Import)Error', printed): check_environment(folder)
            if code in (4, 5) and tests and 'ERROR collecting' not in printed: # a mutant may spoil an import
                raise RuntimeError(f'{file}: pytest ended with {code}\n{printed[-1500:]}')
            if code is None: return dict(status='noticed', by=f'{file}: takes too long', left=0)
            if code:
                red = re.search(r'^FAILED (\S+)', printed, re.M)
                said = re.findall(r'^(?:E +)?((?:\w+\.)*\w*(?:Error|Exception|assert)\b.*)', printed, re.M) or ['']
                return dict(status='noticed', by=red[1] if red else file, said=FOLDERS.sub('', said[-1])[:160], left=0)
        return dict(status='survived', by='', left=left, green=list(states.values()))
    finally:
        module.write_text(source, encoding='utf-8')
        (folder/name).write_text(original, encoding='utf-8')

def provenance()->dict:
    commit = subprocess.run(['git', 'rev-parse', '--short', 'HEAD'], cwd=ROOT, capture_output=True, text=True)
    return dict(commit=commit.stdout.strip(), date=time.strftime('%Y-%m-%d %H:%M'))

def last_round(report:dict)->int: return max((m.get('round', 1) for m in report['mutants'].values()), default=1)

def put_away(report:dict, numbers:dict, count:int):
    "What is not of the sample any more, as its code was rewritten, counts no longer; the numbers are those of today"
    for key,known in list(report['mutants'].items()):
        if key in numbers: known['number'] = numbers[key]
        elif known['number']<count: report['gone'][key] = report['mutants'].pop(key)

def sweep(args):
    "Try what is not tried yet, and keep every verdict at once"
    report = read(args.json, {})
    if report and report['seed']!=args.seed:
        sys.exit(f"{args.json.name} holds seed {report['seed']}; move it away first.")
    report = dict(rooms={}, mutants={}, gone={})|report|dict(seed=args.seed)
    equivalent,drawn = read(EQUIVALENT, {}),args.round or last_round(report)
    with workplace() as folder:
        where = run(['-c', f'import {PACKAGE}; print({PACKAGE}.__file__)'], folder, 60)[1].strip().splitlines()[-1:]
        if not where or not where[0].startswith(str(folder)): sys.exit(f'Another library would be tested: {where}')
        for room,modules in rooms_of(folder/PACKAGE, args.rooms).items():
            report['rooms'][room] = sum(len(places((folder/PACKAGE/m).read_text(encoding='utf-8'), m)) for m in modules)
        changes = list(sample(folder/PACKAGE, ROOMS, args.number, args.seed))
        put_away(report, {change.key:number for number,(_,change) in enumerate(changes)}, len(changes))
        for number,(room,change) in enumerate(changes):
            if room not in args.rooms: continue
            before = report['mutants'].get(change.key)
            if args.only:
                if not change.key.startswith(args.only): continue
            elif before and before['status'] not in args.again or change.key in equivalent and before: continue
            source = (folder/PACKAGE/change.place.module).read_text(encoding='utf-8')
            known = add_to_map(own_cell(source.splitlines(), change.place.start[0])[0], folder, args.limit)
            report['asked'] = sorted(known)
            begun = time.time()
            verdict = trial(folder, change, known, args.seconds, (before or {}).get('green', ()))
            longer = not before or before['seconds']<args.seconds # the first look that is as long as this one
            first = verdict['status'] if longer else before['first']
            report['mutants'][change.key] = dict(number=number, room=room, module=change.place.module,
                function=change.place.function, line=change.place.start[0], operator=change.operator,
                round=before.get('round', 1) if before else drawn,
                before=change.before, after=change.after, first=first, **verdict, seconds=args.seconds,
                took=round(time.time()-begun), **provenance())
            report['mutants'] = dict(sorted(report['mutants'].items(), key=lambda m: m[1]['number']))
            write(args.json, report)
            print(f"{number:4d} {change.key} {verdict['status']:8s} {time.time()-begun:4.0f} s  {change.place.module} "
                f"{change.place.function}: {verdict['by'] or verdict['left']}", flush=True)

# ---- the score

def counts(report:dict, equivalent:dict)->dict: # room -> tried, noticed, equivalent, survived
    "By room, in all, and of the last draw alone where there were several"
    found = collections.defaultdict(collections.Counter)
    last = last_round(report)
    for key,m in report['mutants'].items():
        kind = 'noticed' if m['status']=='noticed' else 'equivalent' if key in equivalent else 'survived'
        for room in (m['room'], 'all', *[f'draw {last}']*(m.get('round', 1)==last>1)):
            found[room].update(('tried', kind))
            found[room]['first'] += m['first']=='noticed'
    return {room:found[room] for room in [*report['rooms'], 'all', f'draw {last}'] if found[room]['tried']}

def table(report:dict, equivalent:dict)->str:
    "The score as a table in Markdown"
    from scipy.stats import binomtest
    heads = ['room', 'places', 'tried', 'noticed at first', 'noticed today', 'change nothing', 'survive']
    lines = ['| '+' | '.join(heads+['score at first', 'its 95 % interval', 'score today'])+' |', '|---'*10+'|']
    for room,c in counts(report, equivalent).items():
        all_rooms = '' if room.startswith('draw') else sum(report['rooms'].values())
        where,real = report['rooms'].get(room, all_rooms),max(c['tried']-c['equivalent'], 1)
        low,high = binomtest(c['first'], real).proportion_ci(method='wilson')
        values = [room, where, c['tried'], c['first'], c['noticed'], c['equivalent'], c['survived']]
        values += [f"{100*c['first']/real:.0f} %", f'{100*low:.0f} - {100*high:.0f} %',
            f"{100*c['noticed']/real:.0f} %"]
        lines.append('| '+' | '.join(map(str, values))+' |')
    gone = report.get('gone', {}).values()
    if gone:
        lines += ['', f"{len(gone)} of an earlier draw count no longer, as their code was rewritten since; "
            f"{sum(m['first']=='noticed' for m in gone)} of them had been noticed at first."]
    return '\n'.join(lines)

def survivors(report:dict, equivalent:dict, room:str='')->str:
    "What nobody noticed, change by change"
    parts = []
    for key,m in report['mutants'].items():
        if m['status']=='noticed' or key in equivalent or room not in ('', m['room']): continue
        left = f" ({m['left']} slow ones not run)" if m['left'] else ''
        parts.append(f"{key} {m['module']}:{m['line']} {m['function']}{left}")
        for sign,lines in (('-', m['before']), ('+', m['after'])):
            parts += [f'  {sign} {line}' for line in lines.split('\n')]
    return '\n'.join(parts)

def main():
    about,examples = __doc__.split('\n\n')[:2]
    parser = argparse.ArgumentParser(description=about, epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag('--map', action='store_true', help='measure which test runs which function')
    flag('--show', action='store_true', help='print score and survivors of what was tried')
    flag('--number', type=int, default=200, help='how many mutants; default 200')
    flag('--seed', type=int, default=0)
    flag('--json', type=Path, default=REPORT, metavar='FILE', help='where the figures are kept; default %(default)s')
    flag('--rooms', nargs='*', default=ROOMS, 
        help='only what the sample has of these folders of the package')
    flag('--seconds', type=float, default=240, help='for the tests of one mutant after its notebook; default 240')
    flag('--round', type=int, default=0, metavar='N',
        help='to which draw belongs what is tried for the first time; default the last one')
    flag('--again', nargs='*', default=[], choices=['survived', 'noticed'], help='try those once more')
    flag('--only', default='', metavar='KEY', help='try this mutant')
    flag('--files', nargs='*', default=[], metavar='WORD', help='with --map: files with these words in their names')
    flag('--limit', type=float, default=900, help='with --map: seconds for one file')
    args = parser.parse_args()
    if args.map: return make_map(args.rooms, args.files, args.limit)
    if not args.show: sweep(args)
    report,equivalent = read(args.json, dict(rooms={}, mutants={})),read(EQUIVALENT, {})
    print(table(report, equivalent), survivors(report, equivalent), sep='\n\n')

if __name__=='__main__': main()
