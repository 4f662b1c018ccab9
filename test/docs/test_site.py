"""The documentation as a site: no warnings, links that lead somewhere, and nothing that is loaded from elsewhere."""

import re
import urllib.parse
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

import rt_gait_ros
from rt_gait_ros.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("sphinx") is None or find_spec("furo") is None or find_spec("myst_parser") is None,
        reason="the extra [docs] is not installed",
    ),
]


class Page(HTMLParser):
    """What a page links to, what it loads, and the anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors.update(value for key in ("id", "name") if (value := given.get(key)))
        if tag in ("a", "area") and given.get("href"):
            self.links.append(str(given["href"]))
        elif tag == "link" and given.get("href") and given.get("rel") not in ("index", "next", "prev", "search"):
            self.loaded.append(str(given["href"]))
        for key in ("src", "srcset", "data", "poster", "action"):
            if given.get(key) and tag not in ("a", "form"):
                self.loaded.append(str(given[key]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as users build it; warnings would fail here."""
    output = tmp_path_factory.mktemp("docs") / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RT_GAIT_CLONE", str(ROOT))
        assert main(["docs", "--output", str(output)]) == 0
    return output


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_every_guide_is_a_page_that_can_be_reached(site: Path, pages: dict[Path, Page]) -> None:
    guides = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert guides <= {path.relative_to(site) for path in pages}
    linked = {
        (path.parent / urllib.parse.unquote(link.partition("#")[0])).resolve()
        for path, page in pages.items()
        for link in page.links
        if not re.match(r"\w+:", link)
    }
    assert {site / guide for guide in guides} <= linked


def test_links_within_the_site_lead_to_pages_and_anchors(pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"\w+:", link):
                continue
            target, _, anchor = urllib.parse.unquote(link).partition("#")
            file = (path.parent / target).resolve() if target else path
            if not file.exists() or (anchor and file in pages and anchor not in pages[file].anchors):
                broken.append(f"{path.name}: {link}")
    assert not broken


def test_pages_load_nothing_from_other_servers(site: Path, pages: dict[Path, Page]) -> None:
    """A reader without a network sees everything, and nobody learns what is read."""
    for path, page in pages.items():
        for address in page.loaded:
            assert not re.match(r"(\w+:)?//", address), f"{path.name} loads {address}"
            if not address.startswith("data:"):
                assert (path.parent / urllib.parse.unquote(address).partition("?")[0]).exists(), address
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", text), style.name


@pytest.mark.parametrize("name", ["GaitPipeline", "Tracker", "Gallery", "GaitRecognizer", "open_source", "GaitError"])
def test_the_reference_has_the_public_names(pages: dict[Path, Page], name: str) -> None:
    anchors = {anchor for page in pages.values() for anchor in page.anchors}
    found = [anchor for anchor in anchors if re.fullmatch(rf"{rt_gait_ros.__name__}\.\w+\.{name}", anchor)]
    assert found
