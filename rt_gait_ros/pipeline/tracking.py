"""From images to tracks: the pose stage and the tracker, one image after the other."""

from rt_gait_ros.frame import Frame
from rt_gait_ros.pipeline.tracker_feedback import InformedTracker
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.pose.pipeline import PosePipeline
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.track import TrackFrame


class TrackingPipeline:
    """Images in, tracks out: everybody in view, with keypoints and gait frames, and no names. Not thread-safe."""

    def __init__(
        self,
        client: InferenceClient,
        pose: PoseConfig | None = None,
        tracker: TrackerConfig | None = None,
        *,
        camera: CameraModel | None = None,
        seed: int | None = None,
    ) -> None:
        """client: of the pose networks, closed by whoever opened it. The others: as of PosePipeline and Tracker."""
        self.informed = InformedTracker(tracker, camera, seed)
        self.poses: PoseFrame | None = None  # of the last image
        self._pose = PosePipeline(client, pose)

    def process(self, frame: Frame) -> TrackFrame:
        """All live tracks after one image, and those just given up. Raises as PosePipeline.process."""
        return self.process_poses(self._pose.process(frame))

    def process_poses(self, poses: PoseFrame) -> TrackFrame:
        """The same after the people of one image, who were found before, as in a recording of person_poses."""
        self.poses = poses
        return self.informed.tracker.update(poses)
