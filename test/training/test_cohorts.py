from dataclasses import replace

import cv2
import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.training.cohorts import FILMED, FolderCohorts, Generation, VirtualCohorts, generate_cohort, read_folder

SMALL = Generation(cohorts=2, people=3, scenes=2, frames=10)


def test_a_cohort_is_the_same_whenever_it_is_generated():
    first, again = generate_cohort(SMALL, 1), generate_cohort(SMALL, 1)
    assert first.shape == (3, 2, 10, 64, 44)
    assert (first == again).all()
    assert (first != generate_cohort(SMALL, 0)).any()


def test_people_are_filmed(tmp_path, model_repository):
    few = replace(FILMED, cohorts=1, people=2, scenes=1, frames=4)
    cohorts = VirtualCohorts(tmp_path, few, 1, lambda line: None, model_repository)
    batch = cohorts.draw(np.random.default_rng(0), people=2, scenes=1, frames=2)
    assert batch.shape == (2, 1, 2, 64, 44)
    # soft edges, and everybody as tall as the picture
    assert (batch.max(axis=(3, 4)) > 200).all()
    assert (batch.max(axis=4) > 100).mean() > 0.9


def test_generation_goes_on_and_is_drawn_from(tmp_path):
    lines: list[str] = []
    VirtualCohorts(tmp_path, SMALL, 1, lines.append)
    assert lines == ["6/6 virtual people generated"]
    (tmp_path / "cohorts_0" / "00001.npy").unlink()
    cohorts = VirtualCohorts(tmp_path, SMALL, 1, lines.append)
    batch = cohorts.draw(np.random.default_rng(0), people=2, scenes=2, frames=4)
    assert batch.shape == (2, 2, 4, 64, 44)
    assert batch.dtype == np.uint8
    assert (batch.reshape(2, 2, -1).max(axis=2) > 200).all()


def test_other_people_in_the_folder_are_refused(tmp_path):
    VirtualCohorts(tmp_path, SMALL, 1, lambda line: None)
    with pytest.raises(UsageError, match="other settings"):
        VirtualCohorts(tmp_path, Generation(cohorts=2, people=3, scenes=2, frames=10, shape=1.0), 1, lambda line: None)


def walk(value: int, frames: int = 9) -> np.ndarray:
    return np.full((frames, 64, 64), value, np.uint8)


def test_a_scene_is_one_for_everybody_who_was_there():
    people = {"ada": {"hall": [walk(1)], "yard": [walk(2)]}, "ben": {"hall": [walk(3), walk(4)]}}
    batch = FolderCohorts(people).draw(np.random.default_rng(0), people=2, scenes=2, frames=12)
    ada, ben = batch[:, :, 0, 0, 0]
    assert sorted(ada) == [1, 2]
    assert set(ben) <= {3, 4}


def test_people_with_a_single_walk_teach_nothing():
    with pytest.raises(UsageError, match="and 1 are there"):
        FolderCohorts({"ada": {"hall": [walk(1), walk(2)]}, "ben": {"hall": [walk(3)]}})


def test_a_folder_of_silhouettes_is_read(tmp_path):
    for scene, count in (("hall", 9), ("yard", 3)):
        (tmp_path / "ada" / scene).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(tmp_path / "ada" / scene / f"{number}.png"), walk(200)[0])
    walks = read_folder(tmp_path, tmp_path, tmp_path / "work", 1, lambda line: None)
    assert {who: list(scenes) for who, scenes in walks.items()} == {"ada": ["hall"]}
    assert walks["ada"]["hall"][0].shape == (9, 64, 64)


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_another_layout_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="PERSON/SCENE"):
        read_folder(tmp_path / name, tmp_path, tmp_path / "work", 1, lambda line: None)
