"""From person masks and keypoints to the gait frames that gait networks take."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.silhouette.flow import FlowFrames as FlowFrames
    from rt_gait_ros.silhouette.gaitset import person_mask as person_mask
    from rt_gait_ros.silhouette.gaitset import silhouette_from_mask as silhouette_from_mask
    from rt_gait_ros.silhouette.quality import gait_quality as gait_quality
    from rt_gait_ros.silhouette.skeleton import skeleton_map as skeleton_map

__getattr__, __dir__ = exports(
    __name__,
    {
        "FlowFrames": ".flow",
        "gait_quality": ".quality",
        "person_mask": ".gaitset",
        "silhouette_from_mask": ".gaitset",
        "skeleton_map": ".skeleton",
    },
)
