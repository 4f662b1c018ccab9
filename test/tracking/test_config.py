from dataclasses import fields

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.tracking import TrackerConfig


@pytest.mark.parametrize("item", fields(TrackerConfig), ids=lambda item: item.name)
def test_every_setting_is_described_and_checked(item):
    low, high = item.metadata["range"]
    assert low <= item.default <= high
    assert item.metadata["doc"]
    for wrong in (low - 1, high + 1, float("nan"), "much"):
        with pytest.raises(UsageError, match=item.name):
            TrackerConfig(**{item.name: wrong})


def test_a_number_of_images_is_whole():
    with pytest.raises(UsageError, match="whole number"):
        TrackerConfig(confirm_after=2.5)


def test_low_confidence_stays_below_high():
    with pytest.raises(UsageError, match="low_confidence"):
        TrackerConfig(low_confidence=0.6, high_confidence=0.5)
