"""The SROS2 policy: who may do what, and that sros2 itself makes a keystore of it."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.nodes import camera_node, gait_node, overlay_node, pose_node, tracker_node
from rt_gait_ros.nodes.enclaves import ENCLAVES, enforce
from rt_gait_ros.resources import resource

CHANGING = {f"gait_node/{name}" for name in ("rename_person", "merge_persons", "forget_person", "set_gallery")}
NODES = {"camera": camera_node, "pose": pose_node, "tracker": tracker_node, "gait": gait_node, "overlay": overlay_node}


@pytest.fixture(scope="module")
def policy() -> ET.Element:
    return ET.parse(resource("config", "policies.xml")).getroot()


def allowed(policy: ET.Element, enclave: str, kind: str, what: str) -> set[str]:
    """Names of one kind ("topics", "services", "actions") that an enclave may "publish", "request", "call" ..."""
    found = policy.findall(f".//enclave[@path='/rt_gait/{enclave}']//{kind}[@{what}='ALLOW']/*")
    return {str(element.text) for element in found}


def documented(module, heading: str) -> set[str]:
    """What a node's own help says that it does."""
    lines, inside, names = module.TOPICS.splitlines(), False, set()
    for line in lines:
        if not line.startswith(" "):
            inside = line.startswith(heading)
        elif inside and not line.startswith("   "):  # what is indented more goes on with the line before
            names |= {word.rstrip(",") for word in line.split()[:2] if word.startswith("/") or "/" not in word}
    return {name for name in names if name.replace("/", "").replace("_", "").isalnum()}


def test_every_executable_has_its_enclave(policy: ET.Element) -> None:
    paths = {enclave.get("path") for enclave in policy.iter("enclave")}
    assert set(ENCLAVES.values()) | {"/rt_gait/administrator"} == paths


@pytest.mark.parametrize("name", NODES)
def test_each_node_may_do_what_it_says_it_does(policy: ET.Element, name: str) -> None:
    for heading, what in (("subscribes", "subscribe"), ("publishes", "publish")):
        topics = documented(NODES[name], heading)
        assert topics or (name, heading) == ("camera", "subscribes")
        assert topics <= allowed(policy, name, "topics", what)
        assert topics <= allowed(policy, "composed", "topics", what)


def test_all_services_and_actions_of_the_gait_node_are_there(policy: ET.Element) -> None:
    own = {line.split()[0] for line in gait_node.TOPICS.splitlines() if line.startswith("  ~/")}
    given = allowed(policy, "gait", "services", "reply") | allowed(policy, "gait", "actions", "execute")
    assert own <= given
    asked = {name.removeprefix("gait_node/") for name in allowed(policy, "administrator", "services", "request")}
    asked |= {name.removeprefix("gait_node/") for name in allowed(policy, "administrator", "actions", "call")}
    assert {name.removeprefix("~/") for name in own} <= asked


def test_only_the_administrator_changes_anything(policy: ET.Element) -> None:
    for enclave in policy.iter("enclave"):
        name = str(enclave.get("path")).rpartition("/")[2]
        requests = allowed(policy, name, "services", "request")
        if name == "administrator":
            assert requests >= CHANGING
            continue
        assert not {word for word in requests if "set_" in word or "change" in word} | (requests & CHANGING)
        assert "gait_node/enroll_person" not in allowed(policy, name, "actions", "call")


def test_gait_frames_reach_the_tracker_alone(policy: ET.Element) -> None:
    readers = {
        str(enclave.get("path"))
        for enclave in policy.iter("enclave")
        if "person_poses" in allowed(policy, str(enclave.get("path")).rpartition("/")[2], "topics", "subscribe")
    }
    assert readers == {"/rt_gait/tracker", "/rt_gait/composed"}


def test_a_keystore_without_the_enclaves_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no identity_ca.cert.pem of the enclave /rt_gait/gait: `ros2 security"):
        enforce({}, tmp_path, ["gait_node"])


def test_sros2_makes_a_keystore_that_the_nodes_can_use(tmp_path: Path) -> None:
    reason = "sros2 comes with a ROS distribution, not with the wheels: its source, lxml and cryptography do as well"
    keystore = pytest.importorskip("sros2.keystore", reason=reason)
    pytest.importorskip("sros2.api._artifact_generation", reason=reason).generate_artifacts(
        tmp_path / "keys", [], [resource("config", "policies.xml")]
    )
    assert set(ENCLAVES.values()) <= set(keystore.get_enclaves(tmp_path / "keys"))
    environment: dict[str, str] = {}
    enforce(environment, tmp_path / "keys", ENCLAVES)
    assert environment["ROS_SECURITY_STRATEGY"] == "Enforce"
    for name, may in (("reader", False), ("administrator", True), ("pose", False)):
        permissions = (tmp_path / f"keys/enclaves/rt_gait/{name}/permissions.xml").read_text()
        assert ("rq/gait_node/forget_personRequest" in permissions) == may
        assert ("rq/gait_node/enroll_person/_action/send_goalRequest" in permissions) == may
        assert "<default>DENY</default>" in permissions
        key = tmp_path / f"keys/enclaves/rt_gait/{name}/key.pem"
        assert key.is_file()
