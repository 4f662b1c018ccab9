"""The surface of a walker: tapered capsules around the skeleton, with clothes, hair and things carried."""

from typing import NamedTuple

import numpy as np

from rt_gait_ros.synthesis.motion import INDEX
from rt_gait_ros.synthesis.people import Outfit, Person

# Body part of a capsule, for what masks leave out.
TRUNK, HEAD, LEFT_ARM, RIGHT_ARM, LEFT_FOOT, RIGHT_FOOT, LEG, CARRIED = range(8)
# What it is made of, for colours.
SHIRT, SLEEVE, TROUSERS, COAT, SHOES, SKIN, HEAD_TOP, HAIR, BAG = range(9)


class Solids(NamedTuple):
    """The surface of a walker in T images: N capsules.

    capsules: (T, N, 8), two end points (3 each) and the radius at each, metres. parts, materials: (N,) int of each.
    """

    capsules: np.ndarray
    parts: np.ndarray
    materials: np.ndarray


def solids(person: Person, outfit: Outfit, joints: np.ndarray) -> Solids:
    """The surface around joints (T, J, 3), as `motion.joints` gives them."""
    builder = _Builder(joints)
    _body(builder, person, outfit)
    _head(builder, person, outfit)
    _limbs(builder, person, outfit)
    if outfit.coat > 0.0:
        _coat(builder, person, outfit)
    if outfit.bag != "none":
        _bag(builder, person, outfit)
    return Solids(np.stack(builder.capsules, axis=1), np.array(builder.parts), np.array(builder.materials))


def _offset(ahead: float, up: float) -> np.ndarray:
    return np.array([ahead, 0.0, up])


class _Builder:
    """Capsules as they are added, around the joints (T, J, 3)."""

    def __init__(self, joints: np.ndarray) -> None:
        self.joints = joints
        self.capsules: list[np.ndarray] = []
        self.parts: list[int] = []
        self.materials: list[int] = []

    def at(self, name: str) -> np.ndarray:
        return self.joints[:, INDEX[name]]

    def add(self, start: np.ndarray, end: np.ndarray, first: float, second: float, part: int, material: int) -> None:
        """From `start` (T, 3) with radius `first` to `end` with radius `second`, metres."""
        radii = np.broadcast_to([first, second], (len(start), 2))
        self.capsules.append(np.concatenate([start, end, radii], axis=1))
        self.parts.append(part)
        self.materials.append(material)


def _body(b: _Builder, person: Person, outfit: Outfit) -> None:
    girth, loose = person.girths, outfit.loose[0]
    chest, waist, pelvis = b.at("chest"), b.at("waist"), b.at("pelvis")
    across = b.at("left_shoulder") - b.at("right_shoulder")
    across = across / np.linalg.norm(across, axis=1, keepdims=True)
    low = _offset(0.0, 0.03 * person.stature)
    breadth = person.segments["shoulders"]
    for sign in (1.0, -1.0):
        armpit = chest + sign * (breadth - girth["chest"]) * across - low
        flank = waist + sign * 0.55 * breadth * across
        hip = pelvis + sign * 0.62 * breadth * across + low * 0.5
        b.add(armpit, flank, girth["chest"] + loose, girth["waist"] + loose, TRUNK, SHIRT)
        b.add(flank, hip, girth["waist"] + loose, girth["pelvis"] + loose, TRUNK, SHIRT)
        top = b.at(f"{'left' if sign > 0 else 'right'}_shoulder") - low * 0.6
        b.add(
            b.at("neck") - 1.2 * low, top, 1.1 * girth["neck"] + loose, 1.25 * girth["upper_arm"] + loose, TRUNK, SHIRT
        )
    b.add(chest - low, pelvis, girth["chest"] + loose, girth["pelvis"] + loose, TRUNK, SHIRT)
    if outfit.belly > 0.01:
        ahead = waist + _offset(outfit.belly, -0.02)
        b.add(ahead, 0.5 * (ahead + pelvis), girth["waist"] + loose, girth["waist"] + loose, TRUNK, SHIRT)


def _head(b: _Builder, person: Person, outfit: Outfit) -> None:
    girth = person.girths
    head, neck = b.at("head"), b.at("neck")
    size = person.segments["head"]
    up = (head - neck) / np.linalg.norm(head - neck, axis=1, keepdims=True)
    crown = head + 0.10 * size * up
    b.add(b.at("chest"), neck + 0.3 * (head - neck), girth["neck"] + 0.5 * outfit.loose[0], girth["neck"], HEAD, SKIN)
    radius = girth["head"] * 0.95 + outfit.hair
    b.add(crown + _offset(-0.012, 0.0), head + _offset(0.015, -0.2 * size), radius, girth["head"] * 0.8, HEAD, HEAD_TOP)
    if outfit.hair_length > 0.0:
        tail = head + _offset(-0.06, -outfit.hair_length)
        b.add(head + _offset(-0.03, 0.0), tail, girth["head"], girth["head"] * 0.7, HEAD, HAIR)


def _limbs(b: _Builder, person: Person, outfit: Outfit) -> None:
    girth = person.girths
    _, sleeve, cuff, thigh, shank = outfit.loose
    for side, arm, foot in (("left", LEFT_ARM, LEFT_FOOT), ("right", RIGHT_ARM, RIGHT_FOOT)):
        hip, knee, ankle = b.at(f"{side}_hip"), b.at(f"{side}_knee"), b.at(f"{side}_ankle")
        b.add(hip, knee, girth["thigh"] * 1.15 + thigh, girth["knee"] + thigh, LEG, TROUSERS)
        calf = knee + 0.3 * (ankle - knee)
        b.add(knee, calf, girth["knee"] + shank, girth["calf"] + shank, LEG, TROUSERS)
        b.add(calf, ankle, girth["calf"] + shank, girth["ankle"] + shank, LEG, TROUSERS)
        heel, toe = b.at(f"{side}_heel"), b.at(f"{side}_toe")
        lift = _offset(0.0, girth["foot"] * 1.2)
        b.add(heel + lift, toe + lift * 0.8, girth["foot"] * 1.3, girth["foot"] * 0.9, foot, SHOES)
        b.add(ankle, heel + lift, girth["ankle"] + 0.5 * shank, girth["foot"] * 1.4, foot, SHOES)
        elbow, wrist = b.at(f"{side}_elbow"), b.at(f"{side}_wrist")
        b.add(b.at(f"{side}_shoulder"), elbow, girth["upper_arm"] + sleeve, girth["elbow"] + sleeve, arm, SHIRT)
        b.add(elbow, wrist, girth["elbow"] + cuff, girth["wrist"] + cuff, arm, SLEEVE)
        b.add(wrist, b.at(f"{side}_hand"), girth["wrist"], girth["hand"], arm, SKIN)


def _coat(b: _Builder, person: Person, outfit: Outfit) -> None:
    waist = person.girths["pelvis"] + outfit.loose[0]
    share = outfit.coat / person.segments["thigh"]
    pelvis = b.at("pelvis")
    hems = []
    for side in ("left", "right"):
        hip, knee, ankle = b.at(f"{side}_hip"), b.at(f"{side}_knee"), b.at(f"{side}_ankle")
        reach = hip + min(share, 1.0) * (knee - hip)
        if share > 1.0:  # cloth below the knee hangs, and swings half as far as the shank
            reach = reach + (share - 1.0) * 0.5 * (ankle - knee + _offset(0.0, -person.segments["shank"]))
        hems.append(reach)
        b.add(hip, reach, waist * 0.9, outfit.flare * 0.55, LEG, COAT)
    b.add(pelvis, 0.5 * (hems[0] + hems[1]), waist, outfit.flare * 0.7, LEG, COAT)


def _bag(b: _Builder, person: Person, outfit: Outfit) -> None:
    size = outfit.bag_size
    chest, waist = b.at("chest"), b.at("waist")
    if outfit.bag == "backpack":
        behind = _offset(-person.girths["chest"] - 0.5 * size, 0.0)
        b.add(chest + behind, waist + behind, size, size * 1.1, CARRIED, BAG)
    elif outfit.bag == "shoulder":
        hip = b.at("left_hip")
        beside = hip + np.array([-0.04, 0.09, 0.02])
        b.add(beside, beside + _offset(0.12, -0.08), size, size, CARRIED, BAG)
    else:
        hand = b.at("right_hand")
        b.add(hand + _offset(0.0, -0.5 * size), hand + _offset(0.0, -2.0 * size), 0.3 * size, size, CARRIED, BAG)
