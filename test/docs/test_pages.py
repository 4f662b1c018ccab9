"""The guides, as text: links lead somewhere, files that are named exist, and code that is shown runs."""

import ast
import importlib
import re
import textwrap
import urllib.parse
from pathlib import Path

import cv2
import numpy as np
import pytest

from rt_gait_ros.sources import open_source

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [*GUIDES, *(ROOT / "examples").glob("*.md"), *ROOT.glob("*.md")]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)", re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
# Files of the repository are named by their paths in it; those of the package also by their paths in that.
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
BASES = (ROOT, ROOT / "rt_gait_ros", ROOT / "test", ROOT / "docs")
SUFFIXES = {".py", ".md", ".msg", ".srv", ".action", ".yaml", ".rviz", ".xml", ".rst", ".toml"}
FOLDERS = ("rt_gait_ros/", "test/", "config/", "msg/", "docs/", "examples/", "benchmark/", "tools/", "launch/")
# What a page tells its reader to write, or what a data set holds.
OF_THE_READER = {"rt_gait_ros/silhouette/outline.py"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"\w+:", link):
            assert link.startswith("https://"), link
            continue
        path, _, anchor = urllib.parse.unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} of {name_of(page)} leads nowhere"
        assert target.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(target), f"{link} of {name_of(page)}: no such heading"


def named_files(page: Path) -> set[str]:
    """Code spans of a page that name files or folders of the repository."""
    found = set()
    for span in CODE.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if not PATH.fullmatch(span) or re.search(r"[A-Z]{3}", Path(span).stem if span.endswith(".xml") else span):
            continue
        is_file = "/" in span and Path(span).suffix in SUFFIXES
        if is_file or span.startswith(FOLDERS):
            found.add(span)
    return found - OF_THE_READER


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_exist(page: Path) -> None:
    missing = {name for name in named_files(page) if not any((base / name).exists() for base in (*BASES, page.parent))}
    assert not missing


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "extending").glob("*.md")), ids=name_of)
def test_pages_on_extending_name_the_files_to_touch(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.name == "index.md":
        others = {f"({path.name})" for path in page.parent.glob("*.md")} - {"(index.md)"}
        assert all(other in text for other in others)
        return
    assert "| file |" in text
    assert "small case" in text or "examples/" in text
    assert named_files(page)


def shown(page: str) -> dict:
    """The names that the page's Python code defines."""
    names: dict = {}
    for code in PYTHON.findall((ROOT / "docs" / "extending" / page).read_text(encoding="utf-8")):
        exec(compile(code, page, "exec"), names)
    return names


def test_the_camera_source_that_is_shown_plays(tmp_path: Path) -> None:
    shown("camera_source.md")
    picture = np.full((40, 60, 3), 90, np.uint8)
    cv2.imwrite(str(tmp_path / "door.png"), picture)
    with open_source(f"still:{tmp_path / 'door.png'}", pace=False) as source:
        frames = list(source)
    assert len(frames) == 50
    assert np.array_equal(frames[7].image, picture)
    assert frames[1].stamp - frames[0].stamp == 40_000_000


def test_the_protocol_that_is_shown_gives_the_usual_figures() -> None:
    walks = np.random.default_rng(0).normal(size=(5, 3, 8)).astype(np.float32)
    result = shown("evaluation_protocol.md")["first_in_second"](walks, walks + 0.01)
    assert result["rows"][0]["rank1"] == 1.0
    assert result["rows"][0]["probes"] == 5
    assert result["open_set"]["eer"] == 0.0


def test_the_data_set_that_is_shown_is_read(tmp_path: Path) -> None:
    names = shown("data_set.md")
    strip = np.zeros((64, 128), np.uint8)
    for left in (20, 84):
        cv2.rectangle(strip, (left, 4), (left + 22, 60), 255, -1)
    cv2.imwrite(str(tmp_path / "ada_1.png"), strip)
    walks = names["find_walks"](tmp_path)
    assert list(walks) == [("ada", "1")]
    frames = names["read_walk"](walks["ada", "1"])
    assert frames.shape == (2, 64, 64)
    assert frames.max() == 255


def test_every_package_has_its_page_of_the_reference() -> None:
    """But those of ROS nodes and commands, which have pages and help of their own."""
    rooms = {path.parent.name for path in (ROOT / "rt_gait_ros").glob("*/__init__.py")} - {
        "cli",
        "demo",
        "nodes",
        "web",
    }
    assert rooms | {"errors", "index"} == {page.stem for page in (ROOT / "docs" / "reference").glob("*.md")}


def python_code(page: Path) -> list[str]:
    """Fenced Python of a page, and indented code that begins with an import."""
    text = page.read_text(encoding="utf-8")
    indented = re.findall(r"(?<=\n\n)((?:    .*\n|\n)+)", FENCE.sub("", text))
    snippets = [textwrap.dedent(block).strip() for block in indented]
    return PYTHON.findall(text) + [code for code in snippets if code.startswith(("from rt_gait", "import rt_gait"))]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_code_that_is_shown_parses_and_imports_names_that_exist(page: Path) -> None:
    for code in python_code(page):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rt_gait_ros"):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names), f"{name_of(page)}: {ast.unparse(node)}"
