import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.calibrated import lines_of
from rt_gait_ros.gait.calibration import FILE_NAME, Calibration, save

KNOWN = Calibration("angle", 5.0, 1.0, 0.2, 0.1, 0.01, 10, 10, "")


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "angle").mkdir()
    save(tmp_path / "angle" / FILE_NAME, KNOWN)
    return tmp_path


def test_lines_below_zero_are_the_calibrations(repository):
    assert lines_of(repository, "angle", -1.0, 0.5)["margin"] == 0.5
    assert np.isnan(lines_of(repository, "angle", -1.0, 0.5)["accept_distance"])
    assert lines_of(repository, "angle", -1.0, -1.0)["calibration"] == KNOWN
    assert lines_of(repository, "none", 1.0, 1.0)["calibration"] is None


@pytest.mark.parametrize(
    ("accept_distance", "margin", "how"),
    [(KNOWN.accept_distance * 1.01, -1.0, "farther"), (-1.0, KNOWN.margin * 0.99, "smaller"), (1e6, 0.0, "farther")],
)
def test_lines_that_let_more_strangers_through_need_a_second_word(repository, accept_distance, margin, how):
    with pytest.raises(UsageError, match=f"is {how} than the .*beyond_calibration"):
        lines_of(repository, "angle", accept_distance, margin)
    assert lines_of(repository, "angle", accept_distance, margin, beyond_calibration=True)["calibration"] == KNOWN
