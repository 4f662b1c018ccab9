"""The room of a scene: tiles or boards, a wall with pictures on it, and people's shadows on the floor."""

import cv2
import numpy as np

from rt_gait_ros.synthesis.view import Camera

WALL = 13.0  # metres ahead of the camera, where nothing else is said
SKIRTING, WALL_PICTURES = 0.12, 5  # metres; number
SHADOW, SHADOW_REACH = 0.45, 0.6  # strength of a contact shadow, and metres around a person that it darkens
_FINER = 2  # drawn at this scale, then averaged


class Room:
    """What a camera sees while nobody is there. image: (H, W, 3) float32 BGR."""

    def __init__(self, camera: Camera, random: np.random.Generator, wall: float = WALL) -> None:
        """wall: metres ahead of the camera at which the room ends."""
        self._camera = camera
        large = _background(_directions(camera, _FINER), camera.height, random, wall)
        self.image = cv2.resize(large, (camera.width, camera.height_px), interpolation=cv2.INTER_AREA)
        rays = _directions(camera, 1)
        down = np.minimum(rays[..., 2], -1e-3)
        self._floor = (rays[..., :2] * (-camera.height / down)[..., None]).astype(np.float32)

    def shade(self, image: np.ndarray, position: np.ndarray) -> None:
        """Darken the floor of `image` (H, W, 3) float32 under somebody at position (2,), metres."""
        if position[0] < 1.0:
            return
        offsets = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * SHADOW_REACH
        corners = np.column_stack([np.maximum(position + offsets, [0.5, -np.inf]), np.zeros(4)])
        pixels, _ = self._camera.project(corners)
        limits = [self._camera.width, self._camera.height_px]
        (left, top), (right, bottom) = (
            np.clip(edge, 0, limits).astype(int) for edge in (pixels.min(axis=0), pixels.max(axis=0) + 1)
        )
        window = slice(top, bottom), slice(left, right)
        squares = ((self._floor[window] - position.astype(np.float32)) ** 2).sum(axis=-1)
        image[window] *= (1.0 - SHADOW * np.exp(-squares / (0.3 * SHADOW_REACH) ** 2))[..., None]


def _directions(camera: Camera, finer: int) -> np.ndarray:
    """Where each pixel looks, (H, W, 3) in the world (ahead, left, up), with 1 along the optical axis."""
    y, x = np.mgrid[: camera.height_px * finer, : camera.width * finer]
    right = ((x + 0.5) / finer - camera.width / 2) / camera.focal
    down = ((y + 0.5) / finer - camera.height_px / 2) / camera.focal
    cosine, sine = np.cos(camera.pitch), np.sin(camera.pitch)
    return np.stack([cosine - sine * down, -right, -sine - cosine * down], -1).astype(np.float32)


def _background(rays: np.ndarray, height: float, random: np.random.Generator, wall: float) -> np.ndarray:
    down = np.minimum(rays[..., 2], -1e-6)
    reach = -height / down
    floor = reach * rays[..., 0] < wall
    reach = np.where(floor, reach, wall / np.maximum(rays[..., 0], 1e-3))
    across, up = reach * rays[..., 1], height + reach * rays[..., 2]
    image = np.where(floor[..., None], _tiles(reach * rays[..., 0], across, random), _wall(across, up, random))
    image *= random.uniform(0.85, 1.05) * (1.0 - 0.15 * np.clip(reach / wall, 0, 1))[..., None]
    image += 3.0 * cv2.GaussianBlur(random.standard_normal(floor.shape, np.float32), (0, 0), 1.2)[..., None]
    return image.astype(np.float32)


def _tiles(ahead: np.ndarray, across: np.ndarray, random: np.random.Generator) -> np.ndarray:
    long, wide = (0.6, 0.6) if random.random() < 0.5 else (1.8, 0.2)  # tiles or boards
    base = np.array([120.0, 140.0, 155.0]) * random.uniform(0.7, 1.15) + random.uniform(-15, 15, 3)
    row, column = np.floor(across / wide).astype(int), np.floor(ahead / long).astype(int)
    tone = random.uniform(-0.09, 0.09, (64, 64))[row % 64, column % 64]
    joint = np.minimum(
        np.abs(across / wide - np.rint(across / wide)) * wide, np.abs(ahead / long - np.rint(ahead / long)) * long
    )
    return base * (1.0 + tone - 0.25 * (joint < 0.006))[..., None]


def _wall(across: np.ndarray, up: np.ndarray, random: np.random.Generator) -> np.ndarray:
    wall = np.broadcast_to(np.array([190.0, 195.0, 200.0]) + random.uniform(-30, 25, 3), (*across.shape, 3)).copy()
    wall *= (0.92 + 0.03 * np.clip(up, 0, 3))[..., None]
    for _ in range(WALL_PICTURES):
        left, low = random.uniform(-8, 7), random.uniform(0.9, 1.7)
        wide, high = random.uniform(0.5, 2.0), random.uniform(0.4, 1.2)
        inside = (across > left) & (across < left + wide) & (up > low) & (up < low + high)
        rim = inside & ~(
            (across > left + 0.06) & (across < left + wide - 0.06) & (up > low + 0.06) & (up < low + high - 0.06)
        )
        wall[inside] = random.uniform(60, 230, 3)
        wall[rim] = 60.0
    wall[up < SKIRTING] = 90.0
    wall[up > 3.2] = 225.0  # the ceiling
    return wall
