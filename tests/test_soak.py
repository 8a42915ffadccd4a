("A minute of what `make soak` does for an hour: batches that are killed, stopped and asked to end, on one output (the "
 "small disk is left to the hour: within a minute nothing on it is done). With this seed parents and workers are killed "
 "and stopped once they are at work, whether or not the clock is set; before, one is killed while it writes, and a parent "
 "while its workers are stopped. A library whose workers outlive their parent, which does not sweep, or has no lock, is red")
import json, os, signal, subprocess, sys
from pathlib import Path
import pytest

TOOL = Path(__file__).resolve().parent.parent/'tools'/'soak.py'
sys.path.insert(0, str(TOOL.parent))

@pytest.mark.skipif(not Path('/proc/self/environ').exists(), reason='needs /proc')
def test_a_minute_of_soak(tmp_path):
    "However far the disturbed batches come: in the end all is there, and nothing else"
    flags = '--short --minutes .1 --photos 6 --quiet 2 --few 2 --pause 2.5 --limit 60 --seed 1387'.split()
    done = subprocess.run([sys.executable, str(TOOL), *flags, '--json', str(tmp_path/'soak.json')], capture_output=True,
        text=True, timeout=1800)
    assert done.returncode==0, done.stdout+done.stderr
    report = json.loads((tmp_path/'soak.json').read_text())
    assert (report['whole'], report['told'], report['same'])==(4, 2, 2) and sum(report['signals'].values())>0

def test_results_that_are_done_again_are_seen(tmp_path):
    from soak import Reports
    reports,report = Reports(tmp_path),tmp_path/'a.png'/'report.json'
    report.parent.mkdir()
    for k,again in enumerate([{}, {}, {'a.png':1}]):
        if k!=1:
            (tmp_path/'new').write_text('{}')
            os.replace(tmp_path/'new', report)
        reports.look()
        assert reports.again==again
    assert len(reports.faults())==1

def test_a_traceback_is_told_by_its_end_but_not_of_a_child_whose_parent_was_killed_at_birth(tmp_path):
    from soak import Batch
    batch = Batch.__new__(Batch)
    batch.log = tmp_path/'log'
    one = 'photos: 0%|Traceback (most recent call last):\n  File "a.py", line 1, in b\n    c()\n{}\nphotos: 1%\n'
    batch.log.write_text(one.format('ValueError: bad')+one.format('EOFError: Ran out of input'))
    assert batch.unforeseen()==['Traceback ... ValueError: bad']
    batch.log.write_text('error: this was not foreseen\n')
    assert batch.unforeseen()==['error: this was not foreseen']

def test_memory_is_told_of_photos_enough():
    "Steps of 30 MB up and down are no growth; of fifty photos nobody can tell"
    from soak import growth
    held = lambda count, slope: {k:1800+slope*k+30*(k//7%2) for k in range(1, count+1)}
    assert growth(held(50, 0.)) is None
    assert abs(growth(held(150, 0.)))<.1 and growth(held(150, 1.))==pytest.approx(1, abs=.1)

def test_parts_are_found_by_their_names(tmp_path):
    from nextgenface_nb.files import _part_of
    from soak import parts_in
    (tmp_path/'a.png').mkdir()
    parts = {_part_of(tmp_path/'.a.npz'), _part_of(tmp_path/'a.png'/'x')}
    for part in parts: part.touch()
    (tmp_path/'.a.resume.npz').touch()
    assert {p for p,_ in parts_in(tmp_path)}==parts and {pid for _,pid in parts_in(tmp_path)}=={os.getpid()}

@pytest.mark.skipif(not Path('/proc/self/environ').exists(), reason='needs /proc')
def test_a_process_that_is_gone_is_told_from_one_that_is_stopped():
    from soak import children_of, gone_within, started
    child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
    since = started(child.pid)
    os.kill(child.pid, signal.SIGSTOP)
    try:
        assert child.pid in children_of(os.getpid()) and since
        assert not gone_within(lambda: started(child.pid)==since, .3)
    finally: child.kill()
    assert gone_within(lambda: started(child.pid)==since, 30), 'a zombie is gone'
    child.wait()
