"""Fixtures that every room's tests may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with reference outputs and evaluation footage, which is not part of the repository."""
    folder = Path(os.environ.get("RT_GAIT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no reference data: {folder} is not there (set RT_GAIT_SHARED)")
    return folder
