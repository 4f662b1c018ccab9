import os

import cv2
import numpy as np
import pytest

from rt_gait_ros.demo.render import overlays, render
from rt_gait_ros.demo.video import VideoError, VideoWriter, read_video
from rt_gait_ros.errors import UsageError

SHAPE = (361, 641, 3)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Twenty grey images with odd sides, which H.264 does not take."""
    path = tmp_path_factory.mktemp("video") / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (SHAPE[1], SHAPE[0]))
    for _ in range(20):
        writer.write(np.full(SHAPE, 128, np.uint8))
    writer.release()
    return read_video(path, 0.4)


def painted(image):
    return int((np.abs(image.astype(int) - 128) > 40).any(axis=-1).sum())


def test_people_are_drawn_on_the_image_of_their_stamp(record, track, identified, video):
    recording = record(*[[]] * 10, *[[(track("bbbbb", 300), identified("bbbbb"))]] * 10)
    assert [painted(image) > 0 for image in overlays(video, recording, 20)] == [False] * 10 + [True] * 10


def test_a_dropped_image_shows_the_people_of_the_one_before(record, track, video):
    images = [[(track("bbbbb", 100 + 20 * k), None)] for k in range(20)]
    drawn = list(overlays(video, record(*images, dropped=(7,)), 20))
    assert (drawn[7] == drawn[6]).all()
    assert (drawn[8] != drawn[7]).any()


def test_movie_and_sheet(record, track, video, tmp_path):
    render(video, record(*[[(track("bbbbb", 300), None)]] * 20), 20, tmp_path / "o.mp4", tmp_path / "s.png")
    movie = read_video(tmp_path / "o.mp4", 0.4)
    assert (movie.width, movie.height, movie.frames) == (640, 360, 20)
    assert movie.times == pytest.approx(video.times, abs=1e-4)
    for name in ("o.mp4", "s.png"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert cv2.imread(str(tmp_path / "s.png")).shape[1] == 1920


def test_a_movie_of_an_uneven_video_shows_each_image_as_long(record, track, tmp_path):
    times = [*np.arange(10) / 25, *(0.4 + np.arange(10) / 5)]
    with VideoWriter(tmp_path / "v.mp4", 25) as writer:
        for time in times:
            writer.write(np.full((64, 64, 3), 128, np.uint8), time)
    uneven = read_video(tmp_path / "v.mp4", 0.4)
    assert uneven.times == pytest.approx(times, abs=1e-4)
    assert uneven.seconds == pytest.approx(2.4)
    render(uneven, record(*[[]] * 20), 20, tmp_path / "o.mp4", tmp_path / "s.png")
    assert read_video(tmp_path / "o.mp4", 0.4).times == pytest.approx(times, abs=1e-4)


def test_a_movie_may_lie_in_a_folder_of_any_name(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9:1")
    folder.mkdir()
    with VideoWriter(folder / "o.mp4", 25) as writer:
        for _ in range(5):
            writer.write(np.full((64, 64, 3), 128, np.uint8))
    assert read_video(folder / "o.mp4", 0.1).frames == 5
    assert (folder / "o.mp4").stat().st_mode & 0o777 == 0o600
    with pytest.raises(VideoError, match=r"cannot write .*caf\\xe9.*No such file"):
        VideoWriter(folder / "nowhere" / "o.mp4", 25)


def test_an_interrupted_movie_is_not_there(tmp_path):
    def write():
        with VideoWriter(tmp_path / "o.mp4", 25) as writer:
            writer.write(np.zeros((64, 64, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("until", [0.0, 0.8, 5.0, -1.0])
def test_the_enrolment_must_end_within_the_video(video, until):
    with pytest.raises(UsageError, match=r"lasts 0\.8 s: --enroll-until must lie within"):
        read_video(video.path, until)


@pytest.mark.parametrize("content", [None, b"", b"no video"])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "walk.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"walk\.mp4 (does not exist|is empty|is no video)"):
        read_video(path, 1.0)
