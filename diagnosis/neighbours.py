"""Neighbours: what people corrected on an incident bears at once on those that are nearly the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from diagnosis.decisions import HumanDecisions
from diagnosis.findings import Diagnosis, Prediction
from diagnosis.phrases import Phrase
from diagnosis.routing.labels import label_key

NEARLY_THE_SAME = 0.9  # cosine


def near(diagnosis: Diagnosis) -> list[str]:
    """Return the numbers of nearly the same past incidents, for a diagnosis that decides anything by itself."""
    if all(one.decision != "automatic" for one in diagnosis.predictions.values()):
        return []
    return [one.number for one in diagnosis.similar_incidents if one.similarity >= NEARLY_THE_SAME]


def heeding(diagnosis: Diagnosis, people: Mapping[str, HumanDecisions]) -> Diagnosis:
    """Return a diagnosis that decides nothing which people took back on nearly the same incidents.

    Such an answer is left to a person until a release has learned from the correction, unless people confirmed it on as
    many of these incidents.

    Parameters
    ----------
    people : mapping of str to HumanDecisions
        What people decided, by number of the incident.
    """
    numbers = [number for number in near(diagnosis) if number in people]
    if not numbers:
        return diagnosis
    heeded = {
        target: _heeding(target, one, {number: people[number] for number in numbers})
        for target, one in diagnosis.predictions.items()
    }
    return replace(diagnosis, predictions=heeded)


def _heeding(target: str, one: Prediction, people: Mapping[str, HumanDecisions]) -> Prediction:
    if one.decision != "automatic" or one.value is None:
        return one
    key = label_key(one.value)
    against = [n for n, said in people.items() if key in {label_key(v) for v in said.reverted.get(target, ())}]
    confirmed = [n for n, said in people.items() if label_key(said.decided.get(target, "")) == key]
    if len(against) <= len(confirmed):
        return one
    number = against[0]
    instead = people[number].decided.get(target)
    values = {"value": one.value, "number": number}
    reason = Phrase("reverted_on_similar", values)
    if instead:
        reason = Phrase("changed_on_similar", {**values, "instead": instead})
    return replace(one, decision="suggested", certified_precision=None).because(reason)
