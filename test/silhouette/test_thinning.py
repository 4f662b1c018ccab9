import numpy as np
import pytest

from rt_gait_ros.silhouette.thinning import Thinning, news, worth

SECONDS = 8


def taken(stamps, rate=25.0):
    thinning = Thinning(rate)
    return np.array([stamp for stamp in stamps if thinning.takes(stamp)])


def stamps_of(rate, jitter=0.0, seed=0):
    times = np.arange(round(SECONDS * rate)) / rate
    times = times + np.random.default_rng(seed).uniform(-jitter, jitter, len(times))
    return (7 * 10**9 + times * 1e9).astype(np.int64).tolist()


@pytest.mark.parametrize("rate", [10.0, 15.0, 24.0, 25.0])
@pytest.mark.parametrize("jitter", [0.0, 0.004])
def test_all_frames_of_a_slow_camera_count(rate, jitter):
    stamps = stamps_of(rate, jitter)
    assert taken(stamps).tolist() == stamps


@pytest.mark.parametrize("rate", [29.97, 30.0, 50.0, 60.0, 90.0, 120.0, 240.0])
@pytest.mark.parametrize("jitter", [0.0, 0.002])
def test_of_a_fast_camera_twenty_five_a_second_count_evenly(rate, jitter):
    counted = taken(stamps_of(rate, jitter))
    assert len(counted) / SECONDS == pytest.approx(25.0, abs=0.5)
    apart = np.diff(counted) / 1e9
    assert apart.max() <= 0.04 + 1 / rate + 0.01 + 2 * jitter
    assert apart.min() >= 0.04 - max(1 / rate, 0.01) - 0.001 - 2 * jitter


def test_rate_zero_takes_all():
    stamps = stamps_of(120.0)
    assert taken(stamps, rate=0.0).tolist() == stamps


@pytest.mark.parametrize("jump", [-3600 * 10**9, -(10**9), 3600 * 10**9])
def test_a_jump_of_the_stamps_stops_nothing(jump):
    first = stamps_of(60.0)
    second = [stamp + SECONDS * 10**9 + jump for stamp in first]
    counted = taken(first + second)
    assert len(counted) == pytest.approx(2 * SECONDS * 25, abs=4)


def test_frames_that_are_left_out_for_other_reasons_make_no_backlog():
    stamps = stamps_of(60.0)
    counted = taken(stamps[:60] + stamps[300:])
    assert (np.diff(counted) >= 0.03 * 10**9).all()


@pytest.mark.parametrize(
    ("gap_ms", "rate", "value", "new"),
    [
        (40, 25.0, 1.0, 1.0),
        (30, 25.0, 0.875, 0.875),
        (80, 25.0, 1.5, 1.5),
        (160, 25.0, 2.0, 2.5),
        (200, 25.0, 2.161, 3.0),
        (500, 25.0, 2.161, 3.0),
        (0, 25.0, 0.5, 0.5),
        (500, 0.0, 1.0, 1.0),
        (100, 10.0, 1.0, 1.0),
        (40, 100.0, 1.0, 1.0),
        (10, 100.0, 0.625, 0.625),
        (200, 1000.0, 2.161, 3.0),
    ],
)
def test_a_frame_is_worth_more_the_longer_after_the_last_it_comes(gap_ms, rate, value, new):
    assert worth(gap_ms * 1_000_000, rate) == pytest.approx(value, abs=1e-3)
    assert news(gap_ms * 1_000_000, rate) == pytest.approx(new)


@pytest.mark.parametrize("rate", [29.97, 30.0, 60.0])
def test_frames_thinned_to_the_rate_are_worth_as_much_as_frames_that_come_at_it(rate):
    gaps = np.diff(taken(stamps_of(rate)))
    assert np.mean([worth(int(gap), 25.0) for gap in gaps]) == pytest.approx(1.0, abs=0.01)
