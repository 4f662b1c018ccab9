"""One walk of one virtual person past one camera, and its silhouettes."""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.synthesis.masks import MaskNoise, mask_noise, silhouettes
from rt_gait_ros.synthesis.motion import Mood, joints, mood, phases
from rt_gait_ros.synthesis.people import Outfit, Person, outfit
from rt_gait_ros.synthesis.solids import solids
from rt_gait_ros.synthesis.view import Camera, path, place

FPS = 25.0  # images a second
STRIDE = 0.8  # metres of a cycle at the usual pace, shares of the stature (Winter 2009: 1.4 m of 1.72 m)
VGA, FOCAL = (640, 480), 600.0  # pixels: 56 degrees across


@dataclass(frozen=True, slots=True)
class Nuisances:
    """Ranges of what must not matter.

    heights: of the camera, m. distances: m. views: azimuths of the walk in degrees (0 away from the camera, 90 to the
    left, 180 towards it), None for any. clothes, noise, mood: 0 for none, 1 for all that there is. backdrop: share of
    outfits of which something is like the background, in every scene (`backdrop`); only walkers with a surface who are
    not filmed have holes from it. straying, both_ways: as of Scene. seconds: of a walk over which its silhouettes are
    spread, None where they follow each other; only walkers with a surface walk so.
    """

    heights: tuple[float, float] = (0.3, 3.0)
    distances: tuple[float, float] = (2.5, 12.0)
    views: tuple[float, ...] | None = None
    clothes: float = 0.4
    noise: float = 0.4
    mood: float = 1.0
    backdrop: float = 0.0
    straying: float = 1.0
    both_ways: bool = True
    seconds: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A camera beside a way.

    height, distance: m. azimuth: of the way, degrees. both_ways: it is walked back, too. straying: factor on how much
    the walks of this scene differ in direction, place and distance; with 0 all go along one line.
    """

    height: float
    distance: float
    azimuth: float
    noise: MaskNoise
    both_ways: bool = True
    straying: float = 1.0


def random_scene(ranges: Nuisances, random: np.random.Generator) -> Scene:
    """Some scene within the ranges."""
    height, distance = random.uniform(*ranges.heights), random.uniform(*ranges.distances)
    azimuth = random.uniform(0, 360) if ranges.views is None else float(random.choice(ranges.views))
    noise = mask_noise(random, ranges.noise)
    return Scene(height, max(distance, 1.2 * height), azimuth, noise, ranges.both_ways, ranges.straying)


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk of T images before a camera.

    joints: (T, len(JOINTS), 3) in the world, metres. keypoints: (T, len(JOINTS), 2), the same in the picture, pixels.
    capsules: (T, N, 6) in the picture, pixels. depth: (T, N, 2) of their ends, metres. parts,
    materials: (N,), see `solids`.
    """

    camera: Camera
    joints: np.ndarray
    keypoints: np.ndarray
    capsules: np.ndarray
    depth: np.ndarray
    parts: np.ndarray
    materials: np.ndarray


def walk(
    who: Person,
    clothes: Outfit,
    how: Mood,
    camera: Camera,
    positions: np.ndarray,
    headings: np.ndarray,
    phase: np.ndarray,
) -> Walk:
    """Put a person on a way before a camera. positions: (T, 2) m. headings: (T,) radians. phase: (T,) cycles."""
    body = joints(who, clothes, how, phase)
    surface = solids(who, clothes, body)
    world = place(body, positions, headings)
    capsules, depth = camera.project_solids(place(surface.capsules, positions, headings))
    return Walk(camera, world, camera.project(world)[0], capsules, depth, surface.parts, surface.materials)


def before_camera(
    scene: Scene, speed: float, seconds: np.ndarray, random: np.random.Generator, size: tuple[int, int]
) -> tuple[Camera, np.ndarray, np.ndarray]:
    """A camera, and some way through its scene at `speed` m/s: positions (T, 2), m, and headings (T,), radians."""
    back = 180.0 * random.integers(2) if scene.both_ways else 0.0
    strays = scene.straying
    azimuth = np.radians(scene.azimuth + back + strays * random.normal(0, 5))
    turning = strays * random.normal(0, 0.15) if random.random() < 0.2 else 0.0
    # the walk may not pass through the camera
    nearest = scene.distance - abs(np.cos(azimuth)) * speed * len(seconds) / (2 * FPS)
    near = scene.distance * (1.0 + strays * random.uniform(-0.15, 0.15))
    distance = near + max(0.0, max(1.5, scene.height) - nearest)
    pitch = float(np.arctan2(scene.height - 0.9, distance))
    camera = Camera(scene.height, pitch, FOCAL * size[0] / VGA[0], *size)
    across = strays * random.uniform(-0.35, 0.35) * distance
    positions, headings = path(seconds, speed, distance, azimuth, across, turning)
    return camera, positions, headings


def random_walk(
    who: Person,
    scene: Scene,
    frames: int,
    ranges: Nuisances,
    random: np.random.Generator,
    size: tuple[int, int] = VGA,
    fps: float = FPS,
    clothes: Outfit | None = None,
) -> Walk:
    """Some walk of this person through a scene, `frames` images at `fps` a second. size: of the picture, pixels.

    clothes: what is worn (default: anything).
    """
    clothes = clothes or outfit(random, ranges.clothes)
    how = mood(random, ranges.mood)
    seconds = np.arange(frames) / fps
    speed = who.style["cadence"] * how.pace * STRIDE * who.stature
    camera, positions, headings = before_camera(scene, speed, seconds, random, size)
    return walk(who, clothes, how, camera, positions, headings, phases(who, how, seconds, random.random()))


def random_silhouettes(
    who: Person,
    scene: Scene,
    frames: int,
    ranges: Nuisances,
    random: np.random.Generator,
    clothes: Outfit | None = None,
) -> np.ndarray:
    """Silhouettes (S, 64, 64) uint8 of some walk; S is less than `frames` where masks hold too little person.

    clothes: what is worn (default: anything).
    """
    seen = random_walk(who, scene, frames, ranges, random, clothes=clothes)
    good = [mask for mask in silhouettes(seen.capsules, seen.parts, scene.noise, random) if mask is not None]
    return np.stack(good) if good else np.zeros((0, 64, 64), np.uint8)
