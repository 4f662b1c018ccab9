"""Where the walker is and where the camera: paths over the floor, a pinhole camera, capsules in its picture."""

from dataclasses import dataclass

import numpy as np

NEAREST = 0.3  # metres before the lens that a solid is clamped to


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera over the floor at the origin, looking along +x (y is left, z up).

    height: of the lens, m. pitch: radians downwards. focal: pixels. width, height_px: of the picture.
    """

    height: float
    pitch: float
    focal: float
    width: int
    height_px: int

    def turned(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) as an optical frame has them: to the right, down and ahead of the lens, metres."""
        ahead, left, up = points[..., 0], points[..., 1], points[..., 2] - self.height
        depth = np.cos(self.pitch) * ahead - np.sin(self.pitch) * up
        down = -np.sin(self.pitch) * ahead - np.cos(self.pitch) * up
        return np.stack([-left, down, depth], -1)

    def picture(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points of the optical frame (..., 3), metres, to pixels (..., 2) and depth (...), at least NEAREST."""
        depth = np.maximum(points[..., 2], NEAREST)
        middle = np.array([self.width / 2, self.height_px / 2])
        return middle + self.focal * points[..., :2] / depth[..., None], depth

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points (..., 3), metres, to pixels (..., 2) and depth (...) along the optical axis."""
        return self.picture(self.turned(points))

    def shows(self, points: np.ndarray) -> np.ndarray:
        """In which of T images the points (T, N, 3) of the world, metres, are all in the picture: (T,) bool."""
        places, depth = self.project(points)
        inside = (places >= 0.0) & (places < (self.width, self.height_px)) & (depth > NEAREST)[..., None]
        return np.asarray(inside.all(axis=(1, 2)))

    def project_solids(self, capsules: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World capsules (..., 8), metres, to what they are in the picture, pixels, and depth of their ends, metres.

        Returns (..., 6), two ends (x, y) and the radius at each; and (..., 2).
        """
        first, near = self.project(capsules[..., 0:3])
        second, far = self.project(capsules[..., 3:6])
        radii = self.focal * capsules[..., 6:8] / np.stack([near, far], -1)
        return np.concatenate([first, second, radii], axis=-1), np.stack([near, far], -1)


def place(points: np.ndarray, positions: np.ndarray, headings: np.ndarray) -> np.ndarray:
    """Move what walks on the spot towards +x, (T, N, 3 or 8), to where it is.

    positions: (T, 2) m. headings: (T,) radians. Of capsules (8 columns) both ends are moved and the radii kept.
    """
    cosine, sine = np.cos(headings)[:, None], np.sin(headings)[:, None]
    moved = points.copy()
    for start in range(0, points.shape[-1] // 3 * 3, 3):
        x, y = points[..., start], points[..., start + 1]
        moved[..., start] = cosine * x - sine * y + positions[:, 0, None]
        moved[..., start + 1] = sine * x + cosine * y + positions[:, 1, None]
    return moved


def path(
    seconds: np.ndarray, speed: float, distance: float, azimuth: float, across: float, turning: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (T, 2), m, and headings (T,), radians, of a walk.

    seconds: (T,), evenly spaced. speed: m/s. In their middle the walk is at `distance` m before the camera and `across`
    m to its left. azimuth: its direction then, radians: 0 away from the camera, pi towards it, pi / 2 to the left.
    turning: radians a second.
    """
    middle = seconds - seconds[len(seconds) // 2]
    headings = azimuth + turning * middle
    steps = np.diff(middle, prepend=middle[0])[:, None] * speed * np.stack([np.cos(headings), np.sin(headings)], -1)
    way = np.cumsum(steps, axis=0)
    return way - way[len(way) // 2] + [distance, across], headings
