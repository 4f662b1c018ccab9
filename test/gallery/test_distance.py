"""The measure of embeddings, and what makes it quick."""

import numpy as np

from rt_gait_ros.gallery.distance import single


def test_every_finite_number_of_half_precision_is_the_same_in_single_precision():
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    found = single(finite)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.view(np.uint32), finite.astype(np.float32).view(np.uint32))


def test_other_types_and_orders_are_taken_as_they_are():
    wide = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(single(wide), wide.astype(np.float32))
    np.testing.assert_array_equal(single(wide.astype(np.float16).T), wide.T)
    kept = wide.astype(np.float32)
    assert single(kept) is kept
