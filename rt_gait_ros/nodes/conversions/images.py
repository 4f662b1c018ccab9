"""Frames and the images of cameras."""

from sensor_msgs.msg import CompressedImage, Image

from rt_gait_ros.frame import Frame
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.nodes.image_conversion import bgr_to_image, compressed_to_bgr, image_to_bgr


def frame_from_message(message: Image | CompressedImage) -> Frame:
    """Camera image to Frame. Raises GaitError for one that contradicts itself or is of an unknown encoding."""
    image = compressed_to_bgr(message) if isinstance(message, CompressedImage) else image_to_bgr(message)
    return Frame(image, from_time(message.header.stamp), message.header.frame_id)


def frame_to_message(frame: Frame) -> Image:
    """Frame to Image; they may share memory. Raises ImageError as `bgr_to_image`."""
    return bgr_to_image(frame.image, frame.stamp, frame.frame_id)
