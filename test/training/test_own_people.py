import pickle

import cv2
import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.training.own_people import FolderCohorts, read_folder


def walk(value: int, frames: int = 9) -> np.ndarray:
    return np.full((frames, 64, 44), value, np.uint8)


def test_a_scene_is_one_for_everybody_who_was_there():
    people = {"ada": {"hall": [walk(1)], "yard": [walk(2)]}, "ben": {"hall": [walk(3), walk(4)]}}
    batch = FolderCohorts(people).draw(np.random.default_rng(0), people=2, scenes=2, frames=12)
    ada, ben = batch[:, :, 0, 0, 0]
    assert sorted(ada) == [1, 2]
    assert set(ben) <= {3, 4}


@pytest.mark.parametrize("scenes", [2, 3])
def test_nobody_has_one_walk_twice_in_a_batch_who_has_others(scenes):
    """Or a walk would be recognised by itself: somebody lacks a scene, and somebody was in one scene alone."""
    people = {
        "ada": {"hall": [walk(1)], "yard": [walk(2)], "lane": [walk(3)]},
        "ben": {"hall": [walk(11), walk(12), walk(13)]},
        "cyd": {"yard": [walk(21)], "lane": [walk(22), walk(23)]},
    }
    cohorts = FolderCohorts(people)
    assert cohorts.walks == 3
    for seed in range(50):
        batch = cohorts.draw(np.random.default_rng(seed), people=3, scenes=scenes, frames=2)
        assert all(len(set(of_one)) == scenes for of_one in batch[:, :, 0, 0, 0].tolist())


def test_more_scenes_than_walks_take_each_walk_before_one_comes_again():
    people = {"ada": {"hall": [walk(1), walk(2)]}, "ben": {"hall": [walk(3)], "yard": [walk(4)]}}
    batch = FolderCohorts(people).draw(np.random.default_rng(0), people=2, scenes=4, frames=2)
    assert sorted(map(sorted, batch[:, :, 0, 0, 0].tolist())) == [[1, 1, 2, 2], [3, 3, 4, 4]]


def test_people_with_a_single_walk_teach_nothing():
    with pytest.raises(UsageError, match="and 1 are there"):
        FolderCohorts({"ada": {"hall": [walk(1), walk(2)]}, "ben": {"hall": [walk(3)]}})


def test_a_folder_of_silhouettes_is_read(tmp_path):
    for scene, count in (("hall", 9), ("yard", 3)):
        (tmp_path / "ada" / scene).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(tmp_path / "ada" / scene / f"{number}.png"), np.full((64, 64), 200, np.uint8))
    found = read_folder(tmp_path, tmp_path, tmp_path / "work", 1, lambda line: None)
    assert {who: list(scenes) for who, scenes in found.walks.items()} == {"ada": ["hall"]}
    assert found.walks["ada"]["hall"][0].shape == (9, 64, 44)
    assert found.notes == ("1 walks of fewer than 8 good silhouettes are left out",)


@pytest.fixture
def data_set(tmp_path):
    """Three people, two sequences, two views, as OpenGait keeps them; some of it is unfit."""
    for person in ("001", "002", "005"):
        for sequence in ("nm-01", "cl-01"):
            for view in ("000", "090"):
                folder = tmp_path / "set" / person / sequence / view
                folder.mkdir(parents=True)
                frames = np.full((9, 64, 64), int(person), np.uint8)
                (folder / f"{view}.pkl").write_bytes(pickle.dumps(frames))
    (tmp_path / "set/002/nm-01/000/000.pkl").write_bytes(pickle.dumps({"frames": 1}))
    (tmp_path / "set/002/cl-01/000/000.pkl").write_bytes(pickle.dumps(np.ones((3, 64, 64), np.uint8)))
    (tmp_path / "set/005/cl-01/090/090.pkl").unlink()
    return tmp_path / "set"


def test_a_data_set_as_opengait_lays_it_out_is_read(data_set, tmp_path):
    lines = []
    found = read_folder(data_set, tmp_path, tmp_path / "work", 1, lines.append)
    counts = {who: {view: len(walks) for view, walks in scenes.items()} for who, scenes in found.walks.items()}
    assert counts == {"001": {"000": 2, "090": 2}, "002": {"090": 2}, "005": {"000": 2, "090": 1}}
    assert (found.walks["005"]["000"][0] == 5).all()
    assert lines == ["3/3 people read"]
    short, refused, lacking = found.notes
    assert short == "1 walks of fewer than 8 good silhouettes are left out"
    assert refused.startswith("1 pickles were refused, the first: ")
    assert "it holds dict" in refused
    assert lacking == "1 of 3 people lack some of the 2 views or scenes"


def test_people_are_chosen_by_their_numbers(data_set, tmp_path):
    found = read_folder(data_set, tmp_path, tmp_path / "work", 1, lambda line: None, range(2, 8))
    assert sorted(found.walks) == ["002", "005"]
    with pytest.raises(UsageError, match="has none of the people asked for"):
        read_folder(data_set, tmp_path, tmp_path / "work", 1, lambda line: None, [3, 4])


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_another_layout_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="PERSON/SCENE"):
        read_folder(tmp_path / name, tmp_path, tmp_path / "work", 1, lambda line: None)
