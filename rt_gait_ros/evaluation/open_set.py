"""Open-set figures: what the accept line does to people who are enrolled, and to those who are not.

Terms are those of ISO/IEC 19795-1 and of NIST's identification tests: FMR and FNMR for single comparisons, FPIR and
FNIR for searches in a gallery.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class DetCurve:
    """Detection error trade-off: at each threshold, the share of impostors within it and of genuine pairs beyond it."""

    thresholds: np.ndarray
    false_match: np.ndarray
    false_non_match: np.ndarray


def det_curve(genuine: np.ndarray, impostor: np.ndarray) -> DetCurve:
    """DET over every distance that occurs. A distance up to the threshold is a match. Both must have an entry."""
    if not len(genuine) or not len(impostor):
        raise ValueError("a DET curve needs genuine and impostor distances")
    thresholds = np.unique(np.concatenate([genuine, impostor]))
    matched = np.searchsorted(np.sort(genuine), thresholds, side="right") / len(genuine)
    false_match = np.searchsorted(np.sort(impostor), thresholds, side="right") / len(impostor)
    return DetCurve(
        np.concatenate([[-np.inf], thresholds]),
        np.concatenate([[0.0], false_match]),
        np.concatenate([[1.0], 1.0 - matched]),
    )


def equal_error_rate(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Where the DET curve crosses its diagonal, between two of its points by straight line; 0..1."""
    curve = det_curve(genuine, impostor)
    gap = curve.false_match - curve.false_non_match
    after = int(np.argmax(gap >= 0))  # the first point is (0, 1) and the last (1, 0): there always is one, and not 0
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    before = curve.false_match[after - 1]
    return float(before + share * (curve.false_match[after] - before))


@dataclass(frozen=True, slots=True)
class Searches:
    """Searches of probes in a gallery, every probe once with its person enrolled and once without.

    right: (Q,) whether the nearest is the probe's own person. mated: (Q,) distance to the nearest where the person is
    enrolled. non_mated: (Q,) distance to the nearest of all others.
    """

    right: np.ndarray
    mated: np.ndarray
    non_mated: np.ndarray


def searches(distances: np.ndarray, truth: np.ndarray) -> Searches:
    """Search every probe with and without its own person. distances: (Q, N), N >= 2. truth: (Q,) index 0..N-1."""
    distances, truth = np.asarray(distances, float), np.asarray(truth, int)
    rows = np.arange(len(truth))
    others = distances.copy()
    others[rows, truth] = np.inf
    own, non_mated = distances[rows, truth], others.min(axis=1)
    return Searches(own < non_mated, np.minimum(own, non_mated), non_mated)


def fnir_at_fpir(found: Searches, fpir: float) -> tuple[float, float]:
    """FNIR and the threshold (distance, inclusive) at which at most `fpir` of the searches without a mate are accepted.

    An enrolled person is missed who is beyond the threshold, or not the nearest. Both 0..1. With fewer than 1 / fpir
    searches not a single false accept is allowed.
    """
    ordered = np.sort(found.non_mated)
    allowed = int(fpir * len(ordered) + 1e-9)
    threshold = np.inf if allowed >= len(ordered) else float(np.nextafter(ordered[allowed], -np.inf))
    identified = found.right & (found.mated <= threshold)
    return float(1.0 - identified.mean()), threshold


@dataclass(frozen=True, slots=True)
class Comparison:
    """Probes compared with persons. genuine: (Q,) distances of probes to their own. impostor: (R,) to all others."""

    genuine: np.ndarray
    impostor: np.ndarray
    found: Searches

    @classmethod
    def of(cls, distances: np.ndarray, truth: np.ndarray) -> "Comparison":
        """distances: (Q, N), N >= 2, of each probe to each person. truth: (Q,) index 0..N-1 of the probe's own.

        A person without templates is infinitely far, and no impostor; each probe has its own person and another one.
        """
        own = np.zeros(distances.shape, bool)
        own[np.arange(len(truth)), truth] = True
        return cls(distances[own], distances[~own & np.isfinite(distances)], searches(distances, truth))

    @classmethod
    def joined(cls, parts: Sequence["Comparison"]) -> "Comparison":
        """All of them together; at least one."""
        found = [part.found for part in parts]
        return cls(
            np.concatenate([part.genuine for part in parts]),
            np.concatenate([part.impostor for part in parts]),
            Searches(
                np.concatenate([each.right for each in found]),
                np.concatenate([each.mated for each in found]),
                np.concatenate([each.non_mated for each in found]),
            ),
        )

    def figures(self) -> dict[str, float]:
        """What `rt-gait evaluate` prints: EER, FNIR at FPIR 1 % with its threshold (distance); shares 0..1."""
        fnir, threshold = fnir_at_fpir(self.found, 0.01)
        return {"eer": equal_error_rate(self.genuine, self.impostor), "fnir_at_fpir_1": fnir, "threshold": threshold}
