"""Stubs (`.pyi`) of the public modules: what a user's type checker and editor read in place of the modules.

A checker does not know what fastcore's `patch` does, and misses methods that were added by it. So every public module that
has such methods gets a stub beside it, made from the module itself: its public names, with patched functions in their
classes, types, defaults and docstrings, and no bodies. The docstrings of all public modules go into helptext.json as well,
which `help()` tells. `python tools/stubs.py` writes them; with --check it only says which are not those of today.
"""
import ast, copy, functools, io, json, subprocess, sys, textwrap, tokenize
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent))
from docments import parameters, patched
from layers import modules
from hints import METHOD, PACKAGE, PUBLIC, away, in_classes
from lines import WIDTH

HEAD = '# Made by tools/stubs.py from the module beside it\n'
#: Decorators that say something about types
KEPT = {'property', 'cached_property', 'classmethod', 'staticmethod', 'abstractmethod', 'dataclass', 'contextmanager',
    'contextlib.contextmanager', 'overload'}
#: What decides whether a function that returns `A|B` gives A (False) or B (True)
CHOICE = 'as_array'
#: Modules of what public classes inherit methods from
ABOVE = ('rendering.interface',)
NOTHING = ast.Expr(ast.Constant(...))

def parsed(text:str)->ast.Module:
    "The tree of a module, in which every function has its docments: `remarks`, name or 'return' -> text"
    tree = ast.parse(text)
    said,beside = remarks(text),remarks(text, above=False)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef): node.remarks = docments(node, said)
        if isinstance(node, ast.ClassDef) and is_dataclass(node): node.remarks = fields(node, beside)
    return tree

def is_dataclass(node:ast.ClassDef)->bool: return any('dataclass' in ast.unparse(d) for d in node.decorator_list)

def fields(node:ast.ClassDef, said:dict)->dict: # name -> text
    "Comments beside the fields of a dataclass; what stands above is the heading of several"
    return {n.target.id:said[n.lineno] for n in node.body
        if isinstance(n, ast.AnnAssign) and n.lineno in said and shown(n.target.id)}

#: The same for who only looks: every stub asks for all modules
read_once = functools.lru_cache(None)(parsed)

def remarks(text:str, above:bool=True)->dict: # line -> text of its comment
    "What comments say of lines of code; what stands alone above a line comes first, if it is wanted"
    found,before = {},[]
    for t in tokenize.generate_tokens(io.StringIO(text).readline):
        if t.type==tokenize.COMMENT:
            before.append(t.string.lstrip('#: '))
            if not t.line.lstrip().startswith('#'): found[t.start[0]] = ' '.join(before if above else before[-1:])
        elif t.type in (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            if t.line.strip() and not t.line.lstrip().startswith('#'): before = []
        elif before and above: found.setdefault(t.start[0], ' '.join(before))
    return found

def docments(node:ast.FunctionDef, said:dict)->dict: # name or 'return' -> text
    "Comments on the parameters, each on a line of its own, and on what comes back"
    every = parameters(node)
    own = [p for p in every if p.lineno>node.lineno and sum(q.lineno==p.lineno for q in every)==1]
    found = {p.arg:said[p.lineno] for p in own if p.lineno in said}
    end = node.returns.end_lineno if node.returns else 0
    if end in said and end not in {p.lineno for p in own}: found['return'] = said[end]
    return found

def has_patches(text:str)->bool:
    "Is a public method added to a class of this module?"
    tree = ast.parse(text)
    classes = {n.name for n in tree.body if isinstance(n, ast.ClassDef)}
    return any(isinstance(n, ast.FunctionDef) and patched(n) in classes and shown(n.name) for n in tree.body)

#: What Python calls, and would let a checker believe that any name is an attribute
ANY_NAME = '__getattr__','__setattr__'

def shown(name:str)->bool:
    "Public, or something that Python calls"
    return not name.startswith('_') or name.startswith('__') and name.endswith('__') and name not in ANY_NAME

def decorators(node)->list: # of nodes
    "Those that a checker has to know"
    return [d for d in node.decorator_list if ast.unparse(d.func if isinstance(d, ast.Call) else d) in KEPT]

def docstring(node)->list: # of one statement, or none
    "What the function or class says of itself"
    told = ast.get_docstring(node) or ''
    lines = [line for part in told.split('\n') for line in textwrap.wrap(part, 100)]
    text = '\n'.join(lines+of_parameters(getattr(node, 'remarks', {}))).strip()
    return [ast.Expr(ast.Constant(text))] if text else []

def of_parameters(remarks:dict)->list: # of lines
    "Docments as numpydoc has them, for those who see no comments: editors, and who asks them"
    indented = lambda text: textwrap.wrap(text, 96, initial_indent='    ', subsequent_indent='    ')
    each = [line for name,text in remarks.items() if name!='return' for line in (name, *indented(text))]
    back = indented(remarks['return']) if 'return' in remarks else []
    return (['', 'Parameters', '----------', *each] if each else [])+(['', 'Returns', '-------', *back] if back else [])

def hollow(node:ast.FunctionDef)->ast.FunctionDef:
    "A function without its body; every default is there, and none is told"
    a = node.args
    a.defaults = [ast.Constant(...) for _ in a.defaults]
    a.kw_defaults = [d and ast.Constant(...) for d in a.kw_defaults]
    node.body = docstring(node) or [NOTHING]
    node.decorator_list = decorators(node)
    if node.name=='__init__' and node.returns is None: node.returns = ast.Constant(None)
    return node

def annotation(value, known:dict)->ast.expr:
    "The type of what is assigned, where one can see it; else anything"
    if isinstance(value, ast.Name) and known.get(value.id): return known[value.id]
    if isinstance(value, ast.Constant) and type(value.value) in (bool, int, float, str):
        return ast.Name(type(value.value).__name__)
    made = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id
    return ast.Name(made) if made and made[0].isupper() else ast.Name('Any')

def pairs(node)->list: # of (target, annotation or None, value)
    "What a statement assigns"
    if isinstance(node, ast.AnnAssign): return [(node.target, node.annotation, node.value)]
    if not isinstance(node, ast.Assign): return []
    target,value = node.targets[0],node.value
    if not isinstance(target, ast.Tuple): return [(target, None, value)]
    each = value.elts if isinstance(value, ast.Tuple) else [None]*len(target.elts)
    return [(t, None, v) for t,v in zip(target.elts, each)]

def attributes(node:ast.FunctionDef)->dict: # name -> annotation
    "What `__init__` hangs on an object"
    known = {a.arg:a.annotation for a in node.args.args+node.args.kwonlyargs}
    each = [p for statement in ast.walk(node) for p in pairs(statement)]
    own = [p for p in each if isinstance(p[0], ast.Attribute) and getattr(p[0].value, 'id', '')=='self']
    return {t.attr:kind or annotation(value, known) for t,kind,value in reversed(own) if shown(t.attr)}

def declared(name:str, kind, value=None)->ast.AnnAssign:
    "name: kind = value"
    return ast.AnnAssign(ast.Name(name), kind, value, 1)

def field_value(value): # None: the field has no default
    "Of a field of a dataclass: that there is a default; a `field` that says more stays"
    if not (isinstance(value, ast.Call) and ast.unparse(value.func)=='field'): return value and ast.Constant(...)
    words = {k.arg for k in value.keywords}
    if 'init' in words: return value
    return ast.Constant(...) if words&{'default', 'default_factory'} else None

def by_choice(node:ast.FunctionDef)->list: # of functions
    "Both ways of one that returns this or that, by what `CHOICE` says; else itself"
    names = [a.arg for a in node.args.kwonlyargs]
    if CHOICE not in names or not isinstance(node.returns, ast.BinOp): return [node]
    def way(value, returns, told):
        one = copy.deepcopy(node)
        k = names.index(CHOICE)
        one.args.kwonlyargs[k].annotation = ast.parse(f'Literal[{value}]', mode='eval').body
        one.args.kw_defaults[k] = None if value else ast.Constant(...)
        one.returns = returns
        one.body = one.body if told else [NOTHING]
        one.decorator_list = [ast.Name('overload'), *one.decorator_list]
        return one
    return [way(False, node.returns.left, True), way(True, node.returns.right, False)]

def overloaded(body:list)->set: # of str
    "Functions of which every way is told: what they do is for Python alone"
    return {n.name for n in body if isinstance(n, ast.FunctionDef) and 'overload' in map(ast.unparse, n.decorator_list)}

def by_literal(node)->bool:
    "Does a part of it have two ways by `CHOICE`?"
    return any(isinstance(n, ast.Subscript) and getattr(n.value, 'id', '')=='Literal' for n in ast.walk(node))

def class_member(node)->list: # of nodes
    "A statement of a class as the stub has it"
    if isinstance(node, ast.FunctionDef): return by_choice(hollow(node)) if shown(node.name) else []
    if isinstance(node, ast.AnnAssign):
        return [declared(node.target.id, node.annotation, field_value(node.value))] if shown(node.target.id) else []
    found = [(t.id, annotation(value, {})) for t,_,value in pairs(node) if isinstance(t, ast.Name) and shown(t.id)]
    return [declared(name, kind) for name,kind in found]

def hollow_class(node:ast.ClassDef)->ast.ClassDef:
    "A class: fields, what `__init__` makes, methods"
    start = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name=='__init__'), None)
    made = attributes(start) if start else {}
    told = docstring(node)
    ways = overloaded(node.body)
    rest = [n for n in node.body[ast.get_docstring(node) is not None:] if not (getattr(n, 'name', '') in ways and not n.decorator_list)]
    body = [m for n in rest for m in class_member(n)]
    names = {n.name for n in body if isinstance(n, ast.FunctionDef)}|{
        n.target.id for n in body if isinstance(n, ast.AnnAssign)}
    own = [declared(name, kind) for name,kind in made.items() if name not in names]
    node.body = told+own+body or [NOTHING]
    node.decorator_list = decorators(node)
    return node

def as_it_is(node:ast.Assign)->bool:
    "What a checker works out by itself: the list of names, variables of types"
    made = ast.unparse(node.value.func) if isinstance(node.value, ast.Call) else ''
    return getattr(node.targets[0], 'id', '')=='__all__' or made=='TypeVar'

def statement(node)->list: # of nodes
    "A statement of a module as the stub has it"
    if isinstance(node, (ast.Import, ast.ImportFrom)): return [node]
    if isinstance(node, ast.If): return node.body if ast.unparse(node.test)=='TYPE_CHECKING' else []
    if isinstance(node, ast.FunctionDef): return [hollow(node)] if shown(node.name) and not patched(node) else []
    if isinstance(node, ast.ClassDef): return [hollow_class(node)] if shown(node.name) else []
    if isinstance(node, ast.Assign) and as_it_is(node): return [node]
    return [declared(t.id, kind or annotation(value, {})) for t,kind,value in pairs(node)
        if isinstance(t, ast.Name) and shown(t.id)]

def used_imports(body:list)->list: # of nodes
    "Imports of what the stub names"
    words = {n.id for part in body for n in ast.walk(part) if isinstance(n, ast.Name)}
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, 'module', '')!='__future__':
            node.names = [a for a in node.names if (a.asname or a.name.partition('.')[0]) in words]
    return [n for n in body if not isinstance(n, (ast.Import, ast.ImportFrom)) or n.names]

def guests(text:str, others:dict)->list: # of (function, import of the classes that its types name)
    "Public methods that other modules (name -> text) add to classes of this one"
    own = {n.name for n in ast.parse(text).body if isinstance(n, ast.ClassDef)}
    found = []
    for module,other in others.items():
        body = read_once(other).body
        classes = {n.name for n in body if isinstance(n, ast.ClassDef)}
        for n in body:
            if not (isinstance(n, ast.FunctionDef) and patched(n) in own-classes and shown(n.name)): continue
            n = copy.deepcopy(n)
            n.decorator_list += [ast.Name(METHOD[f'@{word}'][1:]) for word in map(ast.unparse, n.decorator_list)
                if f'@{word}' in METHOD]
            named = sorted({a.id for a in ast.walk(n.returns or n) if isinstance(a, ast.Name)}&classes)
            found.append((n, ast.ImportFrom(f'{PACKAGE.name}.{module}', [ast.alias(c) for c in named], 0)))
    return found

def stub(text:str, others=None)->str: # others: name -> text of the package's other modules
    "The stub of a module"
    tree = parsed(in_classes(text)[0])
    elsewhere = {n.name for n in away(ast.parse(text))}
    tree.body = [n for n in tree.body if not (isinstance(n, ast.FunctionDef) and n.name in elsewhere)]
    for function,types in guests(text, others or {}):
        home = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name==patched(function))
        function.args.args[0].annotation = None
        home.body.append(function)
        tree.body.append(types)
    body = [s for node in tree.body for s in statement(node)]
    future = [n for n in body if isinstance(n, ast.ImportFrom) and n.module=='__future__']
    known = any(a.name=='Any' for n in body if isinstance(n, ast.ImportFrom) for a in n.names)
    any_type = [] if known else ast.parse('from typing import Any').body
    any_type += ast.parse('from typing import Literal, overload').body if any(by_literal(n) for n in body) else []
    body = future+used_imports(any_type+[n for n in body if n not in future])
    tree.body = docstring(tree)+body
    return HEAD+ast.unparse(ast.fix_missing_locations(tree))+'\n'

def laid_out(text:str)->str:
    "In lines that one can read"
    command = sys.executable,'-m','ruff','format','--isolated','--line-length',str(WIDTH),'--stdin-filename','stub.pyi','-'
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding='utf-8').stdout

def stubs()->dict: # path -> text
    "Of every public module to which methods are patched"
    files = [PACKAGE/f'{name.replace(".", "/")}.py' for name in (*PUBLIC, *ABOVE)]
    texts = {file:file.read_text(encoding='utf-8') for file in files}
    every = {name:file.read_text(encoding='utf-8') for name,file in modules().items()}
    return {file.with_suffix('.pyi'):laid_out(stub(text, every)) for file,text in texts.items() if has_patches(text)}

#: What `help` reads
HELP = PACKAGE/'helptext.json'

def docstrings(text:str)->dict: # name, or Class.method -> docstring
    "Those of a stub that say more than the module's own: with parameters, or what comes back"
    tree = ast.parse(text)
    found = [(n.name, n) for n in tree.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))]
    found += [(f'{c.name}.{m.name}', m) for c in tree.body if isinstance(c, ast.ClassDef)
        for m in c.body if isinstance(m, ast.FunctionDef)]
    told = {name:ast.get_docstring(node) or '' for name,node in reversed(found)}   # of several ways the first
    return {name:doc for name,doc in sorted(told.items()) if '\n---' in doc}

def help_text()->str: # JSON
    "Docstrings of all public modules"
    every = {name:file.read_text(encoding='utf-8') for name,file in modules().items()}
    each = {name:docstrings(stub(every[name], every)) for name in sorted((*PUBLIC, *ABOVE)) if name in every}
    return json.dumps({name:docs for name,docs in each.items() if docs}, indent=1, ensure_ascii=False)+'\n'

def main()->int: # Exit code
    "Write them, or say which are old"
    wanted = {**stubs(), HELP:help_text()}
    there = {path:path.read_text(encoding='utf-8') for path in (*PACKAGE.rglob('*.pyi'), HELP) if path.is_file()}
    old = [path for path in {**there, **wanted} if there.get(path)!=wanted.get(path)]
    if '--check' in sys.argv:
        for path in old: print(f'{path.relative_to(PACKAGE.parent)} is not of today: python tools/stubs.py')
        return bool(old)
    for path in old:
        if path in wanted: path.write_text(wanted[path], encoding='utf-8')
        else: path.unlink()
    print(f'{len(wanted)-1} stubs and {HELP.name}, {len(old)} of them changed')
    return 0

if __name__=='__main__': sys.exit(main())
