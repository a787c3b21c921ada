"""LikeTexts: which earlier texts on the same item say the same, so that likeness can be part of a signature."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diagnosis.text import tokenise

LIKE = 0.45  # cosine from which two texts tell of the same fault; see docs/recurrence.md for how it was chosen
LONGEST_NAME = 120  # characters


class _ItemFaults:
    """The faults of one item: the tokens of the first text of each, and which of them hold a token."""

    __slots__ = ("names", "postings", "texts")

    def __init__(self) -> None:
        self.texts: list[frozenset[str]] = []
        self.names: list[str] = []
        self.postings: defaultdict[str, list[int]] = defaultdict(list)

    def copy(self) -> _ItemFaults:
        copied = _ItemFaults()
        copied.texts, copied.names = self.texts[:], self.names[:]
        copied.postings.update({token: places[:] for token, places in self.postings.items()})
        return copied

    def add(self, tokens: frozenset[str], text: str) -> str:
        name = text.strip()[:LONGEST_NAME]
        if name in self.names:
            name = f"{name} ({sum(n.startswith(name) for n in self.names) + 1})"
        self.append(tokens, name)
        return name

    def append(self, tokens: frozenset[str], name: str) -> None:
        for token in tokens:
            self.postings[token].append(len(self.texts))
        self.texts.append(tokens)
        self.names.append(name)


class LikeTexts:
    """Faults by what is said of them: a text joins the most like of the earlier first texts on its item, or is a first.

    A token counts by how few faults it has been used of until then (a fault that keeps coming back makes its own words
    no less telling), so what later texts say never moves an earlier one, and the same texts in the same order always
    give the same faults. No encoder is asked: one that was fitted on the whole history has seen the future.
    """

    def __init__(self) -> None:
        self._items: dict[str, _ItemFaults] = {}
        self._fault_counts: dict[str, int] = {}
        self._count = 0
        self._base: LikeTexts | None = None

    def fork(self) -> LikeTexts:
        """Return one that starts from this and may learn without changing it."""
        copied = LikeTexts()
        copied._base, copied._count = self, self._count
        return copied

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned as JSON values."""
        items = {
            item: [[name, sorted(tokens)] for name, tokens in zip(faults.names, faults.texts, strict=True)]
            for item, faults in self._items.items()
        }
        return {"items": items, "fault_counts": self._fault_counts, "count": self._count}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> LikeTexts:
        """Return what `to_dict` wrote."""
        like = cls()
        like._fault_counts, like._count = dict(stored["fault_counts"]), stored["count"]
        for item, faults in stored["items"].items():
            loaded = like._items[item] = _ItemFaults()
            for name, tokens in faults:
                loaded.append(frozenset(tokens), name)
        return like

    def names(self, items: Sequence[str], texts: Iterable[str], *, learn: bool) -> list[str]:
        """Return the name of each text's fault, its first text; ``""`` for a text without words.

        Parameters
        ----------
        items : sequence of str
            What each text is about; texts on different items are never one fault.
        texts : iterable of str
            In order of logging.
        learn : bool
            Whether each text may be the first of a fault that later ones join.
        """
        return [self._name(item, text, learn) for item, text in zip(items, texts, strict=True)]

    def _name(self, item: str, text: str, learn: bool) -> str:
        tokens = frozenset(tokenise(text))
        if not tokens:
            return ""
        faults = self._find(item)
        like = None if faults is None else self._most_like(faults, tokens)
        if faults is not None and like is not None:
            return faults.names[like]
        if not learn:
            return text.strip()[:LONGEST_NAME]
        self._count += 1
        for token in tokens:
            self._fault_counts[token] = self._times(token) + 1
        return self._own_item(item).add(tokens, text)

    def _most_like(self, faults: _ItemFaults, tokens: frozenset[str]) -> int | None:
        """Return the place of the most like first text, the earliest of several; None if none is like enough.

        The cosine is at most the root of the shared part of the query's weight, so the search through tokens, the
        rarest first, may end where what is left could not reach `LIKE` any more.
        """
        weight = {token: self._weight(token) for token in tokens}
        total = left = sum(weight.values())
        candidates: set[int] = set()
        for token in sorted(tokens, key=lambda token: (-weight[token], token)):
            if math.sqrt(left / total) < LIKE:
                break
            candidates.update(faults.postings.get(token, ()))
            left -= weight[token]
        best, highest = None, LIKE
        for place in sorted(candidates):
            earlier = faults.texts[place]
            # sorted: a sum of floats in an order of its own would not be the same everywhere
            shared = math.fsum(weight[token] for token in tokens & earlier)
            its = math.fsum(self._weight(token) for token in earlier)
            like = shared / math.sqrt(total * its)
            if like > highest or (best is None and like >= highest):
                best, highest = place, like
        return best

    def _weight(self, token: str) -> float:
        return math.log1p((self._count + 1.0) / (self._times(token) + 1.0))

    def _times(self, token: str) -> int:
        times = self._fault_counts.get(token)
        if times is None:
            return self._base._times(token) if self._base is not None else 0
        return times

    def _find(self, item: str) -> _ItemFaults | None:
        faults = self._items.get(item)
        return self._base._find(item) if faults is None and self._base is not None else faults

    def _own_item(self, item: str) -> _ItemFaults:
        faults = self._items.get(item)
        if faults is None:
            inherited = self._base._find(item) if self._base is not None else None
            faults = self._items[item] = inherited.copy() if inherited is not None else _ItemFaults()
        return faults
