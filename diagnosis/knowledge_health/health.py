"""KnowledgeHealth: everything that is wrong with a knowledge base, with evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Bools, Floats
from diagnosis.errors import InputError
from diagnosis.knowledge import ended_articles
from diagnosis.knowledge_health.drafts import draft_of
from diagnosis.knowledge_health.form import FormFault, families_of, form_faults, untranslated
from diagnosis.knowledge_health.gaps import Gap, find_gaps
from diagnosis.knowledge_health.pairs import Pair, pairs_of
from diagnosis.knowledge_health.staleness import HOLDS_FOR, ArticleUses, StaleArticle, stale_articles
from diagnosis.recurrence import default_signature
from diagnosis.recurrence.outcomes import censored_outcomes
from diagnosis.search import Filters, Retriever
from diagnosis.search.coverage import GUESS, adjusted
from diagnosis.text import language
from diagnosis.times import as_utc, days_of, format_utc

DRAFTS = 10  # of the gaps that cost most
_BATCH = 256
_NO_ANSWER = ("complaint",)  # types that an article does not answer


@dataclass(frozen=True)
class SearchedIncidents:
    """What search says of some incidents, one entry each.

    Attributes
    ----------
    covered : ndarray of float, shape (n,)
        Probability that an article answers; NaN where nothing calibrated it, or it was not asked for.
    nearest : list of str
        The best article, ``""`` if nothing was found.
    vectors : ndarray of float32, shape (n, d)
    """

    covered: Floats
    nearest: list[str]
    vectors: npt.NDArray[np.float32]

    @property
    def judged(self) -> Bools:
        """Which of them search was asked for, and can say how likely an article answers."""
        return np.isfinite(self.covered)

    @property
    def likely(self) -> Bools:
        """Which of them an article is likely to answer."""
        return np.nan_to_num(self.covered, nan=0.0) >= GUESS

    @property
    def answers(self) -> list[str]:
        """The article that is likely to answer each, ``""`` where none is."""
        return [name if is_likely else "" for name, is_likely in zip(self.nearest, self.likely, strict=True)]

    def take(self, rows: npt.NDArray[np.integer]) -> SearchedIncidents:
        """Return the given ones, in the given order."""
        return SearchedIncidents(self.covered[rows], [self.nearest[row] for row in rows.tolist()], self.vectors[rows])

    def spread(self, rows: npt.NDArray[np.integer], n: int) -> SearchedIncidents:
        """Return them as the given rows of ``n`` incidents; of the others nothing is known."""
        covered, nearest = np.full(n, np.nan), [""] * n
        vectors = np.zeros((n, self.vectors.shape[1]), dtype=np.float32)
        covered[rows], vectors[rows] = self.covered, self.vectors
        for row, number in zip(rows.tolist(), self.nearest, strict=True):
            nearest[row] = number
        return SearchedIncidents(covered, nearest, vectors)

    @classmethod
    def of(
        cls,
        retriever: Retriever,
        texts: Sequence[str],
        filters: Filters | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> SearchedIncidents:
        """Ask for an article to each text; ``progress`` is called with the number of texts that are done."""
        covered: list[float] = []
        nearest: list[str] = []
        vectors = [np.zeros((0, retriever.encoder.dimensions), dtype=np.float32)]
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            vectors.append(retriever.encoder.encode(batch))
            for answer in retriever.answers(batch, "knowledge", 1, filters, vectors[-1], passages=False):
                covered.append(np.nan if answer.covered is None else answer.covered)
                nearest.append(answer.hits[0].number if answer.hits else "")
            if progress is not None:
                progress(len(batch))
        probabilities = np.array(covered, dtype=np.float64)
        if len(probabilities) and np.isfinite(probabilities).all():
            probabilities = adjusted(probabilities)
        return cls(probabilities, nearest, np.concatenate(vectors))


@dataclass(frozen=True)
class KnowledgeHealth:
    """The state of a knowledge base at a moment.

    Attributes
    ----------
    articles, incidents : int
        That were looked at.
    answered : float or None
        Share of the incidents that an article answers: those closed with one that is here, and of the others the
        probability; None where nothing calibrated it.
    gaps : tuple of Gap
        Those that cost the most hours first.
    duplicates, contradictions : tuple of (str, str)
    untranslated : tuple of str
        Those asked for most in the language that lacks them first.
    """

    as_of: pd.Timestamp
    articles: int
    incidents: int
    answered: float | None
    gaps: tuple[Gap, ...]
    stale: tuple[StaleArticle, ...]
    duplicates: tuple[Pair, ...]
    contradictions: tuple[Pair, ...]
    form: tuple[FormFault, ...]
    untranslated: tuple[str, ...]

    def to_dict(self, reader: str = "en") -> dict[str, Any]:
        """Return the report as plain JSON values, its sentences in the reader's language."""
        return {
            "as_of": format_utc(self.as_of),
            "articles": self.articles,
            "incidents": self.incidents,
            "answered": self.answered,
            "gaps": [_gap(gap) for gap in self.gaps],
            "stale": [_stale(article, reader) for article in self.stale],
            "duplicates": [list(pair) for pair in self.duplicates],
            "contradictions": [list(pair) for pair in self.contradictions],
            "form": [{"number": fault.number, "lacks": list(fault.lacks)} for fault in self.form],
            "untranslated": list(self.untranslated),
        }


def assess_knowledge(
    incidents: pd.DataFrame,
    articles: pd.DataFrame,
    texts: Sequence[str],
    searched: SearchedIncidents,
    retriever: Retriever,
    *,
    as_of: pd.Timestamp,
    now: pd.Timestamp | None = None,
    problems: Mapping[str, str] | None = None,
) -> KnowledgeHealth:
    """Judge a knowledge base by the incidents that it should answer.

    Parameters
    ----------
    incidents, articles : DataFrame
        Canonical, masked.
    texts : sequence of str
        Cleaned, one for each incident.
    searched : SearchedIncidents
    retriever : Retriever
        Whose encoder compares articles.
    as_of : Timestamp
        As which the incidents are known.
    now : Timestamp, optional
        When it is looked at, by which articles are valid or not: what ended is neither a duplicate nor badly formed.
        Default: ``as_of``.
    problems : mapping of str to str, optional
        Number of an incident to the problem that it belongs to.
    """
    moment, today = as_utc(as_of), as_utc(as_of if now is None else now)
    # In order of time, undated ones first, so that groups of incidents do not depend on the order of a file.
    order = incidents["opened_at"].argsort(kind="stable").to_numpy() if len(incidents) else np.zeros(0, dtype=np.intp)
    frame, searched = incidents.iloc[order].reset_index(drop=True), searched.take(order)
    words = [texts[row] for row in order.tolist()]
    came_back, failed = _returns(frame, moment)
    linked = frame["knowledge"].isin(set(articles["number"])).to_numpy()
    is_question = ~frame["type"].isin(_NO_ANSWER).to_numpy()
    has_words = np.array([bool(text.strip()) for text in words], dtype=bool)
    unanswered = np.flatnonzero(searched.judged & ~searched.likely & ~linked & is_question & has_words)
    gaps = find_gaps(frame, unanswered, searched.covered, searched.nearest, searched.vectors, problems or {}, moment)
    share = np.where(linked, 1.0, searched.covered)[is_question & searched.judged]
    valid = articles[~ended_articles(articles, today)[0]].reset_index(drop=True)
    duplicates, contradictions = pairs_of(valid, *_article_vectors(valid, retriever))
    return KnowledgeHealth(
        as_of=moment,
        articles=len(articles),
        incidents=len(frame),
        answered=round(float(share.mean()), 3) if len(share) else None,
        gaps=tuple(
            replace(gap, draft=draft_of(frame, rows, came_back, gap.title)) if place < DRAFTS else gap
            for place, (gap, rows) in enumerate(gaps)
        ),
        stale=tuple(stale_articles(articles, _uses(frame, searched.answers, failed, moment), today)),
        duplicates=tuple(duplicates),
        contradictions=tuple(contradictions),
        form=tuple(form_faults(valid)),
        untranslated=tuple(untranslated(articles, _demand(articles, searched.answers, words), today)),
    )


def _uses(frame: pd.DataFrame, answers: list[str], failed: Floats, moment: pd.Timestamp) -> ArticleUses:
    return ArticleUses(
        frame["number"].tolist(),
        frame["knowledge"].tolist(),
        frame["cmdb_ci"].tolist(),
        answers,
        days_of(frame["opened_at"]),
        failed,
        float(days_of(pd.Series([moment]))[0]),
    )


def _returns(frame: pd.DataFrame, moment: pd.Timestamp) -> tuple[Bools, Floats]:
    """Return which incidents came back, and of those that were watched for thirty days 1 if they did and 0 if not.

    NaN for the others, even where one has come back already: a return is seen at once, that it held only after thirty
    days, so that the newest would seem to fail more often than they do.
    """
    if frame.empty or frame["opened_at"].isna().all():
        return np.zeros(len(frame), dtype=bool), np.full(len(frame), np.nan)
    try:
        keys = default_signature(frame).keys(frame)
    except InputError:
        keys = pd.Series("", index=frame.index)
    outcome = censored_outcomes(frame, keys, moment, "resolved")
    reopened = (frame["reopen_count"].fillna(0).to_numpy(dtype=float) > 0) | frame["reopened_at"].notna().to_numpy()
    came_back = (outcome.recurred & (outcome.duration <= HOLDS_FOR)) | reopened
    return came_back, np.where(outcome.observed >= HOLDS_FOR, came_back, np.nan)


def _article_vectors(
    articles: pd.DataFrame, retriever: Retriever
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    questions = (articles["title"] + "\n" + articles["symptoms"]).tolist()
    wholes = [
        "\n".join([question, cause, resolution])
        for question, cause, resolution in zip(questions, articles["cause"], articles["resolution"], strict=True)
    ]
    return retriever.encoder.encode(wholes), retriever.encoder.encode(questions)


def _demand(articles: pd.DataFrame, answers: Sequence[str], texts: Sequence[str]) -> Counter[tuple[str, str]]:
    """Return how many incidents in a language each article answers, counted for all of its translations."""
    family_of = dict(zip(articles["number"], families_of(articles), strict=True))
    members: dict[str, list[str]] = {}
    for number, family in family_of.items():
        members.setdefault(family, []).append(number)
    demand: Counter[tuple[str, str]] = Counter()
    for number, text in zip(answers, texts, strict=True):
        if number in family_of:
            written_in = language(text)
            demand.update((member, written_in) for member in members[family_of[number]])
    return demand


def _gap(gap: Gap) -> dict[str, Any]:
    values = asdict(gap)
    if gap.draft is not None:
        values["draft"] = {name: value for name, value in asdict(gap.draft).items() if value not in ("", None)}
    return values | {"numbers": list(gap.numbers)}


def _stale(article: StaleArticle, reader: str) -> dict[str, Any]:
    return {
        "number": article.number,
        "why": article.why(reader),
        "reasons": [phrase.to_dict() for phrase in article.reasons],
        "numbers": list(article.numbers),
    }
