"""People with a surface who walk as people do: body, gait and clothes of a day, past one camera, as silhouettes."""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.synthesis.backdrop import blended
from rt_gait_ros.synthesis.bodies import END, Body, draw_body, pose
from rt_gait_ros.synthesis.clothes import Outfit, draw_outfit, dress, hanging
from rt_gait_ros.synthesis.gaits import Gait, gait
from rt_gait_ros.synthesis.masks import outline_silhouettes, silhouettes
from rt_gait_ros.synthesis.motion import turned_joints
from rt_gait_ros.synthesis.outlines import Outline
from rt_gait_ros.synthesis.people import Outfit as CapsuleOutfit
from rt_gait_ros.synthesis.people import Person, person
from rt_gait_ros.synthesis.posture import TABLED, Posture, draw_posture
from rt_gait_ros.synthesis.skeleton import BONE
from rt_gait_ros.synthesis.solids import solids
from rt_gait_ros.synthesis.tabled_gaits import tabled_gait
from rt_gait_ros.synthesis.things import carried
from rt_gait_ros.synthesis.view import Camera, place
from rt_gait_ros.synthesis.walks import FPS, VGA, Nuisances, Scene, before_camera

# How much faster people walk than those recorded in a laboratory, as a logarithm; set as the means of `posture` are.
PACE = 0.1


@dataclass(frozen=True, slots=True)
class Stroller:
    """One virtual identity: a body at rest, a way of walking, and how it is held."""

    body: Body
    gait: Gait
    posture: Posture


def make_stroller(seed: int, shape: float = 1.2, manner: float = 1.2, *, tabled: bool = False) -> Stroller:
    """Identity number `seed`; the same number is always the same person. shape, manner: factors on the spread of bodies
    and of gaits between people. tabled: the same body walks as `people.person` of that number does."""
    random = np.random.default_rng((0x57011, seed))
    body = draw_body(random, shape)
    if tabled:
        return Stroller(body, tabled_gait(person(seed, manner=manner)), TABLED)
    return Stroller(body, gait(random, manner).at_pace(PACE), draw_posture(random, manner))


def strides(
    who: Stroller, leg: float, seconds: np.ndarray, random: np.random.Generator, mood: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """One walk of this person at moments (T,): rotations (T, 23, 3, 3) and offset (T, 3) in metres, as of `Gait.pose`,
    and the speed, m/s. leg: hip to ankle, metres. mood: how much walks differ, as of Nuisances."""
    today = who.gait.walk(random, mood)
    hertz = today.hertz(leg)
    rotations, offset = today.pose(random.random() + hertz * seconds)
    who.posture.take(rotations)
    restrain(rotations, random, mood)
    return rotations, offset * leg, today.speed * leg * hertz


@dataclass(frozen=True, slots=True)
class Stroll:
    """A walk of T images before a camera, in the world, metres.

    skin: (T, V, 3) of the dressed body. cloth, things: (T, n, 3) each of what hangs and of what is carried, of which
    the convex hull is seen. joints: (T, J, 3).
    """

    camera: Camera
    outfit: Outfit
    skin: np.ndarray
    cloth: list[np.ndarray]
    things: list[np.ndarray]
    joints: np.ndarray

    def outline(self) -> Outline:
        """In the picture."""
        parts = (self.skin, *self.cloth, *self.things)
        skin, *pieces = (self.camera.project(part)[0].astype(np.float32) for part in parts)
        return Outline(skin, pieces)


def stroll(
    who: Stroller,
    scene: Scene,
    frames: int,
    ranges: Nuisances,
    random: np.random.Generator,
    size: tuple[int, int] = VGA,
    clothes: Outfit | None = None,
) -> Stroll:
    """Some walk of this person through a scene, `frames` images at 25 a second. size: of the picture, pixels.

    clothes: what is worn (default: anything).
    """
    clothes = clothes or draw_outfit(random, ranges.clothes)
    images = frames if ranges.seconds is None else max(frames, round(random.uniform(*ranges.seconds) * FPS))
    seconds = np.arange(images) / FPS
    rotations, offset, speed = strides(who, who.body.leg, seconds, random, ranges.mood)
    posed, joints = pose(who.body, dress(who.body, clothes), rotations, offset)
    cloth, things = hanging(who.body, clothes, joints), carried(clothes.things, who.body, joints, clothes.lag, random)
    camera, positions, headings = before_camera(scene, speed, seconds, random, size)
    floor = posed[..., 2].min(axis=1)[:, None, None] * np.array([0.0, 0.0, 1.0], np.float32)
    skin, at, *pieces = (place(part - floor, positions, headings) for part in (posed, joints, *cloth, *things))
    if ranges.seconds is not None:
        shown = np.flatnonzero(camera.shows(skin))
        kept = shown[np.linspace(0, len(shown) - 1, min(frames, len(shown))).round().astype(int)]
        skin, at, *pieces = (part[kept] for part in (skin, at, *pieces))
    return Stroll(camera, clothes, skin, pieces[: len(cloth)], pieces[len(cloth) :], at)


# What stands for each of trt_pose's 18 keypoints, in their order: a bone whose head it is near, and how far along.
_KEYPOINTS = (
    *((("head", 0.4),) * 5), ("l_upper_arm", 0.0), ("r_upper_arm", 0.0), ("l_forearm", 0.0), ("r_forearm", 0.0),
    ("l_hand", 0.0), ("r_hand", 0.0), ("l_thigh", 0.0), ("r_thigh", 0.0), ("l_shank", 0.0), ("r_shank", 0.0),
    ("l_foot", 0.0), ("r_foot", 0.0), ("neck", 0.0),
)  # fmt: skip


def keypoints(joints: np.ndarray) -> np.ndarray:
    """About where trt_pose's keypoints are: (..., 18, 3) of joints (..., J, 3); those of the face are its middle."""
    at = [BONE[name] for name, _ in _KEYPOINTS]
    share = np.array([along for _, along in _KEYPOINTS])[:, None]
    return np.asarray((1.0 - share) * joints[..., at, :] + share * joints[..., END[at], :])


def stroller_silhouettes(
    who: Stroller,
    scene: Scene,
    frames: int,
    ranges: Nuisances,
    random: np.random.Generator,
    clothes: Outfit | None = None,
) -> np.ndarray:
    """Silhouettes (S, 64, 64) uint8 of some walk; S is less than `frames` where masks hold too little person.

    clothes: what is worn (default: anything).
    """
    clothes = clothes or draw_outfit(random, ranges.clothes)
    outline = stroll(who, scene, frames, ranges, random, clothes=clothes).outline()
    unseen = blended(who.body, clothes.colours, ranges.backdrop)
    good = [mask for mask in outline_silhouettes(outline, scene.noise, random, unseen) if mask is not None]
    return np.stack(good) if good else np.zeros((0, 64, 64), np.uint8)


def capsule_silhouettes(
    who: Person,
    like: Stroller,
    scene: Scene,
    frames: int,
    ranges: Nuisances,
    random: np.random.Generator,
    clothes: CapsuleOutfit,
) -> np.ndarray:
    """The same of a body of capsules that walks as somebody with a surface does."""
    seconds = np.arange(frames) / FPS
    leg = who.segments["thigh"] + who.segments["shank"]
    rotations, offset, speed = strides(like, leg, seconds, random, ranges.mood)
    around = solids(who, clothes, turned_joints(who, clothes, rotations, offset))
    camera, positions, headings = before_camera(scene, speed, seconds, random, VGA)
    capsules, _ = camera.project_solids(place(around.capsules, positions, headings))
    good = [mask for mask in silhouettes(capsules, around.parts, scene.noise, random) if mask is not None]
    return np.stack(good) if good else np.zeros((0, 64, 64), np.uint8)


# An arm that does not swing today: a hand in a pocket or on a strap, a phone at the ear, something held in front.
# Directions of upper arm and forearm: ahead, out and up.
_HELD = {
    "pocket": ((-0.25, 0.15, -1.0), (0.35, 0.02, -0.9)),
    "strap": ((-0.1, 0.2, -1.0), (0.5, -0.35, 0.8)),
    "phone": ((0.3, 0.25, -0.9), (0.15, -0.1, 1.0)),
    "hold": ((0.1, 0.1, -1.0), (0.9, -0.3, 0.1)),
    "back": ((-0.35, 0.15, -0.9), (-0.15, -0.6, -0.7)),
}
_HELD_CHANCE = 0.22  # of a walk


def restrain(rotations: np.ndarray, random: np.random.Generator, variety: float) -> None:
    """Hold an arm or both in some way for this walk; in place. rotations: (T, bones, 3, 3)."""
    if random.random() >= _HELD_CHANCE * variety:
        return
    upper, fore = _HELD[str(random.choice(list(_HELD)))]
    sides = ("l_", "r_") if random.random() < 0.35 else (("l_",), ("r_",))[random.integers(2)]
    still = random.uniform(0.7, 1.0)
    for side in sides:
        sign = 1.0 if side == "l_" else -1.0
        for names, aim in (((f"{side}upper_arm",), upper), ((f"{side}forearm", f"{side}hand"), fore)):
            goal = np.array([aim[0], sign * aim[1], aim[2]]) + random.normal(0, 0.08, 3)
            turn = _turn_to(np.array([0.0, sign, 0.0]), goal / np.linalg.norm(goal))
            for name in names:
                mixed = still * turn + (1.0 - still) * rotations[:, BONE[name]]
                left, _, right = np.linalg.svd(mixed)
                rotations[:, BONE[name]] = left @ right


def _turn_to(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Smallest rotation (3, 3) between unit vectors."""
    axis, cosine = np.cross(start, end), float(start @ end)
    skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + skew + skew @ skew / max(1.0 + cosine, 1e-6)
