"""The system's fonts, and which of them can draw what. None is shipped: what a machine has no font for is a box."""

import logging
import os
import re
import unicodedata
from functools import cached_property
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_log = logging.getLogger(__name__)

# Where the XDG base directories and fontconfig's own default configuration look.
FOLDERS = ("~/.local/share/fonts", "~/.fonts", "/usr/local/share/fonts", "/usr/share/fonts", "/usr/share/texmf/fonts")
SUFFIXES = {".ttf", ".otf", ".ttc", ".otc"}
# Styles that a label is not written in while the family has a plain one; and fonts that have a picture of a code for
# every character, which is no way to write a name.
_STYLES = re.compile(r"bold|italic|oblique|light|thin|black|heavy|condensed|mono|serif|medium|display|math", re.I)
_NO_FONTS = re.compile(r"lastresort|fallback|blank|notdef", re.I)
PROBE = 24  # pixels at which a font is asked
# Sizes of the pictures in emoji fonts that come in one size alone: Noto's, then others'.
STRIKES = (109, 128, 136, 160, 96, 72, 64, 32, 20)
REMEMBERED = 4096  # texts whose font is known: names come from messages, and could be any number
_MISSING = "\U0010ffff"  # a noncharacter: no font has it
# Joiners, and marks that choose how the character before them is drawn: what no font needs a glyph for.
_SILENT = frozenset("\u200c\u200d\ufe0e\ufe0f")


class Font:
    """One font file. Raises OSError where FreeType cannot read it."""

    def __init__(self, path: Path) -> None:
        """strike: the one size of a font of pictures, 0 of all others."""
        self.path = path
        self._sizes: dict[int, ImageFont.FreeTypeFont] = {}
        self._has: dict[str, bool] = {}
        try:
            self._probe = self.at(PROBE)
            self.strike = 0
        except OSError:  # pictures of one size
            self.strike = next((size for size in STRIKES if self._loads(size)), 0)
            if not self.strike:
                raise
            self._probe = self.at(self.strike)

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font at so many pixels an em."""
        if size not in self._sizes:
            self._sizes[size] = ImageFont.truetype(str(self.path), size)
        return self._sizes[size]

    def draws(self, text: str) -> bool:
        """Whether there is a glyph for every character, and not the font's own sign for a missing one."""
        return all(self._has_glyph(character) for character in text)

    def _has_glyph(self, character: str) -> bool:
        if character in _SILENT:
            return True
        if character == " ":  # as wide as a picture in a font of pictures
            return not self.strike
        if character not in self._has:
            self._has[character] = self._look(character) != self._nothing
        return self._has[character]

    @cached_property
    def _nothing(self) -> bytes:
        return self._look(_MISSING)

    def _look(self, character: str) -> bytes:
        """What is seen of one character: two that look alike are one glyph, the sign for a missing one above all."""
        size = self.strike or PROBE
        page = Image.new("RGBA", (2 * size, 2 * size))
        place = (size // 2, 3 * size // 2)
        draw = ImageDraw.Draw(page)
        draw.text(place, character, font=self._probe, anchor="ls", embedded_color=bool(self.strike))
        return page.tobytes()

    def _loads(self, size: int) -> bool:
        try:
            self.at(size)
        except OSError:
            return False
        return True


class Fonts:
    """The fonts below some folders, plain ones first; each is opened when it is first asked. For one thread."""

    def __init__(self, folders: tuple[str | Path, ...] | None = None) -> None:
        """folders: None for the system's."""
        self._folders = folders
        self._fonts: dict[Path, Font | None] = {}
        self._found: dict[str, Font | None] = {}

    @cached_property
    def paths(self) -> list[Path]:
        """Files of fonts, in the order in which they are asked."""
        found: dict[str, Path] = {}
        for folder in self._folders if self._folders is not None else system_folders():
            for root, _, names in os.walk(folder):
                for name in names:
                    if Path(name).suffix.lower() in SUFFIXES and not _NO_FONTS.search(name):
                        found.setdefault(name, Path(root, name))
        return sorted(found.values(), key=lambda path: (len(_STYLES.findall(path.stem)), path.stem.lower()))

    def find(self, text: str) -> Font | None:
        """The first font that draws all of the text; None where none does."""
        if text not in self._found:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[text] = next((f for f in map(self._open, self.paths) if f is not None and f.draws(text)), None)
        return self._found[text]

    def runs(self, text: str) -> list[tuple[str, Font | None]]:
        """The text in pieces of one font each, as long as can be; None for what no font draws."""
        whole = self.find(text)
        if whole is not None:
            return [(text, whole)]
        pieces: list[tuple[str, Font | None]] = []
        for cluster in clusters(text):
            before = pieces[-1] if pieces else None
            if before is not None and before[1] is not None and before[1].draws(cluster):
                pieces[-1] = (before[0] + cluster, before[1])
                continue
            font = self.find(cluster)
            if before is not None and font is None and before[1] is None:
                pieces[-1] = (before[0] + cluster, None)
            else:
                pieces.append((cluster, font))
        return pieces

    def _open(self, path: Path) -> Font | None:
        if path not in self._fonts:
            try:
                self._fonts[path] = Font(path)
            except (OSError, ValueError) as error:
                _log.info("font %s is not used: %s", path, error)
                self._fonts[path] = None
        return self._fonts[path]


def system_folders() -> list[Path]:
    """Folders that may hold fonts, the user's own first."""
    data = [os.environ.get("XDG_DATA_HOME", ""), *os.environ.get("XDG_DATA_DIRS", "").split(os.pathsep)]
    named = [Path(folder, "fonts") for folder in data if folder]
    return [*named, *(Path(os.path.expanduser(folder)) for folder in FOLDERS)]  # stays as it is without a home folder


def clusters(text: str) -> list[str]:
    """What a reader takes for one character each: with its marks, its skin tone, and what is joined to it."""
    found: list[str] = []
    for character in text:
        if found and (_continues(character) or found[-1][-1] == "\u200d" or _second_of_a_flag(found[-1], character)):
            found[-1] += character
        else:
            found.append(character)
    return found


def _continues(character: str) -> bool:
    return (
        character in _SILENT
        or unicodedata.category(character)[0] == "M"
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
    )


def _second_of_a_flag(cluster: str, character: str) -> bool:
    letters = "\U0001f1e6", "\U0001f1ff"  # regional indicators
    return len(cluster) == 1 and all(letters[0] <= c <= letters[1] for c in (cluster, character))
