"""`rt-gait deploy`: files that keep Triton and the nodes running on a robot."""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from rt_gait_ros.cli.deploy_files import IMAGES, MARK, TARGETS, compose_file, dockerfile, units
from rt_gait_ros.errors import UsageError, of_file
from rt_gait_ros.masking import readable
from rt_gait_ros.paths import expand

SUMMARY = "write what runs Triton and the nodes on a robot: a compose file, a Dockerfile, units of systemd"

_DESCRIPTION = """\
Writes compose.yaml, Dockerfile, rt-gait-triton.service and rt-gait-nodes.service into a folder. Nothing is started
or installed: docs/jetson.md goes on from there.

  rt-gait deploy --target x86 output/deploy
  rt-gait deploy --target x86 --no-gpu output/deploy
  rt-gait deploy --target jetpack6 output/deploy
  rt-gait deploy --target jetpack5 --triton-image IMAGE output/deploy
"""
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_IMAGE = re.compile(r"[\w./-]+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the files go; made when it is not there")
    parser.add_argument("--target", choices=TARGETS, required=True, help="machine that they are for")
    parser.add_argument("--triton-image", metavar="IMAGE", help="container image of Triton (default: by target)")
    parser.add_argument(
        "--no-gpu", action="store_true", help="for a machine without a GPU of NVIDIA, or its container toolkit"
    )
    parser.add_argument("--user", default="rt-gait", help="user of the systemd units (default rt-gait)")
    parser.add_argument("--program", metavar="FILE", help="rt-gait on the robot (default: the one that runs)")
    parser.add_argument("--force", action="store_true", help="overwrite files that this command did not write")


def run(arguments: argparse.Namespace) -> int:
    """Write the files; where one of them is somebody else's, none. Returns the exit code."""
    image = arguments.triton_image or IMAGES.get(arguments.target)
    if image is None:
        raise UsageError(f"no image of Triton is known for {arguments.target}: name NVIDIA's with --triton-image")
    if not _IMAGE.fullmatch(image):
        raise UsageError(f"--triton-image {readable(image)} is no image: write NAME:TAG")
    if not _USER.fullmatch(arguments.user):
        raise UsageError(f"--user {readable(arguments.user)} is no name of a user")
    program = arguments.program or str(Path(sys.executable).with_name("rt-gait"))
    if not re.fullmatch(r"/[\w./+-]+", program):
        raise UsageError(f"--program {readable(program)} must be a whole path without spaces: systemd wants one")
    folder = expand(arguments.folder)
    files = {
        "compose.yaml": compose_file(arguments.target, image, gpu=not arguments.no_gpu),
        "Dockerfile": dockerfile(),
        **units(program, arguments.user),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = [name for name in files if not arguments.force and _is_foreign(folder / name)]
        if foreign:
            raise UsageError(
                f"{', '.join(foreign)} in {readable(str(folder))} was not written by this command: "
                "name another folder, or say --force"
            )
        _write(folder, files)
    except OSError as error:
        raise of_file(error, f"{readable(str(folder))} cannot be written") from error
    print("\n".join(str(folder / name) for name in files))
    return 0


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Each file is the old one or the new one, and no link is followed to what it leads to. Raises OSError."""
    with TemporaryDirectory(prefix=".rt_gait_deploy_", dir=folder) as scratch:
        for name, text in files.items():
            Path(scratch, name).write_text(text, encoding="utf-8")
        for name in files:
            Path(scratch, name).replace(folder / name)


def _is_foreign(path: Path) -> bool:
    if not path.exists() and not path.is_symlink():
        return False
    return path.is_symlink() or not path.read_bytes().startswith(MARK.encode())
