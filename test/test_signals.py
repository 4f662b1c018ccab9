import signal
import subprocess
import sys

import pytest

PROGRAM = """
import sys, time
from rt_gait_ros.signals import Ended, on_ending, raise_ended
on_ending(raise_ended)
try:
    print("ready", flush=True)
    time.sleep(60)
except Ended as ended:
    sys.exit(ended.exit_code)
"""


def run(number: int, ignored: int | None = None) -> int:
    """Exit code of a program that heeds signals, after one of them; it was started with `ignored` ignored."""
    prelude = f"import signal; signal.signal({ignored}, signal.SIG_IGN)" if ignored else ""
    with subprocess.Popen([sys.executable, "-c", prelude + PROGRAM], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        program.send_signal(number)
        if ignored == signal.SIGHUP:
            program.send_signal(signal.SIGTERM)
        return program.wait(300)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_is_told_as_a_shell_tells_it(number: int) -> None:
    assert run(number) == 128 + number


def test_nohup_is_heeded() -> None:
    assert run(signal.SIGHUP, ignored=signal.SIGHUP) == 128 + signal.SIGTERM


def test_an_interrupt_is_heeded_behind_a_shells_ampersand() -> None:
    assert run(signal.SIGINT, ignored=signal.SIGINT) == 128 + signal.SIGINT
