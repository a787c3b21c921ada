"""What raised or lowered a risk, in words: groups of features that a person can name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from diagnosis.findings import Factor, RecurrenceRisk
from diagnosis.phrases import Phrase
from diagnosis.recurrence.hazard import Floats
from diagnosis.recurrence.outcomes import Origin, definition

LEAST_EFFECT = 0.005
MAX_FACTORS = 5
WINDOW = 30
ORIGINS: tuple[Origin, ...] = ("opened", "resolved")
NOTABLE = 1.5  # times the base rate
COUNTED_BY_WINDOW = (
    "signature",
    "caller",
    "caller+category",
    "caller+symptom",
)  # told by how often, never by name: names are personal data
# A feature "desk: hour sine" belongs to the factor "clock", not to how busy the desk was.
OF_DESK = {
    "hour sine": "clock",
    "hour cosine": "clock",
    "weekend": "clock",
    "kinds of caller": "caller",
    "share of caller": "caller",
}
WORDS = {
    "en": {
        "signature": "same signature in the last 30 days", "caller": "incidents of this caller in the last 30 days",
        "caller+category": "incidents of this caller in this category in the last 30 days",
        "caller+symptom": "incidents of this caller with this symptom in the last 30 days",
        "desk": "incidents logged in the last 24 hours", "clock": "time of day (UTC)", "location": "location",
        "service": "service", "cmdb_ci": "configuration item", "symptom": "symptom", "category": "category",
        "subcategory": "subcategory", "text": "what the text says", "time to restore": "hours to restore",
        "reassignments": "reassignments", "reopened": "times reopened", "article": "knowledge article used",
        "workaround": "resolution reads like a workaround", "close_code": "close code",
        "assignment_group": "assignment group",
    },
    "zh": {
        "signature": "近30天内同一故障特征的事件数", "caller": "该报告人近30天的事件数",
        "caller+category": "该报告人近30天同类别的事件数", "caller+symptom": "该报告人近30天同症状的事件数",
        "desk": "近24小时登记的事件数",
        "clock": "登记时刻（UTC）", "location": "地点", "service": "服务", "cmdb_ci": "配置项", "symptom": "症状",
        "category": "类别", "subcategory": "子类别", "text": "文本内容", "time to restore": "恢复用时（小时）",
        "reassignments": "转派次数", "reopened": "重新打开次数", "article": "使用的知识文章",
        "workaround": "解决方案像临时措施", "close_code": "关闭代码", "assignment_group": "处理组",
    },
}  # fmt: skip


@lru_cache(maxsize=8)
def groups(columns: tuple[str, ...]) -> Mapping[str, list[int]]:
    """Return the positions of the features behind each factor."""
    positions: dict[str, list[int]] = {}
    for i, column in enumerate(columns):
        factor, _, feature = column.partition(": ")
        positions.setdefault(OF_DESK.get(feature, factor) if factor == "desk" else factor, []).append(i)
    return positions


def name_of(factor: str, language: str = "en") -> str:
    """Return what a factor is called; any language but Chinese is answered in English."""
    return WORDS["zh" if language.startswith("zh") else "en"][factor]


def in_language(risk: RecurrenceRisk, language: str) -> RecurrenceRisk:
    """Return a risk that was told in English with its factors named in another language."""
    names = {name_of(factor): name_of(factor, language) for factor in WORDS["en"]}
    means = {definition(risk.signature, origin): definition(risk.signature, origin, language) for origin in ORIGINS}
    factors = tuple(replace(factor, name=names[factor.name]) for factor in risk.factors)
    return replace(risk, factors=factors, definition=means.get(risk.definition, risk.definition))


def advice(risk: RecurrenceRisk) -> Phrase:
    """Return what to make of the risk at a resolution; a Problem where it is `NOTABLE` times the usual one."""
    nearest = min(risk.horizons, key=lambda horizon: abs(horizon.days - WINDOW))
    chronic = nearest.probability >= NOTABLE * risk.base_rate
    code = "returns_after_closure_problem" if chronic else "returns_after_closure"
    return Phrase(code, {"probability": nearest.probability, "days": nearest.days})


def strongest(
    factors: Sequence[str], effects: Floats, values: Mapping[str, float | str], language: str
) -> tuple[Factor, ...]:
    """Return the factors of one incident that moved its risk most, the strongest first."""
    # As they are shown: equal ones stand in one order, whatever the last bits are.
    order = np.argsort(-np.abs(effects.round(4)), kind="stable")[:MAX_FACTORS]
    return tuple(
        Factor(name_of(factors[j], language), values.get(factors[j], ""), round(float(effects[j]), 4))
        for j in order
        if abs(effects[j]) >= LEAST_EFFECT
    )


def values_of(
    columns: Sequence[str], x: Floats, frame_columns: Mapping[str, Sequence[Any]]
) -> list[dict[str, float | str]]:
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
            name: values[i] for name, values in frame_columns.items() if name not in (*COUNTED_BY_WINDOW, "opened_at")
        }
        row.update({name: round(float(count[i])) for name, count in counts.items() if np.isfinite(count[i])})
        opened = frame_columns["opened_at"][i]
        row["clock"] = f"{opened:%H:%M}" if opened == opened else ""  # noqa: PLR0124 - NaT is not equal to itself
        rows.append(row)
    return rows
