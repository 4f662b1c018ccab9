"""What somebody wears beside clothes, and what is carried: bags, hair, hats, a child.

Each thing is a chain of convex pieces that follows the body, with a delay where it hangs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.synthesis.bodies import END, Body
from rt_gait_ros.synthesis.skeleton import BONE

IMAGES_A_SECOND = 25.0
_AROUND = np.linspace(0, 2 * np.pi, 10, endpoint=False)
RING = np.stack([np.cos(_AROUND), np.sin(_AROUND), 0 * _AROUND], -1)
_BALL = np.concatenate([
    np.stack([np.cos(_AROUND) * np.cos(height), np.sin(_AROUND) * np.cos(height), np.full(10, np.sin(height))], -1)
    for height in np.radians([-80, -40, 0, 40, 80])
])  # fmt: skip
_BOX = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)


Pieces = list[np.ndarray]  # of (T, n, 3): the convex hull of the n points of an image is what is seen


def trailing(points: np.ndarray, anchor: np.ndarray, lag: float) -> np.ndarray:
    """Points (T, ..., 3) that follow with a delay of `lag` seconds, relative to what they hang from (T, 3)."""
    share = 1.0 - np.exp(-1.0 / (IMAGES_A_SECOND * max(lag, 1e-3)))
    held = anchor.reshape(len(anchor), *([1] * (points.ndim - 2)), 3)
    relative = points - held
    late = np.empty_like(relative)
    late[0] = relative.mean(axis=0) * 0.5 + relative[0] * 0.5
    for image in range(1, len(relative)):
        late[image] = late[image - 1] + share * (relative[image] - late[image - 1])
    return held + late


@dataclass(frozen=True, slots=True)
class _Wearer:
    """Who carries: the body, its joints (T, J, 3), the lag of what hangs, and chance."""

    body: Body
    joints: np.ndarray
    lag: float
    random: np.random.Generator

    def at(self, name: str) -> np.ndarray:
        return self.joints[:, BONE[name]]

    def end(self, name: str) -> np.ndarray:
        return self.joints[:, END[BONE[name]]]

    def lump(self, centre: np.ndarray, size: tuple[float, float, float], shape: np.ndarray = _BALL) -> np.ndarray:
        """(T, n, 3) around centre (T, 3); size: half lengths ahead, left and up."""
        return centre[:, None] + shape * np.array(size)

    def ahead(self) -> np.ndarray:
        """Unit vectors (T, 3) to the front of the chest, level."""
        across = self.at("l_upper_arm") - self.at("r_upper_arm")
        front = np.stack([across[:, 1], -across[:, 0], 0 * across[:, 0]], -1)
        return front / np.linalg.norm(front, axis=1, keepdims=True).clip(1e-6)

    def side(self) -> str:
        return "l_" if self.random.random() < 0.5 else "r_"


def _up(value: float) -> np.ndarray:
    return np.array([0.0, 0.0, value])


def _backpack(w: _Wearer) -> Pieces:
    size = w.random.uniform(0.07, 0.14), w.random.uniform(0.11, 0.18), w.random.uniform(0.16, 0.27)
    chest = 0.5 * (w.at("thorax") + w.at("upper_back"))
    centre = chest - w.ahead() * (0.08 + 0.9 * size[0]) + _up(w.random.uniform(-0.06, 0.08))
    corners = size[0] * 0.8, size[1] * 0.8, size[2] * 0.8
    return [w.lump(centre, size), w.lump(centre, corners, _BOX)]


def _shoulder_bag(w: _Wearer) -> Pieces:
    side = w.side()
    sign = 1.0 if side == "l_" else -1.0
    size = w.random.uniform(0.10, 0.19), w.random.uniform(0.04, 0.09), w.random.uniform(0.10, 0.16)
    drop = w.random.uniform(-0.12, 0.12)
    centre = w.at(f"{side}thigh") + np.array([w.random.uniform(-0.12, 0.06), sign * (0.10 + size[1]), drop])
    centre = trailing(centre, w.at("hips"), w.lag)
    other = w.at(f"{'r_' if side == 'l_' else 'l_'}clavicle" if w.random.random() < 0.5 else f"{side}upper_arm")
    strap = np.stack([centre, other, centre + 0.02, other + 0.02], axis=1)
    return [w.lump(centre, size, _BOX if w.random.random() < 0.5 else _BALL), strap]


def _handbag(w: _Wearer) -> Pieces:
    hand = w.at(f"{w.side()}hand")
    size = w.random.uniform(0.09, 0.21), w.random.uniform(0.03, 0.08), w.random.uniform(0.08, 0.19)
    centre = hand - _up(w.random.uniform(0.10, 0.28) + size[2])
    centre = trailing(centre, w.at("hips"), w.lag)
    handle = np.stack([hand, hand + 0.015, centre + _up(size[2])], axis=1)
    return [w.lump(centre, size, _BOX if w.random.random() < 0.6 else _BALL), handle]


def _trolley(w: _Wearer) -> Pieces:
    hand = w.at(f"{w.side()}hand")
    size = w.random.uniform(0.10, 0.15), w.random.uniform(0.15, 0.22), w.random.uniform(0.24, 0.34)
    floor = w.joints[..., 2].min()
    centre = hand * np.array([1.0, 1.0, 0.0]) - np.array([0.40 + size[0], 0.0, -(floor + size[2])])
    centre = trailing(centre, w.at("hips"), 0.3)
    handle = np.stack([hand, hand + 0.02, centre + _up(size[2]), centre + _up(size[2]) + 0.03], axis=1)
    return [w.lump(centre, size, _BOX), handle]


def _umbrella(w: _Wearer) -> Pieces:
    hand = w.at(f"{w.side()}hand")
    top = w.end("head") + _up(w.random.uniform(0.15, 0.3))
    rim = w.random.uniform(0.4, 0.55)
    edge = top[:, None] - _up(0.2) + rim * RING
    stick = np.stack([hand, hand + 0.015, top, top + 0.015], axis=1)
    return [np.concatenate([edge, top[:, None]], axis=1), stick]


def _child(w: _Wearer) -> Pieces:
    side = w.side()
    sign = 1.0 if side == "l_" else -1.0
    front = w.at("thorax") + w.ahead() * w.random.uniform(0.12, 0.2) + np.array([0.0, sign * 0.12, -0.05])
    return [
        w.lump(front, (0.10, 0.11, 0.20)), w.lump(front + _up(0.28), (0.09, 0.08, 0.11)),
        w.lump(front - _up(0.28), (0.09, 0.12, 0.14)),
    ]  # fmt: skip


def _parcel(w: _Wearer) -> Pieces:
    size = w.random.uniform(0.10, 0.18), w.random.uniform(0.14, 0.22), w.random.uniform(0.08, 0.18)
    return [w.lump(w.at("upper_back") + w.ahead() * (0.16 + size[0]), size, _BOX)]


def _long_hair(w: _Wearer) -> Pieces:
    head = 0.5 * (w.at("head") + w.end("head"))
    length = w.random.uniform(0.08, 0.40)
    tip = trailing(w.at("head") - w.ahead() * 0.07 - _up(length), w.at("neck"), w.lag)
    wide = w.random.uniform(0.05, 0.10)
    return [np.concatenate([w.lump(head, (0.09, wide, 0.10)), w.lump(tip, (0.035, wide, 0.04))], axis=1)]


def _bun(w: _Wearer) -> Pieces:
    head = 0.4 * w.at("head") + 0.6 * w.end("head")
    size = w.random.uniform(0.03, 0.06)
    return [w.lump(head - w.ahead() * 0.11 + _up(w.random.uniform(-0.05, 0.10)), (size, size, size))]


def _hat(w: _Wearer) -> Pieces:
    top = w.end("head")
    crown = w.lump(top - _up(0.03), (0.10, 0.09, w.random.uniform(0.05, 0.12)))
    if w.random.random() < 0.5:
        return [crown]
    brim = w.random.uniform(0.12, 0.20)
    ahead = w.ahead() * (0.08 if w.random.random() < 0.5 else 0.0)  # a cap's peak, or a brim all around
    return [
        crown,
        w.lump(top - _up(0.06) + ahead, (brim * 0.7 if ahead.any() else brim, 0.09 if ahead.any() else brim, 0.015)),
    ]


def _hood(w: _Wearer) -> Pieces:
    head = 0.45 * w.at("head") + 0.55 * w.end("head")
    size = w.random.uniform(0.11, 0.14)
    if w.random.random() < 0.6:  # worn down, on the back
        return [w.lump(w.at("neck") - w.ahead() * 0.10, (0.07, 0.12, 0.07))]
    return [
        np.concatenate(
            [w.lump(head, (size, size * 0.9, size * 1.15)), w.lump(w.at("neck"), (0.09, 0.11, 0.03))], axis=1
        )
    ]


def _scarf(w: _Wearer) -> Pieces:
    return [
        w.lump(
            0.5 * (w.at("neck") + w.at("upper_neck")),
            (w.random.uniform(0.08, 0.12), w.random.uniform(0.08, 0.12), 0.05),
        )
    ]


# Chance in a street, and what makes it. A name's pieces are convex hulls over time.
CARRIED: dict[str, tuple[float, Callable[[_Wearer], Pieces]]] = {
    "backpack": (0.10, _backpack), "shoulder bag": (0.10, _shoulder_bag), "handbag": (0.10, _handbag),
    "trolley": (0.02, _trolley), "umbrella": (0.01, _umbrella), "child": (0.01, _child), "parcel": (0.02, _parcel),
    "long hair": (0.25, _long_hair), "bun": (0.06, _bun), "hat": (0.10, _hat), "hood": (0.10, _hood),
    "scarf": (0.08, _scarf),
}  # fmt: skip


def carried(names: Sequence[str], body: Body, joints: np.ndarray, lag: float, random: np.random.Generator) -> Pieces:
    """The pieces of things by their names in CARRIED. joints: (T, J, 3), as `bodies.pose` gives them. lag: seconds."""
    wearer = _Wearer(body, joints, lag, random)
    return [piece for name in names for piece in CARRIED[name][1](wearer)]
