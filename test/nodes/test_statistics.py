import math

import pytest

from rt_gait_ros.errors import LONGEST
from rt_gait_ros.nodes.statistics import Faults, Statistics


def test_rates_are_of_the_time_since_the_last_look():
    now = [0.0]
    statistics = Statistics(clock=lambda: now[0])
    statistics.count("received", 10)
    statistics.handled(0.004, 0.1)
    now[0] = 2.0
    first = statistics.summary()
    assert (first.rate_in, first.rate_out) == (5.0, 0.5)
    assert first.latency[0] == pytest.approx(100.0)
    assert first.work[1] == pytest.approx(4.0)
    now[0] = 3.0
    second = statistics.summary()
    assert second.rate_in == 0.0
    assert second.totals["received"] == 10


def test_percentiles_of_nothing_are_nan():
    assert all(map(math.isnan, Statistics().summary().latency))


def test_fault_is_said_once_and_its_end_once():
    now, said = [0.0], []
    faults = Faults(said.append, said.append, clock=lambda: now[0])
    faults.raise_("network", "no server")
    faults.raise_("network", "no server")
    assert faults.standing == ["no server"]
    faults.clear("network")
    faults.clear("network")
    assert said == ["no server", "over: no server"]
    assert faults.standing == []
    assert faults.last == "no server"


def test_fault_that_comes_and_goes_is_quiet_for_a_while():
    now, said = [0.0], []
    faults = Faults(said.append, said.append, clock=lambda: now[0])
    for _ in range(100):
        faults.raise_("input", "bad image")
        faults.clear("input")
    assert said == ["bad image", "over: bad image"]
    now[0] = Faults.QUIET + 1
    faults.raise_("input", "bad image")
    assert said[2:] == ["bad image"]


def test_texts_that_vary_are_limited_by_their_kind():
    now, said = [0.0], []
    faults = Faults(said.append, said.append, clock=lambda: now[0])
    for number in range(1000):
        faults.raise_("input", f"encoding '{number}' is unknown")
        if number % 2:
            faults.clear("input")
    faults.raise_("network", "no server")  # another kind has a voice of its own
    assert [line for line in said if not line.startswith("over")] == [
        "encoding '0' is unknown",
        "encoding '1' is unknown",
        "encoding '2' is unknown",
        "no server",
    ]
    assert len(said) <= 2 * Faults.BURST + 1
    now[0] = Faults.QUIET + 1
    faults.raise_("input", "encoding 'x' is unknown")
    assert said[-1] == "encoding 'x' is unknown (and 997 others since that were not said)"


def test_what_messages_put_into_a_fault_becomes_one_short_line():
    said = []
    faults = Faults(said.append, said.append)
    faults.raise_("input", "encoding '\x1b[2J\nfake log line" + "x" * 10_000)
    assert said == faults.standing == [faults.last]
    assert said[0].startswith(r"encoding '\x1b[2J\nfake log line")
    assert said[0].isprintable()
    assert len(said[0]) <= LONGEST


def test_what_to_do_about_a_fault_is_said_however_long_the_line_is():
    """Before, it was cut off after 260 characters, in the log and in diagnostics."""
    said = []
    faults = Faults(said.append, said.append)
    faults.tell("scenes", f"gallery {'x' * 300} cannot be reached: look whether the server runs")
    assert said == faults.standing
    assert said[0].endswith(": look whether the server runs")
