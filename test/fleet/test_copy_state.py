import pytest

from rt_gait_ros.fleet import copy_state
from rt_gait_ros.fleet.copy_state import Agreed, Known
from rt_gait_ros.gallery.cipher import Cipher

AGREED = Agreed("e", 3, "m", "f", 2, True, {"p1": Known(("a", "b", "c"), frozenset({"t1", "t2"}), frozenset({"t1"}))},
                frozenset({"p2"}))  # fmt: skip


@pytest.fixture
def cipher():
    """cipher("one") is that of a key; of "none" there is none, which needs no library."""

    def make(key):
        if key == "none":
            return None
        pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
        return Cipher({"one": bytes(32), "other": bytes(range(32))}[key])

    return make


@pytest.mark.parametrize("key", ["none", "one"])
def test_what_was_agreed_comes_back(tmp_path, cipher, key):
    copy_state.write(tmp_path / "copy", cipher(key), AGREED)
    assert copy_state.read(tmp_path / "copy", cipher(key)) == AGREED


@pytest.mark.parametrize(("written", "read"), [("one", "other"), ("one", "none"), ("none", "one")])
def test_under_another_key_nothing_was_agreed(tmp_path, cipher, written, read):
    copy_state.write(tmp_path / "copy", cipher(written), AGREED)
    assert copy_state.read(tmp_path / "copy", cipher(read)) == Agreed()


@pytest.mark.parametrize("key", ["none", "one"])
@pytest.mark.parametrize("length", [0, 5, 90, -1])
def test_where_it_is_cut_off_nothing_was_agreed(tmp_path, cipher, length, key):
    copy_state.write(tmp_path / "copy", cipher(key), AGREED)
    path = copy_state.agreed_path(tmp_path / "copy")
    path.write_bytes(path.read_bytes()[:length])
    assert copy_state.read(tmp_path / "copy", cipher(key)) == Agreed()


def test_sealed_content_that_is_shorter_than_a_seal_is_nothing(tmp_path, cipher):
    from rt_gait_ros import private_file

    for payload in (b"", b"x", b"x" * 12, b"x" * 27):
        copy_state.agreed_path(tmp_path / "copy").write_bytes(
            private_file.seal(copy_state.KIND, copy_state.SCHEMA, payload)
        )
        assert copy_state.read(tmp_path / "copy", cipher("one")) == Agreed()


def test_who_was_forgotten_is_remembered_though_a_line_was_left_half(tmp_path):
    copy_state.remember(tmp_path / "copy", ["p1", "p2"])
    with copy_state.forgotten_path(tmp_path / "copy").open("ab") as file:
        file.write(b"p3")  # as a killed process leaves it
    copy_state.remember(tmp_path / "copy", ["p2", "p4"])
    assert {"p1", "p2", "p4"} <= copy_state.forgotten(tmp_path / "copy")
