"""Outlines of walkers with a surface in a camera's picture, and fields of distances to them."""

from dataclasses import dataclass

import cv2
import numpy as np

from rt_gait_ros.compiled import compiled
from rt_gait_ros.synthesis.bodies import surface
from rt_gait_ros.synthesis.skeleton import BONE

_FRACTION = 4  # bits of a pixel's fraction in OpenCV's drawing
# Parts of the surface that masks lose: the triangles whose corners all belong to it.
LOSABLE = (
    ("l_forearm", "l_hand"), ("r_forearm", "r_hand"), ("l_foot", "l_toes"), ("r_foot", "r_toes"),
    ("l_shank", "l_foot", "l_toes"), ("r_shank", "r_foot", "r_toes"), ("head", "upper_neck"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outline:
    """A walker of T images in a picture, pixels. vertices: (T, V, 2) of the surface's. pieces: (T, n, 2) each, of which
    the convex hull is seen. Both float32."""

    vertices: np.ndarray
    pieces: list[np.ndarray]

    def fitted(self, image: int, rows: int, margin: int) -> tuple[np.ndarray, list[np.ndarray], int]:
        """One image scaled so that the walker fills `rows` rows inside a margin.

        Returns vertices (V, 2), pieces (n, 2) and the width of the picture that they need.
        """
        points = [self.vertices[image], *(piece[image] for piece in self.pieces)]
        low = np.min([part.min(axis=0) for part in points], axis=0)
        high = np.max([part.max(axis=0) for part in points], axis=0)
        scale = rows / max(float(high[1] - low[1]), 1e-3)
        moved = [((part - low) * scale + margin).astype(np.float32) for part in points]
        width = min(int((high[0] - low[0]) * scale) + 2 * margin + 1, 4 * rows)
        return moved[0], moved[1:], width


def losable_triangles() -> list[np.ndarray]:
    """For each of LOSABLE which triangles (N,) bool belong to it."""
    data = surface()
    bones = data.bones[:, 0]
    return [np.isin(bones, [BONE[name] for name in names])[data.triangles].all(axis=1) for names in LOSABLE]


def draw_mask(
    vertices: np.ndarray, pieces: list[np.ndarray], triangles: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Mask (H, W) uint8, 0 or 255, of one image. vertices: (V, 2), pieces: (n, 2) pixels. triangles: (N, 3)."""
    mask = np.zeros(shape, np.uint8)
    _fill(vertices, triangles, mask)
    for piece in pieces:
        hull = cv2.convexHull(piece.reshape(-1, 1, 2))
        cv2.fillConvexPoly(mask, np.round(hull * (1 << _FRACTION)).astype(np.int32), 255, cv2.LINE_8, _FRACTION)
    return mask


def signed_field(mask: np.ndarray) -> np.ndarray:
    """Distance (H, W) float32 of each pixel to the edge of a mask, negative inside, pixels."""
    outside = cv2.distanceTransform(255 - mask, cv2.DIST_L2, 3)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    return outside - inside


@compiled(fastmath=True)
def _fill(vertices: np.ndarray, triangles: np.ndarray, mask: np.ndarray) -> None:
    """Set the pixels whose centres are in a triangle, whichever way it turns."""
    rows, columns = mask.shape
    for number in range(len(triangles)):
        a, b, c = triangles[number]
        ax, ay = vertices[a, 0], vertices[a, 1]
        bx, by = vertices[b, 0], vertices[b, 1]
        cx, cy = vertices[c, 0], vertices[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area <= 0.0:  # one of each pair of sides of a closed surface is enough
            continue
        top = max(int(min(ay, by, cy) - np.float32(0.5)), 0)
        bottom = min(int(max(ay, by, cy) + np.float32(0.5)) + 1, rows)
        left = max(int(min(ax, bx, cx) - np.float32(0.5)), 0)
        right = min(int(max(ax, bx, cx) + np.float32(0.5)) + 1, columns)
        for y in range(top, bottom):
            py = np.float32(y) + np.float32(0.5)
            for x in range(left, right):
                px = np.float32(x) + np.float32(0.5)
                first = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
                second = (cx - bx) * (py - by) - (cy - by) * (px - bx)
                third = (ax - cx) * (py - cy) - (ay - cy) * (px - cx)
                if first >= -0.2 and second >= -0.2 and third >= -0.2:
                    mask[y, x] = 255
