"""How often certified precision breaks its promise: ``python -m benchmarks.certainty [--draws 1000]``.

In each world the true precision of every answer is known. Tuning and calibration rows are drawn anew again and again,
what is certified is compared with the truth, and broken promises are counted: of everything automatic, and of the floor
of any class. The promise holds if chance alone, at the stated risk, explains as many.

``--rows N ...`` prints instead how much of many classes is certified with so many calibration rows, and how far single
releases differ by the luck of these rows alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.routing.certification import ScoredPredictions, certify_classes, certify_parents
from diagnosis.statistics import proportion_interval

PRECISION, RISK, FLOOR = 0.95, 0.1, 0.8
MANY = "true probabilities, many classes"
Precision = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class World:
    """ScoredPredictions whose true precision is known.

    Attributes
    ----------
    n_classes, skew : int, float
        Class k is answered in proportion to ``k ** -skew``.
    n : int
        Calibration rows; there are three times as many tuning rows.
    precision : callable
        From class and stated probability, each of shape (n,), to how often such an answer is right.
    children : int
        More than one: the classes are those of parents with so many children each.
    """

    name: str
    n_classes: int
    n: int
    precision: Precision
    skew: float = 1.0
    children: int = 1


@dataclass(frozen=True)
class Drawn:
    """ScoredPredictions with classes and with their parents, and how often each would be right."""

    classes: ScoredPredictions
    parents: ScoredPredictions
    class_precision: np.ndarray
    parent_precision: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """In how many draws something was certified and a promise was broken, and the mean share that was automatic."""

    draws: int
    certified: int
    broken: int
    floors_broken: int
    coverage: float
    oracle: float


def calibrated(_: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Every probability is true."""
    return p


def overconfident(_: np.ndarray, p: np.ndarray) -> np.ndarray:
    return 0.6 + 0.37 * p


def falling(_: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Precision is worst where the classifier is surest."""
    return np.where(p > 0.9, 0.94, 0.99)


def by_class(classes: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Classes are of very different worth."""
    return np.clip(p + 0.15 - 0.02 * classes, 0, 1)


def borderline(classes: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Just below the promise everywhere: whatever is certified breaks it."""
    return np.full(len(classes), PRECISION - 0.001)


WORLDS = (
    World("true probabilities", 3, 1_500, calibrated),
    World("true probabilities, few rows", 3, 120, calibrated),
    World(MANY, 74, 1_400, calibrated, 1.2),
    World("too sure", 8, 1_500, overconfident),
    World("worst where surest", 8, 1_500, falling),
    World("classes of different worth", 74, 1_400, by_class, 1.2),
    World("classes of different worth, few rows", 74, 120, by_class, 1.2),
    World("just below the promise", 1, 1_500, borderline),
    World("just below the promise, many classes", 74, 1_400, borderline, 1.2),
    World("just below the promise, few rows", 3, 120, borderline),
)
BACK_OFF = (
    World("parents of two", 8, 1_500, calibrated, children=2),
    World("parents of two, few rows", 8, 200, calibrated, children=2),
    World("parents of four, too sure", 40, 1_400, overconfident, children=4),
    World("parents of two, different worth", 24, 1_400, by_class, children=2),
    World("parents just below the promise", 8, 1_500, borderline, children=2),
)


def draw(world: World, n: int, rng: np.random.Generator) -> Drawn:
    """Return ``n`` answers; a child has a share of its parent's probability, and a right child has a right parent."""
    weights = np.arange(1, world.n_classes + 1) ** -world.skew
    classes = rng.choice(world.n_classes, n, p=weights / weights.sum())
    of_parent = rng.beta(2.5, 0.5, n)
    share = 1 - (1 - 1 / world.children) * rng.random(n) ** 4  # of half of the incidents the child is nearly certain
    groups = classes // world.children
    parent_precision = world.precision(groups, of_parent)
    class_precision = parent_precision * share if world.children > 1 else parent_precision
    luck = rng.random(n)
    names = np.array([f"c{k}" for k in range(world.n_classes)], dtype=object)
    return Drawn(
        ScoredPredictions(
            names[classes], of_parent * share if world.children > 1 else of_parent, luck < class_precision
        ),
        ScoredPredictions(names[groups], of_parent, luck < parent_precision),
        class_precision,
        parent_precision,
    )


def simulate(world: World, draws: int, seed: int = 0, population: int = 20_000) -> Outcome:
    """Certify again and again; with children, what is counted are the parents answered where no class is."""
    rng = np.random.default_rng(seed)
    everyone = draw(world, population, rng)
    of_parents = world.children > 1
    answers = everyone.parents if of_parents else everyone.classes
    right = everyone.parent_precision if of_parents else everyone.class_precision
    certified = broken = floors = 0
    coverage = 0.0
    for _ in range(draws):
        tuning, calibration = draw(world, 3 * world.n, rng), draw(world, world.n, rng)
        promise = {"precision": PRECISION, "risk": RISK, "floor": FLOOR}
        found = certify_classes(tuning.classes, calibration.classes, **promise)
        accepted = found.accepts(answers.value, answers.probability)
        if of_parents:
            automatic = found.accepts(everyone.classes.value, everyone.classes.probability)
            pairs = (tuning.classes, tuning.parents), (calibration.classes, calibration.parents)
            found = certify_parents(found, *pairs, **promise)
            accepted = found.accepts(answers.value, answers.probability) & ~automatic
        certified += bool(accepted.any())
        broken += bool(accepted.any() and right[accepted].mean() < PRECISION)
        floors += below_floor(answers, right, accepted)
        coverage += float(accepted.mean()) / draws
    return Outcome(draws, certified, broken, floors, coverage, oracle(right))


def by_rows(sizes: Sequence[int], draws: int, seed: int, population: int = 20_000) -> Iterator[str]:
    """Yield for each number of calibration rows, and as many tuning rows, what single releases certify."""
    rng = np.random.default_rng(seed)
    world = next(world for world in WORLDS if world.name == MANY)
    everyone = draw(world, population, rng)
    for n in sizes:
        coverage = []
        for _ in range(draws):
            tuning, calibration = draw(world, n, rng).classes, draw(world, n, rng).classes
            found = certify_classes(tuning, calibration, precision=PRECISION, risk=RISK, floor=FLOOR)
            coverage.append(found.accepts(everyone.classes.value, everyone.classes.probability).mean())
        low, high = np.quantile(coverage, [0.1, 0.9])
        nothing = np.mean(np.array(coverage) == 0)
        yield f"| {n} | {np.mean(coverage):.3f} | {np.std(coverage):.3f} | {low:.3f}–{high:.3f} | {nothing:.2f} |"


def below_floor(answers: ScoredPredictions, right: np.ndarray, accepted: np.ndarray) -> bool:
    """Tell whether a class that is automatic is right less often than its floor."""
    _, codes = np.unique(answers.value[accepted].astype(str), return_inverse=True)
    means = np.bincount(codes, weights=right[accepted]) / np.maximum(np.bincount(codes), 1)
    return bool((means < FLOOR).any())


def oracle(right: np.ndarray) -> float:
    """Return the greatest share of answers that keeps the promise, were the precision of each one known."""
    so_far = np.cumsum(np.sort(right)[::-1]) / np.arange(1, len(right) + 1)
    return float((so_far >= PRECISION).mean())


def rows(worlds: Sequence[World], draws: int, seed: int) -> Iterator[tuple[str, bool]]:
    """Yield a line of the table for each world, and whether its promises were kept."""
    for world in worlds:
        seen = simulate(world, draws, seed)
        lines, held = [], True
        for count in (seen.broken, seen.floors_broken):
            low, high = proportion_interval(count, draws)
            held &= low <= RISK
            lines.append(f"{count / draws:.3f} ({low:.3f}–{high:.3f})")
        figures = f"{seen.certified / draws:.3f} | {lines[0]} | {lines[1]} | {seen.coverage:.3f} | {seen.oracle:.3f}"
        yield f"| {world.name} | {world.n_classes} | {world.n} | {figures} | {'yes' if held else 'NO'} |", held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--of", nargs="+", choices=["classes", "parents"], default=["classes", "parents"])
    parser.add_argument("--rows", type=int, nargs="+", default=[], help="numbers of calibration rows")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.rows:
        print("| calibration rows | coverage | standard deviation | 10 to 90 % of releases | nothing certified |")
        print("|" + " --- |" * 5)
        for line in by_rows(asked.rows, asked.draws, asked.seed):
            print(line, flush=True)
        return 0
    print(f"{asked.draws} draws each; precision {PRECISION}, floor {FLOOR}; allowed to break: {RISK}\n")
    heads = (
        "answers | classes | calibration rows | certified | broken (95 %) | a floor broken | coverage | oracle | held"
    )
    print(f"| {heads} |")
    print("|" + " --- |" * 9)
    kept = []
    worlds = [world for part in asked.of for world in {"classes": WORLDS, "parents": BACK_OFF}[part]]
    for line, held in rows(worlds, asked.draws, asked.seed):
        print(line, flush=True)
        kept.append(held)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
