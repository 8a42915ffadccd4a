"Each room imports only what stands below it"
import ast, sys
from pathlib import Path
import pytest
import nextgenface_nb
sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
from layers import LAYERS, absolute, circles, faults, graph, imports, late, modules

def test_imports_point_down():
    "Those within functions too; a module that stands nowhere is a fault"
    assert faults(graph())==[]

def test_every_layer_has_modules():
    rooms = {m.split('.')[0] for m in modules()}
    assert {r for line in LAYERS.values() for r in line.split()}==rooms

@pytest.mark.parametrize('text', [
    'from .batch import run_batch', 'from . import batch', 'import nextgenface_nb.batch',
    'def f():\n    from nextgenface_nb.batch import run_batch',
    'def f():\n    from nextgenface_nb import batch, errors'])
def test_an_import_that_points_up_is_seen(text):
    "However it is written"
    known = modules()
    assert 'batch' in imports('errors', text, known)
    said = faults(graph()|dict(errors=imports('errors', text, known)))
    assert any('errors imports batch' in s for s in said)

def test_a_circle_is_seen():
    assert circles(dict(a={'b'}, b={'c'}, c={'a'}, d={'a'}))==[['a', 'b', 'c', 'a']]
    assert circles(dict(a={'b', 'c'}, b={'c'}, c=set()))==[]

def test_a_module_without_a_layer_is_seen():
    assert faults(graph()|dict(attic=set()))==['attic: stands in no layer']

def texts()->dict: # name -> text
    return {name:file.read_text(encoding='utf-8') for name,file in modules().items()}

def test_imports_within_functions_are_for_a_quick_start():
    "Each spares its module a library that loads slowly, or may be missing"
    assert late(texts())==[]

def test_an_import_within_a_function_that_saves_nothing_is_seen():
    "What is loaded anyway, directly or by others; what waits for a slow library may wait"
    made = dict(a='import torch', b='import json', c='from .a import x\ndef f():\n    from .b import y', d='def f(): import nextgenface_nb.a',
        e='from typing import TYPE_CHECKING\nif TYPE_CHECKING: import torch\ndef f(): from .c import f')
    assert [s.partition(',')[0] for s in late(made)]==['c']
    made['c'] = 'def f(): from .a import x'
    assert late(made)==['e, line 3: from .c import f saves nothing']

def patched_imports(text:str)->set: # of names
    "Methods by `patch` that are called as something that the module imports: old versions of fastcore put None there"
    body = ast.parse(text).body
    imported = {a.asname or a.name for n in body if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}
    return imported & {n.name for n in body if isinstance(n, ast.FunctionDef)
        for d in n.decorator_list if ast.unparse(d).split('(')[0]=='patch'}

@pytest.mark.parametrize('module', modules())
def test_methods_by_patch_hide_no_import(module):
    assert not patched_imports(modules()[module].read_text(encoding='utf-8'))

def test_a_method_that_hides_an_import_is_seen():
    assert patched_imports('from .stages import run\n@patch\ndef run(self:Runner): pass')=={'run'}
    assert patched_imports('from .stages import run\n@patch(as_prop=True)\ndef run(self:Runner): pass')=={'run'}
    assert not patched_imports('from . import stages\n@patch\ndef run(self:Runner): pass')

def replaced(text:str, classes:set)->list: # of sentences
    "Attributes of classes that a module imports and changes by assignment: what a class does stands with the class"
    body = ast.parse(text).body
    imported = {a.asname or a.name for n in body if isinstance(n, ast.ImportFrom) for a in n.names}&classes
    return [ast.unparse(n) for n in body if isinstance(n, ast.Assign) for t in n.targets
        if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name) and t.value.id in imported]

def test_no_module_replaces_a_method_of_another():
    every = texts()
    classes = {n.name for text in every.values() for n in ast.parse(text).body if isinstance(n, ast.ClassDef)}
    assert {m:found for m,text in every.items() if (found := replaced(text, classes))}=={}

def test_a_method_that_is_replaced_is_seen():
    text = 'from .model import LinearModel\nother = 1\nLinearModel.vertices = other'
    assert replaced(text, {'LinearModel'})==['LinearModel.vertices = other']
    assert not replaced(text, {'Face'}) and not replaced('class A: pass\nA.x = 1', {'A'})

#: What a command may take beside the results and the public names: words, streams, files, settings
PLUMBING = set('command config errors files interrupts names processes surroundings terminal'.split())

#: Commands that do with a face what everybody can do with one
ON_RESULTS = ['cli', 'cli_export', 'cli_replay']

def beside_results(module:str, text:str)->list: # of names
    "What a module takes from the inside, though the public names and those of the results should do"
    nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)]
    public = {a.name for n in nodes if absolute(n, module)=='' for a in n.names}-set(modules())-{'__version__'}
    rooms = {m for m in imports(module, text, modules()) if m not in PLUMBING and not m.startswith('results.')}
    return sorted(rooms|public-set(nextgenface_nb._PUBLIC))

@pytest.mark.parametrize('module', ON_RESULTS)
def test_a_command_stands_on_the_results(module):
    assert beside_results(module, texts()[module])==[]

@pytest.mark.parametrize('text,found', {
    'from .pipeline import Pipeline':['pipeline'], 'from nextgenface_nb.output.export import export_face':['output.export'],
    'from . import pipeline':['pipeline'], 'def f(): import nextgenface_nb.optim.stages':['optim.stages'],
    'from . import load, __version__\nfrom .results.films import Film\nfrom .errors import ConfigError':[],
    'from . import _PUBLIC':['_PUBLIC']}.items())
def test_a_command_that_takes_from_the_inside_is_seen(text, found): assert beside_results('cli_export', text)==found

@pytest.mark.parametrize('module', [m for m in modules() if m.startswith('widgets.')])
def test_widgets_stand_on_the_results(module):
    "And on each other: whoever writes another page finds there what the studio has"
    assert [m for m in beside_results(module, texts()[module]) if not m.startswith('widgets.')]==[]
