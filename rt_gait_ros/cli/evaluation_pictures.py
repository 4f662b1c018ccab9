"""What every recognition protocol of `rt-gait evaluate` can draw: the DET curve, and what probabilities are worth."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rt_gait_ros.cli.output import emit, output_file, write_csv
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.open_set import Comparison, det_curve
from rt_gait_ros.evaluation.pairs import Pairs
from rt_gait_ros.evaluation.plots import det_plot, reliability_plot, save_image
from rt_gait_ros.evaluation.reliability import stated_reliability
from rt_gait_ros.gait import calibration
from rt_gait_ros.resources import resource


def add_picture_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --det and --reliability."""
    parser.add_argument("--det", type=output_file, metavar="FILE", help="draw the DET curve into a picture (.png)")
    parser.add_argument(
        "--reliability", type=output_file, metavar="FILE", help="draw how true the calibration is (.png)"
    )


def require_calibration(arguments: argparse.Namespace) -> None:
    """Refuse --reliability at once where the model has no calibration. Raises UsageError, GaitError."""
    if arguments.reliability:
        _calibration(arguments)


def draw(
    arguments: argparse.Namespace,
    comparison: Comparison,
    title: str,
    compared: Mapping[str, Comparison] | None = None,
    pairs: Pairs | None = None,
) -> dict[str, float]:
    """Draw what is asked for; returns the figures that come of it, for the report.

    compared: what has a DET curve, by name; None: the comparison. pairs: single walks held against single walks, by the
    distances that the calibration is of; None: those of the comparison.
    """
    if arguments.det:
        curves = {
            name: det_curve(c.genuine, c.impostor) for name, c in (compared or {arguments.model: comparison}).items()
        }
        save_image(arguments.det, det_plot(curves, title))
    if not arguments.reliability:
        return {}
    shown = comparison if pairs is None else pairs
    found = stated_reliability(_calibration(arguments), shown.genuine, shown.impostor)
    save_image(arguments.reliability, reliability_plot(found, title))
    return {"calibration_error": found.error}


def publish(
    arguments: argparse.Namespace,
    report: dict[str, Any],
    rows: list[dict[str, Any]],
    text: str,
    figures: Mapping[str, float],
    picture: Callable[[], np.ndarray] | None = None,
) -> None:
    """Write and print what a protocol has found, as --csv, --plot and --json ask for it.

    report: for --json. rows: of the table. text: for people to read. figures: what `draw` gave. picture: for --plot.
    """
    if arguments.csv:
        write_csv(arguments.csv, rows)
    if picture is not None and arguments.plot:
        save_image(arguments.plot, picture())
    emit(arguments, report | dict(figures), text)


def _calibration(arguments: argparse.Namespace) -> calibration.Calibration:
    repository = arguments.repository or resource("model_repository")
    stored = calibration.find(repository, arguments.model)
    if stored is None:
        raise UsageError(f"--reliability: gait model {arguments.model} has no calibration: see `rt-gait calibrate`")
    return stored
