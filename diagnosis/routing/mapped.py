"""Arrays of a saved router, which stay on disk and are shared by the processes that read them."""

from __future__ import annotations

from typing import Any

import numpy as np


class Mapped:
    """What is loaded with its arrays mapped from disk: as plain arrays, which are quicker to index."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, np.asarray(value) if isinstance(value, np.memmap) else value)
