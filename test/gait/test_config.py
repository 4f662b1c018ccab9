from dataclasses import replace

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.resources import resource
from rt_gait_ros.settings import settings_of

NUMBERS = {name: each for name, each in settings_of(RecognizerConfig).items() if each.low is not None}


@pytest.mark.parametrize(("name", "setting"), NUMBERS.items())
def test_values_out_of_range_are_refused(config, name, setting):
    for value in (setting.low - 1, setting.high + 1):
        with pytest.raises(UsageError, match=name):
            replace(config, **{name: value})


def test_lines_must_come_from_somewhere(config):
    with pytest.raises(UsageError, match="calibrate"):
        RecognizerConfig(model="angle")
    with pytest.raises(UsageError, match="decision_embeddings"):
        replace(config, agreeing_embeddings=6)
    with pytest.raises(UsageError, match="gait_energy_image, not angle"):
        replace(config, calibration=calibration.find(resource("model_repository"), "gait_energy_image"))


def test_the_shipped_network_has_a_calibration_and_a_parameter_overrules_it():
    shipped = calibration.find(resource("model_repository"), RecognizerConfig.model)
    config = RecognizerConfig(calibration=shipped)
    assert config.accept_line == shipped.accept_distance
    assert replace(config, accept_distance=0.1).accept_line == 0.1
    assert config.margin_line == shipped.margin
