"""Settings of the pose stage."""

from dataclasses import dataclass

from rt_gait_ros.pose import person_network
from rt_gait_ros.pose.errors import PoseSettingsError
from rt_gait_ros.settings import check, setting
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS

CAMERA_MOTIONS = ("off", "image")


@dataclass(frozen=True, slots=True)
class PoseConfig:
    """What the pose stage does.

    detector: with two outputs, cmap and paf, it is a trt_pose network. detector_period: without anybody, and in the
    image after somebody was lost, the detector runs at once. gait_frame_kind: flow is made from one image to the next
    of silhouette.flow.FLOW_RATE a second; what a faster camera has between them gets no frame.
    Raises PoseSettingsError when a value is out of its range.
    """

    detector: str = setting(
        "movenet_multipose",
        "Model that finds people in the whole image - movenet_multipose, openpose_mobilenet_thin or an "
        "exported trt_pose network.",
    )
    detector_size: int = setting(
        320, "Longer side in pixels of the image given to the detector; networks of a fixed size ignore it.", 64, 2048
    )
    detector_period: int = setting(
        5, "Images from one whole-image run to the next while everybody is followed.", 1, 1000
    )
    person_model: str = setting(person_network.MODEL, "Model that gives one person's keypoints and mask.")
    max_people: int = setting(
        8, "People followed at a time, the largest first; each costs one run of the person network per image.", 1, 64
    )
    min_parts: int = setting(
        5, "Joints that a whole-image detection needs before somebody is looked at more closely.", 2, 18
    )
    presence: float = setting(0.5, "Least probability, by the person network, that somebody is there.", 0.0, 1.0)
    max_missed_detections: int = setting(
        12,
        "Whole-image runs in a row that may miss a followed person before that person is dropped. 0 is any number.",
        0,
        1000,
    )
    keypoint_confidence: float = setting(0.1, "Joints less sure than this are reported as missing.", 0.0, 1.0)
    smoothing: bool = setting(True, "Filter each person's keypoints through time.")
    gait_frame_kind: str = setting(
        "silhouette",
        "Gait frames to make; empty makes none. The gait node's model says what it needs.",
        choices=(*GAIT_FRAME_KINDS, ""),
    )
    camera_motion: str = setting(
        "off",
        "How the camera moves, for the tracker - found in the image by what stands still (2.5 ms of CPU an "
        "image), or off, for a camera that stands.",
        choices=CAMERA_MOTIONS,
    )

    def __post_init__(self) -> None:
        check(self, "pose", PoseSettingsError)
