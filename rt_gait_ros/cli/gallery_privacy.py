"""The part of `rt-gait gallery` that is about privacy: what was agreed, for how long, who changed what, encryption."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.fleet.address import is_address
from rt_gait_ros.fleet.opening import default_place, scenes_of
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.gait.person_export import export_person
from rt_gait_ros.gallery.cipher import find_cipher, write_key
from rt_gait_ros.gallery.gallery import DAY
from rt_gait_ros.gallery.person import GalleryError, Person

MAX_DAYS = 36500


class Opener(Protocol):
    """Opens the gallery that the arguments name."""

    def __call__(self, arguments: argparse.Namespace) -> KnownPeople:
        """The people of it. Raises GaitError."""


def add_commands(add: Any, opened: Opener) -> None:
    """Declare the subcommands. add: as cli.gallery.gallery_command without its first argument. opened: the gallery."""
    consent = add("consent", lambda a: _consent(opened(a), a), "store how a person consented")
    consent.add_argument("person", metavar="PERSON", help="display name or permanent id")
    consent.add_argument("text", metavar="TEXT", help="in your words; empty deletes the note")

    retain = add("retain", lambda a: _retain(opened(a), a), "say for how long a person is kept")
    retain.add_argument("person", metavar="PERSON", help="display name or permanent id")
    retain.add_argument("days", metavar="DAYS", type=float, help="days from now until they are deleted; 0 is for ever")

    strip = add("strip", lambda a: _strip(opened(a), a), "delete stored silhouettes; embeddings stay")
    strip.add_argument("person", nargs="?", default="", metavar="PERSON", help="everybody where nobody is named")

    export = add("export", lambda a: _export(opened(a), a), "write all that is stored of a person to a folder")
    export.add_argument("person", metavar="PERSON", help="display name or permanent id")
    export.add_argument("--to", type=Path, required=True, metavar="DIR", help="folder to be made")

    log = add(
        "audit",
        lambda a: _audit(opened(a), a),
        "show who changed the gallery, and whether the record was tampered with",
    )
    add_json_argument(log)

    key = add("key", _key, "make a key for encryption")
    key.add_argument("file", type=Path, metavar="FILE", help="where it is written; it must not be there yet")

    encrypt = add(
        "encrypt", lambda a: _encrypt(opened, a), "encrypt the gallery with the key of --key", key="the key from now on"
    )
    encrypt.add_argument(
        "--from-key", default="", metavar="KEY", help="of a gallery that is encrypted: its present key"
    )
    add("decrypt", lambda a: _decrypt(opened(a)), "write the gallery again without encryption")


def _consent(people: KnownPeople, arguments: argparse.Namespace) -> int:
    person = people.note(arguments.person, consent=arguments.text)
    print(f"{person.name} ({person.person_id}): {person.consent or 'nothing is noted any more'}")
    return 0


def _retain(people: KnownPeople, arguments: argparse.Namespace) -> int:
    if not 0.0 <= arguments.days <= MAX_DAYS:
        raise UsageError(f"DAYS is {arguments.days:g}, and must be from 0 to {MAX_DAYS}")
    person = people.note(arguments.person, retention=round(arguments.days * DAY))
    print(f"{person.name} ({person.person_id}) is kept {until(person)}")
    return 0


def until(person: Person) -> str:
    """For how long a person is kept, in words."""
    if not person.expires:
        return "until somebody forgets them"
    return f"until {datetime.fromtimestamp(person.expires / 1e9).astimezone().isoformat(sep=' ', timespec='minutes')}"


def _strip(people: KnownPeople, arguments: argparse.Namespace) -> int:
    count = people.strip(arguments.person)
    print(f"the silhouettes of {count} walks are deleted; another gait network needs these people to be enrolled again")
    return 0


def _export(people: KnownPeople, arguments: argparse.Namespace) -> int:
    gallery = people.gallery
    place = arguments.gallery or default_place()
    scenes = scenes_of(place, gallery.cipher)
    person = export_person(gallery, scenes, arguments.person, arguments.to)
    what = "all that is stored"
    if gallery.store.is_shared:
        what = "what the server stores" if is_address(place) else "what this robot's copy stores"
    print(f"{arguments.to} holds {what} of {person.name} ({person.person_id}): person.json says what is what")
    return 0


def _audit(people: KnownPeople, arguments: argparse.Namespace) -> int:
    gallery = people.gallery
    try:
        entries = gallery.store.audit()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GalleryError(f"the audit of gallery {gallery.name} cannot be read: {reason}") from error
    names = {person.tag: person.name for person in gallery.persons}
    records = [
        {
            "time": entry.time,
            "uid": entry.uid,
            "role": entry.role,
            "what": entry.what,
            "persons": [names.get(tag, "") for tag in entry.tags],
            "tags": list(entry.tags),
            "whole": entry.whole,
        }
        for entry in entries
    ]
    lines = [
        f"{entry.time}  {entry.role or f'uid {entry.uid}':10} {entry.what:8} "
        f"{', '.join(names.get(tag) or f'somebody gone ({tag})' for tag in entry.tags)}"
        for entry in entries
    ]
    emit(
        arguments,
        {"gallery": gallery.name, "changes": records},
        "\n".join(lines) or f"no change of gallery {gallery.name} is noted",
    )
    broken = next((number for number, entry in enumerate(entries, 1) if not entry.whole), 0)
    if broken:
        raise GalleryError(
            f"the audit of gallery {gallery.name} was changed: "
            f"from line {broken} on it does not follow from what is before"
        )
    return 0


def _key(arguments: argparse.Namespace) -> int:
    write_key(arguments.file)
    print(f"{arguments.file} holds a new key: keep a copy elsewhere, for nothing opens the gallery without it")
    return 0


def _encrypt(opened: Opener, arguments: argparse.Namespace) -> int:
    cipher = find_cipher(arguments.key)
    if cipher is None:
        raise UsageError("name the new key: --key file:PATH, env:NAME or keyring:SERVICE/USER")
    people = opened(
        argparse.Namespace(**{**vars(arguments), "key": arguments.from_key, "plain": not arguments.from_key})
    )
    people.encrypt(cipher)
    print(f"{people.gallery.path} and the scenes beside it are encrypted: nodes need the parameter gallery_key")
    return 0


def _decrypt(people: KnownPeople) -> int:
    if people.gallery.cipher is None:
        raise GaitError(f"gallery {people.gallery.path} is not encrypted")
    people.encrypt(None)
    print(f"{people.gallery.path} and the scenes beside it are not encrypted any more")
    return 0
