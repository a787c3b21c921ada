"""The voice of the user: channels compared, ratings and complaints by topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.placeholders import is_placeholder
from diagnosis.recurrence.like_texts import LikeTexts
from diagnosis.redact import Redactor
from diagnosis.review.history import ReviewHistory
from diagnosis.review.quarters import Quarter
from diagnosis.review.samples import Estimate, change_of, exact_interval
from diagnosis.store.erasure import Person
from diagnosis.text import clean

TOPICS = 8  # most topics that are listed
EVIDENCE = 10  # numbers of records named as evidence
QUOTES = 3  # of a topic
LONGEST_QUOTE = 160  # characters
PERSONS = ("caller", "opened_by", "assigned_to")


def channels(history: ReviewHistory, quarter: Quarter) -> list[dict[str, Any]]:
    """Return each channel's share of the contacts, whether it moved, and how callers fared on it.

    Parameters
    ----------
    quarter : Quarter
        Compared with the quarter before and the same quarter a year before; the intervals hold for all channels
        together.
    """
    column = history.column("contact_type")
    now, before, year_before = (column[history.rows_of(at)] for at in (quarter, quarter.previous, quarter.year_before))
    counts = pd.Series(now[now != ""]).value_counts()
    names = sorted({*counts.index, *pd.Series(before[before != ""]).unique()})
    rows: list[dict[str, Any]] = []
    for name in names:
        shares = [_share(part, name) for part in (now, before, year_before)]
        rows.append(
            {
                "channel": str(name),
                "n": int((now == name).sum()),
                "share": shares[0].value if shares[0] else None,
                "previous": _moved(shares[0], shares[1], len(names)),
                "year_before": _moved(shares[0], shares[2], len(names)),
                "response": _of_channel(history, quarter, "response", name),
                "satisfaction": _of_channel(history, quarter, "satisfaction", name),
            }
        )
    return sorted(rows, key=_largest_first)


def _largest_first(row: dict[str, Any]) -> tuple[int, str]:
    return -row["n"], row["channel"]


def topics(history: ReviewHistory, quarter: Quarter) -> list[dict[str, Any]]:
    """Return the topics that callers complained of or rated worst, with their records and words.

    A topic is a service and category; records that have neither are put together by what they say. Words are those of
    complaints and of answers to the survey, personal data and names of persons masked.
    """
    rows = history.rows_of(quarter)
    table = _voices(history, rows)
    listed: list[dict[str, Any]] = []
    mask = _Mask(history, rows)
    for (service, category, text), part in table.groupby(["service", "category", "text"], sort=True):
        unhappy, rated = int(part["unhappy"].sum()), int(part["rated"].sum())
        complaints = part.loc[part["complaint"], "number"].tolist()
        if not (service or category or text) or not (complaints or unhappy or part["comment"].any()):
            continue
        listed.append(
            {
                "service": str(service),
                "category": str(category),
                "text": mask(str(text)),
                "complaints": len(complaints),
                "rated": rated,
                "unhappy": unhappy,
                "interval": exact_interval(unhappy, rated) if rated else None,
                "numbers": list(dict.fromkeys([*complaints, *part.loc[part["unhappy"], "number"]]))[:EVIDENCE],
                "quotes": _quotes(part, mask),
            }
        )
    return sorted(listed, key=_worst_first)[:TOPICS]


def _voices(history: ReviewHistory, rows: npt.NDArray[np.intp]) -> pd.DataFrame:
    """Return what callers said of the records of a quarter, one row a record, with its topic."""
    frame = history.frame.iloc[rows]
    rating = frame["satisfaction"].to_numpy(dtype=np.float64, na_value=np.nan)
    comments = [history.facts.comments.get(number) for number in frame["number"].tolist()]
    names = {name: frame[name].astype("str").to_numpy() for name in ("service", "category")}
    is_complaint = (frame["type"] == "complaint").to_numpy()
    has_comment = np.array([comment is not None for comment in comments], dtype=bool)
    has_voice = is_complaint | np.isfinite(rating) | has_comment
    nameless = np.flatnonzero(has_voice & (names["service"] == "") & (names["category"] == ""))
    texts = frame["short_description"].to_numpy(dtype=object)
    topic = np.full(len(frame), "", dtype=object)
    topic[nameless] = LikeTexts().names([""] * len(nameless), map(clean, texts[nameless].tolist()), learn=True)
    return pd.DataFrame(
        {
            **names,
            "text": topic,
            "number": frame["number"].to_numpy(),
            "words": texts,
            "comment": [comment.text if comment else "" for comment in comments],
            "rating": rating,
            "complaint": is_complaint,
            "rated": np.isfinite(rating),
            "unhappy": np.isfinite(rating) & (rating < history.settings.satisfied),
        }
    )


def _quotes(part: pd.DataFrame, mask: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return what callers wrote of a topic: the lowest rated answers first, then complaints."""
    answers = part[part["comment"].str.strip() != ""].sort_values("rating", kind="stable")
    complaints = part[part["complaint"] & (part["words"].str.strip() != "")]
    quotes = [
        {"number": row["number"], "source": source, "text": _shortened(mask(clean(row[column])))}
        for source, column, rows in (("survey", "comment", answers), ("complaint", "words", complaints))
        for row in rows.head(QUOTES).to_dict("records")
    ]
    return quotes[:QUOTES]


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1].rstrip() + "…"


class _Mask:
    """Masks personal data, and the names of those who logged, opened or handled the records of a quarter."""

    def __init__(self, history: ReviewHistory, rows: npt.NDArray[np.intp]) -> None:
        self._redactor = Redactor()
        frame = history.frame.iloc[rows]
        names = {name.strip() for column in PERSONS for name in frame[column].astype("str").unique().tolist()}
        labels = frame["assignment_group"].astype("str").unique().tolist()
        groups = {label for label in labels if label.casefold() not in history.persons}
        persons = [
            name for name in names - groups if len(name) > 1 and not is_placeholder(name) and not name.isdecimal()
        ]
        self._person = Person(persons) if persons else None

    def __call__(self, text: str) -> str:
        masked = self._redactor.redact(text)
        return masked if self._person is None else str(self._person.erased(masked))


def _worst_first(topic: dict[str, Any]) -> tuple[int, str, str]:
    return -topic["complaints"] - topic["unhappy"], topic["service"], topic["category"] or topic["text"]


def _share(column: np.ndarray[Any, Any], name: str) -> Estimate | None:
    has_name = column != ""
    n, part = int(has_name.sum()), int((column == name).sum())
    return Estimate(part / n, *exact_interval(part, n), n) if n else None


def _moved(later: Estimate | None, earlier: Estimate | None, comparisons: int) -> dict[str, Any] | None:
    if later is None or earlier is None:
        return None
    change = change_of(later, earlier, comparisons)
    return {
        "share": earlier.value,
        "difference": change.difference,
        "difference_interval": [change.lower, change.upper],
        "changed": "moved" if change.changed else "no change shown",
    }


def _of_channel(history: ReviewHistory, quarter: Quarter, measure: str, name: str) -> dict[str, Any] | None:
    sample = history.sample(measure, quarter)
    if sample is None:
        return None
    part = sample.take(history.column("contact_type")[sample.rows] == name)
    estimate = part.estimate()
    return (
        {"value": estimate.value, "interval": [estimate.lower, estimate.upper], "n": estimate.n} if estimate else None
    )
