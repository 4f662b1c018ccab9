"""Settings of a tracker."""

from dataclasses import dataclass

from rt_gait_ros.errors import UsageError
from rt_gait_ros.settings import check, setting, share

LEAST_STATURE = 0.5  # metres; less is a mistake of the unit


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of a Tracker; times in seconds, so that they hold at any frame rate.

    Raises UsageError when a value is out of its range.
    """

    high_confidence: float = share(
        0.45,
        "Detections with at least this confidence are assigned to tracks first.",
        live=True,
        source="ByteTrack, Zhang et al. 2022: 0.5-0.6",
    )
    low_confidence: float = share(
        0.1,
        "Detections with less confidence are ignored; those between this and high_confidence can only continue tracks.",
        live=True,
        source="ByteTrack",
    )
    confirm_after: int = setting(
        3,
        "Images in which a new track must be seen before it is confirmed.",
        1,
        100,
        live=True,
        source="SORT's min_hits",
    )
    lost_after: float = setting(
        2.0,
        "Seconds without a detection after which a track is given up.",
        0.05,
        60.0,
        live=True,
        source="ByteTrack, OC-SORT: 30 frames = 1 s",
    )
    exit_after: float = setting(
        0.4,
        "Seconds without a detection after which a track that left over the image border is given up.",
        0.0,
        60.0,
        live=True,
    )
    acceleration: float = setting(
        0.22,
        "Process noise of the motion model - how freely people change their velocity, in body heights per second to "
        "the power of 1.5.",
        0.01,
        10.0,
        live=True,
    )
    box_noise: float = setting(
        0.06,
        "Standard deviation of a detected box in body heights.",
        0.001,
        0.5,
        live=True,
        source="DeepSORT, Wojke et al. 2017: 1/20",
    )
    gate: float = setting(
        23.0,
        "Largest squared Mahalanobis distance at which a detection may join a track.",
        1.0,
        100.0,
        live=True,
        source="chi-square, 4 degrees: all but 1 in 8000; DeepSORT: 0.95",
    )
    appearance_weight: float = setting(
        9.0,
        "Weight of box overlap and keypoint similarity relative to the likelihood of the motion.",
        0.0,
        100.0,
        live=True,
    )
    unmatched_cost: float = setting(
        25.0,
        "Highest cost of assigning a detection to a track; above it the track counts as not seen and a new track may "
        "begin.",
        1.0,
        200.0,
        live=True,
    )
    max_people: int = setting(
        200, "Detections used per image, those of the highest confidence first.", 1, 2000, live=True
    )
    stature: float = setting(
        0.0,
        "How tall the people are, in metres, where that is known. With it and camera_info they get a position where "
        "neither a depth image nor the floor gives one; 0 means that it is not known.",
        0.0,
        2.5,
    )
    stature_deviation: float = setting(
        0.1,
        "Standard deviation of stature in metres: 0.1 for all adults with a stature of 1.7, less for a single person.",
        0.005,
        0.5,
        source="ANSUR II, 2012: men and women together",
    )

    def __post_init__(self) -> None:
        check(self, "tracker")
        if 0.0 < self.stature < LEAST_STATURE:
            raise UsageError(
                f"tracker: stature is {self.stature:g}; give {LEAST_STATURE:g} to 2.5 metres, or 0 if it is not known"
            )
        if self.low_confidence > self.high_confidence:
            raise UsageError(f"tracker: low_confidence {self.low_confidence} is above high_confidence; lower it")
