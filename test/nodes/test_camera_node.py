import os
import re
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterEvent, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from rt_gait_ros.frame import SECOND
from rt_gait_ros.nodes.headers import from_time, to_time
from rt_gait_ros.nodes.image_conversion import compressed_to_bgr, image_to_bgr
from rt_gait_ros.nodes.links import IMAGE_QOS
from rt_gait_ros.sources.names import as_text

from .conftest import words

FRAMES, FPS, WIDTH, HEIGHT = 12, 25.0, 160, 120


@pytest.fixture
def video(tmp_path):
    """Twelve grey pictures, 20 levels apart."""
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    for number in range(FRAMES):
        writer.write(np.full((HEIGHT, WIDTH, 3), 20 * number, np.uint8))
    writer.release()
    return path


@pytest.fixture
def camera(launch, video):
    def start(**parameters):
        return launch("camera_node", {"source": str(video), **{k: str(v).lower() for k, v in parameters.items()}})

    return start


def numbers(images):
    return [round(float(image_to_bgr(image).mean()) / 20) for image in images]


def test_every_frame_of_a_video_arrives_once_with_its_stamp(camera, ears):
    images = ears.listen(Image, "image_raw", 100)
    infos = ears.listen(CameraInfo, "camera_info", 100)
    process = camera(wait_for_subscribers=1, exit_at_end=True, frame_id="front", frame_prefix="robot1/")
    ears.until(lambda: process.process.poll() is not None and len(images) == FRAMES)
    assert process.process.returncode == 0, process.said
    assert numbers(images) == list(range(FRAMES))
    stamps = [from_time(image.header.stamp) for image in images]
    assert np.diff(stamps).tolist() == [40_000_000] * (FRAMES - 1)
    assert {(image.header.frame_id, image.encoding, image.width, image.height) for image in images} == {
        ("robot1/front", "bgr8", WIDTH, HEIGHT)
    }
    assert {from_time(info.header.stamp) for info in infos} <= set(stamps)
    assert "has ended after 12 frames" in process.said


def test_with_use_sim_time_images_are_stamped_by_the_clock(camera, ears):
    """As every other driver does it; they had the computer's time, which no transform and no other sensor had."""
    images, infos = ears.listen(Image, "image_raw", 100), ears.listen(CameraInfo, "camera_info", 100)
    clock = ears.create_publisher(Clock, "/clock", 1)
    camera(loop=True, use_sim_time=True)
    ears.until(lambda: len(images) > 2)
    assert {from_time(image.header.stamp) for image in images[:2]} == {0}  # not heard yet
    told = [1000 * SECOND]

    def stamped() -> list[int]:
        told.append(told[-1] + SECOND // 100)
        clock.publish(Clock(clock=to_time(told[-1])))
        return [stamp for image in images if (stamp := from_time(image.header.stamp))]

    ears.until(lambda: len(stamped()) > 10)
    stamps = stamped()
    assert (np.diff(stamps) > 0).all()
    assert told[0] - SECOND < stamps[0] < stamps[-1] <= told[-1] + SECOND
    assert set(stamps) & {from_time(info.header.stamp) for info in infos}


def test_the_images_come_compressed_too(camera, ears):
    pictures = ears.listen(CompressedImage, "image_raw/compressed", 100)
    process = camera(wait_for_subscribers=1, exit_at_end=True, frame_id="front", jpeg_quality=95)
    ears.until(lambda: process.process.poll() is not None and len(pictures) == FRAMES)
    assert process.process.returncode == 0, process.said
    assert [round(float(compressed_to_bgr(picture).mean()) / 20) for picture in pictures] == list(range(FRAMES))
    assert {(picture.header.frame_id, picture.format) for picture in pictures} == {
        ("front", "bgr8; jpeg compressed bgr8")
    }


def test_an_ended_video_goes_inactive_and_plays_again_when_activated(camera, ears):
    images = ears.listen(Image, "image_raw", 100)
    process = camera(wait_for_subscribers=1, pace=False)
    process.wait_until_says("has ended")
    ears.until(lambda: ears.state("camera_node") == "inactive")
    before = len(images)
    assert ears.change_state("camera_node", "activate")
    ears.until(lambda: len(images) > before)
    assert process.end() == 0


def test_a_loop_plays_on_and_diagnostics_count(camera, ears):
    images = ears.listen(Image, "image_raw", IMAGE_QOS)
    process = camera(loop=True, width=80)
    ears.until(lambda: len(images) > 2 * FRAMES and int(ears.diagnosis("camera_node").get("handled", 0)) > 0)
    ears.until(lambda: ears.diagnosis("camera_node")["message"] == "active")
    assert (images[0].width, images[0].height) == (80, 60)
    stamps = [from_time(image.header.stamp) for image in images]
    assert stamps == sorted(set(stamps))
    report = ears.diagnosis("camera_node")
    assert report["message"] == "active"
    assert report["calibration"] == "uncalibrated"
    assert report["nominal_fps"] == "25"
    assert process.end() == 0


def test_a_field_of_view_gives_a_rough_camera_info(camera, ears):
    infos = ears.listen(CameraInfo, "camera_info", 100)
    camera(loop=True, fov=90.0)
    ears.until(lambda: infos)
    assert infos[0].k.tolist() == pytest.approx([80.0, 0.0, 80.0, 0.0, 80.0, 60.0, 0.0, 0.0, 1.0])
    ears.until(lambda: "guessed" in ears.diagnosis("camera_node").get("calibration", ""))


def test_a_calibration_is_scaled_to_the_images(camera, ears, tmp_path):
    path = tmp_path / "lens.yaml"
    path.write_text(
        "image_width: 320\nimage_height: 240\ndistortion_model: plumb_bob\n"
        "distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0, 0, 0, 0]}\n"
        "camera_matrix: {rows: 3, cols: 3, data: [300, 0, 160, 0, 310, 120, 0, 0, 1]}\n"
        "rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}\n"
        "projection_matrix: {rows: 3, cols: 4, data: [300, 0, 160, 0, 0, 310, 120, 0, 0, 0, 1, 0]}\n"
    )
    infos = ears.listen(CameraInfo, "camera_info", 100)
    camera(loop=True, camera_info_url=f"file://{path}")
    ears.until(lambda: infos)
    assert infos[0].k.tolist() == [150.0, 0.0, 80.0, 0.0, 155.0, 60.0, 0.0, 0.0, 1.0]
    assert infos[0].d.tolist() == [0.1, 0.0, 0.0, 0.0, 0.0]


UNMENDABLE = [
    ({"source": "/nowhere.mp4"}, "/nowhere.mp4 does not exist"),
    ({"source": "''"}, "no source is named"),
    ({"source": "ftp://a/b"}, "ftp: is not known"),
    ({"camera_info_url": "/nowhere.yaml"}, "calibration /nowhere.yaml cannot be read"),
    ({"camera_info_url": "http://a/b"}, "only a path"),
    ({"camera_info_url": "package://no_such_package/b"}, "no package no_such_package"),
    ({"fps": "-1.0"}, "fps"),
]


def test_what_no_waiting_mends_ends_the_process_in_one_line(in_turn, video):
    commands = [words("camera_node", {"source": str(video), **parameters}) for parameters, _ in UNMENDABLE]
    for (code, said), (_, says) in zip(in_turn(*commands), UNMENDABLE, strict=True):
        assert code == 2
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert says in errors[0]
        assert "Traceback" not in said


def test_a_camera_that_is_not_there_is_a_fault_and_not_the_end(launch, ears):
    process = launch("camera_node", {"source": "/dev/video97"})
    ears.until(lambda: "cannot be opened" in ears.diagnosis("camera_node").get("message", ""))
    assert ears.state("camera_node") == "active"
    assert process.said.count("cannot be opened") == 1
    assert process.end() == 0


def test_stamps_of_an_uneven_video_are_its_own(launch, ears, tmp_path):
    times = [0, 40, 80, 120, 320, 520, 720]  # milliseconds
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time in times:
            image = av.VideoFrame.from_ndarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8), format="bgr24")
            image.pts, image.time_base = time, Fraction(1, 1000)
            output.mux(stream.encode(image))
        output.mux(stream.encode())
    infos = ears.listen(CameraInfo, "camera_info", 100)
    path = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9.mkv"))  # and of a name that is no UTF-8
    os.rename(tmp_path / "a.mkv", path)
    launch("camera_node", {"source": as_text(path), "wait_for_subscribers": "1", "exit_at_end": "true"})
    images = ears.listen(Image, "image_raw", 100)
    ears.until(lambda: images and len(infos) == len(times))
    stamps = [from_time(info.header.stamp) for info in infos]
    assert [round((stamp - stamps[0]) * 1e-6) for stamp in stamps] == times


def test_a_password_is_in_no_diagnostics_and_no_log(launch, ears, tmp_path):
    events = ears.listen(ParameterEvent, "/parameter_events", 100)
    process = launch("camera_node", {"source": "rtsp://ada:s3cret@127.0.0.1:1/a"})
    ears.until(lambda: "cannot be opened" in ears.diagnosis("camera_node").get("message", ""))
    report = ears.diagnosis("camera_node")
    assert "rtsp://ada:***@127.0.0.1:1/a" in report["source"]
    assert "Connection refused" in report["message"]
    with open(f"/proc/{process.process.pid}/cmdline") as file:
        assert "s3cret" not in file.read()
    (told,) = ears.call(GetParameters, "/camera_node/get_parameters", names=["source"]).values
    assert re.fullmatch(r"rtsp://ada:\$\{\w+\}@127.0.0.1:1/a", told.string_value)
    assert ears.change_state("camera_node", "deactivate")
    assert ears.change_state("camera_node", "cleanup")
    new = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value="rtsp://ada:s3cret2@127.0.0.1:1/b")
    request = [ParameterMessage(name="source", value=new)]
    (result,) = ears.call(SetParameters, "/camera_node/set_parameters", parameters=request).results
    assert result.successful, result.reason
    (told,) = ears.call(GetParameters, "/camera_node/get_parameters", names=["source"]).values
    assert re.fullmatch(r"rtsp://ada:\$\{\w+\}@127.0.0.1:1/b", told.string_value)
    assert ears.change_state("camera_node", "configure")
    assert process.end() == 0
    assert "s3cret" not in process.said + str(ears.heard["/diagnostics"]) + str(events)


def test_an_argument_that_is_no_text_is_refused_in_one_line(launch):
    process = launch("camera_node", {"source": os.fsdecode(b"caf\xe9.mp4")})
    assert process.process.wait(300) == 2
    (line,) = process.said.splitlines()
    assert line.startswith(r"error: argument source:=caf\xe9.mp4 is not UTF-8, as ROS wants it: write")
