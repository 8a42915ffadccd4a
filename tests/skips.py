"Which tests may be skipped, and what tests fetch so that they need not be."
import os, shutil, sys
from pathlib import Path
import pytest
sys.path.append(str(Path(__file__).resolve().parent.parent/'tools'))
import needed

#: Where NEXTGENFACE_REQUIRE is set, as in .ci/run, a test that is skipped has failed, but for these reasons: what the system is, and what no
#: command of ours installs. What tools/needed.py and pip bring is not among them
MAY_BE_SKIPPED = (
    'root may ', 'NVIDIA card', 'may have CUDA', 'needs process groups', 'needs fork',
    'needs processes that are copies', 'needs /', 'reads /proc',
    'needs unshare', 'needs a namespace', 'needs a second disk', 'needs the names of open files',
    'needs a folder in which nobody may write',
    'there is none here', 'there is no fork', 'a process cannot ', 'limits of memory are those of Linux',
    'this file system takes no such names',
    'names that are no UTF-8', 'this system does not say', 'Pillow has no ', 'this ffmpeg has no ',
    'no site was built here',
    'no git here', 'there are no pipes here', 'there are none here', 'one core: ', 'needs permissions that count',
    'this mediapipe has no solutions', 'which no command of the library installs', 'no face_landmarker.task', 'cannot be had here')

def may_be_skipped(reason:str)->bool: return any(known in reason for known in MAY_BE_SKIPPED)

def fail_if_skipped(report):
    "A skip that nothing excuses becomes a failure"
    if not os.environ.get('NEXTGENFACE_REQUIRE') or not report.skipped or hasattr(report, 'wasxfail'): return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if may_be_skipped(reason): return
    report.outcome = 'failed'
    report.longrepr = f'{report.nodeid}: {reason}\nNEXTGENFACE_REQUIRE is set: what is needed must be there (make needed), or tests/skips.py excuses it'

def node_modules(*names:str)->Path:
    "The folder with these packages of npm, fetched if it is not there; skipped where they cannot be had"
    if not shutil.which('node'): pytest.skip('node is not installed')
    needed.install_packages()
    missing = set(names)&set(needed.missing_packages())
    if missing: pytest.skip(f'{" and ".join(sorted(missing))} is not installed: make needed')
    return needed.VIEWER/'node_modules'
