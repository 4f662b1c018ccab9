"""The camera's images as an input: plain, or compressed as image_transport has it."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from rt_gait_ros.frame import Frame
from rt_gait_ros.nodes.conversions import frame_from_message
from rt_gait_ros.nodes.links import EVERY_IMAGE_QOS, Inlet

TOPIC = "image_raw"
# image_transport's convention: the name of the plain topic, and this behind it.
COMPRESSED = "/compressed"


def compressed_topic(node: Node, topic: str) -> str:
    """Where the compressed images of a topic are, as the node resolves and remaps it."""
    plain = node.resolve_topic_name(topic)
    return plain if plain.endswith(COMPRESSED) else plain + COMPRESSED


class ImageInlet(Inlet[Frame]):
    """Listens to image_raw, or, where the node's parameter `image_transport` says so, to image_raw/compressed.

    A topic that is remapped to one that ends in /compressed is taken as it is.
    """

    def __init__(self, node: Node, accept: Callable[[Any], None], on_crash: Callable[[Exception], None]) -> None:
        super().__init__(node, Image, TOPIC, EVERY_IMAGE_QOS, frame_from_message, accept, on_crash)

    def open(self) -> None:
        """Begin to listen, to what the parameter says now; once is enough."""
        if self._listener is None:
            if self._node.get_parameter("image_transport").value == "compressed":
                self._topic = self._topic._replace(
                    message_type=CompressedImage, name=compressed_topic(self._node, TOPIC)
                )
            else:
                self._topic = self._topic._replace(message_type=Image, name=TOPIC)
        super().open()

    def read(self, arrival: Any) -> Frame:
        """As Inlet.read."""
        return self._from_message(arrival) if isinstance(arrival, Image | CompressedImage) else arrival

    def advice(self, types: set[str]) -> str:
        """As Inlet.advice; most often the other transport is published."""
        if types:
            other = "compressed" if "sensor_msgs/msg/CompressedImage" in types else "raw"
            return f"{super().advice(types)}: set the parameter image_transport to {other}"
        plain = self._node.resolve_topic_name(TOPIC)
        for topic, transport in ((plain + COMPRESSED, "compressed"), (plain, "raw")):
            if topic != self.topic and self._node.count_publishers(topic):
                return f"{topic} is published: set the parameter image_transport to {transport}"
        return super().advice(types)
