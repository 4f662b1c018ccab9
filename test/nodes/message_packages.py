"""Message packages that the pip wheels do not have, built from their fields, so that what needs them can be tested.

Each is what hri_msgs, tf2_msgs, bond and vision_msgs of the distributions hold of what our nodes use, field by field.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path

HEADER = "std_msgs/Header header\n"
PACKAGES: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {  # other packages needed, and fields by message
    "hri_msgs": (
        ("std_msgs",),
        {
            "IdsList": HEADER + "string[] ids\n",
            "IdsMatch": "int8 UNSET=0\nint8 PERSON=1\nint8 FACE=2\nint8 BODY=3\nint8 VOICE=4\n"
            "string id1\nint8 id1_type\nstring id2\nint8 id2_type\nfloat32 confidence\n",
            "NormalizedRegionOfInterest2D": HEADER
            + "float32 xmin\nfloat32 ymin\nfloat32 xmax\nfloat32 ymax\nfloat32 c\n",
            "NormalizedPointOfInterest2D": "float32 x\nfloat32 y\nfloat32 c\n",
            "Skeleton2D": HEADER + "NormalizedPointOfInterest2D[18] skeleton\n",
        },
    ),
    "tf2_msgs": (("geometry_msgs",), {"TFMessage": "geometry_msgs/TransformStamped[] transforms\n"}),
    "bond": (
        ("std_msgs",),
        {
            "Status": HEADER + "string id\nstring instance_id\nbool active\n"
            "float32 heartbeat_timeout\nfloat32 heartbeat_period\n"
        },
    ),
    "vision_msgs": (
        ("geometry_msgs", "std_msgs"),
        {
            "Point2D": "float64 x\nfloat64 y\n",
            "Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
            "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
            "ObjectHypothesis": "string class_id\nfloat64 score\n",
            "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\n"
            "geometry_msgs/PoseWithCovariance pose\n",
            "Detection2D": HEADER + "vision_msgs/ObjectHypothesisWithPose[] results\nvision_msgs/BoundingBox2D bbox\n"
            "string id\n",
            "Detection2DArray": HEADER + "vision_msgs/Detection2D[] detections\n",
        },
    ),
}
CMAKE = """cmake_minimum_required(VERSION 3.16)
project({name})
find_package(ament_cmake REQUIRED)
find_package(rosidl_default_generators REQUIRED)
{finds}
get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
foreach(target IN LISTS imported)
  get_target_property(includes ${{target}} INTERFACE_INCLUDE_DIRECTORIES)
  if(includes)
    list(FILTER includes EXCLUDE REGEX "^/opt/python/")
    set_target_properties(${{target}} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${{includes}}")
  endif()
endforeach()
rosidl_generate_interfaces({name} {files} DEPENDENCIES {needs})
ament_package()
"""
PACKAGE = """<?xml version="1.0"?>
<package format="3"><name>{name}</name><version>0.0.0</version><description>Fields alone, for tests.</description>
<maintainer email="nobody@example.com">nobody</maintainer><license>Apache-2.0</license>
<buildtool_depend>ament_cmake</buildtool_depend><buildtool_depend>rosidl_default_generators</buildtool_depend>{needs}
<member_of_group>rosidl_interface_packages</member_of_group>
<export><build_type>ament_cmake</build_type></export></package>
"""


class MessagePackages:
    """A prefix that holds these packages. environment: with which a Python process finds them."""

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix

    @property
    def environment(self) -> dict[str, str]:
        """This process's own, with the prefix in front, as if it had been sourced."""
        (packages,) = {path.parents[1] for path in self.prefix.glob("lib/python*/site-packages/*/msg")}
        added = {
            "PYTHONPATH": packages,
            "LD_LIBRARY_PATH": self.prefix / "lib",
            "AMENT_PREFIX_PATH": self.prefix,
        }
        return os.environ | {
            name: os.pathsep.join([str(path), *filter(None, [os.environ.get(name)])]) for name, path in added.items()
        }


def build(folder: Path) -> MessagePackages:
    """Build all of them below `folder`, once for these fields and this Python; takes a minute or more."""
    content = repr((PACKAGES, CMAKE, PACKAGE, sysconfig.get_config_var("SOABI")))
    key = hashlib.sha256(content.encode()).hexdigest()[:16]
    prefix = folder / f"test-messages-{key}"
    if not prefix.is_dir():
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="rt_gait_messages_") as scratch:
            staged = Path(scratch, "prefix")
            for name in PACKAGES:
                _build_one(name, Path(scratch, name), staged)
            shutil.rmtree(prefix, ignore_errors=True)
            shutil.copytree(staged, partial := prefix.with_suffix(".partial"), dirs_exist_ok=True)
            partial.rename(prefix)
    return MessagePackages(prefix)


def _build_one(name: str, folder: Path, prefix: Path) -> None:
    needs, messages = PACKAGES[name]
    (folder / "msg").mkdir(parents=True)
    for message, fields in messages.items():
        (folder / "msg" / f"{message}.msg").write_text(fields)
    finds = "\n".join(f"find_package({need} REQUIRED)" for need in needs)
    files = " ".join(f"msg/{message}.msg" for message in messages)
    (folder / "CMakeLists.txt").write_text(CMAKE.format(name=name, finds=finds, files=files, needs=" ".join(needs)))
    (folder / "package.xml").write_text(
        PACKAGE.format(name=name, needs="".join(f"<depend>{need}</depend>" for need in needs))
    )
    environment = os.environ | {"AMENT_PREFIX_PATH": sys.prefix}
    environment["PATH"] = os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]])
    defines = [f"-DCMAKE_INSTALL_PREFIX={prefix}", f"-DCMAKE_PREFIX_PATH={sys.prefix}"]
    defines += [f"-DPython3_EXECUTABLE={sys.executable}", "-DBUILD_TESTING=OFF"]
    for command in (
        ["cmake", "-S", folder, "-B", folder / "build", *defines],
        ["cmake", "--build", folder / "build", "--parallel", str(os.cpu_count())],
        ["cmake", "--install", folder / "build"],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def source(packages: MessagePackages) -> None:
    """Let this process, too, find the packages, although it began without them.

    The loader knows libraries that are loaded already by their names; rcl looks for further ones in LD_LIBRARY_PATH.
    """
    os.environ.update(packages.environment)
    sys.path.append(packages.environment["PYTHONPATH"].split(os.pathsep)[0])
    left = sorted(packages.prefix.glob("lib/*.so"))
    while left:
        before = len(left)
        left = [library for library in left if not _loads(library)]
        assert len(left) < before, left


def _loads(library: Path) -> bool:
    try:
        ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
    except OSError:  # needs one that comes later
        return False
    return True
