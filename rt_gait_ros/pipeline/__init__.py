"""The whole chain without ROS: an image in, everybody in it with their names out."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.pipeline.gait_pipeline import EnrollmentRefused as EnrollmentRefused
    from rt_gait_ros.pipeline.gait_pipeline import GaitPipeline as GaitPipeline
    from rt_gait_ros.pipeline.seen import SeenPerson as SeenPerson
    from rt_gait_ros.pipeline.tracker_feedback import InformedTracker as InformedTracker
    from rt_gait_ros.pipeline.tracking import TrackingPipeline as TrackingPipeline

__getattr__, __dir__ = exports(
    __name__,
    {
        "EnrollmentRefused": ".gait_pipeline",
        "InformedTracker": ".tracker_feedback",
        "GaitPipeline": ".gait_pipeline",
        "SeenPerson": ".seen",
        "TrackingPipeline": ".tracking",
    },
)
