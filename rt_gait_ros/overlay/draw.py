"""The annotated image: box, skeleton, gait frame, trail and name of everybody in it."""

import math
from collections import deque

import cv2
import numpy as np

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.gallery.names import MAX_NAME
from rt_gait_ros.lines import one_line
from rt_gait_ros.overlay.palette import INK, PAPER, Colour, colours_of
from rt_gait_ros.overlay.text import Label, LabelPlacer, TextLine, scale_of
from rt_gait_ros.pose.layouts import TRT_POSE_SKELETON
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

# Eye to eye and hip to hip say little in a small picture.
BONES = tuple((a - 1, b - 1) for a, b in TRT_POSE_SKELETON if {a, b} not in ({2, 3}, {12, 13}))
JOINT_CONFIDENCE = 0.2
TRAIL_SECONDS = 2.0
FARTHEST = 1e6  # pixels from an image's corner at which a point is drawn
# Side of the gait frame's inset as part of the box's height.
INSET = 0.3


class Trails:
    """Where the feet of each track have been lately. One per stream of images."""

    def __init__(self) -> None:
        self._points: dict[str, deque[tuple[int, float, float]]] = {}

    def update(self, tracks: TrackFrame) -> None:
        """Take in one image's tracks; forgets those that are gone."""
        live = {}
        for track in tracks.tracks:
            points = self._points.get(track.body_id, deque())
            x, y, width, height = (float(v) for v in track.box)
            points.append((tracks.stamp, x + width / 2, y + height))
            while abs(tracks.stamp - points[0][0]) > TRAIL_SECONDS * 1e9:  # also where stamps jumped back
                points.popleft()
            live[track.body_id] = points
        self._points = live

    def of(self, body_id: str) -> np.ndarray:
        """(N, 2) float32 foot points in pixels, oldest first."""
        return np.array([point[1:] for point in self._points.get(body_id, ())], np.float32).reshape(-1, 2)


def draw_overlay(
    image: np.ndarray,
    tracks: TrackFrame,
    identities: IdentityFrame,
    *,
    frames_wanted: int | None = None,
    trails: Trails | None = None,
) -> np.ndarray:
    """Draw everybody on a copy of the image.

    image: (H, W, 3) uint8 BGR. tracks, identities: of this image; a track without identity is drawn as not yet known.
    frames_wanted: gait frames that a first claim needs, shown as n/N and a bar while COLLECTING.
    trails: updated by the caller once per image; None draws no trails.
    Line widths and letters grow with the image. LOST tracks are not drawn.
    """
    canvas = image.copy()
    scale = scale_of(canvas)
    known = {identity.body_id: identity for identity in identities.identities}
    live = _live(tracks)
    colours = list(track_colours(tracks, identities).values())
    for track, colour in zip(live, colours, strict=True):
        if trails is not None:
            _draw_trail(canvas, trails.of(track.body_id), colour, scale)
        _draw_box(canvas, track, colour, scale)
        if track.keypoints is not None:
            _draw_skeleton(canvas, track.keypoints, colour, scale)
        if track.gait_frame is not None:
            _draw_inset(canvas, track, gait_frame_picture(track.gait_frame), colour, scale)
    placer = LabelPlacer(canvas.shape[1], canvas.shape[0])
    for track, colour in zip(live, colours, strict=True):
        label = _label(track, known.get(track.body_id), colour, frames_wanted)
        where = placer.place(float(track.box[0]), float(track.box[1]), *label.extent(scale))
        label.draw(canvas, *where, scale)
    return canvas


def track_colours(tracks: TrackFrame, identities: IdentityFrame) -> dict[str, Colour]:
    """The BGR colour of each live track by body id: a named one's is its person's; all differ while colours last."""
    known = {identity.body_id: identity for identity in identities.identities}
    live = _live(tracks)
    colours = colours_of([_colour_key(track, known.get(track.body_id)) for track in live])
    return {track.body_id: colour for track, colour in zip(live, colours, strict=True)}


def gait_frame_picture(gait_frame: np.ndarray) -> np.ndarray:
    """A gait frame of any kind as (H, W, 3) uint8 BGR: grey silhouettes, two-coloured skeletons and flow."""
    if gait_frame.ndim == 2:
        return cv2.cvtColor(gait_frame, cv2.COLOR_GRAY2BGR)
    first, second = gait_frame[..., 0], gait_frame[..., 1]
    if gait_frame.dtype == np.int16:  # hundredths of a pixel: half a pixel to 255 either way
        first, second = (
            np.clip(np.abs(plane.astype(np.int32)) * 5, 0, 255).astype(np.uint8) for plane in (first, second)
        )
    return np.dstack([first, second, np.maximum(first, second)])


def _live(tracks: TrackFrame) -> list[Track]:
    """Tracks that are not lost, the oldest first: whoever comes later takes nobody's colour away."""
    return sorted((track for track in tracks.tracks if track.state != TrackState.LOST), key=lambda track: -track.age)


def _colour_key(track: Track, identity: Identity | None) -> str:
    named = identity is not None and identity.status == IdentityStatus.IDENTIFIED
    return identity.person_id if identity is not None and named else track.body_id


def _label(track: Track, identity: Identity | None, colour: Colour, frames_wanted: int | None) -> Label:
    status = IdentityStatus.COLLECTING if identity is None else identity.status
    progress = None
    if status == IdentityStatus.IDENTIFIED and identity is not None:
        head = one_line(identity.name[:MAX_NAME])  # it may come from a message
    elif status == IdentityStatus.COLLECTING:
        gathered = 0 if identity is None else identity.frames_used
        head = "collecting" if frames_wanted is None else f"collecting {min(gathered, frames_wanted)}/{frames_wanted}"
        progress = None if not frames_wanted else gathered / frames_wanted
    else:
        head = status.name
    sure = f"  {identity.confidence:.0%}" if identity is not None and not math.isnan(identity.confidence) else ""
    detail = track.body_id + (" walking" if track.walking else "")
    if track.state != TrackState.CONFIRMED:
        detail = f"{track.body_id} {track.state.name.lower()}"
    # A name is shouted, everything else is said quietly: a dark plate for whoever has none.
    background = colour if status == IdentityStatus.IDENTIFIED else INK
    return Label((TextLine(head, after=sure), TextLine(detail, 0.4)), background, edge=colour, progress=progress)


def _draw_box(canvas: np.ndarray, track: Track, colour: Colour, scale: float) -> None:
    x, y, width, height = (float(v) for v in track.box)
    if width <= 0 or height <= 0:
        return
    # Of a message a box may have any size, and far outside there is nothing to see of it.
    far = [(-size, 2 * size) for size in (canvas.shape[1], canvas.shape[0])]
    (left, right), (top, bottom) = (
        np.clip(ends, *of) for ends, of in zip(((x, x + width), (y, y + height)), far, strict=True)
    )
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    line = max(2, round(2 * scale))
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        for start, end in _dashes(a, b, 8 * scale) if track.state != TrackState.CONFIRMED else [(a, b)]:
            _line(canvas, start, end, INK, line + 2, cv2.LINE_8)
            _line(canvas, start, end, colour, line, cv2.LINE_8)


def _dashes(a: np.ndarray, b: np.ndarray, length: float) -> list[tuple[np.ndarray, np.ndarray]]:
    count = max(1, int(np.linalg.norm(b - a) / length))
    stops = [a + (b - a) * k / count for k in range(count + 1)]
    return list(zip(stops[:-1:2], stops[1::2], strict=False))


def _draw_skeleton(canvas: np.ndarray, keypoints: np.ndarray, colour: Colour, scale: float) -> None:
    visible = np.isfinite(keypoints[:, :2]).all(axis=1) & (keypoints[:, 2] >= JOINT_CONFIDENCE)
    bones = [(a, b) for a, b in BONES if a < len(keypoints) and b < len(keypoints) and visible[a] and visible[b]]
    line = max(1, round(2.5 * scale))
    for width, paint in ((line + 2, INK), (line, colour)):
        for a, b in bones:
            _line(canvas, keypoints[a, :2], keypoints[b, :2], paint, width)
    for joint in keypoints[visible, :2]:
        cv2.circle(canvas, _pixel(joint), line, PAPER, cv2.FILLED, cv2.LINE_AA)


def _draw_trail(canvas: np.ndarray, points: np.ndarray, colour: Colour, scale: float) -> None:
    line = max(1, round(2 * scale))
    for k in range(1, len(points)):
        age = k / len(points)
        faded = (int(age * colour[0]), int(age * colour[1]), int(age * colour[2]))
        _line(canvas, points[k - 1], points[k], faded, line)


def _draw_inset(canvas: np.ndarray, track: Track, picture: np.ndarray, colour: Colour, scale: float) -> None:
    """The gait frame at the box's lower right, or lower left where the image ends; left out where it does not fit."""
    x, y, width, height = (float(v) for v in track.box)
    tall = round(max(height * INSET, 40 * scale))
    wide = round(tall * picture.shape[1] / picture.shape[0])
    gap = round(3 * scale) + 1
    left = round(x + width) + gap
    if left + wide + gap > canvas.shape[1]:
        left = round(x) - gap - wide
    top = min(round(y + height) - tall, canvas.shape[0] - tall - gap)
    if left < gap or top < gap or left + wide + gap > canvas.shape[1]:
        return
    canvas[top : top + tall, left : left + wide] = cv2.resize(picture, (wide, tall), interpolation=cv2.INTER_AREA)
    cv2.rectangle(canvas, (left - 1, top - 1), (left + wide, top + tall), colour, max(1, round(1.5 * scale)))


def _line(
    canvas: np.ndarray, a: np.ndarray, b: np.ndarray, colour: Colour, width: int, kind: int = cv2.LINE_AA
) -> None:
    cv2.line(canvas, _pixel(a), _pixel(b), colour, width, kind)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    """A point (2,) as OpenCV takes it, which refuses what is beyond any picture."""
    x, y = np.clip(np.asarray(point, float), -FARTHEST, FARTHEST)
    return round(float(x)), round(float(y))
