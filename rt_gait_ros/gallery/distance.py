"""The one measure that gait embeddings are compared with."""

import numpy as np

_REBIAS = np.float32(2.0**112)  # between the exponents of float16 (bias 15) and of float32 (bias 127)


def single(embeddings: np.ndarray) -> np.ndarray:
    """The same finite numbers in float32, to the bit; float16 six times as fast as numpy converts it.

    An exponent and a fraction of float16 that are moved to where those of float32 are make a number that is off by a
    power of two alone; so do those without an exponent.
    """
    if embeddings.dtype != np.float16:
        return np.asarray(embeddings, np.float32)
    bits = np.ascontiguousarray(embeddings).view(np.int16).astype(np.int32)  # the sign fills the upper half
    bits <<= 13
    bits &= np.int32(-0x70000001)  # of the sign one bit is kept
    found = bits.view(np.float32)
    found *= _REBIAS
    return found


def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Root mean square over P parts of the parts' Euclidean distances: (..., P, C) twice to (...), float64.

    It is the Euclidean distance of the flattened descriptors (GaitSet's test protocol: the same ranking) divided by
    sqrt(P), so that a figure means the same for a network of one part and of 62. The leading axes broadcast.
    """
    difference = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    return np.sqrt(np.square(difference).sum(axis=-1).mean(axis=-1))


def distances(queries: np.ndarray, templates: np.ndarray, precision: type = np.float64) -> np.ndarray:
    """`distance` of every query to every template, by one matrix product: (Q, P, C), (T, P, C) to (Q, T) float64.

    precision: of the product. np.float32 is twice as fast, for thousands of walks, and off by a hundred thousandth of
    the embeddings' length: no two are at 0 then.
    """
    parts, length = queries.shape[1], queries.shape[1] * queries.shape[2]
    a: np.ndarray = np.asarray(queries, precision).reshape(len(queries), length)
    b: np.ndarray = np.asarray(templates, precision).reshape(len(templates), length)
    squared = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None] - 2.0 * (a @ b.T)
    return np.sqrt(np.maximum(squared, 0.0) / parts, dtype=np.float64)
