import itertools

import numpy as np
import pytest

from rt_gait_ros.sources.capture_clock import CaptureClock


def ages(arrivals: list[float], taken: list[float] | None = None) -> list[float | None]:
    clock = CaptureClock()
    return [clock.age(at, when) for at, when in zip(arrivals, taken or itertools.repeat(None), strict=False)]


def test_what_was_buffered_while_the_stream_was_looked_at_is_dropped() -> None:
    taken = [number / 25 for number in range(50)]
    arrivals = [max(1.0, when + 0.1) for when in taken]  # the first 22 lay ready after 1 s
    arrivals = [at + 0.001 * number for number, at in enumerate(arrivals)]
    found = ages(arrivals, taken)
    assert found[:22] == [None] * 22
    assert [age for age in found[24:] if age is None or age > 0.05] == []


def test_what_waited_keeps_its_time() -> None:
    taken = [number / 25 for number in range(200)]
    arrivals = [when + 0.1 if not 4.0 <= when < 7.0 else 7.1 + 0.001 * (when - 4.0) for when in taken]
    found = ages(arrivals, taken)
    assert None not in found[3:]
    moments = np.array(arrivals[3:]) - np.array(found[3:], float)
    assert np.diff(moments) == pytest.approx(0.04, abs=0.005)


def test_a_clock_that_drifts_is_followed() -> None:
    taken = [number / 25 for number in range(25 * 600)]
    arrivals = [when * 1.0002 + 0.1 for when in taken]
    assert max(age or 0.0 for age in ages(arrivals, taken)) < 0.02


@pytest.mark.parametrize("pace", [0.5, 2.0])
def test_a_clock_that_is_none_costs_no_image_for_long(pace: float) -> None:
    taken = [pace * number / 25 for number in range(2500)]
    found = ages([number / 25 for number in range(2500)], taken)
    assert None not in found[60:]
    assert max(age or 0.0 for age in found[1000:]) <= 10.0


def test_a_clock_that_jumps_begins_anew() -> None:
    taken = [number / 25 + (1000.0 if number >= 100 else 0.0) for number in range(200)]
    found = ages([number / 25 for number in range(200)], taken)
    assert found.count(None) == 2
    assert max(age or 0.0 for age in found) < 0.01


def test_without_a_clock_what_follows_a_pause_too_fast_is_dropped() -> None:
    arrivals = [number / 25 for number in range(50)]
    arrivals += [5.0 + 0.001 * number for number in range(75)] + [5.1 + number / 25 for number in range(20)]
    found = ages(arrivals)
    assert found[:50] == [0.0] * 50
    assert found[50:125] == [None] * 75
    assert found[125:] == [0.0] * 20


def test_without_a_clock_a_camera_that_paused_loses_one_image() -> None:
    arrivals = [number / 25 for number in range(50)] + [5.0 + number / 25 for number in range(50)]
    assert ages(arrivals).count(None) == 1


def test_a_camera_that_grows_faster_loses_nothing_for_long() -> None:
    arrivals = list(np.cumsum([0.2] * 20 + [2.0] + [0.02] * 200))
    assert None not in ages(arrivals)[35:]
