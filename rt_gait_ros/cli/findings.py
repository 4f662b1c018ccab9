"""What `rt-gait doctor` found, and how it is printed."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rt_gait_ros.cli.output import emit
from rt_gait_ros.errors import LONGEST
from rt_gait_ros.lines import one_line

OK, WARNING, PROBLEM = "ok", "warning", "problem"
_MARKS = {OK: "ok     ", WARNING: "warning", PROBLEM: "PROBLEM"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    level: OK, WARNING (something optional is missing) or PROBLEM (the pipeline cannot run).
    """

    check: str
    level: str
    text: str


def report(arguments: argparse.Namespace, findings: Sequence[Finding]) -> int:
    """Print them as `--json` asks for. Returns the exit code: 1 where there is a problem."""
    # names and texts are somebody else's: of nodes, of files, of the network
    lines = [f"{_MARKS[each.level]}  {one_line(each.check):18} {one_line(each.text, LONGEST)}" for each in findings]
    emit(arguments, {"findings": [asdict(finding) for finding in findings]}, "\n".join(lines))
    return int(any(finding.level == PROBLEM for finding in findings))
