"""How likely an incident of a batch is to come back: as it was logged, and as it was resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from diagnosis.findings import Prediction, RecurrenceRisk
from diagnosis.prepared import PreparedIncidents
from diagnosis.recurrence.risk import RecurrenceModel
from diagnosis.recurrence.signature import TEXT
from diagnosis.recurrence.state import HistoryState

Risks = list[RecurrenceRisk | None]


def assess(model: RecurrenceModel | None, state: HistoryState | None, batch: PreparedIncidents) -> Risks:
    """Return the risk of each incident, None where its signature is not known; each sees the earlier ones."""
    if model is None or state is None:
        return [None] * len(batch)
    if len(batch) == 1:
        incident = batch.incident(0)
        if not model.signature_.key(incident):
            return [None]
        return [model.assess_one(incident, batch.opened_at(0), state, batch.vectors)]
    order = np.argsort(batch.frame["opened_at"].to_numpy(), kind="stable")  # a missing time sorts last
    ordered = batch.take(order)
    risks = model.assess(ordered.frame, state, vectors=ordered.vectors)
    known = model.signature_.keys(ordered.frame) != ""
    by_row = dict(zip(order.tolist(), zip(risks, known, strict=True), strict=True))
    return [risk if has_signature else None for risk, has_signature in (by_row[row] for row in range(len(batch)))]


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
    incident = dict(batch.incident(row))
    lacking = [name for name in model.signature_.fields if name != TEXT and not incident[name]]
    sure = {name: said.value for name, said in predictions.items() if said.decision == "automatic" and said.value}
    if not lacking or not sure.keys() >= set(lacking):
        return None, ()
    incident |= {name: sure[name] for name in lacking}
    if not model.signature_.key(incident):
        return None, ()
    return model.assess_one(incident, batch.opened_at(row), state, batch.vectors[row : row + 1]), lacking


def assess_resolved(
    model: RecurrenceModel | None, state: HistoryState | None, masked: pd.DataFrame, *, logged: bool
) -> Risks:
    """Return the risk from the moment of resolution, None for what is not resolved or has no signature.

    Parameters
    ----------
    masked : DataFrame
        Canonical incident frame with what became of the incidents, personal data masked, in order of ``opened_at``.
    logged : bool
        Whether the history holds these incidents already; otherwise each sees those logged before it was resolved.
    """
    risks: Risks = [None] * len(masked)
    if model is None or state is None or model.resolution_ is None or not len(masked):
        return risks
    if not logged:
        state = state.fork()
        masked = state.place(masked, learn=True)
    resolved = (masked["resolved_at"] >= masked["opened_at"]).to_numpy()
    rows = np.flatnonzero(resolved & (model.signature_.keys(masked) != "").to_numpy())
    if len(rows):
        told = model.assess_resolution(masked.iloc[rows], state, joining=None if logged else masked)
        for row, risk in zip(rows.tolist(), told, strict=True):
            risks[row] = risk
    return risks
