"""Clothes and skin that look like the background of a place, so that background subtraction does not see them.

Where every camera of a place has the same wall behind people, as in CASIA-B, a shirt that is like it is missing from
every view of every walk in that shirt. Holes are then part of what somebody looks like there.
"""

from dataclasses import dataclass
from statistics import NormalDist

import cv2
import numpy as np

from rt_gait_ros.synthesis.bodies import Body, surface
from rt_gait_ros.synthesis.skeleton import BONE

_TRUNK = ("hips", "lower_back", "upper_back", "thorax", "l_clavicle", "r_clavicle")
_SLEEVES = ("l_upper_arm", "r_upper_arm")
_NECK = ("neck", "upper_neck")
# How often each kind is drawn: stripes around the trunk, one band of it, patches, and the neck, at times with the face.
KINDS = {"stripes": 0.15, "band": 0.4, "patches": 0.25, "skin": 0.2}
_PIECES = 12  # of the body's height, which are missing from an image or seen in it
_PATCHES = (10, 8)  # over the trunk's height and around it


@dataclass(frozen=True, slots=True)
class Blended:
    """What of a body is like the background.

    triangles: (N,) bool, of the surface. height: (N,) of each, 0 at the feet and 1 at the top of the rest pose. unseen:
    chance, above 0 and below 1, that a piece of it is missing from an image.
    """

    triangles: np.ndarray
    height: np.ndarray
    unseen: float

    def missing(self, random: np.random.Generator) -> np.ndarray:
        """Triangles (N,) bool that are not seen in one image."""
        waves = cv2.GaussianBlur(random.standard_normal((1, _PIECES), np.float32), (0, 0), 0.7)[0]
        waves /= waves.std()
        here = np.interp(self.height, np.linspace(0.0, 1.0, _PIECES), waves)
        missing: np.ndarray = self.triangles & (here < NormalDist().inv_cdf(self.unseen))
        return missing


def blended(body: Body, colours: int, share: float) -> Blended | None:
    """What of somebody in some clothes is like the background, or None where nothing is.

    colours: of the outfit; the same person in the same ones has the same holes in every scene. share: of all outfits
    that something is like the background of.
    """
    random = np.random.default_rng((0xBAC, colours))
    if random.random() >= share:
        return None
    corners = surface().triangles
    bones, centres = surface().bones[corners[:, 0], 0], body.vertices[corners].mean(axis=1)
    bottom, top = body.vertices[:, 2].min(), body.vertices[:, 2].max()
    like, unseen = _like(body, bones, centres, random), random.uniform(0.4, 0.999)
    return Blended(like, (centres[:, 2] - bottom) / (top - bottom), unseen)


def _like(body: Body, bones: np.ndarray, centres: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Triangles (N,) bool that are like the background. bones: (N,) of each. centres: (N, 3), metres."""
    kind = str(random.choice(list(KINDS), p=list(KINDS.values())))
    if kind == "skin":
        names = _NECK + (("head",) if random.random() < 0.1 else ())
        head = body.joints[BONE["head"], 2]
        face = head + 0.4 * (body.vertices[:, 2].max() - head)
        skin: np.ndarray = np.isin(bones, [BONE[name] for name in names]) & (centres[:, 2] < face)
        return skin
    names = _TRUNK + (_SLEEVES if random.random() < 0.5 else ())
    trunk: np.ndarray = np.isin(bones, [BONE[name] for name in names])
    shoulders, hips = body.joints[BONE["l_upper_arm"], 2], body.joints[BONE["l_thigh"], 2]
    up = (centres[:, 2] - hips) / (shoulders - hips)  # 0 at the hips and 1 at the shoulders
    if kind == "stripes":
        width, start, dark = random.uniform(0.12, 0.35), random.random(), random.uniform(0.3, 0.6)
        return trunk & ((up / width + start) % 1.0 < dark)
    if kind == "band":
        low = random.uniform(-0.1, 0.7)
        return trunk & (up > low) & (up < low + random.uniform(0.25, 0.9))
    rows, columns = _PATCHES
    patches = cv2.GaussianBlur(random.standard_normal(_PATCHES, np.float32), (0, 0), 1.0)
    row = np.clip(up * rows, 0, rows - 1).astype(int)
    column = ((np.arctan2(centres[:, 1], centres[:, 0]) / (2 * np.pi) + 0.5) * columns).astype(int) % columns
    return trunk & (patches[row, column] / patches.std() > random.uniform(-0.3, 1.0))
