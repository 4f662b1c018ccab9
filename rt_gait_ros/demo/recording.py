"""What came out of the nodes, kept by the camera's stamps."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.identity import IdentityFrame, IdentityStatus
from rt_gait_ros.tracking.track import TrackFrame, TrackState

_STAYED = 0.5  # seconds out of view, from which on somebody has come back


@dataclass(slots=True)
class Recording:
    """Everything the demo heard, by stamp in nanoseconds.

    times: seconds at which the video that is played shows each of its images. speed: at which it is played; 0.5 takes
    twice the time. camera: stamps of the images that the camera sent.
    latencies: seconds from when an image was played to the arrival of its identities.
    """

    times: np.ndarray
    speed: float = 1.0
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

    def hear(self, frame: IdentityFrame, now: int) -> None:
        """Take down who was in an image. now: nanoseconds at which that was said."""
        played = self.begin + (frame.stamp - self.begin) / self.speed
        self.identities[frame.stamp] = frame
        self.latencies[frame.stamp] = (now - played) * 1e-9

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

    def gait_frames_per_person(self, least_quality: float, least_seconds: float = 2.0) -> float:
        """Good gait frames a second of a track while it is followed, the median of tracks that last `least_seconds`.

        least_quality: of a good one. NaN where nobody is followed for so long.
        """
        lives: dict[str, list[int]] = {}
        frames: Counter[str] = Counter()
        for stamp, frame in sorted(self.tracks.items()):
            for track in frame.tracks:
                if track.state == TrackState.CONFIRMED:
                    lives.setdefault(track.body_id, []).append(stamp)
                    frames[track.body_id] += track.gait_frame is not None and track.quality >= least_quality
        rates = [
            frames[body_id] / seconds
            for body_id, stamps in lives.items()
            if (seconds := (stamps[-1] - stamps[0]) * 1e-9) >= least_seconds
        ]
        return float(np.median(rates)) if rates else float("nan")

    def first_name_after(self, begin: float) -> float:
        """Seconds from the first image in which somebody is tracked to the one in which they have a name.

        begin: seconds into the video from which on both count: the name is then that of somebody who comes back. Who
        was in view just before, and so may be named already, does not count. The shortest of all who are
        named; NaN where nobody is.
        """
        before: dict[str, float] = {}
        first: dict[str, float] = {}
        waits: dict[str, float] = {}
        for stamp in sorted(self.tracks.keys() | self.identities.keys()):
            now = self.seconds(stamp)
            for track in self.tracks[stamp].tracks if stamp in self.tracks else ():
                if now < begin:
                    before[track.body_id] = now
                elif begin - before.get(track.body_id, -np.inf) > _STAYED:
                    first.setdefault(track.body_id, now)
            for identity in self.identities[stamp].identities if stamp in self.identities else ():
                if identity.status == IdentityStatus.IDENTIFIED and identity.body_id in first:
                    waits.setdefault(identity.body_id, now - first[identity.body_id])
        return min(waits.values(), default=float("nan"))

    def named_after_frames(self, frames: int, least_quality: float) -> dict[str, float]:
        """Seconds from a track's gait frame number `frames` to its name, by the body id of those who have so many.

        least_quality: of a frame that counts. 0 where the name is there before; NaN where none comes.
        """
        heard: Counter[str] = Counter()
        reached: dict[str, float] = {}
        named: dict[str, float] = {}
        for stamp in sorted(self.tracks.keys() | self.identities.keys()):
            now = self.seconds(stamp)
            for track in self.tracks[stamp].tracks if stamp in self.tracks else ():
                heard[track.body_id] += track.gait_frame is not None and track.quality >= least_quality
                if heard[track.body_id] >= frames:
                    reached.setdefault(track.body_id, now)
            for identity in self.identities[stamp].identities if stamp in self.identities else ():
                if identity.status == IdentityStatus.IDENTIFIED:
                    named.setdefault(identity.body_id, now)
        return {body: max(named.get(body, float("nan")) - at, 0.0) for body, at in reached.items()}

    @property
    def names_given(self) -> int:
        """Looks after which somebody had a name: what an identity costs is by these, and not by images."""
        return len(
            {
                (identity.body_id, identity.stamp)
                for frame in self.identities.values()
                for identity in frame.identities
                if identity.status == IdentityStatus.IDENTIFIED
            }
        )

    def latency_ms(self, percent: float) -> float:
        """Percentile of the latencies in milliseconds, NaN without any."""
        return float(np.percentile(list(self.latencies.values()), percent) * 1e3) if self.latencies else float("nan")
