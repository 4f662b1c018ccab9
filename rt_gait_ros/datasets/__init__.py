"""How the field's data sets lie on disk, and how they are read; no network, no protocol."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.datasets.silhouettes import read_pickle as read_pickle
    from rt_gait_ros.datasets.silhouettes import read_silhouettes as read_silhouettes

__getattr__, __dir__ = exports(
    __name__,
    {
        "read_pickle": ".silhouettes",
        "read_silhouettes": ".silhouettes",
    },
)
