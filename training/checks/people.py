"""Check of people: whether a model leans on who reported an incident, or on names that its text holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from diagnosis.phrases import Phrase
from diagnosis.routing.fields import fields_for
from diagnosis.text.tokens import HAN
from training.checks.finding import Finding, finding

_PEOPLE_FIELDS = ("caller", "opened_by")
_FEWEST = 100  # later incidents
_LIFT = 0.10  # accuracy above the commonest class from which a person tells the class
_SHARE = 0.02  # of the incidents whose text holds a name, from which it is worth a warning
_PURE = 0.8  # share of one class among the incidents that hold a name
_OFTEN = 10  # incidents that hold a name
_NAME = re.compile(rf"[A-Z][a-z]+(?:[ -][A-Z][a-z]+)+|[{HAN}]{{2,4}}")


def names_of_people(frame: pd.DataFrame, target: str) -> Iterator[Finding]:
    """Yield where people tell the target: the field that names them, or their names in the text.

    People change places; a model that leans on them is wrong when they do, and treats colleagues unlike.
    """
    labelled = frame[frame[target].astype("str").fillna("") != ""].sort_values("opened_at", kind="stable")
    if len(labelled) < 2 * _FEWEST:
        return
    yield from _by_field(labelled, target)
    yield from _by_text(labelled, target)


def _by_field(labelled: pd.DataFrame, target: str) -> Iterator[Finding]:
    cut = int(0.7 * len(labelled))
    earlier, later = labelled.iloc[:cut], labelled.iloc[cut:]
    commonest = earlier[target].mode().iloc[0]
    for name in _PEOPLE_FIELDS:
        if name not in fields_for(target):
            continue
        past = earlier[earlier[name] != ""]
        usual = past.groupby(name, sort=False)[target].agg(lambda values: values.mode().iloc[0])
        guess = later[name].map(usual)
        rows = guess.notna()
        if rows.sum() < _FEWEST:
            continue
        accuracy = float((guess[rows] == later.loc[rows, target]).mean())
        base = float((later.loc[rows, target] == commonest).mean())
        if accuracy >= base + _LIFT:
            figures = {"accuracy": accuracy, "base": base, "n": int(rows.sum())}
            title = Phrase("audit_person_tells", {"field": name, "target": target})
            reason = Phrase("audit_person_tells_why", {**figures, "target": target, "column": name})
            yield finding("people", "warning", title, reason, later.loc[rows, "number"], [name])


def _by_text(labelled: pd.DataFrame, target: str) -> Iterator[Finding]:
    people = {name for field in (*_PEOPLE_FIELDS, "assigned_to") for name in labelled[field].unique()}
    names = sorted(name for name in people if _NAME.fullmatch(name))
    if not names:
        return
    text = labelled["short_description"] + " " + labelled["description"]
    mentioned = text.str.extract(f"({'|'.join(map(re.escape, names))})", expand=False)
    counts = mentioned.value_counts()
    leaning = [name for name in counts.index[counts >= _OFTEN] if _is_pure(labelled.loc[mentioned == name, target])]
    rows = mentioned.isin(leaning)
    if rows.mean() >= _SHARE:
        reason = Phrase("audit_names_tell_why", {"share": float(rows.mean()), "target": target})
        fields = ["short_description", "description"]
        title = Phrase("audit_names_tell", {"target": target})
        yield finding("people", "warning", title, reason, labelled.loc[rows, "number"], fields)


def _is_pure(labels: pd.Series) -> bool:
    return bool(labels.value_counts(normalize=True).iloc[0] >= _PURE)
