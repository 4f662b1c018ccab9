"""Files that other tools read: the changelog, the citation, the hooks and the forms of the repository."""

import datetime
import re
from pathlib import Path

import pytest
import yaml
from catkin_pkg.changelog import get_changelog_from_path

import rt_gait_ros

ROOT = Path(__file__).resolve().parents[2]
CITATION_KEYS = {"cff-version", "message", "title", "abstract", "authors"}
SEMANTIC = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
FORM_PARTS = {"markdown", "input", "textarea", "dropdown", "checkboxes"}


def releases() -> list[tuple[str, datetime.datetime]]:
    """Versions and dates of CHANGELOG.rst, newest first, as ROS's release tools read them."""
    changelog = get_changelog_from_path(str(ROOT / "CHANGELOG.rst"), "rt_gait_ros")
    return [(str(version), date) for version, date, _ in changelog.foreach_version()]


def test_the_changelog_is_what_ros_release_tools_read() -> None:
    sections = re.findall(r"^(.+)\n-+$", (ROOT / "CHANGELOG.rst").read_text(encoding="utf-8"), re.MULTILINE)
    released = releases()
    assert sections == ["Forthcoming", *(f"{version} ({date.date()})" for version, date in released)]
    assert released[0][0] == rt_gait_ros.__version__
    assert all(SEMANTIC.fullmatch(version) for version, _ in released)
    assert released == sorted(released, key=lambda entry: [int(part) for part in entry[0].split(".")], reverse=True)


def test_the_citation_is_of_the_newest_release() -> None:
    """Keys and values as the Citation File Format 1.2.0 asks for them."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation.keys() >= CITATION_KEYS
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert citation["license"] == "Apache-2.0"
    (version, date), *_ = releases()
    assert [citation["version"], citation["date-released"]] == [version, date.date().isoformat()]
    for work in (citation, *citation["references"]):
        assert work["title"]
        assert work["authors"]
        assert all(author.keys() <= {"name"} or {"family-names"} <= author.keys() for author in work["authors"])


def test_hooks_run_the_tools_of_the_environment() -> None:
    """A version of their own would hold commits against other rules than .ci/run."""
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert local["repo"] == "local"
    assert [hook["id"] for hook in local["hooks"]] == ["ruff", "ruff-format", "mypy"]
    ran_by_ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    for hook in local["hooks"]:
        assert hook["language"] == "system"
        (tool,) = re.findall(r"\$\{RT_GAIT_ENV:-\.venv\}/bin/(\w+)", hook["entry"])
        assert f'/bin/{tool}"' in ran_by_ci
        assert re.search(rf"^{tool}==", pinned, re.MULTILINE)


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_issue_forms_are_complete(name: str) -> None:
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text(encoding="utf-8"))
    assert form["name"]
    assert form["description"]
    identifiers = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert len(identifiers) == len(set(identifiers))
    for part in form["body"]:
        assert part["type"] in FORM_PARTS
        assert part["attributes"]["value" if part["type"] == "markdown" else "label"]
        if part["type"] == "dropdown":
            assert part["attributes"]["options"]


def test_no_address_is_given_that_nobody_reads() -> None:
    """Only the manifest has one, because its format demands it, and says that it is none."""
    named = [
        path.name
        for path in (*ROOT.glob("*.md"), *ROOT.glob("*.cff"), *ROOT.glob("*.toml"), ROOT / "package.xml")
        if ".invalid" in path.read_text(encoding="utf-8")
    ]
    assert named == ["package.xml"]
