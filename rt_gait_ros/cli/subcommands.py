"""How commands of several kinds declare them."""

import argparse
from typing import Any


def kinds_of(parser: argparse.ArgumentParser, description: str) -> Any:
    """Begin a command of which there are kinds, as `rt-gait export pose`: what `subcommand` adds them to."""
    parser.description = description
    return parser.add_subparsers(dest="kind", metavar="KIND", required=True)


def subcommand(commands: Any, name: str, summary: str, description: str) -> argparse.ArgumentParser:
    """Declare one of them. summary: a line among the others. description: its own page of help, as it is written."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser
