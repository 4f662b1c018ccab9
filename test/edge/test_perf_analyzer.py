import os
import re

import numpy as np
import pytest

from rt_gait_ros.edge.generated_requests import Requests
from rt_gait_ros.edge.load import Addresses
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
    report = read_report(TABLE, "  Client: \n    Request count: 24\n", 2 * 4)
    assert report.requests == 24
    assert report.mean_ms == pytest.approx(772.677)
    assert report.rate == pytest.approx(8 / 0.772677)  # not the program's own, by a span in whole seconds
    assert (report.p50_ms, report.p99_ms) == pytest.approx((747.956, 1652.145))


@pytest.mark.parametrize(
    "table", ["", "Concurrency\n2\n", TABLE.replace("980421", "?"), re.sub(r"(?<=,)[0-9]+(?=,)", "0", TABLE)]
)
def test_a_report_without_its_figures_is_refused(table):
    with pytest.raises(InferenceError, match="has not the columns that this release knows"):
        read_report(table, "", 1)


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
    says = (
        "#!/bin/sh\n[ $1 = --help ] && echo ' --{}request-count: of a window' && exit 1\n"
        "echo 'Perf Analyzer Version  (commit unknown)' >&2; exit 1\n"
    )
    program.write_text(says.format(""))
    program.chmod(0o755)
    with PerfAnalyzer(program) as analyzer:
        assert analyzer.version == "Perf Analyzer Version (commit unknown)"
    program.write_text(says.format("measurement-"))
    with PerfAnalyzer(program) as analyzer, pytest.raises(GaitError, match=r"has no --request-count: take the one of"):
        assert analyzer.version


def test_a_program_that_does_not_tell_its_version_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("rt_gait_ros.edge.perf_analyzer._VERSION_DEADLINE", 0.1)
    program = tmp_path / "perf_analyzer"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    with PerfAnalyzer(program) as analyzer, pytest.raises(GaitError, match="does not tell its version in"):
        assert analyzer.version


ONE = Requests("g", [[{"gait_frames": np.zeros((1, 2, 64, 64), np.uint8)}]], 0, 8, False, [])


def test_a_program_that_ends_without_a_word_is_run_again(tmp_path):
    program = tmp_path / "perf_analyzer"
    asked = tmp_path / "asked"
    program.write_text(
        f"#!/bin/sh\necho x >> {asked}\necho 'Request concurrency: 2'\n"
        f"[ $(wc -l < {asked}) -lt 3 ] && exit 99\n"
        f'while [ "$1" != -f ]; do shift; done\nprintf \'{TABLE.replace(chr(10), chr(92) + "n")}\' > "$2"\n'
    )
    program.chmod(0o755)
    with PerfAnalyzer(program) as analyzer:
        assert analyzer.measure(Addresses("unix:/nowhere"), ONE, "grpc", 1, 2, 4).p50_ms == pytest.approx(747.956)
        assert asked.read_text() == "x\n" * 3
        asked.write_text("")
        program.write_text(f"#!/bin/sh\necho x >> {asked}\necho 'Request concurrency: 2'\nexit 99\n")
        with pytest.raises(
            InferenceError, match=r"without figures, 3 times .*code 99, its last line: Request concurrency: 2"
        ):
            analyzer.measure(Addresses("unix:/nowhere"), ONE, "grpc", 1, 2, 4)
        assert asked.read_text() == "x\n" * 3
        program.write_text("#!/bin/sh\necho 'Request concurrency: 2'\necho 'no such model' >&2\nexit 99\n")
        with pytest.raises(InferenceError, match="perf_analyzer failed: no such model"):
            analyzer.measure(Addresses("unix:/nowhere"), ONE, "grpc", 1, 2, 4)
