"""Whether a calibration's probabilities are what they say: of pairs called 70 % the same person, 70 % must be."""

from dataclasses import dataclass, replace

import numpy as np

from rt_gait_ros.evaluation.pairs import Pairs
from rt_gait_ros.gait import calibration

BINS, FOLDS = 10, 5


@dataclass(frozen=True, slots=True)
class Reliability:
    """Pairs by their stated probability, in BINS equal steps of it; both classes weigh the same.

    stated: (B,) mean probability in each step. observed: (B,) share of pairs of one person; both NaN where no pair is.
    weight: (B,) share of all pairs.
    """

    stated: np.ndarray
    observed: np.ndarray
    weight: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error (Naeini et al., AAAI 2015): the mean gap between stated and observed, 0..1."""
        return float(np.nansum(self.weight * np.abs(self.stated - self.observed)))


def held_out_reliability(pairs: Pairs, apart: calibration.Curve | None = None) -> Reliability:
    """Reliability of the curve that `calibration.fit` finds, each fifth of the pairs judged by a fit to the others.

    apart: what distances between days mean, where probabilities are of `calibration.over_days`.
    Pairs of one fifth share people with the rest: this is reliability on more of the same footage, not on another day.
    Raises UsageError where a fit has too few pairs.
    """
    genuine, impostor = [], []
    for fold in range(FOLDS):
        kept = [np.delete(values, np.s_[fold::FOLDS]) for values in (pairs.genuine, pairs.impostor)]
        # the rate draws the accept line alone, which is not looked at here
        fitted = calibration.fit(kept[0], kept[1], model="", false_accept_rate=0.5, source="")
        if apart is not None:
            fitted = replace(fitted, days=calibration.over_days(fitted, apart))
        genuine.append(_stated(fitted, pairs.genuine[fold::FOLDS]))
        impostor.append(_stated(fitted, pairs.impostor[fold::FOLDS]))
    return _of_both(np.concatenate(genuine), np.concatenate(impostor))


def stated_reliability(fitted: calibration.Calibration, genuine: np.ndarray, impostor: np.ndarray) -> Reliability:
    """Reliability of a calibration on distances (N,), (M,) that it was not fitted to, of one person and of two."""
    return _of_both(_stated(fitted, genuine), _stated(fitted, impostor))


def _stated(fitted: calibration.Calibration, distances: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(fitted.log_odds(distances), -500, 500))))


def _of_both(genuine: np.ndarray, impostor: np.ndarray) -> Reliability:
    """Gather the probabilities stated of pairs of one person, and of two; both classes weigh the same."""
    same = np.concatenate([np.ones(len(genuine)), np.zeros(len(impostor))])
    weight = np.concatenate([np.full(len(values), 0.5 / len(values)) for values in (genuine, impostor)])
    return reliability(np.concatenate([genuine, impostor]), same, weight)


def reliability(stated: np.ndarray, same: np.ndarray, weight: np.ndarray) -> Reliability:
    """Gather probabilities (N,) by steps. same: (N,) 1 for pairs of one person, else 0. weight: (N,), of sum 1."""
    step = np.minimum((stated * BINS).astype(int), BINS - 1)

    def totals(values: np.ndarray) -> np.ndarray:
        return np.bincount(step, weight * values, BINS)

    share = totals(np.ones(len(stated)))
    mass = np.where(share > 0, share, np.nan)
    return Reliability(totals(stated) / mass, totals(same) / mass, share)
