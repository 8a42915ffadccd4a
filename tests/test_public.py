"What is public is written down, is there, and says what it takes"
import ast, importlib, inspect, re, subprocess, sys, types
from pathlib import Path
import pytest
import nextgenface_nb
from nextgenface_nb.public import public_since, public_table
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'tools'))
import docments, layers, stubs

NAMES = sorted({*nextgenface_nb.__all__}-{'__version__'})

def test_the_list_is_what_the_package_offers():
    assert sorted(public_since())==NAMES

def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(nextgenface_nb.__file__).read_text(encoding='utf-8'))
    block = next(n for n in tree.body if isinstance(n, ast.If))
    seen = {a.asname:node.module for node in block.body for a in node.names}
    assert seen==nextgenface_nb._PUBLIC

def test_a_name_that_is_none_is_told_with_the_nearest():
    for wrong,near in dict(reconstuct='reconstruct', Reconstructions='Reconstruction', loadmodel='load_model').items():
        with pytest.raises(AttributeError, match=f"no attribute '{wrong}'. Did you mean '{near}'"): getattr(nextgenface_nb, wrong)
    with pytest.raises(AttributeError, match="no attribute '__path_of__'$"): nextgenface_nb.__path_of__

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

def remarks_of(name)->dict: # name, or Class.method -> {parameter -> what the comment beside it says}
    "From the source; of a dataclass its fields too"
    file = Path(sys.modules[getattr(nextgenface_nb, name).__module__].__file__)
    text = file.read_text(encoding='utf-8')
    said = stubs.remarks(text)
    found = {n:stubs.docments(node, said) for n,node in nodes(name)}
    own = next((n for n in ast.parse(text).body if isinstance(n, ast.ClassDef) and n.name==name), None)
    return {**found, name:stubs.fields(own, stubs.remarks(text, above=False))} if own and stubs.is_dataclass(own) else found

def lost(text:str, remarks:dict)->list: # of names of parameters
    "Parameters of which a docstring does not say what the comments do"
    plain = ' '.join(text.split())
    return [name for name,said in remarks.items()
        if ' '.join(said.split()) not in plain or not (name=='return' or re.search(rf'^{name}$', text, re.M))]

@pytest.mark.parametrize('name', NAMES)
def test_help_tells_what_the_comments_beside_parameters_say(name):
    value = getattr(nextgenface_nb, name)
    for n,remarks in remarks_of(name).items():
        there = value if n==name else getattr(value, n.partition('.')[2])
        assert not lost(inspect.getdoc(there) or '', remarks), n

def test_help_of_a_result_and_the_question_mark_of_notebooks():
    "Methods that other modules add to it"
    from IPython.core.oinspect import getdoc   # which `?` asks
    import pydoc
    render = nextgenface_nb.Reconstruction.render
    for text in (pydoc.plain(pydoc.render_doc(render)), getdoc(render)):
        assert 'Degrees from the upright front view' in text and 'Pixels of the longer side, 16 .. 4096' in text
        assert 'linear colours times coverage' in text
    methods = {n:f for n,f in vars(nextgenface_nb.Reconstruction).items() if inspect.isfunction(f) and not n.startswith('_')}
    assert {'render', 'with_', 'to_glb', 'export', 'film', 'differentiable', 'save'}<=set(methods)
    silent = {n for n,f in methods.items() if len(inspect.signature(f).parameters)>1 and 'Parameters\n' not in f.__doc__}
    assert not silent

def test_help_is_there_where_only_a_function_was_asked_for_and_costs_nothing_before():
    code = ('import sys, nextgenface_nb as ngf; assert "nextgenface_nb.helptext" not in sys.modules; '
        'print(ngf.load.__doc__); '
        'print(sys.modules["nextgenface_nb.reconstruction"].Reconstruction.render.__doc__)')
    said = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout
    assert 'as `face.save` and nextgenface-reconstruct write them' in ' '.join(said.split()) and 'yaw' in said

def test_what_is_not_told_is_seen():
    said = 'It turns\n\nParameters\n----------\nyaw\n    Degrees'
    assert lost(said, dict(yaw='Degrees'))==[] and lost(said, {'yaw':'Radians', 'pitch':'Degrees'})==['yaw', 'pitch']
    assert lost('It turns', {'return':'A head'})==['return']

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
