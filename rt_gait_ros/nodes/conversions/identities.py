"""IdentityFrame and GaitIdentityArray."""

from rt_gait_ros.gait.identity import Candidate, Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.msg import GaitIdentity, GaitIdentityArray, IdentityCandidate
from rt_gait_ros.nodes.conversions.parts import read_body_id, read_enum, read_probability
from rt_gait_ros.nodes.headers import from_time, to_header
from rt_gait_ros.nodes.whole_message import maker

_identities, _identity, _candidate = maker(GaitIdentityArray), maker(GaitIdentity), maker(IdentityCandidate)


def identities_to_message(frame: IdentityFrame) -> GaitIdentityArray:
    """IdentityFrame to GaitIdentityArray."""
    return _identities(
        header=to_header(frame.stamp, frame.frame_id),
        model=frame.model,
        identities=[identity_to_message(identity, frame.frame_id) for identity in frame.identities],
        contradicted=list(frame.contradicted),
    )


def identity_to_message(identity: Identity, frame_id: str) -> GaitIdentity:
    """Identity to GaitIdentity."""
    return _identity(
        header=to_header(identity.stamp, frame_id),
        body_id=identity.body_id,
        status=int(identity.status),
        reason=identity.reason,
        person_id=identity.person_id,
        name=identity.name,
        confidence=float(identity.confidence),
        margin=float(identity.margin),
        frames_used=identity.frames_used,
        candidates=[
            _candidate(
                person_id=c.person_id,
                name=c.name,
                confidence=float(c.confidence),
                distance=float(c.distance),
            )
            for c in identity.candidates
        ],
    )


def identities_from_message(message: GaitIdentityArray) -> IdentityFrame:
    """GaitIdentityArray to IdentityFrame. Raises MalformedMessage."""
    identities = [
        Identity(
            body_id=read_body_id(entry.body_id),
            status=read_enum(IdentityStatus, entry.status, "status"),
            reason=entry.reason,
            stamp=from_time(entry.header.stamp),
            person_id=entry.person_id,
            name=entry.name,
            confidence=read_probability(entry.confidence),
            margin=entry.margin,
            frames_used=entry.frames_used,
            candidates=tuple(
                Candidate(c.person_id, c.name, read_probability(c.confidence), c.distance) for c in entry.candidates
            ),
        )
        for entry in message.identities
    ]
    header = message.header
    contradicted = [read_body_id(body_id) for body_id in message.contradicted]
    return IdentityFrame(from_time(header.stamp), header.frame_id, message.model, identities, contradicted)
