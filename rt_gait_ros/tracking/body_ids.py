"""Names of bodies: five characters, the first a letter (REP-155), random to the eye, never given twice."""

import numpy as np

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SYMBOLS = _LETTERS + "0123456789"
_COUNT = len(_LETTERS) * len(_SYMBOLS) ** 4


class BodyIds:
    """A permutation of all 43 670 016 ids, walked one by one: unique without remembering any.

    The n-th id is number (multiplier · n + offset) mod count; a multiplier prime to count visits every number once.
    """

    def __init__(self, seed: int | None = None) -> None:
        """Start a run. seed: the same seed gives the same ids in the same order; None: different ones each time."""
        random = np.random.default_rng(seed)
        self._offset = int(random.integers(_COUNT))
        self._multiplier = int(random.integers(_COUNT // 4, _COUNT // 2)) | 1
        while np.gcd(self._multiplier, _COUNT) != 1:
            self._multiplier += 2
        self._inverse = pow(self._multiplier, -1, _COUNT)
        self._issued = 0

    def new(self) -> str:
        """Return an id that this run has not seen yet."""
        number = (self._multiplier * self._issued + self._offset) % _COUNT
        self._issued += 1
        tail = ""
        for _ in range(4):
            number, symbol = divmod(number, len(_SYMBOLS))
            tail += _SYMBOLS[symbol]
        return _LETTERS[number] + tail

    def issued(self, body_id: str) -> bool:
        """Say whether this run has given `body_id` to somebody."""
        if len(body_id) != 5 or body_id[0] not in _LETTERS or any(symbol not in _SYMBOLS for symbol in body_id):
            return False
        number = _LETTERS.index(body_id[0])
        for symbol in reversed(body_id[1:]):
            number = number * len(_SYMBOLS) + _SYMBOLS.index(symbol)
        return (number - self._offset) * self._inverse % _COUNT < self._issued
