"""Where frames come from: video files, cameras, streams, image folders."""

from rt_gait_ros.frame import Frame
from rt_gait_ros.sources.opening import open_source, register_scheme
from rt_gait_ros.sources.source import Source, SourceError, SourceOptions, SourceStatus

__all__ = ["Frame", "Source", "SourceError", "SourceOptions", "SourceStatus", "open_source", "register_scheme"]
