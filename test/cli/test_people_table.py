import pytest

from rt_gait_ros.cli.people_table import Table
from rt_gait_ros.gait.identity import Identity, IdentityStatus


def test_a_name_that_comes_over_the_network_does_not_steer_the_terminal(capsys: pytest.CaptureFixture) -> None:
    named = Identity("abcde", IdentityStatus.IDENTIFIED, 0, name="Ada\x1b[2J\n", confidence=0.9)
    table = Table(lambda: [("door", named)])
    table.show()
    table.show()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.isprintable()
    assert line.startswith("door         abcde  Ada\\x1b[2J\\n")


@pytest.mark.parametrize("name", ["艾达 🙂", "مريم", "علی\u200cرضا", "👩\u200d💻"])
def test_names_of_the_world_stay_as_they_are(name: str, capsys: pytest.CaptureFixture) -> None:
    Table(lambda: [("", Identity("abcde", IdentityStatus.IDENTIFIED, 0, name=name, confidence=0.9))]).show()
    assert name in capsys.readouterr().out
