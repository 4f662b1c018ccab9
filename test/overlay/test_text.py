import itertools

import pytest

from rt_gait_ros.overlay.text import LabelPlacer, printable


@pytest.mark.parametrize(("name", "drawn"), [("Ana", "Ana"), ("José Müller", "Jose Muller"), ("李", "?")])
def test_names_are_drawn_as_well_as_the_font_can(name, drawn):
    assert printable(name) == drawn


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
