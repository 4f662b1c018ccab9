import pytest

from rt_gait_ros.gallery.gallery import DuplicateName, Gallery
from rt_gait_ros.gallery.names import MAX_NAME, UnfitName, clean_name, comparable

ZWNJ, ZWJ, VARIATION = "\u200c", "\u200d", "\ufe0f"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("張\u3000偉", "張 偉"),
        ("山田\u00a0太郎", "山田 太郎"),
        ("\u2003Ada \u2009 Lovelace\u202f", "Ada Lovelace"),
        ("A\u030asa", "Åsa"),
    ],
)
def test_spaces_of_every_kind_are_one_ordinary_space(given, stored):
    assert clean_name(given) == stored


@pytest.mark.parametrize(
    "name",
    [
        f"علی{ZWNJ}رضا",  # Persian
        f"ශ\u0dca{ZWJ}රී",  # Sinhala
        f"ക\u0d4d{ZWJ}",  # Malayalam, a consonant without vowel at the end of a word
        f"👩\U0001f3fd{ZWJ}💻",  # with a skin tone
        f"🏳{VARIATION}{ZWJ}🌈",
        f"👨{ZWJ}👩{ZWJ}👧",
        "עדה",
        "नरेन्द्र",
        "O’Brien-Łuczak",
        "Ada (2)",
    ],
)
def test_names_of_the_world_stay_as_they_are(name):
    assert clean_name(name) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Ada\u202eecila", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("\u2066Ada\u2069", "U+2066 (LEFT-TO-RIGHT ISOLATE)"),
        ("Ada\u200f", "U+200F (RIGHT-TO-LEFT MARK)"),
        ("A\u200bda", "U+200B (ZERO WIDTH SPACE)"),
        ("\ufeffAda", "U+FEFF (ZERO WIDTH NO-BREAK SPACE)"),
        ("Ada\x1b[2J", "U+001B (a control character)"),
        ("a\nb", "U+000A (a control character)"),
        ("a\u2028b", "U+2028 (LINE SEPARATOR)"),
        ("\u3164", "U+3164 (HANGUL FILLER)"),
        (f"Ada{ZWJ}", "U+200D (ZERO WIDTH JOINER)"),
        (f"{ZWNJ}Ada", "U+200C (ZERO WIDTH NON-JOINER)"),
        (f"A{ZWJ}{ZWJ}da", "U+200D (ZERO WIDTH JOINER)"),
        ("Ada\ue000", "U+E000"),
        ("\u0301", "it has marks, and no letter"),
        ("", "1 to 64 printable"),
        ("\u3000", "1 to 64 printable"),
        ("x" * (MAX_NAME + 1), "1 to 64 printable"),
    ],
)
def test_what_nobody_can_see_is_refused_and_called_by_its_name(name, said):
    with pytest.raises(UnfitName) as error:
        clean_name(name)
    assert said in str(error.value)
    assert str(error.value).isprintable()


def test_a_refusal_of_a_long_name_is_short():
    with pytest.raises(UnfitName) as error:
        clean_name("\x1b" * 100_000)
    assert len(str(error.value)) < 10 * MAX_NAME + 100


@pytest.mark.parametrize(
    "other",
    ["ada lovelace", "ADA\u3000LOVELACE", "Ａｄａ Lovelace", f"A{ZWJ}da Lovelace", " Ada  Lovelace "],
)
def test_names_that_a_reader_takes_for_one_are_one(other, tmp_path, template):
    gallery = Gallery(tmp_path / "people.gallery")
    person = gallery.add("Ada Lovelace", [template(20)], model="angle", gait_frame_kind="silhouette")
    assert gallery.find(other) == person
    with pytest.raises(DuplicateName):
        gallery.add(other, [template(20)], model="angle", gait_frame_kind="silhouette")
    assert comparable("Ida Lovelace") != comparable(other)
