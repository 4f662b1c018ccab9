"""Which gait frames of the tracks are used: good ones that fit the network, at its rate, of somebody who walks."""

from rt_gait_ros.frame import SECOND
from rt_gait_ros.gait.answers import unfit
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.evidence import Evidence
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.recent_walks import GoodFrame
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.silhouette.flow import FLOW_RATE, Place
from rt_gait_ros.silhouette.lead_in import LeadIn
from rt_gait_ros.silhouette.thinning import Thinning
from rt_gait_ros.tracking.track import Track, TrackFrame


class Intake:
    """Takes the gait frames of the tracks of one recogniser. problem: why none are used, in one line, or ""."""

    def __init__(self) -> None:
        self.problem = ""

    def observe(self, tracks: TrackFrame, model: GaitModel) -> None:
        """Take all tracks of one image, before their frames."""
        comes = any(track.gait_frame is not None for track in tracks.tracks)
        self.problem = model.refuse_kind(tracks.gait_frame_kind) if comes else ""

    def frames(
        self, walker: Walker, track: Track, stamp: int, model: GaitModel, config: RecognizerConfig
    ) -> list[GoodFrame]:
        """The good gait frames that this image adds to a live track, those from before it was known to walk first."""
        walker.state = track.state
        walker.unfit = unfit(track, config.min_quality, walker.unfit)
        frame = track.gait_frame
        if frame is None or not track.quality >= config.min_quality or self.problem:
            return []
        if refusal := model.refuse_shape(frame.shape):
            self.problem = refusal
            return []
        if not walker.pace.takes(stamp):
            return []
        place = Place.of(round(stamp * FLOW_RATE / SECOND), track.box)
        good = GoodFrame(frame, track.quality, stamp, place)
        return [counting for _, counting in walker.lead_in.take(good, stamp, walking=track.walking)]


def new_walker(track: Track, model: GaitModel, config: RecognizerConfig) -> Walker:
    """Somebody of whom nothing is known yet."""
    rate = rate_of(model, config)
    return Walker(Evidence(config), track.state, Thinning(rate), LeadIn(config.window if rate else 1))


def rate_of(model: GaitModel, config: RecognizerConfig) -> float:
    """Gait frames per second that are used of each track; 0 for all.

    A window of flow is of every image of one walk: no frame of a pause may be in it.
    """
    return 0.0 if model.gait_frame_kind == "flow" else config.frame_rate
