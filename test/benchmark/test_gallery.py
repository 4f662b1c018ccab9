"""The gallery's benchmark, with galleries that are small."""

import argparse

import gallery
import gallery_sizes
import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.distance import distance


def test_rows_and_their_reference(monkeypatch):
    rows = gallery.measure(argparse.Namespace(persons=[3], server=""), lambda line: None)
    assert [row.name for row in rows] == [f"file_3/{n}" for n in ("look_ms", "open_ms", "enrol_ms", "memory_mb")]
    assert all(row.value > 0 and row.reference_value > 0 for row in rows)


def test_walks_are_as_a_networks_are():
    """Of the first gaitset_small on generated walkers: strangers are 0.97 to 1.5 apart, walks of one 0.4 to 0.9."""
    ada, again, bob = gallery_sizes.walk(1, 0), gallery_sizes.walk(1, 1), gallery_sizes.walk(2, 0)
    assert 0.4 < distance(ada, again) < 0.9
    assert 0.97 < distance(ada, bob) < 1.5
    np.testing.assert_allclose(np.linalg.norm(ada, axis=1), 1.0, atol=1e-5)


def test_no_persons_are_refused():
    with pytest.raises(UsageError, match="at least one"):
        gallery.measure(argparse.Namespace(persons=[0], server=""), lambda line: None)
