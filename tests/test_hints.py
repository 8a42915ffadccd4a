"A type that does not fit is seen, in a patched method too, and at its true place"
import sys
from pathlib import Path
import pytest
sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
import hints

CODE = """from fastcore.basics import patch
class A:
    "One"
    x:int = 1

other = 2

@patch
@undisturbed
def twice(self:A,
    by:int=2,
)->int:
    return self.x*by

@patch(cls_method=True)
def made(cls:A)->A: return cls()

@patch
def elsewhere(self:B): pass
"""

def test_patched_functions_stand_in_their_classes():
    text,origin = hints.in_classes(CODE)
    lines = text.split('\n')
    assert lines.index('    def twice(self,')<lines.index('other = 2') and '    @classmethod' in lines
    assert not [line for line in lines if line.strip().startswith(('@patch', '@undisturbed'))]
    assert 'def elsewhere(self:B): pass' in lines and len(lines)==len(origin)
    assert CODE.split('\n')[origin[lines.index('        return self.x*by')]-1]=='    return self.x*by'

def test_sentences_name_the_true_line():
    assert hints.at_home('a/b.py:2: error: x', {'a/b.py':[7, 9]})=='a/b.py:9: error: x'
    assert hints.at_home('Found 1 error', {})=='Found 1 error'

def test_a_planted_error_is_seen(tmp_path, monkeypatch, capsys):
    "A method that is patched in, used wrongly"
    pytest.importorskip('mypy')
    package = tmp_path/'nextgenface_nb'
    package.mkdir()
    (package/'__init__.py').write_text('')
    (package/'a.py').write_text(CODE.partition('@patch\ndef elsewhere')[0]+'wrong:str = A().twice(3)\n')
    monkeypatch.setattr(hints, 'ROOT', tmp_path)
    monkeypatch.setattr(hints, 'PACKAGE', package)
    monkeypatch.setattr(hints, 'COPY', tmp_path/'copy')
    monkeypatch.setattr(hints, 'PUBLIC', ['a'])
    (tmp_path/'pyproject.toml').write_text('[tool.mypy]\nignore_missing_imports = true\n')
    assert hints.main()==1
    said = capsys.readouterr().out
    assert 'a.py:18: error: Incompatible types in assignment' in said and 'no attribute' not in said
