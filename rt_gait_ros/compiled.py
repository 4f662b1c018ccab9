"""Loops compiled by numba, kept on disk where there is room for that."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])

_log = logging.getLogger(__name__)
_told = False


def compiled(**options: Any) -> Callable[[F], F]:
    """numba.njit without the GIL and with its cache: beside the source, else in the user's cache folder.

    options: of numba.njit. Where neither can be written (a read-only installation, a user without a home folder), what
    is compiled lasts as long as the process, and one line says so.
    """

    def decorate(function: F) -> F:
        try:
            return numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError as error:  # "no locator available"
            _tell(error)
            return numba.njit(nogil=True, **options)(function)

    return decorate


def _tell(error: RuntimeError) -> None:
    global _told
    if not _told:
        _told = True
        _log.warning(
            "numba cannot keep what it compiles (%s): every start takes seconds longer; set NUMBA_CACHE_DIR to a "
            "folder that can be written",
            error,
        )
