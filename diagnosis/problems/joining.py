"""Joining: which incidents are of one fault, by what their fields say and, where they lack one, by what texts say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd

from diagnosis.arrays import Ints
from diagnosis.incident import IncidentBatch
from diagnosis.placeholders import is_placeholder
from diagnosis.problems.likeness import FaultLikeness
from diagnosis.recurrence.like_texts import LikeTexts
from diagnosis.recurrence.signature import COVERAGE, SEPARATOR, TEXT, Signature, words_of
from diagnosis.text import clean
from diagnosis.text.chinese import has_han

JoinedBy = Literal["fields", "text", "person"]

NONE = -1  # the fault of an incident that belongs to none
SCOPES = ("cmdb_ci", "service", "category")  # what a text is about, where the signature's own fields are not known
NO_FAULT = ("category",)  # a signature that names a field of work: only what is said tells its faults apart
CLEAR = 3  # incidents from which a kind of text counts as a fault of its own
SPLIT_SHARE = 0.6  # share of the incidents of one signature that such texts must hold for it to be split by them
ONE_LANGUAGE = 0.9  # share of texts in one language: those of two languages are never alike by their words
FIRST_WORDS = 20  # newest texts of a fault by which its language is known


@dataclass(frozen=True, slots=True)
class Fault:
    """What the incidents of one problem have in common.

    Attributes
    ----------
    id : str
        Made from fields and values.
    signature : mapping of str to str
        Values by field; ``text`` is the first text of what likeness joined.
    joined_by : {"fields", "text", "person"}
    """

    id: str
    signature: Mapping[str, str]
    joined_by: JoinedBy = "fields"


@dataclass(frozen=True)
class Joining:
    """The fault of each incident.

    Attributes
    ----------
    faults : tuple of Fault
    codes : ndarray of int, shape (n,)
        Places in ``faults``; `NONE` for an incident of none.
    likeness : FaultLikeness or None
        What joined incidents that lack a field; None where only fields joined.
    likeness_rows : ndarray of int or None
        A row of each fault that ``likeness`` knows, by its place there.
    texts : LikeTexts or None
        First texts of the faults that only texts joined.
    text_rows : mapping of str to int
        A row of each of those faults, by the id that it is made under.
    scopes : tuple of str
        Fields by which is told what a text is about, the first that an incident has.
    by_text : bool
        Whether texts joined every incident, because the signature names no fault.
    """

    faults: tuple[Fault, ...]
    codes: Ints
    likeness: FaultLikeness | None = None
    likeness_rows: Ints | None = None
    texts: LikeTexts | None = None
    text_rows: Mapping[str, int] = field(default_factory=dict)
    scopes: tuple[str, ...] = SCOPES
    by_text: bool = False

    def members(self) -> list[Ints]:
        """Return the rows of each fault, in order."""
        order = np.argsort(self.codes, kind="stable")
        bounds = np.searchsorted(self.codes[order], np.arange(len(self.faults) + 1))
        return [order[start:end] for start, end in pairwise(bounds.tolist())]

    def regrouped(self, faults: Sequence[Fault], codes: Ints) -> Joining:
        """Return incidents in other faults; those without incidents are left out."""
        used, places = np.unique(codes[codes >= 0], return_inverse=True)
        regrouped = np.full(len(codes), NONE, dtype=np.intp)
        regrouped[codes >= 0] = places
        return replace(self, faults=tuple(faults[place] for place in used.tolist()), codes=regrouped)


def fault_id(fields: Iterable[str], key: str) -> str:
    """Return the id of a fault: the same for the same values of the same fields, whatever else is in the history."""
    name = SEPARATOR.join((*fields, key))
    return f"P{blake2b(name.encode(), digest_size=6).hexdigest()}"


def join_by_fields(incidents: IncidentBatch, signature: Signature) -> Joining:
    """Join incidents of one signature; one that lacks a field belongs to none.

    Parameters
    ----------
    incidents : IncidentBatch
        In order of time.
    """
    signature_keys = signature.keys(signature.place(incidents))
    codes, names = pd.factorize(signature_keys.where(signature_keys != ""))
    by: JoinedBy = "text" if TEXT in signature.fields else "fields"
    faults = tuple(Fault(fault_id(signature.fields, key), signature.values(key), by) for key in names)
    return Joining(faults, codes.astype(np.intp))


def join(incidents: IncidentBatch, signature: Signature, texts: Sequence[str] | None = None) -> Joining:
    """Join incidents by signature where fields say it, and by likeness of texts where these say it better.

    - Incidents of one signature whose texts tell of several clear faults are split by text.
    - Faults of one item or service that differ in the category alone, and of which the same is told, are one.
    - An incident that lacks a field joins the fault whose words and other fields are most like its own, where hidden
      fields of the newest incidents are found again often enough that way (`FaultLikeness`).
    - What is left is joined by likeness of texts on the same item, service or category.
    - Where the category is all there is, every incident is joined by likeness of texts within it: a category names a
      field of work, and no fault.

    Parameters
    ----------
    incidents : IncidentBatch
        In order of time.
    texts : sequence of str, optional
        What `texts_of` returns of them.
    """
    if TEXT in signature.fields:
        return join_by_fields(incidents, signature)
    texts = texts_of(incidents) if texts is None else texts
    if signature.fields == NO_FAULT and np.mean([bool(text) for text in texts]) >= COVERAGE:
        apart = Joining((), np.full(len(texts), NONE, dtype=np.intp), scopes=NO_FAULT, by_text=True)
        return _join_by_text(apart, incidents, texts)
    joining = _split_by_text(join_by_fields(incidents, signature), texts)
    joining = _join_categories(joining, texts)
    return _join_by_text(_join_by_likeness(joining, incidents, texts, signature), incidents, texts)


def _split_by_text(joining: Joining, texts: Sequence[str]) -> Joining:
    """Split faults whose texts tell of several."""
    faults, codes = list(joining.faults), joining.codes.copy()
    for place, rows in enumerate(joining.members()):
        if len(rows) < 2 * CLEAR:
            continue
        of_fault = [texts[row] for row in rows]
        is_mixed = not _is_one_language(of_fault)
        if is_mixed and len(joining.faults) > 1:
            continue
        names = LikeTexts().names([""] * len(rows), of_fault, learn=True)
        clear = [name for name, count in Counter(names).items() if name and count >= CLEAR]
        if len(clear) < 2 or sum(name in clear for name in names) < SPLIT_SHARE * len(rows):
            continue
        if is_mixed and max(Counter(map(has_han, clear)).values()) < 2:
            continue  # the same fault told in two languages; two kinds in one are two faults of one value for all
        fault = faults[place]
        for name in clear:
            signature = {**fault.signature, TEXT: name}
            faults.append(Fault(fault_id(signature, SEPARATOR.join(signature.values())), signature, "text"))
            codes[rows[[each == name for each in names]]] = len(faults) - 1
    return joining.regrouped(faults, codes)


def _join_categories(joining: Joining, texts: Sequence[str]) -> Joining:
    """Join faults of one item or service that differ in the category, and of which the same is told."""
    members = joining.members()
    by_item: defaultdict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
    for place, fault in enumerate(joining.faults):
        item = tuple((name, value) for name, value in fault.signature.items() if name not in ("category", TEXT))
        if item and "category" in fault.signature:
            by_item[item].append(place)
    codes = joining.codes.copy()
    for places in by_item.values():
        if len(places) < 2 or max(len(members[place]) for place in places) < CLEAR:
            continue
        rows = np.sort(np.concatenate([members[place] for place in places]))
        names = LikeTexts().names([""] * len(rows), [texts[row] for row in rows.tolist()], learn=True)
        name_of = dict(zip(rows.tolist(), names, strict=True))
        largest: dict[str, int] = {}
        for place in sorted(places, key=lambda place: (-len(members[place]), members[place][0])):
            ((name, count),) = Counter(name_of[row] for row in members[place].tolist()).most_common(1)
            if name and count >= SPLIT_SHARE * len(members[place]):
                codes[members[place]] = largest.setdefault(name, place)
    return joining.regrouped(joining.faults, codes)


def _is_one_language(texts: Sequence[str]) -> bool:
    share = float(np.mean([has_han(text) for text in texts[-FIRST_WORDS:]]))
    return max(share, 1.0 - share) >= ONE_LANGUAGE


def _join_by_likeness(
    joining: Joining, incidents: IncidentBatch, texts: Sequence[str], signature: Signature
) -> Joining:
    lacking = np.flatnonzero(joining.codes == NONE)
    complete = np.flatnonzero(joining.codes != NONE)
    if not len(lacking) or not len(complete):
        return joining
    absent = {
        name: sum(map(is_placeholder, incidents.take(lacking).column(name))) for name in signature.fields
    }  # the field that is lacking most often is what is hidden to learn from
    hidden = max(signature.fields, key=lambda name: absent[name])
    of_complete = [texts[row] for row in complete.tolist()]
    likeness = FaultLikeness(signature.fields)
    likeness.fit(incidents.take(complete), of_complete, joining.codes[complete], hidden)
    codes = joining.codes.copy()
    codes[lacking] = likeness.nearest(incidents.take(lacking), [texts[row] for row in lacking.tolist()])[0]
    first = np.array([members[0] for members in joining.members()], dtype=np.intp)
    return replace(joining, codes=codes, likeness=likeness, likeness_rows=first)


def _join_by_text(joining: Joining, incidents: IncidentBatch, texts: Sequence[str]) -> Joining:
    rows = np.flatnonzero(joining.codes == NONE)
    if not len(rows):
        return joining
    scopes, values = scopes_of(incidents.take(rows), joining.scopes)
    like = LikeTexts()
    items = [SEPARATOR.join(pair) for pair in zip(scopes, values, strict=True)]
    names = like.names(items, [texts[row] for row in rows.tolist()], learn=True)
    faults, codes, places = list(joining.faults), joining.codes.copy(), dict[str, int]()
    first: dict[str, int] = {}
    for row, scope, value, name in zip(rows.tolist(), scopes, values, names, strict=True):
        if not name:
            continue
        fault = text_fault(scope, value, name)
        if fault.id not in places:
            places[fault.id], first[fault.id] = len(faults), row
            faults.append(fault)
        codes[row] = places[fault.id]
    return replace(joining, faults=tuple(faults), codes=codes, texts=like, text_rows=first)


def scopes_of(incidents: IncidentBatch, scopes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what the text of each incident is about: the first of these fields that it has, and its value."""
    columns = {name: incidents.column(name) for name in scopes}
    names = [next((n for n in scopes if not is_placeholder(columns[n][row])), "") for row in range(len(incidents))]
    return names, [columns[name][row] if name else "" for row, name in enumerate(names)]


def text_fault(scope: str, value: str, name: str) -> Fault:
    """Return the fault of a first text on an item, service or category."""
    signature = ({scope: value} if scope else {}) | {TEXT: name}
    return Fault(fault_id(signature, SEPARATOR.join(signature.values())), signature, "text")


def texts_of(incidents: IncidentBatch) -> list[str]:
    """Return the cleaned text of each incident by which likeness is judged."""
    pairs = zip(incidents.column("short_description"), incidents.column("description"), strict=True)
    texts = [words_of({"short_description": title, "description": body}) for title, body in pairs]
    cleaned = {text: "" if is_placeholder(text) else clean(text) for text in set(texts)}
    return [cleaned[text] for text in texts]
