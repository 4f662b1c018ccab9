"""Fixtures of the tracker's tests."""

from collections import Counter

import pytest
from boxed_people import image

from rt_gait_ros.tracking import TrackerConfig
from rt_gait_ros.tracking.detections import Detections, read_detections


@pytest.fixture
def read():
    """Detections of people, as the tracker reads them."""

    def read(people, config=None, rejected=None, layout="trt_pose") -> Detections:
        return read_detections(
            image(0, people, layout=layout), config or TrackerConfig(), Counter() if rejected is None else rejected
        )

    return read
