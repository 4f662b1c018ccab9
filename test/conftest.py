"""Fixtures that every room's tests may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rt_gait_ros.serving.installation import ServerNotInstalled, find_installation
from rt_gait_ros.serving.server import TritonServer

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with reference outputs and evaluation footage, which is not part of the repository."""
    folder = Path(os.environ.get("RT_GAIT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no reference data: {folder} is not there (set RT_GAIT_SHARED)")
    return folder


@pytest.fixture(scope="session")
def model_repository() -> Path:
    """The package's own model repository."""
    return ROOT / "model_repository"


@pytest.fixture(scope="session")
def triton_installed() -> None:
    """Skip where no tritonserver is to be had."""
    try:
        find_installation()
    except ServerNotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def triton_server(triton_installed: None, model_repository: Path) -> Iterator[TritonServer]:
    """A real Triton server on free ports that serves the package's networks; nobody may stop it."""
    with TritonServer(model_repository) as server:
        yield server
