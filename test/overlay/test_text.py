import itertools

import numpy as np
import pytest

from rt_gait_ros.overlay.text import Label, LabelPlacer, TextLine


@pytest.mark.parametrize("name", ["José Müller", "李偉", "علی\u200cرضا", "👩\u200d💻", "\x1b[31m", ""])
def test_a_plate_holds_its_name_whatever_its_script(name):
    image = np.full((200, 600, 3), 80, np.uint8)
    label = Label((TextLine(name, after="  93%"), TextLine("aaaaa", 0.4)), (233, 180, 86))
    width, height = label.extent(1.0)
    label.draw(image, 20, 20, 1.0)
    outside = image.copy()
    outside[20 : 20 + height, 20 : 20 + width] = 80
    assert (outside == 80).all()
    assert len(np.unique(image[20 : 20 + height, 20 : 20 + width].reshape(-1, 3), axis=0)) > 2


@pytest.mark.parametrize("point", [(100, 100), (-50, -50), (5000, 5000), (390, 5)])
def test_labels_stay_inside(point):
    left, top = LabelPlacer(400, 300).place(*point, 80, 30)
    assert 0 <= left <= 320
    assert 0 <= top <= 270


def test_labels_keep_apart_while_there_is_room():
    placer = LabelPlacer(100, 300)
    tops = sorted(placer.place(10, 150, 80, 30)[1] for _ in range(10))
    assert all(b - a >= 30 for a, b in itertools.pairwise(tops))


def test_a_full_image_still_gets_a_label():
    placer = LabelPlacer(100, 40)
    assert [placer.place(10, 40, 80, 30) for _ in range(3)] == [(10, 10)] * 3
