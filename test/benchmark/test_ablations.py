"""What each choice of the training is worth, on generated people in the place of real ones."""

import argparse
import pickle
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from rt_gait_ros.datasets.video_walks import GaitSequence, VideoWalks
from rt_gait_ros.errors import UsageError
from rt_gait_ros.resources import resource
from rt_gait_ros.synthesis.people import person
from rt_gait_ros.synthesis.walks import Nuisances, random_scene, random_silhouettes

pytest.importorskip("torch", reason="training takes the extra [train]")
sys.path.append(str(resource("benchmark")))
import ablations

PEOPLE = 8  # as many as views taken out by others' statistics need


def walks_from(view, frames):
    """Silhouettes of eight generated people who walk past, seen from one side."""
    random = np.random.default_rng(0)
    ranges = Nuisances(views=(view,), clothes=0.0, noise=0.0)
    scene = random_scene(ranges, random)
    return [random_silhouettes(person(number), scene, frames, ranges, random) for number in range(PEOPLE)]


@pytest.fixture(scope="module")
def casia(tmp_path_factory):
    """A folder as OpenGait lays CASIA-B out, with two of its views."""
    made = tmp_path_factory.mktemp("casia")
    for view in ("000", "090"):
        for number, frames in enumerate(walks_from(float(view), 12), start=1):
            for sequence in ("nm-01", "nm-05", "cl-01"):
                folder = made / f"{number:03d}/{sequence}/{view}"
                folder.mkdir(parents=True)
                (folder / f"{view}.pkl").write_bytes(pickle.dumps(frames))
    return made


@pytest.fixture
def short(monkeypatch):
    """Trainings of one batch, of fewer walks."""
    monkeypatch.setattr(ablations, "BATCHES", 1)
    few = replace(ablations.CHOICES["usual"].generation, people=4, scenes=2, frames=8)
    shorter = {name: replace(choice, generation=few) for name, choice in ablations.CHOICES.items()}
    monkeypatch.setattr(ablations, "CHOICES", shorter)


def asked(folder, tmp_path, *only, people=None, epochs=1):
    return argparse.Namespace(
        folder=folder, people=people, cohorts=1, epochs=epochs, only=list(only), work=tmp_path / "work"
    )


def test_each_choice_undoes_one_thing():
    usual = asdict(ablations.CHOICES["usual"])
    for name, choice in ablations.CHOICES.items():
        undone = [key for key, value in asdict(choice).items() if value != usual[key]]
        assert len(undone) == (name != "usual"), name


def test_with_one_view_in_a_batch_the_same_people_are_seen_from_all_around():
    usual, one_view = (ablations.CHOICES[name].generations(4) for name in ("usual", "view_one_in_a_batch"))
    assert [made.nuisances.views for made in one_view] == [(0.0,), (90.0,), (180.0,), (270.0,)]
    assert [made.first for made in one_view] == [usual[0].first + number for number in range(4)]
    assert {(made.cohorts, made.people, made.side) for made in one_view} == {(1, usual[0].people, 0.0)}


@pytest.mark.slow
def test_searches_casia_b_plain_and_without_views_and_goes_on_where_it_was(tmp_path, casia, short):
    said: list[str] = []
    rows = ablations.measure(asked(casia, tmp_path, "mirror_off"), said.append)
    names = [f"rank1_{condition}{ending}" for ending in ("", "_centred") for condition in ("NM", "CL")]
    assert [row.name for row in rows] == [f"{name}_{choice}" for choice in ("usual", "mirror_off") for name in names]
    assert all(0.0 <= row.value <= 100.0 for row in rows)
    assert [row.reference_value for row in rows[4:]] == [row.value for row in rows[:4]]
    # one training does for both ways of use
    assert len([line for line in said if line.startswith("epoch")]) == 1
    said.clear()
    again = ablations.measure(asked(casia, tmp_path, "mirror_off"), said.append)
    assert [row.value for row in again] == [row.value for row in rows]
    assert not [line for line in said if line.startswith("epoch")]


@pytest.mark.slow
def test_searches_kth(tmp_path, short, monkeypatch):
    videos = tmp_path / "kth"
    videos.mkdir()
    read = {}
    for condition in ("d1", "d4"):
        for number, frames in enumerate(walks_from(90.0, 36)):
            path = videos / f"person{number:02d}_{condition}.avi"
            path.touch()
            read[path] = VideoWalks((GaitSequence("t0", np.arange(len(frames)), frames),), ((0, len(frames)),))
    monkeypatch.setattr(ablations, "read_all", lambda *_: read)
    rows = ablations.measure(asked(videos, tmp_path), lambda line: None)
    assert [row.name for row in rows] == ["rank1_usual", "eer_usual"]
    with pytest.raises(UsageError, match=r"^--people chooses among CASIA-B's, and .*kth holds KTH: leave it out$"):
        ablations.measure(asked(videos, tmp_path, people="1-4"), lambda line: None)


@pytest.mark.parametrize(
    ("folder", "people", "said"),
    [
        ("nowhere", None, "is not a folder: name one with CASIA-B or KTH"),
        ("", None, "holds neither CASIA-B .folders like 001/nm-01/090. nor KTH .files like person01_d1.avi."),
        ("casia", "1-125", "people '1-125': CASIA-B has 1 to 124, in ranges from low to high"),
        ("casia", "first", "people 'first': write numbers and ranges of them"),
        ("casia", "20-30", "it has none of the people asked for"),
        ("casia", "1-7", "has 7 of the people asked for, and 8 at least are needed"),
    ],
)
def test_a_folder_that_is_neither_and_people_who_are_not_there_are_one_line(tmp_path, casia, folder, people, said):
    with pytest.raises(UsageError, match=said) as refused:
        ablations.measure(asked(casia if folder == "casia" else tmp_path / folder, tmp_path, people=people), print)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "work").exists()


def test_people_who_are_asked_for_and_missing_are_counted(tmp_path, casia):
    said: list[str] = []
    ablations._open(casia, None, said.append)
    assert said == [f"66 of the 74 people asked for are not in {casia}"]


def test_a_run_of_no_batches_is_refused(tmp_path, casia):
    with pytest.raises(UsageError, match="--cohorts and --epochs: give 1 or more"):
        ablations.measure(asked(casia, tmp_path, epochs=0), lambda line: None)
