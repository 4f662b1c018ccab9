import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.synthesis.gait_fitting import FittedWalk, mirrored
from rt_gait_ros.synthesis.gait_statistics import Fit, fit_statistics, write_statistics
from rt_gait_ros.synthesis.gaits import LOG_CADENCE, LOG_STRIDE, GaitStatistics, gait, mean_gait, statistics
from rt_gait_ros.synthesis.skeleton import BONE

HEAD = slice(BONE["head"] * 33, BONE["head"] * 33 + 33)


def walks(people: int, each: int, source: str = "cmu") -> list[FittedWalk]:
    random = np.random.default_rng(1)
    made = []
    for number in range(people):
        person = gait(number if source == "cmu" else 1000 + number)
        for walk in range(each):
            features = person.walk(random).features.copy()
            if source != "cmu":
                features[HEAD] = np.nan
            made.append(FittedWalk(source, f"{source}-{number}", str(walk), features, np.zeros((23, 3, 3)), 2))
    return made


@pytest.fixture(scope="module")
def fit() -> Fit:
    return fit_statistics([*walks(14, 3), *walks(4, 2, "schreiber")])


def test_people_and_walks_are_counted(fit: Fit):
    assert fit.people == {"cmu": 14, "schreiber": 4}
    assert fit.walks == {"cmu": 42, "schreiber": 8}


def test_the_mean_is_near_and_symmetric(fit: Fit):
    mean = fit.statistics.mean
    np.testing.assert_allclose(mirrored(mean), mean, atol=1e-9)
    assert np.abs(mean - mean_gait().features).max() < 0.25
    assert np.isfinite(mean).all()


@pytest.mark.parametrize("name", ["between", "within"])
def test_the_variances_are_those_of_the_people_who_walked(fit: Fit, name: str):
    found, known = (
        np.sqrt((getattr(one, name) ** 2).sum(1) + getattr(one, f"{name}_own") ** 2)
        for one in (fit.statistics, statistics())
    )
    large = known > 0.03
    assert np.median(found[large] / known[large]) == pytest.approx(1.0, abs=0.25)
    assert np.corrcoef(found, known)[0, 1] > 0.8


def test_pace_is_told_apart_from_the_day(fit: Fit):
    pace = fit.statistics.pace
    assert pace[LOG_STRIDE] + pace[LOG_CADENCE] == pytest.approx(1.0)
    assert pace[LOG_STRIDE] == pytest.approx(statistics().pace[LOG_STRIDE], abs=0.2)
    assert fit.statistics.pace_spread == pytest.approx(statistics().pace_spread, rel=0.5)


def test_too_little_to_fit_is_one_line():
    with pytest.raises(GaitError, match="at least three"):
        fit_statistics(walks(2, 2))
    with pytest.raises(GaitError, match="at least three"):
        fit_statistics(walks(4, 2, "schreiber"))
    with pytest.raises(GaitError, match="walks twice"):
        fit_statistics(walks(4, 1))


def test_what_is_written_is_what_is_read(fit: Fit, tmp_path):
    path = tmp_path / "gaits.npz"
    write_statistics(path, fit.statistics)
    with np.load(path) as data:
        for name in GaitStatistics.__dataclass_fields__:
            np.testing.assert_allclose(data[name], getattr(fit.statistics, name), atol=2e-3)
    assert [file.name for file in tmp_path.iterdir()] == ["gaits.npz"]


def test_a_folder_that_is_not_there_is_one_line(fit: Fit, tmp_path):
    with pytest.raises(GaitError, match=r"gaits.npz cannot be written: No such file"):
        write_statistics(tmp_path / "no" / "gaits.npz", fit.statistics)
