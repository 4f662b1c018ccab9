import re

import numpy as np
import pytest

from rt_gait_ros.datasets import video_walks
from rt_gait_ros.datasets.video_walks import GaitSequence, VideoWalks, motion_passes
from rt_gait_ros.errors import GaitError
from rt_gait_ros.evaluation.pairs import footage_pairs, gallery_pairs


def walk(body_id, first, last, value=1):
    return GaitSequence(body_id, np.arange(first, last + 1), np.full((last - first + 1, 64, 64), value, np.uint8))


def test_passes_are_found_by_motion_alone():
    random = np.random.default_rng(1)
    images = random.integers(95, 105, (300, 120, 160)).astype(np.uint8)  # noise of a camera is no motion
    for first, last in ((50, 99), (108, 140), (200, 210), (250, 299)):  # 8 images' hole; 11 images are too short
        for index in range(first, last + 1):
            left = 20 + 2 * (index - first)
            images[index, 20:100, left : left + 20] = 200
    assert motion_passes(images, np.arange(300) / 25) == [(50, 140), (250, 299)]


def test_a_pass_has_the_frames_of_its_longest_track_or_is_lost():
    video = VideoWalks((walk("aaaaa", 0, 9, 1), walk("bbbbb", 12, 40, 2)), ((0, 40), (60, 90)))
    first, second = video.by_pass(20)
    assert (len(first), first[0, 0, 0]) == (29, 2)
    assert second is None
    assert video.by_pass(30) == [None, None]


def test_walks_are_kept(tmp_path):
    video = VideoWalks((walk("aaaaa", 3, 9), walk("bbbbb", 5, 6)), ((0, 40),))
    video_walks.store(tmp_path / "a.npz", video)
    again = video_walks.load(tmp_path / "a.npz")
    assert again.passes == video.passes
    assert [w.body_id for w in again.walks] == ["aaaaa", "bbbbb"]
    np.testing.assert_array_equal(again.walks[0].indices, video.walks[0].indices)
    np.testing.assert_array_equal(again.walks[1].frames, video.walks[1].frames)
    empty = VideoWalks((), ())
    video_walks.store(tmp_path / "b.npz", empty)
    assert video_walks.load(tmp_path / "b.npz") == empty


def test_kept_walks_that_a_disk_damaged_are_one_line(tmp_path):
    path = tmp_path / "a.npz"
    video_walks.store(path, VideoWalks((walk("aaaaa", 3, 9),), ()))
    whole = path.read_bytes()
    for data in (whole[:100], whole[:-30], b"", whole[:40] + bytes(40) + whole[80:]):
        path.write_bytes(data)
        with pytest.raises(GaitError, match="is damaged: delete it"):
            video_walks.load(path)


def test_a_run_that_was_broken_off_goes_on(tmp_path, monkeypatch):
    videos = [tmp_path / "a.avi", tmp_path / "b.avi"]
    for number, video in enumerate(videos):
        video.write_bytes(bytes([number]))
    monkeypatch.setattr(video_walks, "_settings", lambda repository, kind: "settings")
    for video in videos:
        video_walks.store(
            tmp_path / f"{video_walks._key(video, 'settings')}.npz", VideoWalks((), ((0, video.read_bytes()[0]),))
        )
    found = video_walks.read_all(videos, tmp_path, tmp_path, 2, lambda line: pytest.fail("nothing was left to do"))
    assert [found[video].passes for video in videos] == [((0, 0),), ((0, 1),)]
    assert video_walks._key(videos[0], "other") != video_walks._key(videos[0], "settings")


def test_a_file_that_is_no_video_is_said(tmp_path):
    (tmp_path / "a.avi").write_bytes(b"no video")
    with pytest.raises(GaitError, match=r"a\.avi is no video that can be read"):
        list(video_walks.read_frames(tmp_path / "a.avi"))


def test_a_damaged_image_does_not_end_a_video(tmp_path, write_video):
    path = write_video(tmp_path / "a.avi", [np.full((48, 64, 3), 8 * number, np.uint8) for number in range(30)], 25)
    data = bytearray(path.read_bytes())
    begin, after = [match.start() for match in re.finditer(b"\xff\xd8\xff", data)][10:12]
    data[begin : after - 16] = bytes(after - 16 - begin)
    path.write_bytes(data)
    lines = []
    frames = list(video_walks.read_frames(path, lines.append))
    assert [round(frame.image.mean() / 8) for frame in frames] == [*range(10), *range(11, 30)]
    assert [round(frame.stamp * 25e-9) for frame in frames] == [*range(10), *range(11, 30)]
    assert lines == [f"{path}: 1 images are damaged or missing and are left out"]


def test_how_far_a_long_video_is_gets_told_while_it_is_read(tmp_path, monkeypatch, write_video):
    path = write_video(tmp_path / "a.avi", [np.zeros((48, 64, 3), np.uint8)] * 5, 25)

    def read_walks(video, repository, progress, advance, kind):
        list(video_walks.read_frames(video, progress, advance))
        return VideoWalks((), ())

    lines = []
    monkeypatch.setattr(video_walks, "read_walks", read_walks)
    monkeypatch.setattr(video_walks, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(video_walks, "tell", lines.append)
    assert video_walks._read_and_store(path, tmp_path, "silhouette", tmp_path / "a.npz") == []
    assert len(lines) == 5
    assert lines[-1] == "a.avi: 5 images of 5 read"


def test_passes_last_as_long_as_they_did_whatever_the_rate():
    images = np.full((30, 120, 160), 100, np.uint8)
    images[5:15, 20:100, 20:60] = 200
    assert motion_passes(images, np.arange(30) / 10.0) == [(5, 14)]
    assert motion_passes(images, np.arange(30) / 25.0) == []


def test_what_is_kept_of_people_is_private(tmp_path):
    video_walks.store(tmp_path / "a.npz", VideoWalks((), ()))
    assert (tmp_path / "a.npz").stat().st_mode & 0o777 == 0o600


def embed(frames):
    return np.array([[frames.mean(), 0.0]], np.float32)


def test_pairs_are_of_one_track_or_of_two_at_once():
    together = VideoWalks((walk("aaaaa", 0, 29, 1), walk("bbbbb", 20, 49, 5), walk("ccccc", 60, 75, 9)), ())
    pairs = footage_pairs([together, VideoWalks((walk("aaaaa", 0, 19, 7),), ())], embed, 10)
    assert len(pairs.genuine) == 3 + 3 + 1
    assert not pairs.genuine.any()
    np.testing.assert_array_equal(pairs.impostor, np.full(9, 4.0))  # nothing of c, who was alone, or of the other video


def test_pairs_of_a_gallery(tmp_path):
    from rt_gait_ros.gallery.gallery import Gallery
    from rt_gait_ros.gallery.gallery_file import Template

    gallery = Gallery(tmp_path / "g")
    for name, values in (("Ada", (0, 1)), ("Bob", (10, 12, 13))):
        templates = [Template(np.array([[value]], np.float32), 1) for value in values]
        gallery.add(name, templates, model="m", gait_frame_kind="silhouette")
    pairs = gallery_pairs(gallery.references)
    assert sorted(pairs.genuine) == pytest.approx([1, 1, 2, 3])
    assert sorted(pairs.impostor) == pytest.approx([9, 10, 11, 12, 12, 13])
