import json

import cv2
import numpy as np
import pytest

from rt_gait_ros.cli.main import main
from rt_gait_ros.datasets.mot_challenge import read_sequences


def test_the_sheet_is_a_picture_of_its_seed(tmp_path, capsys):
    pages = []
    for name, seed in (("a.png", "1"), ("b.png", "1"), ("c.png", "2")):
        assert main(["synthesis", "sheet", "--seed", seed, "--output", str(tmp_path / name)]) == 0
        pages.append(cv2.imread(str(tmp_path / name)))
    assert capsys.readouterr().out.splitlines()[0] == str(tmp_path / "a.png")
    np.testing.assert_array_equal(pages[0], pages[1])
    assert not np.array_equal(pages[0], pages[2])
    assert (pages[0][:512] > 128).mean() > 0.05  # walkers


def test_a_recording_is_a_motchallenge_sequence_with_keypoints(tmp_path):
    folder = tmp_path / "meeting"
    uri = "synthetic://standing?seconds=0.5&size=320x240&people=2"
    assert main(["synthesis", "record", uri, "--fps", "10", "--output", str(folder)]) == 0
    (sequence,) = read_sequences(folder)
    assert (sequence.name, sequence.rate, sequence.length, sequence.width) == ("meeting", 10.0, 5, 320)
    assert sequence.truth[1].people.ids.tolist() == [1]  # the other one is not there yet
    np.testing.assert_allclose(sequence.detections[1].boxes, sequence.truth[1].people.boxes)
    lines = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    assert [line["image"] for line in lines] == [1, 2, 3, 4, 5]
    person = lines[0]["people"][0]
    assert np.shape(person["keypoints"]) == (18, 3)
    np.testing.assert_allclose(person["box"], sequence.truth[1].people.boxes[0], atol=0.01)
    capture = cv2.VideoCapture(str(folder / "video.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 5
    capture.release()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["record", "synthetic://dancing", "--output", "x"], "scenes are crossing"),
        (["record", "synthetic://crossing?size=321x240", "--output", "x"], "even width and height"),
        (["sheet", "--output", "no/such/folder/a.png"], "No such file or directory"),
        (["fit-gaits", "--cmu", "nowhere"], "nowhere holds no walk NN/NN_MM.amc"),
        (["sheet", "--output", "a.what"], "give it the ending .png or .jpg"),
    ],
)
def test_what_cannot_be_done_is_one_line(words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["synthesis", *words]) != 0
    line = capsys.readouterr().err
    assert says in line
    assert line.count("\n") == 1
