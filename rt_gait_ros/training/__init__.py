"""Training of the networks (extra [train])."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.training.cohorts import Cohorts as Cohorts
    from rt_gait_ros.training.gait import train_gait as train_gait
    from rt_gait_ros.training.pose import train_pose as train_pose

__getattr__, __dir__ = exports(
    __name__,
    {
        "Cohorts": ".cohorts",
        "train_gait": ".gait",
        "train_pose": ".pose",
    },
)
