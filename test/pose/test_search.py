import numpy as np
import pytest

from rt_gait_ros.pose.person_network import Region
from rt_gait_ros.pose.search import MOST_TILES, OVERLAP, Search, windows

SIDE, LEAST, SEES = 320, 40, 22


def image(width, height):
    return np.zeros((height, width, 3), np.uint8)


def laid_out(width, height):
    search = Search(SIDE, LEAST, SEES)
    search.lay_out(width, height, 0.0)
    return search


NOBODY = np.zeros((0, 4))


@pytest.mark.parametrize("size", [(640, 480), (384, 288), (160, 120), (8, 8)])
def test_an_image_in_which_small_people_are_large_enough_has_no_tiles(size):
    (whole,) = windows(*size, SIDE, LEAST, SEES)
    assert (whole.left, whole.top, whole.width, whole.height) == (0, 0, *size)


@pytest.mark.parametrize(("least", "sees"), [(0, SEES), (LEAST, 0)])
def test_without_a_least_height_or_a_network_that_tells_its_own_there_are_no_tiles(least, sees):
    assert len(windows(3840, 2160, SIDE, least, sees)) == 1


@pytest.mark.parametrize("size", [(854, 480), (1280, 720), (1920, 1080), (3840, 2160), (1080, 1920)])
def test_somebody_of_the_least_height_is_whole_and_large_enough_in_a_window_wherever(size):
    found = windows(*size, SIDE, LEAST, SEES)
    assert all(w.left >= 0 and w.left + w.width <= size[0] for w in found)
    assert all(w.top >= 0 and w.top + w.height <= size[1] for w in found)
    for x in np.linspace(LEAST / 4, size[0] - LEAST / 4, 41):
        for y in np.linspace(LEAST / 2, size[1] - LEAST / 2, 41):
            assert any(w.shows(Region(float(x), float(y), 60.0), LEAST, SEES - 0.1) for w in found)


@pytest.mark.parametrize("height", [40, 80, 160, 320, 640, 1280])
def test_people_of_every_height_are_whole_in_some_window(height):
    found = windows(3840, 2160, SIDE, LEAST, SEES)
    for x in np.linspace(height / 2, 3840 - height / 2, 23):
        place = Region(float(x), 1080.0, 1.4 * height)
        assert any(w.shows(place, height, SEES - 0.1) for w in found)


def test_an_image_of_any_shape_has_a_bounded_number_of_windows():
    assert 1 < len(windows(16000, 100, SIDE, LEAST, SEES)) <= MOST_TILES + 1
    assert len(windows(16000, 16000, SIDE, LEAST, SEES)) <= 2 * MOST_TILES


def test_whom_a_tile_cuts_off_does_not_count_there():
    tile = windows(1280, 720, SIDE, LEAST, SEES)[1]
    shape = (720, 1280, 3)
    assert tile.has_whole(np.array([50, 50, 100, 200]), shape)
    assert not tile.has_whole(np.array([tile.width - 50, 50, tile.width, 200]), shape)
    assert tile.has_whole(np.array([0, 50, 40, 200]), shape)  # the image's own border
    assert OVERLAP * tile.width > LEAST


def test_every_window_has_its_turn():
    search = laid_out(1920, 1080)
    seen = []
    for number in range(3 * search.count):
        seen += search.choose(image(1920, 1080), number * 0.04, 1, NOBODY)
    assert len(set(seen)) == search.count
    assert search.choose(image(1920, 1080), 9.0, 0, NOBODY) == []


def test_where_somebody_was_lost_comes_next_and_where_something_moves_sooner():
    search = laid_out(1920, 1080)
    for number in range(search.count):
        search.choose(image(1920, 1080), number * 0.04, 1, NOBODY)
    search.lost(1500.0, 900.0)
    chosen = search.choose(image(1920, 1080), 2.0, 6, NOBODY)[:2]
    assert all(w.left <= 1500 < w.left + w.width and w.top <= 900 < w.top + w.height for w in chosen)
    moved = image(1920, 1080)
    moved[500:560, 900:930] = 200
    search.choose(moved, 2.3, 0, NOBODY)
    (first,) = search.choose(moved, 2.34, 1, NOBODY)
    assert first.left < 930
    assert first.left + first.width > 900


def test_who_is_followed_is_no_reason_to_search_where_they_move():
    search = laid_out(1920, 1080)
    search.choose(image(1920, 1080), 0.0, 0, NOBODY)
    moved = image(1920, 1080)
    moved[500:560, 900:930] = 200
    search.choose(moved, 0.3, 0, np.array([[890.0, 490.0, 50.0, 80.0]]))
    assert not search._moving.any()


def chosen_in_turn(search, boxes):
    return [search.choose(image(640, 480), 1.0 + 0.2 * number, 1, boxes) for number in range(20)]


def test_beside_somebody_small_it_looks_closer_and_at_the_rest_no_less_than_every_other_time():
    boxes = np.array([[300.0, 200.0, 20.0, 50.0], [600.0, 420.0, 20.0, 50.0]])
    shown = [window for (window,) in chosen_in_turn(laid_out(640, 480), boxes)]
    closer = [window for window in shown if window.width < 640]
    assert len(closer) == 10
    for x, y, width, height in boxes:  # in turn, the one in the corner, too
        place = Region(x + width / 2, y + height / 2, 1.4 * height)
        assert sum(window.shows(place, height, 50.0) for window in closer) == 5
    assert all(w.left >= 0 and w.left + w.width <= 640 and w.top >= 0 and w.top + w.height <= 480 for w in closer)


def test_who_is_large_in_the_windows_that_there_are_needs_no_closer_look():
    shown = chosen_in_turn(laid_out(640, 480), np.array([[200.0, 100.0, 80.0, 200.0]]))
    assert {window.width for (window,) in shown} == {640}


def test_where_somebody_was_lost_comes_before_a_closer_look():
    search = laid_out(640, 480)
    search.lost(310.0, 220.0)
    (window,) = search.choose(image(640, 480), 1.0, 1, np.array([[300.0, 200.0, 20.0, 50.0]]))
    assert window.width == 640


def test_without_tiles_there_is_no_closer_look_either():
    search = Search(SIDE, 0, SEES)
    search.lay_out(640, 480, 0.0)
    shown = chosen_in_turn(search, np.array([[300.0, 200.0, 20.0, 50.0]]))
    assert {window.width for (window,) in shown} == {640}
