"""What is said about one track: who it is, or why no name is given."""

import numpy as np

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.evidence import candidates, confidence
from rt_gait_ros.gait.identity import Identity, IdentityStatus
from rt_gait_ros.gait.joint import Claim
from rt_gait_ros.gallery.references import References
from rt_gait_ros.tracking.track import Track, TrackState


def answer(
    claim: Claim, references: References, config: RecognizerConfig, frames: int, least: int, problem: str
) -> Identity:
    """The identity that a settled claim stands for.

    frames: gait frames gathered. least: that the gait network takes. problem: what keeps all tracks from names.
    """
    walker, verdict, look = claim.walker, claim.verdict, claim.walker.evidence.latest
    if claim.status is IdentityStatus.COLLECTING or look is None:
        reason = problem or _collecting(claim, config, frames, least)
        return Identity(claim.body_id, IdentityStatus.COLLECTING, walker.stamp, frames_used=frames, reason=reason)
    person = references.persons[claim.person] if claim.person >= 0 else None
    if walker.answered is not None and walker.answered[0] is verdict:
        before = walker.answered[1]
        person_id = person.person_id if person else ""
        if (before.body_id, before.status, before.person_id) == (claim.body_id, claim.status, person_id):
            return before
    identity = Identity(
        claim.body_id,
        claim.status,
        look.stamp,
        person_id=person.person_id if person else "",
        name=person.name if person else "",
        confidence=confidence(verdict, claim.status, config),
        margin=verdict.margin,
        frames_used=look.frames,
        candidates=candidates(verdict, references, config),
        reason=_reason(claim, references, config),
    )
    walker.answered = verdict, identity
    return identity


def unfit(track: Track, min_quality: float, before: str) -> str:
    """Why this image of a track says nothing about its gait; "" where it does.

    before: the same of the image before, which holds where there was no time to look at the person in this one.
    """
    if track.state is TrackState.OCCLUDED:
        return "is not to be seen"
    if track.gait_frame is None and track.keypoints is not None and np.isnan(track.keypoints[:, 0]).all():
        return before
    if track.gait_frame is None:
        return "is cut off, hidden, or too small"
    if not track.walking:
        return "does not walk"
    return "" if track.quality >= min_quality else f"is seen too poorly ({track.quality:.2f} of {min_quality:.2f})"


def _collecting(claim: Claim, config: RecognizerConfig, frames: int, least: int) -> str:
    walker = claim.walker
    hindrance = f", and now {walker.unfit}" if walker.unfit else ""
    worth, wanted = round(frames + walker.extra), max(config.min_frames, least)
    if worth < wanted:
        return f"has shown {worth} of {wanted} good walking frames{hindrance}"
    return f"was looked at {walker.evidence.count} of {config.agreeing_embeddings} times{hindrance}"


def _reason(claim: Claim, references: References, config: RecognizerConfig) -> str:
    if claim.status is IdentityStatus.IDENTIFIED:
        return ""
    verdict = claim.verdict
    if not verdict.order:
        return "nobody is enrolled"
    names = [
        references.persons[n].name if config.max_candidates > rank else "somebody else" if rank else "somebody"
        for rank, n in enumerate(verdict.order[:2])
    ]
    if claim.status is IdentityStatus.UNKNOWN:
        nearest, line = float(verdict.fused[verdict.order[0]]), config.accept_line
        far = f"at a distance of {nearest:.3g}, beyond {line:.3g}"
        return f"is like nobody who is enrolled: the nearest is {names[0]}, {far}"
    if verdict.status is IdentityStatus.IDENTIFIED:
        return f"is near to {names[0]}, whom another track is or may be"
    if len(names) > 1 and verdict.margin < config.margin_line:
        apart = f"the distances differ by {verdict.margin:.3g}, less than {config.margin_line:.3g}"
        return f"is as near to {names[0]} as to {names[1]}: {apart}"
    return f"is near to {names[0]}, but the newest looks disagree"
