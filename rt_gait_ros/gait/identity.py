"""What the gait stage says about the live tracks; the domain side of GaitIdentity.msg and GaitIdentityArray.msg."""

from dataclasses import dataclass, field
from enum import IntEnum


@dataclass(frozen=True, slots=True)
class Candidate:
    """One gallery entry compared with a track.

    confidence: probability 0..1, NaN without a calibration. distance: in the measure of the model (gallery.distance),
    and below 0 where stature, or what is left without the scene, speaks for the person more strongly than 0 would.
    """

    person_id: str
    name: str
    confidence: float
    distance: float


class IdentityStatus(IntEnum):
    """What is claimed about a track; the values of GaitIdentity.STATUS_*."""

    COLLECTING = 0
    UNKNOWN = 1
    IDENTIFIED = 2
    AMBIGUOUS = 3


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a track is.

    stamp: of the last gait frame used, ns. confidence, margin, reason: as in GaitIdentity.msg.
    """

    body_id: str
    status: IdentityStatus
    stamp: int
    person_id: str = ""
    name: str = ""
    confidence: float = float("nan")
    margin: float = float("nan")
    frames_used: int = 0
    candidates: tuple[Candidate, ...] = ()
    reason: str = ""


@dataclass(slots=True)
class IdentityFrame:
    """The identity of every live track after one image.

    contradicted: body ids of tracks whose name has just been taken away because the newest looks speak against it; the
    tracker may have passed them from one person to another.
    """

    stamp: int
    frame_id: str
    model: str
    identities: list[Identity] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)

    @property
    def identified(self) -> list[Identity]:
        """Those that have a name, each person once."""
        return [identity for identity in self.identities if identity.status is _IDENTIFIED]


_IDENTIFIED = IdentityStatus.IDENTIFIED  # looked up once: this is asked for with every image
