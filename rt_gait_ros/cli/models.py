"""`rt-gait models`: the files of the networks, where a release has left them out."""

import argparse
import shutil
import subprocess
from pathlib import Path

from rt_gait_ros import __version__
from rt_gait_ros.cli.output import progress
from rt_gait_ros.cli.subcommands import kinds_of, subcommand
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.resources import resource, share_directory
from rt_gait_ros.serving.network_files import ADVICE, fetch, states

SUMMARY = "fetch the files of the networks, where a release has left them out, and check them"

_DESCRIPTION = """\
The networks take 98 of this package's 105 MB. A release that has to be small leaves them out: everything else of
model_repository stays, with the SHA-256 of each file in SHA256SUMS.

  rt-gait models check                   say which files are there, missing, or not those of this release
  rt-gait models fetch --from WHERE      bring what is missing
  rt-gait models pack DIR                write a release: the source without networks, and the networks (a clone alone)
"""
_FETCH = """\
Bring the files of model_repository/SHA256SUMS that are missing. WHERE may be

  a folder, such as model_repository of a clone
  an address below which NETWORK/1/model.onnx lie: https://HOST/OWNER/rt_gait_ros/raw/VERSION/model_repository
  the archive that `rt-gait models pack` writes, or its address: rt_gait_ros-VERSION-networks.tar.gz

A file takes its place only if its SHA-256 is the listed one. What has come stays if the rest fails. A network that is
there and not that of this release, such as one of your own, stays too, unless --network names it.
"""
_PACK = """\
Write the last commit of this clone into DIR as two archives: rt_gait_ros-VERSION.tar.gz, which builds with pip and
colcon and has no networks, and rt_gait_ros-VERSION-networks.tar.gz, which `rt-gait models fetch --from` takes.
"""
# git's own words for "all but": the networks of every version, as SHA256SUMS names them.
_WITHOUT = ":(exclude,glob)model_repository/*/*/*.onnx"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    kinds = kinds_of(parser, _DESCRIPTION)
    check = subcommand(kinds, "check", "say which files are there", "Compare all files with SHA256SUMS.")
    check.set_defaults(action=_check)
    get = subcommand(kinds, "fetch", "bring the files that are missing", _FETCH)
    get.add_argument("--from", dest="source", required=True, metavar="WHERE", help="folder, address, or archive")
    get.add_argument(
        "--network",
        action="append",
        default=[],
        metavar="NAME",
        help="this one alone, and what differs of it as well; as often as wanted",
    )
    get.set_defaults(action=_fetch)
    for command in (check, get):
        command.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's)")
    pack = subcommand(kinds, "pack", "write the archives of a release", _PACK)
    pack.add_argument("folder", type=Path, metavar="DIR", help="where to; made if it is not there")
    pack.set_defaults(action=_pack)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _check(arguments: argparse.Namespace) -> int:
    found = states(arguments.repository or resource("model_repository"))
    for name, state in found.items():
        print(f"{name:44} {state}")
    lacking = sum(state != "there" for state in found.values())
    if lacking:
        print(f"{lacking} of {len(found)} files are missing or differ: {ADVICE}; what differs needs --network NAME")
    return 1 if lacking else 0


def _fetch(arguments: argparse.Namespace) -> int:
    repository = arguments.repository or resource("model_repository")
    names = fetch(repository, arguments.source, arguments.network, progress)
    print(f"{len(names)} files fetched into {repository}" if names else f"nothing is to be fetched into {repository}")
    return 0


def _pack(arguments: argparse.Namespace) -> int:
    clone, folder = share_directory(), arguments.folder
    if not (clone / ".git").exists() or shutil.which("git") is None:
        raise UsageError(f"{clone} is no clone, or git is not installed: a release is packed from a clone")
    folder.mkdir(parents=True, exist_ok=True)
    name = f"rt_gait_ros-{__version__}"
    for path, words in {
        folder / f"{name}.tar.gz": [f"--prefix={name}/", "HEAD", ".", _WITHOUT],
        folder / f"{name}-networks.tar.gz": [f"--prefix={name}-networks/", "HEAD:model_repository"],
    }.items():
        command = ["git", "-C", str(clone), "archive", f"--output={path.absolute()}", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise GaitError(f"git cannot pack {clone}: {' '.join(done.stderr.split())}")
        print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0
