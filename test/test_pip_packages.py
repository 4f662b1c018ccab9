import re

import pytest

from rt_gait_ros.pip_packages import EXTRAS, PIP_INSTALL, PIP_PACKAGES, advice
from rt_gait_ros.resources import share_directory


def test_what_is_named_is_what_the_package_depends_on():
    project = share_directory() / "pyproject.toml"
    if not project.is_file():
        pytest.skip("the sources are not here")
    listed = re.search(r"^dependencies = \[(.*?)^\]", project.read_text(), re.MULTILINE | re.DOTALL)
    assert listed is not None
    dependencies = {re.split(r"[<>=]", name)[0] for name in re.findall(r'"(.+?)"', listed[1])}
    assert set(PIP_PACKAGES.values()) <= dependencies


def test_a_missing_package_is_named_with_the_command_that_brings_it():
    line = advice(ModuleNotFoundError("", name="tritonclient.grpc"))
    assert "tritonclient[grpc] is not installed" in line
    assert PIP_INSTALL in line
    assert "\n" not in line


@pytest.mark.parametrize(("name", "extra"), EXTRAS.items())
def test_what_an_extra_brings_is_named_with_the_extra(name, extra):
    line = advice(ModuleNotFoundError("", name=f"{name}.inside"))
    assert line.count(f"pip install 'rt-gait-ros[{extra}]'") == 1
    assert "\n" not in line


def test_extras_bring_what_they_are_said_to():
    project = share_directory() / "pyproject.toml"
    if not project.is_file():
        pytest.skip("the sources are not here")
    for name, extra in EXTRAS.items():
        listed = re.search(rf"^{extra} = \[(.*?)\]$", project.read_text(), re.MULTILINE | re.DOTALL)
        assert listed is not None
        assert re.search(rf'"(ros-jazzy-)?{name.replace("_", "[-_]")}\b', listed[1]), f"{name} is not in [{extra}]"


@pytest.mark.parametrize("name", ["rt_gait_ros.msg", "nothing", None])
def test_other_modules_are_not_pips_affair(name):
    assert advice(ModuleNotFoundError("", name=name)) == ""


def test_the_readme_says_the_same():
    readme = share_directory() / "README.md"
    if not readme.is_file():
        pytest.skip("the documentation is not installed")
    assert PIP_INSTALL in readme.read_text(encoding="utf-8")
