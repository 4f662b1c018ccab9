"""The gait node's second network: what its parameters say of it, and what moves between both."""

from typing import cast

from rt_gait_ros.edge.capacity import FILE_NAME, read_capacities
from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.moving import LoadingClient, NetworkMover
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.variants import Variant, VariantChoice
from rt_gait_ros.nodes.networks import LIGHTER
from rt_gait_ros.nodes.recognition_stage import RecognitionStage
from rt_gait_ros.serving.inference import InferenceClient

CAPACITIES = {"model": "capacity", LIGHTER: "capacity_light"}


def capacities_of(node: RecognitionStage) -> list[Variant]:
    """The node's networks with what each carries, the preferred one first; none unless there are two.

    Raises UsageError where a capacity is not known, where the lighter one carries no more, and without a frame rate.
    """
    if not node.value(LIGHTER):
        return []
    if node.value(LIGHTER) == node.value("model"):
        raise UsageError(f"{LIGHTER} is {node.value(LIGHTER)}, as model is: name another network, or none")
    if not node.value("frame_rate"):
        raise UsageError(f"{LIGHTER} needs a frame_rate above 0, which says how many looks a second are asked for")
    measured = read_capacities(node.repository)
    found = []
    for network, capacity in CAPACITIES.items():
        name = node.value(network)
        looks = node.value(capacity) or measured.get(name, 0.0)
        if not looks:
            raise UsageError(
                f"nobody has measured how many looks a second {name} carries here: set {capacity}, or have "
                f"`rt-gait select --output` write {node.repository / FILE_NAME}"
            )
        found.append(Variant(name, looks))
    if found[1].capacity <= found[0].capacity:
        raise UsageError(
            f"{found[1].name} carries {found[1].capacity:g} looks a second and {found[0].name} {found[0].capacity:g}: "
            f"{LIGHTER} has to carry more"
        )
    return found


def open_mover(
    node: RecognitionStage, client: InferenceClient, recognizer: GaitRecognizer, config: RecognizerConfig
) -> NetworkMover | None:
    """What moves between both networks; None unless there are two. Raises UsageError as `capacities_of`."""
    variants = capacities_of(node)
    if not variants:
        return None
    choice = VariantChoice(variants, config.frame_rate / config.refresh_every)
    # every client of serving.backends loads and unloads
    return NetworkMover(cast(LoadingClient, client), recognizer, node.repository, choice)
