"""What is true of an image of a scene: keypoints and who hides them, boxes, joints, flow, a pose network's targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.pose.layouts import NECK, PARTS, TRT_POSE
from rt_gait_ros.pose.paf_targets import affinity_fields, confidence_maps
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.silhouette.flow import SQUARE, Place, frame_of_flow, placed
from rt_gait_ros.synthesis.motion import INDEX
from rt_gait_ros.synthesis.scenes import Crowd
from rt_gait_ros.synthesis.sight import Sight, Surface, extent, sight
from rt_gait_ros.synthesis.view import Camera
from rt_gait_ros.synthesis.walks import Walk

# Visibility of a keypoint, as COCO writes it.
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2
# Metres that a surface may lie before a joint, beyond as much as the joint lies within the body, and still be its own.
SLACK, DEEPER = 0.03, 1.3

# trt_pose's neck lies between the shoulders; ours is where the head begins.
_BODY = np.array([INDEX[name] for name in PARTS if name != "neck"])
_SHOULDERS = [INDEX["left_shoulder"], INDEX["right_shoulder"]]


@dataclass(frozen=True, slots=True)
class PersonTruth:
    """One person in one image.

    identity: number within the scene. keypoints: (18, 3) float32, x and y in pixels and OUTSIDE (of the picture),
    HIDDEN (by a body) or VISIBLE; in trt_pose's order. box: (4,) float32 x, y, width, height of the whole body, pixels;
    may reach over the border. visible: share of the body's pixels in the picture that nobody else hides, 0..1; 0 out of
    the picture. joints: (J, 3) float32 in the world, metres, in the order of `motion.JOINTS`.
    """

    identity: int
    keypoints: np.ndarray
    box: np.ndarray
    visible: float
    joints: np.ndarray


def truths(crowd: Crowd, seen: Sight, number: int) -> list[PersonTruth]:
    """Everybody who is in image `number`, at least in part. seen: what the camera sees then."""
    found = []
    for index, actor in enumerate(crowd.actors):
        surface = seen.surfaces[index]
        if surface is None:
            continue
        left, top, right, bottom = extent(actor.walk.capsules[number])
        whole = (surface.owner >= 0).sum()
        found.append(
            PersonTruth(
                actor.identity,
                _keypoints(crowd.camera, actor.walk, seen, number),
                np.array([left, top, right - left, bottom - top], np.float32),
                float((seen.who[surface.window] == index).sum() / max(whole, 1)),
                actor.walk.joints[number].astype(np.float32),
            )
        )
    return found


def masks(crowd: Crowd, seen: Sight) -> dict[int, np.ndarray]:
    """By identity, where each person is seen, (H, W) uint8, 0 and 255."""
    return {
        actor.identity: np.where(seen.who == index, np.uint8(255), np.uint8(0))
        for index, actor in enumerate(crowd.actors)
        if seen.surfaces[index] is not None
    }


def _keypoints(camera: Camera, walk: Walk, seen: Sight, number: int) -> np.ndarray:
    body = walk.joints[number]
    points = np.insert(body[_BODY], NECK, body[_SHOULDERS].mean(axis=0), axis=0)
    pixels, depth = camera.project(points)
    hidden = is_hidden(seen, pixels, depth, depth_inside(camera, walk, number, points))
    visibility = np.where(hidden, HIDDEN, VISIBLE)
    visibility[~_inside(seen, pixels)] = OUTSIDE
    return np.column_stack([pixels, visibility]).astype(np.float32)


def _inside(seen: Sight, pixels: np.ndarray) -> np.ndarray:
    return np.all((pixels >= 0) & (pixels < seen.near.shape[::-1]), axis=-1)


def is_hidden(seen: Sight, pixels: np.ndarray, depth: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Whether something stands before each of K points, (K,) bool. Points outside the picture are not hidden.

    pixels: (K, 2). depth: (K,) metres. inside: (K,) metres that the point lies within its own body: that much of it is
    before the point from every side.
    """
    hidden = np.zeros(len(pixels), bool)
    there = _inside(seen, pixels)
    x, y = pixels[there].astype(int).T
    hidden[there] = seen.near[y, x] < depth[there] - DEEPER * inside[there] - SLACK
    return hidden


def depth_inside(camera: Camera, walk: Walk, number: int, points: np.ndarray) -> np.ndarray:
    """How far points (K, 3) of the world lie under their own body's surface, (K,) metres; 0 outside of it."""
    start, end, radii = in_space(camera, walk, number)
    axis = end - start
    off = camera.turned(points)[:, None] - start
    along = np.clip((off * axis).sum(-1) / np.maximum((axis**2).sum(-1), 1e-9), 0.0, 1.0)
    radius = radii[:, 0] + along * (radii[:, 1] - radii[:, 0])
    return np.maximum((radius - np.linalg.norm(off - along[..., None] * axis, axis=-1)).max(axis=1), 0.0)


def in_space(camera: Camera, walk: Walk, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Capsules of image `number` in the optical frame: ends (N, 3) and (N, 3), radii (N, 2); metres."""
    capsules, depth = walk.capsules[number], walk.depth[number]
    middle = np.array([camera.width / 2, camera.height_px / 2])
    ends = (capsules[:, :4].reshape(-1, 2, 2) - middle) * depth[..., None] / camera.focal
    ends = np.concatenate([ends, depth[..., None]], axis=-1)
    return ends[:, 0], ends[:, 1], capsules[:, 4:6] * depth / camera.focal


def flow(crowd: Crowd, seen: Sight, number: int) -> np.ndarray:
    """How far what each pixel of image `number` shows moves until the next one: (H, W, 2) float32, pixels to the right
    and downwards; 0 where nobody is, and in the last image.

    seen: what the camera sees in image `number`. A place on a body is its capsule, how far along, and which way out;
    from image to image it turns as the capsule's axis does.
    """
    field = np.zeros((*seen.near.shape, 2), np.float32)
    if number + 1 >= len(crowd):
        return field
    for index, (actor, surface) in enumerate(zip(crowd.actors, seen.surfaces, strict=True)):
        if surface is not None:
            rows, columns = np.nonzero(seen.who[surface.window] == index)
            moved = _displacement(crowd.camera, actor.walk, surface, rows, columns, number)
            field[surface.window][rows, columns] = moved
    return field


def flow_frames(crowd: Crowd, identity: int, numbers: range) -> np.ndarray:
    """A window of gait frames of flow, (S, 60, 60, 2) int16, as the 2D and 3D networks take it: one place for it all.

    identity, numbers: as centred_flow. Raises ValueError when the person is not in one of the images.
    """
    return placed(*centred_flow(crowd, identity, numbers))


def centred_flow(crowd: Crowd, identity: int, numbers: range) -> tuple[np.ndarray, list[Place]]:
    """Gait frames of flow as the pose node makes them, (S, 60, 60, 2) int16, each with its person in the middle, and
    where they were taken.

    identity: whose. numbers: of the images; frame n is the motion from image n - 1 to n, so none is below 1. Raises
    ValueError when the person is not in one of them.
    """
    frames, places = [], []
    before = sight(crowd, numbers[0] - 1)
    for number in numbers:
        seen = sight(crowd, number)
        boxes = [truth.box for truth in truths(crowd, seen, number) if truth.identity == identity]
        if not boxes:
            raise ValueError(f"person {identity} is not in image {number}")
        x, y, width, height = (float(value) for value in boxes[0])
        side = SQUARE * height
        frames.append(frame_of_flow(flow(crowd, before, number - 1), x + width / 2, y + height / 2, side))
        places.append(Place.of(number, boxes[0]))
        before = seen
    return np.stack(frames), places


def _displacement(
    camera: Camera, walk: Walk, surface: Surface, rows: np.ndarray, columns: np.ndarray, number: int
) -> np.ndarray:
    """Of these K pixels of a surface, (K, 2)."""
    owner, along = surface.owner[rows, columns], surface.along[rows, columns]
    outwards = surface.normal[rows, columns]
    places = []
    axes = []
    for image in (number, number + 1):
        start, end, radii = in_space(camera, walk, image)
        length = np.linalg.norm(end - start, axis=1, keepdims=True)
        axes.append((end - start) / np.maximum(length, 1e-9))
        radius = radii[owner, 0] + along * (radii[owner, 1] - radii[owner, 0])
        way = outwards if image == number else _turn(outwards, axes[0][owner], axes[1][owner])
        places.append(start[owner] + along[:, None] * (end - start)[owner] + radius[:, None] * way)
    before, after = (camera.picture(place)[0] for place in places)
    return after - before


def _turn(vectors: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Vectors (K, 3) turned the shortest way that brings unit vectors `first` (K, 3) to `second`; none is opposite."""
    cross = np.cross(first, second)
    cosine = np.clip((first * second).sum(-1, keepdims=True), -0.999, 1.0)
    # Rodrigues' rotation with sine and cosine of the angle between them
    return (
        vectors * cosine + np.cross(cross, vectors) + cross * (cross * vectors).sum(-1, keepdims=True) / (1.0 + cosine)
    )


def pose_targets(
    people: Sequence[PersonTruth],
    cells: tuple[int, int],
    size: tuple[int, int],
    deviation: float = 1.0,
    topology: Topology = TRT_POSE,
) -> tuple[np.ndarray, np.ndarray]:
    """Confidence maps (18, h, w) and part affinity fields (2L, h, w), float32, that a pose network is taught.

    cells: (h, w) of the maps. size: (width, height) of the picture, pixels. deviation: of the Gaussians, cells.
    Hidden keypoints count, those outside the picture do not.
    """
    keypoints = np.stack([person.keypoints for person in people]) if people else np.zeros((0, len(PARTS), 3))
    points = keypoints[..., :2] * (np.array(cells[::-1]) / size)
    points[keypoints[..., 2] == OUTSIDE] = np.nan
    return confidence_maps(points, cells, deviation), affinity_fields(points, topology, cells, deviation)
