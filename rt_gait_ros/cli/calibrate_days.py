"""`rt-gait calibrate --days`: probabilities that hold for other days, too, by generated walkers."""

import argparse
from dataclasses import replace
from pathlib import Path

from rt_gait_ros.cli.calibrate_looks import generated, require_silhouettes
from rt_gait_ros.evaluation.day_pairs import day_pairs
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.calibration import Calibration, Curve
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.walk_embedder import open_embedder

_BESIDE = "; probabilities for other days: "  # in the note on the footage


def with_days(fitted: Calibration, curve: Curve, people: int) -> Calibration:
    """A calibration with the curve `days`, of so many generated walkers, which its note on the footage tells."""
    footage, _, _ = fitted.source.partition(_BESIDE)
    return replace(fitted, days=curve, source=f"{footage}{_BESIDE}{people} generated walkers")


def curve_between_days(arguments: argparse.Namespace, repository: Path) -> Curve:
    """What distances between days mean, of generated walkers. Raises UsageError."""
    with open_embedder(repository, arguments.model) as embedder:
        require_silhouettes(embedder.model)
    between = day_pairs(generated(arguments, repository, arguments.days, RecognizerConfig.window)[0]).everything
    return calibration.fit_curve(between.genuine, between.impostor, arguments.model)
