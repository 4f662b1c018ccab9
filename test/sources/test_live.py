import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from http_cameras import MjpegCamera
from small_videos import FPS, number_of, picture, steady, write_video

from rt_gait_ros.sources import SourceError, live, open_source
from rt_gait_ros.sources.live import DriverCamera, LiveSource, open_device
from rt_gait_ros.sources.source import SourceOptions
from rt_gait_ros.sources.video import StreamLost, Video


class FakeCapture:
    """What cv2.VideoCapture shows of a camera: pictures in a row, None where a read fails, then failures for ever.

    patient: it waits until what it gave was taken.
    """

    def __init__(self, pictures: list[int | None], opened: bool = True, patient: bool = False) -> None:
        self.pictures = list(pictures)
        self.opened = opened
        self.patient = patient
        self.released = False
        self.source: LiveSource | None = None

    def isOpened(self) -> bool:
        return self.opened

    def get(self, what: int) -> float:
        return 30.0 if what == cv2.CAP_PROP_FPS else 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        time.sleep(0.01)
        if self.patient:
            wait_until(lambda: self.source is not None and self.source._newest is None)
        number = self.pictures.pop(0) if self.pictures else None
        return (False, None) if number is None else (True, picture(number))

    def release(self) -> None:
        self.released = True


class HurriedCapture(FakeCapture):
    """Waits until its first picture was taken, gives the rest one after the other, and then nothing until `ended`."""

    def __init__(self, pictures: list[int | None]) -> None:
        super().__init__(pictures)
        self.ended = threading.Event()
        self._rest = len(pictures) - 1

    def read(self) -> tuple[bool, np.ndarray | None]:
        if len(self.pictures) == self._rest:
            wait_until(lambda: self.source is not None and self.source._newest is None)
        elif not self.pictures:
            self.ended.wait(300.0)
        return super().read()


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FIRST_BACKOFF", 0.02)
    monkeypatch.setattr(live, "LONGEST_BACKOFF", 0.1)


def source_of(captures: list[FakeCapture], **options: Any) -> LiveSource:
    left = iter(captures)
    source = LiveSource(
        "cam",
        SourceOptions(**options),
        lambda: DriverCamera(next(left, FakeCapture([], opened=False))),  # type: ignore
    )
    for capture in captures:
        capture.source = source
    return source


def numbers_until(source: LiveSource, last: int) -> list[int]:
    numbers = []
    for frame in source:
        numbers.append(number_of(frame.image))
        if numbers[-1] == last:
            return numbers
    raise AssertionError(f"ended with {numbers}")


def wait_until(
    condition: Callable[[], bool], seconds: float = 300.0, turn: Callable[[], Any] = lambda: time.sleep(0.005)
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        turn()


def test_a_camera_that_vanishes_and_returns() -> None:
    captures = [
        FakeCapture([], opened=False),
        FakeCapture([1, 2, 3], patient=True),
        FakeCapture([], opened=False),
        FakeCapture([7, 8], patient=True),
    ]
    lines: list[str] = []
    with source_of(captures, report=lines.append) as source:
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
    capture = FakeCapture([1, None, None, 2], patient=True)
    with source_of([capture], report=lines.append) as source:
        assert numbers_until(source, 2) == [1, 2]
        assert source.status().skipped == 2
        assert lines == []


def test_back_off_doubles_up_to_its_limit() -> None:
    attempts: list[float] = []

    def open_nothing() -> DriverCamera:
        attempts.append(time.monotonic())
        raise StreamLost("it is away")

    lines: list[str] = []
    with LiveSource("cam", SourceOptions(report=lines.append), open_nothing) as source:
        iter(source)
        wait_until(lambda: len(attempts) >= 6)
        assert not source.status().connected
    waits = np.diff(attempts[:6])
    least = np.array([0.02, 0.04, 0.08, 0.1, 0.1])
    assert (waits >= 0.95 * least).all()
    assert lines == ["cam cannot be opened (it is away); trying again until it is there"]


def test_a_slow_reader_gets_the_newest_frame() -> None:
    capture = HurriedCapture(list(range(1, 31)))
    with source_of([capture]) as source:
        frames = iter(source)
        first = number_of(next(frames).image)
        wait_until(lambda: source.status().overwritten >= 10)
        second = number_of(next(frames).image)
        capture.ended.set()
    assert first == 1
    assert second > 11


def test_a_faster_camera_is_thinned_out() -> None:
    capture = FakeCapture(list(range(1, 31)) * 1000)  # more than are read while this process is kept waiting
    with source_of([capture], fps=20.0) as source:
        frames = iter(source)
        stamps = [next(frames).stamp for _ in range(4)]
    assert min(np.diff(stamps)) >= 45e6


def test_stamps_grow_when_the_clock_is_a_little_off(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([5_000, 4_000, 3_000])
    monkeypatch.setattr(live.time, "time_ns", lambda: next(clock, 2_000))
    with source_of([FakeCapture(list(range(1, 31)) * 1000)]) as source:
        frames = iter(source)
        stamps = [next(frames).stamp for _ in range(3)]
    assert np.all(np.diff(stamps) > 0)


def test_stamps_follow_a_clock_that_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, an hour passed in which each image came a nanosecond after the one before."""
    now, monotonic = [7200.0], live.time.monotonic
    begun = monotonic()
    monkeypatch.setattr(live.time, "time_ns", lambda: round((now[0] + monotonic() - begun) * 1e9))
    with source_of([FakeCapture(list(range(1, 31)) * 1000)]) as source:
        frames = iter(source)
        before = [next(frames).stamp for _ in range(3)]
        now[0] = 3600.0
        after = [next(frames).stamp for _ in range(4)][1:]  # one may have waited
    assert min(before) >= 7200e9
    assert max(after) < 7200e9
    assert min(np.diff(after)) > 1e6


def test_a_camera_may_be_closed_by_whoever_hears_its_report() -> None:
    source = source_of([], report=lambda _: source.close())
    assert list(source) == []
    assert source._error is None


def test_closing_ends_a_wait_for_a_camera_that_never_comes() -> None:
    source = source_of([], report=lambda _: None)
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
    """Whoever looks away for a while sees what there is then, and not the images that came meanwhile."""
    with open_source(mjpeg_camera.url) as source:
        frames = iter(source)
        next(frames)
        mjpeg_camera.last = mjpeg_camera.shown + 25
        # As many were overwritten as can be on the way: what waits now was taken after the last change.
        wait_until(lambda: source.status().overwritten >= 100)
        assert number_of(next(frames).image) == mjpeg_camera.last % 32


def test_a_camera_that_hangs_is_lost_in_time(mjpeg_camera: MjpegCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SILENCE", 3.0)  # more than a busy machine keeps the camera waiting
    lines: list[str] = []
    with open_source(mjpeg_camera.url, report=lines.append) as source:
        frames = iter(source)
        next(frames)
        mjpeg_camera.hanging.set()
        wait_until(lambda: not source.status().connected)
        assert re.search(r"is lost \((no image for 3 s|it has fallen silent)\)", source.status().detail)
        mjpeg_camera.hanging.clear()
        wait_until(lambda: source.status().connected)
        assert next(frames).image.shape
    assert [line for line in lines if "is lost" in line]  # again, where the machine is kept busy for so long


def test_a_hanging_driver_is_noticed_though_its_read_does_not_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SILENCE", 0.2)
    end = threading.Event()

    class Hanging(FakeCapture):
        def read(self) -> tuple[bool, np.ndarray | None]:
            if not self.pictures:
                end.wait(300.0)
            return super().read()

    lines: list[str] = []
    with source_of([Hanging([1])], report=lines.append) as source:
        frames = iter(source)
        next(frames)
        threading.Thread(target=lambda: list(frames), daemon=True).start()
        wait_until(lambda: bool(lines))
        assert lines == ["cam is lost (no image for 0.2 s); trying again until it is there"]
        assert not source.status().connected
        end.set()


def test_an_error_that_nobody_foresaw_reaches_whoever_waits() -> None:
    def open_camera() -> DriverCamera:
        raise ValueError("a mistake")

    with LiveSource("cam", SourceOptions(), open_camera) as source, pytest.raises(ValueError, match="a mistake"):
        next(iter(source))


def test_a_server_that_accepts_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SILENCE", 0.3)
    server = socket.create_server(("127.0.0.1", 0))
    with server, open_source(f"http://127.0.0.1:{server.getsockname()[1]}/a", report=lambda _: None) as source:
        iter(source)
        wait_until(lambda: "it has fallen silent" in source.status().detail)


def test_why_a_camera_cannot_be_opened_is_said_without_its_password(serve: Callable[..., str], tmp_path: Path) -> None:
    lines: list[str] = []
    url = serve(tmp_path / "missing.mp4").replace("http://", "HTTP://ada:s3cret@")
    with open_source("rtsp://ada:s3cret@127.0.0.1:1/a?token=s3cret", report=lines.append) as source:
        iter(source)
        wait_until(lambda: bool(lines))
        assert "Connection refused" in lines[0]
        assert "s3cret" not in lines[0] + source.uri + source.status().detail + source._thread.name  # type: ignore
    with open_source(url) as source:
        assert "s3cret" not in source.uri


def test_why_a_camera_of_this_computer_cannot_be_opened_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(device: int | str) -> str:
        with pytest.raises(StreamLost) as error:
            open_device(device, SourceOptions())
        return str(error.value)

    monkeypatch.setattr("glob.glob", lambda pattern: [])
    assert said(987) == "there is no /dev/video987: no camera is connected"
    monkeypatch.setattr("glob.glob", lambda pattern: ["/dev/video4", "/dev/video2"])
    assert said("/dev/video987") == "there is no /dev/video987: there is /dev/video2, /dev/video4"
    assert "close other programs" in said("/dev/null")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert said("/dev/null") == "/dev/null is not for this user: add them to the group video and log in again"


@pytest.mark.skipif(not hasattr(cv2.utils, "logging"), reason="this OpenCV cannot be told to be silent")
def test_opencv_adds_nothing_of_its_own_to_why_a_camera_cannot_be_opened(capfd: pytest.CaptureFixture[str]) -> None:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_WARNING)
    try:
        for _ in range(2):
            with pytest.raises(StreamLost, match="close other programs"):
                open_device("/dev/null", SourceOptions())
        assert capfd.readouterr().err == ""
        assert cv2.utils.logging.getLogLevel() == cv2.utils.logging.LOG_LEVEL_WARNING
    finally:
        cv2.utils.logging.setLogLevel(level)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_finite_file_over_http_is_a_recording(serve: Callable[..., str], tmp_path: Path, name: str) -> None:
    times = [*steady(5), *(0.2 + number / 5.0 for number in range(5))]
    url = serve(write_video(tmp_path / name, times))
    with open_source(url) as source:
        assert source.live  # until it has been reached, nobody knows
        arrivals = [(frame.stamp, time.time_ns(), number_of(frame.image)) for frame in source]
        assert not source.live
        assert (source.status().read, source.status().detail) == (10, "ended")
    assert [number for *_, number in arrivals] == list(range(10))
    seconds = [(stamp - arrivals[0][0]) * 1e-9 for stamp, *_ in arrivals]
    assert seconds == pytest.approx(times, abs=0.002)
    assert all(now >= stamp - 1e6 for stamp, now, _ in arrivals)


def test_a_recording_over_http_loops_and_can_be_played_fast(serve: Callable[..., str], tmp_path: Path) -> None:
    url = serve(write_video(tmp_path / "a.mp4", steady(4)))
    with open_source(url, loop=True, pace=False) as source:
        frames = [frame for frame, _ in zip(source, range(10), strict=False)]
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert np.diff([frame.stamp for frame in frames]) == pytest.approx(1e9 / FPS, abs=2e6)


@pytest.mark.parametrize("ended", [True, False])
def test_a_playlist_is_a_recording_when_it_says_that_it_ends(
    serve_folder: Callable[[Path], str], tmp_path: Path, ended: bool
) -> None:
    write_video(tmp_path / "0.ts", steady(25))
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXTINF:1.0,", "0.ts"]
    (tmp_path / "live.m3u8").write_text("\n".join([*lines, *["#EXT-X-ENDLIST"] * ended]) + "\n")
    video = Video(f"{serve_folder(tmp_path)}/live.m3u8", timeout=20.0)
    assert video.finite == ended
    video.close()


def test_a_raw_recording_over_http_that_says_no_rate_ends_with_one_line(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    url = serve(write_video(tmp_path / "a.mjpeg", steady(4), "mjpeg", "mjpeg"))
    with open_source(url) as source, pytest.raises(SourceError, match=r"^[^\n]*give it with fps[^\n]*$"):
        next(iter(source))


def test_a_file_that_is_sent_without_its_size_is_found_out_when_it_has_ended(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    url = serve(write_video(tmp_path / "a.ts", steady(200)), size=False)
    with open_source(url, report=lambda _: None) as source:
        wait_until(lambda: not source.live, turn=iter(source).__next__)


def test_what_waited_on_the_way_keeps_its_time(tmp_path: Path) -> None:
    """A network that holds images back, and then gives all of them at once."""
    data = write_video(tmp_path / "a.ts", steady(75)).read_bytes()
    end = threading.Event()

    def feed(server: socket.socket) -> None:
        connection, _ = server.accept()
        begun = time.monotonic()
        with connection, contextlib.suppress(OSError):
            for place in range(0, len(data), 188):
                due = 3.0 * place / len(data)
                end.wait(max(0.0, begun + (due if not 1.5 < due < 2.3 else 2.3) - time.monotonic()))
                connection.sendall(data[place : place + 188])
            end.wait(40.0)

    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=feed, args=(server,), daemon=True).start()
    numbers, stamps = [], []
    with server, open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}", report=lambda _: None) as source:
        for frame in source:
            numbers.append(number_of(frame.image))
            stamps.append(frame.stamp)
            if stamps[-1] - stamps[0] >= 1.6e9:
                break
    end.set()
    steps = np.diff(numbers) % 32 / FPS
    assert np.diff(stamps) * 1e-9 == pytest.approx(steps, abs=0.5)  # 0.8 s where they are stamped as they come
