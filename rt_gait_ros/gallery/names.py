"""Display names of persons: of every script, and of nothing that a reader cannot see."""

import re
import unicodedata
from functools import lru_cache

from rt_gait_ros.errors import UsageError

MAX_NAME = 64  # characters of a display name: it has to fit a table and an overlay

# Zero width non-joiner and joiner: how Persian, the scripts of India and families of emoji are written.
_JOINERS = "\u200c\u200d"
_VIRAMA = 9  # the combining class of the signs that take a consonant's vowel away
# Printable by their category, and yet nothing to see: combining grapheme joiner, Hangul fillers, Khmer inherent vowels,
# the empty Braille pattern (Default_Ignorable_Code_Point of Unicode, and the last).
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


class UnfitName(UsageError):
    """Nobody can be called that."""


def clean_name(name: str) -> str:
    """A display name as it is stored: in Unicode's composed form, with one ordinary space wherever there are spaces.

    Joiners stay where they join: between two letters or two emoji, or after a virama. Raises UnfitName for what no
    reader can see or what turns the direction of the text around it, for an empty name, and for one of over MAX_NAME
    characters.
    """
    if _is_plain(name):
        return name
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in name.strip())
    name = unicodedata.normalize("NFC", re.sub(" +", " ", spaced).strip())
    for place, character in enumerate(name):
        if character in _JOINERS:
            fits = _joins(name[place - 1 : place], name[place + 1 : place + 2])
        else:
            fits = character.isprintable() and character not in _BLANKS
        if not fits:
            raise UnfitName(f"{name[:MAX_NAME]!a} is no name: {_called(character)} cannot stand there")
    if not name or len(name) > MAX_NAME:
        raise UnfitName(f"{name[:MAX_NAME]!r} is no name: use 1 to {MAX_NAME} printable characters")
    if all(unicodedata.category(c)[0] in "MZ" for c in name):
        raise UnfitName(f"{name!a} is no name: it has marks, and no letter that they are on")
    return name


def _is_plain(name: str) -> bool:
    """Whether it needs no closer look, as most names of a large gallery."""
    if not (name.isascii() and name.isprintable() and 0 < len(name) <= MAX_NAME):
        return False
    return "  " not in name and name == name.strip()


@lru_cache(8192)  # a gallery asks for all its names again and again
def comparable(name: str) -> str:
    """What two names have in common that a reader takes for one: neither case, nor width, nor joiners tell them apart.

    As Unicode's toNFKC_Casefold, for names and for what somebody typed to find one.
    """
    bare = "".join(" " if unicodedata.category(c) == "Zs" else c for c in name if c not in _JOINERS)
    folded = unicodedata.normalize("NFKC", bare).casefold()
    return re.sub(" +", " ", unicodedata.normalize("NFKC", folded)).strip()


def _joins(before: str, after: str) -> bool:
    """Whether a joiner between these two characters (or nothing) joins: letters with their marks, or emoji.

    After a virama it also ends a word, as in names written in Malayalam before Unicode 5.1.
    """
    kinds = "L", "M", "So", "Sk"  # Sk: the skin tones of emoji
    if before and unicodedata.combining(before) == _VIRAMA:
        return True
    return bool(before and after) and all(unicodedata.category(c).startswith(kinds) for c in (before, after))


def _called(character: str) -> str:
    name = unicodedata.name(character, "a control character" if unicodedata.category(character) == "Cc" else "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")
