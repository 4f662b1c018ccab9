"""Tracks with a position as markers: a ball at the hips, the name above, how sure the position is, and the way come."""

from itertools import count

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.gallery.names import MAX_NAME
from rt_gait_ros.lines import one_line
from rt_gait_ros.nodes.conversions import quaternion_of
from rt_gait_ros.nodes.headers import to_header
from rt_gait_ros.overlay.draw import track_colours
from rt_gait_ros.overlay.palette import Colour
from rt_gait_ros.tracking.ellipsoid import ellipsoid
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

NAME_ABOVE_HIPS = 1.0  # metres: just over the head
BALL, DOT, LETTERS = 0.3, 0.06, 0.25  # metres
LIFETIME = Duration(sec=1)  # when the camera stops, nobody is shown standing where they were
TRAIL = Duration(sec=5)
SHEER = 0.25  # opacity of the ellipsoid in which the position lies with a probability of 95 %
BODY = ("people", "names", "uncertainty")  # namespaces with one marker per track
MOST_IDS = 2**31  # a marker's id is an int32


class Markers:
    """Makes the markers of one image after another; remembers which are shown. Not thread-safe.

    A track keeps the number of its markers, so that a viewer moves them instead of making new ones. They are deleted
    when the track is lost, and fade after LIFETIME where it is hidden. The trail is one dot per image, each with the
    stamp of that image: a viewer puts it where the camera was then, so that trails are right on a moving robot.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}  # by body id
        self._fresh = count()
        self._dots = count()
        self._begun = False

    def update(self, tracks: TrackFrame, identities: IdentityFrame) -> MarkerArray:
        """The markers of one image, in the camera's optical frame. The first array deletes what another run left."""
        header = to_header(tracks.stamp, tracks.frame_id)
        markers = [] if self._begun else [Marker(header=header, action=Marker.DELETEALL)]
        self._begun = True
        known = {identity.body_id: identity for identity in identities.identities}
        colours = track_colours(tracks, identities)
        for gone in set(self._numbers) - set(colours):
            number = self._numbers.pop(gone)
            markers += [Marker(header=header, ns=space, id=number, action=Marker.DELETE) for space in BODY]
        for track in tracks.tracks:
            if track.position is None or track.state == TrackState.LOST:
                continue
            number = self._numbers.setdefault(track.body_id, -1)
            if number < 0:
                number = self._numbers[track.body_id] = next(self._fresh) % MOST_IDS
            made = [*_body(track, known.get(track.body_id), number), self._dot(track)]
            for marker in made:
                marker.header = header
                _paint(marker, colours[track.body_id])
            markers += made
        return MarkerArray(markers=markers)

    def _dot(self, track: Track) -> Marker:
        assert track.position is not None
        marker = _marker("trails", Marker.SPHERE, track.position, np.full(3, DOT), next(self._dots) % MOST_IDS)
        marker.lifetime = TRAIL
        return marker


def _body(track: Track, identity: Identity | None, number: int) -> list[Marker]:
    hips = np.asarray(track.position, float)
    above = hips - (0.0, NAME_ABOVE_HIPS, 0.0)  # y of an optical frame points down
    name = _marker("names", Marker.TEXT_VIEW_FACING, above, np.full(3, LETTERS), number)
    name.text = _text(track, identity)
    made = [_marker("people", Marker.SPHERE, hips, np.full(3, BALL), number), name]
    shape = None if track.position_covariance is None else ellipsoid(track.position_covariance)
    if shape is None:
        return [*made, Marker(ns="uncertainty", id=number, action=Marker.DELETE)]
    diameters, orientation = shape
    cloud = _marker("uncertainty", Marker.SPHERE, hips, np.maximum(diameters, 1e-3), number)  # RViz refuses a size of 0
    cloud.pose.orientation = quaternion_of(orientation)
    cloud.color.a = SHEER
    return [*made, cloud]


def _marker(space: str, kind: int, place: np.ndarray, size: np.ndarray, number: int) -> Marker:
    x, y, z = (float(value) for value in place)
    return Marker(
        ns=space,
        id=number,
        type=kind,
        pose=Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=1.0)),
        scale=Vector3(**dict(zip("xyz", map(float, size), strict=True))),
        color=ColorRGBA(a=1.0),
        lifetime=LIFETIME,
    )


def _paint(marker: Marker, colour: Colour) -> None:
    marker.color.b, marker.color.g, marker.color.r = (channel / 255 for channel in colour)


def _text(track: Track, identity: Identity | None) -> str:
    if identity is None or identity.status != IdentityStatus.IDENTIFIED:
        status = "collecting" if identity is None else identity.status.name.lower()
        return f"{track.body_id} {status}"
    sure = "" if np.isnan(identity.confidence) else f" {identity.confidence:.0%}"
    return f"{one_line(identity.name[:MAX_NAME])}{sure}"  # it may come from a message
