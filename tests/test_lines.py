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
    monkeypatch.setattr(lines, 'LEFT', dict(long=0, joined=1, wide=0, tall=0))
    assert lines.main()==0

def test_tall_cells_are_seen(monkeypatch):
    "Forty lines are enough, one more is not; told by their first line"
    cell = '#| export\n@patch\ndef work():\n'+'    a\n'*36+'    a'
    monkeypatch.setattr(lines, 'cells', lambda: [('a.ipynb', cell)])
    assert not lines.all_faults()['tall']
    monkeypatch.setattr(lines, 'cells', lambda: [('a.ipynb', cell+'\n    a')])
    assert lines.all_faults()['tall']==['a.ipynb: def work():']
