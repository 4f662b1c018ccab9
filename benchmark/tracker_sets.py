"""The sets of `rt-gait bench tracker`, by name: a function of the seed to one sequence."""

from collections.abc import Callable
from functools import partial

import numpy as np
from tracker_scenes import LEVELS, RATE, View, scene, straight, tud, walker


def regular(seconds: float) -> list[float]:
    """Times of the images of a camera that loses none."""
    return [number / RATE for number in range(int(seconds * RATE))]


def crossing(seed: int) -> list[View]:
    """Six people, three from each side, half a metre to two metres apart in depth."""
    random = np.random.default_rng((seed, 2))
    depths = 4.5 + np.cumsum(random.uniform(0.4, 0.8, 6))
    random.shuffle(depths)
    people = [
        walker(random, straight(random, depth, 1 if number % 2 else -1, -4 + random.uniform(-2, 1)))
        for number, depth in enumerate(depths)
    ]
    return scene(people, regular(10), random)


def occlusion(seed: int) -> list[View]:
    """Four people who pass behind columns for up to two seconds; one turns round behind it."""
    random = np.random.default_rng((seed, 3))
    columns = [np.array([left, 0.0, 230.0, 720.0]) for left in (220, 780)]
    paths = [straight(random, 5 + 0.9 * k, 1 if k % 2 else -1, -3.5 + random.uniform(-1, 1)) for k in range(4)]
    turn = random.uniform(2, 6)
    path = paths[0]
    paths[0] = lambda s: path(s if s < turn else 2 * turn - s)
    return scene([walker(random, p) for p in paths], regular(10), random, walls=columns)


def moving(seed: int) -> list[View]:
    """Five people before a camera that pans to and fro, up to 40 degrees a second."""
    random = np.random.default_rng((seed, 4))
    rate = random.uniform(1.2, 2.0)
    people = [
        walker(random, straight(random, 4.5 + 0.8 * k, 1 if k % 2 else -1, -3 + random.uniform(-2, 1)))
        for k in range(5)
    ]
    return scene(people, regular(10), random, pan=lambda s: 0.35 * np.sin(rate * s))


def dropped(seed: int) -> list[View]:
    """The crossing of six at irregular times: half of the images are lost, up to ten in a row."""
    random = np.random.default_rng((seed, 5))
    keep, hold = [], 0
    for _ in range(250):
        hold = hold - 1 if hold else (int(random.integers(1, 11)) if random.random() < 0.15 else 0)
        keep.append(hold == 0)
    return [view for view, kept in zip(crossing(seed + 1000), keep, strict=True) if kept]


def returning(seed: int) -> list[View]:
    """Four people who leave the picture and come back after three to six seconds."""
    random = np.random.default_rng((seed, 6))

    def there_and_back(depth: float, direction: int) -> Callable[[float], tuple[float, float]]:
        speed, reach, phase = random.uniform(1.0, 1.4), depth * 1.3, random.uniform(0, 3)
        return lambda s: (direction * reach * np.sin(speed * (s + phase) / reach), depth)

    people = [walker(random, there_and_back(4.5 + k, 1 if k % 2 else -1)) for k in range(4)]
    return scene(people, regular(20), random)


GEOMETRIC: dict[str, Callable[[int], list[View]]] = {
    "crossing": crossing,
    "occlusion": occlusion,
    "moving_camera": moving,
    "dropped_frames": dropped,
    "returning": returning,
}
TUD: dict[str, Callable[[int], list[View]]] = {
    f"{name.lower()}_{level}": partial(tud, name, level)
    for name in ("TUD-Campus", "TUD-Stadtmitte")
    for level in LEVELS
}
SETS = TUD | GEOMETRIC
