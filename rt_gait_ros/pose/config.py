"""Settings of the pose stage."""

from dataclasses import dataclass

from rt_gait_ros.pose import person_network
from rt_gait_ros.pose.errors import PoseSettingsError
from rt_gait_ros.settings import check, setting, share
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
        "nanodet",
        "Network that finds people in the whole image and in tiles of it - nanodet, movenet_multipose, "
        "openpose_mobilenet_thin or an exported trt_pose network.",
    )
    detector_size: int = setting(
        320,
        "Longer side, in pixels, of the image that is given to the detector; networks of a fixed size ignore it.",
        64,
        2048,
    )
    detector_period: int = setting(
        5,
        "Largest number of images from one run of the detector to the next while everybody is followed; where tiles "
        "are searched it runs more often.",
        1,
        1000,
    )
    least_height: int = setting(
        40,
        "Height in pixels from which on people are to be found. Where the whole image would show them too small to "
        "the detector, tiles of it are searched in turn; 0 searches the whole image alone.",
        0,
        2000,
    )
    person_model: str = setting(
        person_network.MODEL,
        "Network that finds the keypoints and the mask of one person - blazepose_landmark_full, or the faster "
        "blazepose_landmark_lite.",
    )
    max_people: int = setting(32, "Largest number of people followed at a time, the largest in the image first.", 1, 64)
    min_parts: int = setting(5, "Joints that a detection needs before the person network looks at it.", 2, 18)
    presence: float = share(0.5, "Smallest probability of the person network that somebody is there.")
    max_missed_detections: int = setting(
        12,
        "Runs of the detector in a row, where a followed person is, that may miss that person before the person is "
        "dropped. 0 allows any number.",
        0,
        1000,
    )
    keypoint_confidence: float = share(0.1, "Joints with a lower confidence are reported as missing.")
    smoothing: bool = setting(True, "Filter the keypoints of each person over time.")
    gait_frame_kind: str = setting(
        "silhouette",
        "Kind of gait frames to make; empty makes none. The model of the gait node declares the kind that it needs.",
        choices=(*GAIT_FRAME_KINDS, ""),
    )
    camera_motion: str = setting(
        "off",
        "Estimation of the camera's motion for the tracker - image, from what stands still in the images (2.5 ms of "
        "CPU per image), or off, for a camera that does not move.",
        choices=CAMERA_MOTIONS,
    )

    def __post_init__(self) -> None:
        check(self, "pose", PoseSettingsError)
