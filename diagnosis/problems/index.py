"""ProblemIndex: which problem an incident belongs to as it is logged."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.findings import HorizonRisk, RecurrenceRisk
from diagnosis.incident import IncidentBatch
from diagnosis.problems.chances import ReturnChances
from diagnosis.problems.fault_signature import problem_signature
from diagnosis.problems.finding import FAULTY, find_problems
from diagnosis.problems.joining import NONE, scopes_of, text_fault, texts_of
from diagnosis.problems.problem import Problem, ProblemReport
from diagnosis.recurrence.assessment import ProblemFault
from diagnosis.recurrence.signature import SEPARATOR, Signature
from diagnosis.text import clean, tokenise

NEAREST = 30  # days: the horizon whose chance is the base rate
FEWEST_SHARED = 0.3  # share of the words of an incident and a problem that they must have in common


@dataclass(frozen=True, slots=True)
class MatchedProblem:
    """A problem, and what its fault says of an incident that lacks fields.

    A dismissed one is not named to anybody; its fault comes back all the same.
    """

    id: str
    title: str
    fault: ProblemFault
    is_dismissed: bool = False


class ProblemIndex:
    """Places incidents among the problems of a report as the report itself was joined.

    Parameters
    ----------
    report : ProblemReport
        Found with ``texts``.
    """

    def __init__(self, report: ProblemReport) -> None:
        self._signature, self._joining = report.signature, report.joining
        self._problems = {problem.id: _matched(problem, report) for problem in report.problems}
        # Its incidents' words: a person may call it what no incident says.
        self._words = {name: Counter(tokenise(clean(title))) for name, title in report.own_titles.items()}
        by_key: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for key, code in zip(report.keys, self._joining.codes.tolist(), strict=True):
            if key and code >= 0:
                by_key[key][self._joining.faults[code].id] += 1
        self._by_key = {key: [name for name, _ in counts.most_common()] for key, counts in by_key.items()}

    def __len__(self) -> int:
        return len(self._problems)

    @classmethod
    def of_history(cls, frame: pd.DataFrame, signature: Signature | None) -> ProblemIndex | None:
        """Return the problems of a history as it stands; None for one that has none.

        Parameters
        ----------
        frame : DataFrame
            Canonical incident frame.
        signature : Signature or None
            What recurrence was learned by; by default what the incidents support.
        """
        if frame["opened_at"].isna().all():
            return None
        try:
            fields = problem_signature(frame, signature)
            return cls(find_problems(frame, fields, as_of=frame["opened_at"].max(), texts=True))
        except InputError:
            return None

    def match(self, incidents: IncidentBatch) -> list[MatchedProblem | None]:
        """Return the problem of each incident; None for one of none, for a request and for a complaint."""
        names = [""] * len(incidents)
        keys: pd.Series = self._signature.keys(incidents)
        texts = texts_of(incidents)
        lacking = []
        for row, key in enumerate(keys):
            if key and not self._joining.by_text:
                names[row] = self._by_signature(key, texts[row])
            else:
                lacking.append(row)
        if lacking:
            for row, name in zip(
                lacking, self._by_likeness(incidents.take(lacking), [texts[row] for row in lacking]), strict=True
            ):
                names[row] = name
        is_fault = [kind == FAULTY for kind in incidents.column("type")]
        return [self._problems.get(name) if fault else None for name, fault in zip(names, is_fault, strict=True)]

    def _by_signature(self, key: str, text: str) -> str:
        candidates = self._by_key.get(key, [])
        if len(candidates) < 2:
            return candidates[0] if candidates else ""
        # One signature with several faults: the one whose own words it shares most.
        words = Counter(tokenise(text))
        shares = [_shared(words, self._words.get(name, Counter())) for name in candidates]
        best = int(np.argmax(shares))
        return candidates[best] if shares[best] >= FEWEST_SHARED else ""

    def _by_likeness(self, incidents: IncidentBatch, texts: list[str]) -> list[str]:
        names = [""] * len(incidents)
        likeness, rows = self._joining.likeness, self._joining.likeness_rows
        if likeness is not None and rows is not None:
            places = likeness.nearest(incidents, texts)[0]
            names = ["" if place < 0 else self._shown(int(rows[place])) for place in places.tolist()]
        if self._joining.texts is None or all(names):
            return names
        scopes, values = scopes_of(incidents, self._joining.scopes)
        items = [SEPARATOR.join(pair) for pair in zip(scopes, values, strict=True)]
        first_texts = self._joining.texts.names(items, texts, learn=False)
        for row, (scope, value, text) in enumerate(zip(scopes, values, first_texts, strict=True)):
            if not names[row] and text:
                place = self._joining.text_rows.get(text_fault(scope, value, text).id)
                names[row] = "" if place is None else self._shown(place)
        return names

    def _shown(self, row: int) -> str:
        code = int(self._joining.codes[row])
        return "" if code == NONE else self._joining.faults[code].id


def _matched(problem: Problem, report: ProblemReport) -> MatchedProblem:
    chances = report.chances.get(problem.id)
    risk = None if chances is None else _risk(problem, chances)
    fault, is_dismissed = ProblemFault(problem.signature, risk), problem.id in report.lineage.dismissed
    return MatchedProblem(problem.id, problem.title, fault, is_dismissed)


def _risk(problem: Problem, chances: ReturnChances) -> RecurrenceRisk | None:
    if NEAREST not in chances.overall:
        return None
    horizons = tuple(HorizonRisk(days, round(chance, 4)) for days, chance in chances.chances.items())
    return RecurrenceRisk(problem.signature, horizons, round(chances.overall[NEAREST], 4))


def _shared(words: Counter[str], others: Counter[str]) -> float:
    union = sum((words | others).values())
    return sum((words & others).values()) / union if union else 0.0
