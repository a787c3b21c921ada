"""The promotion gate: nothing worse than the release in service reaches the agents."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import bdtr

from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import Incident, incidents_of
from diagnosis.phrases import Phrase
from diagnosis.recurrence import Signature
from diagnosis.recurrence.rates import band, kaplan_meier
from diagnosis.routing.calibration import expected_calibration_error
from training.command_line.terminal import padded, width_of
from training.command_line.wording import ENGLISH, Wording
from training.evaluation.baselines import LINEAR_SVM, plain_answers
from training.evaluation.candidate import Candidate, Rival
from training.evaluation.comparison import ACCURACY, BRIER, FEWEST_IN_GROUP, SEARCH_RECALL, Comparison, Figure
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import SEARCH_DEPTH, TargetPredictions, recurrence_outcomes

_TWO_SIDED = 1.96  # standard deviations on both sides that hold 95 %
_ONE_SIDED = 1.645  # standard deviations that leave 5 % below
_POWER = 1.282  # and 10 %
_TIMED = 30  # incidents diagnosed one by one for the latency


@dataclass(frozen=True, slots=True)
class Limits:
    """What a release may lose, at most, and still be no worse; `docs/publishing.md` says where they come from.

    Attributes
    ----------
    overall, language, large_class : float
        Share of right answers.
    search : float
        Recall at 10.
    brier : float
        Of recurrence.
    fewest : int
        Rows, with the right answer of a target, below which nothing is compared.
    large : int
        Rows from which a class is large.
    calibration_error : float
        Greatest expected calibration error.
    evidence : float
        Level of the test against the certified precision.
    recurrence : float
        How far the mean predicted risk may lie outside the band of the rate that was seen.
    slower, larger : float
        Greatest latency (median of one diagnosis) and size, as multiples of those of the release in service.
    latency_ms : float
        Latency that is never refused.
    """

    overall: float = 0.03
    language: float = 0.05
    large_class: float = 0.10
    search: float = 0.05
    brier: float = 0.01
    fewest: int = 100
    large: int = 100
    calibration_error: float = 0.08
    evidence: float = 0.05
    recurrence: float = 0.05
    slower: float = 2.0
    larger: float = 3.0
    latency_ms: float = 20.0


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the gate's table.

    Attributes
    ----------
    name : Phrase
    candidate, required : float
        The figure that is judged and its bound.
    passed : bool or None
        None where it could not be measured.
    why : Phrase
        The figure, with the release in service beside it.
    essential : bool
        Whether a release is not published where this could not be measured.
    """

    name: Phrase
    candidate: float
    required: float
    passed: bool | None
    why: Phrase
    essential: bool = False


Outcome = Literal["pass", "refuse", "cannot_tell"]


@dataclass(frozen=True)
class GateDecision:
    """What the gate decides of a release.

    Attributes
    ----------
    instead_of : str or None
        The release in service that it was compared with.
    """

    release: str
    instead_of: str | None
    checks: tuple[Check, ...]

    @property
    def failed(self) -> list[Check]:
        """The checks that did not hold."""
        return [check for check in self.checks if check.passed is False]

    @property
    def unmeasured(self) -> list[Check]:
        """The checks that could not be made."""
        return [check for check in self.checks if check.passed is None]

    @property
    def missing(self) -> list[Check]:
        """The checks without which nothing is published, and that could not be made."""
        return [check for check in self.unmeasured if check.essential]

    @property
    def outcome(self) -> Outcome:
        """``refuse`` if a check failed, ``cannot_tell`` if an essential one could not be made, ``pass`` otherwise."""
        return "refuse" if self.failed else "cannot_tell" if self.missing else "pass"

    @property
    def publishes(self) -> bool:
        """Whether the release may go into service without a person's word."""
        return self.outcome == "pass"


def judge(candidate: Candidate, limits: Limits = LIMITS) -> GateDecision:
    """Hold a release against itself, and against the one in service on the same later incidents.

    Raises
    ------
    ReleaseError
        If the candidate cannot be loaded.
    """
    diagnoser, held_out = candidate.diagnoser, candidate.held_out  # what cannot be read is refused for that
    rival = None if candidate.is_published else candidate.published
    if held_out is None:
        # Beside another release the comparison that is missing says it.
        checks = [_unmeasured(Phrase("gate_own_figures"), Phrase("gate_own_figures_why"), essential=rival is None)]
    else:
        checks = [*own_checks(held_out, limits), *plain_checks(diagnoser, held_out, limits)]
    if rival is not None:
        checks += _against(candidate, rival, limits)
    return GateDecision(candidate.name, candidate.published, tuple(checks))


def _against(candidate: Candidate, published: str, limits: Limits) -> Iterator[Check]:
    name, unknown = Phrase("gate_compared", {"release": published}), float("nan")
    if candidate.rival_problem:  # a person has to decide
        yield Check(name, unknown, unknown, False, Phrase("gate_not_loaded_why", {"reason": candidate.rival_problem}))
        return
    rival, comparison = candidate.rival, candidate.comparison
    if rival is None:
        return
    if comparison is None:
        yield _unmeasured(name, Phrase("gate_none_held_out_why"), essential=True)
    else:
        yield from comparison_checks(comparison, limits)
    yield from _targets_kept(candidate.diagnoser, rival.diagnoser)
    yield from _costs(candidate, rival, limits)


def _targets_kept(candidate: Diagnoser, rival: Diagnoser) -> Iterator[Check]:
    """Yield a refusal for each target that the release in service predicts and the candidate does not."""
    for target in sorted(rival.parts.routers.keys() - candidate.parts.routers.keys()):
        cause = candidate.parts.left_out.get(target, Phrase("gate_not_asked_for"))
        reason = Phrase("gate_predicted_why", {"release": rival.release, "reason": cause})
        yield Check(Phrase("gate_predicted", {"target": target}), 0, 1, False, reason)


def _unmeasured(name: Phrase, reason: Phrase, *, essential: bool = False, required: float = float("nan")) -> Check:
    return Check(name, float("nan"), required, None, reason, essential)


def own_checks(held_out: HeldOut, limits: Limits = LIMITS) -> Iterator[Check]:
    """Yield what is asked of every release: probabilities that mean what they say, and promises that hold."""
    targets = held_out.predictions.targets.values()
    is_measured = any(int(target.labelled.sum()) >= limits.fewest for target in targets)
    for target in targets:
        labelled = target.take(target.labelled)
        name = Phrase("figure_calibration_error", {"target": target.target})
        if len(labelled) < limits.fewest:
            reason = Phrase("gate_too_few_labelled_why", {"n": len(labelled), "needed": limits.fewest})
            yield _unmeasured(name, reason, essential=not is_measured, required=limits.calibration_error)
            continue
        error = expected_calibration_error(labelled.probability, labelled.rank == 1)
        passed = error <= limits.calibration_error
        yield Check(name, error, limits.calibration_error, passed, Phrase("gate_incidents_why", {"n": len(labelled)}))
        yield _precision_check(labelled, limits)
    yield from _recurrence_checks(held_out, limits)


def plain_checks(diagnoser: Diagnoser, held_out: HeldOut, limits: Limits = LIMITS) -> Iterator[Check]:
    """Yield whether each target is answered no worse than by a linear support vector machine, on the same incidents."""
    for name, target in held_out.predictions.targets.items():
        if int(target.labelled.sum()) < limits.fewest:
            continue
        correct = target.take(target.labelled).correct.astype(float)
        for plain in plain_answers(diagnoser, held_out, target):
            if plain.name != LINEAR_SVM:
                continue
            difference = correct - plain.right
            gain, deviation = float(difference.mean()), float(difference.std() / np.sqrt(len(difference)))
            figure = Figure(
                name=Phrase("figure_beside_linear_svm", {"target": name}),
                slice="all",
                group="",
                n=len(correct),
                a=float(plain.right.mean()),
                b=float(correct.mean()),
                difference=gain,
                lower=gain - _TWO_SIDED * deviation,
                upper=gain + _TWO_SIDED * deviation,
                deviation=deviation,
            )
            yield _non_inferior(figure, limits.overall)


def comparison_checks(comparison: Comparison, limits: Limits = LIMITS) -> list[Check]:
    """Return what is asked of a release that would replace another: that no figure that matters is worse."""
    name = Phrase("gate_compared", {"release": comparison.a})
    if comparison.rows < limits.fewest:
        reason = Phrase("gate_too_few_why", {"basis": comparison.basis, "needed": limits.fewest})
        return [Check(name, comparison.rows, limits.fewest, None, reason, essential=True)]
    checks = [Check(name, comparison.rows, limits.fewest, True, comparison.basis)]
    for target, n in comparison.labelled.items():
        if n < limits.fewest:
            reason = Phrase("gate_too_few_labelled_why", {"n": n, "needed": limits.fewest})
            checks.append(_unmeasured(Phrase("gate_target_compared", {"target": target}), reason, essential=True))
    checks += [
        _non_inferior(figure, margin)
        for figure in comparison.figures
        if (margin := _margin(figure, limits)) is not None
    ]
    return checks + [_unmeasured(Phrase("gate_not_compared"), note) for note in comparison.notes]


def table(checks: tuple[Check, ...] | list[Check], t: Wording = ENGLISH) -> str:
    """Return the checks as lines for a person."""
    verdicts = {True: t("held"), False: t("REFUSED"), None: t("unknown")}
    names = [t(check.name) for check in checks]
    width = max(map(width_of, names), default=0)
    return "\n".join(
        f"  {padded(verdicts[check.passed], 8)} {padded(name, width)}  {_figure(check, t)}"
        for check, name in zip(checks, names, strict=True)
    )


def _figure(check: Check, t: Wording) -> str:
    if np.isnan(check.candidate) or np.isnan(check.required):
        return t(check.why)
    return t("{}, bound {}; {}", f"{check.candidate:.3g}", f"{check.required:.3g}", t(check.why))


def _margin(figure: Figure, limits: Limits) -> float | None:
    """Return what a figure may lose; None if it is shown and not judged."""
    code = figure.name.code
    if code == ACCURACY:
        if figure.slice == "class":
            return limits.large_class if figure.n >= limits.large else None
        return limits.language if figure.slice == "language" else limits.overall
    if figure.name == Phrase(SEARCH_RECALL, {"k": SEARCH_DEPTH}):
        return limits.search
    return limits.brier if code == BRIER else None


def _non_inferior(figure: Figure, margin: float) -> Check:
    """Hold a paired difference against a margin: a one-sided 95 % bound of the loss must stay within it.

    Where the rows are so few, or the answers so different, that an equal release would fail more often than one time in
    ten, the observed loss may be half the margin: no proof, but no reason to refuse either.
    """
    gain = figure.difference if figure.higher_is_better else -figure.difference
    bound = gain - _ONE_SIDED * figure.deviation
    weak = (_ONE_SIDED + _POWER) * figure.deviation > margin
    passed = bound >= -margin or (weak and gain >= -margin / 2)
    is_proven = bound >= -margin or not passed
    values = {"a": figure.a, "b": figure.b, "n": figure.n, "gain": gain}
    reason = Phrase("gate_gain_why" if is_proven else "gate_unproven_gain_why", values)
    return Check(Phrase("gate_worst_case", {"figure": figure.label}), bound, -margin, bool(passed), reason)


def _precision_check(labelled: TargetPredictions, limits: Limits) -> Check:
    """Test whether so few right automatic answers are likely if the promised precision holds."""
    name = Phrase("figure_certified_precision", {"target": labelled.target})
    automatic = int(labelled.automatic.sum())
    if not automatic:
        return Check(name, float("nan"), labelled.precision, True, Phrase("gate_nothing_automatic_why"))
    correct = int(labelled.decision_correct[labelled.automatic].sum())
    chance = float(bdtr(correct, automatic, labelled.precision))  # exact binomial test
    reason = Phrase("gate_precision_why", {"correct": correct, "automatic": automatic, "chance": chance})
    return Check(name, correct / automatic, labelled.precision, chance >= limits.evidence, reason)


def _recurrence_checks(held_out: HeldOut, limits: Limits) -> Iterator[Check]:
    """Yield whether the mean predicted risk lies near the band of the rate that was seen, at each horizon."""
    risks = held_out.predictions.recurrence
    watched = recurrence_outcomes(held_out.predictions, held_out.incidents, held_out.as_of)
    if risks is None or watched is None:
        return
    rows, outcomes = watched
    signatures = Signature(risks.signature).keys(held_out.incidents.iloc[rows])
    clusters = pd.factorize(signatures)[0]
    for days in risks.horizons:
        name = Phrase("gate_recurrence", {"days": days})
        followed = int((outcomes.observed >= days).sum())
        if followed < FEWEST_IN_GROUP:
            reason = Phrase("gate_too_few_watched_why", {"n": followed, "needed": FEWEST_IN_GROUP})
            yield _unmeasured(name, reason)
            continue
        lower, upper = band(outcomes.duration, outcomes.recurred, clusters, days)
        rate = float(kaplan_meier(outcomes.duration, outcomes.recurred, [days])[0])
        mean = float(risks.within(days)[rows].mean())
        least, bound = max(lower - limits.recurrence, 0.0), min(upper + limits.recurrence, 1.0)
        reason = Phrase("gate_recurrence_why", {"mean": mean, "rate": rate, "lower": lower, "upper": upper})
        yield Check(name, mean, bound if mean >= rate else least, least <= mean <= bound, reason)


def _costs(candidate: Candidate, rival: Rival, limits: Limits) -> Iterator[Check]:
    """Yield latency and size; both releases answer the same incidents in turn, so a busy machine slows both."""
    incidents = incidents_of(candidate.diagnoser.parts.history.frame().tail(_TIMED))
    if incidents:
        old, new = _median_milliseconds((rival.diagnoser, candidate.diagnoser), incidents)
        bound = max(limits.slower * old, limits.latency_ms)
        yield Check(Phrase("gate_latency"), new, bound, new <= bound, Phrase("gate_latency_why", {"old": old}))
    old, new = _megabytes(rival.folder), _megabytes(candidate.folder)
    bound = max(limits.larger * old, 100.0)
    yield Check(Phrase("gate_size"), new, bound, new <= bound, Phrase("gate_size_why", {"old": old}))


def _median_milliseconds(diagnosers: Sequence[Diagnoser], incidents: Sequence[Incident]) -> list[float]:
    """Return the median time of one diagnosis by each diagnoser."""
    seconds: list[list[float]] = [[] for _ in diagnosers]
    for incident in incidents:
        for times, diagnoser in zip(seconds, diagnosers, strict=True):
            began = time.perf_counter()
            diagnoser.diagnose(incident)
            times.append(time.perf_counter() - began)
    return [float(np.median(times)) * 1e3 for times in seconds]


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
