"""Leakage: columns that only exist later, columns that predict too well alone, texts that hold the answer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from diagnosis.incident import CODED_FIELDS, FIELDS
from diagnosis.phrases import Phrase
from diagnosis.routing.fields import fields_for
from diagnosis.routing.labels import label_key
from training.checks.finding import Finding, finding

TOO_WELL = 0.98  # accuracy on later incidents from one column's values alone
_LIFT = 0.05  # by which it must also beat the most common class
_FEWEST = 30
_SHORTEST_LABEL = 4  # characters (two for Chinese): shorter names stand in other words
_SHORTEST_NOTES = 20


def columns_that_come_later(frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield fields that are filled in resolved incidents and empty in open ones: nobody knows them at logging.

    Only incidents of the same time are compared, so that a field that was introduced lately is not taken for one.
    """
    unresolved = frame["resolved_at"].isna() & frame["closed_at"].isna()
    recent = frame["opened_at"] >= frame.loc[unresolved, "opened_at"].quantile(0.1)
    still_open, resolved = frame[unresolved & recent], frame[~unresolved & recent]
    if len(still_open) < _FEWEST or len(resolved) < _FEWEST:
        return
    for name in CODED_FIELDS:
        share_before, share_after = (still_open[name] != "").mean(), (resolved[name] != "").mean()
        if share_after >= 0.5 and share_before <= 0.1 * share_after:
            yield finding(
                "leakage",
                "refused",
                Phrase("audit_exists_later", {"field": name}),
                Phrase("audit_exists_later_why", {"resolved": float(share_after), "open": float(share_before)}),
                resolved.loc[resolved[name] != "", "number"],
                [name],
            )


def columns_that_predict_alone(frame: pd.DataFrame, target: str) -> Iterator[Finding]:
    """Yield fields whose value alone tells the target on later incidents: a copy of it, or set together with it."""
    labelled = frame[frame[target].astype("str").fillna("") != ""].sort_values("opened_at", kind="stable")
    cut = int(0.7 * len(labelled))
    earlier, later = labelled.iloc[:cut], labelled.iloc[cut:]
    if len(later) < _FEWEST or earlier[target].nunique() < 2:
        return
    majority = float((later[target] == earlier[target].mode().iloc[0]).mean())
    for name in fields_for(target):
        filled = earlier[earlier[name] != ""]
        usual = filled.groupby(name, sort=False)[target].agg(lambda values: values.mode().iloc[0])
        guess = later[name].map(usual)
        guessed = guess.notna()
        if guessed.sum() < _FEWEST or guessed.mean() < 0.5:
            continue
        accuracy = float((guess[guessed] == later.loc[guessed, target]).mean())
        if accuracy >= max(TOO_WELL, majority + _LIFT):
            yield finding(
                "leakage",
                "warning",
                Phrase("audit_tells_alone", {"field": name, "target": target}),
                Phrase("audit_tells_alone_why", {"accuracy": accuracy, "n": int(guessed.sum()), "target": target}),
                later.loc[guessed, "number"],
                [name],
            )


def texts_that_name_the_class(frame: pd.DataFrame, target: str) -> Iterator[Finding]:
    """Yield where the text names the class that was assigned: written in afterwards, or routed by a rule already."""
    labels = frame[target].astype("str").fillna("").map(label_key)
    text = (frame["short_description"] + " " + frame["description"]).str.casefold()
    names_own = np.zeros(len(frame), dtype=bool)
    names_another = np.zeros(len(frame), dtype=bool)
    for label in labels[labels != ""].unique():
        if len(label) < (_SHORTEST_LABEL if label.isascii() else 2):
            continue
        inside = text.str.contains(label, regex=False).to_numpy(dtype=bool)
        of_label = (labels == label).to_numpy()
        names_own |= inside & of_label
        names_another |= inside & ~of_label
    share = names_own.mean() if len(frame) else 0.0
    if share >= 0.2 and names_own.sum() >= TOO_WELL * (names_own | names_another).sum():
        yield finding(
            "leakage",
            "warning",
            Phrase("audit_text_names_class", {"target": target}),
            Phrase("audit_text_names_class_why", {"share": float(share)}),
            frame.loc[names_own, "number"],
            ["short_description", "description"],
        )


def texts_that_hold_the_resolution(frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield incidents whose description holds the closing notes: it was edited after the fact."""
    in_text = [
        len(notes) >= _SHORTEST_NOTES and notes in text
        for notes, text in zip(frame["close_notes"], frame["description"], strict=True)
    ]
    if sum(in_text) >= max(0.01 * len(frame), 3):
        yield finding(
            "leakage",
            "warning",
            Phrase("audit_text_holds_resolution"),
            Phrase("audit_text_holds_resolution_why"),
            frame.loc[in_text, "number"],
            ["description"],
        )


def columns_nobody_reads(frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield the columns that the import format does not name: kept, and shown to no model."""
    extra = [str(name) for name in frame.columns if name not in FIELDS]
    if extra:
        columns = (*extra[:20], *(["…"] if len(extra) > 20 else []))
        reason = Phrase("audit_unread_columns_why", {"columns": columns})
        yield finding("leakage", "note", Phrase("audit_unread_columns", {"n": len(extra)}), reason, (), extra[:20])
