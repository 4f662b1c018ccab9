"""One idiom for settings, and files that say of them what the rooms say."""

import importlib.util
import math
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.settings import check, setting, settings_of
from rt_gait_ros.sources.source import SourceOptions
from rt_gait_ros.tracking.config import TrackerConfig

TOOL = Path(__file__).parents[1] / "tools" / "write_parameters.py"


@dataclass(frozen=True)
class Thing:
    share: float = setting(0.5, "A share.", 0.0, 1.0)
    count: int = setting(3, "A count.", 1)
    rate: float = setting(1e-3, "A rate.", above=0.0)
    line: float = setting(math.nan, "A line.", 0.0, 9.0, elsewhere=True)
    kind: str = setting("a", "A kind.", choices=("a", "b"))
    name: str = setting("", "A name.")
    on: bool = setting(True, "A switch.")
    other: object = None

    def __post_init__(self) -> None:
        check(self, "thing")


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"share": 1.1}, "thing: share is 1.1; set it to a number from 0 to 1"),
        ({"share": "much"}, "thing: share is 'much'; set it to a number from 0 to 1"),
        ({"share": math.nan}, "share is nan"),
        ({"share": True}, "share is True; set it to a number"),
        ({"count": 0}, "count is 0; set it to a number from 1 on"),
        ({"count": 2.5}, "count is 2.5; set it to a whole number"),
        ({"count": math.inf}, "count is inf"),
        ({"rate": 0.0}, "rate is 0.0; set it to a number above 0"),
        ({"line": 10.0}, "line is 10.0; set it to a number from 0 to 9"),
        ({"kind": "c"}, "kind is 'c'; set it to one of 'a', 'b'"),
        ({"name": 3}, "name is 3; set it to a text"),
        ({"on": 1}, "on is 1; set it to true or false"),
    ],
)
def test_what_will_not_do_is_refused_in_one_line(wrong, advice):
    with pytest.raises(UsageError) as refused:
        Thing(**wrong)
    assert advice in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_will_do_is_taken():
    Thing(share=0, count=3.0, rate=1e-9, line=math.nan, kind="b", name="x", on=False, other=object())
    assert list(settings_of(Thing)) == ["share", "count", "rate", "line", "kind", "name", "on"]


@pytest.mark.parametrize("config", [TrackerConfig, RecognizerConfig, PoseConfig, SourceOptions])
def test_every_default_fits(config):
    known = settings_of(config)
    assert known
    for name, each in known.items():
        assert each.complaint(each.default) == "", name
        assert each.description.endswith("."), name


@pytest.mark.parametrize("config", [TrackerConfig, RecognizerConfig, PoseConfig])
def test_every_field_of_a_node_s_configuration_is_a_setting(config):
    others = {each.name for each in fields(config)} - settings_of(config).keys()
    assert others == ({"calibration"} if config is RecognizerConfig else set())


@pytest.mark.skipif(not TOOL.is_file(), reason="the tool that writes the files is not installed")
def test_the_files_say_what_the_rooms_say():
    specification = importlib.util.spec_from_file_location("write_parameters", TOOL)
    tool = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tool)
    for path, text in tool.texts().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run tools/write_parameters.py"
