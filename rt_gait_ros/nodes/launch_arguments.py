"""What the arguments of gait.launch.py mean to each process. None of it needs launch, which pip has not."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from rt_gait_ros.errors import UsageError
from rt_gait_ros.nodes.cameras_file import Camera, read_cameras, with_shared_cores
from rt_gait_ros.nodes.enclaves import ENCLAVES
from rt_gait_ros.nodes.gait_frame_check import check_gait_frames
from rt_gait_ros.nodes.networks import networks_on_triton
from rt_gait_ros.nodes.parameters import file_value, read_switch, require_file, says_rectified
from rt_gait_ros.paths import expand
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.triton_client import check_url
from rt_gait_ros.sources import open_source

STAGES = ("camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node")
STAGES_WITH_IMAGES = ("pose_node", "tracker_node", "overlay_node")
TAKEN_BY = {
    "bond": STAGES,
    "ros4hri": ("tracker_node", "gait_node"),
    "frames": ("tracker_node", "gait_node"),
    "frame_prefix": ("camera_node", "tracker_node", "gait_node"),
}
# Cameras, streams, and generated people: what is not there yet may come, and nothing is opened twice.
_LIVE = re.compile(r"\d+$|/dev/|(?!file:)[A-Za-z][A-Za-z0-9+]+:")

_TOPIC = re.compile(r"(~?/)?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)


class LaunchArguments:
    """The launch arguments, read and checked.

    values: all that gait.launch.py declares, by name, as text. Raises UsageError, of which launch prints the line, and
    GaitError for a recording that cannot be played.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        text = {name: value.strip() for name, value in values.items()}

        def switch(name: str) -> bool:
            return read_switch(name, text[name])

        self.source, self.image_topic, self.gallery = text["source"], text["image_topic"], text["gallery"]
        self.namespace, self.triton, self.log_level = text["namespace"], text["triton"], text["log_level"]
        self.triton_url, self.keystore = text["triton_url"], text["keystore"]
        self.rviz, self.composed, self.rviz_frame = switch("rviz"), switch("composed"), text["rviz_frame"]
        self.ros4hri, self.frames, self.bond = switch("ros4hri"), switch("frames"), switch("bond")
        self.frame_prefix, self.tf_topic = text["frame_prefix"], text["tf_topic"]
        self.respawn, self.autostart = switch("use_respawn"), switch("autostart")
        self.sim_time, self.image_transport = switch("use_sim_time"), text["image_transport"]
        self.depth_topic = text["depth_topic"]
        self.params_file = expand(text["params_file"])
        require_file(self.params_file)
        check_gait_frames(self.params_file)
        self.networks = networks_on_triton(lambda node, name: file_value(self.params_file, node, name))
        check_url(self.triton_url)
        if self.triton == "embedded":
            self.triton_port = _embedded_port(self.triton_url)
        if not self.source or not self.image_topic:
            raise UsageError("source and image_topic cannot be empty; source:=none takes images from image_topic")
        if not self.tf_topic:
            raise UsageError("tf_topic cannot be empty; tf_topic:=tf is below the namespace")
        for name in ("image_topic", "tf_topic", "depth_topic"):
            if text[name] and not _TOPIC.fullmatch(text[name]):
                raise UsageError(f"{name} '{text[name]}' is not the name of a topic, such as /camera/image_raw")
        self.rectified = (
            says_rectified(self.image_topic)
            if text["rectified"] == "auto"
            else read_switch("rectified", text["rectified"], "auto, true or false")
        )
        if self.source != "none" and not _LIVE.match(self.source):
            open_source(self.source, pace=False).close()  # refused, it would leave the launch without a camera
        self.cameras = read_cameras(expand(text["sources"])) if text["sources"] else []
        if self.cameras:
            self._check_cameras()
            self.cameras = with_shared_cores(self.cameras, self.params_file, self.triton)

    def _check_cameras(self) -> None:
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

    @property
    def executables(self) -> tuple[str, ...]:
        """The processes of ours, for each camera."""
        if self.composed:
            return ("composed_node",)
        return STAGES if self.cameras or self.source != "none" else STAGES[1:]

    def namespace_of(self, camera: Camera | None) -> str:
        """Of the nodes of a camera of `sources`, or of the only one."""
        return camera.namespace(self.namespace) if camera else self.namespace

    def parameters(self, camera: Camera | None = None) -> dict[str, dict[str, object]]:
        """What counts more than params_file, by node: said by argument, or by `sources` of this camera."""
        values: dict[str, dict[str, object]] = {
            stage: {"autostart": self.autostart, "use_sim_time": self.sim_time} for stage in STAGES
        }
        for stage in ("pose_node", "gait_node"):
            values[stage]["triton_url"] = self.triton_url
        for name, (value, stages) in self._said().items():
            for stage in stages if value else ():  # else as params_file says
                values[stage][name] = value
        for stage, own in camera.parameters.items() if camera else ():
            values[stage].update(own)
        return values

    def _said(self) -> dict[str, tuple[object, Sequence[str]]]:
        """Parameters with their nodes, of arguments that leave them to params_file unless they say something."""
        optional: dict[str, tuple[object, Sequence[str]]] = {
            name: (getattr(self, name), stages) for name, stages in TAKEN_BY.items()
        }
        return optional | {
            "source": (self.source if self.source != "none" else "", ("camera_node",)),
            "image_transport": (self.image_transport if self.image_transport != "raw" else "", STAGES_WITH_IMAGES),
            "rectified": (self.rectified, ("tracker_node",)),
            "depth": (bool(self.depth_topic), ("tracker_node",)),
            "gallery": (self.gallery, ("gait_node",)),
        }

    @property
    def tf_remappings(self) -> list[tuple[str, str]]:
        """Of whoever takes or publishes transforms."""
        return [("/tf", self.tf_topic), ("/tf_static", f"{self.tf_topic}_static")]

    @property
    def remappings(self) -> list[tuple[str, str]]:
        """Of each process of ours."""
        info_topic = "/".join([*self.image_topic.split("/")[:-1], "camera_info"])
        depth = [("depth_image", self.depth_topic)] if self.depth_topic else []
        return [("image_raw", self.image_topic), ("camera_info", info_topic), *self.tf_remappings, *depth]

    def enclave_arguments(self, executable: str) -> list[str]:
        """ROS arguments that put a process into its enclave."""
        return ["--enclave", ENCLAVES[executable]] if self.keystore else []

    @property
    def rviz_arguments(self) -> list[str]:
        """The command line of RViz."""
        frame = self.rviz_frame
        if not frame and self.source != "none":  # a driver's frame is not known here: as gait.rviz says
            prefix = self.frame_prefix or file_value(self.params_file, "camera_node", "frame_prefix")
            frame = prefix + file_value(self.params_file, "camera_node", "frame_id")
        return ["-d", str(resource("config", "gait.rviz")), *(["-f", frame] if frame else [])]


def misspelt(given: Iterable[str], known: Iterable[str]) -> list[str]:
    """A line for each argument that looks like one of ours; launch itself takes any name, also those of other files."""
    ours = list(known)
    near = {name: get_close_matches(name, ours, n=1, cutoff=0.75) for name in given if name not in ours}
    return [
        f"no launch argument is called '{name}': did you mean '{match[0]}'?" for name, match in near.items() if match
    ]


def _embedded_port(url: str) -> int:
    """The port of the server on this machine. Raises UsageError for another one's."""
    host, _, port = url.rpartition(":")
    if host not in ("127.0.0.1", "localhost"):
        raise UsageError(f"triton_url {url} is another machine: say triton:=external as well")
    return int(port)
