"""Starts the nodes that recognise people by gait, from the camera to the names.

ros2 launch rt_gait_ros gait.launch.py source:=walk.mp4
ros2 launch rt_gait_ros gait.launch.py source:=none image_topic:=/camera/image_raw rviz:=true
ros2 launch rt_gait_ros gait.launch.py sources:=cameras.yaml
ros2 launch rt_gait_ros gait.launch.py --show-args

What each argument means to the nodes is told by rt_gait_ros/nodes/launch_arguments.py.
"""

import atexit
import shutil
import tempfile
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
from rt_gait_ros.nodes.cameras_file import Camera
from rt_gait_ros.nodes.dds import apply_dds_profile
from rt_gait_ros.nodes.enclaves import enforce
from rt_gait_ros.nodes.launch_arguments import LaunchArguments, misspelt
from rt_gait_ros.nodes.parameters import write_file
from rt_gait_ros.resources import resource

PACKAGE = "rt_gait_ros"
RESPAWN_DELAY = 2.0  # seconds
STOP_SECONDS = "20"  # for a process to end after SIGINT; launch's own 5 are too few on a busy robot
USAGE_ERROR = UsageError.exit_code


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
            "gallery",
            default_value="",
            description="File of the enrolled persons, or postgresql://ROLE@HOST/DATABASE?site=SITE, a gallery of many "
            "robots (docs/fleet.md). Empty: as params_file says.",
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
            description="RViz's fixed frame, such as odom. Empty: the frame of camera_node, or camera_optical_frame "
            "without one.",
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
    names = [argument.name for argument in declare_arguments()]
    said = LaunchArguments({name: str(LaunchConfiguration(name).perform(context)) for name in names})
    environment: dict[str, str] = dict(context.environment)
    before = dict(environment)
    apply_dds_profile(environment)
    if said.keystore:
        shown = ("rviz2",) if said.rviz and is_installed("rviz2") else ()
        enforce(environment, Path(said.keystore), (*said.executables, *shown))
    actions: list[LaunchDescriptionEntity] = [
        SetEnvironmentVariable(name, value) for name, value in sorted(environment.items()) if before.get(name) != value
    ]
    actions += [LogInfo(msg=line) for line in misspelt(context.launch_configurations, names)]
    if said.rviz and not is_installed("rviz2"):
        actions.append(LogInfo(msg="rviz2 is not installed, so that nothing is shown: install ros-$ROS_DISTRO-rviz2"))
        said.rviz = False
    if said.triton == "embedded" and said.networks:
        actions.append(triton_server(said))
    for camera in said.cameras or [None]:
        parameters = overrides_file(said, camera)
        actions += [node(said, executable, said.namespace_of(camera), parameters) for executable in said.executables]
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


def overrides_file(said: LaunchArguments, camera: Camera | None) -> Path:
    """A parameter file of what was said by argument, to be read after params_file; it is gone when the launch ends."""
    folder = Path(tempfile.mkdtemp(prefix="rt_gait_launch_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "arguments.yaml"
    write_file(path, said.parameters(camera))
    return path


def node(said: LaunchArguments, executable: str, namespace: str, parameters: Path) -> Node:
    """A process of ours."""
    return Node(
        package=PACKAGE,
        executable=executable,
        namespace=namespace,
        parameters=[str(said.params_file), str(parameters)],
        remappings=said.remappings,
        ros_arguments=["--log-level", said.log_level, *said.enclave_arguments(executable)],
        output="screen",
        respawn=said.respawn,
        respawn_delay=RESPAWN_DELAY,
        sigterm_timeout=STOP_SECONDS,
        on_exit=None if said.respawn else end_with_usage_errors,
    )


def end_with_usage_errors(event: ProcessExited, context: LaunchContext) -> Shutdown | None:
    """End the launch where a node says that it was started wrongly, which no waiting mends; it has said why."""
    return Shutdown(reason=f"{event.process_name} was started wrongly") if event.returncode == USAGE_ERROR else None


def triton_server(said: LaunchArguments) -> ExecuteProcess:
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
        sigterm_timeout=STOP_SECONDS,
        on_exit=None if said.respawn else Shutdown(reason="the Triton server has ended"),
    )


def rviz(said: LaunchArguments) -> Node:
    """RViz on the annotated image and the markers."""
    return Node(
        package="rviz2",
        executable="rviz2",
        namespace=said.namespace,
        arguments=said.rviz_arguments,
        remappings=said.tf_remappings,
        ros_arguments=said.enclave_arguments("rviz2"),
        output="screen",
    )
