"""The directive `room`: the reference of one room of the package, from the docstrings of its public names.

    ```{room} tracking
    ```

Docstrings are plain text: paragraphs, `names` in single backticks, lists of fields as in `name: what it is`, and
examples that are indented. They are turned into reStructuredText here, and whatever else that would read as markup
is escaped.
"""

import importlib
import inspect
import re
from collections.abc import Iterator
from textwrap import dedent
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PACKAGE = "rt_gait_ros"
_CODE = re.compile(r"`+[^`]+`+")
_MARKUP = re.compile(r"[*|\\]|_(?=\W|$)")
_FIELD = re.compile(r"[A-Za-z_*][\w*, `.()\[\]-]{0,60}: ")


def plain(line: str) -> str:
    """A docstring's line as reStructuredText: `names` as literals, and nothing else as markup."""
    pieces, end = [], 0
    for code in _CODE.finditer(line):
        pieces += [_MARKUP.sub(r"\\\g<0>", line[end : code.start()]), f"``{code[0].strip('`')}``"]
        end = code.end()
    return "".join([*pieces, _MARKUP.sub(r"\\\g<0>", line[end:])])


def blocks(text: str) -> Iterator[list[str]]:
    """The blocks of a docstring that blank lines separate."""
    for block in re.split(r"\n\s*\n", text):
        if block.strip():
            yield block.strip("\n").splitlines()


def items(lines: list[str]) -> list[str]:
    """The fields or points of a block, or the block as one: a line that begins none belongs to the one before."""
    fields = sum(bool(_FIELD.match(line)) for line in lines)
    indented = any(line.startswith(" ") for line in lines)
    found: list[str] = []
    for line in lines:
        begins = line.startswith("- ") or ((fields > 1 or indented) and _FIELD.match(line) is not None)
        if begins or not found:
            found.append(line.strip())
        else:
            found[-1] += f" {line.strip()}"
    return found


def restructured(text: str) -> list[str]:
    """A docstring as lines of reStructuredText."""
    lines: list[str] = []
    for block in blocks(text):
        if all(line.startswith("    ") for line in block):
            lines += ["::", "", *(f"    {line}" for line in dedent("\n".join(block)).splitlines()), ""]
            continue
        found = items(block)
        if len(found) == 1 and not found[0].startswith("- "):
            lines += [plain(found[0]), ""]
        else:
            lines += [line for item in found for line in (f"* {plain(item.removeprefix('- '))}", "")]
    return lines


def convert_docstring(app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Handler of autodoc-process-docstring."""
    lines[:] = restructured("\n".join(lines))


def public_names(module: ModuleType) -> tuple[dict[str, Any], dict[str, str]]:
    """Classes and functions that a package exports, or that a module defines, by name; and why others are not there.

    The latter are of extras that are not installed.
    """
    found, missing = {}, {}
    for name in dir(module):
        if name.startswith("_"):
            continue
        try:
            value = getattr(module, name)
        except ImportError as error:
            missing[name] = str(error)
            continue
        own = hasattr(module, "__path__") or getattr(value, "__module__", "") == module.__name__
        if own and (inspect.isclass(value) or inspect.isroutine(value)) and value.__module__.startswith(PACKAGE):
            found[name] = value
    return found, missing


class Room(SphinxDirective):
    """A room's docstring, and its public names one after the other."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The parsed reference. Raises what makes Sphinx say so where the room exports nothing."""
        full = f"{PACKAGE}.{self.arguments[0]}"
        found, missing = public_names(importlib.import_module(full))
        if not found and not missing:
            raise self.error(f"{full} has no public names")
        lines = [f".. automodule:: {full}", "   :no-members:", "   :no-index:", ""]
        for name, value in found.items():
            kind, members = ("autoclass", ["   :members:"]) if inspect.isclass(value) else ("autofunction", [])
            lines += [f".. {kind}:: {full}.{name}", *members, ""]
        for name, reason in missing.items():
            lines += [
                f"* ``{name}`` is not described here, because this site was built without it. {plain(reason)}",
                "",
            ]
        return self.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and the handler."""
    app.add_directive("room", Room)
    app.connect("autodoc-process-docstring", convert_docstring)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
