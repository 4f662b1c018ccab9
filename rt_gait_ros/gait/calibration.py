"""From distances to probabilities: what a distance means was measured on pairs, and is stored beside the model.

A calibration is `calibration.json` in the model's folder of the repository. A network without one gives no probability
(NaN) and no accept line of its own.
"""

import json
import math
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.paths import replace_file
from rt_gait_ros.resources import resource

FILE_NAME = "calibration.json"
# A name is given only where the runner-up is this many times less likely by slope and offset: the margin follows from
# it. Probabilities by the flatter curve `days` differ less.
MARGIN_ODDS = 3.0
# Two tracks count as one person's (gait.scene) within this share of the distance at which two looks are as likely one
# person's as two': a track is the mean of several looks, and means are nearer to each other than looks are, by half of
# the variance and more. So the 22 tracks of vtest.avi are 8 to 10 walkers, and one person of KTH counts for under 2.
SAME_SHARE = 0.7
CURVES = ("scene", "company", "days")  # of a Calibration, which it may lack
# Of the false-accept rate, between a household and people in view at once. Generated walkers, whom that is fitted to,
# are less alike than people: with all of it, more strangers of CASIA-B 2, 4, ..., 74 had names than by plain distances.
COMPANY_SHARE = 0.5
LEAST_PAIRS = 10  # of one person, and of two, for a fit


@dataclass(frozen=True, slots=True)
class Curve:
    """How likely two walks are of one person, by their distance d.

    P(same person | d) = 1 / (1 + exp(slope * d - offset)), both equally likely beforehand.
    """

    slope: float
    offset: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What distances of one gait network mean.

    slope, offset: P(same person | distance d) = 1 / (1 + exp(slope * d - offset)), both equally likely beforehand.
    accept_distance: farthest distance at which a name may be given. false_accept_rate: share of pairs of different
    persons within it. margin: least distance between the best and the runner-up. genuine, impostor: number of pairs it
    was fitted on. source: the footage they came from, for people. scene: what distances mean between embeddings that
    their scenes were taken out of (gait.scene); None where that was not measured, and then no scene is taken out.
    company: what distances mean between a household and those in view by their directions (gait.company); None where
    that was not measured, and then they are compared as they are. days: what distances mean where nobody knows whether
    it is the same day (over_days): of it are the probabilities, and nothing else; None: of slope and offset.
    sides: how much farther apart two walks may be of which one is seen from the front or the back and the other from a
    side (gait.sided); in proportion between them.
    """

    model: str
    slope: float
    offset: float
    accept_distance: float
    margin: float
    false_accept_rate: float
    genuine: int
    impostor: int
    source: str
    scene: Curve | None = None
    company: Curve | None = None
    days: Curve | None = None
    sides: float = 0.0

    @property
    def even(self) -> float:
        """Distance at which two looks are as likely one person's as two'."""
        return max(0.0, self.offset / self.slope)

    @property
    def radius(self) -> float:
        """Distance within which two tracks count as one person's."""
        return SAME_SHARE * self.even

    def equivalent(self, distance: np.ndarray, curve: Curve | None) -> np.ndarray:
        """Plain distances that are as much evidence as these of another kind.

        curve: what those mean, as `scene` or `company`. So there is one accept line, one margin and one probability for
        all. Strong evidence may come out below 0. Raises ValueError for None: nobody has measured what they mean.
        """
        if curve is None:
            raise ValueError(f"the calibration of {self.model} says nothing of distances of that kind")
        return (self.offset - curve.offset + curve.slope * np.asarray(distance)) / self.slope

    def log_odds(self, distance: np.ndarray) -> np.ndarray:
        """Logarithm of P(distance | same person) / P(distance | different persons), as probabilities are of it."""
        curve = self.days or self
        return curve.offset - curve.slope * np.asarray(distance)

    def posterior(self, distances: np.ndarray, known_prior: float) -> tuple[np.ndarray, float]:
        """Probability of each of N persons (N,), and of none of them, given one distance to each; they add up to 1.

        known_prior: probability beforehand that the walker is enrolled, shared evenly by all N. Open-set Bayes: "it is
        person n" makes distance n a genuine one and the others impostors'; "it is nobody" makes them all impostors'.
        """
        count = len(distances)
        weights = np.append(self.log_odds(distances) + math.log(known_prior / max(count, 1)), math.log1p(-known_prior))
        weights = np.exp(weights - weights.max())
        weights /= weights.sum()
        return weights[:count], float(weights[count])


def load(path: Path, model: str) -> Calibration:
    """Read a calibration of `model`. Raises GaitError where it is not there, damaged, or another model's."""
    try:
        record = json.loads(path.read_text())
        values: dict[str, Any] = {
            field.name: record[field.name] for field in fields(Calibration) if field.name not in (*CURVES, "sides")
        }
        # older files lack some of these
        values["sides"] = record.get("sides", 0.0)
        values |= {name: Curve(each["slope"], each["offset"]) for name in CURVES if (each := record.get(name))}
        calibration = Calibration(**values)
        _check(calibration)
    except OSError as error:
        raise GaitError(f"calibration {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise GaitError(f"calibration {path} is damaged ({error}): make it anew with `rt-gait calibrate`") from error
    if calibration.model != model:
        raise GaitError(f"calibration {path} is for gait model {calibration.model}, not {model}")
    return calibration


def _check(known: Calibration) -> None:
    """Refuse what no fit gives, and names cannot go by. Raises ValueError, TypeError or OverflowError."""
    curves = [known, *(curve for name in CURVES if (curve := getattr(known, name)) is not None)]
    lines = {name: getattr(known, name) for name in ("accept_distance", "margin", "false_accept_rate", "sides")}
    numbers = [*lines.values(), *(number for each in curves for number in (each.slope, each.offset))]
    if not all(map(math.isfinite, [*numbers, known.genuine, known.impostor])):
        raise ValueError("not all of its numbers are finite")
    if min(each.slope for each in curves) <= 0.0:
        raise ValueError("a slope is not above 0")
    if negative := [name for name, value in lines.items() if value < 0.0]:
        raise ValueError(f"{negative[0]} is below 0")
    if not isinstance(known.source, str):
        raise TypeError("source is no text")


def find(repository: Path, model: str) -> Calibration | None:
    """The calibration stored with a model of this repository, or None where it has none. Raises GaitError as `load`."""
    path = repository / model / FILE_NAME
    return load(path, model) if path.exists() else None


def find_usable(repository: Path | None, model: str) -> Calibration | None:
    """As `find`, for whoever goes on without one: None where it is damaged as well, or no model is named.

    repository: None for the package's own.
    """
    try:
        return find(repository or resource("model_repository"), model) if model else None
    except GaitError:
        return None


def save(path: Path, calibration: Calibration) -> None:
    """Write a calibration; the file is whole or what it was before. Raises GaitError."""
    try:
        replace_file(path, (json.dumps(asdict(calibration), indent=2) + "\n").encode())
    except OSError as error:
        raise GaitError(f"calibration {path} cannot be written: {error.strerror}") from error


def fit(
    genuine: np.ndarray,
    impostor: np.ndarray,
    *,
    model: str,
    false_accept_rate: float,
    source: str,
    alike: np.ndarray | None = None,
) -> Calibration:
    """Fit a calibration to distances of pairs of the same person, and of different persons.

    The accept line is the largest distance within which at most `false_accept_rate` (0..1) of the impostor pairs are,
    and at most that share of those who are seen from one view, as far as `alike` (M,) has enough of them to tell;
    the margin is the lead that makes the runner-up MARGIN_ODDS times less likely.
    Raises UsageError for too few pairs (ten of each, and one false accept expected), and where distances say nothing.
    """
    if len(genuine) < LEAST_PAIRS or len(impostor) < LEAST_PAIRS:
        raise UsageError(
            f"{len(genuine)} genuine and {len(impostor)} impostor pairs are too few: {LEAST_PAIRS} of each are needed"
        )
    allowed = int(false_accept_rate * len(impostor))
    if not 0.0 < false_accept_rate < 1.0 or allowed < 1:
        raise UsageError(
            f"{len(impostor)} impostor pairs cannot show a false-accept rate of {false_accept_rate:g}: "
            f"ask for {1 / len(impostor):.2g} or more (below 1), or give more footage"
        )
    slope, offset = astuple(fit_curve(genuine, impostor, model))
    line = min(_line(each, false_accept_rate) for each in (impostor, alike) if each is not None)
    margin = math.log(MARGIN_ODDS) / slope
    pairs = len(genuine), len(impostor)
    return Calibration(model, slope, offset, line, margin, false_accept_rate, *pairs, source)


def _line(impostor: np.ndarray, rate: float) -> float:
    """The largest distance within which at most that share of them is; infinite where they are too few to tell."""
    allowed = int(rate * len(impostor))
    return float(np.nextafter(np.sort(impostor)[allowed], 0.0)) if allowed >= 1 else math.inf


def fit_curve(genuine: np.ndarray, impostor: np.ndarray, model: str) -> Curve:
    """What distances mean, from pairs of one person and of two. Raises UsageError where they say nothing."""
    slope, offset = _logistic(genuine, impostor)
    if slope <= 0.0:
        raise UsageError(f"{model} puts two persons nearer than one in this footage: it cannot be calibrated on it")
    return Curve(slope, offset)


def fit_company(fitted: Calibration, genuine: np.ndarray, impostor: np.ndarray) -> Curve:
    """What distances by directions (gait.company) mean, beside a calibration of plain distances.

    The accept line takes at most COMPANY_SHARE of the false-accept rate of these pairs of two persons for one: where by
    the curve it would take more, the curve is drawn lower until it does not. Raises UsageError as fit_curve.
    """
    curve = fit_curve(genuine, impostor, fitted.model)
    line = _line(impostor, COMPANY_SHARE * fitted.false_accept_rate)
    evidence = fitted.offset - fitted.slope * fitted.accept_distance
    return Curve(curve.slope, min(curve.offset, evidence + curve.slope * line))


def over_days(fitted: Calibration, apart: Curve) -> Curve:
    """The curve `days` of a calibration: for looks on the day of the fit or on another, where nobody knows which.

    apart: what distances between days mean, of generated walkers. Within one walk a person is nearer to herself than on
    another day, so that a curve of one walk is too steep; generated walkers differ more from day to day than people do,
    and from each other as well, so that theirs is too flat and lies elsewhere. The slope is the geometric mean of both,
    and the distance at which two looks are as likely one person's as two' stays. Raises UsageError for a curve that is
    steeper than that of the fit.
    """
    if apart.slope > fitted.slope:
        raise UsageError(
            f"{fitted.model} tells generated walkers on several days apart more surely (slope {apart.slope:.3g}) than "
            f"the people in the footage ({fitted.slope:.3g}), so there is nothing to correct: leave out --days"
        )
    slope = math.sqrt(fitted.slope * apart.slope)
    return Curve(slope, slope * fitted.offset / fitted.slope)


def _logistic(genuine: np.ndarray, impostor: np.ndarray) -> tuple[float, float]:
    """Slope and offset by Newton's method, both classes of equal weight, targets smoothed as by Platt (1999).

    Smoothed targets keep the slope finite where the classes do not overlap.
    """
    x = np.concatenate([genuine, impostor]).astype(np.float64)
    target = np.concatenate(
        [np.full(len(genuine), 1 - 1 / (len(genuine) + 2)), np.full(len(impostor), 1 / (len(impostor) + 2))]
    )
    weight = np.concatenate([np.full(len(genuine), 0.5 / len(genuine)), np.full(len(impostor), 0.5 / len(impostor))])
    centre, scale = x.mean(), x.std() or 1.0
    design = np.stack([(x - centre) / scale, np.ones_like(x)], axis=1)
    beta = np.zeros(2)
    for _ in range(100):
        probability = 1 / (1 + np.exp(-np.clip(design @ beta, -50, 50)))
        gradient = design.T @ (weight * (target - probability))
        hessian = (design * (weight * probability * (1 - probability))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        beta += step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return float(-beta[0] / scale), float(beta[1] - beta[0] * centre / scale)
