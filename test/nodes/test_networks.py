from rt_gait_ros.nodes.networks import NETWORK_PARAMETERS, networks_on_triton
from rt_gait_ros.nodes.parameters import specifications


def test_each_network_that_a_node_asks_for_counts_once():
    values = {"detector": "finder", "person_model": "body", "model": "body", "model_light": "", "inference": "triton"}
    assert networks_on_triton(lambda node, parameter: values[parameter]) == ["body", "finder"]


def test_networks_that_a_node_runs_itself_are_not_asked_for():
    def value(node, parameter):
        if parameter == "inference":
            return "triton" if node == "gait_node" else "onnxruntime"
        return f"{node}'s {parameter}"

    assert networks_on_triton(value) == ["gait_node's model", "gait_node's model_light"]
    assert networks_on_triton(lambda node, parameter: "onnxruntime") == []


def test_every_parameter_that_names_a_network_is_known():
    named = {
        node: [name for name, entry in entries.items() if name in ("detector", "model_light") or name.endswith("model")]
        for node, entries in specifications().items()
    }
    assert {node: names for node, names in named.items() if names} == {
        node: list(names) for node, names in NETWORK_PARAMETERS.items()
    }
