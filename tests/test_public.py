"What is public is written down, is there, and says what it takes"
import ast, importlib, inspect, re, sys, types
from pathlib import Path
import pytest
import nextgenface_nb
from nextgenface_nb.public import public_since, public_table
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'tools'))
import docments, layers

NAMES = sorted({*nextgenface_nb.__all__}-{'__version__'})

def test_the_list_is_what_the_package_offers():
    assert sorted(public_since())==NAMES

def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(nextgenface_nb.__file__).read_text(encoding='utf-8'))
    block = next(n for n in tree.body if isinstance(n, ast.If))
    seen = {a.asname:node.module for node in block.body for a in node.names}
    assert seen==nextgenface_nb._PUBLIC

def test_every_version_is_one():
    from packaging.version import Version
    assert all(Version(v)<=Version(nextgenface_nb.__version__) for v in public_since().values())

def test_the_page_shows_the_table_of_today():
    import json
    page = json.loads((ROOT/'nbs'/'78_public.ipynb').read_text(encoding='utf-8'))
    shown = [''.join(o['data']['text/markdown']) for c in page['cells'] for o in c.get('outputs', [])
        if 'text/markdown' in o.get('data', {})]
    assert shown==[public_table()], 'python tools/run.py nbs/78_public.ipynb'

def nodes(name):
    "The function of a public name, or the methods of a public class"
    module = nextgenface_nb._PUBLIC[name]
    file = ROOT/'nextgenface_nb'/Path(*module.split('.')).with_suffix('.py')
    tree = ast.parse(file.read_text(encoding='utf-8'))
    return [(n, node) for n,node in docments.functions(tree) if n.split('.')[0]==name]

@pytest.mark.parametrize('name', NAMES)
def test_every_public_name_says_what_it_is(name):
    value = getattr(nextgenface_nb, name)
    assert value.__doc__ and not value.__doc__.startswith(f'{name}(')
    assert not {n:docments.untyped(node) for n,node in nodes(name) if docments.untyped(node)}

def unreadable(module)->list: # of names
    "Public functions and methods of which some type is a word that means nothing when the module runs"
    found = []
    for name in getattr(module, '__all__', ()):
        value = getattr(module, name)
        parts = vars(value) if inspect.isclass(value) else {'':value}
        for part,function in parts.items():
            function = getattr(function, 'fget', None) or getattr(function, '__func__', function)
            try: inspect.isfunction(function) and inspect.signature(function, eval_str=True)
            except NameError: found.append(f'{module.__name__}.{name}.{part}'.rstrip('.'))
    return found

@pytest.mark.parametrize('name', layers.modules())
def test_types_can_be_read_where_the_documentation_is_made(name):
    "`show_doc` looks them up"
    if not name.startswith('widgets'): assert not unreadable(importlib.import_module(f'nextgenface_nb.{name}'))

def test_a_type_that_only_checkers_know_is_seen():
    made = types.ModuleType('made')
    exec('from __future__ import annotations\n__all__ = ["f", "C"]\ndef f()->Missing: pass\nclass C:\n    @property\n'
        '    def p(self)->Missing: pass\n    def q(self)->int: pass', vars(made))
    assert unreadable(made)==['made.f', 'made.C.p']

def from_elsewhere(code:str)->set: # of names
    "Public names that are imported from a module, though the package offers them"
    statements = re.findall(r'^ *from nextgenface_nb\.([\w.]+) import (\([^)]*\)|.*)', code, re.M)
    return {n for module,names in statements for n in re.findall(r'\w+', names) if nextgenface_nb._PUBLIC.get(n)==module}

def test_pages_for_users_take_public_names_from_the_package():
    "Where they are promised to stay"
    from lines import pages
    assert not {name:found for name,code in pages() if (found := from_elsewhere(code))}
    assert from_elsewhere('from nextgenface_nb.pipeline import Pipeline, config_detector')=={'Pipeline'}
    assert not from_elsewhere('from nextgenface_nb import Pipeline\nfrom nextgenface_nb.pipeline import config_detector')

def test_gaps_are_seen(monkeypatch):
    code = """__all__ = ['f', 'g', 'C']
def f(a,
    b:int, # a number
)->int: return a
def g(a, # what it is
): # -> another
    return a
class C:
    def __init__(self, x): self.x = x
    def y(self): return 1
    def _z(self, a): pass
@patch
def w(self:C, u): pass
"""
    assert docments.lacking(code)=={'C.__init__':['x'], 'C.y':['return'], 'C.w':['u'], 'f':['a']}
    assert docments.untyped(ast.parse(code).body[2])==['a', 'return']
    monkeypatch.setattr(docments, 'LEFT', -1)
    assert docments.main()==1
