"""Dates, languages, and what masking has missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from diagnosis.incident import IncidentBatch
from diagnosis.phrases import with_count
from diagnosis.redact import Redactor
from diagnosis.redact.records import WORDS, mask_incidents
from diagnosis.text import language
from training.checks.finding import Finding, Severity, finding
from training.fitting.splits import DATED

_FEW = 200  # incidents of a language below which its figures say little

# Written apart from `diagnosis.redact`, and coarser: what they find is to be looked at, not masked.
_SUSPECTS = {
    "mail address": r"[\w.+-]+\s?@\s?[\w-]+\.[A-Za-z]{2,}",
    "long number (telephone, identity, card or account)": r"(?<![\w<#-])(?:\+?\d[ .()-]?){10,18}\d(?![\w-])",
    "Chinese mobile number": r"(?<!\d)1[3-9]\d{9}(?!\d)",
    "Chinese identity number": r"(?<!\d)[1-9]\d{5}(?:19|20)\d{9}[\dXx](?![\dXx])",
    "password in plain words": r"(?i)(?:password|passwd|pwd|密码|口令)\s*(?:is|为|是|[:：=])\s*(?!<)[^\s<]{6,}",
    "URL with credentials": r"[a-z]+://[^\s/:@<]+:[^\s/@<]+@",
}


def dates(frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield missing dates, dates in the wrong order, and dates after the last one that can be true."""
    missing = frame["opened_at"].isna()
    if missing.any():
        share = float(missing.mean())
        reason = (
            f"{share:.1%} of the incidents; they cannot be split by time and know no recurrence"
            if share <= 1 - DATED
            else f"{share:.1%} of the incidents: the split is by equal text and not by time, so figures are too good"
        )
        severity: Severity = "note" if share <= 1 - DATED else "warning"
        yield finding(
            "dates", severity, "incidents without opened_at", reason, frame.loc[missing, "number"], ["opened_at"]
        )
    for name in ("resolved_at", "closed_at", "reopened_at"):
        wrong = frame[name] < frame["opened_at"]
        if wrong.any():
            reason = "a clock, a time zone or a mapping is wrong; recurrence counts them as not resolved"
            title = f"{name} lies before opened_at"
            yield finding("dates", "warning", title, reason, frame.loc[wrong, "number"], [name])
    opened = frame["opened_at"].dropna()
    if len(opened) >= _FEW:
        last = opened.quantile(0.995) + (opened.quantile(0.995) - opened.quantile(0.005))
        far = frame["opened_at"] > last
        if far.any():
            reason = f"after {last:%Y-%m-%d}, far beyond all others: the latest slice would consist of them"
            yield finding("dates", "warning", "dates from the future", reason, frame.loc[far, "number"], ["opened_at"])


def languages(frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield the language mix, and languages of which there are too few to be good at."""
    languages_of_rows = [
        language(f"{title} {body}")
        for title, body in zip(frame["short_description"], frame["description"], strict=True)
    ]
    counts = Counter(languages_of_rows)
    mix = ", ".join(f"{name} {count / max(len(frame), 1):.0%}" for name, count in counts.most_common(6))
    yield finding("languages", "note", f"languages: {mix}", "as the texts read", ())
    for name, count in counts.items():
        if name != "und" and 0 < count < min(_FEW, 0.05 * len(frame)):
            rows = frame.loc[[s == name for s in languages_of_rows], "number"]
            reason = "too few to learn from or to measure by: expect less of it, and check its certificates by eye"
            yield finding("languages", "note", f"only {with_count(count, 'incidents')} in '{name}'", reason, rows)


def personal_data_left(frame: pd.DataFrame, redactor: Redactor) -> Iterator[Finding]:
    """Yield what looks like personal data after masking, found by patterns that the masking does not share."""
    masked = mask_incidents(IncidentBatch.from_frame(frame), redactor).frame
    for kind, pattern in _SUSPECTS.items():
        hit = pd.Series(data=False, index=masked.index)
        for name in WORDS:
            hit |= masked[name].str.contains(pattern, regex=True)
        if hit.any():
            yield finding(
                "personal data",
                "warning",
                f"after masking, {int(hit.sum()):,} texts hold what may be a {kind}",
                "look at these rows; a kind that is not masked can be added to `masked`, or taken out at the source",
                masked.loc[hit, "number"],
                WORDS,
            )
