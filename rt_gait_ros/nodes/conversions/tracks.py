"""TrackFrame and PersonTrackArray."""

import array
import math
from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Vector3
from sensor_msgs.msg import RegionOfInterest

from rt_gait_ros.msg import PersonTrack, PersonTrackArray
from rt_gait_ros.nodes.conversions.parts import (
    MalformedMessage,
    floats,
    gait_frame_message,
    read_body_id,
    read_enum,
    read_fraction,
    read_gait_frame,
    read_keypoints,
    read_rois,
    roi_messages,
)
from rt_gait_ros.nodes.headers import from_time, to_header
from rt_gait_ros.nodes.whole_message import empty_maker, maker
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

_tracks, _track, _velocity, _position = maker(PersonTrackArray), maker(PersonTrack), maker(Vector3), maker(Point)
_nowhere, _unturned = empty_maker(Point), empty_maker(Quaternion)


def tracks_to_message(frame: TrackFrame) -> PersonTrackArray:
    """TrackFrame to PersonTrackArray."""
    rois = roi_messages([track.box for track in frame.tracks], frame.width, frame.height)
    return _tracks(
        header=to_header(frame.stamp, frame.frame_id),
        image_width=frame.width,
        image_height=frame.height,
        tracks=[_track_to_message(track, frame, roi) for track, roi in zip(frame.tracks, rois, strict=True)],
    )


def tracks_from_message(message: PersonTrackArray) -> TrackFrame:
    """PersonTrackArray to TrackFrame. Raises MalformedMessage, also for tracks of several layouts or kinds."""
    layout = _the_only(message.tracks, "keypoint_layout")
    kind = _the_only(message.tracks, "gait_frame_kind")
    frame = TrackFrame(
        from_time(message.header.stamp), message.header.frame_id, message.image_width, message.image_height
    )
    frame.layout = layout or frame.layout
    frame.gait_frame_kind = kind or frame.gait_frame_kind
    joints = iter(read_keypoints([(t.keypoints, t.keypoint_layout) for t in message.tracks if len(t.keypoints)]))
    boxes = read_rois([track.roi for track in message.tracks])
    frame.tracks = [
        _read_track(track, box, next(joints) if len(track.keypoints) else None)
        for track, box in zip(message.tracks, boxes, strict=True)
    ]
    return frame


def pose_to_message(track: Track, stamp: int, frame_id: str) -> PoseStamped:
    """Where a track with a position is, and how an upright frame there is turned."""
    assert track.position is not None
    pose = Pose(position=_point(track.position), orientation=quaternion_of(track.orientation))
    return PoseStamped(header=to_header(stamp, frame_id), pose=pose)


def _point(position: np.ndarray) -> Point:
    return _position(x=float(position[0]), y=float(position[1]), z=float(position[2]))


def quaternion_of(orientation: np.ndarray | None) -> Quaternion:
    """A quaternion (4,) x, y, z, w as a message; None is no turn."""
    if orientation is None:
        return Quaternion()
    return Quaternion(**dict(zip("xyzw", map(float, orientation), strict=True)))


def _track_to_message(track: Track, frame: TrackFrame, roi: RegionOfInterest) -> PersonTrack:
    placed = track.position is not None
    stature, deviation = track.stature or (0.0, 0.0)
    return _track(
        header=to_header(frame.stamp, frame.frame_id),
        body_id=track.body_id,
        former_id=track.former_id,
        state=int(track.state),
        roi=roi,
        velocity=_velocity(x=float(track.velocity[0]), y=float(track.velocity[1]), z=0.0),
        velocity_covariance=np.array(track.velocity_covariance, np.float64).ravel(),
        keypoints=array.array("f") if track.keypoints is None else floats(track.keypoints),
        keypoint_layout="" if track.keypoints is None else frame.layout,
        gait_frame=gait_frame_message(track.gait_frame, frame.gait_frame_kind),
        gait_frame_kind=frame.gait_frame_kind,
        quality=0.0 if track.gait_frame is None else float(track.quality),
        position=_nowhere() if track.position is None else _point(track.position),
        position_covariance=_covariance(track.position_covariance if placed else None),
        position_valid=placed,
        orientation=quaternion_of(track.orientation) if placed else _unturned(),
        stature=stature,
        stature_deviation=deviation,
        confidence=float(track.confidence),
        age=track.age,
        missed=track.missed,
        walking=bool(track.walking),
        walking_reason=track.walking_reason,
    )


def _covariance(matrix: np.ndarray | None) -> np.ndarray:
    """(9,) of (3, 3), zeros where there is none."""
    return np.zeros(9) if matrix is None else np.array(matrix, np.float64).ravel()


def _the_only(tracks: Sequence[PersonTrack], name: str) -> str:
    """What all tracks that have this field say in it; empty where none has it."""
    said = sorted({getattr(track, name) for track in tracks} - {""})
    if len(said) > 1:
        raise MalformedMessage(f"tracks of one image have several values of {name}: {', '.join(said)}; one is allowed")
    return said[0] if said else ""


def _read_track(message: PersonTrack, box: np.ndarray, keypoints: np.ndarray | None) -> Track:
    body_id, former_id = read_body_id(message.body_id), message.former_id and read_body_id(message.former_id)
    gait_frame = read_gait_frame(message.gait_frame, message.gait_frame_kind)
    point = message.position
    position = np.array([point.x, point.y, point.z]) if message.position_valid else None
    if position is not None and not np.isfinite(position).all():
        raise MalformedMessage(f"position of track {message.body_id} is not finite although position_valid is set")
    turn = message.orientation
    orientation = np.array([turn.x, turn.y, turn.z, turn.w]) if message.position_valid else None
    if orientation is not None and not 0.9 < float(orientation @ orientation) < 1.1:  # NaN, too
        raise MalformedMessage(f"orientation of track {message.body_id} is {orientation}: a unit quaternion is needed")
    stature = message.stature, message.stature_deviation
    if not (math.isfinite(stature[0]) and math.isfinite(stature[1])) or min(stature) < 0.0:
        raise MalformedMessage(
            f"stature of track {message.body_id} is {stature}: metres, or 0 for not known, are needed"
        )
    return Track(
        body_id=body_id,
        state=read_enum(TrackState, message.state, "state"),
        box=box,
        velocity=np.array([message.velocity.x, message.velocity.y], np.float32),
        velocity_covariance=message.velocity_covariance.reshape(2, 2),
        keypoints=keypoints,
        gait_frame=gait_frame,
        quality=read_fraction(message.quality, "quality") if gait_frame is not None else 0.0,
        confidence=read_fraction(message.confidence, "confidence"),
        age=message.age,
        missed=message.missed,
        walking=message.walking,
        walking_reason=message.walking_reason,
        position=position,
        position_covariance=message.position_covariance.reshape(3, 3) if position is not None else None,
        orientation=orientation,
        former_id=former_id,
        stature=stature if stature[0] > 0.0 else None,
    )
