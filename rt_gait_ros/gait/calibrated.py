"""Settings of a recogniser with what is calibrated for its gait model: the lines within which a name is given."""

import math
from pathlib import Path
from typing import Any

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.paths import expand
from rt_gait_ros.resources import resource


def recognizer_config(
    repository: str | Path | None = None,
    *,
    model: str = RecognizerConfig.model,
    beyond_calibration: bool = False,
    **fields: Any,
) -> RecognizerConfig:
    """Settings of a recogniser with what is calibrated for its gait model.

    repository: of the gait networks; None for the package's own. fields: of RecognizerConfig. beyond_calibration: as in
    `lines_of`. Raises GaitError.
    """
    lines = (fields.pop(name, math.nan) for name in ("accept_distance", "margin"))
    accept_distance, margin = (-1.0 if math.isnan(line) else line for line in lines)
    folder = expand(repository or resource("model_repository"))
    known = lines_of(folder, model, accept_distance, margin, beyond_calibration=beyond_calibration)
    return RecognizerConfig(model=model, **fields, **known)


def lines_of(
    repository: Path, model: str, accept_distance: float, margin: float, *, beyond_calibration: bool = False
) -> dict[str, Any]:
    """The fields of RecognizerConfig that say when a name may be given: both lines and the calibration of the model.

    A line below 0 is the calibration's. Raises GaitError for a damaged calibration, and UsageError for a line that lets
    more strangers through than the calibration says, unless `beyond_calibration`.
    """
    known = calibration.find(repository, model)
    if known is not None and not beyond_calibration:
        if accept_distance > known.accept_distance:
            raise UsageError(_too_lenient("accept_distance", accept_distance, "farther", known.accept_distance, model))
        if 0.0 <= margin < known.margin:
            raise UsageError(_too_lenient("margin", margin, "smaller", known.margin, model))
    return {
        "accept_distance": accept_distance if accept_distance >= 0.0 else math.nan,
        "margin": margin if margin >= 0.0 else math.nan,
        "calibration": known,
    }


def _too_lenient(name: str, value: float, how: str, calibrated: float, model: str) -> str:
    return (
        f"{name} {value:g} is {how} than the {calibrated:.4g} that {model} is calibrated for: strangers get names "
        "more often than its false-accept rate; start the node with beyond_calibration true to have it all the same"
    )
