"""`rt-gait gallery`: who is enrolled."""

import argparse
import os
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rt_gait_ros.cli import gallery_fleet, gallery_privacy
from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.errors import UsageError
from rt_gait_ros.fleet.address import is_address
from rt_gait_ros.fleet.opening import default_place, local_path, open_gallery
from rt_gait_ros.gait.direction import advice, line_of
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.gait.walk_embedder import open_embedder
from rt_gait_ros.gallery.cipher import find_cipher
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import LEARNT, Person
from rt_gait_ros.paths import expand
from rt_gait_ros.resources import resource

SUMMARY = "list, rename, merge and forget the persons that the robot knows"

# What --gallery is, to commands that take either kind of gallery, and to those of a server's alone.
ADDRESS = "postgresql://ROLE@HOST/DATABASE?site=SITE"
DEFAULT = "(default: $RT_GAIT_GALLERY, else ~/.local/share/rt_gait_ros/people.gallery)"
_EITHER = f"gallery file, or {ADDRESS} {DEFAULT}"
PERSON = "display name or permanent id"
ON_SERVER = f"the gallery on the server: {ADDRESS} (default: $RT_GAIT_GALLERY)"

_DESCRIPTION = """\
The gallery holds what the robot knows of the people it may name: a permanent id, a display name, and their walks.

  rt-gait gallery list                    who is enrolled
  rt-gait gallery show Ada                one person: id, times, stored walks
  rt-gait gallery rename Ada "Ada L."     another display name; the id stays
  rt-gait gallery merge Ada "Ada L."      merge two entries of one person: the second one's walks go to the first
  rt-gait gallery forget Ada              delete a person and everything that is stored of them
  rt-gait gallery unlearn Ada             delete views that were learnt of somebody in passing
  rt-gait gallery rebuild --model NAME    make all embeddings again, from the stored gait frames, for another gait model
  rt-gait gallery path                    print the path of the file; copy the file to make a backup
  rt-gait gallery consent Ada TEXT        store how somebody consented
  rt-gait gallery retain Ada DAYS         say for how long somebody is kept
  rt-gait gallery strip                   delete the silhouettes, keep the embeddings
  rt-gait gallery export Ada --to DIR     write all that is stored of somebody, with pictures of the silhouettes
  rt-gait gallery audit                   show who changed what, and when
  rt-gait gallery key FILE                make a key for encryption
  rt-gait gallery encrypt --key file:FILE
  rt-gait gallery migrate --gallery postgresql://OWNER@HOST/DATABASE?site=SITE
                                          make a gallery for many robots on a PostgreSQL server

PERSON is a display name or a permanent id, as `list` shows them. Persons are enrolled by walking before the camera: the
action enroll_person of gait_node. All of this is safe while nodes run on the same file: they see the change with the
next image.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    commands = parser.add_subparsers(dest="gallery_command", metavar="COMMAND", required=True)

    listing = gallery_command(commands, "list", _list, "show who is enrolled")
    add_json_argument(listing)

    show = gallery_command(commands, "show", _show, "show one person")
    show.add_argument("person", metavar="PERSON", help=PERSON)
    add_json_argument(show)

    rename = gallery_command(commands, "rename", _rename, "give a person another display name")
    rename.add_argument("person", metavar="PERSON", help=PERSON)
    rename.add_argument("name", metavar="NAME", help="new display name")

    merge = gallery_command(commands, "merge", _merge, "merge two entries of one person")
    merge.add_argument("into", metavar="PERSON", help=f"{PERSON}; stays, with the walks of both")
    merge.add_argument("other", metavar="OTHER", help="is gone afterwards")

    forget = gallery_command(commands, "forget", _forget, "delete a person and everything stored of them")
    forget.add_argument("person", metavar="PERSON", help=PERSON)
    forget.add_argument("--yes", action="store_true", help="do not ask first")

    unlearn = gallery_command(commands, "unlearn", _unlearn, "delete views that were learnt; what was enrolled stays")
    unlearn.add_argument("person", nargs="?", default="", metavar="PERSON", help="everybody where nobody is named")

    rebuild = gallery_command(commands, "rebuild", _rebuild, "make all embeddings again for another gait model")
    rebuild.add_argument("--model", required=True, metavar="NAME", help="gait model, as in the model repository")
    for command in (forget, rebuild):
        command.add_argument(
            "--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)"
        )

    gallery_command(
        commands, "path", _path, "print the file that is used; of a gallery on a server, the copy of this machine"
    )
    gallery_fleet.add_commands(partial(gallery_command, commands))
    gallery_privacy.add_commands(partial(gallery_command, commands), _open)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def gallery_command(
    commands: Any, name: str, action: Any, text: str, what: str = _EITHER, key: str = "of an encrypted gallery"
) -> argparse.ArgumentParser:
    """A subcommand of this summary that takes --gallery and --key. what, key: what they are to it."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument(
        "--gallery",
        metavar="GALLERY",
        help=what,
    )
    parser.add_argument(
        "--key",
        default="",
        metavar="KEY",
        help=f"{key}: file:PATH, env:NAME, keyring:SERVICE/USER (default: $RT_GAIT_GALLERY_KEY)",
    )
    parser.set_defaults(action=action, repository=None, plain=False)
    return parser


def _open(arguments: argparse.Namespace) -> KnownPeople:
    place = arguments.gallery or default_place()
    if not is_address(place) and not os.path.lexists(expand(place)):
        raise UsageError(f"there is no gallery {expand(place)}: enrol somebody first, or name it with --gallery")
    cipher = None if arguments.plain else find_cipher(arguments.key)
    return KnownPeople(open_gallery(place, cipher), _repository(arguments))


def _repository(arguments: argparse.Namespace) -> Path:
    return arguments.repository or resource("model_repository")


def _list(arguments: argparse.Namespace) -> int:
    gallery = _open(arguments).gallery
    records = [_record(person) for person in gallery.persons]
    emit(arguments, {"path": gallery.name, "model": gallery.model, "persons": records}, _table(gallery))
    return 0


def _table(gallery: Gallery) -> str:
    if not gallery.persons:
        return f"nobody is enrolled in {gallery.name}"
    width = max(4, *(len(person.name) for person in gallery.persons))
    lines = [f"{'name':{width}}  {'id':10}  walks  learnt  {'last added to':25}  stored by"]
    lines += [
        f"{person.name:{width}}  {person.person_id:10}  {len(person.templates):5}  {_learnt(person):6}  "
        f"{_day(person.updated)}  {', '.join(dict.fromkeys(t.robot for t in person.templates if t.robot))}".rstrip()
        for person in gallery.persons
    ]
    return "\n".join([*lines, "", f"gait model {gallery.model}, {gallery.name}"])


def _learnt(person: Person) -> int:
    return sum(template.origin == LEARNT for template in person.templates)


def _show(arguments: argparse.Namespace) -> int:
    person = _open(arguments).gallery.find(arguments.person)
    record = _record(person)
    lines = [f"{person.name}  ({person.person_id})"]
    lines.append(f"  enrolled {record['enrolled']}, last added to {record['updated']}")
    lines.append(f"  kept {gallery_privacy.until(person)}; consent: {person.consent or 'nothing noted'}")
    for walk in record["walks"]:
        frames = f"{walk['frames']} gait frames kept" if walk["frames"] else "no gait frames kept"
        lines.append(
            f"  walk: {walk['origin']}, seen from {line_of(walk['view'])}, embedding {walk['embedding']}, {frames}, "
            f"scene {walk['scene'] or 'not known'}, stored by {walk['robot'] or 'a robot that is not known'}"
        )
    if missing := advice([template.view for template in person.templates]):
        lines.append(f"  to be known from more sides: {missing}")
    emit(arguments, record, "\n".join(lines))
    return 0


def _rename(arguments: argparse.Namespace) -> int:
    person = _open(arguments).rename(arguments.person, arguments.name)
    print(f"{person.person_id} is called {person.name} now")
    return 0


def _merge(arguments: argparse.Namespace) -> int:
    person = _open(arguments).merge(arguments.into, arguments.other)
    print(f"{person.name} ({person.person_id}) has {len(person.templates)} walks now")
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    people = _open(arguments)
    person = people.gallery.find(arguments.person)
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise UsageError(f"forgetting {person.name} cannot be undone: say --yes")
        question = f"Forget {person.name} ({person.person_id}, {len(person.templates)} walks) for good? [y/N] "
        try:
            answer = input(question)
        except EOFError:  # Ctrl-D
            answer = ""
            print()
        if answer.strip().lower() not in ("y", "yes"):
            print("nothing was changed")
            return 1
    for line in people.forget(person.person_id).lines:
        print(line)
    return 0


def _unlearn(arguments: argparse.Namespace) -> int:
    count = _open(arguments).unlearn(arguments.person)
    print(f"{count} learnt views are deleted; parameter learn of gait_node says whether more are learnt")
    return 0


def _rebuild(arguments: argparse.Namespace) -> int:
    people = _open(arguments)
    with open_embedder(_repository(arguments), arguments.model) as embedder:
        model = embedder.model
        count = people.rebuild(model.name, model.gait_frame_kind, embedder)
    print(f"{count} embeddings of {len(people.gallery.persons)} persons were made with {model.name}")
    return 0


def _path(arguments: argparse.Namespace) -> int:
    place = arguments.gallery or default_place()
    print(local_path(place) if is_address(place) else expand(place))
    return 0


def _record(person: Person) -> dict[str, Any]:
    return {
        "person_id": person.person_id,
        "name": person.name,
        "enrolled": _day(person.enrolled),
        "updated": _day(person.updated),
        "consent": person.consent,
        "expires": _day(person.expires) if person.expires else "",
        "walks": [
            {
                "embedding": list(template.embedding.shape),
                "frames": 0 if template.frames is None else len(template.frames),
                "scene": template.scene,
                "view": template.view,
                "origin": template.origin,
                "robot": template.robot,
                "measures": {name: [m.value, m.deviation] for name, m in template.measures.items()},
            }
            for template in person.templates
        ],
    }


def _day(stamp: int) -> str:
    return datetime.fromtimestamp(stamp / 1e9).astimezone().isoformat(sep=" ", timespec="seconds")
