from pathlib import Path

import pytest

from rt_gait_ros.sources.camera_calibration import CalibrationError, load_calibration, pinhole


def test_pinhole_looks_as_wide_as_said() -> None:
    lens = pinhole(640, 480, 90.0)
    assert pytest.approx([320, 0, 320, 0, 320, 240, 0, 0, 1]) == lens.K
    assert pytest.approx([320, 0, 320, 0, 0, 320, 240, 0, 0, 0, 1, 0]) == lens.P


def test_scaling_leaves_the_lens_as_it_is() -> None:
    assert pytest.approx(pinhole(320, 240, 70.0).K) == pinhole(640, 480, 70.0).scaled_to(320, 240).K


def test_another_aspect_is_another_camera() -> None:
    with pytest.raises(CalibrationError, match=r"^[^\n]*640x480 but images are 640x360[^\n]*$"):
        pinhole(640, 480, 70.0).scaled_to(640, 360)


@pytest.mark.parametrize(
    "content",
    [
        *("", "[1, 2]", "image_width: 640", "a: [", "image_width: x\nimage_height: 2"),
        *("image_width: 0\nimage_height: 480", "image_width: .inf\nimage_height: 480"),
    ],
)
def test_what_is_no_calibration_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lens.yaml"
    path.write_text(content)
    with pytest.raises(CalibrationError, match=r"^[^\n]*lens\.yaml[^\n]*$"):
        load_calibration(path)
