"""Who walks: over the last second the whole body swings and bobs as a walker's does, from whatever side it is seen."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from rt_gait_ros.tracking.kalman import KalmanBank
from rt_gait_ros.tracking.rows import Rows
from rt_gait_ros.tracking.walking_signs import OF_GROUP, PAIRS, SELDOM_WINDOW, TOGETHER, WINDOW, evenly, signs, weights

# Both ankles, left and right, in the layouts the tracker knows.
ANKLES = {"coco": (15, 16), "trt_pose": (15, 16)}

# Images remembered of each track, and the least seconds between them, so that they reach over the window.
SLOTS, SPACING = 32, 0.03

# Least seconds between two looks at the window.
EVERY = 0.06

# Kept of an image: when it was, joints (pairs, left and right, x and y), width of the box, which pairs were found.
_TIME, _JOINTS, _WIDTH, _FOUND = 0, slice(1, 21), 21, slice(22, 27)

# Where there is no image, seconds, and what is past remembering.
NEVER, LONG_AGO = -1e6, -100.0

# Longest time (s) between two looks of one window, after which it begins anew: half of the longer window. Whoever waits
# for more is judged by the box.
LONGEST_GAP = 0.5 * SELDOM_WINDOW + SPACING

# Longest time (s) between two looks at somebody who is not looked at seldom. Between looks that are further apart a leg
# swings by more than the short window can tell from something else: the longer one is judged, by a network that has
# learned from such looks.
BRIDGED = 0.18

# Probability at which somebody begins to count as a walker, and below which a walker ceases to be one; and the same of
# somebody who is looked at seldom. The latter were chosen by other people than those of the benchmark; the first may be
# anything from 0.5 to 0.9.
BEGINS, CEASES = 0.45, 0.12
SELDOM_BEGINS, SELDOM_CEASES = 0.8, 0.2

# Time (s) in which a probability that was seen is forgotten: one look that says nothing does not end a walk.
MEMORY = 0.1

# Speed across the image (body heights / s): half of a slow walk of 0.8 m/s by a person 1.7 m tall.
TRAVEL = 0.22

# Growth of width and height (1/s): a slow walk of 0.8 m/s straight at a camera 5 m away.
APPROACH = 0.16

# Time (s) over which growth is taken: longer than one jump or one step, which change the box for a moment.
APPROACH_TIME = 1.0


class WalkingReason(Enum):
    """What made a track count as walking: the evidence."""

    GAIT = "joints move as in a walk"
    TRAVEL = "box travels"
    APPROACH = "box grows or shrinks"


_REASONS = (WalkingReason.GAIT, WalkingReason.TRAVEL, WalkingReason.APPROACH)


@dataclass(slots=True)
class Gaits(Rows):
    """Motion of N tracks.

    images: (N, SLOTS, 27) float32, the newest last: seconds, which are 0 for it and NEVER where there is none; pixels,
    where a joint that was not found is as before; see _TIME and so on. waited: (N,) seconds since the newest. without:
    (N,) seconds since joints were found. looked: (N,) seconds since the last look at them. size: (N, 2) logarithm of
    width and height, smoothed. growth: (N,) of them, 1/s. probability: (N,) of a walk, by the newest looks. walking:
    (N,) bool. reason: (N,) index into WalkingReason's members plus one, 0 for none.
    """

    images: np.ndarray
    waited: np.ndarray
    without: np.ndarray
    looked: np.ndarray
    size: np.ndarray
    growth: np.ndarray
    probability: np.ndarray
    walking: np.ndarray
    reason: np.ndarray

    @classmethod
    def start(cls, boxes: np.ndarray) -> "Gaits":
        """Nothing known of tracks but their first boxes (N, 4): centre x, centre y, width, height."""
        count = len(boxes)
        images = np.full((count, SLOTS, 27), np.nan, np.float32)
        images[..., _TIME], images[..., _FOUND] = NEVER, 0.0
        return cls(
            images=images,
            waited=np.zeros(count),
            without=np.zeros(count),
            looked=np.zeros(count),
            size=np.log(boxes[:, 2:]),
            growth=np.zeros(count),
            probability=np.zeros(count),
            walking=np.zeros(count, dtype=bool),
            reason=np.zeros(count, dtype=np.int64),
        )

    def begin(self, keypoints: np.ndarray, layout: str) -> None:
        """Take in the first image of all N tracks. keypoints: (N, K, 3) pixels. layout: of them."""
        if layout not in PAIRS:
            return
        joints = keypoints[:, PAIRS[layout], :2]
        rows = _found_any(joints).nonzero()[0]
        self._remember(rows, joints[rows], np.exp(self.size[rows, 0]))

    def update(
        self, rows: np.ndarray, keypoints: np.ndarray, layout: str, elapsed: np.ndarray, boxes: KalmanBank
    ) -> None:
        """Take in what was seen of the tracks `rows` (R,).

        keypoints: (R, K, 3) pixels, NaN where not found. layout: of them. elapsed: (R,) seconds since each was last
        seen. boxes: filters of all N tracks.
        """
        known = self.observe(rows, keypoints, layout, elapsed, boxes)
        bare = rows[(self.images[rows, -1, _TIME] < 0.0) | (self.without[rows] > LONGEST_GAP)]
        if len(bare):
            self._by_boxes(bare, boxes)
        if not len(known):  # of most images there is nothing new to tell
            return
        seldom = self.seldom_looked_at(known)
        often = known[~seldom]
        if len(often):
            since = np.zeros(len(self))
            since[rows] = elapsed
            kept = np.exp(-np.maximum(since[often], EVERY) / MEMORY)
            now = weights().probability(self.signs(often, boxes))
            self._judge(often, np.maximum(now, kept * self.probability[often] + (1.0 - kept) * now), BEGINS, CEASES)
        rarely = known[seldom]
        if len(rarely):  # what was seen before is forgotten by the next look
            now = weights(seldom=True).probability(self.signs(rarely, boxes, seldom=True))
            self._judge(rarely, now, SELDOM_BEGINS, SELDOM_CEASES)

    def _judge(self, rows: np.ndarray, probability: np.ndarray, begins: float, ceases: float) -> None:
        """The tracks `rows` (R,) walk with this probability (R,)."""
        self.probability[rows] = probability
        walking = probability > np.where(self.walking[rows], ceases, begins)
        self.walking[rows] = walking
        self.reason[rows] = walking

    def observe(
        self, rows: np.ndarray, keypoints: np.ndarray, layout: str, elapsed: np.ndarray, boxes: KalmanBank
    ) -> np.ndarray:
        """As `update`, without saying who walks; returns those of `rows` of whom `signs` tells something new."""
        self.growth[rows] = self._growth(rows, elapsed, boxes)
        self.waited[rows] += elapsed
        self.without[rows] += elapsed
        self.looked[rows] += elapsed
        if layout not in PAIRS:
            return rows[:0]
        joints = keypoints[:, PAIRS[layout], :2]
        found = _found_any(joints)
        due = found & (self.waited[rows] >= SPACING - 1e-3)  # an image without joints tells nothing
        self.without[rows[found]] = 0.0
        rows = rows[due]
        if not len(rows):
            return rows
        self._remember(rows, joints[due], boxes.mean[rows, 2])
        rows = rows[self.looked[rows] >= EVERY - 1e-3]
        times = self.images[rows, :, _TIME]
        rows = rows[((times <= -WINDOW + 1e-6) & (times > LONG_AGO)).any(axis=1)]
        self.looked[rows] = 0.0
        return rows

    def seldom_looked_at(self, rows: np.ndarray) -> np.ndarray:
        """Whether two looks of each of the tracks `rows` (R,) are further apart than BRIDGED within the window."""
        times = self.images[rows, :, _TIME]
        ended = (times[:, 1:] > -WINDOW + 1e-6) & (times[:, :-1] > LONG_AGO)
        return np.asarray((ended & (np.diff(times, axis=1) > BRIDGED)).any(axis=1))

    def signs(self, rows: np.ndarray, boxes: KalmanBank, *, seldom: bool = False) -> np.ndarray:
        """What tells whether each of the tracks `rows` (R,) walks, (R, F) as `walking_signs.signs`.

        seldom: of the longer window, which may have begun before there was a look: two more, the seconds of it since
        the first look, and the number of looks. Before the first look everything counts as in it.
        """
        images = self.images[rows]
        times, values = images[..., _TIME], images[..., 1:22]
        window = SELDOM_WINDOW if seldom else WINDOW
        recent = times >= -window - 1e-6
        count = recent.sum(axis=1)
        if seldom:
            there = times > LONG_AGO
            first = there.argmax(axis=1)
            everybody = np.arange(len(rows))
            since = np.minimum(-times[everybody, first], window)
            values = np.where(there[..., None], values, values[everybody, first][:, None])
        even = evenly(times, values, window)
        seen = (images[..., _FOUND] * recent[..., None]).sum(axis=1) / count[:, None]
        height = boxes.mean[rows, 3]
        speed = np.hypot(boxes.velocity[rows, 0], boxes.velocity[rows, 1]) / height
        joints = even[..., :20].reshape(*even.shape[:2], 5, 2, 2)
        said = signs(joints, even[..., 20], height, seen, speed, self.growth[rows])
        return np.concatenate([said, np.stack([since, count], axis=1)], axis=1) if seldom else said

    def _remember(self, rows: np.ndarray, joints: np.ndarray, width: np.ndarray) -> None:
        """Take in joints (R, pairs, 2, 2) and the boxes' widths (R,) of an image."""
        images, waited = self.images[rows], self.waited[rows]
        for row in (waited > LONGEST_GAP).nonzero()[0]:
            images[row] = np.nan
            images[row, :, _TIME], images[row, :, _FOUND] = NEVER, 0.0
        last = images[:, -1, _JOINTS].reshape(joints.shape)
        images[:, :-1] = images[:, 1:]
        images[..., _TIME] -= waited[:, None]
        found = np.isfinite(joints).all(axis=(2, 3))
        images[:, -1, _TIME] = 0.0
        kept = np.where(found[..., None, None], _unmixed(joints, last), last)
        images[:, -1, _JOINTS] = kept.reshape(images[:, -1, _JOINTS].shape)
        images[:, -1, _WIDTH], images[:, -1, _FOUND] = width, found
        self.images[rows], self.waited[rows] = images, 0.0

    def _by_boxes(self, rows: np.ndarray, boxes: KalmanBank) -> None:
        """People of whom no joints were found walk when their boxes travel, or grow or shrink."""
        velocity = boxes.velocity[rows, :2]
        doubt = np.sqrt(boxes.rate_variance[rows, :2]).max(axis=1)
        speed = (np.hypot(velocity[:, 0], velocity[:, 1]) - doubt) / boxes.mean[rows, 3]
        strength = np.stack([speed / TRAVEL, self.growth[rows] / APPROACH], axis=1)
        best = strength.argmax(axis=1)
        walking = strength.max(axis=1) > np.where(self.walking[rows], 0.6, 1.0)
        self.walking[rows] = walking
        self.reason[rows] = np.where(walking, best + 2, 0)

    def _growth(self, rows: np.ndarray, elapsed: np.ndarray, boxes: KalmanBank) -> np.ndarray:
        """How fast (R,) the boxes grow or shrink, 1/s, in width as well as in height."""
        now = np.log(boxes.mean[rows, 2:])
        lag = now - self.size[rows]
        self.size[rows] = now - lag * np.exp(-elapsed / APPROACH_TIME)[:, None]
        alike = lag[:, 0] * lag[:, 1] > 0
        return np.where(alike, np.abs(lag).min(axis=1), 0.0) / APPROACH_TIME

    def reasons(self) -> list[str]:
        """Why each of the N tracks counts as walking."""
        return [_REASONS[reason - 1].value if reason else "" for reason in self.reason.tolist()]


def _found_any(joints: np.ndarray) -> np.ndarray:
    """Whether each row of joints (R, pairs, 2, 2) has a pair that was found."""
    return np.asarray(np.isfinite(joints).all(axis=(2, 3)).any(axis=1))


def _unmixed(joints: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Joints (R, pairs, 2, 2) with left and right the other way round where that is nearer to the last image's."""
    crossed = joints[:, :, ::-1]
    nearer = (np.square(crossed - last) - np.square(joints - last)).sum(axis=(2, 3))
    swap = np.where(np.isfinite(nearer), nearer, 0.0) @ TOGETHER < 0.0
    return np.where(swap[:, OF_GROUP, None, None], crossed, joints)
