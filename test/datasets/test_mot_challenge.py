import numpy as np
import pytest

from rt_gait_ros.datasets.mot_challenge import Boxes, read_mot, read_sequences, read_tracks, read_truth, write_mot
from rt_gait_ros.errors import UsageError


def file(tmp_path, text, name="gt.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def counted(truth):
    return {number: one.people.ids.tolist() for number, one in truth.items()}


def test_a_file_gives_back_what_was_written(tmp_path):
    images = {n: Boxes.of([1, 2], [(10 * n, 0, 40, 100), (500 - 10 * n, 0, 40, 100)]) for n in (1, 2, 11)}
    write_mot(tmp_path / "out.txt", images)
    for read in (read_mot, read_tracks):
        again = read(tmp_path / "out.txt", 11)
        assert list(again) == [1, 2, 11]
        for number, boxes in images.items():
            np.testing.assert_array_equal(again[number].ids, boxes.ids)
            np.testing.assert_allclose(again[number].boxes, boxes.boxes)


@pytest.mark.parametrize("more", ["", ",1", ",1,0", ",1,0,0"])
def test_classes_are_honoured_in_files_of_eight_columns_or_more(tmp_path, more):
    lines = [(1, 1, 1), (2, 0, 1), (3, 1, 7), (4, 1, 3)]  # id, whether it counts, class
    path = file(tmp_path, "".join(f"1,{i},{50 * i},0,9,9,{counts},{kind}{more}\n" for i, counts, kind in lines))
    truth = read_truth(path)
    assert counted(truth) == {1: [1]}
    assert truth[1].boxes.ids[truth[1].distracts].tolist() == [3]


@pytest.mark.parametrize(("mot20", "distractors"), [(False, [2, 7, 8, 12]), (True, [2, 6, 7, 8, 12])])
def test_mot20_has_one_distractor_more(tmp_path, mot20, distractors):
    truth = read_truth(file(tmp_path, "".join(f"1,{k},0,0,9,9,1,{k},1\n" for k in range(1, 14))), mot20=mot20)
    assert truth[1].boxes.ids[truth[1].distracts].tolist() == distractors


@pytest.mark.parametrize("world", ["-1,-1,-1", "4.4852,5.5016,0", "1530,2000,0"])
def test_mot15_has_no_classes_but_world_coordinates(tmp_path, world):
    path = file(tmp_path, f"1,1,0,0,9,9,1,{world}\n1,2,0,0,9,9,0,{world}\n")
    assert counted(read_truth(path)) == {1: [1]}


@pytest.mark.parametrize("kind", ["-1,1", "0,1", "14,1", "1.5,1", "0,-1,-1"])
def test_classes_that_no_set_knows(tmp_path, kind):
    with pytest.raises(UsageError, match=r"class .* in column 8; classes are 1 \(pedestrian\) to 13"):
        read_truth(file(tmp_path, f"1,1,0,0,9,9,1,{kind}\n"))


def test_a_ground_truth_without_a_class(tmp_path):
    with pytest.raises(UsageError, match="7 columns: a ground truth has a class in column 8"):
        read_truth(file(tmp_path, "1,1,0,0,9,9,1\n"))


def test_tracks_of_something_else_than_pedestrians(tmp_path):
    with pytest.raises(UsageError, match="class 3 in column 8"):
        read_tracks(file(tmp_path, "1,1,0,0,9,9,1,-1,-1,-1\n2,1,0,0,9,9,1,3,-1,-1\n"))


@pytest.mark.parametrize("read", [read_truth, read_tracks])
def test_an_id_twice_in_one_image(tmp_path, read):
    path = file(tmp_path, "1,1,0,0,9,9,1,1,1\n7,1,0,0,9,9,1,1,1\n7,2,0,0,9,9,1,1,1\n7,2,50,0,9,9,0,1,1\n")
    with pytest.raises(UsageError, match=r"gt\.txt: id 2 stands 2 times in image 7"):
        read(path)


def test_detections_have_no_ids(tmp_path):
    assert len(read_mot(file(tmp_path, "1,-1,0,0,9,9,1\n1,-1,0,0,9,9,1\n"))[1].ids) == 2


@pytest.mark.parametrize("read", [read_truth, read_tracks, read_mot])
def test_images_that_the_sequence_does_not_have(tmp_path, read):
    path = file(tmp_path, "".join(f"{n},1,0,0,9,9,1,1,1\n" for n in range(60)))
    with pytest.raises(UsageError, match="image 0 is not of the sequence, whose images are counted from 1"):
        read(path)
    with pytest.raises(UsageError, match=r"image 0, 31, 32, \.\.\. is not .* from 1 to 30 \(seqLength"):
        read(path, 30)


@pytest.mark.parametrize(
    "text",
    [
        "a,b,c\n",
        "1,2,3\n",
        "1,2,3,4,5,6,7\n1,2\n",
        "1.5,1,0,0,9,9,1\n",
        "1,0.5,0,0,9,9,1\n",
        "1,1,nan,0,9,9,1",
        "1,1e30,0,0,9,9,1",
    ],
)
def test_what_is_no_such_file(tmp_path, text):
    with pytest.raises(UsageError, match="no MOTChallenge file"):
        read_mot(file(tmp_path, text, "det.txt"))


def test_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_mot(tmp_path / "det.txt")


@pytest.mark.filterwarnings("error")
def test_a_file_without_lines(tmp_path):
    for read in (read_mot, read_tracks, read_truth):
        assert read(file(tmp_path, ""), 10) == {}


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path):
    for name, text in {
        "seqinfo.ini": "[Sequence]\nframeRate=25\nseqLength=2\nimWidth=640\nimHeight=480\n",
        "gt/gt.txt": "1,1,0,0,9,9,1,1,1\n",
        "det/det.txt": "1,-1,0,0,9,9,0.5\n",
    }.items():
        path = tmp_path / "A" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\ufeff" + text, encoding="utf-8")
    (sequence,) = read_sequences(tmp_path)
    assert (sequence.name, sequence.length, counted(sequence.truth)) == ("A", 2, {1: [1]})
    assert list(sequence.detections) == [1]
