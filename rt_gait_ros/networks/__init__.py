"""PyTorch definitions of the networks, for importing checkpoints, exporting and training (extra [train])."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.networks.pose_export import export_pose as export_pose
    from rt_gait_ros.networks.set_networks import GaitBase as GaitBase
    from rt_gait_ros.networks.set_networks import GaitSet as GaitSet
    from rt_gait_ros.networks.trt_pose import trt_pose_network as trt_pose_network

__getattr__, __dir__ = exports(
    __name__,
    {
        "GaitBase": ".set_networks",
        "GaitSet": ".set_networks",
        "export_pose": ".pose_export",
        "trt_pose_network": ".trt_pose",
    },
)
