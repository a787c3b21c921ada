"""How likely an incident of a batch is to come back: as it was logged, and as it was resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.findings import Prediction, RecurrenceRisk
from diagnosis.incident import IncidentBatch
from diagnosis.placeholders import is_placeholder
from diagnosis.prepared import PreparedIncidents
from diagnosis.recurrence.risk import RecurrenceModel
from diagnosis.recurrence.signature import TEXT, in_order_of_time
from diagnosis.recurrence.state import HistoryState, Incidents

Risks = list[RecurrenceRisk | None]


@dataclass(frozen=True, slots=True)
class Assessment:
    """The risk of one incident, None where its signature is not known, and what stood in for it.

    Attributes
    ----------
    predicted_fields : tuple of str
        Fields that certified predictions filled in.
    by_problem : bool
        Whether the problem that it belongs to says what is lacking.
    """

    risk: RecurrenceRisk | None = None
    predicted_fields: tuple[str, ...] = ()
    by_problem: bool = False


@dataclass(frozen=True, slots=True)
class ProblemFault:
    """What is known of the fault of the problem that an incident belongs to.

    Attributes
    ----------
    signature : mapping of str to str
        Its values by field.
    risk : RecurrenceRisk or None
        How likely it is to come back, where only texts joined its incidents.
    """

    signature: Mapping[str, str]
    risk: RecurrenceRisk | None = None


def assess(
    model: RecurrenceModel | None,
    state: HistoryState | None,
    batch: PreparedIncidents,
    predictions: Sequence[Mapping[str, Prediction]],
    problems: Sequence[ProblemFault | None] | None = None,
) -> list[Assessment]:
    """Return the risk of each incident; each sees the earlier ones of the batch.

    An incident that lacks fields of the signature is assessed with certified predictions in their place, or by the
    problem that it belongs to.

    Parameters
    ----------
    predictions : sequence of mapping of str to Prediction
        By target, one mapping for each incident.
    problems : sequence of ProblemFault or None, optional
        The fault of the problem that each incident belongs to.
    """
    assessments = [Assessment()] * len(batch)
    if model is None or state is None:
        return assessments
    has_signature = model.signature_.is_known(batch.incidents)
    if any(has_signature):
        order = in_order_of_time(batch.incidents)
        ordered = batch if order == list(range(len(batch))) else batch.take(order)
        for row, risk in zip(order, model.assess(ordered.incidents, state, vectors=ordered.vectors), strict=True):
            assessments[row] = Assessment(risk if has_signature[row] else None)
    for row in range(len(batch)):
        if not has_signature[row]:
            assessments[row] = _assess_as_predicted(model, state, batch, row, predictions[row])
            fault = problems[row] if problems is not None else None
            if assessments[row].risk is None and fault is not None:
                assessments[row] = _assess_by_problem(model, state, batch, row, fault)
    return assessments


def _assess_by_problem(
    model: RecurrenceModel, state: HistoryState, batch: PreparedIncidents, row: int, fault: ProblemFault
) -> Assessment:
    incident = batch.incidents[row : row + 1]
    lacking = [name for name in model.signature_.fields if name != TEXT and is_placeholder(incident.column(name)[0])]
    if lacking and all(fault.signature.get(name) for name in lacking):
        completed = incident.with_columns({name: [fault.signature[name]] for name in lacking})
        if model.signature_.is_known(completed)[0]:
            (risk,) = model.assess(completed, state, vectors=batch.vectors[row : row + 1])
            return Assessment(risk, by_problem=risk is not None)
    return Assessment(fault.risk, by_problem=fault.risk is not None)


def _assess_as_predicted(
    model: RecurrenceModel,
    state: HistoryState,
    batch: PreparedIncidents,
    row: int,
    predictions: Mapping[str, Prediction],
) -> Assessment:
    incident = batch.incidents[row : row + 1]
    lacking = [name for name in model.signature_.fields if name != TEXT and is_placeholder(incident.column(name)[0])]
    certified = {
        name: prediction.value
        for name, prediction in predictions.items()
        if prediction.decision == "automatic" and prediction.value
    }
    if not lacking or not certified.keys() >= set(lacking):
        return Assessment()
    completed = incident.with_columns({name: [certified[name]] for name in lacking})
    if not model.signature_.is_known(completed)[0]:
        return Assessment()
    (risk,) = model.assess(completed, state, vectors=batch.vectors[row : row + 1])
    return Assessment(risk, tuple(lacking))


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
