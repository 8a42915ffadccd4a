"The layers of the package: which module may import which, read from the code itself"
import ast, sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent/'nextgenface_nb'

#: From the ground up. A module imports what stands in a layer below its own, or in its own layer without going round in a circle.
LAYERS = {
    'ground': 'errors helptext names processes interrupts surroundings reading terminal files config places command',
    'pictures and numbers': 'colour lens imaging radiance geometry metrics',
    'what is looked for and lit': 'landmarks light',
    'models': 'facemodel',
    'rendering': 'rendering',
    'face': 'face',
    'pipeline': 'pipeline',
    'solvers': 'optim',
    'output': 'output',
    'reconstruction': 'reconstruction resume batch',
    'results': 'results',
    'evaluation': 'evaluation',
    'for people': 'widgets cli cli_export cli_replay public'}

def modules()->dict: # name without the package's -> file
    "All modules of the package"
    found = {'.'.join(f.relative_to(PACKAGE).with_suffix('').parts):f for f in sorted(PACKAGE.rglob('*.py'))}
    return {name:f for name,f in found.items() if not name.endswith('__init__') and name!='_modidx'}

def absolute(node:ast.ImportFrom, module:str)->str|None: # without the package's name; None: of elsewhere
    if not node.level:
        head,_,rest = (node.module or '').partition('.')
        return rest if head==PACKAGE.name else None
    base = module.split('.')[:-node.level]
    return '.'.join([*base, *([node.module] if node.module else [])])

def imports(module:str, text:str, known)->set: # of modules
    "What a module imports of the package, within functions too"
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {a.name.partition('.')[2] for a in node.names if a.name.startswith(PACKAGE.name+'.')}
        elif isinstance(node, ast.ImportFrom) and (base := absolute(node, module)) is not None:
            below = {'.'.join(filter(None, (base, a.name))) for a in node.names}
            found |= {base} if base in known else below
    return found & set(known)-{module}

def graph()->dict: # module -> set of modules
    "All imports within the package"
    known = modules()
    return {name:imports(name, f.read_text(encoding='utf-8'), known) for name,f in known.items()}

def in_functions(text:str)->list: # of nodes
    "Import statements within functions"
    return [node for f in ast.walk(ast.parse(text)) if isinstance(f, ast.FunctionDef)
        for node in ast.walk(f) if isinstance(node, (ast.Import, ast.ImportFrom))]

def at_once(text:str)->str:
    "What of a module runs when it is imported: without functions and classes, and what only type checkers read"
    body = [n for n in ast.parse(text).body if not isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    return '\n'.join(ast.unparse(n) for n in body if not (isinstance(n, ast.If) and ast.unparse(n.test)=='TYPE_CHECKING'))

def libraries(text:str)->set: # of names
    "Packages of others that a module loads at once"
    nodes = [n for n in ast.walk(ast.parse(at_once(text))) if isinstance(n, (ast.Import, ast.ImportFrom))]
    names = [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]
    names += [n.module for n in nodes if isinstance(n, ast.ImportFrom) and not n.level]
    return {n.partition('.')[0] for n in names}-{PACKAGE.name, *sys.stdlib_module_names}

def loaded(texts:dict)->dict: # module -> names
    "Packages of others that are there when a module (name -> text) has been imported"
    early = {m:at_once(text) for m,text in texts.items()}
    edges = {m:imports(m, text, texts) for m,text in early.items()}
    own = {m:libraries(text) for m,text in early.items()}
    found = {}
    for module in texts:
        seen,left = {module},[module]
        while left:
            new = edges[left.pop()]-seen
            seen |= new
            left += new
        found[module] = set().union(*(own[m] for m in seen))
    return found

#: What takes long to load, or may be missing: only to do without them is a module of ours imported within a function
SLOW = {'anywidget', 'drjit', 'ipywidgets', 'matplotlib', 'mediapipe', 'mitsuba', 'numpy', 'torch'}

def late(texts:dict)->list: # of sentences
    "Imports within functions that save nothing"
    there,said = loaded(texts),[]
    for module,text in texts.items():
        for node in in_functions(text):
            names = imports(module, ast.unparse(node), texts)
            saved = set().union(*(there[n] for n in names))-there[module]
            if names and not saved&SLOW: said.append(f'{module}, line {node.lineno}: {ast.unparse(node)} saves nothing')
    return said

def layer_of(module:str)->str|None:
    "The layer that a module stands in"
    return next((layer for layer,rooms in LAYERS.items() if module.split('.')[0] in rooms.split()), None)

def faults(edges:dict)->list: # of sentences
    "Modules without a layer, imports that point up, circles"
    order = list(LAYERS)
    said = [f'{m}: stands in no layer' for m in edges if layer_of(m) is None]
    if said: return said
    height = {m:order.index(layer_of(m)) for m in edges}
    said += [f'{m} imports {other}, which stands above it ({layer_of(other)})'
        for m,others in edges.items() for other in sorted(others) if height[other]>height[m]]
    return said+[f'a circle: {" -> ".join(c)}' for c in circles(edges)]

def circles(edges:dict)->list: # of lists of modules, the first again at the end
    "Imports that come back to where they began"
    found,done = [],set()
    def follow(module, path):
        if module in path: found.append(path[path.index(module):]+[module])
        elif module not in done:
            for other in sorted(edges[module]): follow(other, path+[module])
            done.add(module)
    for module in edges: follow(module, [])
    return found
