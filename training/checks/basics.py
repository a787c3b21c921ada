"""Dates, languages, and what masking has missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from diagnosis.incident import FIELDS, IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.redact import Redactor
from diagnosis.redact.records import WORDS, mask_incidents
from diagnosis.text import language
from training.checks.finding import Finding, Severity, finding
from training.fitting.splits import DATED
from training.records.masking import MASKS

_FEW = 200  # incidents of a language below which its figures say little

# Written apart from `diagnosis.redact`, and coarser: what they find is to be looked at, not masked.
_SUSPECTS = {
    "suspected_mail": r"[\w.+-]+\s?@\s?[\w-]+\.[A-Za-z]{2,}",
    "suspected_long_number": r"(?<![\w<#-])(?:\+?\d[ .()-]?){10,18}\d(?![\w-])",
    "suspected_chinese_mobile": r"(?<!\d)1[3-9]\d{9}(?!\d)",
    "suspected_chinese_identity": r"(?<!\d)[1-9]\d{5}(?:19|20)\d{9}[\dXx](?![\dXx])",
    "suspected_password": r"(?i)(?:password|passwd|pwd|密码|口令)\s*(?:is|为|是|[:：=])\s*(?!<)[^\s<]{6,}",
    "suspected_url": r"[a-z]+://[^\s/:@<]+:[^\s/@<]+@",
}


def dates(frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield missing dates, dates in the wrong order, and dates after the last one that can be true."""
    missing = frame["opened_at"].isna()
    if missing.any():
        share = float(missing.mean())
        few = share <= 1 - DATED
        reason = Phrase("audit_few_undated_why" if few else "audit_many_undated_why", {"share": share})
        severity: Severity = "note" if few else "warning"
        yield finding("dates", severity, Phrase("audit_undated"), reason, frame.loc[missing, "number"], ["opened_at"])
    for name in ("resolved_at", "closed_at", "reopened_at"):
        wrong = frame[name] < frame["opened_at"]
        if wrong.any():
            title, reason = Phrase("audit_before_opened", {"field": name}), Phrase("audit_before_opened_why")
            yield finding("dates", "warning", title, reason, frame.loc[wrong, "number"], [name])
    opened = frame["opened_at"].dropna()
    if len(opened) >= _FEW:
        last = opened.quantile(0.995) + (opened.quantile(0.995) - opened.quantile(0.005))
        far = frame["opened_at"] > last
        if far.any():
            title, reason = Phrase("audit_future"), Phrase("audit_future_why", {"date": f"{last:%Y-%m-%d}"})
            yield finding("dates", "warning", title, reason, frame.loc[far, "number"], ["opened_at"])


def languages(frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield the language mix, and languages of which there are too few to be good at."""
    languages_of_rows = [
        language(f"{title} {body}")
        for title, body in zip(frame["short_description"], frame["description"], strict=True)
    ]
    counts = Counter(languages_of_rows)
    shares = tuple(
        Phrase("audit_share_of_language", {"language": name, "share": count / max(len(frame), 1)})
        for name, count in counts.most_common(6)
    )
    yield finding(
        "languages", "note", Phrase("audit_languages", {"share_names": shares}), Phrase("audit_languages_why")
    )
    for name, count in counts.items():
        if name != "und" and 0 < count < min(_FEW, 0.05 * len(frame)):
            rows = frame.loc[[s == name for s in languages_of_rows], "number"]
            title = Phrase("audit_rare_language", {"n": count, "language": name})
            yield finding("languages", "note", title, Phrase("audit_rare_language_why"), rows)


def masked_classes(frame: pd.DataFrame, target: str, redactor: Redactor) -> Iterator[Finding]:
    """Yield the incidents whose class of a target is personal data, which masking makes one class."""
    if target in FIELDS:
        return  # masked so that equal values stay equal, and others apart
    values = frame[target].astype("str").fillna("")
    hit = values.map({value: redactor.redact(value) for value in values.unique()}).isin(MASKS).to_numpy()
    if hit.any():
        title = Phrase("audit_masked_class", {"n": int(hit.sum()), "target": target})
        numbers = frame.loc[hit, "number"]
        yield finding("personal data", "warning", title, Phrase("audit_masked_class_why"), numbers, [target])


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
                Phrase("audit_personal_data", {"n": int(hit.sum()), "kind": Phrase(kind)}),
                Phrase("audit_personal_data_why"),
                masked.loc[hit, "number"],
                WORDS,
            )
