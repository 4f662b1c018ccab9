"""What ROS's release tools and linters ask of the package: package.xml, CMakeLists.txt, and addresses that agree."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml
from catkin_pkg.package import parse_package
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
# An address has one name in each file: REP 149, the well-known labels of PyPI, the Citation File Format.
ADDRESSES = [
    ("website", "Homepage", "url"),
    ("repository", "Repository", "repository-code"),
    ("bugtracker", "Issues", None),
]


def test_the_manifest_is_valid() -> None:
    warnings: list[str] = []
    package = parse_package(str(ROOT), warnings=warnings)
    package.validate(warnings)
    assert warnings == []


def test_licences_name_their_text_and_each_only_once() -> None:
    """Bloom joins the names in an RPM, and copies the texts into the copyright file of a Debian package."""
    licences = parse_package(str(ROOT)).licenses
    assert len(licences) == len(set(licences))
    assert licences[0] == "Apache-2.0"
    for licence in licences:
        assert (ROOT / licence.file).is_file()


@pytest.mark.parametrize("network", sorted(path.parent.name for path in ROOT.glob("model_repository/*/config.pbtxt")))
def test_networks_have_the_licence_that_the_manifest_says(network: str) -> None:
    folder = ROOT / "model_repository" / network
    origin = (folder / "SOURCE.md").read_text(encoding="utf-8")
    text = folder / "LICENSE"
    if text.exists():
        assert text.read_bytes() == (ROOT / "LICENSE").read_bytes()
        assert "Apache-2.0" in origin
    else:
        (other,) = re.findall(r"See `../(\w+)/SOURCE.md`", origin) or [network]
        origin = (ROOT / "model_repository" / other / "SOURCE.md").read_text(encoding="utf-8")
        assert re.search(r"Licence: that of this\s+package, Apache-2.0", origin)


def test_every_credit_that_a_licence_of_the_manifest_asks_for_is_given() -> None:
    for licence in parse_package(str(ROOT)).licenses[1:]:
        words = licence.replace("-", " ").removesuffix(" 4.0").removesuffix(" 1.0")
        assert words in (ROOT / licence.file).read_text(encoding="utf-8")


def test_addresses_are_the_same_wherever_they_are_given() -> None:
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    urls = {url.get("type", "website"): url.text for url in manifest.findall("url")}
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\[project\.urls\]\n((?:.+\n)*)", pyproject, re.MULTILINE) or [""]
    labels = dict(re.findall(r'^(\w+) = "(.+)"$', table, re.MULTILINE))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert urls.keys() <= {kind for kind, _, _ in ADDRESSES}
    for kind, label, key in ADDRESSES:
        assert urls.get(kind) == labels.get(label)
        assert key is None or urls.get(kind) == citation.get(key)


def test_cmake_files_are_as_ament_lint_cmake_wants_them() -> None:
    """ament_lint_cmake is cmakelint with lines of 140 letters."""
    pytest.importorskip("cmakelint", reason="the extra [test] is not installed")
    files = [ROOT / "CMakeLists.txt", *ROOT.glob("cmake/*.cmake")]
    program = "import sys; from cmakelint.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "--linelength=140", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def pinned(distribution: str) -> dict[str, str]:
    """Libraries with which .ci/run-distributions runs the tests, by name in small letters."""
    lines = (ROOT / ".ci" / f"{distribution}.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.lower().split("==") for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("distribution", ["humble", "jazzy"])
def test_libraries_of_distributions_are_within_the_ranges(distribution: str) -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^dependencies = \[(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL)
    pins = pinned(distribution)
    for wanted in map(Requirement, re.findall(r'"(.+?)"', listed)):
        assert pins[wanted.name.lower()] in wanted.specifier


@pytest.mark.parametrize(("distribution", "column"), [("humble", 1), ("jazzy", 2)])
def test_the_page_on_versions_names_the_libraries_that_are_run(distribution: str, column: int) -> None:
    page = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8").partition("## Libraries")[2]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in page.splitlines() if row.startswith("| ")]
    pins = pinned(distribution)
    names = {"OpenCV": "opencv-python-headless", "PyAV, from pip": "av"}
    listed = {row[0]: row[column] for row in rows if row[column][:1].isdigit() and row[0] != "Python"}
    assert listed.keys() >= {"NumPy", "OpenCV", "SciPy", "PyYAML", "Pillow", "pytest"}
    for name, version in listed.items():
        if name != "result":
            assert pins[names.get(name, name.lower())].startswith(version)


def test_what_runs_distributions_has_a_list_for_each() -> None:
    script = (ROOT / ".ci" / "run-distributions").read_text(encoding="utf-8")
    lists = {path.stem for path in (ROOT / ".ci").glob("*.txt")}
    assert lists == set(re.findall(r"\[(\w+)\]=3\.\d+", script))
    (rooms,) = re.findall(r'^rooms="(.+)"$', script, re.MULTILINE)
    assert all((ROOT / "test" / room).is_dir() for room in rooms.split())
