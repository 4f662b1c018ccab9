"""From a recording to what is said about it: who was there, who was named, and whether that was right."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.gait.identity import Identity, IdentityStatus
from rt_gait_ros.tracking.track import Track, TrackState


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What became of the enrolment. name: empty when nobody was to be enrolled. error: empty when it worked."""

    name: str
    body_id: str = ""
    person_id: str = ""
    embeddings: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """One track's story. begin, end: seconds into the video. said: images in which each status was said of it.

    status, name, confidence, frames_used: at the end, or when last named. names: every name it was given.
    x: mean horizontal centre of its box in pixels.
    """

    body_id: str
    begin: float
    end: float
    status: str
    name: str
    confidence: float | None
    frames_used: int
    said: dict[str, int]
    names: tuple[str, ...]
    x: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the demo did its job. strangers_named: bodies of other people that were given a name."""

    walker_identified: bool
    strangers_named: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """The walker was named, and nobody else was."""
        return self.walker_identified and not self.strangers_named


def bodies(recording: Recording) -> list[Body]:
    """Every track that was ever confirmed, in the order they appeared."""
    seen: dict[str, list[tuple[int, Track]]] = {}
    for stamp in sorted(recording.tracks):
        for track in recording.tracks[stamp].tracks:
            if track.state != TrackState.LOST:
                seen.setdefault(track.body_id, []).append((stamp, track))
    said: dict[str, list[Identity]] = {}
    for stamp in sorted(recording.identities):
        for identity in recording.identities[stamp].identities:
            said.setdefault(identity.body_id, []).append(identity)
    return [
        _body(recording, body_id, moments, said.get(body_id, []))
        for body_id, moments in seen.items()
        if any(track.state == TrackState.CONFIRMED for _, track in moments)
    ]


def _body(recording: Recording, body_id: str, moments: list[tuple[int, Track]], said: list[Identity]) -> Body:
    named = [identity for identity in said if identity.status == IdentityStatus.IDENTIFIED]
    last = (named or said or [Identity(body_id, IdentityStatus.COLLECTING, 0)])[-1]
    boxes = np.array([track.box for _, track in moments if track.state == TrackState.CONFIRMED])
    return Body(
        body_id=body_id,
        begin=round(recording.seconds(moments[0][0]), 2),
        end=round(recording.seconds(moments[-1][0]), 2),
        status=last.status.name,
        name=last.name,
        confidence=None if np.isnan(last.confidence) else round(float(last.confidence), 3),
        frames_used=last.frames_used,
        said={
            status.name: count for status in IdentityStatus if (count := sum(entry.status == status for entry in said))
        },
        names=tuple(sorted({identity.name for identity in named})),
        x=round(float((boxes[:, 0] + boxes[:, 2] / 2).mean()), 1),
    )


def judge(people: list[Body], enrolment: Enrolment, enrol_until: float, walker_right: float) -> Verdict:
    """Hold what was said against who was there.

    The walker counts as identified only on a track that began after `enrol_until`: nothing is carried over from the
    enrolment. walker_right: x in pixels beyond which, in part two, only strangers walk; infinite if unknown.
    """
    again = [body for body in people if body.begin >= enrol_until]
    identified = any(enrolment.name in body.names and body.x < walker_right for body in again)
    strangers = tuple(body.body_id for body in again if body.names and body.x >= walker_right)
    return Verdict(bool(enrolment.person_id) and identified, strangers)


def build_report(
    recording: Recording, people: list[Body], enrolment: Enrolment, verdict: Verdict, surroundings: dict[str, Any]
) -> dict[str, Any]:
    """The report of `rt-gait demo --json`. surroundings: what is known beforehand (processes, versions, footage)."""
    return {
        "passed": verdict.passed,
        "speed": recording.speed,
        "frames_in": recording.frames_sent,
        "frames_processed": len(recording.identities),
        "frames_dropped": recording.frames_sent - len(recording.identities),
        "people": len(people),
        "identities": [asdict(body) for body in people],
        "enrolled": asdict(enrolment),
        "walker_identified": verdict.walker_identified,
        "strangers_named": list(verdict.strangers_named),
        "latency_ms": {f"p{percent}": _rounded(recording.latency_ms(percent)) for percent in (50, 95)},
        **surroundings,
    }


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 1)
