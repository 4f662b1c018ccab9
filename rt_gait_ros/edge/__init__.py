"""What a box carries: load on a served network, the energy it takes, and which variant of a network to choose."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.edge.energy import Energy as Energy
    from rt_gait_ros.edge.energy import Recorder as Recorder
    from rt_gait_ros.edge.meter_opening import open_meter as open_meter
    from rt_gait_ros.edge.meters import Meter as Meter
    from rt_gait_ros.edge.meters import MeterGone as MeterGone
    from rt_gait_ros.edge.meters import NoMeter as NoMeter

__getattr__, __dir__ = exports(
    __name__,
    {
        "Energy": ".energy",
        "Meter": ".meters",
        "MeterGone": ".meters",
        "NoMeter": ".meters",
        "Recorder": ".energy",
        "open_meter": ".meter_opening",
    },
)
