"""What a camera's lens does: calibration files, and a guess where there is none."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from rt_gait_ros.errors import UsageError


class CalibrationError(UsageError):
    """A calibration file is missing, is none, or is of another camera."""


@dataclass(frozen=True, slots=True)
class CameraCalibration:
    """Pinhole model with distortion, row-major lists as in sensor_msgs/CameraInfo; K of zeros: uncalibrated.

    width, height: pixels. D: distortion. K: 3x3 intrinsics in pixels. R: 3x3 rectification. P: 3x4 projection.
    origin: where it comes from, for a person to read.
    """

    width: int
    height: int
    origin: str = "uncalibrated"
    distortion_model: str = "plumb_bob"
    D: list[float] = field(default_factory=list)
    K: list[float] = field(default_factory=lambda: [0.0] * 9)
    R: list[float] = field(default_factory=lambda: [0.0] * 9)
    P: list[float] = field(default_factory=lambda: [0.0] * 12)

    def scaled_to(self, width: int, height: int) -> "CameraCalibration":
        """The same lens when its image is scaled. Raises CalibrationError when that changes the aspect by over 1 %."""
        if (width, height) == (self.width, self.height):
            return self
        across, down = width / self.width, height / self.height
        if abs(across / down - 1.0) > 0.01:
            raise CalibrationError(
                f"calibration {self.origin} is for {self.width}x{self.height} but images are {width}x{height}; "
                "calibrate the camera at that size"
            )
        rows = (across, down, 1.0)
        return replace(
            self,
            width=width,
            height=height,
            K=[value * rows[index // 3] for index, value in enumerate(self.K)],
            P=[value * rows[index // 4] for index, value in enumerate(self.P)],
        )


def pinhole(width: int, height: int, fov: float) -> CameraCalibration:
    """An ideal lens of horizontal field of view `fov` in degrees, for cameras that nobody has calibrated."""
    focal = width / 2.0 / math.tan(math.radians(fov) / 2.0)
    x, y = width / 2.0, height / 2.0
    return CameraCalibration(
        width=width,
        height=height,
        origin=f"guessed from a field of view of {fov:g} degrees",
        D=[0.0] * 5,
        K=[focal, 0.0, x, 0.0, focal, y, 0.0, 0.0, 1.0],
        R=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        P=[focal, 0.0, x, 0.0, 0.0, focal, y, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def load_calibration(path: Path) -> CameraCalibration:
    """Read a YAML file as camera_calibration and camera_info_manager write it. Raises CalibrationError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        width, height = int(content["image_width"]), int(content["image_height"])
        if min(width, height) < 1:
            raise ValueError(f"it is for images of {width}x{height}")
        return CameraCalibration(
            width=width,
            height=height,
            origin=str(path),
            distortion_model=str(content["distortion_model"]),
            D=_matrix(content, "distortion_coefficients"),
            K=_matrix(content, "camera_matrix", 9),
            R=_matrix(content, "rectification_matrix", 9),
            P=_matrix(content, "projection_matrix", 12),
        )
    except OSError as error:
        raise CalibrationError(f"calibration {path} cannot be read: {error.strerror}") from None
    except KeyError as error:
        raise CalibrationError(f"calibration {path} has no {error}; camera_calibration writes such files") from None
    except (yaml.YAMLError, TypeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise CalibrationError(f"calibration {path} is no camera_calibration YAML: {reason}") from None


def _matrix(content: dict[str, Any], name: str, size: int | None = None) -> list[float]:
    values = [float(value) for value in content[name]["data"]]
    if not all(map(math.isfinite, values)) or (size is not None and len(values) != size):
        raise ValueError(f"{name} must have {size or 'finite'} numbers")
    return values
