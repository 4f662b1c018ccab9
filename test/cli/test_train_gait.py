import contextlib
import json
import pickle

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

import torch

from rt_gait_ros.cli.main import main
from rt_gait_ros.networks.set_networks import CentredGaitSet, GaitBase, GaitSet
from rt_gait_ros.training.cohorts import ALIKE, FILMED, FILMED_ALIKE, Generation, generate_cohort

BRIEF = [
    "--network",
    "centred-gaitset-small",
    "--epochs",
    "1",
    "--steps",
    "1",
    "--batch-people",
    "2",
    "--scenes",
    "2",
    "--frames",
    "2",
]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Eight people of two walks each, as silhouettes."""
    folder = tmp_path_factory.mktemp("people")
    cohort = generate_cohort(Generation(people=8, scenes=2, frames=8), 0)
    for who, walks in enumerate(cohort):
        for scene, frames in zip(("hall", "yard"), walks, strict=True):
            (folder / f"p{who}" / scene).mkdir(parents=True)
            for number, frame in enumerate(frames):
                square = cv2.copyMakeBorder(frame, 0, 0, 10, 10, cv2.BORDER_CONSTANT)
                cv2.imwrite(str(folder / f"p{who}" / scene / f"{number:03d}.png"), square)
    return folder


def test_people_of_your_own_are_trained_on(people, tmp_path, capsys):
    torch.manual_seed(0)
    torch.save(CentredGaitSet(16).state_dict(), tmp_path / "start.pth")
    command = ["train", "gait", "--data", str(people), "--init", str(tmp_path / "start.pth"), *BRIEF]
    assert main([*command, "--output", str(tmp_path / "run"), "--json"]) == 0
    answer = capsys.readouterr()
    figures = json.loads(answer.out)
    assert 0.0 <= figures["rank1"] <= 1.0
    assert "training on 6 people" in answer.err
    assert (tmp_path / "run/network.pth").is_file()
    assert cv2.imread(str(tmp_path / "run/curve.png")) is not None


def test_too_few_people_are_refused(people, tmp_path, capsys):
    (tmp_path / "few").mkdir()
    for who in ("p0", "p1"):
        (tmp_path / "few" / who).symlink_to(people / who)
    assert main(["train", "gait", "--data", str(tmp_path / "few"), "--output", str(tmp_path / "run"), *BRIEF]) == 2
    assert "holds 2 people to train on who walk: 4 are the least" in capsys.readouterr().err


@pytest.fixture(scope="module")
def data_set(tmp_path_factory):
    """Seven people of a data set as OpenGait lays it out."""
    folder = tmp_path_factory.mktemp("opengait")
    cohort = generate_cohort(Generation(people=7, scenes=2, frames=8), 1)
    for who, walks in enumerate(cohort, start=1):
        for view, frames in zip(("000", "090"), walks, strict=True):
            path = folder / f"{who:03}" / "nm-01" / view / f"{view}.pkl"
            path.parent.mkdir(parents=True)
            path.write_bytes(pickle.dumps(np.pad(frames, ((0, 0), (0, 0), (10, 10)))))
    return folder


def test_a_data_set_is_trained_on_by_its_split(data_set, tmp_path, capsys):
    words = [*BRIEF, "--output", str(tmp_path / "run"), "--json"]
    assert main(["train", "gait", "--data", str(data_set), "--people", "1-4", *words]) == 0
    answer = capsys.readouterr()
    assert "training on 4 people (1-4) of " in answer.err
    assert json.loads(answer.out)["data"].startswith("4 people (1-4) of ")
    # the same folder is not gone on with for other people
    assert main(["train", "gait", "--data", str(data_set), "--people", "1-5,60,61", *words]) == 2
    assert f"2 of the 7 people asked for are not in {data_set}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--people", "1"], "holds 1 people to train on who walk: 4 are the least"),
        (["--people", "50-60"], "holds 0 people to train on"),
        (["--people", "x"], "write numbers and ranges"),
        (["--people", "1-4", "--test-people", "4-6"], "both have 4"),
        (["--people", "1-4", "--test-people", "90"], "0 of them walk in the folder"),
        (["--people", "80-90", "--test-people", "91"], "has none of the people asked for"),
    ],
)
def test_people_who_cannot_be_trained_on_are_one_line(data_set, tmp_path, capsys, words, complaint):
    command = ["train", "gait", "--data", str(data_set), "--output", str(tmp_path / "run"), *BRIEF, *words]
    assert main(command) == 2
    assert sum(complaint in line for line in capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", ["--cohorts", "--filmed", "--alike", "--filmed-alike"])
def test_options_of_virtual_people_do_not_go_with_a_folder(data_set, tmp_path, capsys, option):
    command = ["train", "gait", "--data", str(data_set), "--output", str(tmp_path / "run"), *BRIEF, option]
    assert main([*command, "1"]) == 2
    assert f"{option} is of virtual persons: leave it out with --data" in capsys.readouterr().err
    assert main([*command[:2], "--output", str(tmp_path / "run"), *BRIEF, option, "-1"]) == 2
    assert f"{option} -1: give 0 or more" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


class Counted:
    """Stands in for VirtualCohorts: batches say whose they are."""

    def __init__(self, folder, generation, *_):
        self.people, self.first = generation.cohorts * generation.people, generation.first
        self.walks = generation.scenes

    def draw(self, *_):
        return self.first


@pytest.mark.parametrize(
    ("words", "shares", "said"),
    [
        (
            ["--cohorts", "2", "--alike", "3", "--filmed", "4"],
            {0: 0.1875, ALIKE.first: 0.5625, FILMED.first: 0.25},
            "64 virtual people, 96 nearly alike, 64 filmed",
        ),
        (
            ["--cohorts", "0", "--alike", "3", "--filmed", "2", "--filmed-alike", "2"],
            {ALIKE.first: 0.75, FILMED.first: 0.0625, FILMED_ALIKE.first: 0.1875},
            "96 nearly alike, 32 filmed, 32 filmed and nearly alike",
        ),
        (["--cohorts", "0", "--alike", "3"], {ALIKE.first: 1.0}, "96 nearly alike"),
        (["--cohorts", "0", "--filmed-alike", "3"], {FILMED_ALIKE.first: 1.0}, "48 filmed and nearly alike"),
    ],
)
def test_batches_are_of_the_people_who_are_asked_for(monkeypatch, tmp_path, words, shares, said):
    """A quarter is filmed; of these and of the others three quarters are of people who are alike. The run says so."""
    seen = []
    monkeypatch.setattr("rt_gait_ros.training.cohorts.VirtualCohorts", Counted)
    monkeypatch.setattr("rt_gait_ros.training.gait.train_gait", lambda *given: seen.append(given) or 1 / 0)
    with contextlib.suppress(ZeroDivisionError):
        main(["train", "gait", *BRIEF, *words, "--output", str(tmp_path / "run")])
    (_, cohorts, validation, folder, *_), random = seen[0], np.random.default_rng(0)
    drawn = [cohorts.draw(random, 1, 1, 1) for _ in range(2000)]
    assert {first: drawn.count(first) / len(drawn) for first in set(drawn)} == pytest.approx(shares, abs=0.04)
    assert validation.people == 64
    assert said in folder.settings.values()


def test_nobody_to_train_on_is_refused(tmp_path, capsys):
    assert main(["train", "gait", "--cohorts", "0", "--output", str(tmp_path / "run"), *BRIEF]) == 2
    assert "--cohorts 0 leaves nobody to train on: give --alike as well" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_virtual_people_have_no_numbers_to_choose(tmp_path, capsys):
    assert main(["train", "gait", "--people", "1-4", "--output", str(tmp_path / "run"), *BRIEF]) == 2
    assert "name it with --data" in capsys.readouterr().err


def test_the_recipe_of_gaitset_gives_other_defaults(monkeypatch, data_set, tmp_path):
    """What is said on the command line goes before the recipe."""
    seen = []
    monkeypatch.setattr("rt_gait_ros.training.gait.train_gait", lambda training, *_: seen.append(training) or 1 / 0)
    words = ["train", "gait", "--data", str(data_set), "--recipe", "gaitset", "--frames", "9"]
    with contextlib.suppress(ZeroDivisionError):
        main([*words, "--output", str(tmp_path / "run")])
    (training,) = seen
    assert (training.loss, training.people, training.scenes, training.frames) == ("triplet", 8, 16, 9)
    assert (training.learning_rate, training.network, training.epochs) == (1e-4, "centred-gaitset", 20)


def test_gaitbase_is_trained_on_by_its_triplets(monkeypatch, data_set, tmp_path, capsys):
    seen = []
    monkeypatch.setattr("rt_gait_ros.training.gait.train_gait", lambda training, *_: seen.append(training) or 1 / 0)
    torch.save({"model": GaitBase(2).state_dict()}, tmp_path / "GaitBase-60000.pt")
    words = ["train", "gait", "--data", str(data_set), "--init", str(tmp_path / "GaitBase-60000.pt")]
    with contextlib.suppress(ZeroDivisionError):
        main([*words, "--output", str(tmp_path / "run")])
    (training,) = seen
    assert (training.network, training.loss, training.frames) == ("gaitbase", "triplet", 3)
    capsys.readouterr()
    assert main([*words, "--loss", "circle", "--output", str(tmp_path / "other")]) == 2
    assert "loss circle is of embeddings of length 1, which gaitbase's are not" in capsys.readouterr().err


def test_weights_of_another_size_are_refused(people, tmp_path, capsys):
    torch.save(CentredGaitSet(8).state_dict(), tmp_path / "start.pth")
    command = ["train", "gait", "--data", str(people), "--init", str(tmp_path / "start.pth"), *BRIEF]
    assert main([*command, "--output", str(tmp_path / "run")]) == 2
    assert "has 8 filters in its first layer, which no network has: centred-gaitset 32, " in capsys.readouterr().err
    torch.save(CentredGaitSet(32).state_dict(), tmp_path / "start.pth")
    assert main([*command, "--output", str(tmp_path / "run")]) == 2
    assert "is a centred-gaitset and not a centred-gaitset-small: leave --network out" in capsys.readouterr().err


def test_gaitset_is_pruned_trained_on_and_trained_on_again(people, tmp_path, capsys):
    """A checkpoint as GaitSet's authors write it; the widths are those that pruning left."""
    torch.manual_seed(0)
    state = {f"module.{name}": value for name, value in GaitSet(8).state_dict().items()}
    torch.save(state, tmp_path / "GaitSet-encoder.ptm")
    pruned = str(tmp_path / "pruned.ptm")
    assert main(["prune", "gait", str(tmp_path / "GaitSet-encoder.ptm"), "--share", "0.2", "--output", pruned]) == 0
    command = ["train", "gait", "--data", str(people), "--init", pruned, *BRIEF[2:], "--output", str(tmp_path / "run")]
    assert main(command) == 0
    assert main(command) == 0
    assert "has its 1 epochs; more --epochs extend it" in capsys.readouterr().err
    assert main([*command, "--epochs", "2"]) == 0
    assert "going on after epoch 1" in capsys.readouterr().err
    widths = [
        {name: tuple(value.shape) for name, value in torch.load(file, weights_only=True).items() if name != "prior"}
        for file in (pruned, tmp_path / "run/network.pth")
    ]
    assert widths[0] == widths[1]


def test_another_init_of_the_same_shape_does_not_go_on_with_a_run(people, tmp_path, capsys):
    torch.manual_seed(0)
    for name in ("one", "other"):
        torch.save(CentredGaitSet(16).state_dict(), tmp_path / f"{name}.pth")
    command = ["train", "gait", "--data", str(people), *BRIEF, "--output", str(tmp_path / "run")]
    assert main([*command, "--init", str(tmp_path / "one.pth")]) == 0
    capsys.readouterr()
    for words in (["--init", str(tmp_path / "other.pth")], []):
        assert main([*command, *words]) == 2
        (line,) = [line for line in capsys.readouterr().err.splitlines() if "holds a run" in line]
        assert "holds a run with init weights " in line
    (tmp_path / "one.pth").rename(tmp_path / "moved.pth")
    assert main([*command, "--init", str(tmp_path / "moved.pth")]) == 0
