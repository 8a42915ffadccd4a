"The faults of tests/mutants.py can all be put in."
import pytest
import mutants
from mutants import MUTANTS, ROOT, Mutant, places, try_mutant

@pytest.mark.parametrize('mutant', MUTANTS, ids=lambda m: m.name)
def test_the_text_occurs_once(mutant):
    assert places(mutant)==1 and mutant.old!=mutant.new
    assert all((ROOT/'tests'/test.split('::')[0]).exists() for test in mutant.tests.split())

def test_a_fault_that_cannot_be_put_in_is_an_error():
    assert try_mutant(Mutant('', 'errors.py', 'no such text', '', 'test_config.py'))[0].startswith('ERROR')

def test_a_fault_that_changes_nothing_is_reported():
    mutant = Mutant('', 'errors.py', 'The root of all errors', 'The Root of all errors',
        'test_config.py::test_a_refused_value_changes_nothing_and_a_config_is_its_own')
    assert try_mutant(mutant)[0]=='NOT NOTICED'

def test_a_fault_noticed_before_is_not_tried_again_until_its_module_changes(tmp_path, monkeypatch, capsys):
    tried = []
    def trial(mutant):
        tried.append(mutant.name)
        return ('noticed by test_a' if mutant.name!='b' else 'NOT NOTICED'),'tests/test_config.py::test_a',1.
    faults = [Mutant(name, 'errors.py', 'x', 'y', 'test_config.py') for name in 'ab']
    for name,value in dict(MUTANTS=faults, try_mutant=trial, green_without=lambda tests: True).items():
        monkeypatch.setattr(mutants, name, value)
    monkeypatch.setattr('sys.argv', ['mutants.py', '--json', str(tmp_path/'found.json')])
    assert mutants.main()==1 and sorted(tried)==['a', 'b']
    assert mutants.main()==1 and sorted(tried)==['a', 'b', 'b'], 'what was not noticed is tried again'
    assert '1 of 2 faults were noticed, 1 of them before.' in capsys.readouterr().out
    monkeypatch.setattr(mutants, 'state_of', lambda mutant: 'another')
    assert mutants.main()==1 and tried.count('a')==2

def test_a_test_that_is_red_anyway_proves_nothing(monkeypatch, capsys):
    seen = []
    def run(folder, tests, workers=1):
        seen.append(tests)
        return 1,'FAILED tests/test_config.py::test_a[x - y]'
    monkeypatch.setattr(mutants, 'run_tests', run)
    fault = Mutant('a', 'errors.py', 'The root of all errors', 'The Root of all errors', 'test_config.py')
    monkeypatch.setattr(mutants, 'MUTANTS', [fault])
    monkeypatch.setattr('sys.argv', ['mutants.py'])
    assert mutants.main()==1 and seen==[['tests/test_config.py'], ['tests/test_config.py::test_a[x - y]']]
    assert '1 of 1 faults were noticed.' in capsys.readouterr().out
