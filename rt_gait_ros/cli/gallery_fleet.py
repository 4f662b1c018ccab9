"""The part of `rt-gait gallery` that is about galleries on a server."""

import argparse
from typing import Any

from rt_gait_ros.errors import UsageError
from rt_gait_ros.fleet.address import is_address, parse
from rt_gait_ros.fleet.migration import migrate
from rt_gait_ros.fleet.opening import default_place

_WHERE = (
    "the gallery on the server, as the role that owns its tables: postgresql://OWNER@HOST/DATABASE?site=SITE (default: "
    "$RT_GAIT_GALLERY)"
)


def add_commands(add: Any) -> None:
    """Declare the subcommands. add: as cli.gallery.gallery_command without its first argument."""
    add("migrate", _migrate, "make the tables of a gallery on a server, or bring them up to date", _WHERE)


def _migrate(arguments: argparse.Namespace) -> int:
    place = arguments.gallery or default_place()
    if not is_address(place):
        raise UsageError(f"{place} is a file, which needs no migration: name postgresql://ROLE@HOST/DATABASE?site=SITE")
    address = parse(str(place))
    before, after = migrate(address)
    done = f"has schema {after}" if before == after else f"was brought from schema {before} to {after}"
    print(f"gallery {address.name} {done}")
    return 0
