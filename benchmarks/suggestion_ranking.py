"""Which way of joining relevance and outcome puts the fix that works first, in simulated histories of known outcomes.

Run with ``python -m benchmarks.suggestion_ranking``. Each simulated question has ten solutions. A solution applies with
a probability that relevance knows but for noise, and where it applies it holds with a probability of its own, of which
only the outcomes of its past uses are known: few for most, many for some. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from diagnosis.suggest.success import Prior, fit_prior

Floats = npt.NDArray[np.float64]
Rule = Callable[[Floats, Floats, Floats, Prior], Floats]
SOLUTIONS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=20_000)
    n = parser.parse_args().questions
    worlds = {
        "solutions alike (beta 8, 2)": (8, 2),
        "unlike (beta 2, 1)": (2, 1),
        "very unlike (beta .7, .3)": (0.7, 0.3),
    }
    print("| chance that the first works | " + " | ".join(worlds) + " |\n|---|" + "---:|" * len(worlds))
    worked = {world: simulate(n, *shape) for world, shape in worlds.items()}
    for rule in RULES:
        print(f"| {rule} | " + " | ".join(f"{worked[world][rule]:.3f}" for world in worlds) + " |")


def simulate(n: int, a: float, b: float) -> dict[str, float]:
    """Return the chance of each rule's first solution to work."""
    rng = np.random.default_rng(0)
    applies = rng.beta(0.8, 2, size=(n, SOLUTIONS))
    holds = rng.beta(a, b, size=(n, SOLUTIONS))
    relevance = np.clip(applies + rng.normal(0, 0.1, size=applies.shape), 0.01, 1)
    uses = np.minimum(rng.geometric(0.15, size=applies.shape) - 1, 60)
    held = rng.binomial(uses, holds).astype(float)
    failed = uses - held
    prior = fit_prior(held.ravel(), failed.ravel())
    first = {name: rule(relevance, held, failed, prior).argmax(axis=1) for name, rule in RULES.items()}
    first["the truth known"] = (applies * holds).argmax(axis=1)
    return {name: float((applies * holds)[np.arange(n), row].mean()) for name, row in first.items()}


def raw(relevance: Floats, held: Floats, failed: Floats, prior: Prior) -> Floats:
    uses = held + failed
    return relevance * np.divide(held, uses, out=np.full_like(held, prior.mean), where=uses > 0)


def shrunk(held: Floats, failed: Floats, prior: Prior) -> Floats:
    return (prior.mean * prior.precision + held) / (prior.precision + held + failed)


def wilson(held: Floats, failed: Floats) -> Floats:
    """Return the lower bound of Wilson (1927) at 90 %, which punishes what is seldom used."""
    n, z = np.maximum(held + failed, 1e-9), 1.28
    rate = held / n
    bound: Floats = (rate + z**2 / (2 * n) - z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)
    return bound


RULES: dict[str, Rule] = {
    "relevance alone": lambda r, *_: r,
    "× raw rate": raw,
    "× Wilson lower bound": lambda r, held, failed, _: r * wilson(held, failed),
    "× shrunk rate (ours)": lambda r, held, failed, prior: r * shrunk(held, failed, prior),
    "× square of the shrunk rate": lambda r, held, failed, prior: r * shrunk(held, failed, prior) ** 2,
    "× square root of the shrunk rate": lambda r, held, failed, prior: r * np.sqrt(shrunk(held, failed, prior)),
    "× rate shrunk by a fixed two uses": lambda r, held, failed, prior: r * shrunk(held, failed, Prior(prior.mean, 2)),
    "the truth known": lambda r, *_: r,
}


if __name__ == "__main__":
    main()
