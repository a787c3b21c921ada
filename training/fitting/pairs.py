"""Pairs of texts that mean the same, as every history holds them: what the encoder and the fusion learn from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.search.glossary import glossary_pairs

Pair = tuple[str, str]

_INCIDENT_PAIRS = (
    ("short_description", "description"),
    ("description", "close_notes"),
    ("short_description", "close_notes"),
)
_ARTICLE_PAIRS = (
    ("title", "resolution"),
    ("symptoms", "resolution"),
    ("cause", "resolution"),
    ("symptoms", "title"),
    ("title", "cause"),
    ("symptoms", "cause"),
    ("keywords", "resolution"),
)
_ARTICLE_TEXTS = ("title", "symptoms", "cause", "resolution")
_BREAK = re.compile(r"\n\s*\n|(?<=[.!?])\s+|(?<=[。！？])")
_MIN_SENTENCES = 4
_MAX_PARTNERS = 8  # a text that has more partners says little about each of them ("password reset")


def training_pairs(
    incidents: pd.DataFrame | None, articles: pd.DataFrame | None, *, max_pairs: int = 400_000, seed: int = 0
) -> list[Pair]:
    """Return pairs of texts that belong together, from what the organisation has written.

    An incident's short description, description and resolution; an article's title, symptoms, cause, keywords and
    resolution; an article and its translation; an incident and the article that solved it; incidents that the same
    article or problem solved; the halves of a text that stands alone; and the bilingual glossary.

    Parameters
    ----------
    incidents, articles : DataFrame or None
        Canonical frames, cleaned and masked.
    max_pairs : int
        Cap; beyond it, kinds of pair are thinned evenly.
    seed : int
        Of the thinning.

    Returns
    -------
    list of (str, str)
        Without repeats; no text with more than a few partners of one kind.
    """
    reports = None if incidents is None or incidents.empty else as_frame(incidents)
    base = None if articles is None or articles.empty else as_knowledge_frame(articles)
    kinds: list[Iterable[Pair]] = []
    if reports is not None:
        kinds += [_columns(reports, left, right) for left, right in _INCIDENT_PAIRS]
        kinds += [_solved_alike(reports), _halved(reports, ("short_description", "description", "close_notes"))]
    if base is not None:
        kinds += [_columns(base, left, right) for left, right in _ARTICLE_PAIRS]
        kinds += [_translations(base), _halved(base, _ARTICLE_TEXTS)]
    if reports is not None and base is not None:
        kinds += [_solved_by(reports, base)]
    thinned = _thinned([_balanced(kind) for kind in kinds], max_pairs, seed)
    return list(dict.fromkeys([*thinned, *glossary_pairs()]))


def halves(text: str) -> Pair | None:
    """Return the two halves of a text of some sentences, or None if it is too short to halve."""
    sentences = [part.strip() for part in _BREAK.split(text) if part.strip()]
    if len(sentences) < _MIN_SENTENCES:
        return None
    middle = len(sentences) // 2
    return "\n".join(sentences[:middle]), "\n".join(sentences[middle:])


def _columns(frame: pd.DataFrame, left: str, right: str) -> Iterator[Pair]:
    return zip(frame[left].tolist(), frame[right].tolist(), strict=True)


def _halved(frame: pd.DataFrame, fields: Sequence[str]) -> Iterator[Pair]:
    """Halve the texts that stand alone in their row, so that a history of one field teaches something too."""
    filled = frame[list(fields)].apply(lambda column: column.str.strip().ne(""))
    alone = filled.sum(axis=1) == 1
    for field in fields:
        for text in frame.loc[alone & filled[field], field]:
            pair = halves(text)
            if pair is not None:
                yield pair


def _translations(base: pd.DataFrame) -> Iterator[Pair]:
    translated = base.merge(base, left_on="translation_of", right_on="number", suffixes=("", "_original"))
    for field in _ARTICLE_TEXTS:
        yield from _columns(translated, field, f"{field}_original")


def _solved_by(reports: pd.DataFrame, base: pd.DataFrame) -> Iterator[Pair]:
    used = reports.merge(base, left_on="knowledge", right_on="number", suffixes=("", "_article"))
    for field in ("short_description", "description"):
        yield from _columns(used, field, "resolution")


def _solved_alike(reports: pd.DataFrame) -> Iterator[Pair]:
    """Pair each incident with the next one that the same article or problem solved."""
    for key in ("knowledge", "problem"):
        for _, texts in reports[reports[key] != ""].groupby(key, sort=False)["short_description"]:
            distinct = texts.drop_duplicates().tolist()
            yield from pairwise(distinct)


def _balanced(pairs: Iterable[Pair]) -> list[Pair]:
    """Drop pairs without words, repeats, and partners beyond the first few of one text."""
    lefts: Counter[str] = Counter()
    rights: Counter[str] = Counter()
    unique: dict[Pair, None] = {}
    for left, right in pairs:
        pair = (left.strip(), right.strip())
        if not all(pair) or pair[0] == pair[1] or pair in unique:
            continue
        if lefts[pair[0]] < _MAX_PARTNERS and rights[pair[1]] < _MAX_PARTNERS:
            unique[pair] = None
            lefts[pair[0]] += 1
            rights[pair[1]] += 1
    return list(unique)


def _thinned(kinds: list[list[Pair]], max_pairs: int, seed: int) -> Iterator[Pair]:
    """Fill the cap kind by kind from the smallest, so that a rare kind (translations) is kept whole."""
    rng = np.random.default_rng(seed)
    room = max_pairs
    for place, kind in enumerate(sorted(kinds, key=len)):
        share = room // (len(kinds) - place)
        chosen = kind if len(kind) <= share else [kind[i] for i in np.sort(rng.permutation(len(kind))[:share])]
        room -= len(chosen)
        yield from chosen
