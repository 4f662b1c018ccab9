"""Which networks the nodes will ask a Triton server for, told before anything is started."""

from collections.abc import Callable, Mapping, Sequence

LIGHTER = "model_light"  # the network that the gait node has loaded when many people are in view; may be empty

NETWORK_PARAMETERS: Mapping[str, Sequence[str]] = {
    "pose_node": ("detector", "person_model"),
    "gait_node": ("model", LIGHTER),
}


def networks_on_triton(value: Callable[[str, str], str]) -> list[str]:
    """Names of the networks that run on Triton, each once, sorted; none where the nodes run all of them themselves.

    value: of a node's parameter, by the names of both.
    """
    asking = [node for node in NETWORK_PARAMETERS if value(node, "inference") == "triton"]
    named = {value(node, parameter) for node in asking for parameter in NETWORK_PARAMETERS[node]}
    return sorted(named - {""})
