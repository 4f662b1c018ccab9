"""What tells a walk from everything else in a second of somebody's joints: what moves how much at which frequency.

A window of joints is brought to even moments and to body heights, and the discrete cosine transform of each signal
gives its energy at each frequency. A walker's legs swing against each other about once a second, and the body rises and
falls twice, whatever side they are seen from. A small network, which has learned from generated people
(`training.walking`), weighs these energies against each other and against how much the joints tremble.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

# Left and right joints of a window, in this order, in the layouts the tracker knows.
PAIRS = dict.fromkeys(("coco", "trt_pose"), ((5, 6), (9, 10), (11, 12), (13, 14), (15, 16)))
SHOULDER, WRIST, HIP, KNEE, ANKLE = range(5)
# Which group each pair belongs to: the trunk's, the arms', the legs'. A network mixes up left and right of a group.
OF_GROUP = np.array([0, 1, 0, 2, 2])
TOGETHER = (OF_GROUP[:, None] == np.arange(3)).astype(float)

WINDOW = 0.8  # seconds: three quarters of a usual stride, and a fifth of a second left until a walk has lasted one
SELDOM_WINDOW = 1.6  # seconds, of people who are looked at seldom: as many looks as WINDOW has of those who are not
MOMENTS = 16  # of a window
_EVENLY = np.linspace(-1.0, 0.0, MOMENTS)  # where they are in it
# Coefficients of the cosine transform: number k is of k / (2 window) hertz. They are taken together in bands.
_COSINES = np.cos(np.pi * np.arange(10)[:, None] * (np.arange(MOMENTS) + 0.5) / MOMENTS) / MOMENTS
_COSINES[1:] *= np.sqrt(2.0)
_BANDS = np.zeros((6, 10))
for _band, _coefficients in enumerate(((1,), (2,), (3,), (4,), (5, 6), (7, 8, 9))):
    _BANDS[_band, list(_coefficients)] = 1.0
LEAST = 1e-4  # body heights: energies below this one's square are nothing
DATA = Path(__file__).with_name("data")


@dataclass(frozen=True, slots=True)
class Weights:
    """The network: sigmoid(tanh((signs - mean) / deviation @ first + bias) @ second + line)."""

    mean: np.ndarray
    deviation: np.ndarray
    first: np.ndarray
    bias: np.ndarray
    second: np.ndarray
    line: float

    def probability(self, signs: np.ndarray) -> np.ndarray:
        """That each of N people walks, (N,), by their signs (N, F); what is NaN is not known, and says nothing."""
        usual = ((signs - self.mean) / self.deviation).clip(-5.0, 5.0)
        usual[np.isnan(usual)] = 0.0
        said = np.tanh(usual @ self.first + self.bias) @ self.second + self.line
        return np.asarray(1.0 / (1.0 + np.exp(-said.clip(-30.0, 30.0))))


@cache
def weights(*, seldom: bool = False) -> Weights:
    """Those that the package ships. seldom: for people who are looked at seldom."""
    with np.load(DATA / ("walking_seldom.npz" if seldom else "walking.npz"), allow_pickle=False) as data:
        arrays = {name: data[name].astype(np.float64) for name in Weights.__dataclass_fields__}
    return Weights(**{**arrays, "line": float(arrays["line"])})


def evenly(times: np.ndarray, values: np.ndarray, window: float = WINDOW) -> np.ndarray:
    """Values (N, L, C) of times (N, L), seconds that rise to 0, at MOMENTS even times of the last `window` seconds."""
    wanted = window * _EVENLY
    after = (times[:, None, :] < wanted[:, None]).sum(axis=2).clip(1, times.shape[1] - 1)  # (N, MOMENTS)
    rows = np.arange(len(times))[:, None]
    late, early = times[rows, after], times[rows, after - 1]
    share = ((wanted - early) / (late - early)).clip(0.0, 1.0)[..., None]
    return np.asarray(values[rows, after - 1] * (1.0 - share) + values[rows, after] * share)


def signs(
    joints: np.ndarray, width: np.ndarray, height: np.ndarray, seen: np.ndarray, speed: np.ndarray, growth: np.ndarray
) -> np.ndarray:
    """(N, F) of N windows.

    joints: (N, MOMENTS, pairs, 2, 2) pixels, left and right, x and y, NaN where never found. width: (N, MOMENTS) of the
    boxes, pixels. height: (N,) pixels of the bodies. seen: (N, pairs) share of the window in which both were found.
    speed: (N,) of the box in body heights a second. growth: (N,) of the box, 1/s.
    """
    scaled = joints / height[:, None, None, None, None]
    apart = scaled[..., 0, :] - scaled[..., 1, :]  # (N, MOMENTS, pairs, 2)
    middle = scaled[:, :, SHOULDER].mean(axis=2)
    arms = (scaled[:, :, WRIST] - middle[:, :, None]).reshape(*width.shape, 4)  # left x and y, right x and y
    signals = np.concatenate(
        [
            *(part for limb in (ANKLE, KNEE) for part in (apart[:, :, limb], np.abs(apart[:, :, limb, :1]))),
            middle,
            (width / height[:, None])[..., None],
            *(apart[:, :, joint, :1] for joint in (SHOULDER, HIP)),
            arms,
        ],
        axis=2,
    )
    waves = _COSINES @ signals
    bands = _BANDS @ np.square(waves)  # (N, bands, signals)
    left, right = bands[..., 11] + bands[..., 12], bands[..., 13] + bands[..., 14]
    both_arms = np.fmax(left, right), np.fmin(left, right)  # one may be hidden
    trunk_and_arms = np.stack([bands[..., 9] + bands[..., 10], *both_arms], axis=2)
    energies = np.concatenate([bands[..., :9], trunk_and_arms], axis=2)
    legs = (scaled[:, :, ANKLE, :, 1].mean(axis=2) - middle[..., 1]).mean(axis=1)
    return np.concatenate(
        [
            np.log10(energies.reshape(len(joints), -1) + LEAST**2),
            np.log10(np.abs(waves[:, 0, [0, 1, 2, 3, 4, 5, 8]]) + 0.01),
            np.stack([legs, np.log10(speed + 0.02), growth, np.log10(height)], axis=1),
            seen,
        ],
        axis=1,
    )
