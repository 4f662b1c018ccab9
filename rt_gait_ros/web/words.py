"""What the page says of people and nodes, in plain words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.gallery.names import MAX_NAME
from rt_gait_ros.lines import one_line
from rt_gait_ros.overlay.draw import track_colours
from rt_gait_ros.overlay.palette import Colour
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

FRESH = 3.0  # seconds for which what was said last holds; nodes say how they are once a second
MISSED = 60.0  # seconds for which a node that others go on without is missed: somebody may have ended it for good
RESTART = "Start what has ended again; this page goes on by itself."
NODES = ("camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node")

_HEADLINES = {
    IdentityStatus.COLLECTING: "Not known yet",
    IdentityStatus.UNKNOWN: "Nobody who is enrolled",
    IdentityStatus.AMBIGUOUS: "Not sure who this is",
}
_STATES = {
    TrackState.TENTATIVE: "just appeared",
    TrackState.CONFIRMED: "in view",
    TrackState.OCCLUDED: "hidden at the moment",
}


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What a node last said of itself. level: 0 well, 1 a warning, 2 an error (DiagnosticStatus). heard: seconds."""

    level: int
    message: str
    heard: float


def people_of(tracks: TrackFrame, identities: IdentityFrame | None) -> list[dict[str, Any]]:
    """Everybody who is here, those who were named first. identities: None where the gait node says nothing."""
    known = {identity.body_id: identity for identity in identities.identities} if identities else {}
    frame = identities or IdentityFrame(tracks.stamp, tracks.frame_id, "")
    colours = track_colours(tracks, frame)
    found = [
        _person(track, known.get(track.body_id), colours[track.body_id], identities is None)
        for track in tracks.tracks
        if track.state is not TrackState.LOST
    ]
    return sorted(found, key=lambda person: (not person["name"], person["body_id"]))


def _person(track: Track, identity: Identity | None, colour: Colour, silent: bool) -> dict[str, Any]:
    status = IdentityStatus.COLLECTING if identity is None else identity.status
    named = identity is not None and status is IdentityStatus.IDENTIFIED
    sure = identity.confidence if identity is not None else math.nan
    place = track.position
    return {
        "body_id": one_line(track.body_id),
        "person_id": one_line(identity.person_id) if identity is not None and named else "",
        "name": one_line(identity.name[:MAX_NAME]) if identity is not None and named else "",
        "headline": "" if named else _HEADLINES[status],
        "status": status.name.lower(),
        "probability": None if math.isnan(sure) else round(float(sure), 2),
        "state": _STATES[track.state],
        "walking": track.walking,
        "distance": None if place is None else round(float(np.linalg.norm(place)), 1),
        "reason": "" if named else _reason(identity, silent),
        "colour": css(colour),
    }


def _reason(identity: Identity | None, silent: bool) -> str:
    if silent:
        return "Nothing comes from gait_node at the moment. If this stays, see whether it is running."
    if identity is None or not identity.reason:
        return "This person has only just appeared."
    return f"This person {one_line(identity.reason)}."


def css(colour: Colour) -> str:
    """A BGR colour as a style sheet writes it."""
    blue, green, red = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def remembered(reports: Mapping[str, NodeReport], now: float) -> dict[str, NodeReport]:
    """The reports without those of nodes that have been silent for long while others go on; of all of them, all."""
    newest = max((report.heard for report in reports.values()), default=now)
    if now - newest > 2 * FRESH:
        return dict(reports)
    return {name: report for name, report in reports.items() if now - report.heard <= MISSED}


def nodes_of(reports: Mapping[str, NodeReport], now: float) -> list[dict[str, Any]]:
    """How each node does, in the order of the data."""
    order = {name: place for place, name in enumerate(NODES)}
    return [
        {
            "name": name,
            "level": "silent" if now - report.heard > 2 * FRESH else ("well", "warning", "error")[min(report.level, 2)],
            "message": "has not been heard for a while" if now - report.heard > 2 * FRESH else report.message,
        }
        for name, report in sorted(reports.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
    ]


def situation(nodes: Sequence[Mapping[str, Any]], age: float | None, where: str) -> tuple[str, str]:
    """How things stand: "live", "waiting" or "gone", and a sentence. age: seconds since the last tracks; None: never.

    where: namespace and domain, for whoever looks in the wrong one.
    """
    alive = [node for node in nodes if node["level"] != "silent"]
    silent = [str(node["name"]) for node in nodes if node["level"] == "silent"]
    if not nodes:
        advice = "Start them in another terminal, for example: rt-gait run --source 0"
        return "gone", f"No node of rt_gait_ros is running {where}. {advice}"
    if not alive:
        return "gone", f"The nodes have ended: {', '.join(silent)} no longer answer. {RESTART}"
    if silent:
        answer = "answers" if len(silent) == 1 else "answer"
        return "gone", f"{' and '.join(silent)} no longer {answer}. {RESTART}"
    if age is not None and age <= FRESH:
        return "live", "Live"
    faults = "; ".join(f"{node['name']}: {node['message']}" for node in alive if node["level"] == "error")
    if faults:
        return "waiting", f"No images come through. {faults}"
    missing = [name for name in NODES[1:3] if all(node["name"] != name for node in nodes)]
    if missing:
        return "waiting", f"{' and '.join(missing)} is not running {where}, so nobody is followed."
    return "waiting", "The nodes are running, and no images come: is the camera on, or is the recording over?"
