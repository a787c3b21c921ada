"""Suggester: what to try next, by how well it fits and by what happened each time it was tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.findings import IncidentEvidence, SimilarIncident, Suggestion
from diagnosis.knowledge import AUDIENCES
from diagnosis.suggest.outcomes import Record, SolutionOutcomes
from diagnosis.suggest.similar import Hit, Records, rows_of, similar_incidents
from diagnosis.suggest.uses import Floats, article_keys, wording_keys
from diagnosis.suggest.wording import canonical, content, same, says_nothing

EVIDENCE = 3  # past uses shown with a suggestion
# How far a solution that restores service faster moves up: ten times as fast, about a quarter. It decides between
# solutions that hold equally well.
_SPEED = 0.1


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


@dataclass
class _Solution:
    """Candidates that say the same, the most relevant first."""

    members: list[_Candidate] = field(default_factory=list)

    def takes(self, other: _Candidate) -> bool:
        """Return whether a candidate says what this solution says."""
        return any(
            other.id in member.relatives or member.id in other.relatives or same(member.content, other.content)
            for member in self.members
        )


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
    """

    def __init__(self, half_life_days: float = 365.0) -> None:
        self.half_life_days = half_life_days
        self.outcomes_ = SolutionOutcomes(half_life_days)

    def fit(
        self, incidents: pd.DataFrame, recurred_within_days: Floats | None = None, as_of: datetime | None = None
    ) -> Self:
        """Learn what happened after each solution was applied; see `SolutionOutcomes.fit`."""
        self.outcomes_ = SolutionOutcomes(self.half_life_days).fit(incidents, recurred_within_days, as_of)
        return self

    def record(self, suggestion: str, worked: bool, at: datetime | None = None) -> None:
        """Take an agent's word on a suggestion, by its id; the next ranking heeds it."""
        self.outcomes_.record(suggestion, worked, at)

    def suggest(
        self,
        knowledge_hits: Sequence[Hit],
        incident_hits: Sequence[Hit],
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
        knowledge_hits, incident_hits : sequence of Hit
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
            raise InputError(f"expected an audience of {', '.join(AUDIENCES)}; found {audience!r}")
        candidates = _from_articles(knowledge_hits, articles, audience, now)
        if audience == "internal":
            candidates += _from_incidents(incident_hits, incidents)
        ranked = [self._suggestion(solution, audience, language, now) for solution in _merged(candidates)]
        return sorted(ranked, key=lambda suggestion: -suggestion.score)[:k]

    def similar_incidents(self, hits: Sequence[Hit], incidents: Records, k: int = 5) -> list[SimilarIncident]:
        """Return the first ``k`` hits with their resolution and what became of them."""
        return similar_incidents(hits, incidents, self.outcomes_.recurred_, k)

    def save(self, folder: Path) -> None:
        """Write into an empty folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.outcomes_.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` has written."""
        outcomes = SolutionOutcomes.load(folder)
        suggester = cls(outcomes.half_life_days)
        suggester.outcomes_ = outcomes
        return suggester

    def _suggestion(self, solution: _Solution, audience: str, language: str, now: datetime) -> Suggestion:
        articles = [member for member in solution.members if member.is_article]
        articles.sort(key=lambda member: member.language != language)
        shown = articles[0] if articles else solution.members[0]
        keys = [
            *article_keys(member.number for member in articles),
            *wording_keys(canonical(member.resolution) for member in solution.members),
        ]
        known = self.outcomes_.of(keys, [member.id for member in solution.members], now)
        return Suggestion(
            id=shown.id,
            source="knowledge" if shown.is_article else "incident",
            number=shown.number,
            title=shown.title,
            resolution=shown.resolution,
            score=max(member.relevance for member in solution.members) * self._worth(known),
            evidence=_evidence(solution, known) if audience == "internal" else (),
        )

    def _worth(self, known: Record) -> float:
        """Return the probability to hold, a little more where service was restored faster than usual."""
        prior = self.outcomes_.prior_
        holds = prior.expected(known.held, known.failed)
        if known.hours is None or np.isnan(self.outcomes_.hours_):
            return holds
        uses = known.held + known.failed
        shrunk = uses / (uses + prior.precision) * np.log(known.hours / self.outcomes_.hours_)
        return holds * float(np.exp(-_SPEED * np.clip(shrunk, -2.3, 2.3)))


def _relevances(hits: Sequence[Hit]) -> list[float]:
    """Return relevances in [0, 1]: scores within the list, at the level of its most similar hit.

    Scores of two searches are on different scales, cosines are not; but within a list the score ranks better.
    """
    best = max((hit.score for hit in hits), default=0.0)
    level = max((hit.similarity for hit in hits), default=0.0)
    if best <= 0 or level <= 0:
        return [max(0.0, hit.similarity) for hit in hits]
    return [level * max(0.0, hit.score) / best for hit in hits]


def _found(hits: Sequence[Hit], frame: Records) -> list[tuple[Hit, float, Mapping[str, Any]]]:
    rows = rows_of(hits, frame)
    return [
        (hit, relevance, rows[hit.number])
        for hit, relevance in zip(hits, _relevances(hits), strict=True)
        if hit.number in rows
    ]


def _from_articles(hits: Sequence[Hit], articles: Records, audience: str, now: datetime) -> list[_Candidate]:
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
        for hit, relevance, row in _found(hits, articles)
        if (audience == "internal" or row["audience"] == audience)
        and not (pd.notna(row["valid_to"]) and row["valid_to"] < now)
        and not says_nothing(str(row["resolution"]))
    ]


def _from_incidents(hits: Sequence[Hit], incidents: Records) -> list[_Candidate]:
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
        for hit, relevance, row in _found(hits, incidents)
        if not says_nothing(str(row["close_notes"]))
    ]


def _merged(candidates: Iterable[_Candidate]) -> list[_Solution]:
    """Put candidates that say the same together, the most relevant first."""
    solutions: list[_Solution] = []
    for candidate in sorted(candidates, key=lambda c: -c.relevance):
        home = next((solution for solution in solutions if solution.takes(candidate)), None)
        if home is None:
            home = _Solution()
            solutions.append(home)
        home.members.append(candidate)
    return solutions


def _evidence(solution: _Solution, known: Record) -> tuple[IncidentEvidence, ...]:
    """Return the most telling uses: on the most similar incidents, then the latest, and a failure if there was one."""
    similarity = {member.number: member.similarity for member in solution.members if not member.is_article}
    uses = sorted(known.uses, key=lambda use: -similarity.get(use[0], -2.0))
    shown = uses[:EVIDENCE]
    failures = [use for use in uses if use[1] in ("reopened", "recurred")]
    if failures and failures[0] not in shown:
        shown = [*shown[:-1], failures[0]]
    return tuple(IncidentEvidence(number, similarity.get(number), outcome) for number, outcome in shown)
