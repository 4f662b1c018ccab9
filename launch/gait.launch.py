"""Starts the nodes that recognise people by gait, from the camera to the names.

ros2 launch rt_gait_ros gait.launch.py source:=walk.mp4
ros2 launch rt_gait_ros gait.launch.py source:=none image_topic:=/camera/image_raw rviz:=true
ros2 launch rt_gait_ros gait.launch.py sources:=cameras.yaml
ros2 launch rt_gait_ros gait.launch.py --show-args
"""

import atexit
import re
import shutil
import tempfile
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from ament_index_python.packages import get_package_prefix
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage

from rt_gait_ros.errors import UsageError
from rt_gait_ros.nodes.cameras_file import Camera, read_cameras
from rt_gait_ros.nodes.dds import apply_dds_profile
from rt_gait_ros.nodes.enclaves import ENCLAVES, enforce
from rt_gait_ros.nodes.gait_frame_check import check_gait_frames
from rt_gait_ros.nodes.networks import networks_on_triton
from rt_gait_ros.nodes.parameters import file_value, read_switch, says_rectified, write_file
from rt_gait_ros.paths import expand
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.triton_client import check_url
from rt_gait_ros.sources import open_source

PACKAGE = "rt_gait_ros"
STAGES = ("camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node")
TAKEN_BY = {
    "bond": STAGES,
    "ros4hri": ("tracker_node", "gait_node"),
    "frames": ("tracker_node", "gait_node"),
    "frame_prefix": ("camera_node", "tracker_node", "gait_node"),
}
RESPAWN_DELAY = 2.0  # seconds
USAGE_ERROR = UsageError.exit_code
# Cameras, streams, and generated people: what is not there yet may come, and nothing is opened twice.
LIVE = re.compile(r"\d+$|/dev/|(?!file:)[A-Za-z][A-Za-z0-9+]+:")


def generate_launch_description() -> LaunchDescription:
    """Arguments first: `ros2 launch --show-args` prints them."""
    return LaunchDescription([*declare_arguments(), OpaqueFunction(function=start_everything)])


def declare_arguments() -> list[DeclareLaunchArgument]:
    """What can be said on the command line. Everything else is a parameter, in params_file."""
    return [
        DeclareLaunchArgument(
            "source",
            default_value="none",
            description="What camera_node plays: a video file, a folder of images, a camera's number or /dev path, "
            "rtsp://…, csi://0, gst:PIPELINE, synthetic://crossing. none: another driver publishes image_topic.",
        ),
        DeclareLaunchArgument(
            "sources",
            default_value="",
            description="YAML file of several cameras, instead of source: each with its own nodes below its name, all "
            "with one Triton and one gallery (docs/sources.md). Empty: one camera.",
        ),
        DeclareLaunchArgument(
            "image_topic",
            default_value="image_raw",
            description="Topic of the camera's images; camera_info is expected beside it.",
        ),
        DeclareLaunchArgument(
            "image_transport",
            default_value="raw",
            choices=["raw", "compressed"],
            description="raw: image_topic itself. compressed: image_topic/compressed, as image_transport publishes it.",
        ),
        DeclareLaunchArgument(
            "rectified",
            default_value="auto",
            description="Whether image_topic is rectified, so that positions go by camera_info's P and not by K and D. "
            "auto: where its name says so, as image_rect_color and color/rect/image do.",
        ),
        DeclareLaunchArgument(
            "depth_topic",
            default_value="",
            description="Topic of depth images registered to the colour images, for positions in metres. Empty: as "
            "params_file says.",
        ),
        DeclareLaunchArgument(
            "tf_topic",
            default_value="/tf",
            description="Topic of transforms; the static ones are beside it, with _static behind the name. tf: below "
            "the namespace, as Nav2 has it for several robots.",
        ),
        DeclareLaunchArgument(
            "params_file",
            default_value=str(resource("config", "gait.yaml")),
            description="Parameters of all nodes: copy config/gait.yaml and edit it.",
        ),
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of all nodes and topics."),
        DeclareLaunchArgument(
            "triton",
            default_value="embedded",
            choices=["embedded", "external"],
            description="embedded: use the Triton server that runs at triton_url, or start one that ends with the "
            "launch; none where params_file says that the nodes run their networks themselves. external: one runs "
            "elsewhere.",
        ),
        DeclareLaunchArgument(
            "triton_url",
            default_value="127.0.0.1:8001",
            description="Host and port of Triton's gRPC service; the embedded server listens there.",
        ),
        DeclareLaunchArgument(
            "gallery", default_value="", description="File of the enrolled persons. Empty: as params_file says."
        ),
        DeclareLaunchArgument(
            "keystore",
            default_value="",
            description="Folder of an SROS2 keystore made from config/policies.xml: every node runs in its enclave, "
            "and nobody without one takes part. Empty: no access control.",
        ),
        DeclareLaunchArgument(
            "ros4hri",
            default_value="false",
            description="Publish bodies and matches below /humans as ROS4HRI (REP-155) has them; needs hri_msgs.",
        ),
        DeclareLaunchArgument(
            "frames",
            default_value="false",
            description="Publish the frames body_<id> and person_<id> of people who have a position; needs tf2_msgs.",
        ),
        DeclareLaunchArgument(
            "frame_prefix",
            default_value="",
            description="What the names of these frames, and of the frame of camera_node, begin with, such as robot1/.",
        ),
        DeclareLaunchArgument(
            "bond",
            default_value="false",
            description="Publish the heartbeats that Nav2's life-cycle manager waits for; needs the package bond.",
        ),
        DeclareLaunchArgument(
            "rviz", default_value="false", description="Open RViz on the overlay, where rviz2 is installed."
        ),
        DeclareLaunchArgument(
            "rviz_frame",
            default_value="",
            description="RViz's fixed frame, such as odom. Empty: camera_optical_frame, as camera_node calls it.",
        ),
        DeclareLaunchArgument(
            "composed",
            default_value="false",
            description="All nodes in one process: no image crosses a process border. false: a process for each.",
        ),
        DeclareLaunchArgument(
            "log_level",
            default_value="info",
            choices=["debug", "info", "warn", "error", "fatal"],
            description="Least severity that is logged.",
        ),
        DeclareLaunchArgument("use_respawn", default_value="false", description="Start a process again when it dies."),
        DeclareLaunchArgument(
            "autostart",
            default_value="true",
            description="Nodes configure and activate themselves. false: a life-cycle manager does.",
        ),
        DeclareLaunchArgument("use_sim_time", default_value="false", description="Take the time from /clock."),
    ]


def start_everything(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Look at what was said, refuse what cannot be, and start the processes."""
    said = Arguments(context)
    environment: dict[str, str] = dict(context.environment)
    before = dict(environment)
    with_camera = said.cameras or said.source != "none"
    executables = ("composed_node",) if said.composed else STAGES if with_camera else STAGES[1:]
    apply_dds_profile(environment)
    if said.keystore:
        shown = ("rviz2",) if said.rviz and is_installed("rviz2") else ()
        enforce(environment, Path(said.keystore), (*executables, *shown))
    actions: list[LaunchDescriptionEntity] = [
        SetEnvironmentVariable(name, value) for name, value in sorted(environment.items()) if before.get(name) != value
    ]
    actions += [LogInfo(msg=line) for line in misspelt(context.launch_configurations)]
    if said.rviz and not is_installed("rviz2"):
        actions.append(LogInfo(msg="rviz2 is not installed, so that nothing is shown: install ros-$ROS_DISTRO-rviz2"))
        said.rviz = False
    if said.triton == "embedded" and said.networks:
        actions.append(triton_server(said))
    for camera in said.cameras or [None]:
        parameters = overrides_file(said, camera)
        namespace = camera.namespace(said.namespace) if camera else said.namespace
        actions += [node(said, executable, namespace, parameters) for executable in executables]
    if said.rviz:
        actions.append(rviz(said))
    return actions


def is_installed(package: str) -> bool:
    """Whether a package is in a sourced prefix."""
    try:
        get_package_prefix(package)
    except (LookupError, OSError):  # none is sourced
        return False
    return True


def misspelt(given: Iterable[str]) -> list[str]:
    """A line for each argument that looks like one of ours; launch itself takes any name, also those of other files."""
    known = [argument.name for argument in declare_arguments()]
    near = {name: get_close_matches(name, known, n=1, cutoff=0.75) for name in given if name not in known}
    return [
        f"no launch argument is called '{name}': did you mean '{match[0]}'?" for name, match in near.items() if match
    ]


class Arguments:
    """The launch arguments, read and checked. Raises UsageError, of which launch prints the line."""

    def __init__(self, context: LaunchContext) -> None:
        def text(name: str) -> str:
            return str(LaunchConfiguration(name).perform(context)).strip()

        def switch(name: str) -> bool:
            return read_switch(name, text(name))

        self.source, self.image_topic, self.gallery = text("source"), text("image_topic"), text("gallery")
        self.namespace, self.triton, self.log_level = text("namespace"), text("triton"), text("log_level")
        self.triton_url, self.keystore = text("triton_url"), text("keystore")
        self.rviz, self.composed, self.rviz_frame = switch("rviz"), switch("composed"), text("rviz_frame")
        self.ros4hri, self.frames, self.bond = switch("ros4hri"), switch("frames"), switch("bond")
        self.frame_prefix, self.tf_topic, self.depth_topic = text("frame_prefix"), text("tf_topic"), text("depth_topic")
        self.respawn, self.autostart = switch("use_respawn"), switch("autostart")
        self.sim_time, self.image_transport = switch("use_sim_time"), text("image_transport")
        self.params_file = expand(text("params_file"))
        if not self.params_file.is_file():
            raise UsageError(f"params_file {self.params_file} is not there: copy {resource('config', 'gait.yaml')}")
        check_gait_frames(self.params_file)
        self.networks = networks_on_triton(lambda node, name: file_value(self.params_file, node, name))
        check_url(self.triton_url)
        if self.triton == "embedded":
            self.triton_port = embedded_port(self.triton_url)
        if not self.source or not self.image_topic:
            raise UsageError("source and image_topic cannot be empty; source:=none takes images from image_topic")
        if not self.tf_topic:
            raise UsageError("tf_topic cannot be empty; tf_topic:=tf is below the namespace")
        self.rectified = text("rectified")
        if self.rectified == "auto":
            self.rectified = says_rectified(self.image_topic)
        else:
            self.rectified = read_switch("rectified", self.rectified)
        if self.source != "none" and not LIVE.match(self.source):
            check_recording(self.source)
        self.cameras = read_cameras(expand(text("sources"))) if text("sources") else []
        if self.cameras:
            self.check_cameras()

    def check_cameras(self) -> None:
        """Refuse what is of one camera beside a file of several. Raises UsageError."""
        if self.source != "none" or self.image_topic != "image_raw":
            raise UsageError("sources is instead of source and image_topic: the file says what each camera plays")
        if self.depth_topic:
            raise UsageError("depth_topic is of one camera: start a launch for it, and leave it out of sources")
        if self.rviz:
            first = self.cameras[0].namespace(self.namespace)
            raise UsageError(
                "rviz:=true shows one camera: leave it out, and open one of them with rviz2 -d "
                f"{resource('config', 'gait.rviz')} --ros-args -r __ns:={first}"
            )


def embedded_port(url: str) -> int:
    """The port of the server on this machine. Raises UsageError for another one's."""
    host, _, port = url.rpartition(":")
    if host not in ("127.0.0.1", "localhost"):
        raise UsageError(f"triton_url {url} is another machine: say triton:=external as well")
    return int(port)


def check_recording(source: str) -> None:
    """Refuse a recording that cannot be played, which would leave the launch without a camera. Raises GaitError."""
    open_source(source, pace=False).close()


def overrides_file(said: Arguments, camera: Camera | None) -> Path:
    """A parameter file of what was said by argument, to be read after params_file; it is gone when the launch ends."""
    values = overrides(said)
    for stage, own in camera.parameters.items() if camera else ():
        values.setdefault(stage, {}).update(own)
    folder = Path(tempfile.mkdtemp(prefix="rt_gait_launch_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "arguments.yaml"
    write_file(path, values)
    return path


def overrides(said: Arguments) -> dict[str, dict[str, object]]:
    """Parameters that were said by argument, by node."""
    values: dict[str, dict[str, object]] = {
        stage: {"autostart": said.autostart, "use_sim_time": said.sim_time} for stage in STAGES
    }
    for name, stages in TAKEN_BY.items():  # else as params_file says
        if value := getattr(said, name):
            for stage in stages:
                values[stage][name] = value
    if said.rectified:
        values["tracker_node"]["rectified"] = True
    if said.depth_topic:
        values["tracker_node"]["depth"] = True
    if said.image_transport != "raw":  # else as params_file says
        for stage in ("pose_node", "tracker_node", "overlay_node"):
            values[stage]["image_transport"] = said.image_transport
    if said.source != "none":
        values["camera_node"]["source"] = said.source
    values["pose_node"]["triton_url"] = values["gait_node"]["triton_url"] = said.triton_url
    if said.gallery:
        values["gait_node"]["gallery"] = said.gallery
    return values


def node(said: Arguments, executable: str, namespace: str, parameters: Path) -> Node:
    """A process of ours."""
    info_topic = "/".join([*said.image_topic.split("/")[:-1], "camera_info"])
    return Node(
        package=PACKAGE,
        executable=executable,
        namespace=namespace,
        parameters=[str(said.params_file), str(parameters)],
        remappings=[
            ("image_raw", said.image_topic),
            ("camera_info", info_topic),
            ("/tf", said.tf_topic),
            ("/tf_static", f"{said.tf_topic}_static"),
            *([("depth_image", said.depth_topic)] if said.depth_topic else []),
        ],
        ros_arguments=["--log-level", said.log_level, *in_enclave(said, executable)],
        output="screen",
        respawn=said.respawn,
        respawn_delay=RESPAWN_DELAY,
        on_exit=None if said.respawn else end_with_usage_errors,
    )


def end_with_usage_errors(event: ProcessExited, context: LaunchContext) -> Shutdown | None:
    """End the launch where a node says that it was started wrongly, which no waiting mends; it has said why."""
    return Shutdown(reason=f"{event.process_name} was started wrongly") if event.returncode == USAGE_ERROR else None


def in_enclave(said: Arguments, executable: str) -> list[str]:
    """ROS arguments that put a process into its enclave."""
    return ["--enclave", ENCLAVES[executable]] if said.keystore else []


def triton_server(said: Arguments) -> ExecuteProcess:
    """The embedded server, or whoever waits while another serves. It starts Triton again when that dies; without it
    nobody is recognised: the launch ends."""
    port = said.triton_port
    words = ["--grpc-port", str(port), "--networks", *said.networks]
    return ExecuteProcess(
        cmd=[ExecutableInPackage("rt-gait", PACKAGE), "triton", "up", "--foreground", *words],
        name="triton",
        output="screen",
        respawn=said.respawn,
        respawn_delay=RESPAWN_DELAY,
        on_exit=None if said.respawn else Shutdown(reason="the Triton server has ended"),
    )


def rviz(said: Arguments) -> Node:
    """RViz on the annotated image and the markers."""
    return Node(
        package="rviz2",
        executable="rviz2",
        namespace=said.namespace,
        arguments=["-d", str(resource("config", "gait.rviz")), *(["-f", said.rviz_frame] if said.rviz_frame else [])],
        remappings=[("/tf", said.tf_topic), ("/tf_static", f"{said.tf_topic}_static")],
        ros_arguments=in_enclave(said, "rviz2"),
        output="screen",
    )
