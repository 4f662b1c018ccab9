import pytest

from rt_gait_ros.fleet import copy_state
from rt_gait_ros.fleet.copy_state import Agreed, Known
from rt_gait_ros.gait.cipher import Cipher

AGREED = Agreed("e", 3, "m", "f", 2, True, {"p1": Known(("a", "b", "c"), frozenset({"t1", "t2"}), frozenset({"t1"}))},
                frozenset({"p2"}))  # fmt: skip


@pytest.fixture
def keys():
    pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
    return {"none": None, "one": Cipher(bytes(32)), "other": Cipher(bytes(range(32)))}


@pytest.mark.parametrize("key", ["none", "one"])
def test_what_was_agreed_comes_back(tmp_path, keys, key):
    copy_state.write(tmp_path / "copy", keys[key], AGREED)
    assert copy_state.read(tmp_path / "copy", keys[key]) == AGREED


@pytest.mark.parametrize(("written", "read"), [("one", "other"), ("one", "none"), ("none", "one")])
def test_under_another_key_nothing_was_agreed(tmp_path, keys, written, read):
    copy_state.write(tmp_path / "copy", keys[written], AGREED)
    assert copy_state.read(tmp_path / "copy", keys[read]) == Agreed()


@pytest.mark.parametrize("length", [0, 5, 90, -1])
def test_where_it_is_cut_off_nothing_was_agreed(tmp_path, keys, length):
    for cipher in (keys["none"], keys["one"]):
        copy_state.write(tmp_path / "copy", cipher, AGREED)
        path = copy_state.agreed_path(tmp_path / "copy")
        path.write_bytes(path.read_bytes()[:length])
        assert copy_state.read(tmp_path / "copy", cipher) == Agreed()


def test_sealed_content_that_is_shorter_than_a_seal_is_nothing(tmp_path, keys):
    from rt_gait_ros import private_file

    for payload in (b"", b"x", b"x" * 12, b"x" * 27):
        copy_state.agreed_path(tmp_path / "copy").write_bytes(
            private_file.seal(copy_state.KIND, copy_state.SCHEMA, payload)
        )
        assert copy_state.read(tmp_path / "copy", keys["one"]) == Agreed()


def test_who_was_forgotten_is_remembered_though_a_line_was_left_half(tmp_path):
    copy_state.remember(tmp_path / "copy", ["p1", "p2"])
    with copy_state.forgotten_path(tmp_path / "copy").open("ab") as file:
        file.write(b"p3")  # as a killed process leaves it
    copy_state.remember(tmp_path / "copy", ["p2", "p4"])
    assert {"p1", "p2", "p4"} <= copy_state.forgotten(tmp_path / "copy")
