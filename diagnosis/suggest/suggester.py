"""Suggester: what to try next, by how well it fits and by what happened each time it was tried."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Floats
from diagnosis.errors import InputError
from diagnosis.findings import SimilarIncident, Suggestion
from diagnosis.knowledge import AUDIENCES
from diagnosis.phrases import Phrase
from diagnosis.suggest.outcomes import SolutionOutcomes, SolutionRecord
from diagnosis.suggest.similar import RankedRecord, Records, rows_of, similar_incidents
from diagnosis.suggest.uses import article_keys, wording_keys
from diagnosis.suggest.wording import canonical, content, same, says_nothing
from diagnosis.text.tokens import HAN

EVIDENCE = 3  # past uses shown with a suggestion
# How far a solution that restores service faster moves up: ten times as fast, about a quarter. It decides between
# solutions that hold equally well.
_SPEED = 0.1
_TRANSLATIONS = "translations.json"
_HAN = re.compile(f"[{HAN}]")


@dataclass(frozen=True)
class _Candidate:
    """Something found that says what to do."""

    id: str
    number: str
    title: str
    resolution: str
    relevance: float
    similarity: float
    is_article: bool
    language: str
    relatives: frozenset[str]  # ids of candidates known to be the same: the article used, the article translated
    content: frozenset[str]
    translation: str = ""  # the wording that says the same in another language


_Solution = list[_Candidate]  # candidates that say the same, the most relevant first


class Suggester:
    """Turns what search found into suggestions, ranked by relevance and outcome.

    Parameters
    ----------
    half_life_days : float, default 365
        Age at which a past use counts half.

    Attributes
    ----------
    outcomes_ : SolutionOutcomes
        Before `fit`, every solution is an average one.
    translations_ : mapping of str to str
        Canonical wordings that say the same in two languages, in both directions (`training` finds them).
    """

    def __init__(self, half_life_days: float = 365.0) -> None:
        self.half_life_days = half_life_days
        self.outcomes_ = SolutionOutcomes(half_life_days)
        self.translations_: Mapping[str, str] = {}

    def fit(
        self, incidents: pd.DataFrame, recurred_within_days: Floats | None = None, as_of: datetime | None = None
    ) -> Self:
        """Learn what happened after each solution was applied; see `SolutionOutcomes.fit`."""
        self.outcomes_ = SolutionOutcomes(self.half_life_days).fit(incidents, recurred_within_days, as_of)
        return self

    def record(self, suggestion: str, worked: bool, at: datetime | None = None, feedback_id: str = "") -> None:
        """Take an agent's feedback on a suggestion, by its id; one ``feedback_id`` counts once."""
        self.outcomes_.record(suggestion, worked, at, feedback_id)

    def take_back(self, suggestion: str, feedback_id: str) -> None:
        """Forget an agent's feedback on a suggestion."""
        self.outcomes_.take_back(suggestion, feedback_id)

    def suggest(
        self,
        knowledge_hits: Sequence[RankedRecord],
        incident_hits: Sequence[RankedRecord],
        articles: Records,
        incidents: Records,
        *,
        audience: str = "internal",
        language: str = "",
        now: datetime,
        k: int = 5,
    ) -> list[Suggestion]:
        """Return at most ``k`` solutions, best first.

        Parameters
        ----------
        knowledge_hits, incident_hits : sequence of RankedRecord
            Best first. One whose number is in neither frame is passed over.
        articles, incidents : DataFrame or mapping of str to mapping
            Canonical rows, of the hits at least; a mapping has them by number.
        audience : {"internal", "self_service"}
            A self-service user sees articles written for self-service, and nothing of past incidents.
        language : str, optional
            Of an article and its translations, the one in this language is shown.
        now : datetime
            With a time zone; articles valid to before it are left out, and the age of past uses is counted from it.
        k : int, default 5

        Raises
        ------
        InputError
            If the audience is not known.
        """
        if audience not in AUDIENCES:
            raise InputError(Phrase("audience_unknown", {"choices": tuple(AUDIENCES), "value": audience}))
        candidates = _from_articles(knowledge_hits, articles, audience, now)
        if audience == "internal":
            candidates += _from_incidents(incident_hits, incidents)
        translations = (self.translations_.get(canonical(c.resolution), "") for c in candidates)
        solutions = _merged(
            replace(c, translation=wording) for c, wording in zip(candidates, translations, strict=True)
        )
        records = self.outcomes_.of(_lookups(solutions), now)
        scores = [s[0].relevance * self._worth(record) for s, record in zip(solutions, records, strict=True)]
        views = [_member_for(solution, language) for solution in solutions]
        best = _first_of_equals(views, sorted(range(len(solutions)), key=lambda place: -scores[place]))[:k]
        return [self._suggestion(views[i], solutions[i], scores[i], records[i], audience) for i in best]

    def similar_incidents(self, hits: Sequence[RankedRecord], incidents: Records, k: int = 5) -> list[SimilarIncident]:
        """Return the first ``k`` hits with their resolution and what became of them."""
        return similar_incidents(hits, incidents, self.outcomes_.recurred_, k)

    def save(self, folder: Path) -> None:
        """Write into an empty folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.outcomes_.save(folder)
        (folder / _TRANSLATIONS).write_text(json.dumps(sorted(self.translations_.items())), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` has written."""
        outcomes = SolutionOutcomes.load(folder)
        suggester = cls(outcomes.half_life_days)
        suggester.outcomes_ = outcomes
        if (folder / _TRANSLATIONS).exists():  # releases of before have none
            suggester.translations_ = dict(json.loads((folder / _TRANSLATIONS).read_text(encoding="utf-8")))
        return suggester

    def _suggestion(
        self, preferred: _Candidate, solution: _Solution, score: float, record: SolutionRecord, audience: str
    ) -> Suggestion:
        similarity = {member.number: member.similarity for member in solution if not member.is_article}
        return Suggestion(
            id=preferred.id,
            source="knowledge" if preferred.is_article else "incident",
            number=preferred.number,
            title=preferred.title,
            resolution=preferred.resolution,
            score=score,
            evidence=self.outcomes_.evidence(record, similarity, EVIDENCE) if audience == "internal" else (),
            uses=record.counts if audience == "internal" else None,
        )

    def _worth(self, record: SolutionRecord) -> float:
        """Return the probability to hold, a little more where a fix restored service faster than usual.

        A workaround is quick by its nature: that it is moves it up over no fix.
        """
        prior = record.prior
        holds = prior.expected(record.successes, record.failures)
        if record.hours is None or np.isnan(self.outcomes_.hours_):
            return holds
        uses = record.successes + record.failures
        shrunk = uses / (uses + prior.precision) * np.log(record.hours / self.outcomes_.hours_)
        slower = np.clip(shrunk, 0.0 if record.is_workaround else -2.3, 2.3)
        return holds * float(np.exp(-_SPEED * slower))


def _relevances(hits: Sequence[RankedRecord]) -> list[float]:
    """Return relevances in [0, 1]: scores within the list, at the level of its most similar hit.

    Scores of two searches are on different scales, cosines are not; but within a list the score ranks better.
    """
    best = max((hit.score for hit in hits), default=0.0)
    level = max((hit.similarity for hit in hits), default=0.0)
    if best <= 0 or level <= 0:
        return [max(0.0, hit.similarity) for hit in hits]
    return [level * max(0.0, hit.score) / best for hit in hits]


def _rows_of_hits(hits: Sequence[RankedRecord], frame: Records) -> list[tuple[RankedRecord, float, Mapping[str, Any]]]:
    rows = rows_of(hits, frame)
    return [
        (hit, relevance, rows[hit.number])
        for hit, relevance in zip(hits, _relevances(hits), strict=True)
        if hit.number in rows
    ]


def _from_articles(hits: Sequence[RankedRecord], articles: Records, audience: str, now: datetime) -> list[_Candidate]:
    return [
        _Candidate(
            id=f"knowledge:{hit.number}",
            number=hit.number,
            title=str(row["title"]),
            resolution=str(row["resolution"]),
            relevance=relevance,
            similarity=hit.similarity,
            is_article=True,
            language=str(row["language"]),
            relatives=frozenset({f"knowledge:{row['translation_of']}"}) if row["translation_of"] else frozenset(),
            content=content(str(row["resolution"])),
        )
        for hit, relevance, row in _rows_of_hits(hits, articles)
        if (audience == "internal" or row["audience"] == audience)
        and not (pd.notna(row["valid_to"]) and row["valid_to"] < now)
        and not says_nothing(str(row["resolution"]))
    ]


def _from_incidents(hits: Sequence[RankedRecord], incidents: Records) -> list[_Candidate]:
    return [
        _Candidate(
            id=f"incident:{hit.number}",
            number=hit.number,
            title=str(row["short_description"]),
            resolution=str(row["close_notes"]),
            relevance=relevance,
            similarity=hit.similarity,
            is_article=False,
            language="",
            relatives=frozenset({f"knowledge:{row['knowledge']}"}) if row["knowledge"] else frozenset(),
            content=content(str(row["close_notes"])),
        )
        for hit, relevance, row in _rows_of_hits(hits, incidents)
        if not says_nothing(str(row["close_notes"]))
    ]


def _merged(candidates: Iterable[_Candidate]) -> list[_Solution]:
    """Put candidates that say the same, in one language or two, together, the most relevant first."""
    ordered = sorted(candidates, key=lambda c: -c.relevance)
    alike = _alike(ordered)
    earlier: list[list[int]] = [[] for _ in ordered]
    for place, earlier_place in np.argwhere(np.tril(alike, -1)).tolist():
        earlier[place].append(earlier_place)
    solutions: list[_Solution] = []
    home: list[int] = []
    for candidate, alike_before in zip(ordered, earlier, strict=True):
        articles = [place for place in alike_before if ordered[place].is_article] if candidate.is_article else []
        home.append(min((home[place] for place in articles or alike_before), default=len(solutions)))
        if home[-1] == len(solutions):
            solutions.append([])
        solutions[home[-1]].append(candidate)
    return solutions


def _alike(candidates: Sequence[_Candidate]) -> npt.NDArray[np.bool_]:
    """Return which candidates say the same: by their words, by those of a translation, or as one names the other."""
    n, rows = len(candidates), [row for row, candidate in enumerate(candidates) if candidate.translation]
    contents = [candidate.content for candidate in candidates]
    by_words = same([*contents, *(frozenset(candidates[row].translation.split()) for row in rows)])
    alike = by_words[:n, :n]
    for place, row in enumerate(rows, start=n):
        alike[row] |= by_words[place, :n]
        alike[:, row] |= by_words[:n, place]
    places = {candidate.id: place for place, candidate in enumerate(candidates)}
    for place, candidate in enumerate(candidates):
        for relative in [places[name] for name in candidate.relatives if name in places]:
            alike[place, relative] = alike[relative, place] = True
    return alike


def _member_for(solution: _Solution, reader: str) -> _Candidate:
    """Return what is shown of a solution: an article if there is one, and in the reader's language if there is such."""
    articles = [member for member in solution if member.is_article]
    if articles:
        return min(articles, key=lambda member: member.language != reader)
    return min(solution, key=lambda member: (reader == "zh") != bool(_HAN.search(member.resolution)))


def _first_of_equals(candidates: Sequence[_Candidate], order: Iterable[int]) -> list[int]:
    """Return the places of candidates in order, without what says the same as one before it."""
    alike = same([candidate.content for candidate in candidates])
    places: list[int] = []
    for place in order:
        if not alike[place, places].any():
            places.append(place)
    return places


def _lookups(solutions: Sequence[_Solution]) -> list[tuple[list[int], list[str]]]:
    """Return the keys and ids by which the uses of each solution are known."""
    members = [member for solution in solutions for member in solution]
    articles = iter(article_keys(member.number for member in members if member.is_article).tolist())
    texts = [
        [*(canonical(m.resolution) for m in solution), *(m.translation for m in solution if m.translation)]
        for solution in solutions
    ]
    wordings = iter(wording_keys(chain.from_iterable(texts)).tolist())
    return [
        (
            [*(next(articles) for member in solution if member.is_article), *islice(wordings, len(of_one))],
            [m.id for m in solution],
        )
        for solution, of_one in zip(solutions, texts, strict=True)
    ]
