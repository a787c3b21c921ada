"""Classes that were renamed, emptied or are new since the release in service."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.phrases import Phrase
from diagnosis.routing.labels import merge_spellings, retired_classes
from training.checks.finding import Finding, finding

_FEWEST = 10  # incidents that a class must have had, or have, to be spoken of
_RENAMED = 0.6  # share of a new class that the old release takes for one emptied class
_SAMPLE = 100


def changed_classes(frame: pd.DataFrame, target: str, published: Diagnoser) -> Iterator[Finding]:
    """Yield how the classes of a target differ between the incidents since the release in service and its own."""
    past = published.parts.history.frame()
    since = frame[~frame["number"].isin(past["number"])]
    if target not in past or len(since) < _FEWEST:
        return
    past_counts, new_counts = _counts(past, target), _counts(since, target)
    expected = past_counts / max(past_counts.sum(), 1) * new_counts.sum()
    # Emptied: so many were to be expected that none is no accident (Poisson, chance under 1 in 20,000).
    emptied = [name for name in past_counts.index if name not in new_counts.index and expected[name] >= _FEWEST]
    new = [name for name in new_counts.index if name not in past_counts.index and new_counts[name] >= _FEWEST]
    labels = pd.Series(merge_spellings(since[target]), index=since.index)
    renamed: set[str] = set()
    for name in new:
        rows = since[labels == name]
        old = _taken_for(rows.head(_SAMPLE), target, published, emptied)
        if old is None:
            title = Phrase("audit_new_class", {"field": target, "value": name})
            reason = Phrase("audit_new_class_why")
        else:
            renamed.add(old)
            title = Phrase("audit_renamed_class", {"field": target, "value": old, "name": name})
            reason = Phrase("audit_renamed_class_why", {"value": old})
        yield finding("classes", "warning", title, reason, rows["number"], [target])
    for name in emptied:
        if name not in renamed:
            values = {"n": int(past_counts[name]), "since": int(new_counts.sum())}
            yield finding(
                "classes", "warning", _unused(target, name), Phrase("audit_unused_class_why", values), (), [target]
            )


def retired_in_history(frame: pd.DataFrame, target: str) -> Iterator[Finding]:
    """Yield the classes that the history itself shows to be retired, and what came up in their place."""
    labels = merge_spellings(frame[target])
    opened = pd.to_datetime(frame["opened_at"], utc=True)
    for name in sorted(retired_classes(labels[labels != ""], opened[labels != ""])):
        last = opened[labels == name].max()
        later = pd.Series(labels[(opened > last).to_numpy()]).value_counts()
        begun = [other for other in later.index if other and opened[labels == other].min() > last]
        until = {"date": f"{last:%Y-%m-%d}"}
        reason = Phrase("audit_retired_class_why", until)
        if begun:
            reason = Phrase("audit_replaced_class_why", {**until, "value": str(begun[0])})
        numbers = frame.loc[labels == name, "number"]
        yield finding("classes", "warning", _unused(target, name), reason, numbers, [target])


def _unused(target: str, name: str) -> Phrase:
    return Phrase("audit_unused_class", {"field": target, "value": name})


def _counts(frame: pd.DataFrame, target: str) -> pd.Series:
    counts = pd.Series(merge_spellings(frame[target])).value_counts()
    return counts[counts.index != ""]


def _taken_for(rows: pd.DataFrame, target: str, published: Diagnoser, emptied: list[str]) -> str | None:
    """Return the emptied class that the release in service takes most of these rows for; None if there is none."""
    router = published.parts.routers.get(target)
    if router is None or not emptied:
        return None
    prepared = published.prepare(rows)
    shares = pd.Series(router.classes_[router.predict_proba(prepared).argmax(axis=1)]).value_counts(normalize=True)
    for name in shares.index:
        if name in emptied and shares[name] >= _RENAMED:
            return str(name)
    return None
