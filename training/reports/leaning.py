"""What a model leans on: the words and fields that spoke for each class, over many incidents."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np

from diagnosis.diagnoser import Diagnoser
from diagnosis.findings import FieldEvidence, TermEvidence
from training.command_line.wording import ENGLISH, Wording
from training.evaluation.held_out import HeldOut

SAMPLE = 300  # incidents whose evidence is added up
_CLASSES, _TERMS = 15, 8


def leaning(
    diagnoser: Diagnoser, held_out: HeldOut, target: str, t: Wording = ENGLISH, seed: int = 0
) -> list[tuple[str, list[tuple[str, float]]]]:
    """Return the evidence with the greatest mean weight, in log-odds, for each class, the commonest first.

    Added up from the evidence that an agent sees, so it says what the model in fact used on incidents like these, not
    what its weights could do on others.
    """
    rows = np.random.default_rng(seed).permutation(len(held_out))[:SAMPLE]
    prepared = diagnoser.prepare(held_out.incidents.iloc[np.sort(rows)].reset_index(drop=True))
    weights: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    counts: Counter[str] = Counter()
    for prediction in diagnoser.parts.routers[target].predict(prepared):
        if not prediction.alternatives:
            continue
        name = prediction.alternatives[0].value
        counts[name] += 1
        for evidence in prediction.evidence:
            if isinstance(evidence, TermEvidence):
                weights[name][evidence.text] += evidence.weight
            elif isinstance(evidence, FieldEvidence):
                weights[name][f"{t.field(evidence.field)} = {evidence.value}"] += evidence.weight
    return [(name, _mean_weights(weights[name], count)) for name, count in counts.most_common(_CLASSES)]


def _mean_weights(totals: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    heaviest = sorted(totals.items(), key=lambda item: -item[1])[:_TERMS]
    return [(term, total / count) for term, total in heaviest]
