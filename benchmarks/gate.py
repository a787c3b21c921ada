"""How often a release passes the gate's comparison, by simulation, beside other rules. `python -m benchmarks.gate`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from diagnosis.phrases import Phrase
from training.evaluation.comparison import ACCURACY, Comparison, Figure, Slice
from training.evaluation.gate import LIMITS, comparison_checks

# Share of answers that the new release mends and spoils, and incidents compared.
RELEASES = [
    ("equal", 0.03, 0.03, 1500),
    ("equal", 0.03, 0.03, 600),
    ("equal", 0.03, 0.03, 200),
    ("2 points better", 0.05, 0.03, 600),
    ("0.5 points worse", 0.03, 0.035, 20_000),
    ("3 points worse", 0.02, 0.05, 1500),
    ("4 points worse", 0.02, 0.06, 300),
    ("6 points worse", 0.02, 0.08, 300),
    ("6 points worse", 0.02, 0.08, 600),
]


def gate(difference: float, deviation: float, n: int) -> bool:
    kind: Slice = "all"
    figure = Figure(
        Phrase(ACCURACY, {"target": "category"}), kind, "", n, 0.8, 0.8 + difference, difference, 0.0, 0.0, deviation
    )
    return all(check.passed for check in comparison_checks(Comparison("a", "b", n, 0, 0, (figure,), ())))


def bound_alone(difference: float, deviation: float, _: int) -> bool:
    return difference - 1.645 * deviation >= -LIMITS.overall


def not_proven_worse(difference: float, deviation: float, _: int) -> bool:
    return difference + 1.96 * deviation >= 0


RULES: dict[str, Callable[[float, float, int], bool]] = {
    "the gate": gate,
    "the bound without exception": bound_alone,
    "refuse what is proven worse": not_proven_worse,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=4000)
    draws = parser.parse_args().draws
    rng = np.random.default_rng(0)
    print(f"| new release | incidents | {' | '.join(RULES)} |")
    print("|---|---:|" + "---:|" * len(RULES))
    for name, better, worse, n in RELEASES:
        counts = rng.multinomial(n, [better, worse, 1 - better - worse], size=draws)
        differences = (counts[:, 0] - counts[:, 1]) / n
        deviations = np.sqrt(((counts[:, 0] + counts[:, 1]) / n - differences**2) / n)
        shares = [
            np.mean([rule(float(d), float(s), n) for d, s in zip(differences, deviations, strict=True)])
            for rule in RULES.values()
        ]
        print(f"| {name} | {n:,} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")


if __name__ == "__main__":
    main()
