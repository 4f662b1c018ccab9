"""`rt-gait scene`: what robots have learnt of the places their cameras look at."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rt_gait_ros.cli.gallery import ADDRESS, DEFAULT, ON_SERVER, gallery_command
from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.errors import UsageError
from rt_gait_ros.fleet.address import is_address, parse
from rt_gait_ros.fleet.opening import default_place, scenes_of
from rt_gait_ros.fleet.scene_rows import ServerScenes
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.gait.scene_keeping import KeptScene, SceneKeeper
from rt_gait_ros.gallery.cipher import find_cipher
from rt_gait_ros.gallery.gallery import real_path

SUMMARY = "list and delete what was learnt of each camera's place from the people who walked by"
_WHAT = f"whose scenes: a gallery file, for those of this machine, or {ADDRESS}, for the back-ups there {DEFAULT}"

_DESCRIPTION = """\
A scene is the place that a camera looks at. It is called as the parameter `scene` of gait_node says, or else as the
camera's frame id. gait_node keeps a mean embedding of everybody who walks by there for up to 30 days, without a name,
and with the id of the person it was named as. From these it learns how the place changes all embeddings alike, and
takes that out before people are compared.

  rt-gait scene list              list the scenes, and how many walks are kept of each
  rt-gait scene forget hall       delete a scene, for all gait models; SCENE is as the list shows it
  rt-gait scene forget --all      delete them all

The data are biometric. They lie in private files beside the gallery, and may be deleted at any time: a node that uses
the files sees it within seconds, and learns the scene again within a few walkers.

Robots that share a gallery on a server back their scenes up there if gait_node's parameter share_scenes is set. With
the server's address as --gallery, `list` and `forget` are about these back-ups. A robot makes its back-up again until
the scene is deleted on the robot as well.

  rt-gait scene take hall --robot rover --gallery 'postgresql://spot@db/people?site=hall&robot=spot'
                                  on spot, which has taken rover's place: bring rover's back-up of the scene `hall` here
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    commands = parser.add_subparsers(dest="scene_command", metavar="COMMAND", required=True)
    listing = gallery_command(commands, "list", _list, "show which scenes are known", _WHAT)
    add_json_argument(listing)
    forget = gallery_command(commands, "forget", _forget, "delete what is known of a scene", _WHAT)
    forget.add_argument("scene", nargs="?", metavar="SCENE", help="as `rt-gait scene list` shows it")
    forget.add_argument("--all", action="store_true", help="delete every scene")
    forget.add_argument("--robot", metavar="ROBOT", help="of back-ups on a server, that of this robot alone")
    take = gallery_command(commands, "take", _take, "bring the back-up of a scene to this robot", ON_SERVER)
    take.add_argument("scene", metavar="SCENE", help="as `rt-gait scene list` shows it")
    take.add_argument(
        "--robot",
        required=True,
        metavar="ROBOT",
        help="whose back-up it is; this robot is the one that the address names",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _list(arguments: argparse.Namespace) -> int:
    keeper = scenes_of(arguments.gallery or default_place(), find_cipher(arguments.key))
    found = keeper.listed()
    emit(arguments, {"path": keeper.name, "scenes": [_record(each) for each in found]}, _table(found, keeper.name))
    return 0


def _record(each: KeptScene) -> dict[str, Any]:
    return {
        "scene": each.scene,
        "model": each.model,
        "file": each.place,
        "robot": each.robot,
        "walks": each.walks,
        "newest": _day(each.newest),
        "problem": each.problem,
    }


def _table(found: Sequence[KeptScene], place: str) -> str:
    if not found:
        return f"no scene is known in {place}"
    width = max(5, *(len(each.scene) for each in found))
    robots = any(each.robot for each in found)
    lines = [f"{'scene':{width}}  walks  {'newest':25}  gait model{'  robot' if robots else ''}"]
    models = max(10, *(len(each.model) for each in found))
    for each in found:
        whose = f"{each.model:{models}}  {each.robot}" if robots else each.model
        lines.append(f"{each.scene:{width}}  {each.walks:5}  {_day(each.newest):25}  {whose}")
        lines += [f"  {each.problem}"] if each.problem else []
    return "\n".join([*lines, "", place])


def _forget(arguments: argparse.Namespace) -> int:
    place = arguments.gallery or default_place()
    keeper: SceneKeeper = scenes_of(place)  # without a key: what nobody can read any more can be deleted all the same
    if arguments.robot is not None and not is_address(place):
        raise UsageError(f"{place} is a file, which has the scenes of this machine alone: leave out --robot")
    if bool(arguments.scene) == arguments.all:
        raise UsageError("name one scene of `rt-gait scene list`, or say --all")
    found = [
        each
        for each in keeper.listed()
        if arguments.scene in (None, each.scene) and arguments.robot in (None, each.robot)
    ]
    if not found and (arguments.robot is not None or not arguments.all):
        whose = f" of robot {arguments.robot!r}" if arguments.robot else ""
        what = "scene" if arguments.all else f"scene {arguments.scene!r}"
        raise SceneError(f"no {what}{whose} is known in {keeper.name}: `rt-gait scene list` shows them")
    keeper.forget(found)
    for each in found:
        print(_deleted(each) if each.robot else f"{each.place} is deleted")
    if not found:
        print(f"no scene is known in {keeper.name}", file=sys.stderr)
    return 0


def _take(arguments: argparse.Namespace) -> int:
    place = arguments.gallery or default_place()
    if not is_address(place):
        raise UsageError(f"{place} is a file, which has no other robot's scenes: name postgresql://… with --gallery")
    address = parse(str(place))
    folder = scene_file.folder_of(real_path(address.copy_path))
    count = ServerScenes(address).take(arguments.scene, arguments.robot, folder, find_cipher(arguments.key))
    print(f"{count} walks of scene {arguments.scene} of {arguments.robot} came into {folder}")
    return 0


def _deleted(each: KeptScene) -> str:
    return (
        f"the back-up of scene {each.scene} of {each.robot} is deleted; the disk of {each.robot} still has the scene: "
        f'run `rt-gait scene forget {shlex.quote(each.scene)} --gallery "$(rt-gait gallery path --gallery '
        f'ADDRESS)"` there'
    )


def _day(stamp: int) -> str:
    return datetime.fromtimestamp(stamp / 1e9).astimezone().isoformat(sep=" ", timespec="seconds") if stamp else ""
