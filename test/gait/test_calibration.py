import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.calibration import MARGIN_ODDS, Curve


@pytest.fixture
def pairs():
    random = np.random.default_rng(1)
    return random.normal(0.3, 0.1, 3000).clip(0), random.normal(0.6, 0.1, 5000).clip(0)


@pytest.fixture
def fitted(pairs):
    return calibration.fit(*pairs, model="m", false_accept_rate=0.01, source="made up")


def test_probabilities_are_those_of_the_distributions(fitted):
    # two normal distributions of one width: log odds are a line, (0.6 - 0.3) / 0.1^2 steep, zero half-way
    assert fitted.slope == pytest.approx(30, rel=0.05)
    assert fitted.offset / fitted.slope == pytest.approx(0.45, abs=0.005)
    assert fitted.margin == pytest.approx(np.log(MARGIN_ODDS) / fitted.slope)


def test_the_calibration_is_reliable_on_pairs_it_has_not_seen(fitted):
    random = np.random.default_rng(2)
    distance = np.concatenate([random.normal(0.3, 0.1, 20000), random.normal(0.6, 0.1, 20000)])
    same = np.arange(40000) < 20000
    claimed = 1 / (1 + np.exp(-fitted.log_odds(distance)))
    for low in np.arange(0, 1, 0.1):
        inside = (claimed >= low) & (claimed < low + 0.1)
        assert same[inside].mean() == pytest.approx(claimed[inside].mean(), abs=0.05)


def test_the_accept_line_keeps_the_false_accept_rate(pairs, fitted):
    _, impostor = pairs
    assert (impostor <= fitted.accept_distance).mean() <= 0.01
    assert (impostor <= fitted.accept_distance + 0.01).mean() > 0.01


def test_classes_that_do_not_overlap_give_a_finite_slope():
    fitted = calibration.fit(np.full(50, 0.1), np.full(150, 0.9), model="m", false_accept_rate=0.01, source="")
    assert np.isfinite([fitted.slope, fitted.offset]).all()
    assert 0.1 < fitted.accept_distance < 0.9


@pytest.mark.parametrize(
    ("genuine", "impostor", "rate", "says"),
    [
        (np.zeros(9), np.ones(100), 0.1, "too few"),
        (np.zeros(10), np.ones(100), 0.001, "0.01 or more"),
        (np.zeros(10), np.ones(100), 1.0, "below 1"),
        (np.linspace(1, 2, 50), np.linspace(0, 1, 50), 0.1, "cannot be calibrated"),
    ],
)
def test_what_cannot_be_fitted_is_refused(genuine, impostor, rate, says):
    with pytest.raises(UsageError, match=says):
        calibration.fit(genuine, impostor, model="m", false_accept_rate=rate, source="")


def test_posteriors_add_up_to_one_and_leave_room_for_nobody(fitted):
    persons, nobody = fitted.posterior(np.array([0.3, 0.6, 0.6]), 0.5)
    assert persons.sum() + nobody == pytest.approx(1.0)
    assert persons[0] > 0.9
    _, nobody = fitted.posterior(np.array([0.9, 0.9]), 0.5)
    assert nobody > 0.99
    persons, nobody = fitted.posterior(np.array([0.0, 50.0]), 0.5)  # no overflow
    assert persons[0] == pytest.approx(1.0, abs=0.01)


def test_the_line_between_directions_takes_half_of_the_rate(fitted):
    random = np.random.default_rng(3)
    genuine, impostor = random.normal(1.2, 0.1, 4000), random.normal(1.4, 0.1, 4000)
    curve = calibration.fit_company(fitted, genuine, impostor)
    within = fitted.equivalent(impostor, curve) <= fitted.accept_distance
    assert within.mean() == pytest.approx(0.005, abs=0.0005)
    assert curve.slope == pytest.approx(20, rel=0.05)
    far = calibration.fit_company(fitted, genuine - 1.0, impostor)  # there the curve itself takes less
    assert far == calibration.fit_curve(genuine - 1.0, impostor, "m")


def test_probabilities_for_other_days_are_between_those_of_a_day_and_of_walkers_and_name_the_same_people(fitted):
    apart = Curve(fitted.slope / 9, 20.0)
    found = replace(fitted, days=calibration.over_days(fitted, apart))
    assert found.days.slope == pytest.approx(fitted.slope / 3)
    assert found.log_odds(fitted.even) == pytest.approx(0.0, abs=1e-9)
    distance = np.array([fitted.even - 0.1, fitted.even + 0.1])
    np.testing.assert_allclose(found.log_odds(distance), fitted.log_odds(distance) / 3)
    (near, _), before = found.posterior(np.array([0.3, 0.6]), 0.5)[0], fitted.posterior(np.array([0.3, 0.6]), 0.5)[0][0]
    assert 0.5 < near < before
    with pytest.raises(UsageError, match="leave out --days"):
        calibration.over_days(fitted, Curve(fitted.slope * 1.1, 1.0))
    curve = calibration.fit_company(fitted, np.linspace(1.0, 1.3, 50), np.linspace(1.2, 1.6, 400))
    assert calibration.fit_company(found, np.linspace(1.0, 1.3, 50), np.linspace(1.2, 1.6, 400)) == curve


def test_a_calibration_comes_back_and_a_wrong_one_is_refused(tmp_path, fitted):
    (tmp_path / "m").mkdir()
    assert calibration.find(tmp_path, "m") is None
    path = tmp_path / "m" / calibration.FILE_NAME
    calibration.save(path, fitted)
    assert calibration.find(tmp_path, "m") == fitted
    curves = replace(fitted, scene=Curve(3.0, 2.0), company=Curve(2.0, 1.5), days=Curve(4.0, 3.0))
    calibration.save(path, curves)
    assert calibration.find(tmp_path, "m") == curves
    with pytest.raises(GaitError, match="gait model m, not other"):
        calibration.load(path, "other")
    record = json.loads(path.read_text())
    del record["slope"]
    path.write_text(json.dumps(record))
    with pytest.raises(GaitError, match=r"damaged.*rt-gait calibrate"):
        calibration.find(tmp_path, "m")


def test_a_disk_that_is_full_keeps_the_calibration(tmp_path, fitted, full_disk):
    (tmp_path / "m").mkdir()
    path = tmp_path / "m" / calibration.FILE_NAME
    calibration.save(path, fitted)
    line = r"calibration .* cannot be written: No space left on device"
    with full_disk(path.name), pytest.raises(GaitError, match=line):
        calibration.save(path, replace(fitted, slope=0.5))
    assert calibration.find(tmp_path, "m") == fitted
    assert [each.name for each in path.parent.iterdir()] == [calibration.FILE_NAME]


@pytest.mark.parametrize(
    ("field", "value"),
    [(name, value) for name in ("slope", "accept_distance", "sides") for value in (math.nan, -0.2, None, "0.2")]
    + [("offset", math.inf), ("margin", -0.1), ("slope", 0.0), ("genuine", "many"), ("source", 3)]
    + [pytest.param("sides", 10**400, id="sides-huge")]
    + [("scene", {"slope": math.nan, "offset": 1.0}), ("days", {"slope": 0.0, "offset": 1.0})],
)
def test_numbers_that_names_cannot_go_by_are_refused(tmp_path, fitted, field, value):
    """Before, they ended the recogniser with the first track, or names were given by them."""
    path = tmp_path / calibration.FILE_NAME
    path.write_text(json.dumps(asdict(fitted) | {field: value}))
    with pytest.raises(GaitError, match=r"damaged.*rt-gait calibrate"):
        calibration.load(path, "m")


@pytest.mark.parametrize("content", ["3.5", "[]", "null", '{"scene": 1}', "[" * 100_000, "\udcff"])
def test_what_is_json_and_no_calibration_is_refused(tmp_path, content):
    path = tmp_path / calibration.FILE_NAME
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(GaitError, match=r"damaged.*rt-gait calibrate"):
        calibration.load(path, "m")
