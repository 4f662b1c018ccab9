"""The tabled walk of `people` and `motion` for bodies with a surface, beside which recorded gaits are measured."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from rt_gait_ros.synthesis.gait_fitting import STEPS, against_bases, fourier
from rt_gait_ros.synthesis.gaits import GRAVITY, Gait
from rt_gait_ros.synthesis.motion import INDEX, SIDES, Mood, joints, mood
from rt_gait_ros.synthesis.people import Outfit, Person
from rt_gait_ros.synthesis.skeleton import BONE, BONES
from rt_gait_ros.synthesis.walks import STRIDE

_BAREFOOT = Outfit(np.zeros(5), 0.0, 0.0, 0.0, 0.0, 0.0, "none", 0.0, 0.0)
_LEFT = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, slots=True)
class TabledGait(Gait):
    """How somebody of `people` walks, on a skeleton. who: whose style and curves; lengths do not matter."""

    who: Person

    def walk(self, random: np.random.Generator, variety: float = 1.0) -> Gait:
        """The same person on some day. variety: 0 for the person's usual walk."""
        return Gait(_features(self.who, mood(random, variety)))


def tabled_gait(who: Person) -> TabledGait:
    """The gait of that person."""
    return TabledGait(_features(who, Mood(1.0, 1.0, np.ones(2), {})), who)


def _features(who: Person, how: Mood) -> np.ndarray:
    """A walk as `Gait` holds it, (FEATURES,)."""
    turned = against_bases(_turned(joints(who, _BAREFOOT, how, np.arange(STEPS) / STEPS)))
    tracks = np.concatenate([turned, np.zeros((STEPS, 1, 3))], axis=1)
    leg = who.segments["thigh"] + who.segments["shank"]
    quicker = np.sqrt(how.pace)  # half of a faster pace is longer steps
    stride = np.log(STRIDE * quicker * who.stature / leg)
    cadence = np.log(who.style["cadence"] * quicker * np.sqrt(leg / GRAVITY))
    return np.concatenate([fourier(tracks).ravel(), [stride, cadence]])


def _turned(places: np.ndarray) -> np.ndarray:
    """Rotations (T, 23, 3, 3) in the world, as of `Gait.pose`, of bones between joints (T, J, 3) of `motion`."""

    def way(start: str, end: str) -> np.ndarray:
        along: np.ndarray = places[:, INDEX[end]] - places[:, INDEX[start]]
        return along / np.linalg.norm(along, axis=1, keepdims=True)

    turned = np.empty((len(places), len(BONES), 3, 3))
    across, shoulders = way("right_hip", "left_hip"), way("right_shoulder", "left_shoulder")
    low, high = way("pelvis", "waist"), way("waist", "chest")
    turned[:, BONE["hips"]] = _axes(across, low - (low * across).sum(axis=1, keepdims=True) * across)
    turned[:, BONE["lower_back"]] = _axes(across + shoulders, low)
    for name in ("upper_back", "thorax", "l_clavicle", "r_clavicle"):
        turned[:, BONE[name]] = _axes(shoulders, high)
    for name in ("neck", "upper_neck"):
        turned[:, BONE[name]] = _axes(_LEFT, way("chest", "neck"))
    turned[:, BONE["head"]] = _axes(_LEFT, _crown(places))
    for side, sign in SIDES.items():
        short = side[0]
        for bone, start, end in (("thigh", "hip", "knee"), ("shank", "knee", "ankle")):
            turned[:, BONE[f"{short}_{bone}"]] = _swung(way(f"{side}_{start}", f"{side}_{end}"), 0.0)
        sole = way(f"{side}_heel", f"{side}_toe")
        pitch, out = np.arctan2(sole[:, 2], sole[:, 0]), np.arcsin(sole[:, 1])
        foot = Rotation.from_euler("YZ", np.column_stack([-pitch, out])).as_matrix()
        turned[:, BONE[f"{short}_foot"]] = turned[:, BONE[f"{short}_toes"]] = foot
        for bone, start, end in (
            ("upper_arm", "shoulder", "elbow"),
            ("forearm", "elbow", "wrist"),
            ("hand", "wrist", "hand"),
        ):
            turned[:, BONE[f"{short}_{bone}"]] = _swung(way(f"{side}_{start}", f"{side}_{end}"), -sign * np.pi / 2)
    return turned


def _axes(left: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Rotations (T, 3, 3) to a given up (T, 3), and as far to the left as that leaves."""
    ahead = np.cross(left, up)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    up = up / np.linalg.norm(up, axis=1, keepdims=True)
    return np.stack([ahead, np.cross(up, ahead), up], axis=-1)


def _crown(places: np.ndarray) -> np.ndarray:
    """Up (T, 3), as the head is held: eyes and nose are that much above and below its middle."""
    head, nose = places[:, INDEX["head"]], places[:, INDEX["nose"]]
    eyes = 0.5 * (places[:, INDEX["left_eye"]] + places[:, INDEX["right_eye"]])
    return 0.48 * (eyes - head) - 0.4 * (nose - head)


def _swung(along: np.ndarray, rest: float) -> np.ndarray:
    """Rotations (T, 3, 3) of a limb that hangs along unit vectors (T, 3). rest: how far it is up at rest, radians."""
    ahead, out = np.arctan2(along[:, 0], -along[:, 2]), np.arcsin(along[:, 1])
    return Rotation.from_euler("YX", np.column_stack([-ahead, out + rest])).as_matrix()
