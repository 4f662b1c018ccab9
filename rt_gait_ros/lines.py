"""One line for a log, a table or a diagnostic, whatever the text in it came from."""

LONGEST = 300  # characters: two lines of a wide terminal
_JOINERS = "\u200c\u200d"  # invisible, and part of how Persian and Hindi are written


def one_line(text: str, longest: int = LONGEST) -> str:
    """The text as one line of at most `longest` characters.

    What is not printable (line ends, escape sequences, marks that turn the direction of text, halves of surrogate
    pairs) is written as Python writes it in a string. What is cut off is counted.
    """
    line = "".join(map(_visible, text[: longest + 1]))
    if len(line) <= longest and len(text) <= longest:
        return line
    shown = longest - 40  # room for the count
    line = "".join(map(_visible, text[:shown]))[:shown]
    return f"{line}… ({len(text)} characters)"


def _visible(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return character.encode("unicode_escape").decode("ascii")
