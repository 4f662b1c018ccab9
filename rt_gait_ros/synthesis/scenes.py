"""Several people before one camera: who walks where, and when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.synthesis.motion import Mood, mood, phases
from rt_gait_ros.synthesis.people import Outfit, Person, outfit, person
from rt_gait_ros.synthesis.room import WALL
from rt_gait_ros.synthesis.view import Camera
from rt_gait_ros.synthesis.walks import FOCAL, FPS, STRIDE, VGA, Walk, walk

MOST_PEOPLE, MOST_SECONDS = 12, 120.0
LEAST_SIDE, MOST_SIDE = 64, 4096  # pixels of a picture
AIM = 4.5  # metres before the camera that its optical axis meets a person's middle
TURN = np.radians(130.0)  # a second: how fast somebody who walks turns round
ARRIVED = 0.8  # metres from a waypoint at which the next one is headed for
FAR = 20.0  # metres from which people approach
PAUSE = 0.08  # cycles a second of a stander's shifting weight
# The joint curves' means bend the knees as walking does; who stands has them straight.
STANDING = {"knee_offset": -20.0, "hip_offset": -1.0}


@dataclass(frozen=True, slots=True)
class Actor:
    """One person of a scene.

    identity: number within it, from 1. walk: where the body is in each image.
    """

    identity: int
    who: Person
    walk: Walk


@dataclass(frozen=True, slots=True)
class Crowd:
    """A scene of T images. seed: what it was made from, which settles colours and the room, too.

    wall: metres ahead of the camera at which the room ends.
    """

    kind: str
    seed: int
    camera: Camera
    fps: float
    actors: tuple[Actor, ...]
    wall: float = WALL

    def __len__(self) -> int:
        """Number of images."""
        return len(self.actors[0].walk.joints)


Waypoints = Sequence[tuple[float, float]]  # (ahead, left) of the camera, metres; the first is where the walk begins
_Route = Callable[[int, int, float, np.random.Generator], Waypoints]


def crowd(
    kind: str,
    *,
    people: int = 2,
    size: tuple[int, int] = VGA,
    height: float = 1.1,
    seconds: float = 20.0,
    fps: float = FPS,
    seed: int = 0,
    day: int = 0,
) -> Crowd:
    """A scene of KINDS.

    people: 1 to MOST_PEOPLE. seconds: up to MOST_SECONDS. size: of the picture, pixels. height: of the camera, metres.
    day: the people of a seed are the same on each; their clothes, moods and ways are not.
    The same arguments give the same scene. Raises UsageError.
    """
    _check(kind, people, seconds, fps, height)
    if not all(LEAST_SIDE <= side <= MOST_SIDE for side in size):
        raise UsageError(
            f"scene {kind}: a picture of {size[0]}x{size[1]} has a side outside {LEAST_SIDE} to {MOST_SIDE}"
        )
    camera = Camera(height, float(np.arctan2(height - 0.9, AIM)), FOCAL * size[0] / VGA[0], *size)
    half = size[0] / 2 / camera.focal
    times = np.arange(max(round(seconds * fps), 1)) / fps
    actors = []
    for number in range(people):
        random = np.random.default_rng((0x5CE0, seed, number))
        who = person(int(random.integers(1_000_000)), shape=1.0, manner=1.0)  # as narrow as real people
        if day:
            random = np.random.default_rng((0x5CE0, seed, number, day))
        clothes = outfit(random, 0.6)
        way = KINDS[kind](number, people, half, random)
        actors.append(Actor(number + 1, who, _stroll(who, clothes, way, camera, times, random)))
    return Crowd(kind, seed, camera, fps, tuple(actors))


def _check(kind: str, people: int, seconds: float, fps: float, height: float) -> None:
    if kind not in KINDS:
        raise UsageError(f"scene {kind!r} is not known; known are {', '.join(KINDS)}")
    for name, value, low, high in (
        ("people", people, 1, MOST_PEOPLE),
        ("seconds", seconds, 0.1, MOST_SECONDS),
        ("fps", fps, 1.0, 120.0),
        ("height", height, 0.2, 4.0),
    ):
        if not low <= value <= high:
            raise UsageError(f"scene {kind}: {name} {value:g} is outside {low:g} to {high:g}")


def _stroll(
    who: Person, clothes: Outfit, way: Waypoints, camera: Camera, times: np.ndarray, random: np.random.Generator
) -> Walk:
    """Walk from waypoint to waypoint and begin again; one waypoint is to stand there, turned to the camera."""
    if len(way) == 1:
        still = Mood(0.0, 0.0, np.zeros(2), STANDING)
        positions = np.tile(np.array(way[0], float), (len(times), 1))
        headings = np.full(len(times), np.pi + random.uniform(-0.6, 0.6))
        return walk(who, clothes, still, camera, positions, headings, PAUSE * times)
    how = mood(random)
    speed = who.style["cadence"] * how.pace * STRIDE * who.stature
    positions, headings = follow(way, float(np.clip(speed, 0.7, 2.0)), times)
    return walk(who, clothes, how, camera, positions, headings, phases(who, how, times, random.random()))


def follow(way: Waypoints, speed: float, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (T, 2), m, and headings (T,), radians, of somebody who goes from waypoint to waypoint, over and over.

    speed: m/s. times: (T,) seconds. Turns are as wide as TURN makes them.
    """
    points = np.array(way, float)
    position, goal = points[0], 1
    heading = float(np.arctan2(*(points[1] - position)[::-1]))
    positions, headings = np.zeros((len(times), 2)), np.zeros(len(times))
    steps = np.diff(times, prepend=times[0])
    for number, step in enumerate(steps):
        off = points[goal] - position
        if np.hypot(*off) < ARRIVED:
            goal = (goal + 1) % len(points)
            off = points[goal] - position
        error = (np.arctan2(off[1], off[0]) - heading + np.pi) % (2 * np.pi) - np.pi
        heading += float(np.clip(error, -TURN * step, TURN * step))
        position = position + speed * step * np.array([np.cos(heading), np.sin(heading)])
        positions[number], headings[number] = position, heading
    return positions, headings


def _lane(number: int, people: int, nearest: float, farthest: float) -> float:
    """Distance of somebody's lane from the camera, metres: they share the room evenly."""
    return nearest if people == 1 else nearest + (farthest - nearest) * number / (people - 1)


def _crossing(number: int, people: int, half: float, random: np.random.Generator) -> Waypoints:
    """To and fro across the picture, every other one the other way, meeting about its middle."""
    ahead = _lane(number, people, 3.6, max(4.3, 3.6 + 0.5 * (people - 1)))
    side = (half * ahead + 1.2 + random.uniform(-0.3, 0.3) + 0.6 * (number // 2)) * (1 if number % 2 else -1)
    return [(ahead, side), (ahead, -side)]


def _following(number: int, people: int, half: float, random: np.random.Generator) -> Waypoints:
    """One behind the other, to and fro."""
    ahead = 4.2 + 0.5 * (number % 2) + random.uniform(-0.1, 0.1)
    reach = half * 4.7 + 1.0 + 1.3 * people
    return [(ahead, half * ahead + 0.8 + 1.3 * number), (ahead, -reach), (ahead, reach)]


def _returning(number: int, people: int, half: float, random: np.random.Generator) -> Waypoints:
    """Across the picture, away for some seconds, and back."""
    ahead = _lane(number, people, 3.6, 3.6 + 0.7 * (people - 1))
    side = 1 if number % 2 else -1
    away = half * ahead + random.uniform(3.0, 5.0)
    return [(ahead, side * (half * ahead + 0.8 + 1.5 * number)), (ahead, -side * away), (ahead, side * away)]


def _approaching(number: int, people: int, half: float, random: np.random.Generator) -> Waypoints:
    """Side by side straight towards the camera from FAR, and back."""
    left = 0.0 if people == 1 else -0.9 + 1.8 * number / (people - 1)
    return [(random.uniform(FAR - 1.0, FAR), left), (2.0, left), (FAR, left)]


def _standing(number: int, people: int, half: float, random: np.random.Generator) -> Waypoints:
    """One stands, the others cross before and behind."""
    if number == 0:
        return [(4.6, random.uniform(-0.5, 0.5))]
    side = 1 if number % 2 else -1
    ahead = 4.6 + side * (0.6 + 0.3 * number)
    return [(ahead, side * (half * ahead + 1.0)), (ahead, -side * (half * ahead + 1.0))]


KINDS: dict[str, _Route] = {
    "crossing": _crossing,
    "following": _following,
    "returning": _returning,
    "approaching": _approaching,
    "standing": _standing,
}
