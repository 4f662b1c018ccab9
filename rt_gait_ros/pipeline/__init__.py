"""The whole chain without ROS: an image in, everybody in it with their names out."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.pipeline.following import Following as Following
    from rt_gait_ros.pipeline.gait_pipeline import EnrollmentRefused as EnrollmentRefused
    from rt_gait_ros.pipeline.gait_pipeline import GaitPipeline as GaitPipeline
    from rt_gait_ros.pipeline.seen import SeenPerson as SeenPerson
    from rt_gait_ros.pipeline.tracking import TrackingPipeline as TrackingPipeline

__getattr__, __dir__ = exports(
    __name__,
    {
        "EnrollmentRefused": ".gait_pipeline",
        "Following": ".following",
        "GaitPipeline": ".gait_pipeline",
        "SeenPerson": ".seen",
        "TrackingPipeline": ".tracking",
    },
)
