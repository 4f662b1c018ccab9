import os
import re
from pathlib import Path

import cv2
import pytest
from small_videos import picture, steady, write_video

from rt_gait_ros.errors import UsageError
from rt_gait_ros.sources import Source, SourceError, SourceOptions, open_source, register_scheme
from rt_gait_ros.sources.opening import csi_pipeline


@pytest.mark.parametrize(
    ("uri", "says"),
    [("", "no source"), ("   ", "no source"), ("ftp://x/y.mp4", "ftp: is not known"), ("csi://front", "by its number")],
)
def test_a_name_that_means_nothing_is_refused_in_one_line(uri: str, says: str) -> None:
    with pytest.raises(UsageError, match=rf"^[^\n]*{re.escape(says)}[^\n]*$"):
        open_source(uri)


@pytest.mark.skipif(cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER), reason="this OpenCV has GStreamer")
@pytest.mark.parametrize("uri", ["csi://0", "gst:videotestsrc"])
def test_without_gstreamer_pipelines_are_refused_in_one_line(uri: str) -> None:
    with pytest.raises(SourceError, match=r"^[^\n]*built without[^\n]*$"):
        open_source(uri)


@pytest.mark.skipif(not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER), reason="this OpenCV has no GStreamer")
def test_a_gstreamer_pipeline_gives_frames() -> None:
    with open_source("gst:videotestsrc ! video/x-raw, width=64, height=48") as source:
        assert next(iter(source)).image.shape == (48, 64, 3)


def test_the_pipeline_of_a_jetson_camera_carries_what_was_asked_for() -> None:
    pipeline = csi_pipeline(1, SourceOptions(width=640, height=480, fps=29.97))
    assert "sensor-id=1 " in pipeline
    assert "width=640, height=480, framerate=29970/1000" in pipeline
    assert pipeline.endswith("drop=true max-buffers=1 sync=false")


@pytest.mark.parametrize("uri", ["97", "/dev/video97", "rtsp://127.0.0.1:1/stream"])
def test_a_camera_that_is_not_there_is_waited_for(uri: str) -> None:
    with open_source(uri, report=lambda _: None) as source:
        assert source.live
        assert not source.status().connected


def test_paths_may_be_file_uris(tmp_path: Path) -> None:
    folder = tmp_path / "a walk"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), picture(0))
    with open_source(f"file://{tmp_path}/a%20walk", pace=False) as source:
        assert len(list(source)) == 1


@pytest.mark.parametrize("uri", ["FILE://{}", "file://localhost{}", "File:{}", "file:{}"])
def test_schemes_may_be_written_in_any_way(tmp_path: Path, uri: str) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), picture(0))
    with open_source(uri.format(tmp_path), pace=False) as source:
        assert len(list(source)) == 1


@pytest.mark.parametrize("uri", ["RTSP://127.0.0.1:1/a", "Http://127.0.0.1:1/a"])
def test_streams_may_be_written_in_any_way(uri: str) -> None:
    with open_source(uri, report=lambda _: None) as source:
        assert source.live


def test_a_folder_or_file_whose_name_is_a_number_is_no_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "123").mkdir()
    cv2.imwrite(str(tmp_path / "123" / "0.png"), picture(0))
    write_video(tmp_path / "77", steady(3), container="mp4")
    for name, images in (("123", 1), ("77", 3)):
        with open_source(name, pace=False) as source:
            assert not source.live
            assert len(list(source)) == images


def test_a_number_that_is_both_is_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0").mkdir()
    exists = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: path == "/dev/video0" or exists(path))
    with pytest.raises(UsageError, match=r"^0 is a file here and a camera, too: name it \./0 or /dev/video0$"):
        open_source("0")


@pytest.mark.parametrize("name", ["~no_such_user/a.mp4", "a" * 5000, "zero\0byte"])
def test_what_can_be_no_path_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UsageError, match=r"^[^\n\0]*$"):
        open_source(name)


@pytest.mark.parametrize(
    "uri", ["ftp://ada:s3cret@x/y.mp4", "csi://ada:s3cret@x", "rtsp://ada:s3cret@x/${NO_SUCH_ONE}"]
)
def test_refusals_name_no_password(uri: str) -> None:
    with pytest.raises(UsageError) as refusal:
        open_source(uri)
    assert "s3cret" not in str(refusal.value)
    assert "***" in str(refusal.value)


def test_schemes_can_be_added(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), picture(0))
    seen = {}

    def open_synthetic(uri: str, options: SourceOptions) -> Source:
        seen[uri] = options.width
        return open_source(str(tmp_path))

    monkeypatch.setattr("rt_gait_ros.sources.opening._SCHEMES", {})
    register_scheme("synthetic", open_synthetic)
    open_source("synthetic://two-walkers", width=320).close()
    assert seen == {"synthetic://two-walkers": 320}
