"""How the field's data sets lie on disk, and how they are read; no protocol."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.datasets.coco import KeypointDataset as KeypointDataset
    from rt_gait_ros.datasets.coco import read_keypoints as read_keypoints
    from rt_gait_ros.datasets.mot_challenge import MotSequence as MotSequence
    from rt_gait_ros.datasets.mot_challenge import read_sequences as read_sequences
    from rt_gait_ros.datasets.silhouettes import read_pickle as read_pickle
    from rt_gait_ros.datasets.silhouettes import read_silhouettes as read_silhouettes
    from rt_gait_ros.datasets.video_walks import VideoWalks as VideoWalks
    from rt_gait_ros.datasets.video_walks import read_walks as read_walks

__getattr__, __dir__ = exports(
    __name__,
    {
        "KeypointDataset": ".coco",
        "MotSequence": ".mot_challenge",
        "VideoWalks": ".video_walks",
        "read_keypoints": ".coco",
        "read_pickle": ".silhouettes",
        "read_sequences": ".mot_challenge",
        "read_silhouettes": ".silhouettes",
        "read_walks": ".video_walks",
    },
)
