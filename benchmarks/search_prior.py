"""How good the weights of search are that nothing taught: each data set judged by the weights that the others taught.

Where records hold nothing to ask with, search begins with weights that other data sets taught (`Fusion.untaught`). Here
every set of the shared data is asked with records of that kind. For each one, weights are learned from the questions of
all sets of other sources, as many of each, and judged on its own questions; beside them each signal alone, and the two
priors of `diagnosis.search.fusion`, which all of these sets have taught. Mean reciprocal rank; how far the mix is ahead
of the signal that is best alone on that set, and where 95 of 100 resamplings of the questions lie. The last table says
how often each mix is ahead of every signal alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.search_tasks import TASKS, Task, blanked, one_side, unread
from diagnosis.search import Fusion, Retriever
from diagnosis.search.fusion import PRIOR, LabelledCandidates
from training.fitting.search import fit_encoder_on

SETS: dict[str, tuple[str, Callable[[int], Iterator[Task]]]] = {  # name, source, tasks
    name: (name.partition(",")[0], TASKS[name])
    for name in (
        "support-kb, nothing but resolutions",
        "complaints-zh, answers alone",
        "chinese-kb, nothing but resolutions",
        "alert-runbooks, nothing but resolutions",
        "bug-duplicates-hadoop",
    )
} | {
    f"bilingual-kb, {language}, nothing but resolutions": (
        "bilingual-kb",
        lambda folds, language=language: unread(blanked(one_side(language), "cause", folds)),
    )
    for language in ("zh", "en")
}
SIGNALS = tuple(name for name in PRIOR if not name.startswith("general:"))
MOST_OF_ONE = 300  # questions of each set that teach the others: a large set is no more than another


@dataclass(frozen=True)
class Questions:
    """The questions of one set: what every signal says of each candidate, and the row of the right one if it is one."""

    source: str
    candidates: list[tuple[np.ndarray, int | None]]

    def ranks(self, weights: np.ndarray) -> np.ndarray:
        """Return the reciprocal rank of each answer, the middle one among equals, 0 where it was not a candidate."""
        ranks = np.zeros(len(self.candidates))
        for row, (signals, right) in enumerate(self.candidates):
            if right is not None:
                scores = signals @ weights
                above, equal = (scores > scores[right]).sum(), (scores == scores[right]).sum()
                ranks[row] = 1 / (1 + above + (equal - 1) / 2)
        return ranks

    def lesson(self) -> list[LabelledCandidates]:
        """Return what may teach other sets."""
        known = [(signals, right) for signals, right in self.candidates if right is not None]
        chosen = np.random.default_rng(0).permutation(len(known))[:MOST_OF_ONE]
        return [known[row] for row in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, default=2, choices=(1, 2), help="1: ask only the first half")
    folds = parser.parse_args().folds
    asked = {name: Questions(source, measured(tasks(folds))) for name, (source, tasks) in SETS.items()}
    priors = {name: as_row(mix(SIGNALS)) for name, mix in (("prior", Fusion.prior), ("untaught", Fusion.untaught))}
    wins = dict.fromkeys((*priors, "of other sets"), 0)
    print("| data | questions | best alone | | prior | untaught | of other sets | ahead of the best alone by |")
    print("|---|---:|---|---:|---:|---:|---:|---|")
    for name, questions in asked.items():
        others = [other.lesson() for other in asked.values() if other.source != questions.source]
        taught = as_row(Fusion.fit(SIGNALS, [question for lesson in others for question in lesson]))
        alone = {signal: questions.ranks(row) for signal, row in zip(SIGNALS, np.eye(len(SIGNALS)), strict=True)}
        best = max(alone, key=lambda signal: alone[signal].mean())
        ranks = {mix: questions.ranks(weights) for mix, weights in (priors | {"of other sets": taught}).items()}
        for mix in wins:
            wins[mix] += int(ranks[mix].mean() > alone[best].mean())
        figures = " | ".join(f"{of_mix.mean():.3f}" for of_mix in ranks.values())
        ahead = with_interval(ranks["of other sets"] - alone[best])
        n = len(questions.candidates)
        print(f"| {name} | {n:,} | {best} | {alone[best].mean():.3f} | {figures} | {ahead} |", flush=True)
    print("\n| mix | ahead of every signal alone |\n|---|---:|")
    for mix, count in wins.items():
        print(f"| {mix} | {count} of {len(asked)} |")
    everything = Fusion.fit(SIGNALS, [question for other in asked.values() for question in other.lesson()])
    weights = "; ".join(f"{name} {weight:.1f}" for name, weight in everything.weights.items())
    print(f"\nWeights that all of them teach: {weights}")


def measured(tasks: Iterator[Task]) -> list[tuple[np.ndarray, int | None]]:
    """Return what every signal says of the candidates for each question, and which one answers."""
    candidates: list[tuple[np.ndarray, int | None]] = []
    for task in tasks:
        encoder = fit_encoder_on(task.articles, task.incidents)
        found = Retriever(encoder, fields=task.fields).fit(task.articles, task.incidents)
        found.upsert("incidents", task.late)
        columns = [SIGNALS.index(name) for name in found.signals(task.corpus)]
        filters = task.filters or [None] * len(task.questions)
        for question, answer, allowed in zip(task.questions, task.answers, filters, strict=True):
            [(numbers, signals)] = found.measure([question], task.corpus, allowed)
            rows = np.zeros((len(numbers), len(SIGNALS)))
            rows[:, columns] = signals
            candidates.append((rows, numbers.index(answer) if answer in numbers else None))
    return candidates


def as_row(fusion: Fusion) -> np.ndarray:
    return np.array([fusion.weights[name] for name in SIGNALS])


def with_interval(differences: np.ndarray) -> str:
    draws = np.random.default_rng(0).integers(len(differences), size=(2_000, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), [2.5, 97.5])
    return f"{differences.mean():+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
