import stat
import xml.etree.ElementTree as ElementTree
from pathlib import Path

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


def test_udp_alone_is_a_profile_for_every_version_of_fast_dds() -> None:
    environment = {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}
    assert apply_dds_profile(environment)
    profile = resource("config", "fastdds_udp.xml")
    assert {environment[variable] for variable in PROFILE_VARIABLES} == {str(profile)}
    tree = ElementTree.parse(profile)
    assert [kind.text for kind in tree.findall(".//{*}type")] == ["UDPv4"]
    assert [used.text for used in tree.findall(".//{*}useBuiltinTransports")] == ["false"]


def test_other_transports_of_the_users_own_stay() -> None:
    environment = {"FASTDDS_BUILTIN_TRANSPORTS": "LARGE_DATA"}
    assert not apply_dds_profile(environment)
    assert environment == {"FASTDDS_BUILTIN_TRANSPORTS": "LARGE_DATA"}


def test_the_shared_memory_holds_images() -> None:
    tree = ElementTree.parse(resource("config", "fastdds.xml"))
    [size] = tree.findall(".//{*}segment_size")
    assert int(size.text or 0) == 32 << 20


def test_segments_that_images_go_through_are_their_users_alone(launch) -> None:
    node = launch("tracker_node")
    node.wait_until_says("[tracker_node]: active")
    mapped = {line.split()[-1] for line in Path(f"/proc/{node.process.pid}/maps").read_text().splitlines()}
    segments = [Path(name) for name in mapped if name.startswith("/dev/shm/fastrtps_")]
    if not segments:
        pytest.skip("this middleware has no shared-memory segments in /dev/shm")
    assert {stat.S_IMODE(segment.stat().st_mode) for segment in segments} == {0o600}
