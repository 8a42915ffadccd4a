"What all tests start from."
import os, signal
import pytest
from skips import fail_if_skipped

# Before PyTorch is loaded: the same number of threads whatever else the machine has to do, and none that spins while it
# waits
os.environ.setdefault('OMP_NUM_THREADS', '2')
os.environ.setdefault('OMP_WAIT_POLICY', 'passive')

@pytest.fixture(scope='session', autouse=True)
def signals_as_in_a_terminal():
    ("Whoever starts the tests in the background (nohup, a shell's &) has some signals ignored, which their children "
     "would inherit")
    handlers = dict(SIGINT=signal.default_int_handler, SIGTERM=signal.SIG_DFL, SIGHUP=signal.SIG_DFL)
    for name,handler in handlers.items():
        number = getattr(signal, name, None)   # Windows has no SIGHUP
        if number is not None and signal.getsignal(number)==signal.SIG_IGN: signal.signal(number, handler)

#: Files that take longest begin, so that no worker is left with one of them when the others are done
LONG = 'test_soak.py', 'test_lab.py', 'test_build.py', 'test_vertex.py', 'test_gradients.py'

def pytest_collection_modifyitems(items): items.sort(key=lambda item: item.path.name not in LONG)

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    report = yield
    fail_if_skipped(report)
    return report

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report():
    report = yield
    fail_if_skipped(report)
    return report
