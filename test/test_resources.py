from pathlib import Path

import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.resources import resource, share_directory


def install(prefix: Path, site: str) -> Path:
    package = prefix / site / "rt_gait_ros"
    package.mkdir(parents=True)
    share = prefix / "share" / "rt_gait_ros"
    share.mkdir(parents=True)
    (share / "package.xml").touch()
    return package


@pytest.mark.parametrize(
    "site",
    ["lib/python3.11/site-packages", "local/lib/python3.10/dist-packages", "lib/python3.12/site-packages"],
)
def test_share_of_a_prefix(tmp_path: Path, site: str) -> None:
    assert share_directory(install(tmp_path, site)) == tmp_path / "share" / "rt_gait_ros"


def test_a_clone_is_its_own_share(tmp_path: Path) -> None:
    (tmp_path / "package.xml").touch()
    (tmp_path / "rt_gait_ros").mkdir()
    assert share_directory(tmp_path / "rt_gait_ros") == tmp_path


def test_half_installed_says_so(tmp_path: Path) -> None:
    with pytest.raises(GaitError, match="without its share folder"):
        share_directory(tmp_path / "rt_gait_ros")


def test_resources_of_this_installation() -> None:
    assert resource("model_repository").is_dir()
    assert (share_directory() / "package.xml").is_file()


def test_missing_resource_names_it() -> None:
    with pytest.raises(GaitError, match=r"config/nothing\.yaml is not in"):
        resource("config", "nothing.yaml")
