"""Protocols, metrics, plots and benchmark rows."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.evaluation.bench import Row as Row

__getattr__, __dir__ = exports(
    __name__,
    {
        "Row": ".bench",
    },
)
