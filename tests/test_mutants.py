"The faults of tests/mutants.py can all be put in."
import pytest
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
