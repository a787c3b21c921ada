"""A review's figures as CSV: one row for each measure, and one for each row of its breakdowns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

COLUMNS = (
    "quarter",
    "measure",
    "unit",
    "dimension",
    "name",
    "value",
    "lower",
    "upper",
    "n",
    "n_open",
    "target",
    "verdict",
    "compared_with",
    "earlier_value",
    "earlier_n",
    "difference",
    "difference_lower",
    "difference_upper",
    "changed",
)
Content = Mapping[str, Any]
# What a spreadsheet would run, the wide signs of Chinese and Japanese ones too.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def review_csv(content: Content) -> str:
    """Return the figures of a review as CSV with a byte order mark, so that spreadsheets read its Chinese."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(_rows(content))
    return "\ufeff" + stream.getvalue()


def _rows(content: Content) -> Iterator[dict[str, Any]]:
    for measure in content["measures"]:
        head = {"quarter": content["quarter"], "measure": measure["name"], "unit": measure["unit"]}
        yield head | _figures(measure, measure["target"]) | _compared(measure["compared"])
        if measure["year_before"]:
            yield head | _figures(measure, measure["target"]) | _compared(measure["year_before"])
        for dimension, rows in measure["by"].items():
            for row in rows:
                place = {"dimension": dimension, "name": _plain(row["name"])}
                yield head | place | _figures(row, measure["target"]) | _compared(row["previous"])


def _figures(row: Content, target: float | None) -> dict[str, Any]:
    lower, upper = row["interval"] or ("", "")
    names = ("value", "n", "n_open", "verdict")
    return {name: row[name] for name in names} | {"lower": lower, "upper": upper, "target": target}


def _compared(compared: Content | None) -> dict[str, Any]:
    if compared is None:
        return {}
    lower, upper = compared["difference_interval"] or ("", "")
    return {
        "compared_with": compared["quarter"],
        "earlier_value": compared["value"],
        "earlier_n": compared["n"],
        "difference": compared["difference"],
        "difference_lower": lower,
        "difference_upper": upper,
        "changed": compared["changed"],
    }


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
