"""Corrections: what a person corrected on an incident holds at once for incidents that are nearly the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from diagnosis.decisions import HumanDecisions
from diagnosis.findings import Diagnosis, Prediction
from diagnosis.phrases import Phrase
from diagnosis.routing.labels import label_key

NEAR_DUPLICATE = 0.9  # cosine


def near_duplicates(diagnosis: Diagnosis) -> list[str]:
    """Return the numbers of nearly identical past incidents, for a diagnosis that has an automatic prediction."""
    if all(prediction.decision != "automatic" for prediction in diagnosis.predictions.values()):
        return []
    return [similar.number for similar in diagnosis.similar_incidents if similar.similarity >= NEAR_DUPLICATE]


def apply_corrections(diagnosis: Diagnosis, decisions: Mapping[str, HumanDecisions]) -> Diagnosis:
    """Return a diagnosis without automatic predictions that people took back on nearly identical incidents.

    Such a prediction is only suggested until a release has learned from the correction, unless people confirmed it on
    as many of these incidents.

    Parameters
    ----------
    decisions : mapping of str to HumanDecisions
        What people decided, by number of the incident.
    """
    on_duplicates = {number: decisions[number] for number in near_duplicates(diagnosis) if number in decisions}
    if not on_duplicates:
        return diagnosis
    predictions = {
        target: _corrected(target, prediction, on_duplicates) for target, prediction in diagnosis.predictions.items()
    }
    return replace(diagnosis, predictions=predictions)


def _corrected(target: str, prediction: Prediction, on_duplicates: Mapping[str, HumanDecisions]) -> Prediction:
    if prediction.decision != "automatic" or prediction.value is None:
        return prediction
    key = label_key(prediction.value)
    reverted = [
        number
        for number, decisions in on_duplicates.items()
        if key in {label_key(value) for value in decisions.reverted.get(target, ())}
    ]
    confirmed = [
        number for number, decisions in on_duplicates.items() if label_key(decisions.decided.get(target, "")) == key
    ]
    if len(reverted) <= len(confirmed):
        return prediction
    number = reverted[0]
    replacement = on_duplicates[number].decided.get(target)
    values = {"value": prediction.value, "number": number}
    reason = Phrase("reverted_on_similar", values)
    if replacement:
        reason = Phrase("changed_on_similar", {**values, "instead": replacement})
    return replace(prediction, decision="suggested", certified_precision=None).because(reason)
