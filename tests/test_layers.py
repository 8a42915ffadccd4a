"Each room imports only what stands below it"
import sys
from pathlib import Path
import pytest
sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
from layers import LAYERS, circles, faults, graph, imports, modules

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
