"""Where the files beside the code are: models, parameters, launch files, benchmarks."""

from pathlib import Path

from rt_gait_ros.errors import GaitError

PACKAGE = "rt_gait_ros"


def share_directory(package_folder: Path | None = None) -> Path:
    """Folder that holds `model_repository`, `config`, `launch` and `benchmark`.

    A clone whose sources are imported directly is its own share folder; an installed package has
    PREFIX/share/rt_gait_ros, whichever prefix pip or colcon put it in.

    Args:
        package_folder: folder of the imported package; by default this one.

    Raises:
        GaitError: neither is there, so the package is only half installed.
    """
    package_folder = package_folder or Path(__file__).parent
    clone = package_folder.parent
    if (clone / "package.xml").is_file():
        return clone
    for prefix in package_folder.parents:
        share = prefix / "share" / PACKAGE
        if (share / "package.xml").is_file():
            return share
    raise GaitError(f"{package_folder} is installed without its share folder: install the package with pip or colcon")


def resource(*parts: str) -> Path:
    """Path of one file or folder of the share folder, as `resource("config", "gait.yaml")`.

    Raises:
        GaitError: it is not there.
    """
    share = share_directory()
    path = share.joinpath(*parts)
    if not path.exists():
        raise GaitError(f"{'/'.join(parts)} is not in {share}: install the package again")
    return path
