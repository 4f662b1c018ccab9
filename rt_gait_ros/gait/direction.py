"""From which side somebody is seen: the direction they walk in, relative to the camera.

Degrees: 0 is from the front (towards the camera), 90 walks to the right of the image, 180 is from behind, 270 walks to
its left.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rt_gait_ros.gallery.sides import apart
from rt_gait_ros.tracking.track import Track

NAMES = ("front", "front right", "right", "back right", "back", "back left", "left", "front left")  # every 45 degrees
SLOWEST = 0.3  # m/s; who is slower goes nowhere
BEND = 60.0  # degrees between the first and the second half of a stretch that is no straight walk
SHORTEST = 0.4  # seconds from which a direction can be told
# Where there are no metres: a stature (m), and a focal length in image widths. 0.9 is a usual camera's 58 degrees; one
# of 45 or 75 degrees turns a direction by 15 degrees at most, and views are told apart by 45.
STATURE, FOCAL = 1.7, 0.9
BORDER = 2  # pixels: a box that comes nearer to the upper or lower border does not show the whole height
TURN_ROUND = "turn round and walk back"
SAMPLES = 200  # images that are remembered


@dataclass(frozen=True, slots=True)
class Seen:
    """From where somebody was seen in a stretch of time. degrees: None where that is not known. turning: on a bend."""

    degrees: float | None = None
    turning: bool = False


class _Sample(NamedTuple):
    """Stamp in ns; to the right and ahead of the camera in metres, as the image alone tells, and measured (or NaN)."""

    stamp: int
    x: float
    z: float
    x_metres: float
    z_metres: float


class Bearing:
    """Where one track was in the newest images."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES)

    def add(self, track: Track, stamp: int, size: tuple[int, int]) -> None:
        """Take a track in one image. size: width and height of the image, pixels; 0: not known."""
        if self._samples and stamp <= self._samples[-1].stamp:
            self._samples.clear()  # the clock was set back
        left, top, width, height = (float(value) for value in track.box)
        whole = size[0] > 0 and size[1] > 0 and height > 0.0 and top > BORDER and top + height < size[1] - BORDER
        focal = FOCAL * size[0]
        z = STATURE * focal / height if whole else math.nan
        x = (left + width / 2 - size[0] / 2) * z / focal if whole else math.nan
        place = track.position
        metres = (math.nan, math.nan) if place is None else (float(place[0]), float(place[2]))
        self._samples.append(_Sample(stamp, x, z, *metres))

    def seen(self, since: int, until: int) -> Seen:
        """From where the track was seen between two stamps (ns), both included."""
        chosen = []
        for each in reversed(self._samples):  # stamps grow
            if each.stamp < since:
                break
            if each.stamp <= until:
                chosen.append(each)
        if len(chosen) < 4:
            return Seen()
        samples = np.array(chosen[::-1], float)
        times = (samples[:, 0] - samples[0, 0]) / 1e9
        places = samples[:, 3:5] if np.isfinite(samples[:, 3:5]).all() else samples[:, 1:3]
        known = np.isfinite(places).all(axis=1)
        times, places = times[known], places[known]
        if len(times) < 4 or times[-1] - times[0] < SHORTEST:
            return Seen()
        middle = len(times) // 2
        halves = [_degrees(times[part], places[part]) for part in (slice(None, middle), slice(middle, None))]
        whole = _degrees(times, places)
        if halves[0] is not None and halves[1] is not None and apart(halves[0], halves[1]) > BEND:
            return Seen(turning=True)
        return Seen(whole)


def name_of(degrees: float) -> str:
    """The view for people to read, of NAMES."""
    return NAMES[round(degrees / 45.0) % 8]


def line_of(view: float | str) -> str:
    """A template's view for people to read."""
    return view or "not known" if isinstance(view, str) else f"{name_of(view)} ({view:.0f} degrees)"


def names_of(views: Iterable[float | str]) -> list[str]:
    """Different views for people to read, those that have degrees, in the order of NAMES."""
    known = {name_of(float(view)) for view in views if not isinstance(view, str)}
    return [name for name in NAMES if name in known]


def middle_of(views: Sequence[float]) -> float | None:
    """Mean of directions in degrees, 0 to 360; None where there is none, or they have none."""
    if not views:
        return None
    mean = np.exp(1j * np.radians(views)).mean()
    return float(np.degrees(np.angle(mean)) % 360.0) if abs(mean) > 0.5 else None


def advice(views: Iterable[float | str]) -> str:
    """What somebody who was seen from these sides should do next to be seen from others; "" when front, back and a
    side are known.

    The side first: it is least like what is known from the front, or from behind, which are like each other
    (docs/evaluation.md#how-many-sides-to-enrol).
    """
    known = [float(view) for view in views if not isinstance(view, str)]
    if not known:
        return "it is not known from where the person is seen: walk straight, with the whole body in view"
    if not any(min(apart(other, 90.0), apart(other, 270.0)) <= 45.0 for other in known):
        return "walk across the image, there and back"
    front, back = (any(apart(other, end) <= 60.0 for other in known) for end in (0.0, 180.0))
    if not (front or back):
        return "walk towards the camera, turn round and walk back"
    return "" if front and back else TURN_ROUND


def _degrees(times: np.ndarray, places: np.ndarray) -> float | None:
    """Direction of a walk (T, 2) to the right and ahead, metres; None for somebody who goes nowhere."""
    if len(times) < 2 or times[-1] <= times[0]:
        return None
    centred = times - times.sum() / len(times)  # as `mean`, which takes longer than the sum
    middle = places.sum(axis=0) / len(places)
    velocity = centred @ (places - middle) / (centred @ centred)
    if math.hypot(*velocity) < SLOWEST:
        return None
    heading = math.degrees(math.atan2(velocity[0], velocity[1]))
    sight = math.degrees(math.atan2(*middle))
    return (sight + 180.0 - heading) % 360.0
