import xml.etree.ElementTree as ElementTree

import pytest

from rt_gait_ros.nodes.dds import PROFILE_VARIABLES, apply_dds_profile
from rt_gait_ros.resources import resource


def test_the_profile_is_used_by_every_version_of_fast_dds() -> None:
    environment: dict[str, str] = {}
    assert apply_dds_profile(environment)
    assert environment == dict.fromkeys(PROFILE_VARIABLES, str(resource("config", "fastdds.xml")))


@pytest.mark.parametrize("variable", PROFILE_VARIABLES)
def test_a_profile_of_the_users_own_stays(variable: str) -> None:
    environment = {variable: "/etc/mine.xml"}
    assert not apply_dds_profile(environment)
    assert environment == {variable: "/etc/mine.xml"}


def test_the_shared_memory_holds_images() -> None:
    tree = ElementTree.parse(resource("config", "fastdds.xml"))
    [size] = tree.findall(".//{*}segment_size")
    assert int(size.text or 0) == 32 << 20
