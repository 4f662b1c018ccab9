"""Requests of gait networks that are timed."""

import sys

import pytest

from rt_gait_ros.cli.main import main
from rt_gait_ros.errors import UsageError
from rt_gait_ros.resources import resource

sys.path.append(str(resource("benchmark")))

from gait_loads import loads_of


def test_a_network_that_keeps_a_set_is_sent_to_the_benchmark_of_such(streaming_repository):
    """Before, seven letters less of whatever name were advised."""
    with pytest.raises(UsageError, match="time it with `rt-gait bench serve --model window_stream`, or name a network"):
        loads_of(streaming_repository, "window_stream", (1,))
    assert [load.batch for load in loads_of(streaming_repository, "window", (1, 4))] == [1, 4]


@pytest.mark.parametrize(("benchmark", "before"), [("gait", "process, window"), ("streaming", "ms a refresh")])
def test_a_missing_server_is_said_before_anything_is_timed(
    streaming_repository, tmp_path, monkeypatch, capsys, benchmark, before
):
    monkeypatch.setenv("RT_GAIT_TRITONSERVER", str(tmp_path / "absent"))
    command = ["bench", benchmark, "--model", "window", "--runs", "1", "--repository", str(streaming_repository)]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "absent, which is not a program: correct or unset it" in said.splitlines()[-1]
    assert before not in said
