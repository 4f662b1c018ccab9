"""How the C library treats large blocks of memory."""

import ctypes

# malloc.h of glibc.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
LARGEST = 32 << 20  # bytes; glibc takes no higher mmap threshold: blocks above are mapped as ever
KEPT = 64 << 20  # bytes that may lie free at the heap's end


def keep_large_blocks() -> bool:
    """Let freed blocks of up to 32 MB be used again instead of going back to the kernel.

    An image is copied several times on its way through rclpy, each time into a new block: mapping its pages, one fault
    per 4 KB, costs more than the copies (VGA, publishing and taking: 4.2 ms of CPU, and 1.7 ms with this).
    Returns False where the C library has no mallopt (musl, macOS).
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    # Each returns 1 when it was understood. The last undoes nothing: it grows the heap in larger steps.
    return all(
        library.mallopt(option, value)
        for option, value in ((M_MMAP_THRESHOLD, LARGEST), (M_TRIM_THRESHOLD, KEPT), (M_TOP_PAD, 16 << 20))
    )
