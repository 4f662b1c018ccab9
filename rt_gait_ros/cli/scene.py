"""`rt-gait scene`: what the robot has learnt of the places its cameras look at."""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rt_gait_ros.cli.gallery import gallery_command
from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.errors import UsageError
from rt_gait_ros.fleet.opening import default_place, local_path
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.gallery.cipher import Cipher, find_cipher

SUMMARY = "list and forget the statistics of scenes, which people who walk by leave"
_WHAT = "gallery file that the scenes lie beside"

_DESCRIPTION = """\
gait_node keeps a mean embedding of everybody who walks by for up to 30 days, without a name, and with the id of the
person it was named as. From these it learns how the camera and the place change all embeddings alike, and takes that
out before people are compared. The data are biometric: they stay in private files beside the gallery, and can be
deleted at any time; they are learnt again within a few walkers.

  rt-gait scene list              list the scenes, and how much is known of each
  rt-gait scene forget hall       delete a scene, for all gait models; SCENE is as the list shows it
  rt-gait scene forget --all      delete them all

A node that uses the same files sees the change within seconds, and begins to learn again.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    commands = parser.add_subparsers(dest="scene_command", metavar="COMMAND", required=True)
    listing = gallery_command(commands, "list", _list, "show which scenes are known", _WHAT)
    add_json_argument(listing)
    forget = gallery_command(commands, "forget", _forget, "delete what is known of a scene", _WHAT)
    forget.add_argument("scene", nargs="?", metavar="SCENE")
    forget.add_argument("--all", action="store_true", help="delete every scene")


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _folder(arguments: argparse.Namespace) -> Path:
    return scene_file.folder_of(local_path(arguments.gallery or default_place()))


def _list(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments)
    cipher = find_cipher(arguments.key)
    records = [_record(path, cipher) for path in scene_file.files(folder)]
    emit(arguments, {"path": str(folder), "scenes": records}, _table(records, folder))
    return 0


def _record(path: Path, cipher: Cipher | None) -> dict[str, Any]:
    found: dict[str, Any] = {"scene": scene_file.name_of(path), "model": scene_file.model_of(path), "file": str(path)}
    try:
        record = scene_file.read(path, cipher)
    except SceneError as error:
        return found | {"walks": 0, "newest": "", "problem": str(error)}
    newest = "" if record is None or not len(record.stamps) else _day(int(record.stamps.max()))
    return found | {"walks": 0 if record is None else len(record.votes), "newest": newest, "problem": ""}


def _table(records: Sequence[dict[str, Any]], folder: Path) -> str:
    if not records:
        return f"no scene is known in {folder}"
    width = max(5, *(len(record["scene"]) for record in records))
    lines = [f"{'scene':{width}}  walks  newest                     gait model"]
    for record in records:
        lines.append(f"{record['scene']:{width}}  {record['walks']:5}  {record['newest']:25}  {record['model']}")
        lines += [f"  {record['problem']}"] if record["problem"] else []
    return "\n".join([*lines, "", str(folder)])


def _forget(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments)
    if bool(arguments.scene) == arguments.all:
        raise UsageError("name one scene of `rt-gait scene list`, or say --all")
    paths = [path for path in scene_file.files(folder) if arguments.all or scene_file.name_of(path) == arguments.scene]
    if not paths and not arguments.all:
        raise SceneError(f"no scene {arguments.scene!r} is known in {folder}: `rt-gait scene list` shows them")
    for path in paths:
        scene_file.delete(path)
        print(f"{path} is deleted")
    if not paths:
        print(f"no scene is known in {folder}", file=sys.stderr)
    return 0


def _day(stamp: int) -> str:
    return datetime.fromtimestamp(stamp / 1e9).astimezone().isoformat(sep=" ", timespec="seconds")
