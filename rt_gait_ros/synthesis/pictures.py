"""Pictures of a walker with a surface in a room, as a camera takes them: shaded cloth and skin before a wall."""

import cv2
import numpy as np

from rt_gait_ros.compiled import compiled
from rt_gait_ros.synthesis.bodies import surface
from rt_gait_ros.synthesis.render import SENSOR_NOISE, Wardrobe
from rt_gait_ros.synthesis.room import Room
from rt_gait_ros.synthesis.skeleton import BONE
from rt_gait_ros.synthesis.solids import BAG, COAT, HAIR, SHIRT, SHOES, SKIN, SLEEVE, TROUSERS
from rt_gait_ros.synthesis.strollers import Stroll

_FINER = 2  # people are drawn at this scale, then averaged
_TEXTURE = 64


class Photographer:
    """Takes the pictures of one stroll; the same seed gives the same ones."""

    def __init__(self, stroll: Stroll, wears: Wardrobe, seed: int) -> None:
        random = np.random.default_rng((0xF070, seed))
        self._stroll = stroll
        self._room = Room(stroll.camera, random)
        light = np.array([random.uniform(-0.6, 0.6), -0.8, random.uniform(-0.8, -0.4)])
        self._light = (light / np.linalg.norm(light)).astype(np.float32)
        self._random = random
        self._colours = _colours(stroll, wears)
        grain = random.standard_normal((_TEXTURE, _TEXTURE)).astype(np.float32)
        folds = cv2.GaussianBlur(grain, (0, 0), 2.5)
        self._folds = 1.0 + wears.cloth * folds / max(float(folds.std()), 1e-6) * 0.6
        self._dyes = wears.palette[COAT if stroll.outfit.skirt > 0.3 else SHIRT], wears.palette[BAG]

    def picture(self, number: int) -> np.ndarray:
        """Image `number`, (H, W, 3) uint8 BGR."""
        stroll, camera = self._stroll, self._stroll.camera
        image = self._room.image.copy()
        self._room.shade(image, stroll.joints[number, BONE["hips"], :2])
        pixels, depth = camera.project(stroll.skin[number])
        pieces = [camera.project(piece[number]) for piece in (*stroll.cloth, *stroll.things)]
        points = np.concatenate([pixels, *(piece for piece, _ in pieces)])
        limits = [camera.width, camera.height_px]
        low = np.clip(np.floor(points.min(axis=0)) - 1, 0, limits).astype(int)
        high = np.clip(np.ceil(points.max(axis=0)) + 1, 0, limits).astype(int)
        if (high - low).min() < 2:
            return self._noisy(image)
        size = (high - low)[::-1] * _FINER
        near = np.full(size, np.inf, np.float32)
        painted = np.zeros((*size, 3), np.float32)
        triangles = surface().triangles
        turned = camera.turned(stroll.skin[number]).astype(np.float32)
        _paint(
            ((pixels - low) * _FINER).astype(np.float32), depth.astype(np.float32), turned, triangles, self._colours,
            self._light, near, painted,
        )  # fmt: skip
        for order, (piece, away) in enumerate(pieces):
            hangs = order < len(stroll.cloth)  # cloth hides the legs that it hangs around
            front = float(away.min()) if hangs else float(away.mean()) - 0.08
            _cover(((piece - low) * _FINER).astype(np.float32), front, self._dyes[0 if hangs else 1], near, painted)
        there = np.isfinite(near).astype(np.float32)
        painted *= cv2.resize(self._folds, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)[..., None]
        small = high[0] - low[0], high[1] - low[1]
        share = cv2.resize(there, small, interpolation=cv2.INTER_AREA)[..., None]
        colour = cv2.resize(painted * there[..., None], small, interpolation=cv2.INTER_AREA)
        window = slice(low[1], high[1]), slice(low[0], high[0])
        image[window] = image[window] * (1.0 - share) + colour
        return self._noisy(image)

    def _noisy(self, image: np.ndarray) -> np.ndarray:
        image += SENSOR_NOISE * self._random.standard_normal(image.shape[:2], np.float32)[..., None]
        return np.asarray(image.clip(0, 255).astype(np.uint8))


def _colours(stroll: Stroll, wears: Wardrobe) -> np.ndarray:
    """(V, 3) float32 BGR of the surface's vertices."""
    bones = surface().bones[:, 0]
    outfit = stroll.outfit
    material = np.full(len(bones), SHIRT)
    for side in ("l_", "r_"):
        material[bones == BONE[f"{side}upper_arm"]] = SHIRT if outfit.sleeve_length > 0.2 else SKIN
        material[bones == BONE[f"{side}forearm"]] = SLEEVE if outfit.sleeve_length > 0.6 else SKIN
        material[bones == BONE[f"{side}hand"]] = SKIN
        material[bones == BONE[f"{side}thigh"]] = TROUSERS
        material[bones == BONE[f"{side}shank"]] = TROUSERS if outfit.trouser_length > 0.7 else SKIN
        for foot in ("foot", "toes"):
            material[bones == BONE[f"{side}{foot}"]] = SHOES
    material[bones == BONE["hips"]] = TROUSERS
    material[np.isin(bones, [BONE["neck"], BONE["upper_neck"]])] = SKIN
    head = bones == BONE["head"]
    body = surface().mean[: len(bones)]
    middle = body[head].mean(axis=0)
    face = head & (body[:, 0] > middle[0] + 0.01) & (body[:, 2] < middle[2] + 0.04)
    material[head] = HAIR
    material[face] = SKIN
    return wears.palette[material].astype(np.float32)


def _cover(points: np.ndarray, depth: float, colour: np.ndarray, near: np.ndarray, painted: np.ndarray) -> None:
    """Paint the convex hull of points (n, 2) at one depth, rounded by its shading, in place."""
    hull = cv2.convexHull(points.reshape(-1, 1, 2))
    mask = np.zeros(near.shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), 1, cv2.LINE_8, 4)
    left, right = hull[..., 0].min(), hull[..., 0].max()
    across = (np.arange(near.shape[1]) + 0.5 - left) / max(float(right - left), 1.0)
    shade = (0.55 + 0.4 * np.sin(np.pi * across.clip(0, 1))).astype(np.float32)
    seen = (mask > 0) & (near > depth)
    painted[seen] = (colour * shade[None, :, None] + 0 * painted)[seen]
    near[seen] = depth


@compiled(fastmath=True)
def _paint(
    pixels: np.ndarray,
    depth: np.ndarray,
    turned: np.ndarray,
    triangles: np.ndarray,
    colours: np.ndarray,
    light: np.ndarray,
    near: np.ndarray,
    painted: np.ndarray,
) -> None:
    """Paint the nearest triangles. pixels: (V, 2), depth: (V,) and turned: (V, 3) in the optical frame, colours (V, 3);
    near (H, W) and painted (H, W, 3) are written."""
    rows, columns = near.shape
    for number in range(len(triangles)):
        a, b, c = triangles[number]
        ax, ay, bx, by, cx, cy = pixels[a, 0], pixels[a, 1], pixels[b, 0], pixels[b, 1], pixels[c, 0], pixels[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        nx = (turned[b, 1] - turned[a, 1]) * (turned[c, 2] - turned[a, 2]) - (turned[b, 2] - turned[a, 2]) * (
            turned[c, 1] - turned[a, 1]
        )
        ny = (turned[b, 2] - turned[a, 2]) * (turned[c, 0] - turned[a, 0]) - (turned[b, 0] - turned[a, 0]) * (
            turned[c, 2] - turned[a, 2]
        )
        nz = (turned[b, 0] - turned[a, 0]) * (turned[c, 1] - turned[a, 1]) - (turned[b, 1] - turned[a, 1]) * (
            turned[c, 0] - turned[a, 0]
        )
        length = np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-12)
        if nz > 0.0:  # towards the camera is away from its axis
            nx, ny, nz = -nx, -ny, -nz
        lit = max((nx * light[0] + ny * light[1] + nz * light[2]) / length, np.float32(0.0))
        shade = (np.float32(0.5) + np.float32(0.55) * lit) * (np.float32(0.75) - np.float32(0.25) * nz / length)
        top, bottom = max(int(min(ay, by, cy)), 0), min(int(max(ay, by, cy)) + 1, rows)
        left, right = max(int(min(ax, bx, cx)), 0), min(int(max(ax, bx, cx)) + 1, columns)
        for y in range(top, bottom):
            py = np.float32(y) + np.float32(0.5)
            for x in range(left, right):
                px = np.float32(x) + np.float32(0.5)
                w = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) / area
                u = ((cx - bx) * (py - by) - (cy - by) * (px - bx)) / area
                v = np.float32(1.0) - u - w
                if u < -0.01 or v < -0.01 or w < -0.01:
                    continue
                place = u * depth[a] + v * depth[b] + w * depth[c]
                if place < near[y, x]:
                    near[y, x] = place
                    for channel in range(3):
                        value = u * colours[a, channel] + v * colours[b, channel] + w * colours[c, channel]
                        painted[y, x, channel] = value * shade
