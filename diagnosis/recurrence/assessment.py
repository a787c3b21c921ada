"""How likely an incident of a batch is to come back: as it was logged, and as it was resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from diagnosis.findings import Prediction, RecurrenceRisk
from diagnosis.incident import IncidentBatch
from diagnosis.placeholders import is_placeholder
from diagnosis.prepared import PreparedIncidents
from diagnosis.recurrence.risk import RecurrenceModel
from diagnosis.recurrence.signature import TEXT, in_order_of_time
from diagnosis.recurrence.state import HistoryState, Incidents

Risks = list[RecurrenceRisk | None]


def assess(model: RecurrenceModel | None, state: HistoryState | None, batch: PreparedIncidents) -> Risks:
    """Return the risk of each incident, None where its signature is not known; each sees the earlier ones."""
    risks: Risks = [None] * len(batch)
    if model is None or state is None:
        return risks
    has_signature = model.signature_.is_known(batch.incidents)
    if not any(has_signature):
        return risks
    order = in_order_of_time(batch.incidents)
    ordered = batch if order == list(range(len(batch))) else batch.take(order)
    for row, risk in zip(order, model.assess(ordered.incidents, state, vectors=ordered.vectors), strict=True):
        risks[row] = risk if has_signature[row] else None
    return risks


def assess_as_predicted(
    model: RecurrenceModel | None,
    state: HistoryState | None,
    batch: PreparedIncidents,
    row: int,
    predictions: Mapping[str, Prediction],
) -> tuple[RecurrenceRisk | None, Sequence[str]]:
    """Return the risk of an incident that lacks a field of the signature, taking certified predictions for it.

    Returns
    -------
    (RecurrenceRisk or None, sequence of str)
        The risk and the fields that were predicted; None where one is neither logged nor automatically predicted.
    """
    if model is None or state is None:
        return None, ()
    incident = batch.incidents[row : row + 1]
    lacking = [name for name in model.signature_.fields if name != TEXT and is_placeholder(incident.column(name)[0])]
    certified = {
        name: prediction.value
        for name, prediction in predictions.items()
        if prediction.decision == "automatic" and prediction.value
    }
    if not lacking or not certified.keys() >= set(lacking):
        return None, ()
    completed = incident.with_columns({name: [certified[name]] for name in lacking})
    if not model.signature_.is_known(completed)[0]:
        return None, ()
    return model.assess(completed, state, vectors=batch.vectors[row : row + 1])[0], lacking


def assess_resolved(
    model: RecurrenceModel | None, state: HistoryState | None, masked: Incidents, *, logged: bool
) -> Risks:
    """Return the risk from the moment of resolution, None for what is not resolved or has no signature.

    Parameters
    ----------
    masked : IncidentBatch or DataFrame
        Incidents with what became of them, personal data masked, in order of ``opened_at``.
    logged : bool
        Whether the history holds these incidents already; otherwise each sees those logged before it was resolved.
    """
    risks: Risks = [None] * len(masked)
    if model is None or state is None or model.resolution_ is None or not len(masked):
        return risks
    incidents = IncidentBatch.of(masked)
    if not logged:
        state = state.fork()
        incidents = state.place(incidents, learn=True)
    times = zip(incidents.column("opened_at"), incidents.column("resolved_at"), strict=True)
    resolved = [None not in (opened, end) and end >= opened for opened, end in times]
    rows = np.flatnonzero(np.array(resolved) & (model.signature_.keys(incidents) != "").to_numpy())
    if len(rows):
        joining = None if logged else incidents
        assessed = model.assess_resolution(incidents.take(rows), state, joining=joining)
        for row, risk in zip(rows.tolist(), assessed, strict=True):
            risks[row] = risk
    return risks
