"""One run of the demo: server up, nodes up, part one with the enrolment, part two, everything down again."""

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rt_gait_ros.demo.processes import NodeProcesses
from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.demo.report import Enrolment
from rt_gait_ros.demo.video import Video
from rt_gait_ros.errors import GaitError
from rt_gait_ros.nodes.dds import apply_dds_profile
from rt_gait_ros.nodes.demo_listener import DemoListener, NotReady
from rt_gait_ros.nodes.graph import joined
from rt_gait_ros.nodes.log_folder import provide_log_folder
from rt_gait_ros.nodes.networks import networks_on_triton
from rt_gait_ros.nodes.parameters import specifications
from rt_gait_ros.nodes.surroundings import middleware_name
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.inference import InferenceError
from rt_gait_ros.serving.installation import find_installation, install
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.supervisor import Supervisor
from rt_gait_ros.serving.triton_client import TritonClient
from rt_gait_ros.tracking.track import Track, TrackState

if TYPE_CHECKING:
    from rt_gait_ros.bags.writer import BagWriter

# A gait cycle at 25 frames per second, of the 47 good frames that part one of the footage has: recognition is as good
# as with all of them (distances of 0.23 in part two), and a machine that is busy may lose a fifth of the images.
ENROL_FRAMES = 30
LOOK_PERIOD = 0.1
SILENCE = 3.0  # seconds without an image after which a camera that plays no more counts as ended
STRAGGLERS = 1.0

Watch = Callable[[Recording, Enrolment | None], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave. surroundings: versions and processes, for the report."""

    recording: Recording
    enrolment: Enrolment
    surroundings: dict[str, Any]


def run_session(
    video: Video,
    name: str,
    logs: Path,
    watch: Watch,
    say: Callable[[str], None],
    record: "BagWriter | None" = None,
    speed: float = 1.0,
    gallery: Path | None = None,
    **pose_parameters: object,
) -> Outcome:
    """Play the video to the nodes, enrol the first walker as `name`, and record what comes out until the end.

    name: "" enrols nobody. logs: folder for the processes' logs. watch: called about ten times a second. say: takes one
    line about what is done now. record: takes what is published. speed: at which the video is played; 0.5 takes twice
    its time. gallery: file of those who are known; None: a fresh one that is gone afterwards. pose_parameters: of
    pose_node, where not its defaults. Raises GaitError.
    """
    namespace = f"/rt_gait_demo_{os.getpid()}"
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    apply_dds_profile()
    provide_log_folder()
    networks = _networks(pose_parameters)
    _install_server(say)
    say("starting Triton")
    with (
        tempfile.TemporaryDirectory(prefix="rt_gait_demo_") as scratch,
        Supervisor(TritonServer(resource("model_repository"), networks=networks), say) as supervisor,
        NodeProcesses(namespace, logs) as nodes,
    ):
        server = supervisor.server
        say("starting camera_node, pose_node, tracker_node and gait_node")
        nodes.start("camera_node", autostart=False, source=video.path, speed=speed)
        nodes.start("pose_node", triton_url=server.url, **pose_parameters)
        nodes.start("tracker_node")
        nodes.start("gait_node", triton_url=server.url, gallery=gallery or Path(scratch) / "gallery.gait")
        surroundings = {
            "rmw": middleware_name(),
            "triton_version": _triton_version(server.url),
            "models": networks,
            "processes": {"triton": server.pid, **nodes.pids(), "demo": os.getpid()},
        }
        try:
            with (
                joined() as signals,
                closing(DemoListener(signals, namespace, video.times, nodes.check, speed)) as listener,
            ):
                say("waiting until an image comes through")
                listener.warm_up(video.width, video.height)
                if record is not None:
                    listener.record(record)
                listener.start_camera()
                enrolment = _play(video, name, listener, nodes, watch)
        except NotReady as error:
            raise NotReady(f"{error} in {logs} ({nodes.complaints() or 'no node complains'})") from None
        return Outcome(listener.recording, enrolment, surroundings)


def _play(video: Video, name: str, listener: DemoListener, nodes: NodeProcesses, watch: Watch) -> Enrolment:
    recording, asked, silent = listener.recording, "", 0.0
    while recording.frames_sent < video.frames and silent < SILENCE:
        heard = len(recording.camera)
        listener.spin(LOOK_PERIOD)
        silent = 0.0 if len(recording.camera) > heard else silent + LOOK_PERIOD
        nodes.check()
        watch(recording, listener.enrolment)
        walker = None if asked or not name else _walker(recording)
        now = recording.seconds(recording.camera[-1]) if recording.camera else 0.0
        if walker is not None and now < video.enrol_until:
            asked = walker.body_id
            listener.enroll(asked, name, ENROL_FRAMES, (video.enrol_until - now) / recording.speed)
    if not recording.camera:
        raise GaitError(f"camera_node sent no image: {nodes['camera_node'].last_line()}")
    listener.spin(STRAGGLERS)
    watch(recording, listener.enrolment)
    if listener.enrolment is not None:
        return listener.enrolment
    if not name:
        return Enrolment("")
    return Enrolment(
        name, asked, error="no answer of the gait node" if asked else "nobody walked before --enroll-until"
    )


def _walker(recording: Recording) -> Track | None:
    """The tallest confirmed track that walks in the newest image."""
    if not recording.tracks:
        return None
    newest = recording.tracks[max(recording.tracks)].tracks
    walking = [track for track in newest if track.state == TrackState.CONFIRMED and track.walking]
    return max(walking, key=lambda track: float(track.box[3]), default=None)


def _networks(pose_parameters: Mapping[str, object]) -> list[str]:
    """What the nodes will ask for, with these parameters of pose_node and else their defaults."""

    def value(node: str, parameter: str) -> str:
        given = pose_parameters if node == "pose_node" else {}
        return str(given.get(parameter, specifications()[node][parameter].default))

    return networks_on_triton(value)


def _install_server(say: Callable[[str], None]) -> None:
    try:
        find_installation()
    except GaitError:
        install(say)


def _triton_version(url: str) -> str:
    client = TritonClient(url)
    try:
        return client.version()
    except InferenceError as error:
        raise GaitError(f"the Triton server does not answer: {error}") from error
    finally:
        client.close()
