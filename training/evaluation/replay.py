"""Replay: the decisions of a past period as they were, and as another release, threshold or rule would have made them.

Everything is counted pair by pair over the same incidents, of which it is known by now what was right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from diagnosis.arrays import Bools, Floats, Labels
from diagnosis.decisions import ExclusionRule
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.incident import frame_as_logged
from diagnosis.monitoring.answers import is_right
from diagnosis.phrases import Phrase
from diagnosis.routing import Router
from diagnosis.routing.labels import label_key
from diagnosis.store.observations import Observation
from diagnosis.times import format_utc
from training.command_line.output import as_json
from training.evaluation.bootstrap import Interval, bootstrap_mean
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import Predictions

ROUTING_TARGET = "assignment_group"  # the target whose errors cost hours of misrouting
QUARTER = pd.Timedelta(days=91)
ASSUMED_HOURS = 2.0  # of one misrouting, where neither a person nor the data say
FEWEST_CORRECTIONS, FEWEST_REASSIGNED = 20, 50
_EXAMPLES = 10  # incidents named for each kind of move


@dataclass(frozen=True)
class Decisions:
    """What was, or would have been, decided for one target; all arrays have one entry an incident, in one order.

    Attributes
    ----------
    value : ndarray of str
        What is automatic, or where nothing is the most probable class.
    automatic : ndarray of bool
    correct : ndarray of bool
        Whether ``value`` is right; a parent is right for all of its classes.
    """

    value: Labels
    automatic: Bools
    correct: Bools


class DecisionMaker(Protocol):
    """Who decided, or would have decided, the incidents of a period."""

    def numbers(self, target: str) -> set[str]:
        """Return the incidents that it answered for a target."""

    def decide(self, target: str, incidents: pd.DataFrame) -> Decisions:
        """Return its decisions on some of these, in order."""


@dataclass(frozen=True)
class ReleaseDecisions:
    """What a release decides.

    Parameters
    ----------
    routers : mapping of str to Router
    predictions : Predictions or None
        As `training.evaluation.held_out.honest_predictions` returns them.
    thresholds : mapping of str to float
        By target, the least probability of an automatic decision, in place of what is certified.
    rules : sequence of ExclusionRule
        Rules in force: what one speaks of goes to a person.
    """

    routers: Mapping[str, Router]
    predictions: Predictions | None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    rules: Sequence[ExclusionRule] = ()

    def numbers(self, target: str) -> set[str]:
        """Return the incidents that it answered for a target."""
        if self.predictions is None or target not in self.predictions.targets or target not in self.routers:
            return set()
        return set(self.predictions.number[self.predictions.targets[target].answered])

    def decide(self, target: str, incidents: pd.DataFrame) -> Decisions:
        """Return its decisions on some of these, in order.

        Raises
        ------
        InputError
            If there are no predictions to decide by.
        """
        if self.predictions is None:
            raise InputError(Phrase("target_without_predictions", {"target": target}))
        predicted = self.predictions.select(incidents["number"].to_numpy(dtype=object)).targets[target]
        if target in self.thresholds:
            automatic = np.asarray(predicted.probability >= self.thresholds[target], dtype=bool)
            value = predicted.value
        else:
            automatic = predicted.automatic
            value = np.where(automatic, predicted.decision, predicted.value)
        correct = _correct(value, incidents[target], self.routers[target])
        return under_rules(Decisions(value, automatic, correct), incidents, target, self.rules)


@dataclass(frozen=True)
class ServiceDecisions:
    """What the service decided, by its first answer to each incident.

    Parameters
    ----------
    observations : mapping of str to mapping of str to Observation
        By target and number of the incident.
    routers : mapping of str to Router
        They know which parent a class has.
    """

    observations: Mapping[str, Mapping[str, Observation]]
    routers: Mapping[str, Router]

    def numbers(self, target: str) -> set[str]:
        """Return the incidents that it answered for a target."""
        return set(self.observations.get(target, {}))

    def decide(self, target: str, incidents: pd.DataFrame) -> Decisions:
        """Return its decisions on some of these, in order."""
        answers = [self.observations[target][number] for number in incidents["number"]]
        value = np.array([answer.value for answer in answers], dtype=object)
        automatic = np.array([answer.decision == "automatic" for answer in answers], dtype=bool)
        return Decisions(value, automatic, _correct(value, incidents[target], self.routers.get(target)))


def under_rules(
    decisions: Decisions, incidents: pd.DataFrame, target: str, rules: Sequence[ExclusionRule]
) -> Decisions:
    """Return the decisions with rules in force: what one speaks of goes to a person."""
    if not rules:
        return decisions
    records: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in frame_as_logged(incidents).to_dict("records")
    ]
    excluded = [
        any(_excludes(rule, target, record, str(value)) for rule in rules)
        for record, value in zip(records, decisions.value, strict=True)
    ]
    return replace(decisions, automatic=decisions.automatic & ~np.array(excluded, dtype=bool))


def _excludes(rule: ExclusionRule, target: str, record: dict[str, Any], value: str) -> bool:
    return rule.matches(target, record) and label_key(rule.value) in ("", label_key(value))


def _correct(value: Labels, truth: pd.Series, router: Router | None) -> Bools:
    pairs = zip(value, truth.astype("str"), strict=True)
    return np.array([is_right(str(answer), str(label), router) for answer, label in pairs], dtype=bool)


@dataclass(frozen=True, slots=True)
class Misrouting:
    """What one wrong group costs.

    Attributes
    ----------
    hours_each : float
        Hours for each move that was one too many.
    source : Phrase
        Where that comes from.
    """

    hours_each: float
    source: Phrase

    def hours(self, incidents: pd.DataFrame, baseline: Decisions, alternative: Decisions) -> tuple[Floats, Floats]:
        """Return the hours of misrouting of each incident under both ways to decide, each of shape (n,).

        Right and automatic costs nothing, wrong and automatic at least one move. What a person routed costs the moves
        that the incident really made; where a machine routed it then, what people's routing cost on average.
        """
        moves = _reassignments(incidents)
        has_moves = np.isfinite(moves)
        by_people = moves[~baseline.automatic & has_moves]
        usual = float(by_people.mean()) if len(by_people) else 0.0
        if_left_to_people = np.where(has_moves & ~baseline.automatic, moves, usual)
        if_wrong = np.where(has_moves & baseline.automatic & ~baseline.correct, np.maximum(moves, 1.0), 1.0)
        old = np.where(baseline.automatic, np.where(baseline.correct, 0.0, if_wrong), if_left_to_people)
        unchanged = alternative.automatic & baseline.automatic & (alternative.value == baseline.value)
        if_wrong_after = np.where(unchanged, if_wrong, 1.0)
        new = np.where(alternative.automatic, np.where(alternative.correct, 0.0, if_wrong_after), if_left_to_people)
        return self.hours_each * old, self.hours_each * new


def misrouting(incidents: pd.DataFrame, corrected_after: Sequence[float], stated: float | None = None) -> Misrouting:
    """Return what misrouting costs.

    Parameters
    ----------
    incidents : DataFrame
        Canonical frame.
    corrected_after : sequence of float
        Hours from an answer until a person corrected the group.
    stated : float, optional
        Hours that a person set; they win.
    """
    moves = _reassignments(incidents)
    cost = _cost(incidents, moves, corrected_after, stated)
    if np.isfinite(moves).any():
        return cost
    return replace(cost, source=Phrase("several", {"phrases": (cost.source, Phrase("cost_without_moves"))}))


def _cost(incidents: pd.DataFrame, moves: Floats, corrected_after: Sequence[float], stated: float | None) -> Misrouting:
    if stated is not None:
        return Misrouting(stated, Phrase("cost_as_given"))
    if len(corrected_after) >= FEWEST_CORRECTIONS:
        source = Phrase("cost_of_corrections", {"n": len(corrected_after)})
        return Misrouting(float(np.median(corrected_after)), source)
    seconds = (incidents["resolved_at"] - incidents["opened_at"]).dt.total_seconds()
    hours = seconds.to_numpy(dtype=np.float64) / 3600
    resolved = np.isfinite(hours) & (hours >= 0)
    reassigned, stayed = resolved & (moves >= 1), resolved & (moves == 0)
    if min(reassigned.sum(), stayed.sum()) >= FEWEST_REASSIGNED:
        longer = float(np.median(hours[reassigned]) - np.median(hours[stayed])) / float(moves[reassigned].mean())
        if longer > 0:
            counts = {"reassigned": int(reassigned.sum()), "others": int(stayed.sum())}
            return Misrouting(longer, Phrase("cost_of_reassignments", counts))
    return Misrouting(ASSUMED_HOURS, Phrase("cost_assumed"))


def _reassignments(incidents: pd.DataFrame) -> Floats:
    return pd.to_numeric(incidents["reassignment_count"]).to_numpy(dtype=np.float64, na_value=np.nan)


@dataclass(frozen=True, slots=True)
class Moves:
    """How many incidents would have gone another way, and a few of them by number.

    ``good`` and ``bad`` count those that are better or worse off: a right one that became automatic and a wrong one
    that went back to a person are good.
    """

    name: Phrase
    incidents: int
    good: int
    bad: int
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecisionFigures:
    """One of the two ways to decide.

    ``hours`` are hours of misrouting, None where they have no meaning for the target.
    """

    automatic: int
    errors: int
    precision: float | None
    hours: float | None


@dataclass(frozen=True)
class TargetReplay:
    """One target under both.

    Attributes
    ----------
    errors : Interval
        Difference in wrong automatic decisions for each 100 incidents, after minus before, with its 95 % interval.
    saved : Interval or None
        Hours of misrouting saved for each 100 incidents.
    """

    target: str
    incidents: int
    before: DecisionFigures
    after: DecisionFigures
    moves: tuple[Moves, ...]
    errors: Interval
    saved: Interval | None


@dataclass(frozen=True)
class Replay:
    """The comparison, target by target.

    Attributes
    ----------
    before, after : Phrase
        What is compared.
    left_out : int
        Incidents of the period that a release could only have answered knowing the outcome, or that nobody answered.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    before: Phrase
    after: Phrase
    left_out: int
    cost: Misrouting
    targets: tuple[TargetReplay, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        times = {"first": format_utc(self.first), "last": format_utc(self.last)}
        return {**as_json(self), **times}


def replayed_release(release: str) -> Phrase:
    """Return what is compared where a release decides."""
    return Phrase("replayed_release", {"release": release})


def replay_period(
    incidents: pd.DataFrame,
    baseline: tuple[Phrase, DecisionMaker],
    alternative: tuple[Phrase, DecisionMaker],
    cost: Misrouting,
    targets: Sequence[str],
    period: tuple[pd.Timestamp, pd.Timestamp] | None = None,
) -> Replay:
    """Return what would have been decided otherwise in a period.

    Parameters
    ----------
    incidents : DataFrame
        Canonical frame of the period.
    baseline, alternative : (Phrase, DecisionMaker)
        Who decides, and its name.
    cost : Misrouting
    targets : sequence of str
    period : (Timestamp, Timestamp), optional
        Its ends (default: the first and the last opening).

    Raises
    ------
    InputError
        If nothing was answered by both and is known by now.
    """
    replays, compared = [], set[str]()
    for target in targets:
        rows = _settled(incidents, target, baseline[1].numbers(target) & alternative[1].numbers(target))
        if rows.empty:
            continue
        sides = baseline[1].decide(target, rows), alternative[1].decide(target, rows)
        replays.append(compare_decisions(target, rows, *sides, cost if target == ROUTING_TARGET else None))
        compared |= set(rows["number"])
    if not replays:
        raise InputError(Phrase("replay_of_nothing", {"n": len(incidents)}))
    first, last = period or (incidents["opened_at"].min(), incidents["opened_at"].max())
    return Replay(first, last, baseline[0], alternative[0], len(incidents) - len(compared), cost, tuple(replays))


def replay_last_quarter(
    baseline: Diagnoser, predictions: Predictions | None, candidate: Diagnoser, held_out: HeldOut
) -> Replay:
    """Return what the last quarter of a slice looks like under a release in place of another.

    Parameters
    ----------
    baseline : Diagnoser
    predictions : Predictions or None
        What it predicts of incidents of the slice that it had not seen.
    candidate : Diagnoser
    held_out : HeldOut
        Incidents with the predictions of ``candidate``.

    Raises
    ------
    InputError
        If nothing of the slice is dated, or nothing was answered by both and is known by now.
    """
    opened = held_out.incidents["opened_at"]
    if opened.isna().all():
        raise InputError(Phrase("replay_undated", {"n": len(opened)}))
    quarter = held_out.incidents[opened > opened.max() - QUARTER].reset_index(drop=True)
    return replay_period(
        quarter,
        (replayed_release(baseline.release), ReleaseDecisions(baseline.parts.routers, predictions)),
        (replayed_release(candidate.release), ReleaseDecisions(candidate.parts.routers, held_out.predictions)),
        misrouting(quarter, []),
        list(candidate.parts.routers),
    )


def compare_decisions(
    target: str, incidents: pd.DataFrame, baseline: Decisions, alternative: Decisions, cost: Misrouting | None
) -> TargetReplay:
    """Count what would have been different.

    Parameters
    ----------
    incidents : DataFrame
        Canonical frame, in order of the decisions.
    cost : Misrouting, optional
        What misrouting costs; None where the target routes nothing.
    """
    errors_then, errors_now = ((side.automatic & ~side.correct).astype(float) for side in (baseline, alternative))
    hours_before = hours_after = saved = None
    if cost is not None:
        hours_before, hours_after = cost.hours(incidents, baseline, alternative)
        saved = bootstrap_mean(100 * (hours_before - hours_after))
    return TargetReplay(
        target=target,
        incidents=len(incidents),
        before=_side(baseline, hours_before),
        after=_side(alternative, hours_after),
        moves=_moves(incidents["number"].to_numpy(dtype=object), baseline, alternative),
        errors=bootstrap_mean(100 * (errors_now - errors_then)),
        saved=saved,
    )


def _settled(incidents: pd.DataFrame, target: str, numbers: set[str]) -> pd.DataFrame:
    """Return the incidents that were answered and of which it is known by now what was right."""
    if target not in incidents:
        return incidents.iloc[:0]
    has_truth = incidents[target].astype("str").fillna("").str.strip() != ""
    return incidents[has_truth & incidents["number"].isin(numbers)].reset_index(drop=True)


def _side(decisions: Decisions, hours: Floats | None) -> DecisionFigures:
    automatic = int(decisions.automatic.sum())
    errors = int((decisions.automatic & ~decisions.correct).sum())
    precision = 1 - errors / automatic if automatic else None
    return DecisionFigures(automatic, errors, precision, None if hours is None else float(hours.sum()))


def _moves(numbers: Labels, baseline: Decisions, alternative: Decisions) -> tuple[Moves, ...]:
    pairs = zip(baseline.value, alternative.value, strict=True)
    differs = np.array([label_key(old) != label_key(new) for old, new in pairs], dtype=bool)
    gained = alternative.automatic & ~baseline.automatic
    lost = baseline.automatic & ~alternative.automatic
    rerouted = baseline.automatic & alternative.automatic & differs
    improved, worsened = alternative.correct & ~baseline.correct, baseline.correct & ~alternative.correct
    return (
        _move("replay_now_automatic", numbers[gained], alternative.correct[gained], ~alternative.correct[gained]),
        _move("replay_now_by_a_person", numbers[lost], ~baseline.correct[lost], baseline.correct[lost]),
        _move("replay_sent_elsewhere", numbers[rerouted], improved[rerouted], worsened[rerouted]),
    )


def _move(code: str, numbers: Labels, good: Bools, bad: Bools) -> Moves:
    return Moves(Phrase(code), len(numbers), int(good.sum()), int(bad.sum()), tuple(numbers[:_EXAMPLES]))
