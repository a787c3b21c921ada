"""Predictions: what a release answers to incidents whose outcome is known, beside the truth, one entry an incident.

A held-out slice is answered once. Scorecard, report, gate, comparison and replay all read these arrays, so they need
no model and agree with each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diagnosis.arrays import Bools, Floats, Labels, Rows
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.prepared import PreparedIncidents
from diagnosis.recurrence import Signature
from diagnosis.recurrence.outcomes import CensoredOutcomes, Origin, censored_outcomes, cohort
from diagnosis.routing import Router
from diagnosis.routing.labels import known_spelling
from diagnosis.routing.scores import ranks_of
from diagnosis.text import language
from diagnosis.times import as_utc

SEARCH_DEPTH = 10  # places of a search result that count
_BATCH = 512  # incidents that are routed together, so that memory does not grow with their number
_ARRAYS, _DESCRIPTION = "predictions.parquet", "predictions.json"


@dataclass(frozen=True)
class TargetPredictions:
    """Predictions of one target.

    Attributes
    ----------
    precision : float
        What is promised for automatic answers.
    n_classes : int
        Classes that the fit knew.
    answered : ndarray of bool, shape (n,)
        Where there is a prediction; elsewhere the other arrays hold ``""`` and NaN.
    truth : ndarray of str, shape (n,)
        ``""`` where it is unknown.
    value : ndarray of str, shape (n,)
        The most probable class.
    probability : ndarray of float, shape (n,)
        Of ``value``.
    rank : ndarray of float, shape (n,)
        Place of the truth among the classes, from 1; NaN if it is none of them.
    decision : ndarray of str, shape (n,)
        The class or the parent that is automatic; ``""`` where a person decides.
    decision_correct : ndarray of bool, shape (n,)
    """

    target: str
    precision: float
    n_classes: int
    answered: Bools
    truth: Labels
    value: Labels
    probability: Floats
    rank: Floats
    decision: Labels
    decision_correct: Bools

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def correct(self) -> Bools:
        """Where the most probable class is the true one, shape (n,)."""
        return np.asarray(self.truth == self.value, dtype=bool)

    @property
    def automatic(self) -> Bools:
        """Where no person decides, shape (n,)."""
        return np.asarray(self.decision != "", dtype=bool)

    @property
    def labelled(self) -> Bools:
        """Where there is both a prediction and a truth, shape (n,)."""
        return np.asarray(self.answered & (self.truth != ""), dtype=bool)

    def take(self, rows: Rows | Bools) -> TargetPredictions:
        """Return some incidents."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _TARGET_ARRAYS})


@dataclass(frozen=True)
class RecurrencePredictions:
    """Predicted risks of recurrence.

    Attributes
    ----------
    signature : tuple of str
        The fields that together mean the same fault.
    origin : {"opened", "resolved"}
        Where the time starts.
    horizons : tuple of int
        Days.
    risk : ndarray of float, shape (n, n_horizons)
        Probability of recurring within each horizon; NaN where there is none.
    """

    signature: tuple[str, ...]
    origin: Origin
    horizons: tuple[int, ...]
    risk: Floats

    def within(self, days: int) -> Floats:
        """Return the risk at one horizon, shape (n,)."""
        return np.asarray(self.risk[:, self.horizons.index(days)], dtype=np.float64)


@dataclass(frozen=True)
class ClockPredictions:
    """Predicted risks that a clock is missed, as each incident was logged.

    Attributes
    ----------
    probability : ndarray of float, shape (n,)
        NaN where nothing is promised, or no risk is known.
    """

    probability: Floats


@dataclass(frozen=True)
class SearchPredictions:
    """Where search found the article that solved an incident.

    Attributes
    ----------
    article : ndarray of str, shape (n,)
        Its number; ``""`` if none is named or the release does not hold it.
    rank : ndarray of float, shape (n,)
        Its place among the first `SEARCH_DEPTH` hits, from 1; NaN if it is not among them.
    """

    article: Labels
    rank: Floats

    @property
    def labelled(self) -> Bools:
        """Incidents whose article is known, shape (n,)."""
        return np.asarray(self.article != "", dtype=bool)


@dataclass(frozen=True)
class Predictions:
    """What a release answers to a batch of incidents.

    Attributes
    ----------
    number, language : ndarray of str, shape (n,)
    targets : mapping of str to TargetPredictions
    recurrence : RecurrencePredictions or None
        None without a model of recurrence.
    search : SearchPredictions
    clocks : mapping of str to ClockPredictions
        ``response`` and ``restoration``, as far as there is a model of them.
    """

    number: Labels
    language: Labels
    targets: Mapping[str, TargetPredictions]
    recurrence: RecurrencePredictions | None
    search: SearchPredictions
    clocks: Mapping[str, ClockPredictions] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: Rows | Bools) -> Predictions:
        """Return some incidents."""
        risks = self.recurrence
        return Predictions(
            self.number[rows],
            self.language[rows],
            {name: target.take(rows) for name, target in self.targets.items()},
            None if risks is None else replace(risks, risk=risks.risk[rows]),
            SearchPredictions(self.search.article[rows], self.search.rank[rows]),
            {name: ClockPredictions(clock.probability[rows]) for name, clock in self.clocks.items()},
        )

    def select(self, numbers: Sequence[str] | Labels) -> Predictions:
        """Return the incidents of the given numbers, each once, in the given order.

        Raises
        ------
        InputError
            If one is missing.
        """
        rows = pd.Index(self.number).get_indexer(pd.Index(numbers))
        if (rows < 0).any():
            raise InputError(Phrase("prediction_missing", {"number": np.asarray(numbers, dtype=object)[rows < 0][0]}))
        return self.take(rows)

    def to_frame(self) -> pd.DataFrame:
        """Return one row an incident; columns are named ``target.array``, ``search.array`` and ``recurrence.days``."""
        columns: dict[str, Any] = {"number": self.number, "language": self.language}
        for name, target in self.targets.items():
            columns |= {f"{name}.{array}": getattr(target, array) for array in _TARGET_ARRAYS}
        columns |= {"search.article": self.search.article, "search.rank": self.search.rank}
        if self.recurrence is not None:
            columns |= {f"recurrence.{days}": self.recurrence.within(days) for days in self.recurrence.horizons}
        columns |= {f"clock.{name}": clock.probability for name, clock in self.clocks.items()}
        return pd.DataFrame(columns)

    def save(self, folder: Path) -> None:
        """Write into a folder, as Parquet and JSON."""
        self.to_frame().to_parquet(folder / _ARRAYS, index=False)
        risks = self.recurrence
        description = {
            "targets": {
                name: {"precision": target.precision, "n_classes": target.n_classes}
                for name, target in self.targets.items()
            },
            "recurrence": None
            if risks is None
            else {"signature": risks.signature, "origin": risks.origin, "horizons": risks.horizons},
            "clocks": list(self.clocks),
        }
        (folder / _DESCRIPTION).write_text(json.dumps(description, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Predictions:
        """Read what `save` wrote."""
        frame = pd.read_parquet(folder / _ARRAYS)
        description = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))

        def array(name: str) -> Any:  # noqa: ANN401 - an array of the type of its column
            column = frame[name]
            return column.to_numpy(dtype=object if pd.api.types.is_string_dtype(column) else None)

        targets = {
            name: TargetPredictions(name, **scalars, **{a: array(f"{name}.{a}") for a in _TARGET_ARRAYS})
            for name, scalars in description["targets"].items()
        }
        risks = description["recurrence"]
        if risks is not None:
            days = risks["horizons"]
            risk = np.column_stack([array(f"recurrence.{horizon}") for horizon in days])
            risks = RecurrencePredictions(tuple(risks["signature"]), risks["origin"], tuple(days), risk)
        search = SearchPredictions(array("search.article"), array("search.rank"))
        # Releases from before clocks were judged name none.
        clocks = {name: ClockPredictions(array(f"clock.{name}")) for name in description.get("clocks", [])}
        return cls(array("number"), array("language"), targets, risks, search, clocks)


_TARGET_ARRAYS = ("answered", "truth", "value", "probability", "rank", "decision", "decision_correct")


def predict(diagnoser: Diagnoser, incidents: pd.DataFrame, as_of: pd.Timestamp) -> Predictions:
    """Return what a release answers to incidents that it has not seen, beside the truth.

    Parameters
    ----------
    diagnoser : Diagnoser
        Its history must not hold these incidents.
    incidents : DataFrame
        Canonical frame with the later fields known.
    as_of : Timestamp
        Up to when their outcomes are known.

    Raises
    ------
    InputError
        If there is no incident.
    """
    if incidents.empty:
        raise InputError(Phrase("measured_on_nothing"))
    incidents = incidents.reset_index(drop=True)
    prepared = diagnoser.prepare(incidents)
    return Predictions(
        number=incidents["number"].to_numpy(dtype=object),
        language=np.array([language(text) for text in prepared.text], dtype=object),
        targets={
            target: predict_target(router, prepared, incidents[target])
            for target, router in diagnoser.parts.routers.items()
            if target in incidents
        },
        recurrence=_predict_recurrence(diagnoser, prepared, incidents, as_of),
        search=_predict_search(diagnoser, prepared, incidents["knowledge"]),
        clocks=_predict_clocks(diagnoser, prepared),
    )


def join_predictions(parts: Sequence[Predictions]) -> Predictions:
    """Return several batches of predictions as one; a target or risk that one batch lacks is unanswered there.

    Parameters
    ----------
    parts : sequence of Predictions
        At least one; of models that mean the same by recurrence.
    """
    if len(parts) == 1:
        return parts[0]
    names = dict.fromkeys(name for part in parts for name in part.targets)
    return Predictions(
        np.concatenate([part.number for part in parts]),
        np.concatenate([part.language for part in parts]),
        {name: _join_target(name, parts) for name in names},
        _join_recurrence(parts),
        SearchPredictions(
            np.concatenate([part.search.article for part in parts]),
            np.concatenate([part.search.rank for part in parts]),
        ),
        {name: _join_clock(name, parts) for name in dict.fromkeys(name for part in parts for name in part.clocks)},
    )


def _join_clock(name: str, parts: Sequence[Predictions]) -> ClockPredictions:
    unknown = [np.full(len(part), np.nan) for part in parts]
    known = [
        part.clocks[name].probability if name in part.clocks else nan for part, nan in zip(parts, unknown, strict=True)
    ]
    return ClockPredictions(np.concatenate(known))


def recurrence_outcomes(
    predictions: Predictions, incidents: pd.DataFrame, as_of: pd.Timestamp
) -> tuple[Rows, CensoredOutcomes] | None:
    """Return which incidents can recur and have a predicted risk, and what became of them up to ``as_of``.

    Parameters
    ----------
    incidents : DataFrame
        Canonical frame, row by row that of the predictions.

    Returns
    -------
    (ndarray of int, CensoredOutcomes) or None
        Rows in order of opening, and their outcomes; None without a risk or without dates.
    """
    risks = predictions.recurrence
    if risks is None or pd.isna(as_of):
        return None
    try:
        dated = cohort(incidents, as_utc(as_of))
    except InputError:
        return None
    keys = Signature(risks.signature).keys(dated.frame)
    observed = censored_outcomes(dated.frame, keys, as_utc(as_of), risks.origin)
    usable = (keys != "").to_numpy() & np.isfinite(observed.observed)
    rows = np.asarray(dated.rows, dtype=np.intp)
    usable &= np.isfinite(risks.risk[rows]).all(axis=1)
    return rows[usable], observed.take(usable)


def _predict_clocks(diagnoser: Diagnoser, prepared: PreparedIncidents) -> dict[str, ClockPredictions]:
    """Return how likely each clock is missed, each incident seeing those that were logged before it."""
    model = diagnoser.parts.service_levels
    if model is None:
        return {}
    risks = model.assess(prepared.reported, prepared.vectors)
    clocks = {}
    for name in model.waits_:
        of_clock = [None if risk is None else getattr(risk, name) for risk in risks]
        chances = [None if clock is None else clock.probability_missed for clock in of_clock]
        probability = np.array([np.nan if chance is None else chance for chance in chances], dtype=np.float64)
        clocks[str(name)] = ClockPredictions(probability)
    return clocks


def predict_target(router: Router, prepared: PreparedIncidents, labels: pd.Series) -> TargetPredictions:
    """Return the predictions of one target for prepared incidents, beside their labels."""
    truth = known_spelling(labels.astype("str").fillna(""), router.classes_.tolist()).astype(object)
    batches = [np.arange(start, min(start + _BATCH, len(truth))) for start in range(0, len(truth), _BATCH)]
    parts = [_route(router, prepared.take(rows), truth[rows]) for rows in batches]
    value, probability, rank, decision = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    tree = router.hierarchy_
    correct = [
        name in ((label, tree.parent(label)) if tree is not None else (label,))
        for name, label in zip(decision, truth, strict=True)
    ]
    return TargetPredictions(
        router.target,
        router.precision,
        len(router.classes_),
        np.ones(len(truth), dtype=bool),
        truth,
        value,
        probability,
        rank,
        decision,
        np.array(correct, dtype=bool) & (decision != ""),
    )


def _route(router: Router, prepared: PreparedIncidents, truth: Labels) -> tuple[Labels, Floats, Floats, Labels]:
    decisions, probabilities = router.decide(prepared)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = router.classes_[order]
    top = probabilities[np.arange(len(truth)), order[:, 0]]
    decision = np.array(["" if name is None else name for name in decisions], dtype=object)
    return ranked[:, 0].astype(object), top, ranks_of(truth, ranked), decision


def _predict_search(diagnoser: Diagnoser, prepared: PreparedIncidents, solved_by: pd.Series) -> SearchPredictions:
    """Search with each incident that an article solved, and note at which place that article is found."""
    queries = [
        row
        for row, (text, number) in enumerate(zip(prepared.text, solved_by, strict=True))
        if text and number in diagnoser.parts.knowledge
    ]
    article = np.full(len(prepared), "", dtype=object)
    rank = np.full(len(prepared), np.nan)
    if queries:
        article[queries] = solved_by.iloc[queries]
        texts = [prepared.text[row] for row in queries]
        results = diagnoser.parts.retriever.search(texts, "knowledge", SEARCH_DEPTH, None, prepared.vectors[queries])
        rank[queries] = [
            place_of(article[row], [hit.number for hit in hits]) for row, hits in zip(queries, results, strict=True)
        ]
    return SearchPredictions(article, rank)


def place_of(number: str, numbers: Sequence[str]) -> float:
    """Return the place of a number in a list, from 1; NaN if it is not in it."""
    return numbers.index(number) + 1.0 if number in numbers else np.nan


def _predict_recurrence(
    diagnoser: Diagnoser, prepared: PreparedIncidents, incidents: pd.DataFrame, as_of: pd.Timestamp
) -> RecurrencePredictions | None:
    """Return the risks, each incident seeing the release's history and the earlier incidents.

    Incidents that the model may have learned the outcome of, as they were opened before its ``as_of``, have none.
    """
    model, state = diagnoser.parts.recurrence, diagnoser.parts.state
    if model is None or state is None or pd.isna(as_of):
        return None
    try:
        dated = cohort(incidents, as_utc(as_of))
    except InputError:
        return None
    rows = np.asarray(dated.rows, dtype=np.intp)
    batch = prepared.take(rows)
    vectors = batch.vectors if model.text_ is not None else None
    risk = np.full((len(incidents), len(model.horizons)), np.nan)
    risk[rows] = model.probabilities(batch.frame, state, vectors=vectors)
    risk[(incidents["opened_at"] < model.as_of_).to_numpy(dtype=bool)] = np.nan
    return RecurrencePredictions(tuple(model.signature_.fields), model.origin, tuple(model.horizons), risk)


def _join_target(name: str, parts: Sequence[Predictions]) -> TargetPredictions:
    of_parts = [part.targets.get(name) or _unanswered(name, len(part)) for part in parts]
    latest = next(part for part in of_parts if part.answered.any() or part is of_parts[-1])
    arrays: dict[str, Any] = {
        array: np.concatenate([getattr(part, array) for part in of_parts]) for array in _TARGET_ARRAYS
    }
    return replace(latest, **arrays)


def _unanswered(name: str, count: int) -> TargetPredictions:
    nothing, unknown = np.full(count, "", dtype=object), np.full(count, np.nan)
    no = np.zeros(count, dtype=bool)
    return TargetPredictions(name, np.nan, 0, no, nothing, nothing, unknown, unknown, nothing, no)


def _join_recurrence(parts: Sequence[Predictions]) -> RecurrencePredictions | None:
    risks = next((part.recurrence for part in parts if part.recurrence is not None), None)
    if risks is None:
        return None
    blank = [np.full((len(part), len(risks.horizons)), np.nan) for part in parts]
    columns = [
        part.recurrence.risk if part.recurrence is not None and part.recurrence.horizons == risks.horizons else empty
        for part, empty in zip(parts, blank, strict=True)
    ]
    return replace(risks, risk=np.concatenate(columns))
