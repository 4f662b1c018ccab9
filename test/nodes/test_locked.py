"""A locked node: nobody on the network changes who is known, or when a name is given."""

import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient

from rt_gait_ros.action import EnrollPerson
from rt_gait_ros.srv import ForgetPerson, ListPersons, MergePersons, RenamePerson, SetGallery


@pytest.fixture
def parameters(tmp_path) -> dict[str, str]:
    return {"inference": "onnxruntime", "gallery": f"'{tmp_path}/people.gallery'"}


def set_parameter(ears, node, name, value):
    kind = {bool: "bool", float: "double", str: "string"}[type(value)]
    wanted = ParameterValue(type=getattr(ParameterType, f"PARAMETER_{kind.upper()}"), **{f"{kind}_value": value})
    answer = ears.call(SetParameters, f"/{node}/set_parameters", parameters=[Parameter(name=name, value=wanted)])
    return answer.results[0]


def test_a_locked_gait_node_refuses_every_change(launch, ears, parameters, tmp_path):
    launch("gait_node", {**parameters, "locked": "true"}).wait_until_says("active")
    for kind, name, fields in (
        (ForgetPerson, "forget_person", {"person": "Ada"}),
        (RenamePerson, "rename_person", {"person": "Ada", "new_name": "Eve"}),
        (MergePersons, "merge_persons", {"into_person": "Ada", "from_person": "Eve"}),
        (SetGallery, "set_gallery", {"path": f"{tmp_path}/other.gallery"}),
    ):
        answer = ears.call(kind, f"/gait_node/{name}", **fields)
        assert not answer.success
        assert answer.message.startswith("this node is locked: start it with locked false")
    client = ActionClient(ears, EnrollPerson, "/gait_node/enroll_person")
    ears.until(client.server_is_ready)
    sending = client.send_goal_async(EnrollPerson.Goal(name="Eve"))
    ears.until(sending.done)
    result = sending.result().get_result_async()
    ears.until(result.done)
    assert result.result().result.error_msg.startswith("this node is locked")
    client.destroy()
    assert ears.call(ListPersons, "/gait_node/list_persons").path == f"{tmp_path}/people.gallery"  # asking is allowed


@pytest.mark.parametrize("phase", ["active", "unconfigured"])
def test_a_locked_node_keeps_its_parameters(launch, ears, parameters, phase):
    launch("gait_node", {**parameters, "locked": "true"}).wait_until_says("active")
    if phase == "unconfigured":  # a life-cycle client cannot get round it either
        assert ears.change_state("gait_node", "deactivate")
        assert ears.change_state("gait_node", "cleanup")
    for name, value in (("accept_distance", 0.1), ("gallery", "/tmp/other"), ("locked", False)):
        result = set_parameter(ears, "gait_node", name, value)
        assert not result.successful
        assert "locked" in result.reason or "read-only" in result.reason


def test_lines_that_name_everybody_need_a_second_word(launch, ears, parameters):
    launch("gait_node", parameters).wait_until_says("active")
    for name, value, how in (("accept_distance", 1e6, "farther"), ("margin", 0.0, "smaller")):
        result = set_parameter(ears, "gait_node", name, value)
        assert not result.successful
        assert f"is {how} than the" in result.reason
        assert "beyond_calibration" in result.reason
    assert set_parameter(ears, "gait_node", "accept_distance", 0.2).successful
    assert not set_parameter(ears, "gait_node", "beyond_calibration", True).successful


@pytest.mark.parametrize(("word", "code"), [("false", 2), ("true", None)])
def test_lines_that_name_everybody_are_refused_at_the_start(launch, ears, parameters, word, code):
    node = launch("gait_node", {**parameters, "accept_distance": "1000.0", "beyond_calibration": word})
    if code is None:
        node.wait_until_says("active")
    else:
        node.wait_until_says("accept_distance 1000 is farther than the")
        assert node.process.wait(300) == code
