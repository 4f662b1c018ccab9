"""Tracks with a position as markers: a ball at the hips, the name above."""

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.nodes.conversions import to_header
from rt_gait_ros.overlay.palette import colour_of
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

NAME_ABOVE_HIPS = 1.0  # metres: just over the head
BALL = 0.3  # metres
LETTERS = 0.25  # metres
LIFETIME = Duration(sec=1)  # when the camera stops, nobody is shown standing where they were


def markers_of(tracks: TrackFrame, identities: IdentityFrame) -> MarkerArray:
    """Two markers per live track that has a position, in the camera's optical frame; earlier ones are deleted."""
    header = to_header(tracks.stamp, tracks.frame_id)
    known = {identity.body_id: identity for identity in identities.identities}
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for number, track in enumerate(tracks.tracks):
        if track.position is None or track.state == TrackState.LOST:
            continue
        identity = known.get(track.body_id)
        named = identity is not None and identity.status == IdentityStatus.IDENTIFIED
        blue, green, red = colour_of(identity.person_id if identity is not None and named else track.body_id)
        colour = ColorRGBA(r=red / 255, g=green / 255, b=blue / 255, a=1.0)
        hips = np.asarray(track.position, float)
        above = hips - (0.0, NAME_ABOVE_HIPS, 0.0)  # y of an optical frame points down
        for namespace, kind, place, size in (
            ("people", Marker.SPHERE, hips, BALL),
            ("names", Marker.TEXT_VIEW_FACING, above, LETTERS),
        ):
            markers.append(
                Marker(
                    header=header,
                    ns=namespace,
                    id=number,
                    type=kind,
                    pose=Pose(position=Point(x=place[0], y=place[1], z=place[2]), orientation=Quaternion(w=1.0)),
                    scale=Vector3(x=size, y=size, z=size),
                    color=colour,
                    lifetime=LIFETIME,
                    text=_text(track, identity),
                )
            )
    return MarkerArray(markers=markers)


def _text(track: Track, identity: Identity | None) -> str:
    if identity is None or identity.status != IdentityStatus.IDENTIFIED:
        status = "collecting" if identity is None else identity.status.name.lower()
        return f"{track.body_id} {status}"
    sure = "" if np.isnan(identity.confidence) else f" {identity.confidence:.0%}"
    return f"{identity.name}{sure}"
