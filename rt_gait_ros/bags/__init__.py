"""Recordings of ROS 2 topics (rosbag2), read and written without ROS (extra `[bags]`); messages stay bytes here."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.bags.errors import BagError as BagError
    from rt_gait_ros.bags.reader import BagReader as BagReader
    from rt_gait_ros.bags.reader import Record as Record
    from rt_gait_ros.bags.reader import TopicInfo as TopicInfo
    from rt_gait_ros.bags.writer import BagWriter as BagWriter

__getattr__, __dir__ = exports(
    __name__,
    {
        "BagError": ".errors",
        "BagReader": ".reader",
        "BagWriter": ".writer",
        "Record": ".reader",
        "TopicInfo": ".reader",
    },
)
