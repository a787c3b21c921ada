"""The programme's timetable: four quarters of who does what by when, that a new installation can take as its plan."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from diagnosis.review.quarters import Quarter

SOURCE = "programme"


def programme_actions(first: Quarter, language: str) -> list[dict[str, Any]]:
    """Return the actions of four quarters, from a quarter on, in order of their dates.

    Parameters
    ----------
    language : str
        Of titles and owners; any but Chinese is English.
    """
    reader = "zh" if language.startswith("zh") else "en"
    quarters = [first]
    for _ in range(3):
        quarters.append(quarters[-1].following)
    entries = [
        {
            "title": entry[reader],
            "kind": entry["kind"],
            "source_kind": "review",
            "source": SOURCE,
            "owner": _timetable()["role"][entry["role"]][reader],
            "due": _month_end(quarters[entry["quarter"] - 1], entry["month"]).isoformat(),
            "measure": entry.get("measure", ""),
            "status": "open",
        }
        for entry in _timetable()["action"]
    ]
    return sorted(entries, key=lambda entry: str(entry["due"]))


def _month_end(quarter: Quarter, month: int) -> date:
    number = 3 * quarter.number - 3 + month
    return date(quarter.year + number // 12, number % 12 + 1, 1) - timedelta(days=1)


@cache
def _timetable() -> dict[str, Any]:
    return tomllib.loads(files("diagnosis.review").joinpath("programme.toml").read_text(encoding="utf-8"))
