"""What raised or lowered a risk, in words: groups of features that a person can name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from diagnosis.arrays import Floats
from diagnosis.findings import Factor, RecurrenceRisk
from diagnosis.phrases import Phrase, in_words
from diagnosis.recurrence.outcomes import definition

LEAST_EFFECT = 0.005
MAX_FACTORS = 5
WINDOW = 30
NOTABLE = 1.5  # times the base rate
COUNTED_BY_WINDOW = (
    "signature",
    "caller",
    "caller+category",
    "caller+symptom",
)  # their value is how often, never a name: names are personal data
# A feature "desk: hour sine" belongs to the factor "clock", not to how busy the desk was.
OF_DESK = {
    "hour sine": "clock",
    "hour cosine": "clock",
    "weekend": "clock",
    "kinds of caller": "caller",
    "share of caller": "caller",
}


@lru_cache(maxsize=8)
def groups(columns: tuple[str, ...]) -> Mapping[str, list[int]]:
    """Return the positions of the features behind each factor."""
    positions: dict[str, list[int]] = {}
    for i, column in enumerate(columns):
        factor, _, feature = column.partition(": ")
        positions.setdefault(OF_DESK.get(feature, factor) if factor == "desk" else factor, []).append(i)
    return positions


def code_of(factor: str) -> str:
    """Return the code of a factor in the catalogue of phrases."""
    return "factor_" + factor.replace(" ", "_").replace("+", "_and_")


def in_language(risk: RecurrenceRisk, language: str) -> RecurrenceRisk:
    """Return the risk with its factors and its definition in the words of a language."""
    factors = tuple(replace(factor, name=in_words(Phrase(factor.code), language)) for factor in risk.factors)
    return replace(risk, factors=factors, definition=in_words(definition(risk.signature, risk.origin), language))


def advice(risk: RecurrenceRisk) -> Phrase:
    """Return what to make of the risk at a resolution; a Problem where it is `NOTABLE` times the usual one."""
    nearest = min(risk.horizons, key=lambda horizon: abs(horizon.days - WINDOW))
    chronic = nearest.probability >= NOTABLE * risk.base_rate
    code = "returns_after_closure_problem" if chronic else "returns_after_closure"
    return Phrase(code, {"probability": nearest.probability, "days": nearest.days})


def strongest(factors: Sequence[str], effects: Floats, values: Mapping[str, float | str]) -> tuple[Factor, ...]:
    """Return the factors of one incident that moved its risk most, the strongest first, named in English."""
    # By the rounded effects that are shown: equal ones stand in one order, whatever the last bits are.
    order = np.argsort(-np.abs(effects.round(4)), kind="stable")[:MAX_FACTORS]
    return tuple(
        Factor(
            name=str(Phrase(code_of(factors[j]))),
            value=values.get(factors[j], ""),
            effect=round(float(effects[j]), 4),
            code=code_of(factors[j]),
        )
        for j in order
        if abs(effects[j]) >= LEAST_EFFECT
    )


def values_of(columns: Sequence[str], x: Floats, readable: Mapping[str, Sequence[Any]]) -> list[dict[str, float | str]]:
    """Return what each factor's value is for each incident, as a person would read it."""
    counts = {
        factor: np.expm1(x[:, columns.index(f"{factor}: last {WINDOW} days")])
        for factor in COUNTED_BY_WINDOW
        if f"{factor}: last {WINDOW} days" in columns
    }
    counts["desk"] = np.expm1(x[:, columns.index("desk: last day")])
    rows: list[dict[str, float | str]] = []
    for i in range(len(x)):
        row: dict[str, float | str] = {
            name: values[i] for name, values in readable.items() if name not in (*COUNTED_BY_WINDOW, "opened_at")
        }
        row.update({name: round(float(count[i])) for name, count in counts.items() if np.isfinite(count[i])})
        opened = readable["opened_at"][i]
        row["clock"] = "" if opened is None else f"{opened:%H:%M}"
        rows.append(row)
    return rows
