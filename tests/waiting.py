"""Waiting for what is promised to happen soon."""

import time
from collections.abc import Callable


def soon(true: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether something becomes true: how soon, the benchmarks measure, for a busy machine is no defect."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.01)
    return true()
