"""Arrays of a saved router, which stay on disk and are shared by the processes that read them."""

from __future__ import annotations

from typing import Any

import numpy as np


class Mapped:
    """What is loaded with its arrays mapped from disk: as plain arrays, which are quicker to index."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, _plain(value) if isinstance(value, np.ndarray) else value)


def _plain(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return an array as if it had been made here; one that came from another process has a type of its own.

    Types that are equal but not the same are written twice: the same router would not be the same file.
    """
    plain = np.asarray(array)
    return plain.view(np.dtype(plain.dtype.str)) if plain.dtype.kind in "iuf" else plain
