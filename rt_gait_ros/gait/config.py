"""The recogniser's settings."""

import math
from dataclasses import dataclass

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.calibration import Calibration

# Inclusive ranges. A parameter of the same name is refused outside of them.
RANGES: dict[str, tuple[float, float]] = {
    "frame_rate": (0.0, 1000.0),
    "window": (1, 200),
    "min_frames": (1, 200),
    "refresh_every": (1, 200),
    "min_quality": (0.0, 1.0),
    "looks": (1, 50),
    "agree": (1, 50),
    "accept_distance": (0.0, 1e6),
    "margin": (0.0, 1e6),
    "hysteresis": (0.0, 1.0),
    "known_prior": (0.001, 0.999),
    "max_candidates": (0, 50),
    "deadline": (0.01, 60.0),
    "outage_grace": (0.0, 60.0),
    "learn_after": (0.0, 3600.0),
    "learn_limit": (0, 50),
    "enroll_frames": (1, 1000),
    "enroll_timeout": (0.1, 3600.0),
    "retention_days": (0.0, 36500.0),
}


@dataclass(frozen=True)
class RecognizerConfig:
    """How gait frames become names. RANGES says what each may be.

    model: gait network, by its name in the model repository.
    frame_rate: gait frames a second and track that are used, the others of a faster camera are left out; 0 uses all.
        The networks of the package learned from 25 a second, as those of CASIA-B and OU-MVLP do. Frames of flow are
        thinned where they are made, in the pose stage.
    window: newest gait frames that one embedding stands on; 30 is a gait cycle at 25 to 30 frames per second, and the
        length that GaitSet is trained with.
    min_frames: frames before the first look at a track. refresh_every: new frames between looks.
    min_quality: frames of less quality (PersonPose.quality) are not used.
    looks: newest looks that a decision weighs. agree: newest looks that must all name the same person.
    accept_distance, margin: the accept line and the least lead over the runner-up, in the model's own measure (see
        rt_gait_ros.gait.distance). NaN: the calibration's.
    hysteresis: share by which both lines are relaxed for a name that stands.
    known_prior: probability beforehand that a walker is enrolled.
    max_candidates: persons listed with an identity.
    deadline: seconds the network has for an answer.
    outage_grace: seconds without an answer after which a track's identity is withdrawn.
    enroll_frames, enroll_timeout: frames and seconds of an enrolment that names none.
    keep_gait_frames: store the gait frames of an enrolment with its embeddings; without them no other gait network can
        be rebuilt from them. consent: how people here agree to be enrolled, noted with each. retention_days: days after
        which somebody enrolled is deleted; 0 is never.
    scene: name of what the camera sees; "": the camera's frame. scene_normalisation: take the scene out of embeddings
        once enough people have walked by, where the calibration says what distances mean then.
    measures: let stature, step length and cadence count, where tracks have metres and the model a calibration
        (gait.measures).
    learn: keep further views of somebody who is surely known and turns (gait.learning). learn_after: seconds that the
        name must have stood clearly before. learn_limit: learnt templates per person.
    calibration: what distances mean (calibration.find); None: no probability is given.
    """

    model: str = "gaitset_small_stream"
    frame_rate: float = 25.0
    window: int = 30
    min_frames: int = 20
    refresh_every: int = 5
    min_quality: float = 0.5
    looks: int = 6
    agree: int = 3
    accept_distance: float = math.nan
    margin: float = math.nan
    hysteresis: float = 0.1
    known_prior: float = 0.5
    max_candidates: int = 5
    deadline: float = 1.0
    outage_grace: float = 2.0
    enroll_frames: int = 60
    enroll_timeout: float = 30.0
    keep_gait_frames: bool = True
    consent: str = ""
    retention_days: float = 0.0
    scene: str = ""
    scene_normalisation: bool = True
    measures: bool = True
    learn: bool = True
    learn_after: float = 3.0
    learn_limit: int = 8
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        """Refuse values out of range, and lines that nobody has drawn. Raises UsageError."""
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high and not (name in ("accept_distance", "margin") and math.isnan(value)):
                raise UsageError(f"{name} is {value}, and must be from {low:g} to {high:g}")
        if self.agree > self.looks:
            raise UsageError(f"agree is {self.agree}, and cannot be more than looks ({self.looks})")
        if self.calibration is not None and self.calibration.model != self.model:
            raise UsageError(f"the calibration is for gait model {self.calibration.model}, not {self.model}")
        if math.isnan(self.accept_line) or math.isnan(self.margin_line):
            raise UsageError(
                f"gait model {self.model} has no calibration: "
                "set accept_distance and margin, or run `rt-gait calibrate`"
            )

    @property
    def accept_line(self) -> float:
        """The accept line in force."""
        return self._line(self.accept_distance, "accept_distance")

    @property
    def margin_line(self) -> float:
        """The margin in force."""
        return self._line(self.margin, "margin")

    def _line(self, value: float, name: str) -> float:
        return getattr(self.calibration, name, math.nan) if math.isnan(value) else value
