#!/usr/bin/env python3
"""Write config/parameters.yaml, config/gait.yaml and the tables of docs/parameters.md anew: all three say the same.

    python tools/write_parameters.py

Parameters that are a room's settings (PoseConfig, TrackerConfig, RecognizerConfig) are taken from there; all others
stand in parameters.yaml itself, which is edited by hand for them. It needs the package, without ROS.
"""

import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.settings import Setting, settings_of
from rt_gait_ros.tracking.config import TrackerConfig

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = {"pose_node": PoseConfig, "tracker_node": TrackerConfig, "gait_node": RecognizerConfig}
TYPES = {bool: "bool", int: "integer", float: "double", str: "string"}
# ROS has no NaN in parameter files: what is taken from elsewhere is a number below the range.
ELSEWHERE = -1.0
WIDTH = 120
EVERY_NODE = "Parameters of every node"  # heading of docs/parameters.md

Entry = Mapping[str, Any]


def entry_of(setting: Setting) -> dict[str, Any]:
    """A setting as parameters.yaml describes a parameter."""
    entry: dict[str, Any] = {"type": TYPES[type(setting.default)]}
    entry["default"] = ELSEWHERE if setting.elsewhere else setting.default
    if setting.low is not None:
        entry["range"] = [ELSEWHERE if setting.elsewhere else setting.low, setting.high]
    if setting.choices:
        entry["choices"] = list(setting.choices)
    if setting.live:
        entry["dynamic"] = True
    entry["description"] = setting.description
    return entry


def parameters_text(text: str) -> str:
    """parameters.yaml with the rooms' own settings in the place of what it said of them, new ones behind the others.

    text: of the file so far; whatever is of the nodes alone stays as it is written.
    """
    sections = re.split(r"^(?=\w+:\n)", text, flags=re.MULTILINE)
    return "".join(_section(section) for section in sections)


def _section(text: str) -> str:
    config = CONFIGS.get(text.partition(":")[0])
    if config is None:
        return text
    entries = {name: _entry_text(name, entry_of(setting)) for name, setting in settings_of(config).items()}
    head, *blocks = re.split(r"^(?=  \w+:\n)", text.rstrip("\n") + "\n", flags=re.MULTILINE)
    written = [entries.pop(block.strip().partition(":")[0], block) for block in blocks]
    return head + "".join(written) + "".join(entries.values()) + "\n" * (len(text) - len(text.rstrip("\n")) - 1)


def _entry_text(name: str, entry: Entry) -> str:
    lines = [f"  {name}:\n"]
    for key, value in entry.items():
        said = f"[{', '.join(map(_scalar, value))}]" if isinstance(value, list) else _scalar(value)
        lines.append(f"    {key}: {said}\n")
    return "".join(lines)


def _scalar(value: Any) -> str:
    """A value as YAML, in quotes only where a text would be read as something else without them."""
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        plain = yaml.safe_load(value) == value
    except yaml.YAMLError:
        plain = False
    return value if plain else json.dumps(value)


def sections_of(text: str) -> dict[str, dict[str, Entry]]:
    """Every node's parameters, the common ones last, of the text of parameters.yaml."""
    content = yaml.safe_load(text)
    common = content.pop("common")
    return {node: {**(own or {}), **common} for node, own in content.items()}


def tables_of(text: str) -> dict[str, dict[str, Entry]]:
    """The tables of docs/parameters.md by their headings: what every node has, and each node's own."""
    content = yaml.safe_load(text)
    return {EVERY_NODE: content.pop("common"), **{node: own or {} for node, own in content.items()}}


def edited_text(text: str, sections: Mapping[str, Mapping[str, Entry]]) -> str:
    """gait.yaml: the file so far gives its head, everything else comes from the parameters."""
    head = text[: text.index("/**/")]
    return head + "\n".join("".join(_edited_section(node, entries)) for node, entries in sections.items())


def _edited_section(node: str, entries: Mapping[str, Entry]) -> Iterator[str]:
    yield f"/**/{node}:\n  ros__parameters:\n"
    for name, entry in entries.items():
        said = " ".join(entry["description"].split())
        if allowed := _allowed(entry, " .. ", ", "):
            said += f" One of {allowed}." if "choices" in entry else f" {allowed}."
        said += " (*)" if entry.get("dynamic") else ""
        for line in textwrap.wrap(said, WIDTH - len("    # "), break_long_words=False, break_on_hyphens=False):
            yield f"    # {line}\n"
        yield f"    {name}: {json.dumps(entry['default'])}\n"


def page_text(text: str, tables: Mapping[str, Mapping[str, Entry]]) -> str:
    """docs/parameters.md with the rows of each table of parameters written anew."""
    for heading, entries in tables.items():
        rows = "".join(_row(name, entry) for name, entry in entries.items())
        table = rf"(^## {heading}\n(?:(?!^## ).*\n)*?\|---\|---\|---\|---\|\n)(?:\|.*\n)+"
        text, times = re.subn(table, lambda found, rows=rows: found[1] + rows, text, flags=re.MULTILINE)
        if times != 1:
            sys.exit(f"docs/parameters.md has no table of parameters under ## {heading}")
    return text


def _row(name: str, entry: Entry) -> str:
    star = " *" if entry.get("dynamic") else ""
    kind = ": ".join(filter(None, (entry["type"], _allowed(entry, " … ", ", "))))
    default, said = json.dumps(entry["default"]), " ".join(entry["description"].split())
    return f"| `{name}`{star} | {kind} | `{default}` | {said} |\n"


def _allowed(entry: Entry, to: str, comma: str) -> str:
    if "range" in entry:
        return to.join(f"{bound:g}" for bound in entry["range"])
    return comma.join(choice or '""' for choice in entry.get("choices", ()))


def texts() -> dict[Path, str]:
    """What each of the three files should say."""
    parameters, edited = ROOT / "config" / "parameters.yaml", ROOT / "config" / "gait.yaml"
    page = ROOT / "docs" / "parameters.md"
    written = parameters_text(parameters.read_text(encoding="utf-8"))
    return {
        parameters: written,
        edited: edited_text(edited.read_text(encoding="utf-8"), sections_of(written)),
        page: page_text(page.read_text(encoding="utf-8"), tables_of(written)),
    }


def main() -> None:
    """Write the three files."""
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
