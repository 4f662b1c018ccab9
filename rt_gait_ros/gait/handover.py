"""What was seen of a walk by one camera counts when another one sees it go on.

Who leaves a camera's view leaves the looks at them behind, for some seconds and for the cameras that share the gallery.
A track that begins elsewhere takes them over where its own looks agree: each of them is within the accept line of the
looks that were left, and nobody else who left is as near. They only ever stand beside the track's own looks, and go as
soon as one of these speaks for somebody else (`Evidence.judge`): so a stranger gets no name by them whom the stranger's
own walk would not be taken for.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.gallery.departures import Departure, Handover, Look
from rt_gait_ros.gallery.search import nearly_exact
from rt_gait_ros.tracking.track import TrackState

# ns without a gait frame after which somebody whom the tracker still waits for may be in another camera's view already
AWAY = 500_000_000


class Relay:
    """Leaves and takes over evidence for the tracks of one recogniser. Not thread-safe."""

    def __init__(self, config: RecognizerConfig, model: str) -> None:
        self._config, self._model = config, model

    def use_config(self, config: RecognizerConfig) -> None:
        """Go on with other settings."""
        self._config = config

    def observe(self, walkers: Iterable[Walker], stamp: int, handover: Handover | None) -> None:
        """Leave what is known of whoever is out of view. stamp: of the image, ns."""
        if handover is None:
            return
        handover.use(self._config.handover, self._model)
        for walker in walkers:
            if walker.state is TrackState.OCCLUDED and stamp - walker.stamp > AWAY:
                self.part(walker, handover)

    def part(self, walker: Walker, handover: Handover | None) -> None:
        """Leave what is known of somebody, once after their last look: their own looks, not those taken over."""
        if handover is None or not self._config.handover:
            return
        looks = walker.evidence.own
        if len(looks) < self._config.agreeing_embeddings or looks[-1].stamp == walker.left:
            return
        walker.left = looks[-1].stamp
        handover.leave(Departure(looks, walker.evidence.holds))

    def join(self, walker: Walker, handover: Handover | None) -> None:
        """Take over what agrees with a track that has just got one of its first looks."""
        if handover is None or not self._config.handover or walker.evidence.inherits:
            return
        looks = walker.evidence.own
        if not 0 < len(looks) <= self._config.agreeing_embeddings:
            return
        found = match(looks, handover.others(), self._config.accept_line, self._config.margin_line)
        if found is not None:
            handover.discard(found)
            walker.evidence.inherit(found.looks)


def match(looks: Sequence[Look], departures: Sequence[Departure], accept: float, margin: float) -> Departure | None:
    """The departure that these looks go on from; None where none agrees, or two do that may be different people.

    accept: largest distance of each look, on the average over the departure's. margin: smallest lead over another one.
    """
    shape = looks[0].embedding.shape
    fitting = [each for each in departures if each.looks and all(look.embedding.shape == shape for look in each.looks)]
    if not fitting:
        return None
    own = np.stack([look.embedding for look in looks])
    apart = [float(nearly_exact(own, _stacked(each.looks)).mean(axis=1).max()) for each in fitting]
    nearest = int(np.argmin(apart))
    chosen = fitting[nearest]
    if apart[nearest] > accept:
        return None
    rivals = [each for each, far in zip(fitting, apart, strict=True) if far < apart[nearest] + margin]
    if any(each is not chosen and not _same(each, chosen) for each in rivals):
        return None
    return chosen


def _stacked(looks: Sequence[Look]) -> np.ndarray:
    return np.stack([look.embedding for look in looks])


def _same(one: Departure, other: Departure) -> bool:
    """Whether both are known to be one person."""
    return bool(one.person_id) and one.person_id == other.person_id
