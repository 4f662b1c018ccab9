"""Text for people: passwords and bytes that are no text in it are not shown as they are, and it is one line."""

import os
import re
from collections.abc import Callable
from functools import partial

from rt_gait_ros.lines import one_line

HIDDEN = "***"

# scheme://user:password@host (RFC 3986, 3.2.1), but people write passwords as they are: @, / and # may be in them.
# A URL that was taken for a path has lost a slash. A ! that stands alone ends an element of a GStreamer pipeline.
_USER_INFO = re.compile(r"(?i)(?P<scheme>\b(?!file:)[a-z][a-z0-9+.-]+:/+)(?P<rest>(?:[^\s'\"<>!]|!(?=\S))+)")
_PORT = re.compile(r"\d*")
_OF_A_ROLE = re.compile(r"(?i)postgres(ql)?:/+")  # a name alone is a role there, and no token
# Settings whose value is secret: in the query of a camera's URL (?user=admin&pwd=...), and as properties of GStreamer's
# sources (user-pw=..., proxy-pw=...).
_SETTING = re.compile(
    r"(?i)(?P<name>(?:[?&;\s]|^)[\w-]*(?:passw(?:or)?d|passwd|password|passphrase|pwd|user-pw|proxy-pw|token|secret"
    r"|api_?key|access_?key|scram_(?:client|server)_key|signature|auth)\s*=\s*)(?P<value>\"[^\"]*\"|'[^']*'|(?:[^&;\s!'\"<>]|!(?=\S))+)"
)
_LONGEST = 1000  # characters of a name that are shown; most systems have no longer paths than 4096


def mask_credentials(text: str) -> str:
    """The text with every password in it replaced by `***`: those of URLs, and of settings that are named as such."""
    return replace_credentials(text, lambda _: HIDDEN)


def replace_credentials(text: str, replacement: Callable[[str], str]) -> str:
    """The text with `replacement(password)` for every password in it; those of settings come with their quotes."""
    text = _USER_INFO.sub(partial(_replace_in_user_info, replacement), text)
    return _SETTING.sub(lambda match: f"{match['name']}{replacement(match['value'])}", text)


def credentials_in(text: str) -> list[str]:
    """The passwords that `mask_credentials` hides, each as it stands in the text."""
    found = []
    for match in _USER_INFO.finditer(text):
        at = _end_of_user_info(match["rest"])
        user, colon, password = match["rest"][: max(at, 0)].partition(":")
        secret = password if colon else "" if _OF_A_ROLE.fullmatch(match["scheme"]) else user
        found += [secret] if secret else []
    return found + [match["value"] for match in _SETTING.finditer(text)]


def readable(name: str) -> str:
    """The name for people: without passwords, in one line, bytes that are no UTF-8 as their numbers."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace") if holds_bytes(name) else name
    return one_line(mask_credentials(text), _LONGEST)


def _replace_in_user_info(replacement: Callable[[str], str], match: re.Match[str]) -> str:
    at = _end_of_user_info(match["rest"])
    user, colon, password = match["rest"][: max(at, 0)].partition(":")
    if at < 0 or (not colon and _OF_A_ROLE.fullmatch(match["scheme"])):
        return match[0]
    shown = f"{user}:{replacement(password)}" if colon else replacement(user)  # a name alone may be a token
    return f"{match['scheme']}{shown}{match['rest'][at:]}"


def _end_of_user_info(rest: str) -> int:
    """Where the @ behind user and password is; -1 where there is none. rest: what follows `scheme://`.

    Where there are several it is the last one: rather some of the path too few is shown than some of a password.
    """
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    _, colon, behind = authority.partition(":")
    a_port = authority.startswith("[") or not colon or _PORT.fullmatch(behind)
    return -1 if "@" not in authority and a_port else rest.rfind("@")


def holds_bytes(name: str) -> bool:
    """Whether the name holds bytes that are no UTF-8, which Python keeps as lone surrogates."""
    return any("\udc80" <= character <= "\udcff" for character in name)
