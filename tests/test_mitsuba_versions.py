"Mitsuba 3.8 and 3.9 draw the same picture and have the same gradients; and the tool that says so can say no."
import subprocess, sys
from pathlib import Path
import numpy as np
import pytest

TOOL = Path(__file__).resolve().parent.parent/'tools'/'compare_mitsuba.py'

def run(*arguments): return subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True)

def two_files(folder, **changed):
    "Made-up files of `--write`; the second one with changes"
    draw = np.random.default_rng(0).random
    one = dict(versions='Mitsuba 1')|{f'{name} {k}':draw((4, 4, 4)) for name in ('picture', 'focal', 'light')
        for k in (1, 2)}
    files = [str(folder/f'{k}.npz') for k in (1, 2)]
    np.savez(files[0], **one)
    np.savez(files[1], **one|{name:change(one[name]) for name,change in changed.items()})
    return files

def test_what_is_equal_is_called_so(tmp_path):
    done = run(*two_files(tmp_path, **{'picture 1':lambda a: a+5e-4}))
    assert done.returncode==0 and 'the same' in done.stdout, done.stderr

@pytest.mark.parametrize('name, change',
    [('picture 1', lambda a: a+2e-3), ('focal 1', lambda a: a*1.01), ('light 1', lambda a: a*float('nan'))])
def test_what_differs_is_named(tmp_path, name, change):
    done = run(*two_files(tmp_path, **{name:change}))
    assert done.returncode==1 and f'different: {name[:-2]}' in done.stdout, done.stderr

@pytest.mark.slow
def test_mitsuba_3_8_and_the_installed_one_are_the_same():
    "Installs the other one for the time being"
    done = run('3.8.0')
    if 'cannot be installed here' in done.stderr: pytest.skip('Mitsuba 3.8.0 cannot be had here')
    assert done.returncode==0 and 'Mitsuba 3.8.0' in done.stdout, done.stdout+done.stderr
