import argparse
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.cli import demo
from rt_gait_ros.cli.demo_session import Outcome
from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.demo.report import Enrolment, Verdict
from rt_gait_ros.demo.table import LiveTable
from rt_gait_ros.demo.video import Video
from rt_gait_ros.errors import UsageError


def parse(*words):
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("words", [("--source", "walk.mp4"), ("--enroll-until", "3")])
def test_a_video_of_ones_own_needs_both_arguments(tmp_path, words):
    with pytest.raises(UsageError, match="--source and --enroll-until go together"):
        demo.run(parse(*words, "-o", str(tmp_path)))


def test_a_missing_video_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.mp4 does not exist; name a video file"):
        demo.run(parse("-s", "nowhere.mp4", "--enroll-until", "3", "-o", str(tmp_path)))


@pytest.mark.parametrize("place", ["/proc/demo", __file__])
def test_a_folder_that_cannot_be_is_named(place):
    with pytest.raises(UsageError, match=f"{place} cannot be made a folder .* --output"):
        demo.run(parse("-o", place))


def test_json_goes_to_standard_output_unless_a_file_is_named():
    assert parse().json is None
    assert parse("--json").json == "-"
    assert parse("--json", "report.json").json == "report.json"


@pytest.mark.parametrize(
    ("words", "speeds"),
    [
        ((), (1.0, 0.5, 0.25)),
        (("--speed", "0.5"), (0.5,)),
        (("--record", "bag"), (1.0,)),
        (("--source", "walk.mp4", "--enroll-until", "3"), (1.0,)),
    ],
)
def test_only_the_footage_is_played_again_and_only_where_nobody_says_how_fast(words, speeds):
    assert tuple(demo._speeds(parse(*words))) == speeds


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "1000"])
def test_a_speed_that_is_none_is_refused(tmp_path, speed):
    with pytest.raises(UsageError, match=r"speed is .*; set it to a number from 0\.01 to 100"):
        demo.run(parse("-o", str(tmp_path), f"--speed={speed}"))


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_refused_before_anything_starts(tmp_path, name):
    with pytest.raises(UsageError, match="--name is empty"):
        demo.run(parse("-o", str(tmp_path / "out"), f"--name={name}"))
    assert not (tmp_path / "out").exists()


class TestPlaying:
    """How often the footage is played. What a run gives is made up; runs are tested in test_demo_session.py."""

    @pytest.fixture
    def play(self, monkeypatch):
        def play(*outcomes):
            """outcomes: (recognised, stranger named) of each run; returns the reports and the lines that were said."""
            verdicts = iter([Verdict(known, ("bbbbb",) if wrong else ()) for known, wrong in outcomes])
            lines = []

            def session(video, name, logs, watch, say, record, speed):
                return Outcome(Recording(video.times, speed, [1]), Enrolment(name, person_id="p1"), {})

            monkeypatch.setattr(demo, "run_session", session)
            monkeypatch.setattr(demo, "judge", lambda *_: next(verdicts))
            table = LiveTable(StringIO(), 20)
            monkeypatch.setattr(table, "say", lines.append)
            video = Video(Path("walk.mp4"), 1.0, 64, 64, np.zeros(2))
            return demo._play(video, 100.0, {}, parse(), table)[1], lines

        return play

    def test_once_where_the_walker_is_recognised(self, play):
        report, lines = play((True, False))
        assert (report["passed"], report["speed"], report["earlier"], lines) == (True, 1.0, [], [])

    def test_more_slowly_until_the_walker_is_recognised(self, play):
        report, lines = play((False, False), (False, False), (True, False))
        assert (report["passed"], report["speed"]) == (True, 0.25)
        assert [run["speed"] for run in report["earlier"]] == [1.0, 0.5]
        assert lines[0] == (
            "the walker was not recognised, 0 of 1 images were answered: playing the footage again at 0.5 of its pace"
        )

    def test_a_wrong_name_is_the_end(self, play):
        report, _ = play((False, True))
        assert (report["passed"], report["speed"]) == (False, 1.0)

    def test_in_the_end_it_has_failed(self, play):
        report, lines = play(*[(False, False)] * 3)
        assert (report["passed"], report["speed"], len(lines)) == (False, 0.25, 2)
