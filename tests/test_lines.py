"Lines that are too long or hold two statements are seen"
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
import lines

def test_long_lines_are_seen():
    "Those of code, not what a function returns or the comment of a constant"
    word = 'a'*118
    assert lines.faults(f'x = {word}')['long'] and lines.faults(f'short = 1\n    # {word}')['long']
    assert not lines.faults(f'def f(\n)->dict: # {word}\n    pass\n#: {word}')['long']

def test_joined_statements_are_seen():
    "Not a semicolon in a string or a comment, nor one that hides a result"
    assert lines.faults('a = 1; b = 2')['joined'] and lines.faults("f('x'); g()")['joined']
    assert lines.faults('%matplotlib inline\nif a: b; c')['joined']==['if a: b; c']
    assert not lines.faults("a = 'b; c'\n# a; b\nplot();")['joined']
    assert not lines.faults('plot(); # shown\n%%time\n!ls; pwd')['joined']

def test_strings_are_no_code():
    "A table, a program of another language, a docstring's semicolon; but a docstring may not be wide"
    word = 'a'*118
    table = f"rows = '''\nwhat; why | {word}\nlet it = be; for (;;) stop()\n'''"
    assert lines.faults(table)==dict(long=[], joined=[])
    assert lines.faults(table.replace("rows = ", "rows = f"))==dict(long=[], joined=[])
    assert not lines.faults('%%bash\na; b "')['joined']
    described = lines.faults(f'def f():\n    """A; b\n    {word}\n    """\n    return 1')
    assert len(described['long'])==1 and not described['joined']

def test_programs_in_strings_are_code():
    "Of Python: what a test or a process runs"
    word = 'a'*118
    found = lines.faults(f"run('''\na = 1; b = 2\nb = {word}\n''')")
    assert found==dict(long=[f'b = {word}'], joined=['a = 1; b = 2'])

def test_wide_code_of_pages_is_seen(monkeypatch):
    "Of cells that are shown, and of fences in a text"
    word = 'a'*90
    assert lines.too_wide(f' {word}\n{word}')==[f' {word}']
    assert lines.fenced('a text\n```sh\nx\n```\nmore\n```python\ny\n```\n').split()==['x', 'y']
    monkeypatch.setattr(lines, 'pages', lambda: [('a.ipynb', f'x = "{word}"')])
    assert lines.all_faults()['wide'] and lines.main()==1

def test_more_than_there_are_is_an_error(monkeypatch):
    monkeypatch.setattr(lines, 'cells', lambda: [('a.ipynb', 'a = 1; b = 2')])
    assert lines.main()==1
    monkeypatch.setattr(lines, 'LEFT', dict.fromkeys(lines.LEFT, 0)|dict(joined=1))
    assert lines.main()==0

def test_tall_cells_are_seen(monkeypatch):
    "Forty lines are enough, one more is not; told by their first line"
    cell = '#| export\n@patch\ndef work():\n'+'    a\n'*36+'    a'
    monkeypatch.setattr(lines, 'cells', lambda: [('a.ipynb', cell)])
    assert not lines.all_faults()['tall']
    monkeypatch.setattr(lines, 'cells', lambda: [('a.ipynb', cell+'\n    a')])
    assert lines.all_faults()['tall']==['a.ipynb: def work():']

def test_tables_may_be_tall():
    "One statement of data; a class with a method is none, nor is a table with a step after it"
    fields = 'class A:\n    "Settings"\n    x:int = setting(1)\n    y:int = setting(2)'
    for code in (fields, 'rows = """a\nb"""', 'x = [1, (2, 3)]'): assert lines.table(code), code
    for code in (fields+'\n    def f(self): pass', 'x = [1]\nx.sort()', 'x = f(1)', '%%bash\nls'): assert not lines.table(code), code

def test_unlike_things_in_one_statement_are_seen():
    for code in ('a,b = 1,[]', 'model,size = f(),64', 'x.a,x.b = y.a,z.c', 'x,(y,z) = f(a),g(b)', 'if x: a,b = [],None'):
        assert len(lines.unlike(code))==1, code
    for code in ('w,h = image.w,image.h', 'a,b = 1,-2.', 'a,b = b,f(a)', 'c,s = math.cos(t),math.sin(t)', 'a,b = p.x(0),q.x(0)',
        'a,b = f(x)', 'before,x = x,g(before, x)', 'low,high = x.min(0),x.max(0)', '%%bash\na,b = 1,[]'):
        assert not lines.unlike(code), code

def test_heavy_pictures_are_seen():
    "As many bytes as the picture has, not as its text in the notebook has; widgets and texts are none"
    import base64
    def notebook(kind, size):
        data = '<'*size if kind.endswith('xml') else base64.b64encode(bytes(size)).decode()
        return dict(cells=[dict(source=['draw()'], outputs=[dict(data={kind:data}), dict(text='x'*300_000)]), dict(source=[])])
    for kind in ('image/png', 'image/jpeg', 'image/svg+xml'):
        assert lines.heavy([('a.ipynb', notebook(kind, 200_001))])==['a.ipynb: draw() shows 200 kB']
        assert not lines.heavy([('a.ipynb', notebook(kind, 200_000))])
    assert not lines.heavy([('a.ipynb', notebook('text/html', 300_000))])

def test_the_runner_of_notebooks_says_what_it_takes(capsys):
    "And takes nothing else for a notebook"
    import run
    from types import SimpleNamespace
    import pytest
    root = Path(lines.ROOT)
    config = SimpleNamespace(nbs_path=root/'nbs', config_path=root)
    for asked,words,code in ((['--help'], '--old', 0), (['nope.ipynb'], 'nope.ipynb is no notebook', 2), (['--odl'], 'unrecognized', 2),
        (['--old', str(root/'nbs'/'00_names.ipynb')], 'name notebooks, or ask for --old', 2), ([str(root/'README.md')], 'is no notebook', 2)):
        with pytest.raises(SystemExit) as end: run.wanted(asked, config)
        told = capsys.readouterr()
        assert end.value.code==code and words in told.out+told.err
    one = root/'nbs'/'00_names.ipynb'
    assert run.wanted([str(one)], config)==[one] and one in run.wanted([], config)
