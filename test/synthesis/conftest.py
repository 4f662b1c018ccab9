"""People and clothes that the tests share."""

import numpy as np
import pytest

from rt_gait_ros.synthesis.motion import Mood, mood
from rt_gait_ros.synthesis.people import Outfit, outfit


@pytest.fixture
def plain() -> Outfit:
    """The same clothes for everybody."""
    return outfit(np.random.default_rng(0), variety=0.0)


@pytest.fixture
def usual() -> Mood:
    """Everybody's usual walk."""
    return mood(np.random.default_rng(0), variety=0.0)
