"""A tracker that hears from the recogniser who its tracks are."""

from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.feedback import IdentityFeedback
from rt_gait_ros.tracking.tracker import Tracker


class InformedTracker:
    """A Tracker, and the IdentityFeedback that acts on what the recogniser says of its tracks. Not thread-safe.

    tracker: to be updated with every image. feedback: counts what was changed.
    """

    def __init__(
        self, config: TrackerConfig | None = None, camera: CameraModel | None = None, seed: int | None = None
    ) -> None:
        """As Tracker."""
        self.tracker = Tracker(config, camera, seed)
        self.feedback = IdentityFeedback(self.tracker)

    def take(self, identities: IdentityFrame) -> None:
        """Act on what the recogniser says after one image; between two updates of the tracker."""
        known = identities.identified
        named = {identity.body_id: identity.person_id for identity in known}
        probability = {identity.body_id: identity.confidence for identity in known}
        self.feedback.take(named, identities.contradicted, identities.stamp, probability)
