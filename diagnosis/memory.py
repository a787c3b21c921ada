"""What a process does with memory that it has freed: keeps it for the next search, or gives it back to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache

import pyarrow as pa

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of mallopt(3)
_LARGEST_ARRAY, _KEPT_BYTES = 32 << 20, 64 << 20  # bytes: of one array at most, and kept in all


def keep_freed_memory() -> bool:
    """Let this process keep up to 64 MB that it has freed, and return whether it can be told so: glibc can.

    A search of a million rows makes arrays of 8 MB. Given back and asked for again, their pages have to be found and
    cleared by the kernel each time, a quarter of the time of a search (`benchmarks.search_scale`). Other allocators
    are left as they are.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_ARRAY) and mallopt(_TRIM_THRESHOLD, _KEPT_BYTES))


def give_freed_memory_back() -> bool:
    """Give back to the system what this process has freed, and return whether it can be told so: glibc can.

    Incidents that join a history make arrays that live until the next merge, in several threads, and each thread frees
    into a heap of its own, as Arrow's allocator does beside: a third of a growth by 20,000 incidents
    (docs/benchmarks/service.md).
    """
    pa.default_memory_pool().release_unused()
    trim = _of_glibc("malloc_trim")
    if trim is None:
        return False
    trim(0)
    return True


@cache
def _of_glibc(name: str) -> Callable[..., int] | None:
    function: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    return function
