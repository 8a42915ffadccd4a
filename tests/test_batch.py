"Ctrl-C while photos are fitted"
import os, signal
import pytest
from nextgenface_nb.batch import Stop

def test_ctrl_c_ends_with_the_step_and_a_second_one_at_once():
    before,steps = signal.getsignal(signal.SIGINT),[]
    with pytest.raises(KeyboardInterrupt), Stop() as stop:
        for k in range(5):
            if k==2: os.kill(os.getpid(), signal.SIGINT)
            steps.append(k); stop.check()
    assert steps==[0, 1, 2] and signal.getsignal(signal.SIGINT)==before
    with pytest.raises(KeyboardInterrupt), Stop():
        os.kill(os.getpid(), signal.SIGINT); steps.append('first is remembered')
        os.kill(os.getpid(), signal.SIGINT); steps.append('never')
    assert steps[-1]=='first is remembered'
