"""Files of the kinds that were once read wrongly, made here; what each must give is what was written into it."""

import os
import re
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from small_videos import FPS, HEIGHT, WIDTH, number_of, picture, steady, write_video

from rt_gait_ros.sources import SourceError, open_source
from rt_gait_ros.sources.video import Video

# A second at 25 images a second, then three at 5: a phone in the dark, or a browser that is busy.
UNEVEN = [*steady(25), *(1.0 + number / 5.0 for number in range(15))]


def read(path: Path | str, **options: float) -> tuple[list[float], list[int], list[str]]:
    """Seconds from the first image and number of every image, and what was reported."""
    lines: list[str] = []
    with open_source(str(path), pace=False, report=lines.append, **options) as source:  # type: ignore[arg-type]
        frames = list(source)
        seconds = [(frame.stamp - frames[0].stamp) * 1e-9 for frame in frames]
        return seconds, [number_of(frame.image) for frame in frames], lines


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "libvpx"), ("a.mkv", "libx264"), ("a.mp4", "libx264")])
def test_each_image_has_its_own_time(tmp_path: Path, name: str, codec: str) -> None:
    path = write_video(tmp_path / name, UNEVEN, codec)
    seconds, numbers, lines = read(path)
    assert lines == []  # images that are decoded before they are shown count from below 0: none is missing for that
    assert seconds == pytest.approx(UNEVEN, abs=0.0015)
    assert numbers == [number % 32 for number in range(40)]


def test_a_wanted_rate_makes_uneven_images_even(tmp_path: Path) -> None:
    seconds, _, _ = read(write_video(tmp_path / "a.mkv", UNEVEN), fps=10.0)
    assert seconds == pytest.approx(steady(40, 10.0), abs=1e-6)


@pytest.mark.parametrize("fps", [0.0, 50.0])
def test_what_follows_a_destroyed_part_keeps_its_time(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "hole.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    for number in range(75):
        writer.write(picture(number))
    writer.release()
    data = bytearray(path.read_bytes())
    chunks = [match.start() for match in re.finditer(b"00dc", data[: data.find(b"idx1")])][-75:]
    begin, end = chunks[28] + 12, chunks[52] - 8
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    seconds, numbers, lines = read(path, fps=fps)
    kept = [*range(28), *range(53, 75)]
    found = list(zip(numbers, seconds, strict=True))
    for number in kept:
        right = number / (fps or FPS)
        assert [at for shown, at in found if shown == number % 32 and abs(at - right) < 1e-3], (number, right, found)
    assert len(numbers) <= len(kept) + 3  # an image that is half there may be shown
    assert any("frames are missing" in line for line in lines)


def test_a_raw_stream_plays_at_the_rate_of_its_codec_and_says_so(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.h264", steady(30, 50.0), container="h264")
    seconds, numbers, lines = read(path)
    assert seconds == pytest.approx(steady(30, 50.0), abs=1e-6)
    assert numbers == list(range(30))
    assert len(lines) == 1
    assert "does not say when its images were taken: played at 50 images per second" in lines[0]
    seconds, _, lines = read(path, fps=10.0)
    assert seconds == pytest.approx(steady(30, 10.0), abs=1e-6)
    assert lines == []


def test_a_raw_stream_without_a_rate_asks_for_it(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mjpeg", steady(10), "mjpeg", "mjpeg")
    with pytest.raises(SourceError, match=r"^[^\n]*give it with fps[^\n]*$"):
        open_source(str(path))
    seconds, _, _ = read(path, fps=50.0)
    assert seconds == pytest.approx(steady(10, 50.0), abs=1e-6)


def test_recordings_that_were_joined_go_on(tmp_path: Path) -> None:
    part = write_video(tmp_path / "a.ts", steady(50), "mpeg2video").read_bytes()
    (tmp_path / "b.ts").write_bytes(part + part)
    seconds, numbers, _ = read(tmp_path / "b.ts")
    assert len(numbers) == 100
    assert np.diff(seconds).min() > 0.0
    assert np.diff(seconds).max() < 0.2


@pytest.mark.parametrize(("shape", "width"), [("2:1", 2 * WIDTH), ("16:15", 171), ("1:2", WIDTH // 2), ("1:1", WIDTH)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_pixels_are_square(tmp_path: Path, shape: str, width: int, name: str) -> None:
    with open_source(str(write_video(tmp_path / name, steady(3), shape=shape)), pace=False) as source:
        frames = list(source)
    assert [frame.image.shape for frame in frames] == [(HEIGHT, width, 3)] * 3
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2]


def test_a_pixel_of_an_impossible_shape_is_said(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", steady(3), shape="9:1")
    with open_source(str(path), pace=False, report=(lines := []).append) as source:
        assert next(iter(source)).image.shape == (HEIGHT, WIDTH, 3)
    assert any("taken as square" in line for line in lines)


@pytest.mark.parametrize(("turn", "bright"), [(90, "top"), (-90, "bottom"), (180, "left")])
def test_images_are_turned_and_stretched(tmp_path: Path, turn: int, bright: str) -> None:
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV writes no rotation")
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, -20:] = 255  # a bar on the right
    with av.open(str(tmp_path / "a.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.sample_aspect_ratio = 2
        stream.set_display_rotation(turn)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        output.mux(stream.encode())
    with open_source(str(tmp_path / "a.mp4"), pace=False) as source:
        shown = next(iter(source)).image
    expected = np.ascontiguousarray(np.rot90(image, turn // 90))  # OpenCV 4.6 turns it the wrong way
    edges = {"top": shown[:5], "bottom": shown[-5:], "left": shown[:, :5], "right": shown[:, -5:]}
    assert max(edges, key=lambda side: edges[side].mean()) == bright
    stretched = (WIDTH * 2, HEIGHT) if abs(turn) == 180 else (HEIGHT, WIDTH * 2)
    assert shown.shape[1::-1] == stretched
    assert np.abs(cv2.resize(expected, stretched).astype(int) - shown).mean() < 3


def test_pixels_are_those_that_opencv_decodes(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", steady(5))
    capture = cv2.VideoCapture(str(path))
    for shown in Video(path).pictures():
        assert shown is not None
        assert (shown.image() == capture.read()[1]).all()


@pytest.mark.parametrize(
    "name", [b"2026-05-01T12:30:00.mp4", b"walk:1.mp4", b"caf\xe9.mp4", b"a b#1?.mp4", b"l\nm.mp4"]
)
def test_any_file_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes) -> None:
    write_video(tmp_path / "a.mp4", steady(3))
    os.rename(tmp_path / "a.mp4", os.path.join(os.fsencode(tmp_path), name))
    monkeypatch.chdir(tmp_path)
    with open_source(os.fsdecode(name), pace=False) as source:
        assert len(list(source)) == 3
        source.uri.encode()
        assert "\n" not in source.uri


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(SourceError, match="is no file, folder or camera"):
        open_source(str(tmp_path / "pipe.mp4"))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_sound_beside_the_images_is_passed_over(tmp_path: Path, name: str) -> None:
    with av.open(str(tmp_path / name), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = output.add_stream("aac", rate=48000)
        for number in range(10):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="bgr24")))
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 48000, 1920 * number
            output.mux(sound.encode(silence))
        output.mux([*stream.encode(), *sound.encode()])
    seconds, numbers, _ = read(tmp_path / name)
    assert numbers == list(range(10))
    assert seconds == pytest.approx(steady(10), abs=0.001)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.wav"), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), layout="mono")
        sound.sample_rate = 8000
        output.mux(stream.encode(sound))
    with pytest.raises(SourceError, match=r"a\.wav holds no video"):
        open_source(str(tmp_path / "a.wav"))
