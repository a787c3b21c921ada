"""Memory that one search of a large index has freed, kept for the next one."""

from __future__ import annotations

import ctypes
import sys

LARGE = 200_000  # rows from which a search makes arrays so large that the allocator gives them back each time
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of mallopt(3)
_ARRAY, _KEPT = 32 << 20, 64 << 20  # bytes: of one array at most, and kept in all


def keep_freed_memory() -> bool:
    """Let this process keep up to 64 MB that it has freed, and return whether it can be told so: glibc can.

    A search of a million rows makes arrays of 8 MB. Given back and asked for again, their pages have to be found and
    cleared by the kernel each time, a quarter of the time of a search (`benchmarks.search_scale`). Other allocators
    are left as they are.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _ARRAY) and mallopt(_TRIM_THRESHOLD, _KEPT))
