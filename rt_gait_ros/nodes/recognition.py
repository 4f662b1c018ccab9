"""What the gait node shares with its services and actions."""

from rt_gait_ros.gait.gallery import Gallery
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.nodes.processing import NetworkStage
from rt_gait_ros.tracking.track import TrackFrame


class RecognitionStage(NetworkStage[TrackFrame, IdentityFrame]):
    """A stage that recognises people. All is None while it is not configured.

    gallery: of the enrolled persons, which a service may replace. recognizer: from the first tracks on. scenes: where
    the calibration knows of them. latest: identities of the newest tracks.
    """

    gallery: Gallery | None = None
    recognizer: GaitRecognizer | None = None
    scenes: Scenes | None = None
    latest: IdentityFrame | None = None
