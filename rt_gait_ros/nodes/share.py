"""Where the files that come with the package lie: beside the sources in a checkout, else in the installed share folder."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory

_CHECKOUT = Path(__file__).resolve().parents[2]


def share_path(name: str) -> Path:
    """Path of a file or folder of the package, for example "config/parameters.yaml"."""
    if (_CHECKOUT / "package.xml").is_file():
        return _CHECKOUT / name
    return Path(get_package_share_directory("rt_gait_ros")) / name
