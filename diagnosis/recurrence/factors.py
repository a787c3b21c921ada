"""What raised or lowered a risk, in words: groups of features that a person can name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from diagnosis.findings import Factor
from diagnosis.recurrence.hazard import Floats

COUNTED = ("signature", "caller", "opened_by")  # by how often, never by name: names are personal data
LEAST_EFFECT = 0.005
MOST = 5
WINDOW = 30
WORDS = {
    "en": {
        "signature": "same signature in the last 30 days",
        "caller": "incidents of this caller in the last 30 days",
        "opened_by": "incidents opened by this person in the last 30 days",
        "desk": "incidents logged in the last 24 hours",
        "clock": "time of day (UTC)",
        "location": "location", "contact_type": "contact type", "service": "service",
        "cmdb_ci": "configuration item", "symptom": "symptom", "category": "category", "subcategory": "subcategory",
        "impact": "impact", "urgency": "urgency", "priority": "priority",
    },
    "zh": {
        "signature": "近30天内同一特征的事件数",
        "caller": "该报告人近30天的事件数",
        "opened_by": "该登记人近30天的事件数",
        "desk": "近24小时登记的事件数",
        "clock": "登记时刻（UTC）",
        "location": "地点", "contact_type": "联系方式", "service": "服务",
        "cmdb_ci": "配置项", "symptom": "症状", "category": "类别", "subcategory": "子类别",
        "impact": "影响", "urgency": "紧急程度", "priority": "优先级",
    },
}  # fmt: skip


def groups(columns: tuple[str, ...]) -> dict[str, list[int]]:
    """Return the positions of the features behind each factor."""
    found: dict[str, list[int]] = {}
    for i, column in enumerate(columns):
        factor, _, what = column.partition(": ")
        if factor == "desk":
            factor = {"hour": "clock", "weekend": "clock", "kinds": "caller", "share": "caller"}.get(
                what.split()[0], factor
            )
        found.setdefault(factor, []).append(i)
    return found


def name_of(factor: str, language: str = "en") -> str:
    """Return what a factor is called; any language but Chinese is answered in English."""
    words = WORDS["zh" if language.startswith("zh") else "en"]
    return words.get(factor, factor)


def strongest(
    factors: list[str], effects: Floats, x: Floats, columns: tuple[str, ...], row: Mapping[str, Any], language: str
) -> tuple[Factor, ...]:
    """Return the factors of one incident that moved its risk most, the strongest first."""
    order = np.argsort(-np.abs(effects), kind="stable")[:MOST]
    return tuple(
        Factor(name_of(factors[j], language), _value(factors[j], x, columns, row), round(float(effects[j]), 4))
        for j in order
        if abs(effects[j]) >= LEAST_EFFECT
    )


def _value(factor: str, x: Floats, columns: tuple[str, ...], row: Mapping[str, Any]) -> float | str:
    if factor in COUNTED:
        return round(float(np.expm1(x[columns.index(f"{factor}: last {WINDOW} days")])))
    if factor == "desk":
        return round(float(np.expm1(x[columns.index("desk: last day")])))
    if factor == "clock":
        return f"{row['opened_at']:%H:%M}"
    return str(row[factor])
