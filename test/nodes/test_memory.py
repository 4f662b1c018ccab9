"""Large blocks of memory stay with the process."""

import ctypes
import resource

import numpy as np
import pytest

from rt_gait_ros.nodes.memory import keep_large_blocks

IMAGE = 640 * 480 * 3


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no mallopt")
def test_images_made_again_and_again_cost_no_page_faults():
    assert keep_large_blocks()
    for _ in range(3):
        np.ones(IMAGE, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(IMAGE, np.uint8)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 20 * IMAGE / 4096 / 10
