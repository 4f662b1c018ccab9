import pytest

from rt_gait_ros.overlay.palette import INK, PALETTE, PAPER, colour_of, colours_of, ink_on


def test_as_many_colours_as_people_while_they_last():
    keys = [f"body{k}" for k in range(len(PALETTE))]
    assert len(set(colours_of(keys))) == len(PALETTE)


def test_more_people_than_colours_share():
    assert len(colours_of([f"body{k}" for k in range(3 * len(PALETTE))])) == 3 * len(PALETTE)


def test_newcomers_take_nobodys_colour():
    keys = [f"body{k}" for k in range(len(PALETTE))]
    for n in range(1, len(keys)):
        assert colours_of(keys[:n]) == colours_of(keys)[:n]
    assert colours_of(keys)[0] == colour_of(keys[0])


@pytest.mark.parametrize(("background", "ink"), [((0, 0, 0), PAPER), ((255, 255, 255), INK), ((66, 228, 240), INK)])
def test_ink_stands_off_the_background(background, ink):
    assert ink_on(background) == ink
