"""`rt-gait calibrate` without data: what the stored calibration of a model is given beside its fit."""

import argparse
import math
from dataclasses import asdict, replace
from pathlib import Path

from rt_gait_ros.cli.calibrate_days import curve_between_days, with_days
from rt_gait_ros.cli.output import emit
from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait import calibration


def changes_stored(arguments: argparse.Namespace) -> bool:
    """Whether the arguments ask for what needs no fit."""
    return bool(arguments.days) or arguments.sides is not None


def change_stored(arguments: argparse.Namespace, repository: Path) -> int:
    """Give the calibration that the model has probabilities for other days, or an allowance for other sides, or both.

    Returns the exit code. Raises UsageError where it has none.
    """
    stored = calibration.find(repository, arguments.model)
    if stored is None:
        asked = "--days" if arguments.days else "--sides"
        raise UsageError(f"gait model {arguments.model} has no calibration to give {asked} to: name a recording")
    fitted, lines = stored, []
    if arguments.days:
        curve = calibration.over_days(stored, curve_between_days(arguments, repository))
        fitted = with_days(fitted, curve, arguments.days)
        lines.append(
            f"names are rated by a curve {curve.slope / stored.slope:.2f} times as steep as that of the footage, so "
            "less certainly; who is named stays the same"
        )
    if arguments.sides is not None:
        fitted = replace(fitted, sides=arguments.sides)
        lines.append(
            f"{arguments.sides:g} is taken off the distance of a walk from the side to one from the front (before: "
            f"{stored.sides:g})"
        )
    path = arguments.output or repository / arguments.model / calibration.FILE_NAME
    calibration.save(path, fitted)
    emit(arguments, asdict(fitted) | {"path": str(path)}, "\n".join([*lines, f"written to {path}"]))
    return 0


def check_sides(sides: float | None) -> None:
    """Refuse what is no allowance. Raises UsageError."""
    if sides is not None and not (math.isfinite(sides) and sides >= 0.0):
        raise UsageError(f"--sides {sides:g}: a distance is 0 or more, such as 0.2")
