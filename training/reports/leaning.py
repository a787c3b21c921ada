"""What a model leans on: the words and fields that spoke for each class, over many incidents."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from diagnosis.diagnoser import Diagnoser
from diagnosis.findings import FieldEvidence, TermEvidence
from training.evaluation.held_out import HeldOut

ASKED = 300  # incidents whose evidence is added up
_CLASSES, _SHOWN = 15, 8


def leaning(
    diagnoser: Diagnoser, held: HeldOut, target: str, seed: int = 0
) -> list[tuple[str, list[tuple[str, float]]]]:
    """Return the evidence with the greatest mean weight, in log-odds, for each class, the commonest first.

    Added up from the evidence that an agent sees, so it says what the model in fact used on incidents like these, not
    what its weights could do on others.
    """
    rows = np.random.default_rng(seed).permutation(len(held.incidents))[:ASKED]
    prepared = diagnoser.prepare(held.incidents.iloc[np.sort(rows)].reset_index(drop=True))
    weights: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    counts: defaultdict[str, int] = defaultdict(int)
    for said in diagnoser.parts.routers[target].predict(prepared):
        if not said.alternatives:
            continue
        name = said.alternatives[0].value
        counts[name] += 1
        for evidence in said.evidence:
            if isinstance(evidence, TermEvidence):
                weights[name][evidence.text] += evidence.weight
            elif isinstance(evidence, FieldEvidence):
                weights[name][f"{evidence.field} = {evidence.value}"] += evidence.weight
    often = sorted(counts, key=lambda name: -counts[name])[:_CLASSES]
    return [
        (
            name,
            [
                (word, total / counts[name])
                for word, total in sorted(weights[name].items(), key=lambda w: -w[1])[:_SHOWN]
            ],
        )
        for name in often
    ]
