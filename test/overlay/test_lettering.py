import numpy as np
import pytest
from PIL import features

from rt_gait_ros.overlay.fonts import Fonts
from rt_gait_ros.overlay.lettering import Letterer

INK = (10, 20, 30)


@pytest.fixture
def bare() -> Letterer:
    """Of a machine without fonts."""
    return Letterer(Fonts(()))


@pytest.fixture(scope="module")
def letterer() -> Letterer:
    fonts = Fonts()
    if fonts.find("é") is None:
        pytest.skip("this machine has no font")
    return Letterer(fonts)


def same(one, other) -> bool:
    return one.pixels.shape == other.pixels.shape and bool((one.pixels == other.pixels).all())


def test_without_fonts_other_scripts_are_boxes_and_our_letters_lose_their_accents(bare):
    assert same(bare.line(("José Müller",), 40, INK), bare.line(("Jose Muller",), 40, INK))
    box = bare.line(("李",), 40, INK).pixels[..., 3]
    sides = np.flatnonzero(box.any(axis=0))
    edge, middle = box[:, sides[0]], box[:, box.shape[1] // 2]
    assert (edge == 255).all()
    assert middle[0] == middle[-1] == 255
    assert not middle[len(middle) // 4 : -len(middle) // 4].any()
    assert not same(bare.line(("李",), 40, INK), bare.line(("?",), 40, INK))
    assert bare.line(("李偉",), 40, INK).pixels.shape[1] == 2 * box.shape[1]


def test_a_mixed_line_without_fonts_has_both(bare):
    alone = [bare.line((text,), 40, INK).pixels.shape[1] for text in ("Ada ", "李")]
    assert bare.line(("Ada 李",), 40, INK).pixels.shape[1] == sum(alone)


@pytest.mark.parametrize("name", ["é", "Ωμέγα", "Дмитрий"])
def test_scripts_of_the_systems_fonts_are_written(letterer, bare, name):
    if letterer._fonts.find(name) is None:
        pytest.skip(f"no font for {name}")
    written = letterer.line((name,), 40, INK)
    assert written.pixels[..., 3].any()
    assert (written.pixels[..., :3] == INK).all()
    assert 0 < written.above <= written.pixels.shape[0]
    assert not same(written, bare.line((name,), 40, INK))


def test_letters_that_join_are_joined(letterer):
    if letterer._fonts.find("علی") is None:
        pytest.skip("no font for Arabic letters")
    if not features.check("raqm"):
        pytest.skip("Pillow finds no FriBiDi")
    joined = letterer.line(("علی",), 80, INK).pixels[..., 3]
    parted = letterer.line(("ع\u200cل\u200cی",), 80, INK).pixels[..., 3]
    assert joined.shape[1] < parted.shape[1]


def test_a_name_from_right_to_left_stays_left_of_what_comes_after_it(letterer):
    if letterer._fonts.find("עדה") is None:
        pytest.skip("no font for Hebrew letters")
    name, sure = letterer.line(("עדה",), 40, INK), letterer.line((" 93%",), 40, INK)
    line = letterer.line(("עדה", " 93%"), 40, INK)
    assert line.pixels.shape[1] == name.pixels.shape[1] + sure.pixels.shape[1]
    top = line.above - name.above
    np.testing.assert_array_equal(line.pixels[top : top + name.pixels.shape[0], : name.pixels.shape[1]], name.pixels)


class TwoFonts(Fonts):
    """As if Hebrew and Latin letters were in two fonts of which neither has the other's; both are the same here."""

    def runs(self, text):
        first = next(n for n, c in enumerate(text) if not "\u0590" <= c <= "\u05ff")
        return [(text[:first], self.find("עדה")), (text[first:], self.find("עדה"))]


def test_of_two_fonts_the_first_word_of_a_line_from_the_right_is_at_the_right(letterer):
    if letterer._fonts.find("עדה") is None:
        pytest.skip("no font for Hebrew letters")
    line, name = Letterer(TwoFonts()).line(("עדהabc",), 40, INK), letterer.line(("עדה",), 40, INK)
    np.testing.assert_array_equal(line.pixels[:, -name.pixels.shape[1] :], name.pixels)


def test_a_line_is_made_once(letterer):
    assert letterer.line(("é",), 40, INK) is letterer.line(("é",), 40, INK)


@pytest.mark.parametrize(("x", "base"), [(-20, 30), (70, 30), (10, 2), (10, 300), (500, 500), (-500, -500)])
def test_what_is_outside_of_the_image_is_cut_off(bare, x, base):
    image = np.full((60, 80, 3), 200, np.uint8)
    bare.line(("李李",), 40, INK).lay_on(image, x, base)
    assert set(np.unique(image)) <= {*INK, 200}


def test_ink_covers_what_is_below(bare):
    image = np.full((60, 80, 3), 200, np.uint8)
    bare.line(("李",), 40, INK).lay_on(image, 10, 50)
    assert (image == INK).all(axis=2).any()
    assert (image == 200).all(axis=2).any()
