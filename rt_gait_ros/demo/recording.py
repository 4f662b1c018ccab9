"""What came out of the nodes, kept by the camera's stamps."""

from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.tracking.track import TrackFrame, TrackState


@dataclass(slots=True)
class Recording:
    """Everything the demo heard, by stamp in nanoseconds.

    times: seconds at which the video that is played shows each of its images. camera: stamps of the images that the
    camera sent.
    latencies: seconds from an image's stamp to the arrival of its identities.
    """

    times: np.ndarray
    camera: list[int] = field(default_factory=list)
    tracks: dict[int, TrackFrame] = field(default_factory=dict)
    identities: dict[int, IdentityFrame] = field(default_factory=dict)
    latencies: dict[int, float] = field(default_factory=dict)

    @property
    def begin(self) -> int:
        """Stamp of the first image, 0 before it."""
        return min(self.camera, default=min(self.tracks, default=0))

    def seconds(self, stamp: int) -> float:
        """Seconds of `stamp` into the video."""
        return (stamp - self.begin) * 1e-9

    @property
    def frames_sent(self) -> int:
        """Frames of the video up to the last one heard of. An image's camera_info may be lost as well as the image."""
        return self.frame_number(max(self.camera)) + 1 if self.camera else 0

    def frame_number(self, stamp: int) -> int:
        """Number of the video's frame that has this stamp, the nearest: recordings are stamped start + its time."""
        return int(np.abs(self.times - self.seconds(stamp)).argmin())

    def pace(self, people: int) -> tuple[float, float]:
        """Images answered per second, and 95th percentile of the latency in ms, while so many people are in view.

        That is from the first image with `people` confirmed tracks to the last. Raises GaitError when there are no two.
        """
        stamps = [
            stamp
            for stamp, frame in self.tracks.items()
            if sum(track.state == TrackState.CONFIRMED for track in frame.tracks) >= people
        ]
        if len(stamps) < 2:
            raise GaitError(f"{people} people were never tracked at the same time: look at the demo's overlay.mp4")
        begin, end = min(stamps), max(stamps)
        answered = [latency for stamp, latency in self.latencies.items() if begin <= stamp <= end]
        return (len(answered) - 1) / ((end - begin) * 1e-9), float(np.percentile(answered, 95) * 1e3)

    def latency_ms(self, percent: float) -> float:
        """Percentile of the latencies in milliseconds, NaN without any."""
        return float(np.percentile(list(self.latencies.values()), percent) * 1e3) if self.latencies else float("nan")
