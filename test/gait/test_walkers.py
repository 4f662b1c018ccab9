import numpy as np

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.evidence import Evidence
from rt_gait_ros.gait.recent_walks import GoodFrame
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.silhouette.flow import Place
from rt_gait_ros.silhouette.lead_in import LeadIn
from rt_gait_ros.silhouette.thinning import Thinning
from rt_gait_ros.tracking.track import TrackState

RATE = 25.0


def test_the_first_frame_of_whoever_has_the_track_now_is_not_counted_after_somebody_elses():
    walker = Walker(
        Evidence(RecognizerConfig("m", accept_distance=1.0, margin=0.1)),
        TrackState.CONFIRMED,
        Thinning(RATE),
        LeadIn(1),
    )
    walker.take(good(40_000_000), RATE)
    walker.begin_anew()
    walker.take(good(240_000_000), RATE)
    assert (walker.fresh, walker.extra, walker.fresh_extra) == (1, 0.0, 0.0)
    walker.take(good(440_000_000), RATE)
    assert walker.extra > 0.0, "frames of one person that come apart are worth more"


def good(stamp):
    return GoodFrame(np.zeros((64, 64), np.uint8), 1.0, stamp, Place(0, 0.0, 64.0))
