"The sweep of mutants (tools/sweep.py): what it changes, which it draws, whom it asks, and what it counts"
import json, sys
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'tools'))
import sweep

TOY = '''"""A toy"""

# %% ../../nbs/30_geometry.toy.ipynb #aaaa0001
from __future__ import annotations

def seen(x:int|None, y:int = 2)->int|None:
    "Adds 1"
    if x is None: raise ValueError(f'x + 1 needs {1 + 1}')
    return x + y

def turned(values:list)->list:
    "Turned round"
    return sorted(values, reverse=True)

def by_nobody(values:list)->list:
    values[0] = len(values) * 3
    return values
'''
NOTEBOOK = [
    '#| default_exp geometry.toy',
    '#| export\n'+TOY.split('#aaaa0001\n')[1].rstrip(),
    'from nextgenface_nb.geometry.toy import turned as packaged\nassert seen(1)==3 and seen(0, 0)==0']
TEST = '''from nextgenface_nb.geometry.toy import by_nobody, turned
def test_order(): assert turned([1, 2])==[2, 1]
def test_runs_and_looks_at_nothing(): by_nobody([1, 2])
'''

@pytest.fixture
def toy(tmp_path):
    "A project of one module, its notebook and a file of tests"
    room = tmp_path/sweep.PACKAGE/'geometry'
    for folder in (room, tmp_path/'nbs', tmp_path/'tests'): folder.mkdir(parents=True)
    for folder in (room, room.parent): (folder/'__init__.py').touch()
    (room/'toy.py').write_text(TOY)
    empty = dict(cell_type='code', metadata={}, outputs=[], execution_count=None)
    cells = [dict(empty, id=f'aaaa000{i}', source=source) for i,source in enumerate(NOTEBOOK)]
    notebook = dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=5)
    (tmp_path/'nbs'/'30_geometry.toy.ipynb').write_text(json.dumps(notebook))
    (tmp_path/'tests'/'test_toy.py').write_text(TEST)
    for name in ('settings.ini', 'pyproject.toml'): (tmp_path/name).write_text((ROOT/name).read_text())
    (tmp_path/'run_notebook.py').write_text(sweep.RUNNER)
    return tmp_path

def all_changes(seeds=range(60)):
    "Every change that some seed draws"
    found = sweep.places(TOY, 'geometry/toy.py')
    changes = [sweep.mutant(TOY, place, seed) for place in found for seed in seeds]
    return {(c.before, c.after):c for c in changes if c is not None}

def test_what_is_changed_and_what_is_for_readers():
    changed = set(all_changes())
    assert ('return x + y', 'return x - y') in changed
    assert ('return sorted(values, reverse=True)', 'return sorted(values)') in changed
    assert ('values[0] = len(values) * 3', 'pass') in changed
    assert any(before.startswith('def seen') and '= 3' in after for before,after in changed), 'a default is changed'
    assert any('is not None' in after or 'not x is None' in after for _,after in changed)
    assert not any('int&None' in after.replace(' ', '') for _,after in changed), 'an annotation is not'
    assert not any('needs' in before and '{1 + 1}' not in after for before,after in changed), 'nor a message'

@pytest.mark.parametrize('operator,code,after', [
    (sweep.DropKeyword(), 'f(a, b=1)', 'f(a)'),
    (sweep.DropKeyword(), 'f(b=1)', 'f()'),
    (sweep.DropKeyword(), 'f(b=1,c=2)', 'f(c=2)'),
    (sweep.DropKeyword(), 'f(a)', None),
    (sweep.SkipStatement(), 'if a: f()\n', 'if a: pass\n'),
    (sweep.SkipStatement(), 'x += 1\n', 'pass\n'),
    (sweep.SkipStatement(), 'x[1] = 2\n', 'pass\n'),
    (sweep.SkipStatement(), 'x = f()\n', None),
    (sweep.SkipStatement(), '"words"\n', None)])
def test_our_own_operators(operator, code, after): assert sweep.mutate_code(code, operator, 0)==after

def test_a_short_sample_begins_the_long_one_and_the_seed_counts(toy):
    room = toy/sweep.PACKAGE/'output'
    room.mkdir()
    (room/'other.py').write_text(TOY.replace('seen', 'heard'))
    def keys(count, seed=0):
        return [(room, m.key) for room,m in sweep.sample(toy/sweep.PACKAGE, ('geometry', 'output'), count, seed)]
    def drawn(seed): return [m.place.name for _,m in sweep.sample(toy/sweep.PACKAGE, ('geometry',), 12, seed)]
    long = keys(12)
    assert keys(5)==long[:5] and len(set(long))==12 and drawn(1)!=drawn(0)
    assert [room for room,_ in long]==['geometry', 'output']*6

def test_lines_above_do_not_change_the_sample(toy):
    package = toy/sweep.PACKAGE
    def keys(): return [m.key for _,m in sweep.sample(package, ('geometry',), 6, 0)]
    before,module = keys(),package/'geometry'/'toy.py'
    module.write_text(TOY.replace('def seen', '# a line\n\ndef seen'))
    assert keys()==before

MODULES = 'geometry/harmonics.py', 'rendering/scene.py', 'optim/stages.py', 'files.py'

@pytest.mark.parametrize('module', MODULES)
def test_the_cell_changes_as_the_module_does(module):
    source = (ROOT/sweep.PACKAGE/module).read_text(encoding='utf-8')
    for place in sweep.places(source, module)[::25]:
        change = sweep.mutant(source, place, 0)
        if change is None: continue
        name,text = sweep.change_notebook(ROOT, change, source)
        texts = (ROOT/name).read_text(encoding='utf-8'),text
        was,now = ([''.join(cell['source']) for cell in json.loads(t)['cells']] for t in texts)
        (old, new), = [(a, b) for a,b in zip(was, now) if a!=b]
        if change.after: assert change.after.split('\n')[0] in new

def test_notebook_then_tests_that_run_the_function(toy, monkeypatch):
    "One is noticed by the notebook, one by a test, one by nobody; the files are what they were"
    before = {p:p.read_bytes() for p in toy.rglob('*') if p.is_file()}
    known = {name:sweep.measure(name, toy, 300) for name in ('nbs/30_geometry.toy.ipynb', 'tests/test_toy.py')}
    assert [entry['red'] for entry in known.values()]==[[], []]
    run_by = dict(turned=['test_order'], by_nobody=['test_runs_and_looks_at_nothing'])
    assert known['tests/test_toy.py']['covers']=={'geometry/toy.py':run_by}
    changes = all_changes()
    def verdict(old, new): return sweep.trial(toy, changes[old, new], known, 240)
    assert verdict('return x + y', 'return x - y')['by']=='nbs/30_geometry.toy.ipynb'
    found = verdict('return sorted(values, reverse=True)', 'return sorted(values)')
    assert found['by']=='tests/test_toy.py::test_order'
    found = verdict('values[0] = len(values) * 3', 'pass')
    assert (found['status'], found['left'], len(found['green']))==('survived', 0, 2)
    again = changes['values[0] = len(values) * 3', 'pass']
    monkeypatch.setattr(sweep, 'run', lambda *_: pytest.fail('what was green is not asked again'))
    assert sweep.trial(toy, again, known, 240, found['green'])==found
    assert {p:p.read_bytes() for p in before}==before

def test_who_is_asked():
    "Quick ones first, red ones and one's own notebook not; a fixture counts for all tests of its file"
    def entry(tests, covers, red=(), seconds=1):
        return dict(tests=tests, covers=dict(m=covers), red=list(red), seconds=seconds)
    known = {
        'tests/a.py': entry(dict(one=30., two=1.), dict(f=['one'])),
        'tests/b.py': entry(dict(one=2., two=3.), dict(f=['*'])),
        'tests/c.py': entry(dict(one=1.), dict(g=['one'])),
        'tests/d.py': entry(dict(one=1.), dict(f=['one']), red=['one']),
        'nbs/n.ipynb': entry({}, dict(f=['*']), seconds=20),
        'nbs/own.ipynb': entry({}, dict(f=['*']))}
    assert [(name, tests) for name,tests,_ in sweep.chosen(known, 'm', 'f', 'nbs/own.ipynb')]==[
        ('tests/b.py', ['one', 'two']), ('nbs/n.ipynb', None), ('tests/a.py', ['one'])]

def test_the_score():
    kinds = dict(a='noticed', b='noticed', c='noticed', d='survived', e='survived')
    mutants = {key:dict(room='geometry', status=s, first=s) for key,s in kinds.items()}
    report = dict(rooms=dict(geometry=100), mutants=mutants)
    report['mutants']['a']['first'] = 'survived'
    assert sweep.counts(report, dict(e='why'))['all']==dict(tried=5, first=2, noticed=3, equivalent=1, survived=1)
    assert '| geometry | 100 | 5 | 2 | 3 | 1 | 1 | 50 % | 15 - 85 % | 75 % |' in sweep.table(report, dict(e='why'))

def test_a_second_draw_has_a_row_of_its_own_and_code_that_is_gone_counts_no_longer():
    def mutant(number, first, draw):
        return dict(number=number, room='geometry', status='noticed', first=first, round=draw)
    report = dict(rooms=dict(geometry=100), gone={}, mutants=dict(a=mutant(0, 'noticed', 1), b=mutant(1, 'survived', 1),
        c=mutant(2, 'noticed', 2), d=mutant(3, 'survived', 2), late=mutant(9, 'noticed', 1)))
    del report['mutants']['a']['round'] # of a file from before there were draws
    sweep.put_away(report, dict(a=2, c=0, d=1), 4)
    assert {key:m['number'] for key,m in report['mutants'].items()}==dict(a=2, c=0, d=1, late=9)
    assert list(report['gone'])==['b'], 'what lies beyond this sample is kept'
    assert sweep.counts(report, {})['draw 2']==dict(tried=2, noticed=2, first=1)
    assert sweep.counts(report, {})['all']==dict(tried=4, noticed=4, first=3)
    table = sweep.table(report, {})
    assert '| draw 2 |  | 2 | 1 | 2 |' in table and '1 of an earlier draw count no longer' in table
    assert 'draw' not in sweep.table(dict(report, gone={}, mutants=dict(a=report['mutants']['a'])), {})

def test_the_sweep_ends_where_the_libraries_are_gone(toy, monkeypatch):
    "Else every mutant would be noticed"
    change = all_changes()['return x + y', 'return x - y']
    known = {'nbs/30_geometry.toy.ipynb':dict(seconds=1, red=[], covers={}, tests={})}
    monkeypatch.setattr(sweep, 'run', lambda *_: (1, "ModuleNotFoundError: No module named 'torch'"))
    with pytest.raises(SystemExit, match='cannot be imported any more'): sweep.trial(toy, change, known, 0)
