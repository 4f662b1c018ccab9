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
from sphinx.ext.autodoc.mock import mock
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


def public_names(module: ModuleType) -> list[str]:
    """Classes and functions that a package exports, or that a module defines, in alphabetical order."""
    own = (lambda value: True) if hasattr(module, "__path__") else (lambda value: value.__module__ == module.__name__)
    found = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    return [
        name
        for name, value in found.items()
        if (inspect.isclass(value) or inspect.isroutine(value)) and value.__module__.startswith(PACKAGE) and own(value)
    ]


class Room(SphinxDirective):
    """A room's docstring, and its public names one after the other."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The parsed reference. Raises what makes Sphinx say so where the room exports nothing."""
        full = f"{PACKAGE}.{self.arguments[0]}"
        with mock(self.config.autodoc_mock_imports):
            module = importlib.import_module(full)
            names = public_names(module)
            if not names:
                raise self.error(f"{full} has no public names")
            kinds = ["autoclass" if inspect.isclass(getattr(module, name)) else "autofunction" for name in names]
        lines = [f".. automodule:: {full}", "   :no-members:", "   :no-index:", ""]
        for name, kind in zip(names, kinds, strict=True):
            lines += [f".. {kind}:: {full}.{name}", *(["   :members:"] if kind == "autoclass" else []), ""]
        return self.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and the handler."""
    app.add_directive("room", Room)
    app.connect("autodoc-process-docstring", convert_docstring)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
