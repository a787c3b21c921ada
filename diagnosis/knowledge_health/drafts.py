"""Drafts: what an article for a gap could say, from its best resolved incidents, for a person to finish."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Bools
from diagnosis.incident import IncidentBatch
from diagnosis.knowledge import KnowledgeArticle
from diagnosis.knowledge_health.form import steps_of
from diagnosis.placeholders import is_placeholder
from diagnosis.recurrence.features import reads_like_workaround
from diagnosis.suggest.wording import canonical, says_nothing
from diagnosis.text import clean, language

_SYMPTOMS = 3
_LONGEST_SYMPTOM = 300  # characters
_CAUSE = re.compile(
    r"\b(?:cause[ds]?|because|due to|root cause|ursache)\b|原因|由于|因为|导致|因.{1,20}(?:引起|所致)",
    re.IGNORECASE,
)
_SEPARATORS = {"zh": "；"}


def draft_of(frame: pd.DataFrame, rows: npt.NDArray[np.intp], came_back: Bools, title: str) -> KnowledgeArticle | None:
    """Return a draft from the resolutions of a gap; None where none says anything.

    The resolution is the wording that held most often; those that came back, and workarounds, count only where there
    is nothing better.

    Parameters
    ----------
    frame : DataFrame, shape (n, ...)
        Canonical.
    rows : ndarray of int
        The incidents of the gap.
    came_back : ndarray of bool, shape (n,)
    """
    part = frame.iloc[rows]
    notes = [clean(text) for text in part["close_notes"]]
    titles, bodies = ([clean(text) for text in part[name]] for name in ("short_description", "description"))
    written_in = Counter(map(language, (f"{a}\n{b}" for a, b in zip(titles, bodies, strict=True)))).most_common(1)[0][0]
    workaround = reads_like_workaround(IncidentBatch.from_frame(part.reset_index(drop=True)))
    worth: dict[str, float] = {}
    example: dict[str, str] = {}
    for place, note in enumerate(notes):
        if says_nothing(note):
            continue
        wording = canonical(note)
        quality = 0.1 if came_back[rows[place]] else 1.0
        quality *= 0.3 if workaround[place] else 1.0
        quality *= 0.3 if language(note) != written_in else 1.0
        worth[wording] = worth.get(wording, 0.0) + quality
        if len(note) > len(example.get(wording, "")):
            example[wording] = note
    if not worth:
        return None
    best = example[max(worth, key=lambda wording: (worth[wording], len(example[wording]), wording))]
    steps = [step for step in steps_of(best) if not _CAUSE.search(step)] or list(steps_of(best))
    causes = [step for note in notes for step in steps_of(note) if _CAUSE.search(step) and not says_nothing(step)]
    return KnowledgeArticle(
        number="",
        title=title,
        symptoms=_SEPARATORS.get(written_in, "; ").join(_symptoms(titles, bodies)),
        cause=Counter(causes).most_common(1)[0][0] if causes else "",
        resolution="\n".join(f"{i}. {step}" for i, step in enumerate(steps, 1)),
        service=_most_common(part["service"].tolist()),
        audience="internal",
        language=written_in if written_in != "und" else "",
    )


def _symptoms(titles: list[str], bodies: list[str]) -> list[str]:
    """Return what different callers said, those whose words are said most often first."""
    texts = [title.strip() or body.strip() for title, body in zip(titles, bodies, strict=True)]
    counts = Counter(canonical(text) for text in texts if text)
    first = {canonical(text): " ".join(text.split())[:_LONGEST_SYMPTOM] for text in reversed(texts) if text}
    return [first[wording] for wording, _ in counts.most_common(_SYMPTOMS)]


def _most_common(values: list[str]) -> str:
    counts = Counter(value for value in values if not is_placeholder(value))
    return counts.most_common(1)[0][0] if counts else ""
