import signal
import subprocess
import sys
import time

import pytest

from rt_gait_ros.signals import Ended, handling, insisting, kept_signals, raise_ended

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


def test_kept_signals_raise_nothing_until_they_are_heeded() -> None:
    before = signal.getsignal(signal.SIGINT)
    with kept_signals() as signals:
        signals.heed()
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Ended) as ended:
            signals.heed()
        assert ended.value.number == signal.SIGTERM
        signals.number = 0
    assert signal.getsignal(signal.SIGINT) is before


def test_a_kept_signal_that_nobody_heeded_comes_at_the_end() -> None:
    with pytest.raises(Ended), kept_signals():
        signal.raise_signal(signal.SIGTERM)


def test_an_error_of_its_own_is_not_hidden_by_a_kept_signal() -> None:
    def fail() -> None:
        with kept_signals():
            signal.raise_signal(signal.SIGTERM)
            raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        fail()


class Destroyed:
    """Of which a signal interrupts the destructor, as it may interrupt those of a compiler."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def test_what_a_destructor_swallows_comes_again_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    hook, alarm = sys.unraisablehook, signal.getsignal(signal.SIGALRM)

    def compile_for_long() -> None:
        Destroyed()
        time.sleep(300.0)

    with pytest.raises(Ended) as ended, handling(raise_ended), insisting():
        compile_for_long()
    assert ended.value.number == signal.SIGTERM
    assert (sys.unraisablehook, signal.getsignal(signal.SIGALRM)) == (hook, alarm)
    assert capsys.readouterr() == ("", "")
