"""Public functions whose docments have gaps: a parameter, or what comes back, of which neither type nor comment says what it is.

As many as there are, and no more: `make agree` fails where a number rises. `python tools/docments.py --list` names them.
"""
import ast, io, sys, tokenize
from pathlib import Path
from layers import modules

LEFT = 0 #: Functions with gaps; this number only goes down

def comments(text:str)->set: # of line numbers
    "Lines of which a comment says something: its own, and the next one where it stands alone"
    found = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type==tokenize.COMMENT]
    return {t.start[0]+(t.line.lstrip().startswith('#')) for t in found}

def public(tree:ast.Module)->list: # of str
    "`__all__`"
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '')=='__all__': return ast.literal_eval(node.value)
    return []

def returns_something(node)->bool:
    "A value comes back, or one after the other"
    own = [n for n in ast.walk(node) if not (isinstance(n, (ast.FunctionDef, ast.Lambda)) and n is not node)]
    return any(isinstance(n, ast.Return) and n.value is not None or isinstance(n, (ast.Yield, ast.YieldFrom)) for n in own)

def parameters(node)->list: # of ast.arg, without self
    "All of a function"
    a = node.args
    every = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    return [p for p in every if p.arg not in ('self', 'cls')]

def untyped(node)->list: # of names
    "Parameters without a type; 'return' where a value comes back of which nobody says what it is"
    missing = [p.arg for p in parameters(node) if not p.annotation and p not in (node.args.vararg, node.args.kwarg)]
    return missing+(['return'] if returns_something(node) and not node.returns else [])

def gaps(node, said:set)->list: # of names; 'return' for what comes back
    "Parameters of which nothing is said"
    every = parameters(node)
    missing = [p.arg for p in every if not p.annotation and p.lineno not in said]
    head = range(node.lineno, max(node.body[0].lineno, node.lineno+1))
    end = max((p.lineno for p in every), default=node.lineno)
    told = node.returns or any(line in said for line in head if line>end or line==node.lineno)
    return missing+(['return'] if returns_something(node) and not told else [])

def patched(node)->str: # '': it is a plain function
    "The class that a function becomes a method of, by fastcore's `patch`"
    names = [getattr(d.func if isinstance(d, ast.Call) else d, 'id', '') for d in node.decorator_list]
    first = node.args.args[:1]
    return getattr(first[0].annotation, 'id', '') if 'patch' in names and first else ''

def functions(tree:ast.Module)->list: # of (name, node)
    "Public functions, and public methods of public classes, patched ones too"
    found,names = [],set(public(tree))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            owner = patched(node)
            if owner in names and not node.name.startswith('_'): found.append((f'{owner}.{node.name}', node))
            elif node.name in names: found.append((node.name, node))
        if isinstance(node, ast.ClassDef) and node.name in names:
            found += [(f'{node.name}.{m.name}', m) for m in node.body if isinstance(m, ast.FunctionDef)
                and (m.name=='__init__' or not m.name.startswith('_'))]
    return found

def lacking(text:str)->dict: # function -> list of names
    "Functions of a file that have gaps"
    said = comments(text)
    found = {name:gaps(node, said) for name,node in functions(ast.parse(text))}
    return {name:missing for name,missing in found.items() if missing}

def all_lacking()->dict: # module -> function -> list of names
    "Of the whole package"
    found = {name:lacking(file.read_text(encoding='utf-8')) for name,file in modules().items()}
    return {name:x for name,x in found.items() if x}

def main()->int: # Exit code
    "Say how many there are; which, where there are too many"
    found = all_lacking()
    count = sum(len(x) for x in found.values())
    if count>LEFT or '--list' in sys.argv:
        for module,some in found.items():
            for name,missing in some.items(): print(f'  {module}.{name}: {", ".join(missing)}')
    print(f'{count} public functions have gaps in their docments, at most {LEFT}.')
    return int(count>LEFT)

if __name__=='__main__': sys.exit(main())
