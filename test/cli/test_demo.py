import argparse

import pytest

from rt_gait_ros.cli import demo
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
