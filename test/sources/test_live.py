import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from rt_gait_ros.sources import live, open_source
from rt_gait_ros.sources.live import LiveSource
from rt_gait_ros.sources.source import SourceOptions

from .conftest import MjpegCamera, number_of, picture


class FakeCapture:
    """What cv2.VideoCapture shows of a camera: pictures in a row, None where a read fails, then failures for ever."""

    def __init__(self, pictures: list[int | None], opened: bool = True) -> None:
        self.pictures = list(pictures)
        self.opened = opened
        self.released = False

    def isOpened(self) -> bool:
        return self.opened

    def get(self, _: int) -> float:
        return 30.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        time.sleep(0.01)
        number = self.pictures.pop(0) if self.pictures else None
        return (False, None) if number is None else (True, picture(number))

    def release(self) -> None:
        self.released = True


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FIRST_BACKOFF", 0.02)
    monkeypatch.setattr(live, "LONGEST_BACKOFF", 0.1)


def opener_of(captures: list[FakeCapture]) -> Callable[[], cv2.VideoCapture]:
    left = iter(captures)
    return lambda: next(left, FakeCapture([], opened=False))  # type: ignore[return-value]


def numbers_until(source: LiveSource, last: int) -> list[int]:
    numbers = []
    for frame in source:
        numbers.append(number_of(frame.image))
        if numbers[-1] == last:
            return numbers
    raise AssertionError(f"ended with {numbers}")


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_camera_that_vanishes_and_returns() -> None:
    captures = [
        FakeCapture([], opened=False),
        FakeCapture([1, 2, 3]),
        FakeCapture([], opened=False),
        FakeCapture([7, 8]),
    ]
    lines: list[str] = []
    with LiveSource("cam", SourceOptions(report=lines.append), opener_of(captures)) as source:
        assert numbers_until(source, 8) == [1, 2, 3, 7, 8]
        status = source.status()
        assert (status.connected, status.reconnects, status.read) == (True, 2, 5)
    assert all(capture.released for capture in captures)
    # Each change is said once, however many attempts it takes.
    assert [line.split(";")[0] for line in lines[:4]] == [
        "cam cannot be opened",
        "cam is there again",
        "cam is lost",
        "cam is there again",
    ]


def test_one_damaged_frame_is_no_loss() -> None:
    lines: list[str] = []
    capture = FakeCapture([1, None, None, 2])
    with LiveSource("cam", SourceOptions(report=lines.append), opener_of([capture])) as source:
        assert numbers_until(source, 2) == [1, 2]
        assert source.status().skipped == 2
        assert lines == []


def test_back_off_doubles_up_to_its_limit() -> None:
    attempts: list[float] = []

    def open_nothing() -> FakeCapture:
        attempts.append(time.monotonic())
        return FakeCapture([], opened=False)

    lines: list[str] = []
    with LiveSource("cam", SourceOptions(report=lines.append), open_nothing) as source:  # type: ignore[arg-type]
        iter(source)
        wait_until(lambda: len(attempts) >= 6)
        assert not source.status().connected
    waits = np.diff(attempts[:6])
    least = np.array([0.02, 0.04, 0.08, 0.1, 0.1])
    assert (waits >= 0.95 * least).all()
    assert (waits <= least + 0.1).all()
    assert lines == ["cam cannot be opened; trying again until it is there"]


def test_a_slow_reader_gets_the_newest_frame() -> None:
    with LiveSource("cam", SourceOptions(), opener_of([FakeCapture(list(range(1, 31)))])) as source:
        frames = iter(source)
        first = number_of(next(frames).image)
        wait_until(lambda: source.status().overwritten >= 10)
        second = number_of(next(frames).image)
    assert second - first > 10


def test_a_faster_camera_is_thinned_out() -> None:
    capture = FakeCapture(list(range(1, 31)))
    with LiveSource("cam", SourceOptions(fps=20.0), opener_of([capture])) as source:
        frames = iter(source)
        stamps = [next(frames).stamp for _ in range(4)]
    assert min(np.diff(stamps)) >= 45e6


def test_stamps_grow_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([5_000, 4_000, 3_000])
    monkeypatch.setattr(live.time, "time_ns", lambda: next(clock, 2_000))
    with LiveSource("cam", SourceOptions(), opener_of([FakeCapture(list(range(1, 31)))])) as source:
        frames = iter(source)
        stamps = [next(frames).stamp for _ in range(3)]
    assert np.all(np.diff(stamps) > 0)


def test_closing_ends_a_wait_for_a_camera_that_never_comes() -> None:
    source = LiveSource("cam", SourceOptions(report=lambda _: None), opener_of([]))
    frames = iter(source)
    source.close()
    assert list(frames) == []


def test_a_network_camera_that_is_switched_off_and_on_again(mjpeg_camera: MjpegCamera) -> None:
    lines: list[str] = []
    with open_source(mjpeg_camera.url, report=lines.append) as source:
        frames = iter(source)
        before = next(frames)
        assert source.status().connected
        mjpeg_camera.stop()
        wait_until(lambda: not source.status().connected)
        assert "is lost" in source.status().detail
        mjpeg_camera.start()
        wait_until(lambda: source.status().reconnects > 0)
        mark = time.time_ns()
        after = next(frames)
        while after.stamp < mark:
            after = next(frames)
        assert after.stamp > before.stamp
        assert after.image.shape == before.image.shape
        assert source.status().reconnects >= 1


def test_a_network_camera_never_lags(mjpeg_camera: MjpegCamera) -> None:
    with open_source(mjpeg_camera.url) as source:
        frames = iter(source)
        next(frames)
        mark = mjpeg_camera.shown
        wait_until(lambda: mjpeg_camera.shown >= mark + 25)
        next(frames)  # may have been waiting in the slot
        shown = mjpeg_camera.shown
        seen = number_of(next(frames).image)
    assert (shown - seen) % 32 <= 5 or (seen - shown) % 32 <= 5
