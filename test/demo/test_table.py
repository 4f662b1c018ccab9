import io

from rt_gait_ros.demo.report import Enrolment
from rt_gait_ros.demo.table import LiveTable
from rt_gait_ros.gait.identity import Identity, IdentityStatus


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(out, *recordings, enrolment=None):
    table = LiveTable(out, 20)
    for recording in recordings:
        table.show(recording, enrolment)
    return out.getvalue()


def test_plain_lines_tell_each_change_once(record, track, identified):
    unknown = Identity("bbbbb", IdentityStatus.UNKNOWN, 0, confidence=0.8)
    first = record([(track("bbbbb"), None)])
    second = record([(track("bbbbb"), unknown)])
    third = record([(track("bbbbb"), identified("bbbbb"))])
    said = shown(io.StringIO(), record(), first, first, second, second, third)
    assert [line.split("s  ")[1] for line in said.splitlines()] == [
        "bbbbb  collecting",
        "bbbbb  UNKNOWN 80%",
        "bbbbb  Ada 90%",
    ]
    assert "\x1b" not in said


def test_plain_lines_tell_the_enrolment(record):
    said = shown(io.StringIO(), record([]), record([]), enrolment=Enrolment("Ada", "bbbbb", "id-Ada", 1))
    assert said.splitlines() == ["  0.0 s  Ada is enrolled, by body bbbbb"]


def test_a_terminal_gets_one_table_drawn_over_and_over(record, track, identified):
    recording = record([(track("bbbbb"), identified("bbbbb"))])
    said = shown(Terminal(), recording, recording)
    assert said.count("\x1b[3F") == 1  # back to the top: status, heading, one body
    last = said.split("\x1b[3F")[1]
    assert "bbbbb" in last
    assert "Ada" in last
    assert last.splitlines()[2].split()[-1] == "30"


def test_progress_is_one_line_for_each_tenth():
    out = io.StringIO()
    table = LiveTable(out, 20)
    for done in range(101):
        table.progress("walk.whl", done, 100)
    assert out.getvalue().splitlines() == [f"walk.whl {percent} %" for percent in range(0, 101, 10)]
