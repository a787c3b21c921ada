"""How good recurrence probabilities were, on incidents of which some may still recur."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats
from diagnosis.recurrence.outcomes import CensoredOutcomes
from diagnosis.recurrence.rates import kaplan_meier

BINS = 10
POINTS = 15  # days at which a horizon's risk is asked who has recurred


@dataclass(frozen=True, slots=True)
class HorizonScores:
    """Scores at one horizon.

    Attributes
    ----------
    days, incidents, followed : int
        Horizon, incidents scored, and those of them watched for the whole horizon.
    auc, average_precision, brier, mean_predicted, observed : float or None
        On those followed; None where none was, or for the first two where all or none recurred.
    time_dependent_auc, ipcw_brier : float or None
        On every incident, weighted by the inverse of the chance of having been watched so long (Uno et al. 2007;
        Graf et al. 1999).
    mean_predicted_all, kaplan_meier : float
        On every incident: the mean prediction and what the Kaplan-Meier estimate says it should be.
    calibration : tuple of (mean predicted, Kaplan-Meier share, incidents)
        In bins of equal size by prediction.
    auc_by_day : tuple of (days, time-dependent AUC)
        How well the same prediction tells who recurs by each day up to the horizon.
    """

    days: int
    incidents: int
    followed: int
    auc: float | None
    average_precision: float | None
    brier: float | None
    mean_predicted: float | None
    observed: float | None
    time_dependent_auc: float | None
    ipcw_brier: float | None
    mean_predicted_all: float
    kaplan_meier: float
    calibration: tuple[tuple[float, float, int], ...]
    auc_by_day: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class RecurrenceScores:
    """Scores at each horizon that any incident was watched for."""

    horizons: tuple[HorizonScores, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as plain JSON values."""
        return asdict(self)


def score_horizon(risk: Floats, outcomes: CensoredOutcomes, days: int) -> HorizonScores:
    """Score probabilities of shape (n,) of recurring within ``days`` against censored outcomes."""
    followed = outcomes.observed >= days
    recurred = outcomes.recurred & (outcomes.duration <= days)
    plain = _plain(risk[followed], recurred[followed])
    weight = ipcw(outcomes, days)
    return HorizonScores(
        days,
        len(risk),
        int(followed.sum()),
        **plain,
        **_weighted(risk, recurred, weight),
        mean_predicted_all=float(risk.mean()),
        kaplan_meier=float(kaplan_meier(outcomes.duration, outcomes.recurred, [days])[0]),
        calibration=_calibration(risk, outcomes, days),
        auc_by_day=_auc_by_day(risk, outcomes, days),
    )


def ipcw(outcomes: CensoredOutcomes, days: float) -> Floats:
    """Return each incident's weight: 1 over the chance of not having been censored before its outcome was known."""
    observed = np.sort(outcomes.observed)
    is_observed = (outcomes.recurred & (outcomes.duration <= days)) | (outcomes.observed >= days)
    until = np.minimum(outcomes.duration, days)
    # Every observation time is known, recurrence or not, so the chance of being watched that long is a plain share.
    chance = 1.0 - np.searchsorted(observed, until, side="left") / len(observed)
    weight: Floats = np.where(is_observed, 1.0 / np.maximum(chance, 1.0 / len(observed)), 0.0)
    return weight


def _plain(risk: Floats, recurred: npt.NDArray[np.bool_]) -> dict[str, float | None]:
    from sklearn.metrics import (  # noqa: PLC0415 - half a second, and no diagnosis needs it
        average_precision_score,
        brier_score_loss,
        roc_auc_score,
    )

    names = ("auc", "average_precision", "brier", "mean_predicted", "observed")
    if not len(risk):
        return dict.fromkeys(names)
    has_both_classes = 0 < recurred.sum() < len(recurred)
    values = (
        float(roc_auc_score(recurred, risk)) if has_both_classes else None,
        float(average_precision_score(recurred, risk)) if has_both_classes else None,
        float(brier_score_loss(recurred, risk, pos_label=True)),
        float(risk.mean()),
        float(recurred.mean()),
    )
    return dict(zip(names, values, strict=True))


def _weighted(risk: Floats, recurred: npt.NDArray[np.bool_], weight: Floats) -> dict[str, float | None]:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - as above

    weighted_rows = weight > 0
    has_both_classes = 0 < recurred[weighted_rows].sum() < weighted_rows.sum()
    auc = (
        float(roc_auc_score(recurred[weighted_rows], risk[weighted_rows], sample_weight=weight[weighted_rows]))
        if has_both_classes
        else None
    )
    brier = float(np.sum(weight * (recurred - risk) ** 2) / weight.sum()) if weighted_rows.any() else None
    return {"time_dependent_auc": auc, "ipcw_brier": brier}


def _calibration(risk: Floats, outcomes: CensoredOutcomes, days: int) -> tuple[tuple[float, float, int], ...]:
    order = np.argsort(risk, kind="stable")
    curve = []
    for rows in np.array_split(order, min(BINS, len(order))):
        share = kaplan_meier(outcomes.duration[rows], outcomes.recurred[rows], [days])[0]
        curve.append((float(risk[rows].mean()), float(share), len(rows)))
    return tuple(curve)


def _auc_by_day(risk: Floats, outcomes: CensoredOutcomes, days: int) -> tuple[tuple[float, float], ...]:
    curve = []
    for day in np.unique(np.linspace(1, days, min(days, POINTS)).round()).tolist():
        recurred = outcomes.recurred & (outcomes.duration <= day)
        auc = _weighted(risk, recurred, ipcw(outcomes, day))["time_dependent_auc"]
        if auc is not None:
            curve.append((float(day), auc))
    return tuple(curve)
