"""What each example does on generated people, and what it says when something is wrong."""

import csv
from pathlib import Path

import cv2
import pytest

from rt_gait_ros import open_source

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
WALK = "synthetic://crossing?people=1&seed=3&seconds=5"


def last_line(text: str) -> str:
    """The last line of a program that says no more than it has to."""
    assert "Traceback" not in text
    return text.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of somebody who walks by."""
    path = tmp_path_factory.mktemp("walk") / "walk.avi"
    with open_source(WALK, pace=False) as source:
        frames = [frame.image for frame in source]
    height, width = frames[0].shape[:2]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (width, height))
    for frame in frames:
        video.write(frame)
    video.release()
    return path


def test_every_example_explains_itself(in_turn) -> None:
    pages = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    for name, done in zip(NAMES, in_turn(*((name, "--help") for name in NAMES)), strict=True):
        assert done.returncode == 0, done.stderr
        assert f"python3 examples/{name}.py" in done.stdout
        assert f"`{name}.py`" in pages


@pytest.mark.slow
def test_somebody_is_enrolled_and_then_seen_in_a_folder_of_videos(run, walk: Path, tmp_path: Path) -> None:
    done = run("enroll", str(walk), "Ada", "--gallery", "ada.gallery")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("enrolled Ada (")

    again = run("enroll", str(walk), "Ada", "--gallery", "ada.gallery")
    assert again.returncode == 2
    assert "Ada" in last_line(again.stderr)

    seen = run("who_was_when", str(walk.parent), "--gallery", "ada.gallery", "--output", "seen.csv")
    assert seen.returncode == 0, seen.stderr
    with (tmp_path / "seen.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["video"] for row in rows} == {"walk.avi"}
    (named,) = [row for row in rows if row["name"]]
    assert named["name"] == "Ada"
    assert 0.5 < float(named["probability"]) <= 1.0
    assert 0.0 <= float(named["from_s"]) < float(named["to_s"]) <= 5.0


def test_the_webcam_example_says_why_there_is_no_name(run, walk: Path) -> None:
    done = run("webcam", str(walk))
    assert done.returncode == 0, done.stderr
    assert "of 20 good walking frames" in done.stdout
    assert "nobody is enrolled" in last_line(done.stdout)


def test_a_detector_of_ones_own_finds_who_walks(run, walk: Path) -> None:
    done = run("own_detector", str(walk))
    assert done.returncode == 0, done.stderr
    assert "unknown" in done.stdout


def test_a_gait_network_of_ones_own_is_written_and_used(run, walk: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    done = run("own_gait_network", "networks", "--play", str(walk))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "networks/width_profile/1/model.onnx").is_file()
    assert "nobody is enrolled" in last_line(done.stdout)


WRONG = [
    ("webcam", ["nowhere.mp4"], "nowhere.mp4"),
    ("enroll", ["nowhere.mp4", "Ada"], "nowhere.mp4"),
    ("enroll", ["synthetic://standing?people=1&seconds=1", "Ada"], "nobody walks in"),
    ("who_was_when", ["."], "holds no videos"),
    ("who_was_when", ["nowhere"], "nowhere is no folder"),
    ("own_detector", ["nowhere.mp4"], "nowhere.mp4"),
    ("own_gait_network", ["networks", "--play", "nowhere.mp4"], "nowhere.mp4"),
]


def test_what_cannot_be_done_is_one_line(in_turn) -> None:
    answers = in_turn(*((name, *arguments) for name, arguments, _ in WRONG))
    for done, (name, _, line) in zip(answers, WRONG, strict=True):
        assert done.returncode == 2, done.stderr
        assert last_line(done.stderr).startswith(f"{name}: ")
        assert line in last_line(done.stderr)


def test_a_program_ends_with_its_exit_code(run) -> None:
    done = run("webcam", "nowhere.mp4")
    assert done.returncode == 2, done.stderr
    assert "nowhere.mp4" in last_line(done.stderr)
