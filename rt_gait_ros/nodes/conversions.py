"""Domain types to messages and back: the only file that knows both sides.

Large fields are handed over whole (`array.array` and `memoryview`): assigning arrays element by element costs rclpy
fifty times as much. `…_from_message` takes a message, or a record of one (message_records).
"""

import array
import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Vector3
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.gait.identity import Candidate, Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.msg import (
    GaitIdentity,
    GaitIdentityArray,
    IdentityCandidate,
    PersonPoseArray,
    PersonTrack,
    PersonTrackArray,
)
from rt_gait_ros.msg import PersonPose as PersonPoseMessage
from rt_gait_ros.nodes.headers import from_time, to_header
from rt_gait_ros.nodes.image_conversion import bgr_to_image, compressed_to_bgr, image_message, image_to_bgr
from rt_gait_ros.nodes.whole_message import bytes_of, whole_message
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

JOINTS = {"trt_pose": 18, "coco": 17}  # of each layout, as PersonPoseArray.msg defines them

# Parts of messages that say nothing, and that nobody may change: to make them anew for each person takes longer than
# all that is said of the person.
_NO_HEADER, _NO_IMAGE, _OUTSIDE = Header(), Image(), RegionOfInterest()
_NOWHERE, _UNTURNED, _UNKNOWN = Point(), Quaternion(), np.zeros(9)

E = TypeVar("E", bound=IntEnum)


class MalformedMessage(GaitError):
    """A message contradicts its own definition."""


def frame_from_message(message: Image | CompressedImage) -> Frame:
    """Camera image to Frame. Raises GaitError for one that contradicts itself or is of an unknown encoding."""
    image = compressed_to_bgr(message) if isinstance(message, CompressedImage) else image_to_bgr(message)
    return Frame(image, from_time(message.header.stamp), message.header.frame_id)


def frame_to_message(frame: Frame) -> Image:
    """Frame to Image; they may share memory. Raises ImageError as `bgr_to_image`."""
    return bgr_to_image(frame.image, frame.stamp, frame.frame_id)


# Poses.


def poses_to_message(frame: PoseFrame) -> PersonPoseArray:
    """PoseFrame to PersonPoseArray."""
    return whole_message(
        PersonPoseArray,
        header=to_header(frame.stamp, frame.frame_id),
        image_width=frame.width,
        image_height=frame.height,
        keypoint_layout=frame.layout,
        gait_frame_kind=frame.gait_frame_kind,
        people=[
            whole_message(
                PersonPoseMessage,
                keypoints=_floats(person.keypoints),
                roi=_roi(person.box, frame.width, frame.height),
                confidence=float(person.confidence),
                gait_frame=_gait_frame(person.gait_frame, frame.gait_frame_kind),
                quality=float(person.quality),
            )
            for person in frame.people
        ],
        camera_motion=array.array("f") if frame.camera_motion is None else _floats(frame.camera_motion),
    )


def poses_from_message(message: PersonPoseArray) -> PoseFrame:
    """PersonPoseArray to PoseFrame. Raises MalformedMessage."""
    layout, kind = message.keypoint_layout, message.gait_frame_kind
    joints = _read_keypoints([(person.keypoints, layout) for person in message.people])
    people = []
    for person, keypoints in zip(message.people, joints, strict=True):
        frame = _read_gait_frame(person.gait_frame, kind)
        people.append(
            PersonPose(
                keypoints=keypoints,
                box=_read_roi(person.roi),
                confidence=_read_fraction(person.confidence, "confidence"),
                gait_frame=frame,
                quality=_read_fraction(person.quality, "quality") if frame is not None else 0.0,
            )
        )
    return PoseFrame(
        stamp=from_time(message.header.stamp),
        frame_id=message.header.frame_id,
        width=message.image_width,
        height=message.image_height,
        layout=layout,
        gait_frame_kind=kind,
        people=people,
        camera_motion=_read_motion(message.camera_motion),
    )


# Tracks.


def tracks_to_message(frame: TrackFrame) -> PersonTrackArray:
    """TrackFrame to PersonTrackArray."""
    header = to_header(frame.stamp, frame.frame_id)
    return whole_message(
        PersonTrackArray,
        header=header,
        image_width=frame.width,
        image_height=frame.height,
        tracks=[_track_to_message(track, frame, header) for track in frame.tracks],
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
    joints = iter(_read_keypoints([(t.keypoints, t.keypoint_layout) for t in message.tracks if len(t.keypoints)]))
    frame.tracks = [_read_track(track, next(joints) if len(track.keypoints) else None) for track in message.tracks]
    return frame


def pose_to_message(track: Track, stamp: int, frame_id: str) -> PoseStamped:
    """Where a track with a position is, and how an upright frame there is turned."""
    assert track.position is not None
    pose = Pose(position=_point(track.position), orientation=quaternion_of(track.orientation))
    return PoseStamped(header=to_header(stamp, frame_id), pose=pose)


def _point(position: np.ndarray) -> Point:
    return whole_message(Point, x=float(position[0]), y=float(position[1]), z=float(position[2]))


def quaternion_of(orientation: np.ndarray | None) -> Quaternion:
    """A quaternion (4,) x, y, z, w as a message; None is no turn."""
    if orientation is None:
        return Quaternion()
    return Quaternion(**dict(zip("xyzw", map(float, orientation), strict=True)))


def _track_to_message(track: Track, frame: TrackFrame, header: Header) -> PersonTrack:
    placed = track.position is not None
    stature, deviation = track.stature or (0.0, 0.0)
    return whole_message(
        PersonTrack,
        header=header,
        body_id=track.body_id,
        former_id=track.former_id,
        state=int(track.state),
        roi=_roi(track.box, frame.width, frame.height),
        velocity=whole_message(Vector3, x=float(track.velocity[0]), y=float(track.velocity[1]), z=0.0),
        velocity_covariance=np.ascontiguousarray(track.velocity_covariance, np.float64).ravel(),
        keypoints=array.array("f") if track.keypoints is None else _floats(track.keypoints),
        keypoint_layout="" if track.keypoints is None else frame.layout,
        gait_frame=_gait_frame(track.gait_frame, frame.gait_frame_kind),
        gait_frame_kind=frame.gait_frame_kind,
        quality=0.0 if track.gait_frame is None else float(track.quality),
        position=_NOWHERE if track.position is None else _point(track.position),
        position_covariance=_covariance(track.position_covariance if placed else None),
        position_valid=placed,
        orientation=quaternion_of(track.orientation) if placed else _UNTURNED,
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
    return _UNKNOWN if matrix is None else np.ascontiguousarray(matrix, np.float64).ravel()


def _the_only(tracks: Sequence[PersonTrack], name: str) -> str:
    """What all tracks that have this field say in it; empty where none has it."""
    said = sorted({getattr(track, name) for track in tracks} - {""})
    if len(said) > 1:
        raise MalformedMessage(f"tracks of one image have several values of {name}: {', '.join(said)}; one is allowed")
    return said[0] if said else ""


def _read_track(message: PersonTrack, keypoints: np.ndarray | None) -> Track:
    body_id, former_id = _read_body_id(message.body_id), message.former_id and _read_body_id(message.former_id)
    gait_frame = _read_gait_frame(message.gait_frame, message.gait_frame_kind)
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
        state=_read_enum(TrackState, message.state, "state"),
        box=_read_roi(message.roi),
        velocity=np.array([message.velocity.x, message.velocity.y], np.float32),
        velocity_covariance=message.velocity_covariance.reshape(2, 2),
        keypoints=keypoints,
        gait_frame=gait_frame,
        quality=_read_fraction(message.quality, "quality") if gait_frame is not None else 0.0,
        confidence=_read_fraction(message.confidence, "confidence"),
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


# Identities.


def identities_to_message(frame: IdentityFrame) -> GaitIdentityArray:
    """IdentityFrame to GaitIdentityArray."""
    return whole_message(
        GaitIdentityArray,
        header=to_header(frame.stamp, frame.frame_id),
        model=frame.model,
        identities=[identity_to_message(identity, frame.frame_id) for identity in frame.identities],
        contradicted=frame.contradicted,
    )


def identity_to_message(identity: Identity, frame_id: str) -> GaitIdentity:
    """Identity to GaitIdentity."""
    return whole_message(
        GaitIdentity,
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
            whole_message(
                IdentityCandidate,
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
            body_id=_read_body_id(entry.body_id),
            status=_read_enum(IdentityStatus, entry.status, "status"),
            reason=entry.reason,
            stamp=from_time(entry.header.stamp),
            person_id=entry.person_id,
            name=entry.name,
            confidence=_read_probability(entry.confidence),
            margin=entry.margin,
            frames_used=entry.frames_used,
            candidates=tuple(
                Candidate(c.person_id, c.name, _read_probability(c.confidence), c.distance) for c in entry.candidates
            ),
        )
        for entry in message.identities
    ]
    header = message.header
    contradicted = [_read_body_id(body_id) for body_id in message.contradicted]
    return IdentityFrame(from_time(header.stamp), header.frame_id, message.model, identities, contradicted)


# Parts of them.


def _floats(values: np.ndarray) -> "array.array[float]":
    flat = array.array("f")
    flat.frombytes(np.ascontiguousarray(values, np.float32).tobytes())
    return flat


def _roi(box: np.ndarray, width: int, height: int) -> RegionOfInterest:
    """The part of a box (x, y, width, height) in the image, in the whole pixels that cover it; all zero outside."""
    (left, top), (right, bottom) = box[:2].tolist(), (box[:2] + box[2:]).tolist()
    if not math.isfinite(left + top + right + bottom):
        return _OUTSIDE
    left, top = max(math.floor(left), 0), max(math.floor(top), 0)
    right, bottom = min(math.ceil(right), width), min(math.ceil(bottom), height)
    if right <= left or bottom <= top:
        return _OUTSIDE
    return whole_message(
        RegionOfInterest, x_offset=left, y_offset=top, width=right - left, height=bottom - top, do_rectify=False
    )


def _gait_frame(frame: np.ndarray | None, kind: str) -> Image:
    if frame is None:
        return _NO_IMAGE
    known = GAIT_FRAME_KINDS[kind]
    height, width = known.shape[:2]
    data = bytes_of(Image, np.ascontiguousarray(frame, known.dtype))
    return image_message(_NO_HEADER, (height, width), known.encoding, data)


def _read_body_id(body_id: str) -> str:
    if len(body_id) != 5 or not body_id[0].isalpha() or not body_id.isalnum():
        raise MalformedMessage(f"body_id '{body_id}' is not five letters and digits that begin with a letter (REP-155)")
    return body_id


def _read_roi(roi: RegionOfInterest) -> np.ndarray:
    return np.array([roi.x_offset, roi.y_offset, roi.width, roi.height], np.float32)


def _read_keypoints(people: Sequence[tuple[Sequence[float], str]]) -> Sequence[np.ndarray]:
    """Of each person (K, 3), from the values and the name of their layout, which is the same for all. Raises
    MalformedMessage."""
    for values, layout in people:
        joints = JOINTS.get(layout)
        if joints is None:
            raise MalformedMessage(f"keypoint layout '{layout}' is unknown: {', '.join(JOINTS)} are known")
        if len(values) != 3 * joints:
            raise MalformedMessage(f"{len(values)} keypoint values where layout {layout} has {3 * joints}")
    if not people:
        return ()
    # all people at once: a call of NumPy takes about as long for ten as for one
    keypoints = np.array([values for values, _ in people], np.float32).reshape(len(people), -1, 3)
    confidence = keypoints[..., 2]
    if not ((confidence >= 0.0) & (confidence <= 1.0)).all():
        raise MalformedMessage("a keypoint's confidence is not within 0..1")
    if not np.isfinite(keypoints[confidence > 0.0]).all():
        raise MalformedMessage("a keypoint with a confidence above 0 is not finite: a joint not found is NaN, NaN, 0")
    return list(keypoints)


def _read_motion(values: "array.array[float]") -> np.ndarray | None:
    if not len(values):
        return None
    if len(values) != 6 or not np.isfinite(values).all():
        raise MalformedMessage(f"camera_motion is {list(values)}: an affine of 6 finite numbers, or nothing, is needed")
    return np.array(values, np.float64).reshape(2, 3)


def _read_gait_frame(image: Image, kind: str) -> np.ndarray | None:
    if image.height == 0:
        return None
    if kind not in GAIT_FRAME_KINDS:
        raise MalformedMessage(f"gait frame kind '{kind}' is unknown: {', '.join(GAIT_FRAME_KINDS)} are known")
    known = GAIT_FRAME_KINDS[kind]
    shape, dtype, encoding = known.shape, known.dtype, known.encoding
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if (image.height, image.width) != shape[:2] or image.encoding != encoding or len(image.data) != size:
        raise MalformedMessage(
            f"gait frame is {image.width}x{image.height} '{image.encoding}' of {len(image.data)} bytes where {kind} is "
            f"{shape[1]}x{shape[0]} '{encoding}' of {size} bytes"
        )
    native: np.dtype[Any] = np.dtype(dtype)
    stored = native.newbyteorder(">") if image.is_bigendian else native.newbyteorder("<")
    # a copy: whoever keeps the frame of one person would keep everybody else's with it, where it is a view of all bytes
    return np.frombuffer(image.data, stored).reshape(shape).astype(native)


def _read_fraction(value: float, name: str) -> float:
    if not 0.0 <= value <= 1.0:
        raise MalformedMessage(f"{name} is {value}, not within 0..1")
    return value


def _read_probability(value: float) -> float:
    """NaN where it is not known."""
    return value if math.isnan(value) else _read_fraction(value, "confidence")


def _read_enum(kind: type[E], value: int, name: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise MalformedMessage(f"{name} is {value}, which the message does not define") from None
