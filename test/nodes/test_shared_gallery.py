"""Two gait nodes, each with its copy of one gallery on a PostgreSQL server that is killed in between."""

import shutil
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from pacing import Stepping
from postgres_server import PostgresServer, wheel_binaries
from rclpy.action import ActionClient
from tracks import walking_track

from rt_gait_ros.action import EnrollPerson
from rt_gait_ros.msg import GaitIdentityArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import tracks_to_message
from rt_gait_ros.srv import ForgetPerson, ListPersons
from rt_gait_ros.tracking.track import TrackFrame


@pytest.fixture
def postgres():
    binaries = wheel_binaries()
    from rt_gait_ros.fleet.address import parse
    from rt_gait_ros.fleet.migration import migrate

    folder = Path(tempfile.mkdtemp(prefix="rt_gait_pg."))
    server = PostgresServer(binaries, folder).start()
    migrate(parse(server.owner))
    yield server
    if server.process.poll() is None:
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


class Walker(Stepping):
    """Somebody whom the cameras of both robots see."""

    def __init__(self, ears):
        self._ears, self._number = ears, 0
        self._publisher = ears.create_publisher(PersonTrackArray, "person_tracks", 10)

    def step(self):
        self._number += 1
        picture = np.zeros((64, 64), np.uint8)
        cv2.ellipse(picture, (32, 24), (6, 20), 0, 0, 360, 255, -1)
        swing = int(8 * np.sin(self._number / 4))
        for foot in (32 - swing, 32 + swing):
            cv2.line(picture, (32, 40), (foot, 63), 255, 4)
        box = np.array([10, 10, 50, 100], np.float32)
        track = walking_track("aaaaa", box=box, gait_frame=picture, age=self._number)
        self._publisher.publish(tracks_to_message(TrackFrame(time.time_ns(), "front", 640, 480, tracks=[track])))


def enroll(walker, ears, node, name):
    """Enrol the walker; asked again as long as the network is still being loaded."""
    client = ActionClient(ears, EnrollPerson, f"{node}/enroll_person")
    walker.until(client.server_is_ready)

    def result():
        sending = client.send_goal_async(EnrollPerson.Goal(name=name, frames=40, timeout=900.0))
        walker.until(sending.done)
        answer = sending.result().get_result_async()
        walker.until(answer.done)
        found = answer.result().result
        return found if found.error_code != EnrollPerson.Result.ERROR_EMBEDDING else None

    found = walker.until(result)
    client.destroy()
    assert found.error_msg == ""
    return found


@pytest.mark.slow
def test_who_is_enrolled_on_one_node_is_named_by_the_other_and_forgotten_by_both(
    ears, launch, postgres, tmp_path, monkeypatch
):
    nodes = {}
    for robot in ("spot", "rover"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / robot))
        parameters = {
            "inference": "onnxruntime",
            "model": "gait_energy_image",
            "gallery": f"'{postgres.owner}&robot={robot}'",
            "accept_distance": "1000.0",
            "margin": "0.0",
            "beyond_calibration": "true",
        }
        remapped = ["-r", f"__ns:=/{robot}", "-r", "person_tracks:=/person_tracks"]
        nodes[robot] = launch("gait_node", parameters, "--ros-args", *remapped)
    seen, first = (ears.listen(GaitIdentityArray, f"/{robot}/gait_identities") for robot in ("rover", "spot"))
    walker = Walker(ears)
    walker.until(lambda: seen and first)  # both networks answer
    enrolled = enroll(walker, ears, "/spot/gait_node", "Ada")
    walker.until(lambda: any(i.person_id == enrolled.person_id and i.name == "Ada" for a in seen for i in a.identities))

    postgres.stop(3)  # SIGQUIT: as a crash
    said = [f"{robot}/gait_node" for robot in nodes]
    ears.until(lambda: all("goes on with its copy" in ears.diagnosis(name).get("message", "") for name in said))
    ears.call(ForgetPerson, "/rover/gait_node/forget_person", person="Ada")
    assert not ears.call(ListPersons, "/rover/gait_node/list_persons").persons
    assert ears.call(ListPersons, "/spot/gait_node/list_persons").persons
    postgres.start()
    ears.until(lambda: not ears.call(ListPersons, "/spot/gait_node/list_persons").persons)
    assert [node.end() for node in nodes.values()] == [0, 0]
    assert not any("Traceback" in node.said for node in nodes.values())
