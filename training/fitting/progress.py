"""Progress of long work: the stage, how far it is and the time left, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType

from tqdm import tqdm

# A part reports how far it is as a share from 0 to 1.
Share = Callable[[float], None]


class Stages:
    """One bar over named stages of known weight, shown on standard error.

    Parameters
    ----------
    stages : dict of str to float
        Name and weight, in order; weights are relative durations.
    title : str
        Stands before the name of each stage.
    show : bool
        Without it nothing is drawn, and the stages can still be entered.
    """

    def __init__(self, stages: dict[str, float], *, title: str = "", show: bool = True) -> None:
        self._stages = stages
        self._title = f"{title}: " if title else ""
        self._total = sum(stages.values())
        self._before = 0.0
        self._current = 0.0
        layout = "{desc:<26}{percentage:3.0f}%|{bar:30}| {elapsed}<{remaining}"
        self._bar = tqdm(total=1.0, file=sys.stderr, bar_format=layout, mininterval=0.5, disable=not show)

    def __enter__(self) -> Stages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._move(1.0)
        self._bar.close()

    def enter(self, name: str) -> Share:
        """Begin a stage; return the callable that reports its share done."""
        self._before += self._current
        self._current = self._stages[name] / self._total
        self._bar.set_description_str(self._title + name)
        self._move(self._before)
        return lambda share: self._move(self._before + self._current * min(max(share, 0.0), 1.0))

    def _move(self, to: float) -> None:
        self._bar.update(max(to - self._bar.n, 0.0))
