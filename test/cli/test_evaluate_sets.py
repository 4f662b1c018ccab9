import argparse
import csv
import json
import os
import pickle

import cv2
import h5py
import keras_files
import numpy as np
import pytest

from rt_gait_ros.cli import evaluate
from rt_gait_ros.datasets import video_walks
from rt_gait_ros.datasets.video_walks import GaitSequence, VideoWalks
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.tum_gaid import POSE
from rt_gait_ros.resources import resource


def rt_gait(*arguments):
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return evaluate.run(parser.parse_args([os.fspath(argument) for argument in arguments]))


def outputs(folder):
    names = {"json": folder / "out.json", "csv": folder / "rows.csv", "det": folder / "det.png"}
    return names, [word for name, path in names.items() for word in (f"--{name}", path)]


@pytest.fixture
def casia_b(tmp_path):
    """Three people of different build from two views, as GaitDatasetB-silh; one sequence is empty, one all black."""
    for person, width in (("075", 20), ("076", 60), ("077", 110)):
        for sequence in ("nm-01", "nm-05", "bg-01", "cl-01"):
            for number, view in enumerate(("000", "090")):
                folder = tmp_path / "set" / person / sequence / view
                folder.mkdir(parents=True)
                mask = np.zeros((240, 320), np.uint8)
                mask[20:220, 160 - width // 2 - number : 160 + width // 2 + number] = 255
                if (person, sequence, view) == ("075", "cl-01", "000"):
                    continue
                if (person, sequence, view) == ("076", "cl-01", "000"):
                    mask[:] = 0
                for frame in range(3):
                    cv2.imwrite(str(folder / f"{person}-{sequence}-{view}-{frame + 1:03}.png"), mask)
    cut_off = tmp_path / "set/077/nm-01/000/077-nm-01-000-001.png"
    cut_off.write_bytes(cut_off.read_bytes()[:40])
    return tmp_path


def test_casia_b_as_table_csv_json_and_plot(casia_b, capsys):
    files, words = outputs(casia_b)
    diagram = casia_b / "reliability.png"
    words = ("--model", "gait_energy_image", "--reliability", diagram, "--workers", "2", *words)
    rt_gait("casia-b", casia_b / "set", "--work", casia_b / "work", *words)
    report = json.loads(files["json"].read_text())
    assert (report["protocol"], report["model"], report["people"]) == ("casia-b", "gait_energy_image", 3)
    assert (report["lost"], report["damaged"], report["missing"]) == (2, 4, 3 * 102)
    found = {name: (each["without_identical_view"], each["probes"]) for name, each in report["summary"].items()}
    assert found == {"NM": (1.0, 6), "BG": (1.0, 6), "CL": (1.0, 4)}
    assert {name: each["eer"] for name, each in report["open_set"].items()} == {"NM": 0.0, "BG": 0.0, "CL": 0.0}
    assert [each["view_centring"] for each in report["variants"]] == ["off"], "three people tell no views"
    with files["csv"].open() as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), {row["view_centring"] for row in rows}) == (12, {"off"})
    assert files["det"].read_bytes().startswith(b"\x89PNG")
    assert diagram.read_bytes().startswith(b"\x89PNG")
    assert 0 <= report.pop("calibration_error") <= 1
    shown = capsys.readouterr()
    assert "24 sequences, 306 missing, 2 lost, 4 silhouettes unusable, 0 pickles refused" in shown.out
    assert "3/3" in shown.err
    rt_gait("casia-b", casia_b / "set", "--work", casia_b / "work", "--model", "gait_energy_image", "--json")
    again = capsys.readouterr()
    assert json.loads(again.out) == report
    assert again.err == "47 of the 50 people asked for are not in " + f"{casia_b / 'set'}\n", "everything was kept"


@pytest.fixture
def households(tmp_path):
    """Four people of different build, each seen for 50 images."""
    for person, width in enumerate(range(8, 40, 8), start=1):
        for sequence in ("nm-01", "nm-05", "bg-01", "cl-01"):
            folder = tmp_path / "set" / f"{person:03}" / sequence / "000"
            folder.mkdir(parents=True)
            frames = np.zeros((50, 64, 64), np.uint8)
            frames[:, :, 32 - width // 2 : 32 + width // 2] = 255
            (folder / "000.pkl").write_bytes(pickle.dumps(frames))
    return tmp_path


def test_households_as_table_csv_and_json(households, capsys):
    words = ("--people", "1-4", "--members", "2", "--households", "2", "--views", "0", "--workers", "1")
    words += ("--work", households / "work", "--model", "gait_energy_image")
    files, out = outputs(households)
    rt_gait("households", households / "set", *words, *out[:4])
    report = json.loads(files["json"].read_text())
    assert (report["protocol"], report["people"], report["lost"]) == ("households", 4, 0)
    assert (report["summary"]["members"], report["summary"]["nearest"]) == (2 * 3 * 6, 1.0)
    with files["csv"].open() as file:
        assert len(list(csv.DictReader(file))) == 3 * 6
    capsys.readouterr()
    rt_gait("households", households / "set", "--people", "1-6", *words[2:])
    shown = capsys.readouterr()
    assert "2 of the 6 people asked for are not in " in shown.err
    assert "Households of 2, gait_energy_image: 2 of 4 people, enrolled from 0 degrees; 0 sequences lost" in shown.out
    assert "one is a stranger" in shown.out
    assert "4/4" not in shown.err, "what was embedded is kept"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--members", "1"], "2 people at least"),
        (["--members", "3"], "a household of 3 and as many strangers need 6"),
        (["--households", "0"], "--households is 1 or more"),
        (["--views", "0,10"], "--views '10': the views are 0, 18"),
        (["--enrolled-view", ""], "--enrolled-view '': the views are 0, 18"),
        (["--enrolled-view", "front"], "--enrolled-view 'front'"),
        (["--model", "gaitset_half"], "gaitset_half"),
    ],
)
def test_what_households_cannot_be_asked_for(households, words, complaint):
    words = ["--work", households / "work", "--model", "gait_energy_image", "--workers", "1", *words]
    with pytest.raises(UsageError, match=complaint):
        rt_gait("households", households / "set", "--people", "1-4", *words)


def test_no_workers_and_no_people_are_refused(casia_b):
    with pytest.raises(UsageError, match="workers"):
        rt_gait("casia-b", casia_b / "set", "--workers", "0")
    (casia_b / "other/001/nm-01/000").mkdir(parents=True)
    with pytest.raises(UsageError, match="none of the people asked for"):
        rt_gait("casia-b", casia_b / "other")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--people", "70-130"], "CASIA-B has 1 to 124"),
        (["--people", "1-74"], "none of the people asked for"),
        (["--people", "75"], "two at least"),
        (["--frames", "-1"], "--frames -1"),
        (["--view-centring", "on"], "3 people are too few to know the views by"),
        (["--view-centring", "on", "--reliability", "x.png"], "leave --view-centring out"),
    ],
)
def test_what_casia_b_cannot_be_asked_for(casia_b, words, complaint):
    with pytest.raises(UsageError, match=complaint):
        rt_gait("casia-b", casia_b / "set", "--work", casia_b / "work", "--model", "gait_energy_image", *words)


def test_pickles_as_opengait_makes_them(tmp_path, capsys):
    """Nine people from three views, all pickled; one pickle would run a command, one sequence is not there."""
    random = np.random.default_rng(0)
    for person, width in enumerate(range(6, 42, 4), start=1):
        for sequence in ("nm-01", "nm-05"):
            for number, view in enumerate(("000", "090", "180")):
                folder = tmp_path / "set" / f"{person:03}" / sequence / view
                folder.mkdir(parents=True)
                frames = np.zeros((4, 64, 64), np.uint8)
                frames[:, 4 * number :, 32 - width // 2 : 32 + width // 2] = 255
                frames[:, :, 5:59] ^= random.integers(0, 30, (4, 64, 54), np.uint8)
                (folder / f"{view}.pkl").write_bytes(pickle.dumps(frames))
    (tmp_path / "set/002/nm-05/000/000.pkl").write_bytes(b"cposix\nsystem\n(S'touch never'\ntR.")
    (tmp_path / "set/003/nm-05/000/000.pkl").unlink()
    words = ("--people", "1-9,20", "--work", tmp_path / "work", "--model", "gait_energy_image", "--workers", "1")
    assert rt_gait("casia-b", tmp_path / "set", *words, "--json", tmp_path / "out.json") == 0
    report = json.loads((tmp_path / "out.json").read_text())
    assert (report["people"], report["sequences"], report["lost"], report["refused"]) == (9, 54, 2, 1)
    assert [each["view_centring"] for each in report["variants"]] == ["off", "others"]
    assert report["summary"]["NM"]["probes"] == 25
    shown = capsys.readouterr()
    assert "1 of the 10 people asked for are not in" in shown.err
    assert "names posix.system, and only arrays may be in it" in shown.err
    assert "view centring others (view told right: " in shown.out


@pytest.fixture
def tum_gaid(tmp_path):
    """Two people who move to the right and to the left, prepared, and a small 2D-CNN."""
    pytest.importorskip("torch", reason="needs the extra [train]")
    from rt_gait_ros.networks.flow_export import export_flow_network, write_flow
    from rt_gait_ros.networks.keras_checkpoints import load_flow_network

    layers = keras_files.weights("flow2d", keras_files.NARROW["flow2d"], 6)
    network = load_flow_network(keras_files.write(tmp_path / "m.hdf5", layers))
    write_flow(export_flow_network(*network), tmp_path / "models", "flow2d")
    draw = np.random.default_rng(0)
    for part, sequence in (("ft", "n01"), ("test_n05-06", "n05"), ("test_b01-02", "b01")):
        folder = tmp_path / "set" / f"tfimdb_tum_gaid_N155_{part}_of25_60x60"
        folder.mkdir(parents=True)
        for person, speed in (("p160", 600), ("p161", -600)):
            for window in range(4):
                data = draw.integers(-20, 20, (60, 60, 50)).astype(np.int16)
                data[10:50, 25:35, 0::2] += speed
                with h5py.File(folder / f"{person}-{sequence}-{window + 1:02}.h5", "w") as file:
                    file["data"] = data
    return tmp_path


def test_tum_gaid_as_table_csv_json_and_plot(tum_gaid, capsys):
    files, words = outputs(tum_gaid)
    common = ["--model", "flow2d", "--repository", tum_gaid / "models", "--work", tum_gaid / "work"]
    rt_gait("tum-gaid", tum_gaid / "set", *common, *words)
    report = json.loads(files["json"].read_text())
    assert (report["protocol"], report["model"], report["lost"]) == ("tum-gaid", "flow2d", 0)
    assert [(row["probe"], row["rank1"], row["probes"], row["samples"]) for row in report["rows"]] == [
        ("N#5-6", 1.0, 2, 8),
        ("B#1-2", 1.0, 2, 8),
    ]
    assert files["det"].read_bytes().startswith(b"\x89PNG")
    assert "2 people, 6 videos, 0 of them lost" in capsys.readouterr().out
    with pytest.raises(UsageError, match="gait model flow2d has no calibration"):
        rt_gait("tum-gaid", tum_gaid / "set", *common, "--reliability", tum_gaid / "reliability.png")
    people = tum_gaid / "people.txt"
    people.write_text("p160\n")
    with pytest.raises(UsageError, match="less than two people"):
        rt_gait("tum-gaid", tum_gaid / "set", *common, "--people", people)
    people.write_text("Ada\n")
    with pytest.raises(UsageError, match="must be a person's number"):
        rt_gait("tum-gaid", tum_gaid / "set", *common, "--people", people)


def test_tum_gaid_wants_a_flow_network(tum_gaid):
    with pytest.raises(UsageError, match="takes silhouette frames; this set gives flow"):
        rt_gait("tum-gaid", tum_gaid / "set", "--model", "gait_energy_image")


def test_kth_by_the_votes_of_a_network_on_flow(tum_gaid, capsys):
    """Two people who walk to the right and to the left, and a video of nobody, all seen already."""
    models, work = tum_gaid / "models", tum_gaid / "work"
    for name in (POSE.detector, POSE.person_model):
        (models / name).symlink_to(resource("model_repository") / name)
    settings = video_walks._settings(models, "flow")
    draw = np.random.default_rng(1)
    for person, speed, count in (("01", 600, 40), ("02", -600, 40), ("03", 0, 0)):
        for condition in ("d1", "d4"):
            video = tum_gaid / "kth" / f"person{person}_{condition}.avi"
            video.parent.mkdir(exist_ok=True)
            video.write_text(video.name)
            frames = draw.integers(-20, 20, (count, 60, 60, 2)).astype(np.int16)
            frames[:, 10:50, 25:35, 0] += speed
            places = np.array([(number, 100.0, 200.0) for number in range(count)])
            walks = (GaitSequence("aaaaa", np.arange(count), frames, places),) if count else ()
            work.mkdir(exist_ok=True)
            path = work / f"{video_walks._key(video, settings)}.npz"
            video_walks.store(path, VideoWalks(walks, ((0, 39), (60, 90))))
    common = ["--model", "flow2d", "--repository", models, "--work", work]
    files, words = outputs(tum_gaid)
    rt_gait("kth", tum_gaid / "kth", *common, *words)
    report = json.loads(files["json"].read_text())
    assert (report["protocol"], report["model"], report["people"], report["lost"]) == ("kth-flow", "flow2d", 2, 2)
    rows = [(row["gallery"], row["probe"], row["rank1"], row["probes"], row["samples"]) for row in report["rows"]]
    assert rows == [("d1", "d4", 1.0, 2, 8), ("d4", "d1", 1.0, 2, 8)]
    assert "2 people, 6 videos, 2 of them lost" in capsys.readouterr().out
    for words in (["--fuse", "flow2d"], ["--scene-normalisation", "on"], ["--plot", tum_gaid / "kth.png"]):
        with pytest.raises(UsageError, match="flow2d takes flow, and the windows of a video vote: leave --fuse"):
            rt_gait("kth", tum_gaid / "kth", *common, *words)
