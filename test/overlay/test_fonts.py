from pathlib import Path

import pytest

from rt_gait_ros.overlay.fonts import Font, Fonts, clusters


@pytest.fixture(scope="module")
def system() -> Fonts:
    fonts = Fonts()
    if fonts.find("é") is None:
        pytest.skip("this machine has no font")
    return fonts


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ada", ["A", "d", "a"]),
        ("A\u030asa", ["A\u030a", "s", "a"]),
        ("👩🏽\u200d💻!", ["👩🏽\u200d💻", "!"]),
        ("🏳\ufe0f\u200d🌈", ["🏳\ufe0f\u200d🌈"]),
        ("🇮🇷🇱🇰", ["🇮🇷", "🇱🇰"]),
        ("\u0301a", ["\u0301", "a"]),
        ("", []),
    ],
)
def test_characters_are_what_a_reader_takes_for_one(text, found):
    assert clusters(text) == found


def test_a_font_knows_what_it_cannot_draw(system):
    font = system.find("é")
    assert isinstance(font, Font)
    assert font.draws("é Ada\u200cmé")
    assert not font.draws("\U0010fffe")


def test_what_no_font_draws_is_a_run_of_its_own(system):
    assert [(run, font is None) for run, font in system.runs("é\U0010fffe\U0010fffdé")] == [
        ("é", False),
        ("\U0010fffe\U0010fffd", True),
        ("é", False),
    ]


def test_files_that_are_no_fonts_are_left_out(tmp_path: Path):
    (tmp_path / "broken.ttf").write_bytes(b"no font at all")
    (tmp_path / "empty.otf").touch()
    (tmp_path / "LastResort.ttf").touch()
    fonts = Fonts((tmp_path, tmp_path / "absent"))
    assert [path.name for path in fonts.paths] == ["broken.ttf", "empty.otf"]
    assert fonts.find("a") is None
    assert fonts.runs("ab") == [("ab", None)]


def test_plain_styles_are_asked_first(tmp_path: Path):
    for name in ("Sans-Bold.ttf", "Sans.ttf", "SansMono-BoldOblique.ttf", "Another.ttc"):
        (tmp_path / name).touch()
    names = [path.name for path in Fonts((tmp_path,)).paths]
    assert names == ["Another.ttc", "Sans.ttf", "Sans-Bold.ttf", "SansMono-BoldOblique.ttf"]
