import re
from pathlib import Path

import cv2
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.sources import Source, SourceError, SourceOptions, open_source, register_scheme
from rt_gait_ros.sources.opening import csi_pipeline

from .conftest import picture


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
