import pytest

from rt_gait_ros.lines import LONGEST, one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("layout 'klingon' is unknown", "layout 'klingon' is unknown"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[2J\x9b0m", r"\x1b[2J\x9b0m"),
        ("abc\u202efed", r"abc\u202efed"),
        ("\u2028\ud800", r"\u2028\ud800"),
        ("張偉 علی\u200cرضا 👩\u200d💻", "張偉 علی\u200cرضا 👩\u200d💻"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text, line):
    assert one_line(text) == line


@pytest.mark.parametrize("text", ["x" * 10_000, "\x1b" * 10_000, "\x1b" * (LONGEST - 1), "é" * (LONGEST + 1)])
def test_a_long_text_is_cut_and_its_length_told(text):
    line = one_line(text)
    assert len(line) <= LONGEST
    assert line.endswith(f"… ({len(text)} characters)")
    assert line.isprintable()


def test_what_fits_stays_whole():
    assert one_line("x" * LONGEST) == "x" * LONGEST
