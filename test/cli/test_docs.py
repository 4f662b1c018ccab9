"""`rt-gait docs` says what is wrong in one line; that it builds the site is tested in test/docs."""

from pathlib import Path

import pytest

from rt_gait_ros.cli import docs
from rt_gait_ros.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_GAIT_CLONE", str(ROOT))
    monkeypatch.setattr(docs, "find_spec", lambda name: object())


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_outside_a_clone_it_says_where_the_pages_are(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("RT_GAIT_CLONE", str(tmp_path))
    assert main(["docs"]) == 2
    assert "run ./rt-gait docs in a clone" in complaint(capsys)


def test_without_the_generator_it_says_how_to_get_it(monkeypatch, capsys) -> None:
    monkeypatch.setattr(docs, "find_spec", lambda name: None if name == "furo" else object())
    assert main(["docs"]) == 1
    assert "furo: not installed. Run ./rt-gait docs in the clone, or pip install '.[docs]' there" in complaint(capsys)


def test_an_output_that_is_a_file_is_refused(tmp_path, capsys) -> None:
    (tmp_path / "site").write_text("notes")
    assert main(["docs", "--output", str(tmp_path / "site")]) == 2
    assert "is a file" in complaint(capsys)
    assert (tmp_path / "site").read_text() == "notes"


@pytest.mark.parametrize("folder", ["docs", "docs/images"])
def test_an_output_among_the_sources_is_refused(folder, capsys) -> None:
    assert main(["docs", "--output", str(ROOT / folder)]) == 2
    assert "among the sources" in complaint(capsys)


def test_warnings_are_a_failure(tmp_path, monkeypatch, capfd) -> None:
    pytest.importorskip("sphinx")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "conf.py").write_text("extensions = []\n")
    (tmp_path / "docs" / "index.rst").write_text("Title\n=====\n\n`nowhere <nowhere.html>`_ and :doc:`missing`\n")
    monkeypatch.setenv("RT_GAIT_CLONE", str(tmp_path))
    assert main(["docs"]) == 1
    said = capfd.readouterr().err
    assert "unknown document: 'missing'" in said
    assert said.splitlines()[-1].startswith("rt-gait docs: the documentation has the warnings above")
