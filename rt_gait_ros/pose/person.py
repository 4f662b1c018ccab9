"""What the pose stage says about one image; the domain side of PersonPose.msg and PersonPoseArray.msg."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(slots=True)
class PersonPose:
    """One person in one image.

    keypoints: (K, 3) float32 of x, y in pixels of the source image and confidence 0..1; NaN, NaN, 0 where not found.
    box: (4,) float32 of x, y, width, height in pixels; may reach over the border of the image.
    confidence: 0..1.
    gait_frame: what the gait network takes (silhouette (64, 64) uint8, skeleton map (64, 44, 2) uint8,
        flow (60, 60, 2) int16), or None.
    quality: fit of the gait frame for recognition, 0..1; 0 without one.
    """

    keypoints: np.ndarray
    box: np.ndarray
    confidence: float
    gait_frame: np.ndarray | None = None
    quality: float = 0.0


@dataclass(slots=True)
class ImageHeader:
    """What is known of one image beside its people.

    stamp: ns. frame_id: of the camera. width, height: pixels. layout: of keypoints. gait_frame_kind: of gait frames.
    """

    stamp: int
    frame_id: str
    width: int
    height: int
    layout: str = "trt_pose"
    gait_frame_kind: str = "silhouette"


@dataclass(slots=True)
class PoseFrame(ImageHeader):
    """Everybody in one image. Exists for every image, empty ones too.

    camera_motion: (2, 3) affine that maps pixels of the image before to pixels of this one, or None when not known.
    """

    people: list[PersonPose] = field(default_factory=list)
    camera_motion: np.ndarray | None = None
