import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_videos import FPS, HEIGHT, WIDTH, number_of, picture

from rt_gait_ros.sources import SourceError, open_source
from rt_gait_ros.sources.recorded import VideoFile
from rt_gait_ros.sources.video import Video

MakeVideo = Callable[..., Path]


def blank_jpegs(path: Path, *numbers: int) -> None:
    """Overwrite the pictures with these numbers in a Motion JPEG file."""
    data = bytearray(path.read_bytes())
    begins = []
    at = data.find(b"\xff\xd8\xff")
    while at >= 0:
        begins.append(at)
        at = data.find(b"\xff\xd8\xff", at + 3)
    begins.append(data.find(b"idx1") + 8)
    for number in numbers:
        begin, end = begins[number], begins[number + 1] - 16
        data[begin:end] = bytes(end - begin)
    path.write_bytes(data)


def test_a_video_that_ends_is_an_end(make_video: MakeVideo) -> None:
    with open_source(str(make_video(10)), pace=False) as source:
        frames = list(source)
        assert [number_of(frame.image) for frame in frames] == list(range(10))
        assert frames[0].image.shape == (HEIGHT, WIDTH, 3)
        assert source.fps == FPS
        status = source.status()
        assert (status.read, status.skipped, status.detail) == (10, 0, "ended")


@pytest.mark.parametrize("fps", [0.0, 50.0])
def test_stamps_are_those_of_the_recording(make_video: MakeVideo, fps: float) -> None:
    with open_source(str(make_video(10)), pace=False, fps=fps) as source:
        stamps = [frame.stamp for frame in source]
    assert np.diff(stamps).tolist() == [round(1e9 / (fps or FPS))] * 9
    assert abs(stamps[0] - time.time_ns()) < 10e9


def test_paced_frames_come_when_their_time_has_come(make_video: MakeVideo) -> None:
    with open_source(str(make_video(10)), frame_id="left") as source:
        begun = time.monotonic()
        arrivals = [(frame.stamp, time.time_ns(), frame.frame_id) for frame in source]
    assert all(now >= stamp - 1e6 for stamp, now, _ in arrivals)
    assert time.monotonic() - begun >= 9 / FPS
    assert arrivals[0][2] == "left"


def test_a_recording_that_is_played_slowly_keeps_its_stamps(make_video: MakeVideo) -> None:
    with open_source(str(make_video(5)), speed=0.25) as source:
        begun = time.monotonic()
        arrivals = [(frame.stamp, time.monotonic()) for frame in source]
    assert np.diff([stamp for stamp, _ in arrivals]).tolist() == [round(1e9 / FPS)] * 4
    assert all(now - begun >= number * 4 / FPS for number, (_, now) in enumerate(arrivals))


def test_a_loop_goes_on_with_growing_stamps(make_video: MakeVideo) -> None:
    with open_source(str(make_video(4)), pace=False, loop=True) as source:
        frames = list(islice(source, 10))
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert set(np.diff([frame.stamp for frame in frames])) == {round(1e9 / FPS)}


def test_unreadable_frames_are_left_out_and_counted(make_video: MakeVideo) -> None:
    path = make_video(12)
    blank_jpegs(path, 3, 4, 8)
    with open_source(str(path), pace=False) as source:
        frames = list(source)
        assert source.status().skipped == 3
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 5, 6, 7, 9, 10, 11]
    gaps = np.diff([frame.stamp for frame in frames])
    assert np.round(gaps * FPS / 1e9).tolist() == [1, 1, 3, 1, 1, 2, 1, 1]


def test_a_video_cut_short_plays_as_far_as_it_goes_and_says_so(make_video: MakeVideo) -> None:
    path = make_video(20)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    lines: list[str] = []
    with open_source(str(path), pace=False, report=lines.append) as source:
        read = len(list(source))
    assert 0 < read < 20
    assert lines == [f"{path} ends after {read} of 20 frames; the file may be cut short"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.mp4", None, "does not exist"),
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"no video at all\n" * 100, "no video"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=rf"^[^\n]*{says}[^\n]*$"):
        open_source(str(path))


def test_a_video_without_one_good_frame_is_an_error(make_video: MakeVideo) -> None:
    path = make_video(4)
    blank_jpegs(path, *range(4))
    with open_source(str(path), pace=False, loop=True) as source, pytest.raises(SourceError, match="no frame"):
        next(iter(source))


def test_closing_from_another_thread_ends_the_iteration(make_video: MakeVideo) -> None:
    source = open_source(str(make_video(10)), loop=True, fps=0.001)  # the next frame is due in a quarter of an hour
    frames = []

    def play() -> None:
        frames.extend(source)

    player = threading.Thread(target=play)
    player.start()
    while not source.status().read:
        time.sleep(0.005)
    source.close()
    player.join(60)
    assert not player.is_alive(), "close() must not wait for the next frame's time"
    assert len(frames) == 1


def test_a_folder_is_played_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for number in (0, 1, 2, 10, 11):
        cv2.imwrite(str(tmp_path / f"frame{number}.{'png' if number % 2 else 'JPG'}"), picture(number))
    (tmp_path / "notes.txt").write_text("not an image")
    with open_source(str(tmp_path), pace=False) as source:
        frames = list(source)
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 10, 11]
    assert set(np.diff([frame.stamp for frame in frames])) == {40_000_000}


def test_a_damaged_image_of_a_folder_is_left_out_and_named(tmp_path: Path) -> None:
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number))
    (tmp_path / "1.png").write_bytes(b"")
    (tmp_path / "2.png").write_bytes(b"garbage")
    lines: list[str] = []
    with open_source(str(tmp_path), pace=False, report=lines.append) as source:
        assert [number_of(frame.image) for frame in source] == [0, 3]
        assert source.status().skipped == 2
    assert [line.split()[0] for line in lines] == [str(tmp_path / "1.png"), str(tmp_path / "2.png")]


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no \.jpg or \.png"):
        open_source(str(tmp_path))


def test_frames_are_fitted_into_the_wanted_size(make_video: MakeVideo) -> None:
    with open_source(str(make_video(2)), pace=False, width=80, height=80) as source:
        assert {frame.image.shape for frame in source} == {(60, 80, 3)}


def test_closing_ends_a_folder_that_nobody_paces(tmp_path: Path) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number))
    source = open_source(str(tmp_path), pace=False)
    frames = iter(source)
    next(frames)
    source.close()
    assert list(frames) == []


def test_a_source_may_be_closed_by_whoever_hears_its_report(make_video: MakeVideo, monkeypatch) -> None:
    """Before, it waited for the read that reports."""
    source = open_source(str(make_video(5)), pace=False, report=lambda line: source.close())
    assert isinstance(source, VideoFile)

    def pictures(video: Video) -> Iterator[None]:
        video._report("it cannot be read any further")
        yield from ()

    monkeypatch.setattr(Video, "pictures", pictures)
    assert list(source) == []
