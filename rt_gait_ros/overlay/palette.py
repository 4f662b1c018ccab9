"""Colours that stay apart for colour-blind eyes."""

import zlib
from collections.abc import Sequence

Colour = tuple[int, int, int]

# Okabe and Ito, Color Universal Design (2008), without black; BGR.
PALETTE: tuple[Colour, ...] = (
    (233, 180, 86),  # sky blue
    (0, 159, 230),  # orange
    (66, 228, 240),  # yellow
    (167, 121, 204),  # reddish purple
    (115, 158, 0),  # bluish green
    (0, 94, 213),  # vermillion
    (178, 114, 0),  # blue
)
INK: Colour = (24, 22, 20)
PAPER: Colour = (250, 250, 250)


def colour_of(key: str) -> Colour:
    """The colour that a body id or person id asks for: the same one in every image and every run. BGR."""
    return PALETTE[_slot(key)]


def colours_of(keys: Sequence[str]) -> list[Colour]:
    """One BGR colour per key, all different while there are no more keys than colours.

    Earlier keys get the colour they ask for; a later one that finds it taken gets the next free one.
    """
    taken: set[int] = set()
    colours = []
    for key in keys:
        slot = _slot(key)
        if len(taken) < len(PALETTE):
            while slot in taken:
                slot = (slot + 1) % len(PALETTE)
        taken.add(slot)
        colours.append(PALETTE[slot])
    return colours


def ink_on(background: Colour) -> Colour:
    """Dark or light, whichever reads better on the background (luma of ITU-R BT.601)."""
    blue, green, red = background
    return INK if 0.114 * blue + 0.587 * green + 0.299 * red > 120 else PAPER


def _slot(key: str) -> int:
    return zlib.crc32(key.encode()) % len(PALETTE)
