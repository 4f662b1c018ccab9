"""The two builds describe one package."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib import metadata
from pathlib import Path

import pytest

import rt_gait_ros
from rt_gait_ros import programs
from rt_gait_ros.resources import share_directory

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text()
MANIFEST = ElementTree.parse(ROOT / "package.xml").getroot()
ENTRY_POINTS = dict(re.findall(r'^([\w-]+) = "rt_gait_ros\.programs:(\w+)"$', PYPROJECT, re.MULTILINE))


def test_the_version_stands_in_one_place_and_ros_is_told_the_same() -> None:
    assert re.findall(r"^version = (.+)$", PYPROJECT, re.MULTILINE) == ['{ attr = "rt_gait_ros.__version__" }']
    assert MANIFEST.findtext("version") == rt_gait_ros.__version__


def test_both_builds_install_the_same_executables() -> None:
    cmake = (ROOT / "CMakeLists.txt").read_text()
    (names,) = re.findall(r"foreach\(name (rt-gait [\w ]+)\)", cmake)
    assert set(names.split()) == set(ENTRY_POINTS)


@pytest.mark.parametrize(("name", "program"), ENTRY_POINTS.items())
def test_executables_are_programs_that_exist(name: str, program: str) -> None:
    assert program == name.replace("-", "_")  # as CMake makes one of the other
    assert callable(getattr(programs, program))


def test_interface_packages_are_demanded_by_every_build() -> None:
    (cmake,) = re.findall(r"DEPENDENCIES ([\w ]+)\)", (ROOT / "CMakeLists.txt").read_text())
    wanted = set(cmake.split())
    assert wanted == {element.text for element in MANIFEST.findall("depend")}
    assert {f"ros-jazzy-{name.replace('_', '-')}" for name in wanted} <= set(re.findall(r'"([\w-]+)"', PYPROJECT))


def test_what_the_package_holds_beside_python_files_is_installed_by_both_builds() -> None:
    """Data that one module reads are in a folder `data` beside it; anything else belongs in a share folder."""
    listing = subprocess.run(["git", "ls-files", "rt_gait_ros"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a clone")
    data = [Path(name) for name in listing.stdout.split() if not name.endswith((".py", "py.typed"))]
    in_wheel = set(re.findall(r'^"(rt_gait_ros[\w.]*)" = \["data/\*"\]$', PYPROJECT, re.MULTILINE))
    (patterns,) = re.findall(r"FILES_MATCHING (PATTERN [^)]+)", (ROOT / "CMakeLists.txt").read_text())
    by_cmake = {Path(name).suffix for name in re.findall(r'PATTERN "(.+?)"', patterns)}
    in_archive = re.findall(r"^graft (rt_gait_ros/\S+)$", (ROOT / "MANIFEST.in").read_text(), re.MULTILINE)
    for path in data:
        assert path.parent.name == "data"
        assert ".".join(path.parent.parent.parts) in in_wheel
        assert path.suffix in by_cmake
        assert str(path.parent) in in_archive


def test_type_checkers_find_the_mark_of_a_typed_package_in_both_builds() -> None:
    """PEP 561."""
    assert (ROOT / "rt_gait_ros" / "py.typed").is_file()
    assert 'rt_gait_ros = ["py.typed"]' in PYPROJECT
    assert 'PATTERN "py.typed"' in (ROOT / "CMakeLists.txt").read_text()
    assert "include rt_gait_ros/py.typed" in (ROOT / "MANIFEST.in").read_text()


def demanded(entry: str) -> set[str]:
    """What a list of pyproject.toml demands, without ranges."""
    (listed,) = re.findall(rf"^{entry} = \[(.*?)^\]", PYPROJECT, re.MULTILINE | re.DOTALL)
    return {re.split(r"[<>=\[]", name)[0] for name in re.findall(r'"(.+?)"', listed)}


def test_the_library_demands_nothing_of_ros_and_the_nodes_all_they_import() -> None:
    assert not [name for name in demanded("dependencies") if name.startswith("ros-")]
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "rt_gait_ros" / "nodes").rglob("*.py")]
    messages = set(re.findall(r"^from (\w+_msgs)\.\w+ import", "\n".join(sources), re.MULTILINE))
    assert {f"ros-jazzy-{name.replace('_', '-')}" for name in {*messages, "rclpy"}} <= demanded("ros")


@pytest.mark.skipif(share_directory() == ROOT, reason="the sources are imported, nothing is installed")
class TestInstalledByPip:
    PREFIX = Path(sys.prefix)

    @pytest.mark.parametrize("folder", ["benchmark", "config", "launch", "model_repository"])
    def test_share_holds_the_clones_files(self, folder: str) -> None:
        def files(base: Path) -> dict[str, int]:
            found = (path for path in (base / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
            return {str(path.relative_to(base)): path.stat().st_size for path in found}

        assert files(share_directory()) == files(ROOT)

    def test_the_package_holds_the_clones_data(self) -> None:
        installed = Path(rt_gait_ros.__file__).parent
        for path in (ROOT / "rt_gait_ros").rglob("data/*"):
            assert (installed / path.relative_to(ROOT / "rt_gait_ros")).read_bytes() == path.read_bytes()

    def test_ros_finds_the_package_and_its_nodes(self) -> None:
        assert (self.PREFIX / "share/ament_index/resource_index/packages/rt_gait_ros").is_file()
        for name in set(ENTRY_POINTS) - {"rt-gait"}:
            relay = self.PREFIX / "lib" / "rt_gait_ros" / name
            assert relay.stat().st_mode & 0o111
            assert (self.PREFIX / "bin" / name).is_file()

    def test_distribution_is_known(self) -> None:
        assert metadata.version("rt-gait-ros") == rt_gait_ros.__version__
