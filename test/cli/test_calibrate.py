import argparse
import json
import os
import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest

from rt_gait_ros.cli import calibrate
from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.calibration import Curve
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_file import Template

MODEL = "gait_energy_image"


@pytest.fixture
def gallery(tmp_path):
    """Twelve people of three walks each, who differ more from each other than from themselves."""
    random = np.random.default_rng(1)
    gallery = Gallery(tmp_path / "people")
    for number in range(12):
        person = random.normal(0, 1, 2816)
        walks = [Template((person + random.normal(0, 0.3, 2816))[None] / 60, 1) for _ in range(3)]
        gallery.add(f"person {number}", walks, model=MODEL, gait_frame_kind="silhouette")
    return gallery


def rt_gait(*arguments):
    parser = argparse.ArgumentParser()
    calibrate.add_arguments(parser)
    return calibrate.run(parser.parse_args(["--model", MODEL, *(os.fspath(argument) for argument in arguments)]))


def test_a_gallery_is_enough(gallery, tmp_path, capsys):
    written = tmp_path / "calibration.json"
    assert rt_gait("--gallery", gallery.path, "--output", written, "--json", "-") == 0
    said = json.loads(capsys.readouterr().out)
    fitted = calibration.load(written, MODEL)
    assert (said["genuine"], said["impostor"]) == (36, 594)
    assert said["accept_distance"] == fitted.accept_distance
    assert said["false_reject_rate"] == 0.0
    assert fitted.source == "people"


def test_more_enrolled_persons_need_a_stricter_line(gallery, tmp_path):
    lines = []
    for persons in ("1", "20"):
        path = tmp_path / f"{persons}.json"
        rt_gait("--gallery", gallery.path, "--output", path, "--false-accept-rate", "0.3", "--persons", persons)
        lines.append(calibration.load(path, MODEL).accept_distance)
    assert lines[1] < lines[0]


def test_bad_requests_are_refused_and_write_nothing(gallery, tmp_path):
    written = tmp_path / "calibration.json"
    with pytest.raises(UsageError, match="recording"):
        rt_gait("nowhere.mp4", "--output", written)
    with pytest.raises(UsageError, match="two persons at least"):
        rt_gait("--generated", "1", "--output", written)
    with pytest.raises(UsageError, match="name it with --labelled"):
        rt_gait("--people", "1-3", "--output", written)
    with pytest.raises(UsageError, match="there is no gallery"):
        rt_gait("--gallery", tmp_path / "nobody.gallery", "--output", written)
    with pytest.raises(UsageError, match="is not a folder"):
        rt_gait("--labelled", tmp_path / "nowhere", "--output", written)
    with pytest.raises(UsageError, match="false-accept rate"):
        rt_gait("--gallery", gallery.path, "--output", written, "--false-accept-rate", "0.0001")
    with pytest.raises(UsageError, match="at least 1"):
        rt_gait("--gallery", gallery.path, "--output", written, "--persons", "0")
    with pytest.raises(UsageError, match="eight at least"):
        rt_gait("--gallery", gallery.path, "--output", written, "--company", "2")
    assert not written.exists()


def test_the_reliability_of_the_probabilities_can_be_drawn(gallery, tmp_path, capsys):
    drawn = tmp_path / "curve.png"
    rt_gait("--gallery", gallery.path, "--output", tmp_path / "c.json", "--reliability", drawn, "--json")
    assert 0.0 <= json.loads(capsys.readouterr().out)["calibration_error"] < 0.1
    assert drawn.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("drawn", ["curve.png", "nowhere/curve.png", "curve"])
def test_nothing_is_written_where_the_reliability_cannot_be_told_or_drawn(gallery, tmp_path, drawn):
    """Of the twelve pairs of one person, each fifth is rated by a fit to nine or ten, and ten are needed."""
    written = tmp_path / "calibration.json"
    source = gallery.path
    if drawn == "curve.png":
        for person in gallery.persons[4:]:
            gallery.forget(person.person_id)
    with pytest.raises(UsageError, match="too few" if drawn == "curve.png" else "cannot be written"):
        rt_gait(
            "--gallery", source, "--false-accept-rate", "0.3", "--output", written, "--reliability", tmp_path / drawn
        )
    assert not written.exists()
    assert not (tmp_path / drawn).exists()


def test_generated_walkers_are_the_usual_source(tmp_path, capsys):
    written = tmp_path / "calibration.json"
    words = ("--generated", "8", "--work", tmp_path / "work", "--workers", "1", "--output", written)
    assert rt_gait(*words, "--false-accept-rate", "0.2", "--json", "-") == 0  # of eight people, none knows a scene
    said = json.loads(capsys.readouterr().out)
    fitted = calibration.load(written, MODEL)
    assert fitted.source == "8 generated walkers"
    assert (said["genuine"], said["impostor"]) == (8 * 28, 28 * 64)
    assert [(row["one_view"], row["scene_normalisation"]) for row in said["rows"]][:2] == [
        (False, False),
        (True, False),
    ]
    everybody, one_view = said["rows"][:2]
    assert everybody["false_accept_rate"] <= 0.2
    assert one_view["false_accept_rate"] <= 0.2
    assert max(everybody["false_accept_rate"], one_view["false_accept_rate"]) > 0.15, "no stricter than it must be"
    rt_gait(*words, "--false-accept-rate", "0.2")
    assert "ships no views: without them people are more alike" in capsys.readouterr().out


def test_a_stored_calibration_is_given_probabilities_for_other_days(gallery, tmp_path, capsys, model_repository):
    written = tmp_path / "days.json"
    words = ("--days", "8", "--work", tmp_path / "work", "--workers", "1", "--output", written, "--json")
    assert rt_gait(*words) == 0
    said, stored = json.loads(capsys.readouterr().out), calibration.find(model_repository, MODEL)
    fitted = calibration.load(written, MODEL)
    assert replace(fitted, days=None, source="") == replace(stored, days=None, source="")
    assert fitted.source == f"{stored.source}; probabilities for other days: 8 generated walkers"
    assert 0.0 < fitted.days.slope < fitted.slope
    assert said["days"]["slope"] == fitted.days.slope
    rt_gait("--gallery", gallery.path, *words)
    of_gallery = calibration.load(written, MODEL)
    assert of_gallery.genuine == 36
    assert of_gallery.days is not None
    assert of_gallery.source.endswith("; probabilities for other days: 8 generated walkers")
    for more in (("--generated", "8"), ("--labelled", tmp_path)):
        with pytest.raises(UsageError, match="of several days by themselves"):
            rt_gait(*words, *more)
    for fits in (("--source", "the hall"), ("--false-accept-rate", "0.05"), ("--scene-normalisation", "off")):
        with pytest.raises(UsageError, match="--days and --sides alone change nothing else"):
            rt_gait(*words, *fits)  # the last two were overlooked before
    bare = tmp_path / "bare"
    bare.mkdir()
    with pytest.raises(UsageError, match="has no calibration to give --days to"):
        rt_gait(*words, "--repository", bare)


def test_a_stored_calibration_is_given_an_allowance_for_other_sides_which_a_new_fit_keeps(
    gallery, tmp_path, capsys, model_repository
):
    own = tmp_path / "own"
    (own / MODEL).mkdir(parents=True)
    for path in (model_repository / MODEL).iterdir():
        (own / MODEL / path.name).symlink_to(path)
    (own / MODEL / calibration.FILE_NAME).unlink()
    stored = calibration.find(model_repository, MODEL)
    calibration.save(own / MODEL / calibration.FILE_NAME, stored)
    assert rt_gait("--sides", "0.125", "--repository", own) == 0
    said = capsys.readouterr().out
    assert (
        f"0.125 is taken off the distance of a walk from the side to one from the front (before: {stored.sides:g})"
        in said
    )
    assert calibration.find(own, MODEL) == replace(stored, sides=0.125)
    rt_gait("--gallery", gallery.path, "--repository", own)
    assert calibration.find(own, MODEL).sides == 0.125
    assert calibration.find(own, MODEL).source != stored.source
    rt_gait("--gallery", gallery.path, "--sides", "0", "--repository", own)
    assert calibration.find(own, MODEL).sides == 0.0
    (own / MODEL / calibration.FILE_NAME).write_text("{")
    capsys.readouterr()
    rt_gait("--gallery", gallery.path, "--repository", own)
    assert "what it took off for other sides, if anything, is not kept" in capsys.readouterr().out
    for wrong in ("-0.1", "nan", "inf"):
        with pytest.raises(UsageError, match="a distance is 0 or more, such as"):
            rt_gait(f"--sides={wrong}", "--repository", own)


def test_reliability_is_of_the_probabilities_that_are_written(gallery, tmp_path, capsys):
    words = ("--gallery", gallery.path, "--output", tmp_path / "c.json", "--reliability", tmp_path / "c.png", "--json")
    rt_gait(*words)
    plain = json.loads(capsys.readouterr().out)["calibration_error"]
    rt_gait(*words, "--days", "8", "--work", tmp_path / "work", "--workers", "1")
    assert json.loads(capsys.readouterr().out)["calibration_error"] != plain


def test_a_new_fit_says_that_probabilities_are_no_longer_for_other_days(gallery, tmp_path, capsys, model_repository):
    (tmp_path / "own" / MODEL).mkdir(parents=True)
    for path in (model_repository / MODEL).iterdir():
        (tmp_path / "own" / MODEL / path.name).symlink_to(path)
    (tmp_path / "own" / MODEL / calibration.FILE_NAME).unlink()
    corrected = replace(calibration.find(model_repository, MODEL), days=Curve(1.0, 1.0))
    calibration.save(tmp_path / "own" / MODEL / calibration.FILE_NAME, corrected)
    for said in (True, False):
        rt_gait("--gallery", gallery.path, "--repository", tmp_path / "own")
        assert ("former probabilities were corrected for other days" in capsys.readouterr().out) is said


@pytest.fixture
def people(tmp_path):
    """Ten people of different breadth on three days from two views, as a data set and as folders of days."""
    random = np.random.default_rng(0)
    for person in range(1, 11):
        for day in ("monday", "friday", "sunday"):
            for number, view in enumerate(("000", "090")):
                frames = np.zeros((24, 64, 64), np.uint8)
                width = 3 * person + 6 * number
                frames[:, :, 32 - width // 2 : 32 + width // 2] = 255
                frames ^= random.integers(0, 60, frames.shape, np.uint8)
                folder = tmp_path / "set" / f"{person:03}" / day / view
                folder.mkdir(parents=True)
                (folder / f"{view}.pkl").write_bytes(pickle.dumps(frames))
                if view == "000":
                    flat = tmp_path / "flat" / f"{person:03}" / day
                    flat.mkdir(parents=True)
                    for place, frame in enumerate(frames):
                        cv2.imwrite(str(flat / f"{place:02}.png"), frame)
    (tmp_path / "set/010/sunday/090/090.pkl").write_bytes(pickle.dumps({}))
    return tmp_path


def test_people_on_several_days_are_compared_across_them(people, capsys):
    written = people / "calibration.json"
    words = ("--work", people / "work", "--workers", "1", "--output", written, "--false-accept-rate", "0.2", "--json")
    rt_gait("--labelled", people / "set", *words)
    shown = capsys.readouterr()
    said = json.loads(shown.out)
    # three days of two views each: 15 pairs less 3 of one day; the tenth lacks one of six looks: 10 pairs less 2
    assert said["genuine"] == 9 * 12 + 8
    assert said["impostor"] == 36 * 36 + 9 * 30
    assert said["source"] == "set"
    assert "1 pickles were refused, the first: " in shown.err
    assert calibration.load(written, MODEL).company is None
    rt_gait("--labelled", people / "set", "--company", "1", *words)
    assert calibration.load(written, MODEL).company is not None
    assert any(row["company"] for row in json.loads(capsys.readouterr().out)["rows"])
    one_view = next(row for row in said["rows"] if row["one_view"])
    assert (one_view["genuine"], one_view["impostor"]) == (9 * 6 + 4, 2 * 9 * 36 + 9 * 15)
    rt_gait("--labelled", people / "flat", "--people", "1-6,60", *words)
    shown = capsys.readouterr()
    assert "1 of the 7 people asked for are not in " in shown.err
    said = json.loads(shown.out)
    assert (said["genuine"], said["impostor"]) == (6 * 3, 15 * 9)


@pytest.mark.parametrize(
    ("numbers", "complaint"), [("1", "only one person walks there"), ("50-60", "has none of the people asked for")]
)
def test_people_who_cannot_be_compared_are_refused(people, numbers, complaint):
    words = ("--work", people / "work", "--workers", "1", "--output", people / "calibration.json")
    with pytest.raises(UsageError, match=complaint):
        rt_gait("--labelled", people / "set", "--people", numbers, *words)
