import json

import pytest

from rt_gait_ros.edge.load import Addresses
from rt_gait_ros.edge.sweep import FAILED, Point, Setting, SweepFile, numbers, read_points
from rt_gait_ros.edge.sweeping import Sweeper
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.serving.inference import InferenceError

CONDITIONS = {"model": "gaitset", "seconds": 3.0}


class Box:
    """A server that answers a request in `batch * concurrency` ms, and breaks off or fails where it is told to."""

    name = "own"

    def __init__(self, breaks=None, fails=None):
        self.breaks, self.fails, self.asked = breaks, fails, []

    def measure(self, setting, on_warm):
        on_warm()
        self.asked.append(setting)
        if setting == self.breaks:
            raise KeyboardInterrupt
        if setting == self.fails:
            raise InferenceError("the server is away")
        took = float(setting.batch * setting.concurrency)
        return Point(setting.protocol, setting.batch, setting.concurrency, requests=10, rate=1000.0, p95_ms=took)


def sweep(folder, box, limit=1e9, concurrency=(1, 4, 8)):
    lines = []
    sweeper = Sweeper(box, SweepFile(folder, CONDITIONS), Addresses("nowhere"), "gaitset", limit, lines.append)
    return sweeper.run(["grpc", "http"], [4, 1], concurrency), lines


def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path):
    first = Box(breaks=Setting("grpc", 4, 4))
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path, first)
    assert len(first.asked) == 5
    second = Box()
    points, lines = sweep(tmp_path, second)
    assert len(points) == 12
    assert second.asked[0] == Setting("grpc", 4, 4)
    assert len(second.asked) == 8
    assert lines[0] == "1 of 12: grpc, batch 1, concurrency 1: 1000.0 inferences/s, p95 1.0 ms (measured before)"


def test_a_line_that_was_cut_off_is_measured_again(tmp_path):
    sweep(tmp_path, Box())
    file = tmp_path / "points.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    again = Box()
    sweep(tmp_path, again)
    assert again.asked == [Setting("http", 4, 8)]


def test_a_point_that_failed_is_kept_with_its_reason_and_tried_again(tmp_path):
    setting = Setting("http", 1, 4)
    points, lines = sweep(tmp_path, Box(fails=setting))
    assert [(point.setting, point.reason) for point in points if point.outcome == FAILED] == [
        (setting, "the server is away")
    ]
    assert any(line.endswith("http, batch 1, concurrency 4: failed, the server is away") for line in lines)
    again = Box()
    sweep(tmp_path, again)
    assert again.asked == [setting]


def test_beyond_the_latency_limit_no_more_load_is_put_on(tmp_path):
    box = Box()
    points, _ = sweep(tmp_path, box, limit=10.0)
    assert Setting("grpc", 4, 8) not in box.asked
    left_out = next(point for point in points if point.setting == Setting("grpc", 4, 8))
    assert left_out.reason == "over 10 ms with 4 requests under way"
    assert left_out.rate is None


def test_a_folder_of_another_sweep_is_refused(tmp_path):
    SweepFile(tmp_path, CONDITIONS)
    with pytest.raises(UsageError, match=r"holds a sweep with seconds 3\.0, and this is with 5\.0: choose another"):
        SweepFile(tmp_path, CONDITIONS | {"seconds": 5.0})


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file cannot be written"):
        SweepFile(tmp_path / "file", CONDITIONS)


def test_a_result_is_read_back_and_another_file_refused(tmp_path):
    sweep(tmp_path, Box())
    entry = {"protocol": "grpc", "batch": 1, "concurrency": 1, "rate": 60.0}
    (tmp_path / "sweep.json").write_text(json.dumps({"conditions": CONDITIONS, "points": [entry]}))
    conditions, (point,) = read_points(tmp_path)
    assert conditions == CONDITIONS
    assert point.subjects == 2
    (tmp_path / "sweep.json").write_text("[]")
    with pytest.raises(GaitError, match="is no result of"):
        read_points(tmp_path)


def test_lists_of_numbers():
    assert numbers("8, 1,4,4", "--batches") == (1, 4, 8)
    for text in ("", "0", "1,,4", "-1", "1.5", "5000"):
        with pytest.raises(UsageError, match=r"--batches .* whole numbers from 1 to 1024 are wanted"):
            numbers(text, "--batches")
