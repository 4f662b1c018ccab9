import time

import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from tracks import walking_track
from visualization_msgs.msg import Marker, MarkerArray

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.msg import GaitIdentityArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import identities_to_message, tracks_to_message
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.nodes.image_conversion import bgr_to_image, compressed_to_bgr, image_to_bgr
from rt_gait_ros.tracking.track import TrackFrame

GREY = np.full((240, 320, 3), 90, np.uint8)


class Stages:
    """The camera, the tracker and the gait node in one, as the overlay hears them."""

    def __init__(self, ears) -> None:
        self.image = ears.create_publisher(Image, "image_raw", 1)
        self.tracks = ears.create_publisher(PersonTrackArray, "person_tracks", 10)
        self.identities = ears.create_publisher(GaitIdentityArray, "gait_identities", 10)
        self.stamps: set[int] = set()

    def step(self, image_stamp: int | None = None) -> None:
        stamp = time.time_ns()
        self.stamps.add(stamp)
        track = walking_track("aaaaa", position=np.array([0.5, 0.1, 3.0]), position_covariance=np.eye(3))
        identity = Identity("aaaaa", IdentityStatus.IDENTIFIED, stamp, "p1", "Ada", 0.9, 0.1, 30)
        self.image.publish(bgr_to_image(GREY, stamp if image_stamp is None else image_stamp, "front"))
        self.tracks.publish(tracks_to_message(TrackFrame(stamp, "front", 320, 240, tracks=[track])))
        self.identities.publish(identities_to_message(IdentityFrame(stamp, "front", "gei", [identity])))


def test_nobody_looks_nothing_is_subscribed(launch, ears):
    stages = Stages(ears)
    launch("overlay_node").wait_until_says("]: active")
    ears.until(lambda: ears.diagnosis("overlay_node").get("image_watched") == "False")
    assert stages.image.get_subscription_count() == 0
    assert stages.tracks.get_subscription_count() == 0


def drawn(launch, ears) -> tuple[Stages, list[Image]]:
    """A running overlay node that has drawn a few pictures."""
    stages = Stages(ears)
    launch("overlay_node")
    pictures = ears.listen(Image, "overlay/image")
    ears.until(lambda: stages.step() or len(pictures) > 2)
    return stages, pictures


def test_picture_is_drawn_on_the_image_of_the_same_stamp(launch, ears):
    stages, pictures = drawn(launch, ears)
    assert {from_time(picture.header.stamp) for picture in pictures} <= stages.stamps
    picture = image_to_bgr(pictures[-1])
    assert picture.shape == GREY.shape
    assert (picture != GREY).any()
    assert pictures[-1].header.frame_id == "front"


def test_the_picture_comes_compressed_too(launch, ears):
    stages = Stages(ears)
    launch("overlay_node")
    pictures = ears.listen(CompressedImage, "overlay/image/compressed")
    ears.until(lambda: stages.step() or pictures)
    drawn = compressed_to_bgr(pictures[-1])
    assert drawn.shape == GREY.shape
    assert np.abs(drawn.astype(int) - GREY).max() > 50
    assert stages.image.get_subscription_count() == 1


def test_markers_need_no_image(launch, ears):
    stages = Stages(ears)
    launch("overlay_node")
    arrays = ears.listen(MarkerArray, "overlay/markers")
    ears.until(lambda: stages.step() or len(arrays) > 2)
    ball, name, cloud, dot = arrays[-1].markers
    assert arrays[0].markers[0].action == Marker.DELETEALL
    assert [marker.ns for marker in arrays[-1].markers] == ["people", "names", "uncertainty", "trails"]
    assert cloud.scale.x == pytest.approx(2 * 2.795, abs=0.01)  # 95 % of a normal distribution of 1 m in three axes
    assert dot.id != arrays[-2].markers[-1].id
    assert ball.id == arrays[-2].markers[-4].id
    assert (ball.pose.position.x, ball.pose.position.z) == (0.5, 3.0)
    assert name.text == "Ada 90%"
    assert name.pose.position.y < ball.pose.position.y
    assert ball.header.frame_id == "front"
    assert stages.image.get_subscription_count() == 0


def test_tracks_with_stamps_of_the_future_do_not_blind_the_node(launch, ears):
    stages, pictures = drawn(launch, ears)
    hour = 3600 * 10**9
    for number in range(100):
        stages.tracks.publish(tracks_to_message(TrackFrame(time.time_ns() + hour + number, "front", 320, 240)))
    before = len(pictures)
    ears.until(lambda: stages.step() or len(pictures) > before + 2)


def test_images_without_stamps_are_shown_with_the_tracks_that_came_with_them(launch, ears):
    stages = Stages(ears)
    launch("overlay_node")
    pictures = ears.listen(Image, "overlay/image")
    ears.until(lambda: stages.step(image_stamp=0) or len(pictures) > 2)
    assert {from_time(picture.header.stamp) for picture in pictures} <= stages.stamps
