"""The promotion gate: nothing worse than the release in service reaches the agents."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import bdtr

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import ReleaseError
from diagnosis.incident import incidents_of
from diagnosis.recurrence import Signature
from diagnosis.recurrence.rates import band, kaplan_meier
from diagnosis.releases import Releases
from diagnosis.routing.calibration import expected_calibration_error
from training.evaluation.comparison import FEWEST_IN_GROUP, Comparison, Figure, compare
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import horizons_of, outcomes_of, targets_of

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
        Rows below which nothing is compared.
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
    candidate, required : float
        The figure that is judged and its bound.
    passed : bool or None
        None where it could not be measured; that refuses nothing, and is said.
    why : str
        The figure in words, with the release in service beside it.
    """

    name: str
    candidate: float
    required: float
    passed: bool | None
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a release."""

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


def judge(releases: Releases, candidate: str, limits: Limits = LIMITS) -> Verdict:
    """Hold a release against itself, and against the one in service on the same later incidents.

    Raises
    ------
    ReleaseError
        If the candidate cannot be loaded.
    """
    folder, published = releases.path(candidate), releases.published()
    held = HeldOut.load(folder)
    checks: list[Check] = []
    if held is None:
        why = "the release was trained without evaluation, or on too few incidents to hold some out"
        checks.append(Check("figures of its own", float("nan"), float("nan"), None, why))
    else:
        checks += [*own_checks(held, limits)]
    if published is not None and published != candidate:
        checks += _against(releases, published, candidate, held, limits)
    return Verdict(candidate, published, tuple(checks))


def _against(
    releases: Releases, published: str, candidate: str, held: HeldOut | None, limits: Limits
) -> Iterator[Check]:
    try:
        rival = Diagnoser.load(releases.path(published))
    except ReleaseError as error:  # of an older version of this program, say: a person has to decide
        yield Check(f"compared with {published}", float("nan"), float("nan"), False, f"could not be loaded: {error}")
        return
    if held is not None:
        yield from comparison_checks(compare(rival, releases.path(published), candidate, held), limits)
    yield from _costs(releases, candidate, rival, limits)


def own_checks(held: HeldOut, limits: Limits = LIMITS) -> Iterator[Check]:
    """Yield what is asked of every release: probabilities that mean what they say, and promises that hold."""
    answers = held.answers
    for target in targets_of(answers):
        told = (answers[f"{target}|truth"] != "") & answers[f"{target}|value"].notna()
        rows = answers[told]
        name = f"{target}: calibration error"
        if len(rows) < limits.fewest:
            yield Check(name, float("nan"), limits.calibration_error, None, f"{len(rows)} incidents with a truth")
            continue
        right = (rows[f"{target}|rank"] == 1).to_numpy()
        error = expected_calibration_error(rows[f"{target}|probability"].to_numpy(float), right)
        yield Check(
            name, error, limits.calibration_error, error <= limits.calibration_error, f"{len(rows):,} incidents"
        )
        yield _promise(target, rows, held.targets.get(target, float("nan")), limits)
    yield from _recurrence_promise(held, limits)


def comparison_checks(comparison: Comparison, limits: Limits = LIMITS) -> list[Check]:
    """Return what is asked of a release that would replace another: that no figure that matters is worse."""
    if comparison.rows < limits.fewest:
        why = f"{comparison.basis}; {limits.fewest} are needed"
        return [Check(f"compared with {comparison.a}", comparison.rows, limits.fewest, None, why)]
    checks = [Check(f"compared with {comparison.a}", comparison.rows, limits.fewest, True, comparison.basis)]
    checks += [
        _non_inferior(figure, margin)
        for figure in comparison.figures
        if (margin := _margin(figure, limits)) is not None
    ]
    unknown = float("nan")
    return checks + [Check("not compared", unknown, unknown, None, note) for note in comparison.notes]


def table(checks: tuple[Check, ...] | list[Check]) -> str:
    """Return the checks as lines for a person."""
    words = {True: "held", False: "REFUSED", None: "unknown"}
    width = max((len(check.name) for check in checks), default=0)
    return "\n".join(f"  {words[c.passed]:8} {c.name:{width}}  {_bound(c)}{c.why}" for c in checks)


def _bound(check: Check) -> str:
    if np.isnan(check.candidate) or np.isnan(check.required):
        return ""
    return f"{check.candidate:.3g}, bound {check.required:.3g}; "


def _margin(figure: Figure, limits: Limits) -> float | None:
    """Return what a figure may lose; None if it is shown and not judged."""
    if figure.name.endswith(": accuracy"):
        if figure.slice == "class":
            return limits.large_class if figure.n >= limits.large else None
        return limits.language if figure.slice == "language" else limits.overall
    if figure.name == "search: recall at 10":
        return limits.search
    return limits.brier if figure.name.endswith(": Brier") else None


def _non_inferior(figure: Figure, margin: float) -> Check:
    """Hold a paired difference against a margin: a one-sided 95 % bound of the loss must stay within it.

    Where the rows are so few, or the answers so different, that an equal release would fail more often than one time in
    ten, the observed loss may be half the margin: no proof, but no reason to refuse either.
    """
    gain = figure.difference if figure.higher_is_better else -figure.difference
    bound = gain - _ONE_SIDED * figure.deviation
    weak = (_ONE_SIDED + _POWER) * figure.deviation > margin
    passed = bound >= -margin or (weak and gain >= -margin / 2)
    why = f"{figure.b:.3f} against {figure.a:.3f} on {figure.n:,} incidents, {gain:+.3f}"
    if passed and bound < -margin:
        why += "; too few incidents to prove it"
    return Check(f"{figure.label}, worst case", bound, -margin, bool(passed), why)


def _promise(target: str, rows: pd.DataFrame, promised: float, limits: Limits) -> Check:
    automatic = rows[rows[f"{target}|automatic"].astype(bool)]
    name = f"{target}: certified precision"
    if automatic.empty:
        return Check(name, float("nan"), promised, True, "nothing is automatic")
    right = int(automatic[f"{target}|right"].sum())
    evidence = float(bdtr(right, len(automatic), promised))  # exact binomial test
    why = (
        f"{right:,} of {len(automatic):,} automatic answers right; chance of so few if the promise holds {evidence:.2g}"
    )
    return Check(name, right / len(automatic), promised, bool(evidence >= limits.evidence), why)


def _recurrence_promise(held: HeldOut, limits: Limits) -> Iterator[Check]:
    if not held.signature or not horizons_of(held.answers):
        return
    numbers, seen = outcomes_of(held.incidents, held.signature, held.as_of)
    for days in horizons_of(held.answers):
        risk = held.answers.set_index("number")[f"recurrence|{days}"].reindex(numbers).to_numpy(float)
        told = np.isfinite(risk)
        followed = int((seen.observed[told] >= days).sum())
        name = f"recurrence in {days} days: mean predicted"
        if followed < FEWEST_IN_GROUP:
            yield Check(name, float("nan"), float("nan"), None, f"{followed} incidents were watched that long")
            continue
        part = seen.take(told)
        told_of = held.incidents.set_index("number").loc[numbers[told]]
        keys = pd.factorize(Signature(held.signature).keys(told_of))[0]
        lower, upper = band(part.duration, part.recurred, keys, days)
        mean, rate = float(risk[told].mean()), float(kaplan_meier(part.duration, part.recurred, [days])[0])
        least, most = max(lower - limits.recurrence, 0.0), min(upper + limits.recurrence, 1.0)
        why = f"mean predicted {mean:.3f}, Kaplan-Meier {rate:.3f} ({lower:.3f} to {upper:.3f})"
        yield Check(name, mean, most if mean >= rate else least, least <= mean <= most, why)


def _costs(releases: Releases, candidate: str, rival: Diagnoser, limits: Limits) -> Iterator[Check]:
    """Yield latency and size; both releases answer the same incidents in turn, so a busy machine slows both."""
    own = Diagnoser.load(releases.path(candidate))
    incidents = incidents_of(own.parts.history.frame().tail(_TIMED))
    if incidents:
        seconds: list[list[float]] = [[], []]
        for incident in incidents:
            for times, diagnoser in zip(seconds, (rival, own), strict=True):
                began = time.perf_counter()
                diagnoser.diagnose(incident)
                times.append(time.perf_counter() - began)
        before, after = (float(np.median(times)) * 1e3 for times in seconds)
        most = max(limits.slower * before, limits.latency_ms)
        why = f"milliseconds for one diagnosis, {before:.1f} in service"
        yield Check("latency", after, most, after <= most, why)
    old, new = (_megabytes(releases.path(name)) for name in (rival.release, candidate))
    most = max(limits.larger * old, 100.0)
    yield Check("size", new, most, new <= most, f"megabytes, {old:.0f} in service")


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
