"""Form boilerplate, learned from the corpus: what recurs word for word beside varied other content."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Self

from diagnosis.errors import InputError, NotFittedError

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[。！？；])")
_FILLED_IN = re.compile(r"_{2,}\s*\w{0,12}?\s*_{2,}|_{2,}\w{0,8}")
_NO_WORD = re.compile(r"[\W_]+")
_COUNTERS = 1 << 19
_FAULT = re.compile(r"(?:exception|error|fehler)\b|\b0x[0-9a-f]|\b[a-z]{2,} ?\d{3,}|错误|异常|报错|故障")
_SHORT = 60  # characters
_FILE = "boilerplate.json"


class BoilerplateFilter:
    """Strips lines and sentences that recur across texts together with varied other content.

    A unit (line, or sentence of a line) is boilerplate if it stands in at least ``max(min_count, min_share * n_texts)``
    texts, seldom alone, and beside at least ``min_count`` different remainders. A short text that a hundred people sent
    word for word is therefore content. Case, spacing, punctuation and what was filled into ``____`` do not count.

    Parameters
    ----------
    min_share : float
        Least share of the texts that hold the unit.
    min_count : int
        Least number of texts that hold it, and of different remainders it stands beside.
    max_alone : float
        Largest share of its texts in which nothing but boilerplate stands beside it.

    Attributes
    ----------
    units_ : frozenset of str
        The boilerplate, as keys.

    Notes
    -----
    Memory is bounded for any number of texts: frequent units are found with 2**19 counters (Misra and Gries 1982, which
    undercounts by at most one in 2**19 of the units seen), remainders are counted up to ``min_count`` only.
    """

    def __init__(self, min_share: float = 0.001, min_count: int = 20, max_alone: float = 0.3) -> None:
        self.min_share = min_share
        self.min_count = min_count
        self.max_alone = max_alone

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn from a corpus which units are boilerplate."""
        least = max(self.min_count, self.min_share * len(texts))
        candidates = _frequent(texts, least)
        text_counts: Counter[str] = Counter()
        alone: Counter[str] = Counter()
        remainders: defaultdict[str, set[bytes]] = defaultdict(set)
        for text in texts:
            keys = set(_keys(text))
            frequent = keys & candidates
            remainder = _digest(keys - frequent) if frequent and len(keys) > len(frequent) else b""
            text_counts.update(frequent)
            for key in frequent:
                if not remainder:
                    alone[key] += 1
                elif len(remainders[key]) < self.min_count:
                    remainders[key].add(remainder)
        self.units_ = frozenset(
            key
            for key, count in text_counts.items()
            if count >= least and alone[key] <= self.max_alone * count and len(remainders[key]) >= self.min_count
        )
        return self

    def transform(self, texts: Sequence[str]) -> list[str]:
        """Return the texts without their boilerplate; a text that is nothing else comes back whole.

        Raises
        ------
        NotFittedError
            Before `fit` or `load`.
        """
        if not hasattr(self, "units_"):
            raise NotFittedError("BoilerplateFilter was used before fit or load")
        return [self._strip(text) for text in texts]

    def save(self, folder: Path) -> None:
        """Write what was learned into ``folder`` as JSON."""
        state = {
            "min_share": self.min_share,
            "min_count": self.min_count,
            "max_alone": self.max_alone,
            "units": sorted(self.units_),
        }
        (folder / _FILE).write_text(json.dumps(state, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If the file is missing or is not what `save` writes.
        """
        path = folder / _FILE
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            loaded = cls(state["min_share"], state["min_count"], state["max_alone"])
            loaded.units_ = frozenset(state["units"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"expected boilerplate as saved by BoilerplateFilter in {path.name}; found {error!r}"
            ) from error
        return loaded

    def _strip(self, text: str) -> str:
        lines = []
        for line in text.split("\n"):
            if _key(line) in self.units_:
                continue
            sentences = [part for part in _SENTENCE_END.split(line) if _key(part) not in self.units_]
            lines.append(" ".join(sentences) if len(sentences) > 1 and not _is_cjk(line) else "".join(sentences))
        stripped = "\n".join(line for line in lines if line.strip())
        return stripped if any(char.isalnum() for char in stripped) else text


def _frequent(texts: Sequence[str], least: float) -> frozenset[str]:
    """Return every unit in at least ``least`` texts, perhaps some in fewer, that does not name a fault."""
    counts: Counter[str] = Counter()
    undercount = 0
    for text in texts:
        counts.update(set(_keys(text)))
        if len(counts) > _COUNTERS:
            undercount += 1
            counts = Counter({key: n - 1 for key, n in counts.items() if n > 1})
    return frozenset(key for key, n in counts.items() if n + undercount >= least and not _names_fault(key))


def _names_fault(key: str) -> bool:
    """Tell whether a unit is the name of a fault, the head of many a stack trace, and so never boilerplate."""
    return len(key) < _SHORT and bool(_FAULT.search(key))


def _key(unit: str) -> str:
    plain = unit if unit.isascii() else unicodedata.normalize("NFKC", unit)
    key = _NO_WORD.sub(" ", _FILLED_IN.sub(" ", plain) if "__" in plain else plain).strip().casefold()
    return key if any(map(str.isalpha, key)) else ""  # a number alone is no unit


def _keys(text: str) -> Iterator[str]:
    """Yield the keys of the lines of a text, and of the sentences of the lines that hold several."""
    for line in text.split("\n"):
        parts = _SENTENCE_END.split(line)
        for unit in [line, *parts] if len(parts) > 1 else [line]:
            key = _key(unit)
            if key:
                yield key


def _is_cjk(line: str) -> bool:
    return any("⺀" <= char <= "鿿" for char in line)


def _digest(keys: set[str]) -> bytes:
    return blake2b("\n".join(sorted(keys)).encode(errors="surrogatepass"), digest_size=8).digest()
