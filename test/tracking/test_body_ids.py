import re

import pytest

from rt_gait_ros.tracking.body_ids import BodyIds


@pytest.mark.parametrize("seed", range(3))
def test_fifty_thousand_ids_are_all_different(seed):
    ids = BodyIds(seed)
    given = [ids.new() for _ in range(50_000)]
    assert len(set(given)) == len(given)
    assert all(re.fullmatch("[a-z][a-z0-9]{4}", body_id) for body_id in given[:1000])


def test_only_ids_that_were_given_count_as_issued():
    ids = BodyIds(3)
    given = [ids.new() for _ in range(100)]
    assert all(map(ids.issued, given))
    later = [ids.new() for _ in range(100)]
    fresh = BodyIds(3)
    for _ in given:
        fresh.new()
    assert not any(map(fresh.issued, later))


@pytest.mark.parametrize("text", ["", "abcd", "abcdef", "1abcd", "Abcde", "ab_de"])
def test_what_is_no_id_was_never_given(text):
    assert not BodyIds(0).issued(text)
