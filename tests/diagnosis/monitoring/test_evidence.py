"""The promise of `evidence` by simulation: hardly ever a false alarm, however often one looks, and soon a true one."""

import math

import numpy as np
import pytest

from diagnosis.monitoring.contradiction import log_capital, strongest_evidence


def first_alarm(wrong: np.ndarray, allowed: float, risk: float) -> int | None:
    """Return after how many answers somebody who looks after each one sees an alarm."""
    logs = log_capital(np.arange(1, len(wrong) + 1), np.cumsum(wrong), allowed)
    alarms = np.flatnonzero(logs >= -math.log(risk))
    return int(alarms[0]) + 1 if len(alarms) else None


def test_the_capital_is_the_mean_of_likelihood_ratios() -> None:
    bets = 0.2 + 0.8 * np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
    expected = np.mean((bets / 0.2) ** 3 * ((1 - bets) / 0.8) ** 7)
    assert math.exp(log_capital(10, 3, 0.2)) == pytest.approx(expected)
    assert math.exp(log_capital(0, 0, 0.2)) == pytest.approx(1.0)


@pytest.mark.parametrize("allowed", [0.05, 0.2])
def test_under_the_promise_nobody_wins_on_average_in_closed_form(allowed: float) -> None:
    n, w = 12, np.arange(13)
    chance = np.array([math.comb(n, k) * allowed**k * (1 - allowed) ** (n - k) for k in w])
    assert (chance * np.exp(log_capital(np.full(13, n), w, allowed))).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("allowed", "risk"), [(0.05, 0.05), (0.2, 0.05), (0.05, 0.2)])
def test_false_alarms_are_at_most_the_risk_at_the_edge_of_the_promise_looking_after_every_answer(allowed, risk) -> None:
    rng = np.random.default_rng(7)
    runs = 800
    alarms = sum(first_alarm(rng.random(1000) < allowed, allowed, risk) is not None for _ in range(runs))
    # One-sided 99.9 % bound of a binomial at the risk itself.
    assert alarms <= runs * risk + 3.1 * math.sqrt(runs * risk * (1 - risk))


def test_silence_and_late_word_never_add_a_false_alarm() -> None:
    """Errors are told at once, right answers weeks later or never: each look sees only what is known by then."""
    rng = np.random.default_rng(11)
    runs, risk, allowed, alarms = 300, 0.1, 0.05, 0
    for _ in range(runs):
        wrong = rng.random(600) < allowed
        told_at = np.arange(600) + rng.exponential(np.where(wrong, 5, 400))
        told_at[rng.random(600) < 0.3] = np.inf
        looks = [
            strongest_evidence(wrong[:day] & (told_at[:day] <= day), allowed).evidence for day in range(50, 601, 50)
        ]
        alarms += max(looks) >= 1 / risk
    assert alarms <= runs * risk + 3.1 * math.sqrt(runs * risk * (1 - risk))


@pytest.mark.parametrize(("allowed", "share", "soon"), [(0.05, 0.15, 150), (0.05, 0.4, 25), (0.2, 0.5, 50)])
def test_a_broken_promise_is_seen_soon(allowed: float, share: float, soon: int) -> None:
    rng = np.random.default_rng(3)
    waits = [first_alarm(rng.random(2000) < share, allowed, 0.05) for _ in range(100)]
    assert None not in waits
    assert np.median(waits) <= soon


def test_quality_that_breaks_in_service_is_seen_although_it_was_good_for_long() -> None:
    rng = np.random.default_rng(5)
    good, broken = rng.random(500) < 0.01, rng.random(800) < 0.3
    assert first_alarm(good, 0.05, 0.05) is None
    seen = first_alarm(np.concatenate([good, broken]), 0.05, 0.05)
    assert seen is not None
    assert seen - 500 < 300


def test_the_strongest_moment_is_found() -> None:
    wrong = np.array([False] * 5 + [True] * 6 + [False] * 400)
    found = strongest_evidence(wrong, 0.2)
    assert (found.answered, found.wrong) == (11, 6)
    assert found.evidence == pytest.approx(math.exp(log_capital(11, 6, 0.2)))
    nothing = strongest_evidence(np.zeros(0, dtype=bool), 0.2)
    assert (nothing.answered, nothing.evidence) == (0, 1.0)
