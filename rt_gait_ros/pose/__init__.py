"""From an image to people: networks' decoders, keypoint layouts and the two-stage pipeline."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.pose.config import PoseConfig as PoseConfig
    from rt_gait_ros.pose.errors import PoseError as PoseError
    from rt_gait_ros.pose.errors import PoseSettingsError as PoseSettingsError
    from rt_gait_ros.pose.person import PersonPose as PersonPose
    from rt_gait_ros.pose.person import PoseFrame as PoseFrame
    from rt_gait_ros.pose.pipeline import PosePipeline as PosePipeline

__getattr__, __dir__ = exports(
    __name__,
    {
        "PersonPose": ".person",
        "PoseConfig": ".config",
        "PoseError": ".errors",
        "PoseFrame": ".person",
        "PosePipeline": ".pipeline",
        "PoseSettingsError": ".errors",
    },
)
