"Lines that are too long or hold two statements are seen"
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
import lines

def test_long_lines_are_seen():
    "Those of code, not what a function returns, the comment of a constant or a row of a table"
    word = 'a'*118
    assert lines.faults(f'x = {word}')['long'] and lines.faults(f'short = 1\n    # {word}')['long']
    assert not lines.faults(f'x = 1\n)->dict: # {word}\n#: {word}\n{word} | words | a::b')['long']

def test_joined_statements_are_seen():
    "Not a semicolon in a string or a comment, nor one that hides a result"
    assert lines.faults('a = 1; b = 2')['joined'] and lines.faults("f('x'); g()")['joined']
    assert not lines.faults("a = 'b; c'\n# a; b\nplot();")['joined']

def test_wide_code_of_pages_is_seen(monkeypatch):
    "Of cells that are shown, and of fences in a text"
    word = 'a'*90
    assert lines.too_wide(f' {word}\n{word}')==[f' {word}']
    assert lines.fenced(f'a text\n```sh\nx\n```\nmore\n```python\ny\n```\n').split()==['x', 'y']
    monkeypatch.setattr(lines, 'pages', lambda: [('a.ipynb', f'x = "{word}"')])
    assert lines.all_faults()['wide'] and lines.main()==1

def test_more_than_there_are_is_an_error(monkeypatch):
    monkeypatch.setattr(lines, 'cells', lambda: [('a.ipynb', 'a = 1; b = 2')])
    assert lines.main()==0
    monkeypatch.setattr(lines, 'LEFT', dict(long=0, joined=0, wide=0))
    assert lines.main()==1
