"""The certificates of a release itself: what it decides without a person, beside what its evaluation model decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.parts import Parts
from diagnosis.phrases import Phrase
from diagnosis.routing import Router
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import predict_target

_NO_LABELS = pd.Series(dtype="str")


@dataclass(frozen=True, slots=True)
class LiveCertificate:
    """What calibration proved of a target, and what the release decides on the latest incidents.

    The release's certified fit never learned from its calibration rows, but they set its thresholds: the proven bound
    is the promise, the share that was right describes these rows.

    Attributes
    ----------
    promised, risk : float
        The precision that automatic decisions are certified for, and the chance that the certificate is wrong.
    accepted, correct : int
        Calibration rows at or above the threshold, and those of them that were right.
    proven : float
        Lower bound of the precision, at confidence ``1 - risk``; NaN where nothing is certified.
    incidents, automatic : int
        Incidents that the release was asked about, and those that it decides.
    automatic_correct : int
        Decisions that are right.
    why_not : Phrase or None
        Why nothing is certified; None if something is.
    """

    target: str
    promised: float
    risk: float
    accepted: int
    correct: int
    proven: float
    incidents: int
    automatic: int
    automatic_correct: int
    why_not: Phrase | None = None

    @property
    def share(self) -> float:
        """Share of the incidents that the release decides."""
        return self.automatic / self.incidents if self.incidents else 0.0


def live_certificates(parts: Parts, held_out: HeldOut) -> Mapping[str, LiveCertificate]:
    """Return the certificate of each target of a release, measured on held-out incidents with a truth.

    Parameters
    ----------
    parts : Parts
        Of the release that goes into service, not of the model that was evaluated.
    held_out : HeldOut
    """
    return {
        target: _live_certificate(router, Diagnoser("", parts), held_out.incidents)
        for target, router in parts.routers.items()
        if router.certificates_ is not None and (held_out.incidents.get(target, _NO_LABELS) != "").any()
    }


def _live_certificate(router: Router, diagnoser: Diagnoser, incidents: pd.DataFrame) -> LiveCertificate:
    labelled = incidents[incidents[router.target].astype("str").fillna("") != ""].reset_index(drop=True)
    predicted = predict_target(router, diagnoser.prepare(labelled), labelled[router.target])
    assert router.certificates_ is not None
    overall = router.certificates_.overall
    why_not = overall.why_not
    return LiveCertificate(
        target=router.target,
        promised=overall.promised,
        risk=overall.risk,
        accepted=overall.accepted,
        correct=overall.correct,
        proven=float("nan") if why_not else overall.lower_bound,
        incidents=len(labelled),
        automatic=int(predicted.automatic.sum()),
        automatic_correct=int(np.sum(predicted.decision_correct)),
        why_not=why_not,
    )
