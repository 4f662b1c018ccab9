"""How somebody walks: joint angles over the gait cycle, and where that puts the joints."""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.synthesis.people import Outfit, Person
from rt_gait_ros.synthesis.skeleton import BONE

# Normal walking at a natural cadence, degrees at each tenth of the cycle from heel strike: flexion of hip and knee,
# dorsiflexion of the ankle (after the curves in Winter 2009 and Perry, "Gait Analysis", 1992).
NORMAL = np.array([
    [29.0, 25.0, 16.0, 6.0, -3.0, -9.5, -6.0, 11.0, 25.0, 31.0],
    [5.0, 17.0, 16.0, 9.0, 5.0, 11.0, 36.0, 60.0, 52.0, 20.0],
    [0.0, -4.0, 3.0, 7.0, 10.0, 7.0, -14.0, -9.0, 1.0, 2.0],
])  # fmt: skip
_SPECTRUM = np.fft.rfft(NORMAL, axis=1)[:, :5] / NORMAL.shape[1]

# Joints by index. Left and right of a pair follow each other.
JOINTS = (
    "pelvis", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_toe", "right_toe",
    "left_heel", "right_heel", "waist", "chest", "neck", "head", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand", "nose", "left_eye", "right_eye", "left_ear",
    "right_ear",
)  # fmt: skip
INDEX = {name: number for number, name in enumerate(JOINTS)}
SIDES = {"left": 1.0, "right": -1.0}  # and the sign of their y


@dataclass(frozen=True, slots=True)
class Mood:
    """How this walk differs from the person's usual one.

    pace: 1 as usual. stride: factor on the legs' ranges beyond what the pace does. swing: (2,) factor on left and right
    arm, 0 for a hand in a pocket. offsets: added to the style, degrees.
    """

    pace: float
    stride: float
    swing: np.ndarray
    offsets: dict[str, float]


def mood(random: np.random.Generator, variety: float = 1.0) -> Mood:
    """Some mood for one walk. variety: 0 for the person's usual walk."""
    swing = 1.0 + variety * random.normal(0.0, 0.15, 2)
    if random.random() < 0.1 * variety:
        swing[random.integers(2)] *= random.uniform(0.0, 0.4)
    names = ("lean", "nod", "stoop", "arm_offset", "elbow", "knee_offset", "hip_offset")
    sizes = (1.5, 4.0, 2.0, 3.0, 6.0, 1.0, 1.0)
    offsets = {name: variety * size * random.standard_normal() for name, size in zip(names, sizes, strict=True)}
    pace = float(np.exp(variety * random.normal(0.0, 0.08)))
    return Mood(pace, 1.0 + variety * float(random.normal(0.0, 0.03)), swing, offsets)


def phases(person: Person, mood: Mood, seconds: np.ndarray, start: float) -> np.ndarray:
    """Gait cycle position of each moment, in cycles. Cadence grows with the root of the pace, as people's does."""
    return start + person.style["cadence"] * np.sqrt(mood.pace) * seconds


def joints(person: Person, outfit: Outfit, mood: Mood, phase: np.ndarray) -> np.ndarray:
    """Joints (T, len(JOINTS), 3) of somebody who walks on the spot towards +x, metres; y is left, z up, the floor at 0.

    phase: (T,) cycles from the left heel's strike.
    """
    style = {name: value + mood.offsets.get(name, 0.0) for name, value in person.style.items()}
    body = _Body(person, outfit, np.zeros((len(phase), len(JOINTS), 3)), mood, style, phase)
    for side in SIDES:
        _leg(body, side)
    chest = _trunk(body)
    _head(body)
    for side in SIDES:
        _arm(body, side, chest)
    return _on_floor(body.places)


def turned_joints(person: Person, outfit: Outfit, rotations: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """The same joints of somebody whose bones are turned as recorded ones, (T, len(JOINTS), 3), metres.

    rotations: (T, 23, 3, 3) and offset: (T, 3) of the hip joints' midpoint in metres, as `gaits.Gait.pose` has them.
    """
    body, lengths = _Figure(person, outfit, np.zeros((len(rotations), len(JOINTS), 3))), person.segments

    def axis(bone: str, number: int) -> np.ndarray:
        return rotations[:, BONE[bone], :, number]

    pelvis = body.put("pelvis", offset)
    waist = body.put("waist", pelvis + 0.4 * lengths["trunk"] * axis("lower_back", 2))
    chest = body.put("chest", waist + 0.6 * lengths["trunk"] * axis("thorax", 2))
    body.put("neck", chest + lengths["neck"] * axis("neck", 2))
    _face(body, *(axis("head", number) for number in range(3)))
    for side, sign in SIDES.items():
        short = side[0]
        hip = body.put(f"{side}_hip", pelvis + sign * lengths["hips"] * axis("hips", 1))
        knee = body.put(f"{side}_knee", hip - lengths["thigh"] * axis(f"{short}_thigh", 2))
        body.put(f"{side}_ankle", knee - lengths["shank"] * axis(f"{short}_shank", 2))
        _foot(body, side, axis(f"{short}_foot", 0), -axis(f"{short}_foot", 2))
        at = body.put(f"{side}_shoulder", chest + sign * lengths["shoulders"] * axis("thorax", 1))
        for bone, end in (("upper_arm", "elbow"), ("forearm", "wrist"), ("hand", "hand")):
            at = body.put(f"{side}_{end}", at + sign * lengths[bone] * axis(f"{short}_{bone}", 1))
    return _on_floor(body.places)


def _on_floor(places: np.ndarray) -> np.ndarray:
    """Joints (T, J, 3) moved, in place, so that the lowest of the feet is on the floor."""
    ground = np.minimum.reduce(
        [places[:, INDEX[name], 2] for name in ("left_toe", "right_toe", "left_heel", "right_heel")]
    )
    places[:, :, 2] -= ground[:, None]
    return places


@dataclass(frozen=True, slots=True)
class _Figure:
    """A walker being put together. places: (T, J, 3), joints so far."""

    person: Person
    outfit: Outfit
    places: np.ndarray

    def put(self, name: str, value: np.ndarray) -> np.ndarray:
        self.places[:, INDEX[name]] = value
        return value

    def at(self, name: str) -> np.ndarray:
        return self.places[:, INDEX[name]]


@dataclass(frozen=True, slots=True)
class _Body(_Figure):
    """One who walks as tabled. style: the person's in this mood. phase: (T,)."""

    mood: Mood
    style: dict[str, float]
    phase: np.ndarray

    @property
    def angle(self) -> np.ndarray:
        return 2 * np.pi * self.phase


def _curves(person: Person, phase: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """Hip, knee and ankle angle (3, T), degrees. ranges: (3,) factors of the curves' sizes."""
    orders = np.arange(5)
    waves = np.exp(2j * np.pi * orders[:, None] * phase)
    spectrum = _SPECTRUM * person.harmonics
    spectrum[:, 0] = _SPECTRUM[:, 0]
    weights = np.where(orders == 0, 1.0, 2.0) * np.where(orders == 0, 1.0, ranges[:, None])
    return np.real((spectrum * weights) @ waves)


def _direction(ahead: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Unit vectors (T, 3) of a limb that hangs down, swung `ahead` and `out` to the left, radians."""
    return np.stack([np.sin(ahead) * np.cos(out), np.sin(out), -np.cos(ahead) * np.cos(out)], axis=-1)


def _leg(body: _Body, side: str) -> None:
    person, style, mood, sign = body.person, body.style, body.mood, SIDES[side]
    lengths = person.segments
    turn = np.radians(style["pelvis_turn"]) * np.cos(body.angle) * mood.stride
    drop = np.radians(style["pelvis_drop"]) * np.sin(body.angle)
    size = mood.stride * np.sqrt(max(mood.pace, 0.0)) * (1.0 + sign * style["leg_asymmetry"])
    ranges = np.array([style["hip_range"], style["knee_range"], style["ankle_range"]]) * size
    flexion, bend, lift = np.radians(_curves(person, body.phase + (0.0 if sign > 0 else 0.5), ranges))
    flexion = flexion + np.radians(style["hip_offset"] + 0.5 * style["knee_offset"])
    bend = np.maximum(bend + np.radians(style["knee_offset"]), 0.0)
    half = lengths["hips"]
    hip = body.put(
        f"{side}_hip",
        np.stack([-sign * half * np.sin(turn), sign * half * np.cos(turn), sign * half * np.sin(drop)], -1),
    )
    out = np.full_like(flexion, sign * np.arcsin(np.clip(style["step_width"] / 0.5, -0.1, 0.1)))
    knee = body.put(f"{side}_knee", hip + lengths["thigh"] * _direction(flexion, out))
    body.put(f"{side}_ankle", knee + lengths["shank"] * _direction(flexion - bend, out))
    pitch = flexion - bend + lift  # of the sole: 0 is level
    toe_out = sign * np.radians(style["toe_out"])
    ahead = np.stack([np.cos(pitch) * np.cos(toe_out), np.full_like(pitch, np.sin(toe_out)), np.sin(pitch)], -1)
    down = np.stack([np.sin(pitch), np.zeros_like(pitch), -np.cos(pitch)], -1)
    _foot(body, side, ahead, down)


def _foot(body: _Figure, side: str, ahead: np.ndarray, down: np.ndarray) -> None:
    """Toe and heel below the ankle. ahead, down: (T, 3) along the sole and away from it."""
    lengths, heel = body.person.segments, body.outfit.heel
    sole = body.at(f"{side}_ankle") + (lengths["ankle"] + heel * 0.5) * down
    body.put(f"{side}_toe", sole + 0.68 * lengths["foot"] * ahead)
    body.put(f"{side}_heel", sole - 0.25 * lengths["foot"] * ahead + heel * 0.5 * down)


def _upright(bow: np.ndarray, sway: np.ndarray) -> np.ndarray:
    """Nearly unit vectors (T, 3) upwards, bowed ahead and swayed to the left, radians."""
    return np.stack([np.sin(bow), np.sin(sway), np.cos(bow)], -1)


def _trunk(body: _Body) -> np.ndarray:
    """Pelvis to neck; returns the chest (T, 3)."""
    style, lengths, angle = body.style, body.person.segments, body.angle
    lean = np.radians(style["lean"]) + np.radians(1.5) * np.cos(2 * angle)
    sway = np.radians(style["sway"]) * np.sin(angle) * -1.0
    up = _upright(lean, sway)
    body.put("pelvis", np.zeros_like(up))
    waist = body.put("waist", 0.4 * lengths["trunk"] * up)
    chest = body.put("chest", waist + 0.6 * lengths["trunk"] * _upright(lean + np.radians(style["stoop"]), sway))
    bow = lean + np.radians(style["stoop"] + style["nod"])
    body.put("neck", chest + lengths["neck"] * _upright(bow, sway))
    return chest


def _head(body: _Body) -> None:
    """Head and face; the gaze stays level but for some of the nod."""
    level = np.radians(body.style["nod"]) * 0.7
    up = np.array([np.sin(level), 0.0, np.cos(level)])
    face = np.array([np.cos(level), 0.0, -np.sin(level)])
    _face(body, face, np.array([0.0, 1.0, 0.0]), up)


def _face(body: _Figure, face: np.ndarray, left: np.ndarray, up: np.ndarray) -> None:
    """Head and face over the neck. face, left, up: axes of the head, (3,) or (T, 3)."""
    size = body.person.segments["head"]
    head = body.put("head", body.at("neck") + 0.55 * size * up + 0.1 * size * face)
    body.put("nose", head + 0.48 * size * face - 0.05 * size * up)
    for side, sign in SIDES.items():
        body.put(f"{side}_eye", head + 0.4 * size * face + 0.1 * size * up + sign * 0.25 * size * left)
        body.put(f"{side}_ear", head + sign * 0.42 * size * left)


def _arm(body: _Body, side: str, chest: np.ndarray) -> None:
    style, lengths, mood, sign = body.style, body.person.segments, body.mood, SIDES[side]
    turn = -np.radians(style["chest_turn"]) * np.cos(body.angle) * mood.stride
    half = lengths["shoulders"]
    across = np.stack([-sign * half * np.sin(turn), sign * half * np.cos(turn), 0 * turn], -1)
    shoulder = body.put(f"{side}_shoulder", chest + across)
    factor = mood.swing[0 if sign > 0 else 1] * (1.0 + sign * style["arm_asymmetry"]) * np.sqrt(max(mood.pace, 0.0))
    beat = -sign * np.cos(body.angle - 2 * np.pi * style["arm_lag"])  # against the leg of the same side
    swing = np.radians(style["arm_offset"] + style["arm_swing"] * factor * beat)
    bend = np.radians(np.maximum(style["elbow"] + style["elbow_swing"] * factor * beat, 3.0))
    out = np.full_like(swing, sign * np.radians(max(style["arm_out"], 1.0)))
    elbow = body.put(f"{side}_elbow", shoulder + lengths["upper_arm"] * _direction(swing, out))
    wrist = body.put(f"{side}_wrist", elbow + lengths["forearm"] * _direction(swing + bend, 0.3 * out))
    body.put(f"{side}_hand", wrist + lengths["hand"] * _direction(swing + bend, 0.1 * out))
