import shutil
from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.silhouette_spread import Spread, generated_widths
from rt_gait_ros.training.cohorts import (
    ALIKE,
    FILMED,
    WALKERS,
    Generation,
    VirtualCohorts,
    _make_and_store,
    generate_cohort,
)

SMALL = Generation(cohorts=2, people=3, scenes=2, frames=10)


def test_a_cohort_is_the_same_whenever_it_is_generated():
    first, again = generate_cohort(SMALL, 1), generate_cohort(SMALL, 1)
    assert first.shape == (3, 2, 10, 64, 44)
    assert (first == again).all()
    assert (first != generate_cohort(SMALL, 0)).any()


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_walks_are_walks(frames):
    cohort = generate_cohort(replace(SMALL, frames=frames), 0)
    assert cohort.shape == (3, 2, frames, 64, 44)
    assert (cohort.max(axis=(3, 4)) > 200).all()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"frames": 0}, "frames is 0; set it to a number from 1 on"),
        (
            {"people": 1001},
            "people is 1001; set it to a number from 1 to 1000",
        ),  # others of the next one
        ({"cohorts": 0}, "cohorts is 0"),
        ({"scenes": -1}, "scenes is -1"),
        ({"walkers": "nobody"}, "walkers is 'nobody'; set it to one of 'bodies', "),
        ({"side": 1.5}, "side is 1.5"),
    ],
)
def test_what_is_no_generation_is_refused(change, line):
    with pytest.raises(UsageError, match=line):
        replace(SMALL, **change)


def test_a_camera_that_nobody_is_seen_by_ends_with_a_line(monkeypatch):
    """It went on for ever."""
    monkeypatch.setattr("rt_gait_ros.training.cohorts.stroller_silhouettes", lambda *_: np.zeros((3, 64, 64), np.uint8))
    with pytest.raises(UsageError, match=r"^person 0 is not seen whole for long enough in 1000 walks of 10 "):
        generate_cohort(SMALL, 0)


@pytest.mark.parametrize("walkers", WALKERS)
def test_every_kind_of_body_walks_with_either_kind_of_gait(walkers):
    usual, kind = replace(SMALL, usual=1.0, bag=0.0), replace(SMALL, usual=1.0, bag=0.0, walkers=walkers)
    cohort = generate_cohort(kind, 0)
    assert cohort.shape == (3, 2, 10, 64, 44)
    assert (cohort.max(axis=(3, 4)) > 200).all()
    assert (walkers == "bodies") == (cohort == generate_cohort(usual, 0)).all()


def test_people_are_filmed(tmp_path, model_repository):
    few = replace(FILMED, cohorts=1, people=2, scenes=1, frames=4)
    cohorts = VirtualCohorts(tmp_path, few, 1, lambda line: None, model_repository)
    batch = cohorts.draw(np.random.default_rng(0), people=2, scenes=1, frames=2)
    assert batch.shape == (2, 1, 2, 64, 44)
    # soft edges, and everybody as tall as the picture
    assert (batch.max(axis=(3, 4)) > 200).all()
    assert (batch.max(axis=4) > 100).mean() > 0.9


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of generated people, and what was said."""
    folder, lines = tmp_path_factory.mktemp("cohorts"), []
    VirtualCohorts(folder, SMALL, 1, lines.append)
    return folder, lines


@pytest.fixture
def generated(made, tmp_path):
    """A copy of them."""
    return shutil.copytree(made[0], tmp_path / "cohorts")


def test_generation_goes_on_and_is_drawn_from(made, generated):
    tmp_path, lines = generated, list(made[1])
    assert lines == ["6/6 virtual people generated"]
    (tmp_path / "cohorts_0" / "00001.npy").unlink()
    cohorts = VirtualCohorts(tmp_path, SMALL, 1, lines.append)
    batch = cohorts.draw(np.random.default_rng(0), people=2, scenes=2, frames=4)
    assert batch.shape == (2, 2, 4, 64, 44)
    assert batch.dtype == np.uint8
    assert (batch.reshape(2, 2, -1).max(axis=2) > 200).all()


def test_other_people_in_the_folder_are_refused(generated):
    with pytest.raises(UsageError, match="other settings"):
        VirtualCohorts(generated, Generation(cohorts=2, people=3, scenes=2, frames=10, shape=1.0), 1, lambda line: None)


def test_a_folder_whose_settings_were_cut_off_is_refused(generated):
    (settings,) = generated.rglob("generation.json")
    settings.write_text("{")
    with pytest.raises(UsageError, match="other settings"):
        VirtualCohorts(generated, SMALL, 1, lambda line: None)


def test_a_disk_that_is_full_is_one_line_and_the_same_command_goes_on(generated, full_disk):
    cohort = generated / "cohorts_0/00001.npy"
    cohort.unlink()
    line = r"^[^\n]*00001\.npy cannot be written: [^\n]+ goes on from there$"
    with full_disk(cohort.name), pytest.raises(UsageError, match=line):
        _make_and_store(lambda generation, number: np.zeros((2, 3)), SMALL, 1, cohort)
    assert sorted(path.name for path in cohort.parent.iterdir()) == ["00000.npy", "generation.json"]
    assert VirtualCohorts(generated, SMALL, 1, lambda line: None).people == 6


def test_a_disk_that_is_full_at_the_beginning_leaves_nothing_that_keeps_the_same_command_from_going_on(
    generated, tmp_path, full_disk
):
    """Before, half of the settings stayed, and they were taken for those of other people."""
    folder = tmp_path / "run"
    with full_disk("generation.json"), pytest.raises(UsageError, match="cohorts_0 cannot be written: No space left"):
        VirtualCohorts(folder, SMALL, 1, lambda line: None)
    assert not [path for path in folder.rglob("*") if path.is_file()]
    for file in (generated / "cohorts_0").glob("*.npy"):
        shutil.copy(file, folder / "cohorts_0")
    assert VirtualCohorts(folder, SMALL, 1, lambda line: None).people == 6


def test_people_who_are_alike_differ_less_than_others():
    """In the width of rows, as silhouettes of somebody's usual outfit have them."""
    views = ("090",)

    def spread(kind):
        return Spread.of(generated_widths(kind.shape, kind.manner, kind.nuisances, 12, 3, views, lambda line: None))

    alike, others = spread(ALIKE), spread(Generation())
    for band in ("thighs", "shanks"):
        assert alike.between[band] < 0.7 * others.between[band]
    assert sum(alike.within.values()) < 0.7 * sum(others.within.values())
