import pytest

from rt_gait_ros.datasets.casia_b import SEQUENCES, VIEWS, find, read_people
from rt_gait_ros.errors import UsageError


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1-3", (1, 2, 3)), ("7", (7,)), ("1-2, 5,4-5", (1, 2, 4, 5)), ("1-124", tuple(range(1, 125)))],
)
def test_people_are_numbers_and_ranges(text, numbers):
    assert read_people(text) == numbers


@pytest.mark.parametrize("text", ["", "a", "1-", "1,,2", "0-4", "120-125", "9-3", "-3", "1 2"])
def test_people_that_the_set_cannot_have_are_refused(text):
    with pytest.raises(UsageError, match="people"):
        read_people(text)


def test_pictures_and_pickles_are_found_and_what_is_missing_is_counted(tmp_path):
    for name, file in (("001/nm-01/090", "090.pkl"), ("001/nm-02/090", "001.png"), ("001/cl-01/000", "")):
        (tmp_path / name).mkdir(parents=True)
        if file:
            (tmp_path / name / file).write_bytes(b"")
    (tmp_path / "001/nm-02/090/090.pkl").write_bytes(b"")  # the same walk again: pictures go before
    (tmp_path / "002/nm-01/018").mkdir(parents=True)
    one, two = find(tmp_path, [1, 2, 77])
    assert {name: [file.name for file in files] for name, files in one.sequences.items()} == {
        "nm-01/090": ["090.pkl"],
        "nm-02/090": ["001.png"],
        "cl-01/000": [],
    }
    assert (one.missing, two.missing) == (len(SEQUENCES) * len(VIEWS) - 3, len(SEQUENCES) * len(VIEWS) - 1)
    assert [person.name for person in find(tmp_path, [2])] == ["002"]


@pytest.mark.parametrize("layout", ["missing", "empty", "flat", "view first"])
def test_another_layout_is_refused(tmp_path, layout):
    folder = tmp_path / "set"
    if layout != "missing":
        folder.mkdir()
    if layout == "flat":
        (folder / "001-nm-01-090.png").write_bytes(b"")
    if layout == "view first":
        (folder / "090" / "001").mkdir(parents=True)
    with pytest.raises(UsageError, match="not CASIA-B"):
        find(folder, range(1, 125))


def test_a_set_without_those_who_are_asked_for_is_refused(tmp_path):
    (tmp_path / "001" / "nm-01" / "000").mkdir(parents=True)
    with pytest.raises(UsageError, match="has none of the people asked for"):
        find(tmp_path, [75, 76])
