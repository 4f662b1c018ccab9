import os

import pytest

from rt_gait_ros.edge.perf_analyzer import PerfAnalyzer, find_perf_analyzer, read_report
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.serving.inference import InferenceError

# As perf_analyzer of tritonclient 2.50 wrote it, over a private socket.
TABLE = """\
Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,Server Compute Input,Server Compute \
Infer,Server Compute Output,Client Recv,p50 latency,p90 latency,p95 latency,p99 latency
2,9.57043,91,6709,373210,2456,389750,457,4,747956,980421,1106440,1652145
"""


def test_a_report_is_read():
    report = read_report(TABLE, "  Client: \n    Request count: 24\n")
    assert (report.requests, report.rate) == (24, 9.57043)
    assert report.mean_ms == pytest.approx(772.677)
    assert (report.p50_ms, report.p99_ms) == pytest.approx((747.956, 1652.145))


@pytest.mark.parametrize("table", ["", "Concurrency\n2\n", TABLE.replace("980421", "?")])
def test_a_report_without_its_figures_is_refused(table):
    with pytest.raises(InferenceError, match="has not the columns that this release knows"):
        read_report(table, "")


def test_the_variable_names_the_program_or_is_refused(tmp_path, monkeypatch):
    program = tmp_path / "perf_analyzer"
    monkeypatch.setenv("RT_GAIT_PERF_ANALYZER", str(program))
    with pytest.raises(UsageError, match="which is not a program: correct or unset it"):
        find_perf_analyzer()
    program.write_text("#!/bin/sh\necho loading shared libraries: libb64.so.0d >&2; exit 127\n")
    program.chmod(0o755)
    assert find_perf_analyzer() == program
    with PerfAnalyzer(program) as analyzer, pytest.raises(GaitError, match=r"does not run here: loading shared lib"):
        assert analyzer.version
    monkeypatch.delenv("RT_GAIT_PERF_ANALYZER")
    monkeypatch.setenv("PATH", os.defpath)
    assert find_perf_analyzer() is None


def test_the_version_is_taken_from_wherever_the_program_says_it(tmp_path):
    program = tmp_path / "perf_analyzer"
    program.write_text("#!/bin/sh\necho 'Perf Analyzer Version  (commit unknown)' >&2; exit 1\n")
    program.chmod(0o755)
    with PerfAnalyzer(program) as analyzer:
        assert analyzer.version == "Perf Analyzer Version (commit unknown)"


def test_a_program_that_does_not_tell_its_version_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("rt_gait_ros.edge.perf_analyzer._VERSION_DEADLINE", 0.1)
    program = tmp_path / "perf_analyzer"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    with PerfAnalyzer(program) as analyzer, pytest.raises(GaitError, match="does not tell its version in"):
        assert analyzer.version
