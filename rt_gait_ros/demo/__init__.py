"""The demo: real footage, four nodes over DDS, a Triton server, and a report of what came out."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.demo.footage import demo_footage as demo_footage
    from rt_gait_ros.demo.report import build_report as build_report

__getattr__, __dir__ = exports(
    __name__,
    {
        "build_report": ".report",
        "demo_footage": ".footage",
    },
)
