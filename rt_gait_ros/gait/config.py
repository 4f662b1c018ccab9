"""The recogniser's settings."""

import math
from dataclasses import dataclass

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.settings import check, setting, share


@dataclass(frozen=True)
class RecognizerConfig:
    """How gait frames become names.

    accept_distance, margin: the accept line and the least lead over the runner-up, in the model's own measure (see
    rt_gait_ros.gallery.distance); NaN: the calibration's. Frames of flow are thinned where they are made, in the pose
    stage, not by frame_rate. calibration: what distances mean (calibration.find); None: no probability is given.
    Raises UsageError for values out of their ranges, and for lines that nobody has drawn.
    """

    model: str = setting("gaitset_small_v5_stream", "Name of the gait network in the model repository.")
    frame_rate: float = setting(
        25.0,
        "Gait frames per second that are used of each track, the rate that the network was trained on; frames of a "
        "faster camera are thinned by their stamps. 0 uses all.",
        0.0,
        1000.0,
        source="the networks of the package learned from 25 a second, as those of CASIA-B and OU-MVLP do",
    )
    window: int = setting(
        30,
        "Number of newest gait frames that one embedding is computed from.",
        1,
        200,
        source="a gait cycle at 25 to 30 frames a second, and the length that GaitSet is trained with",
    )
    min_frames: int = setting(20, "Gait frames of a track that are gathered before its first embedding.", 1, 200)
    refresh_every: int = setting(5, "New gait frames of a track between two embeddings.", 1, 200)
    min_quality: float = share(0.5, "Gait frames with a lower quality are not used.", live=True)
    decision_embeddings: int = setting(
        6, "Number of newest embeddings of a track that a decision is based on.", 1, 50, live=True
    )
    agreeing_embeddings: int = setting(
        3, "Number of newest embeddings of a track that must all name the same person.", 1, 50, live=True
    )
    accept_distance: float = setting(
        math.nan,
        "Largest distance at which a name is given, in the model's own measure. Below 0 the value of the calibration "
        "is used.",
        0.0,
        1e6,
        live=True,
        elsewhere=True,
    )
    margin: float = setting(
        math.nan,
        "Smallest lead over the runner-up at which a name is given, in the model's own measure. Below 0 the value of "
        "the calibration is used.",
        0.0,
        1e6,
        live=True,
        elsewhere=True,
    )
    hysteresis: float = share(
        0.1,
        "Share by which accept_distance and margin are relaxed for a name that a track already has.",
        live=True,
    )
    known_prior: float = setting(0.5, "Prior probability that a walker is enrolled.", 0.001, 0.999, live=True)
    max_candidates: int = setting(5, "Largest number of persons that are listed with an identity.", 0, 50)
    deadline: float = setting(
        1.0,
        "Seconds within which the gait network has to answer; without an answer the same track is tried again.",
        0.01,
        60.0,
    )
    outage_grace: float = setting(
        2.0, "Seconds without an answer of the network after which the identity of a track is withdrawn.", 0.0, 60.0
    )
    enroll_frames: int = setting(60, "Gait frames of an enrolment whose goal does not give a number.", 1, 1000)
    enroll_timeout: float = setting(
        30.0, "Seconds after which an enrolment ends whose goal does not give a time.", 0.1, 3600.0
    )
    keep_gait_frames: bool = setting(
        True,
        "Store the silhouettes of an enrolment with its embeddings. Without them everybody has to be enrolled again "
        "for another gait network.",
        live=True,
    )
    consent: str = setting(
        "",
        "How people at this place consent to be enrolled; the text is stored with everybody who is enrolled.",
        live=True,
    )
    retention_days: float = setting(
        0.0, "Days after which people who are enrolled from now on are deleted; 0 keeps them.", 0.0, 36500.0, live=True
    )
    scene: str = setting(
        "", "Name of what the camera sees, which has statistics of its own. Empty uses the frame id of the camera."
    )
    scene_normalisation: bool = setting(
        True,
        "Remove what all walkers of a scene have in common from the embeddings of people who were enrolled in another "
        "scene, once enough people have walked by, and before that, with a calibration for it, what those in view have "
        "in common. Without it embeddings are compared as they are.",
        live=True,
    )
    share_scenes: bool = setting(
        False,
        "Keep a back-up of what the cameras learn of passers-by (scene_normalisation) on the server of a shared "
        "gallery. Nothing of it is sent while this is off, and turning it off deletes what this robot sent.",
        live=True,
    )
    measures: bool = setting(
        True,
        "Use stature, step length and cadence beside the gait where tracks have positions in metres (from a depth "
        "image or the floor).",
        live=True,
    )
    learn: bool = setting(
        True,
        "Store further views of a person who is certainly recognised and turns, marked as learnt; rt-gait gallery "
        "unlearn deletes them.",
        live=True,
    )
    learn_after: float = setting(
        3.0,
        "Seconds for which a name must have been clear, with nobody near, before a view is learnt.",
        0.0,
        3600.0,
        live=True,
    )
    learn_limit: int = setting(8, "Largest number of learnt views per person.", 0, 50, live=True)
    handover: float = setting(
        0.0,
        "Seconds for which the looks at somebody who left the view are kept on the server of a shared gallery, where "
        "other robots' cameras take them over if their own agree. 0 keeps none and takes none.",
        0.0,
        300.0,
        live=True,
    )
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        check(self, "gait recognition")
        if self.agreeing_embeddings > self.decision_embeddings:
            raise UsageError(
                f"gait recognition: agreeing_embeddings is {self.agreeing_embeddings}; set it to "
                f"decision_embeddings ({self.decision_embeddings}) at the most"
            )
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
