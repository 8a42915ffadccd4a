("A minute of what `make soak` does for an hour: batches that are killed, stopped and asked to end, on one output and "
 "on a small disk. With this seed parents and workers are killed and stopped once they are at work, whether or not the "
 "clock is set")
import json, os, subprocess, sys
from pathlib import Path
import pytest

TOOL = Path(__file__).resolve().parent.parent/'tools'/'soak.py'

@pytest.mark.skipif(not Path('/proc/self/environ').exists(), reason='needs /proc')
def test_a_minute_of_soak(tmp_path):
    "However far the disturbed batches come: in the end all is there, and nothing else"
    flags = '--short --minutes .3 --photos 6 --quiet 2 --few 2 --pause 2.5 --limit 60 --seed 1387'.split()
    done = subprocess.run([sys.executable, str(TOOL), *flags, '--json', str(tmp_path/'soak.json')], capture_output=True,
        text=True, timeout=1800)
    assert done.returncode==0, done.stdout+done.stderr
    report = json.loads((tmp_path/'soak.json').read_text())
    assert (report['whole'], report['told'], report['same'])==(4, 2, 2) and sum(report['signals'].values())>0
