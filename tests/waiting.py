"""Waiting for what is promised to happen soon."""

import time
from collections.abc import Callable


def soon(true: Callable[[], bool], seconds: float = 1.0) -> bool:
    """Whether something becomes true within the time that is promised."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.01)
    return true()
