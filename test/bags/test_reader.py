import resource
import shutil
import sqlite3

import pytest

from rt_gait_ros.bags import BagError, BagReader, BagWriter
from rt_gait_ros.errors import GaitError

TEXT = "std_msgs/msg/String"


def read(path):
    with BagReader(path) as bag:
        return [(record.received, record.data[0]) for record in bag.records(["/talk"])], bag.notes


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_is_read_as_it_was_written(write, storage):
    folder = write(storage=storage)
    file = next(path for path in folder.iterdir() if path.name != "metadata.yaml")
    for path in (folder, file):
        assert read(path) == ([(0, 0), (10, 1), (20, 2), (30, 3), (40, 4)], [])
    with BagReader(folder) as bag:
        (topic,) = bag.topics.values()
        assert (topic.name, topic.kind, topic.count) == ("/talk", TEXT, 5)
        assert list(bag.records([])) == []


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_files_alone_are_read_where_the_metadata_were_never_written(write, storage):
    folder = write(storage=storage)
    (folder / "metadata.yaml").unlink()
    messages, notes = read(folder)
    assert len(messages) == 5
    assert "has no metadata.yaml" in notes[0]


def test_a_recording_that_was_cut_off_is_read_to_its_last_whole_chunk(write, tmp_path):
    """Chunks of a MiB: of five messages of 0.4 MB three are in the first one, and two were being written."""
    file = write(size=400_000) / "bag.mcap"
    whole = file.read_bytes()
    for name, length in (("footer", len(whole) - 20), ("chunk", 1_400_000), ("within a number", 1_300_005)):
        cut = tmp_path / f"{name}.mcap"
        cut.write_bytes(whole[:length])
        messages, notes = read(cut)
        assert messages == [(10 * n, n) for n in range(5 if name == "footer" else 3)], name
        assert "has no footer" in notes[0]
    file.write_bytes(whole[:-20])  # beside metadata that tell of all of it
    assert len(read(file.parent)[0]) == 5


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "is empty"),
        (b"no bag at all, but long enough for one", "is no MCAP file"),
        (b"\x89MCAP0\r\n", "cannot be read as a bag"),
        (b"\x89MCAP0\r\n" + bytes(100), "cannot be read as a bag"),
    ],
)
def test_what_is_no_mcap_file_is_one_line(tmp_path, content, line):
    path = tmp_path / "a.mcap"
    path.write_bytes(content)
    with pytest.raises(BagError, match=line) as refused:
        BagReader(path)
    assert "\n" not in str(refused.value)


def test_what_is_no_bag_is_one_line(tmp_path, write):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.db3").write_bytes(b"no database, and long enough to be looked at" * 30)
    for name, line in (
        ("nowhere", "is not there"),
        ("a.txt", "should end in"),
        ("empty", "no metadata.yaml"),
        ("a.db3", "cannot be read as a bag"),
    ):
        with pytest.raises(BagError, match=line):
            BagReader(tmp_path / name)
    folder = write()
    (folder / "metadata.yaml").write_text("rosbag2_bagfile_information: [")
    with pytest.raises(BagError, match="cannot be read as a bag"):
        BagReader(folder)


def test_damage_within_is_said_with_what_was_read(write):
    file = write(size=400_000) / "bag.mcap"
    with file.open("r+b") as changed:
        changed.seek(1_190_000)
        changed.write(b"\xff" * 25_000)
    with pytest.raises(BagError, match=r"damaged after 3 messages|cannot be read as a bag"):
        read(file)


def test_messages_of_ours_with_other_fields_are_refused_with_their_names(tmp_path):
    kind = "rt_gait_ros/msg/PersonPose"
    with BagWriter(tmp_path / "bag", "sqlite3") as bag:
        bag.write("/person", kind, 1, b"1234")
    with BagReader(tmp_path / "bag") as bag:
        assert len(list(bag.records(["/person"]))) == 1
    other = tmp_path / "other.db3"
    shutil.copy(tmp_path / "bag" / "bag.db3", other)
    with sqlite3.connect(other) as database:
        database.execute(
            "update message_definitions set encoded_message_definition = replace(replace("
            "encoded_message_definition, 'float32 quality', 'float64 quality'), 'float32 confidence', 'float32 sure')"
        )
    with BagReader(other) as bag, pytest.raises(BagError, match="another version") as refused:
        list(bag.records(["/person"]))
    assert "PersonPose without confidence, with sure, another quality" in str(refused.value)


def test_a_bag_is_whole_or_not_there_and_its_owners_alone(tmp_path, write):
    folder = write()
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    with pytest.raises(BagError, match="there already"):
        BagWriter(folder)
    half = BagWriter(tmp_path / "half")
    half.write("/talk", TEXT, 1, b"1234")
    half.__exit__(RuntimeError, RuntimeError(), None)
    with pytest.raises(BagError, match="storage 'tape'"):
        BagWriter(tmp_path / "tape", "tape")
    (tmp_path / "file").write_text("")
    with pytest.raises(GaitError, match="cannot be written"):
        BagWriter(tmp_path / "file" / "bag")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bag", "file"]


def test_a_definition_that_makes_no_sense_is_one_line(tmp_path):
    with BagWriter(tmp_path / "bag", "sqlite3") as bag:
        bag.write("/person", "rt_gait_ros/msg/PersonPose", 1, b"1234")
    with sqlite3.connect(tmp_path / "bag" / "bag.db3") as database:
        database.execute("update message_definitions set encoded_message_definition = 'float32 ?!'")
    with (
        BagReader(tmp_path / "bag") as bag,
        pytest.raises(BagError, match=r"what .*/PersonPose is made of"),
    ):
        list(bag.records(["/person"]))


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_disk_that_is_full_is_one_line_and_nothing_stays(tmp_path, storage):
    def fill():
        with BagWriter(tmp_path / "bag", storage) as bag:
            for number in range(10_000):
                bag.write("/talk", TEXT, number, bytes(1000))

    former, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))  # bytes of a file
    try:
        with pytest.raises(GaitError, match="bag cannot be written: ") as refused:
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (former, hard))
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_files_without_metadata_are_read_in_the_order_of_their_times(write, tmp_path):
    """By name, bag_10 would come before bag_2."""
    folder = tmp_path / "split"
    folder.mkdir()
    for number in (10, 2):
        shutil.copy(write(f"part{number}", count=number) / f"part{number}.mcap", folder / f"bag_{number}.mcap")
    with BagWriter(tmp_path / "late") as late:
        late.write("/talk", TEXT, 1000, b"late")
    shutil.copy(tmp_path / "late" / "late.mcap", folder / "bag_10.mcap")
    messages, _ = read(folder)
    assert [received for received, _ in messages] == [0, 10, 1000]
