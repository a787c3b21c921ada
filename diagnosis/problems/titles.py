"""Titles of problems: the incident's own words that say best what sets a problem apart from the others."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from diagnosis.redact import Redactor
from diagnosis.text import clean, tokenise

MOST_TEXTS = 200  # newest texts of a problem that are looked at
LONGEST = 80  # characters
FEWEST = 10  # short descriptions from which a form is seen
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?Z?)?[\s:.–—-]+")  # that monitoring begins a text with
_REPLY = re.compile(r"^(?:(?:re|fwd?|aw|wg|回复|答复|转发)\s*[:：]\s*)+", re.IGNORECASE)  # begins a subject
_NUMBERS = re.compile(r"\d+(?:[^\w\s]*\d+)*")


def titles_of(texts: Sequence[Sequence[str]], fallbacks: Sequence[str]) -> list[str]:
    """Return a title for each problem: the short description whose words are most its own, or a fallback.

    A word counts by how much more of the problem's texts than of all texts hold it (the pointwise part of the
    Kullback-Leibler divergence); the text with the highest mean over its words is the title, personal data masked.

    Parameters
    ----------
    texts : sequence of sequence of str
        Short descriptions of the incidents of each problem, the newest first.
    fallbacks : sequence of str
        Titles of those without words.
    """
    cleaned = [[clean(text) for text in of_problem[:MOST_TEXTS]] for of_problem in texts]
    tokens = [[frozenset(tokenise(text)) for text in of_problem] for of_problem in cleaned]
    overall = Counter(token for of_problem in tokens for words in of_problem for token in words)
    n_texts = sum(map(len, tokens))
    redactor = Redactor()
    return [
        redactor.redact(_most_telling(of_problem, words, overall, n_texts) or fallback)
        for of_problem, words, fallback in zip(cleaned, tokens, fallbacks, strict=True)
    ]


def without_form(titles: Sequence[str]) -> list[str]:
    """Return short descriptions, ``""`` for those of one form that differ in numbers alone and are most of all.

    Such as "Incident on 2019-07-22 16:02" for every incident: a form says nothing of a fault.
    """
    forms = [_NUMBERS.sub("0", title.strip()) for title in titles]
    counts = Counter(form for form, title in zip(forms, titles, strict=True) if form != title.strip())
    form, count = counts.most_common(1)[0] if counts else ("", 0)
    if 2 * count <= len(titles) or count < FEWEST:
        return list(titles)
    different = len({title for title, each in zip(titles, forms, strict=True) if each == form})
    if 2 * different <= count:  # it comes again with the same numbers: a code
        return list(titles)
    return ["" if each == form else title for title, each in zip(titles, forms, strict=True)]


def _most_telling(
    texts: Sequence[str], tokens: Sequence[frozenset[str]], overall: Mapping[str, int], n_texts: int
) -> str:
    counts = Counter(token for words in tokens for token in words)
    weight = {
        token: count / len(texts) * math.log(count / len(texts) * n_texts / overall[token])
        for token, count in counts.items()
    }
    # sorted: a sum of floats in an order of its own would not be the same everywhere
    scores = [sum(weight[token] for token in sorted(words)) / math.sqrt(len(words) + 1.0) for words in tokens]
    candidates = [place for place, words in enumerate(tokens) if words]
    if not candidates:
        return ""
    best = max(candidates, key=lambda place: (scores[place], -len(texts[place]), -place))
    line = " ".join(texts[best].split())
    line = _STAMP.sub("", line) or line
    line = _REPLY.sub("", line) or line
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"
