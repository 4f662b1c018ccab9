"""All live tracks as one struct of arrays."""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.tracking.detections import Detections
from rt_gait_ros.tracking.kalman import KalmanBank
from rt_gait_ros.tracking.rows import Rows
from rt_gait_ros.tracking.track import TrackState
from rt_gait_ros.tracking.walking import Gaits

# Time (s) over which a seen track's confidence follows its detections, and in which an unseen one's falls to 37 %.
CONFIDENCE_MEMORY = 0.5
CONFIDENCE_DECAY = 1.0

# Virtual measurements of a re-update at most, so that one returning person costs no more than a millisecond.
MAXIMUM_BRIDGE = 15


@dataclass(slots=True)
class TrackTable(Rows):
    """N live tracks.

    body_id: (N,) of five characters. named_at: (N,) stamp, ns, of the image in which it was given. former_id: (N,) the
    one before, until it is said with the next image that it stood for the same person; else empty.
    state: (N,) TrackState. box: filters now. box_seen: the same filters as they were
    when last joined with a detection, carried along with the camera. seen_at: (N,) stamp of that join, ns. age, hits,
    missed: (N,) images since birth, with and since the last detection. confidence: (N,). keypoints: (N, K, 3) last
    seen, relative to the box: x, y minus its centre over its height. gait: what is known of the walk. person: (N,)
    place in this image's PoseFrame.people, -1 when not seen in it.
    """

    body_id: np.ndarray
    named_at: np.ndarray
    former_id: np.ndarray
    state: np.ndarray
    box: KalmanBank
    box_seen: KalmanBank
    seen_at: np.ndarray
    age: np.ndarray
    hits: np.ndarray
    missed: np.ndarray
    confidence: np.ndarray
    keypoints: np.ndarray
    gait: Gaits
    person: np.ndarray

    @classmethod
    def start(cls, detections: Detections, rows: np.ndarray, body_ids: list[str], stamp: int) -> "TrackTable":
        """Tentative tracks of the detections `rows`, named `body_ids`."""
        count = len(rows)
        boxes = KalmanBank.start(detections.box[rows], detections.noise[rows])
        return cls(
            body_id=np.array(body_ids, dtype="<U5"),
            named_at=np.full(count, stamp, dtype=np.int64),
            former_id=np.full(count, "", dtype="<U5"),
            state=np.full(count, TrackState.TENTATIVE, dtype=np.int64),
            box=boxes,
            box_seen=boxes.take(np.arange(count)),
            seen_at=np.full(count, stamp, dtype=np.int64),
            age=np.ones(count, dtype=np.int64),
            hits=np.ones(count, dtype=np.int64),
            missed=np.zeros(count, dtype=np.int64),
            confidence=detections.confidence[rows],
            keypoints=relative_keypoints(detections, rows),
            gait=Gaits.start(boxes.mean),
            person=detections.index[rows],
        )

    def predict(self, dt: float, acceleration: float) -> None:
        """Move on to the next image, `dt` seconds later; nobody has been seen in it yet."""
        self.box.predict(dt, acceleration)
        self.age += 1
        self.missed += 1
        self.person[:] = -1
        self.confidence *= np.where(self.missed > 1, np.exp(-dt / CONFIDENCE_DECAY), 1.0)

    def warp(self, affine: np.ndarray) -> None:
        """Follow the camera's motion, a 2×3 map of pixels of the last image to this one's."""
        self.box.warp(affine)
        self.box_seen.warp(affine)

    def predicted_keypoints(self, rows: np.ndarray) -> np.ndarray:
        """Keypoints (R, K, 3) in pixels of the tracks `rows`, moved and scaled with their boxes."""
        keypoints = self.keypoints[rows]
        mean = self.box.mean[rows, None]
        keypoints[..., :2] = keypoints[..., :2] * mean[..., 3:4] + mean[..., :2]
        return keypoints

    def join(
        self, rows: np.ndarray, detections: Detections, columns: np.ndarray, stamp: int, acceleration: float
    ) -> None:
        """Join the tracks `rows` to the detections `columns`, pair by pair."""
        elapsed = (stamp - self.seen_at[rows]) / 1e9
        missed = self.missed[rows]
        for steps in set(missed[missed > 1].tolist()):
            some = missed == steps
            self._bridge(rows[some], detections.box[columns[some]], detections.noise[columns[some]],
                         elapsed[some], steps, acceleration)  # fmt: skip
        self.box.update(rows, detections.box[columns], detections.noise[columns])
        self.box_seen.put(rows, self.box.take(rows))
        self.seen_at[rows] = stamp
        self.missed[rows] = 0
        self.hits[rows] += 1
        self.person[rows] = detections.index[columns]
        weight = 1 - np.exp(-elapsed / CONFIDENCE_MEMORY)
        self.confidence[rows] += weight * (detections.confidence[columns] - self.confidence[rows])
        keypoints = relative_keypoints(detections, columns)
        self.keypoints[rows] = np.where(np.isfinite(keypoints), keypoints, self.keypoints[rows])

    def _bridge(
        self,
        rows: np.ndarray,
        boxes: np.ndarray,
        noise: np.ndarray,
        elapsed: np.ndarray,
        steps: int,
        acceleration: float,
    ) -> None:
        """Observation-centric re-update (OC-SORT, Cao et al. 2023) of tracks that return after `steps` images.

        What the filter drifted to without measurements is forgotten: from the last measurement it runs again along
        the straight line to the new one.
        """
        bank = self.box_seen.take(rows)
        origin = bank.mean.copy()
        everyone = np.arange(len(rows))
        steps = min(steps, MAXIMUM_BRIDGE)
        step = elapsed[:, None] / steps
        for number in range(1, steps):
            bank.predict(step, acceleration)
            bank.update(everyone, origin + (boxes - origin) * (number / steps), noise)
        bank.predict(step, acceleration)
        self.box.put(rows, bank)


def relative_keypoints(detections: Detections, rows: np.ndarray) -> np.ndarray:
    """Keypoints (R, K, 3) of the detections `rows`: x, y minus the centre of the box, over its height."""
    keypoints = detections.keypoints[rows]
    box = detections.box[rows, None]
    keypoints[..., :2] = (keypoints[..., :2] - box[..., :2]) / box[..., 3:4]
    return keypoints
