"""Following one person from image to image with the per-person network, between whole-image runs."""

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from rt_gait_ros.pose.layouts import PARTS
from rt_gait_ros.pose.person_network import PersonReading, Region
from rt_gait_ros.pose.smoothing import KeypointFilter, steadied

# Share of the newest measurement in the running averages of speed and size. The size of a walker changes slowly, and a
# trembling size would make the network's next landmarks tremble; speed must follow a turn within a few frames.
_SPEED_SHARE = 0.4
_SIZE_SHARE = 0.3
# Gait frames whose times are kept to tell their rate: more than a second of any camera. And looks: half a second.
_FRAME_TIMES, _LOOK_TIMES = 128, 32
# Seconds for which it counts what the gait stage said of somebody.
_TOLD = 1.0


class Follower:
    """Where one person is and will be. `reading` is of the last look; `keypoints` the same, filtered.

    seen: whether the person was seen in the last image; else the place is only expected. doubted_since: seconds, of the
    first look that showed nobody there after the last one that showed somebody; inf without. looks, good_frames: how
    many looks and gait frames worth recognising by there were so far. box: (4,) x, y, width, height at the last look.
    """

    def __init__(self, reading: PersonReading, time: float, smooth: bool) -> None:
        self.missed_detections = 0
        self.seen = True
        self.doubted_since = math.inf
        self.box = np.zeros(4, np.float32)
        self.looks = 0
        self.good_frames = 0
        self.frame_times: deque[float] = deque(maxlen=_FRAME_TIMES)
        self._look_times: deque[float] = deque(maxlen=_LOOK_TIMES)
        self._named, self._told_at = False, -math.inf
        self._filter = KeypointFilter() if smooth else None
        self._speed_x = self._speed_y = 0.0
        self._time = time
        self._region = reading.next_region
        self.surprise = 0.0
        self._take(reading, time)
        _steady([self], time)

    def expected(self, time: float) -> Region:
        """Where to look at `time` (seconds): the last place, moved on."""
        ahead = time - self._time
        return Region(self._region.x + self._speed_x * ahead, self._region.y + self._speed_y * ahead, self._region.side)

    def expected_keypoints(self, time: float) -> np.ndarray:
        """Where the joints of the last look are expected at `time`, (18, 2) pixels: moved on as the place is."""
        place = self.expected(time)
        moved = np.array([place.x - self._region.x, place.y - self._region.y], np.float32)
        return np.asarray(self.keypoints[:, :2] + moved)

    @property
    def velocity(self) -> tuple[float, float]:
        """How the hips move, pixels a second; of few looks too little."""
        return self._speed_x, self._speed_y

    def unseen_for(self, time: float) -> float:
        """Seconds since the last look."""
        return time - self._time

    def last_look_with(self, other: "Follower") -> float:
        """When both were last looked at in the same image, seconds; -inf where that is long ago or never was."""
        return max(set(self._look_times) & set(other._look_times), default=-math.inf)

    @property
    def doubted(self) -> bool:
        """Whether the last look showed nobody."""
        return self.doubted_since < math.inf

    def pass_over(self) -> None:
        """This image was not looked at for this person."""
        self.seen = False

    def count_gait_frame(self, time: float) -> None:
        """A gait frame worth recognising by was made."""
        self.good_frames += 1
        self.frame_times.append(time)

    def gait_frames_per_second(self, time: float) -> float:
        """Such frames in the last second."""
        while self.frame_times and self.frame_times[0] <= time - 1.0:
            self.frame_times.popleft()
        return float(len(self.frame_times))

    def tell(self, named: bool, time: float) -> None:
        """The gait stage says whether this person has a name, as of `time`, seconds."""
        self._named, self._told_at = named, time

    def has_name(self, time: float) -> bool | None:
        """Whether this person has a name, as the gait stage said lately; None where it said nothing."""
        return self._named if 0.0 <= time - self._told_at <= _TOLD else None

    def sighted(self, region: Region, time: float) -> None:
        """The whole-image network saw this person: there is where to look next, if the last look showed nobody."""
        self.missed_detections = 0
        if self.doubted:
            ahead = time - self._time
            self._region = Region(region.x - self._speed_x * ahead, region.y - self._speed_y * ahead, region.side)

    def update(self, reading: PersonReading, time: float) -> None:
        """Go on with what the network saw in the region expected for `time`."""
        update_all([(self, reading)], time)

    def _go_on(self, reading: PersonReading, time: float) -> None:
        """As `update`, but for the joints."""
        measured, expected = reading.next_region, self.expected(time)
        step = max(time - self._time, 1e-3)
        self.surprise = math.hypot(measured.x - expected.x, measured.y - expected.y) / expected.side
        self._speed_x += _SPEED_SHARE * ((measured.x - self._region.x) / step - self._speed_x)
        self._speed_y += _SPEED_SHARE * ((measured.y - self._region.y) / step - self._speed_y)
        side = self._region.side + _SIZE_SHARE * (measured.side - self._region.side)
        self._region = Region(measured.x, measured.y, side)
        self._take(reading, time)

    def _take(self, reading: PersonReading, time: float) -> None:
        """Keep the newest reading."""
        self._time = time
        self._look_times.append(time)
        self.seen, self.doubted_since = True, math.inf
        self.looks += 1
        self.reading = reading
        self.keypoints = reading.keypoints

    @property
    def place(self) -> Region:
        """Where the person was at the last look."""
        return self._region

    @property
    def height(self) -> float:
        """Approximate body height in pixels."""
        return self._region.side / 1.4

    def centre_inside(self, width: int, height: int) -> bool:
        """Whether the middle of the hips is still in the image."""
        return 0 <= self._region.x < width and 0 <= self._region.y < height


def update_all(looks: Sequence[tuple[Follower, PersonReading]], time: float) -> None:
    """Have each follower go on with what the network saw in the region expected for `time`."""
    for follower, reading in looks:
        follower._go_on(reading, time)
    _steady([follower for follower, _ in looks], time)


def _steady(followers: Sequence[Follower], time: float) -> None:
    """Filter the joints of those who have just been looked at."""
    filters = {n: follower._filter for n, follower in enumerate(followers) if follower._filter is not None}
    if not filters:
        return
    chosen = [followers[n] for n in filters]
    keypoints = np.array([follower.keypoints for follower in chosen])
    steady = steadied(list(filters.values()), keypoints, time, [follower.height for follower in chosen])
    for follower, own in zip(chosen, steady, strict=True):
        follower.keypoints = own


def distance(first: np.ndarray, second: np.ndarray, height: float) -> float:
    """Mean distance of the joints that both have, in body heights; inf without a common one."""
    both = np.isfinite(first[:, 0]) & np.isfinite(second[:, 0])
    if not both.any():
        return float("inf")
    return float(np.linalg.norm(first[both, :2] - second[both, :2], axis=1).mean()) / height


# Two followers whose joints lie closer than this, in body heights, look at the same person.
SAME_PERSON = 0.08
# A whole-image detection this close to a follower is that person: coarse maps, a lost leg.
SAME_DETECTION = 0.2
# Two who are not looked at in the same image have to move alike besides: so many seconds' difference of their speeds
# counts as their distance. Those who cross are farther apart than that. It takes so many looks to know how one moves.
_MOVING, _MOVING_LOOKS = 0.4, 3
# Joints that do not swing: of two looks at different moments these are compared.
_TRUNK = [PARTS.index(name) for name in ("neck", "left_shoulder", "right_shoulder", "left_hip", "right_hip")]
# All joints are on average no nearer than the middles of two trunks are over this, whatever the limbs do.
_PART_OF_TRUNK = len(PARTS) / len(_TRUNK)


def without_duplicates(followers: list[Follower], time: float) -> list[Follower]:
    """One follower per person; of two on one person, the one that the network surprised less stays, then the older.

    time: now, in seconds. Where one of two was not looked at now, its joints count where they are expected, and of them
    only those of the trunk, for legs and arms have swung on. Such two are one person only if they also move alike:
    others cross. Two who were not looked at now are not compared.
    """
    if len(followers) < 2:
        return followers
    points = np.array([follower.expected_keypoints(time) for follower in followers])
    heights = np.array([follower.height for follower in followers])
    if not _any_near(points[:, _TRUNK], _PART_OF_TRUNK * SAME_PERSON * heights.max()):
        return followers
    seen = np.array([follower.seen for follower in followers])
    apart = np.where(seen[:, None] & seen, _distances(points), _distances(points[:, _TRUNK]))
    known = np.array([follower.looks >= _MOVING_LOOKS for follower in followers])
    velocities = np.array([follower.velocity for follower in followers])
    moved = _MOVING * np.linalg.norm(velocities[:, None] - velocities, axis=2)
    alike = (moved <= SAME_PERSON * heights) & known[:, None] & known
    apart[~(seen[:, None] & seen) & ~((seen[:, None] | seen) & alike)] = np.inf
    kept: list[int] = []
    for number in sorted(range(len(followers)), key=lambda number: followers[number].surprise):
        if all(apart[number, other] > SAME_PERSON * heights[other] for other in kept):
            kept.append(number)
    return [followers[number] for number in sorted(kept)]


def _any_near(trunks: np.ndarray, limit: float) -> bool:
    """Whether the middles of two of P people's (P, K, 2) are within `limit` pixels of each other, or not known."""
    x, y = trunks.mean(axis=1).T
    far = np.hypot(x[:, None] - x, y[:, None] - y) > limit
    return int(np.count_nonzero(far)) < len(x) * (len(x) - 1)


def _distances(points: np.ndarray) -> np.ndarray:
    """Mean distances (P, P) of the joints that both have of P people's (P, K, 2), pixels; inf without a common one."""
    between = points[:, None] - points[None]
    lengths = np.hypot(between[..., 0], between[..., 1])
    both = np.isfinite(lengths)
    count = both.sum(axis=2)
    total = np.where(both, lengths, 0.0).sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.inf)
