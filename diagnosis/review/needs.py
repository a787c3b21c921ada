"""Training needs by topic and team, never by person: corrected routings, fixes that fail, slower answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats
from diagnosis.review.drivers import join_labels
from diagnosis.review.history import ReviewHistory
from diagnosis.review.quarters import Quarter
from diagnosis.review.samples import Estimate, Sample, change_of, exact_interval

SEPARATOR = " · "  # as `join_labels` writes it
EVIDENCE = 10
FEWEST_REASSIGNMENTS = 2  # from which a record counts as passed around


def training_needs(history: ReviewHistory, quarter: Quarter) -> list[dict[str, Any]]:
    """Return topics that a team handles worse than the desk does on average, or worse than a quarter before.

    ``fix_fails``: records closed with an article came back. ``advice_fails``: people said that the suggested article
    did not work. ``bounces``: records are passed on twice or more although an article of the topic exists.
    ``overridden``: another group than the one that was proposed first was right. ``slow``: the first response takes
    longer than in the quarter before; ``behind``: longer than the desk's other records wait. Each needs as many records
    as a breakdown's row, and an interval that holds for all topics and teams together. A group that is a person is left
    out.
    """
    rows = history.rows_of(quarter)
    labels = join_labels([history.column("assignment_group"), history.column("category")])
    cited = history.frame["knowledge"].astype("str").to_numpy(dtype=object) != ""
    cited[rows[-1] + 1 if len(rows) else 0 :] = False  # an article that came after the quarter helped nobody in it
    needs = _fixes_that_fail(history, quarter, cited, labels)
    needs += _bounces(history, rows, labels, set(labels[cited]))
    needs += _advice_that_fails(history, rows, labels)
    needs += _overridden(history, rows)
    needs += _slower(history, quarter, labels)
    needs += _behind(history, quarter, labels)
    return sorted(
        needs, key=lambda need: (-need["n"] * abs(need["value"] - need["usual"]), need["team"], need["topic"])
    )


def _fixes_that_fail(
    history: ReviewHistory, quarter: Quarter, cited: npt.NDArray[np.bool_], labels: npt.NDArray[np.object_]
) -> list[dict[str, Any]]:
    """Return the topics on which records with an article come back more often; those watched for less are censored."""
    sample = history.sample("recurrence", quarter)
    if sample is None:
        return []
    sample = sample.take(cited[sample.rows])
    rest = sample.estimate()
    names = _judged(history, labels[sample.rows])
    needs = []
    for name in names if rest else ():
        part = _of_label(sample, labels, name)
        estimate = part.estimate()
        if (
            estimate
            and rest
            and change_of(estimate, replace(rest, lower=rest.value, upper=rest.value), len(names)).lower > 0
        ):
            came_back = part.rows[part.happened & (part.duration <= part.limit)]
            numbers = history.frame["number"].to_numpy()[came_back]
            needs.append(_need("fix_fails", name, estimate, rest.value, numbers[:EVIDENCE].tolist()))
    return needs


def _bounces(
    history: ReviewHistory,
    rows: npt.NDArray[np.intp],
    labels: npt.NDArray[np.object_],
    with_article: set[str],
) -> list[dict[str, Any]]:
    moves = history.frame["reassignment_count"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = rows[np.isfinite(moves[rows])]
    needs = _above_usual(history, "bounces", known, (moves >= FEWEST_REASSIGNMENTS).astype(float), labels)
    return [need for need in needs if f"{need['team']}{SEPARATOR}{need['topic']}" in with_article]


def _advice_that_fails(
    history: ReviewHistory, rows: npt.NDArray[np.intp], labels: npt.NDArray[np.object_]
) -> list[dict[str, Any]]:
    failed = history.values.get("fix_failed")
    if failed is None:
        return []
    judged = rows[np.isfinite(failed[rows])]
    return _above_usual(history, "advice_fails", judged, failed, labels)


def _overridden(history: ReviewHistory, rows: npt.NDArray[np.intp]) -> list[dict[str, Any]]:
    """Return the topics on which a group is often proposed and another is right, with the one that is right most."""
    if not history.facts.routings:
        return []
    numbers = history.frame["number"].tolist()
    pairs = [history.facts.routings.get(number, ("", "")) for number in numbers]
    proposed, right = (np.array([pair[place] for pair in pairs], dtype=object) for place in (0, 1))
    routed = rows[(proposed[rows] != "") & (right[rows] != "")]
    labels = join_labels([proposed, history.column("category")])
    needs = _above_usual(history, "overridden", routed, (proposed != right).astype(float), labels)
    for need in needs:
        label = f"{need['team']}{SEPARATOR}{need['topic']}"
        corrected = routed[(labels[routed] == label) & (proposed[routed] != right[routed])]
        teams = Counter(team for team in right[corrected].tolist() if team.casefold() not in history.persons)
        need["right_team"] = teams.most_common(1)[0][0] if teams else ""
    return needs


def _above_usual(
    history: ReviewHistory,
    kind: str,
    rows: npt.NDArray[np.intp],
    values: Floats,
    labels: npt.NDArray[np.object_],
) -> list[dict[str, Any]]:
    """Return the topics of teams whose share is above that of all records, each as part of the need's evidence."""
    names = _judged(history, labels[rows])
    if not names:
        return []
    usual = float(values[rows].mean())
    needs = []
    for name in names:
        inside = rows[labels[rows] == name]
        part, n = float(values[inside].sum()), len(inside)
        estimate = Estimate(part / n, *exact_interval(part, n), n)
        rest = Estimate(usual, usual, usual, len(rows))
        if change_of(estimate, rest, len(names)).lower > 0:
            numbers = history.frame["number"].to_numpy()[inside[values[inside] > 0]]
            needs.append(_need(kind, name, estimate, usual, numbers[:EVIDENCE].tolist()))
    return needs


def _slower(history: ReviewHistory, quarter: Quarter, labels: npt.NDArray[np.object_]) -> list[dict[str, Any]]:
    later, earlier = (history.sample("response", at) for at in (quarter, quarter.previous))
    if later is None or earlier is None:
        return []
    names = _judged(history, labels[later.rows])
    needs = []
    for name in names:
        now, before = (_of_label(sample, labels, name) for sample in (later, earlier))
        if min(len(now), len(before)) < 2 * history.settings.fewest:
            continue
        value, usual = now.estimate(), before.estimate()
        if value and usual and change_of(value, usual, len(names)).lower > 0:
            slowest = now.rows[np.argsort(-now.duration, kind="stable")]
            numbers = history.frame["number"].to_numpy()[slowest]
            needs.append(_need("slow", name, value, usual.value, numbers[:EVIDENCE].tolist()))
    return needs


def _behind(history: ReviewHistory, quarter: Quarter, labels: npt.NDArray[np.object_]) -> list[dict[str, Any]]:
    """Return the topics on which a team answers later than the desk does otherwise."""
    sample = history.sample("response", quarter)
    if sample is None:
        return []
    of_sample = labels[sample.rows]
    names = _judged(history, of_sample)
    needs = []
    for name in names:
        inside = of_sample == name
        if min(inside.sum(), (~inside).sum()) < 2 * history.settings.fewest:
            continue
        part = sample.take(inside)
        value, usual = part.estimate(), sample.take(~inside).estimate()
        if value and usual and change_of(value, usual, len(names)).lower > 0:
            numbers = history.frame["number"].to_numpy()[part.rows[np.argsort(-part.duration, kind="stable")]]
            needs.append(_need("behind", name, value, usual.value, numbers[:EVIDENCE].tolist()))
    return needs


def _of_label(sample: Sample, labels: npt.NDArray[np.object_], name: str) -> Sample:
    return sample.take(labels[sample.rows] == name)


def _judged(history: ReviewHistory, labels: npt.NDArray[np.object_]) -> list[str]:
    """Return the labels of a team and a topic with enough records."""
    names, counts = np.unique(labels.astype(str), return_counts=True)
    enough = names[counts >= history.settings.fewest].tolist()
    teams = [str(name).partition(SEPARATOR) for name in enough]
    return ["".join(parts) for parts in teams if parts[1] and parts[0].casefold() not in history.persons]


def _need(kind: str, name: str, estimate: Estimate, usual: float, numbers: list[str]) -> dict[str, Any]:
    team, _, topic = name.partition(SEPARATOR)
    return {
        "kind": kind,
        "team": team,
        "topic": topic,
        "value": estimate.value,
        "interval": [estimate.lower, estimate.upper],
        "usual": usual,
        "n": estimate.n,
        "numbers": numbers,
    }
