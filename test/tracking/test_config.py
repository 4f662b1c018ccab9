import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.settings import settings_of
from rt_gait_ros.tracking import TrackerConfig


@pytest.mark.parametrize(("name", "setting"), settings_of(TrackerConfig).items())
def test_every_setting_is_checked(name, setting):
    for wrong in (setting.low - 1, setting.high + 1, float("nan"), "much"):
        with pytest.raises(UsageError, match=name):
            TrackerConfig(**{name: wrong})


def test_a_number_of_images_is_whole():
    with pytest.raises(UsageError, match="whole number"):
        TrackerConfig(confirm_after=2.5)


def test_low_confidence_stays_below_high():
    with pytest.raises(UsageError, match="low_confidence"):
        TrackerConfig(low_confidence=0.6, high_confidence=0.5)
