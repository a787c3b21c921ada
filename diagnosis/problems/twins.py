"""Twins: faults that only words tell apart, and of which the same is said in another language or without the item.

What is said in Chinese and in English is compared by the terms that both have: words and codes in Latin letters, and
what the built-in glossary translates. A term counts by how few faults of the same item or service have it, as what all
of them have tells none apart. Where the other fields agree and each is the only one that is most like the other, two
are joined across languages; what is less sure, or a tie, a person is asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from diagnosis.arrays import Bools, Floats, Ints
from diagnosis.incident import IncidentBatch
from diagnosis.placeholders import is_placeholder
from diagnosis.problems.identity import ProblemDecision
from diagnosis.problems.joining import NONE, Fault, Joining
from diagnosis.recurrence.signature import TEXT
from diagnosis.search.glossary import glossary_pairs, translated
from diagnosis.text import tokenise
from diagnosis.text.chinese import has_han
from diagnosis.text.stop_words import STOP_WORDS
from diagnosis.times import as_utc, days_since_1970

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FIELDS = ("subcategory", "symptom")  # that have to agree
AGREED = 0.6  # mean cosine of their values from which they do
SURE = 0.5  # likeness from which faults in two languages are joined, each being the only one most like the other
SURE_ALONE = 0.7  # the same where no other field is known,
FEWEST_WORDS = 2  # and so many words have to be shared: one says little
STAYS = 0.75  # of likeness and agreement, for two that were one the last time
MOSTLY = 0.5  # share of the incidents of both that have a field by which such two are told apart
LIKELY = 0.25  # likeness from which a person is asked
UNCERTAIN = 0.5  # the same where no other field is known, and of a fault of an item
FEWEST = 2  # incidents of a fault that is compared
MOST_TEXTS = 30  # first texts of a fault that are compared: they stay as others come
LONGEST = 300  # characters of a text that are looked at
MOST_ASKED = 3  # faults that a person is asked about
LARGEST = 600  # faults of one item or service that are compared with one another, the most frequent
DIGITS = 9  # of likeness and agreement: the order of a sum decides nothing
ONE_LANGUAGE = 0.8  # share of a fault's texts by which it has a language


@dataclass(frozen=True)
class _Profile:
    """What is said of a fault, and the values of its other fields, each with the share of its incidents."""

    place: int
    words: Mapping[str, float]
    common_words: Mapping[str, float]
    values: Mapping[str, Mapping[str, float]]
    usual_fields: frozenset[str]  # that most incidents have
    is_chinese: bool | None  # None where two languages are mixed
    is_of_item: bool


@dataclass(frozen=True)
class _Compared:
    """Faults of one item or service, how like each is to each, and what else speaks for their being one.

    Attributes
    ----------
    agrees : ndarray of bool, shape (n, n)
        Whether other fields are known of both, and agree.
    words_alone : ndarray of bool, shape (n, n)
        Whether no other field is known of both, and they share more than one word.
    stays : ndarray of bool, shape (n, n)
        Whether two stay one if they were: fields that most incidents of both have must differ clearly to part them.
    """

    profiles: Sequence[_Profile]
    likeness: Floats
    agrees: Bools
    words_alone: Bools
    stays: Bools

    def across_languages(self) -> Bools:
        """Return whether two faults are told in one language each, and not in the same."""
        signs = _language_signs(self.profiles)
        across: Bools = np.outer(signs, signs) < 0
        return across


def join_twins(
    joining: Joining, incidents: IncidentBatch, texts: Sequence[str], earlier: Mapping[str, Sequence[str]]
) -> Joining:
    """Join faults that texts made in two languages on one item or service, where it is sure that they are one.

    Parameters
    ----------
    incidents : IncidentBatch
        In order of time.
    texts : sequence of str
        The cleaned text of each.
    earlier : mapping of str to sequence of str
        Numbers of the faults of the last time: what was one then stays one with less.
    """
    members = joining.members()
    earlier_ids = _earlier_faults(members, incidents.column("number"), earlier)
    codes = joining.codes.copy()
    n_parts = Counter(earlier_ids.values())
    parts = {place for place, name in earlier_ids.items() if n_parts[name] > 1}
    for compared in _compared(joining, members, incidents, texts, with_items=False, always=parts):
        for first, second in _sure(compared, earlier_ids):
            first_code, other_code = sorted(
                (codes[members[first][0]], codes[members[second][0]]), key=lambda c: members[c][0]
            )
            codes[codes == other_code] = first_code
    return joining.regrouped(joining.faults, codes)


def with_later_incidents(
    decisions: Sequence[ProblemDecision], parts: Joining, joining: Joining, numbers: Sequence[str], opened: Floats
) -> list[ProblemDecision]:
    """Return decisions whose splits take with them what came later to a part that they took from its twin.

    Parameters
    ----------
    parts, joining : Joining
        Before and after twins were joined.
    numbers : sequence of str
        Of the incidents, in order of time.
    opened : ndarray of float, shape (n,)
        When each was opened, as days.
    """
    members, row_of = parts.members(), {number: row for row, number in enumerate(numbers)}
    n_parts = Counter(int(joining.codes[rows[0]]) for rows in members)
    is_part = [n_parts[int(joining.codes[rows[0]])] > 1 for rows in members]

    def later_than(decision: ProblemDecision) -> list[str]:
        taken = [row_of[number] for number in decision.numbers if number in row_of]
        at, later = decision.decided_at, list[str]()
        for place in sorted(set(parts.codes[taken].tolist()) - {NONE}):
            moment = opened[taken].max() if at is None else days_since_1970([as_utc(at)])[0]
            is_later = opened[members[place]] > moment
            known = members[place][~is_later]
            if is_part[place] and np.isin(known, taken).sum() > MOSTLY * len(known):
                later += [numbers[row] for row in members[place][is_later].tolist()]
        return later

    return [
        replace(decision, numbers=(*decision.numbers, *later_than(decision))) if decision.kind == "split" else decision
        for decision in decisions
    ]


def likely_twins(joining: Joining, incidents: IncidentBatch, texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return, by id, the faults that each seems to be one with, the most like first."""
    members = joining.members()
    candidates: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for compared in _compared(joining, members, incidents, texts, with_items=True):
        of_item = np.array([profile.is_of_item for profile in compared.profiles])
        with_item = np.not_equal.outer(of_item, of_item)
        enough = np.where(compared.agrees & ~with_item, LIKELY, UNCERTAIN)
        is_likely = (compared.likeness >= enough) & (compared.agrees | compared.words_alone)
        # The same on two items is two faults, and calls that name none are of the item that they are most like.
        is_likely &= ~np.outer(of_item, of_item) & (
            ~with_item | _is_mutual(np.where(with_item, compared.likeness, -1.0))
        )
        for row, column in zip(*(rows.tolist() for rows in np.nonzero(np.triu(is_likely, 1))), strict=True):
            ids = [joining.faults[compared.profiles[place].place].id for place in (row, column)]
            for name, twin in (ids, ids[::-1]):
                candidates[name][twin] = float(compared.likeness[row, column])
    most_like = {name: sorted(twins, key=lambda twin: (-twins[twin], twin)) for name, twins in candidates.items()}
    return {name: tuple(twins[:MOST_ASKED]) for name, twins in most_like.items()}


def _is_mutual(likeness: Floats, *, without_ties: bool = False) -> Bools:
    """Return whether two are each the other's most like, and if asked, whether no third is as like."""
    best = likeness >= likeness.max(axis=1, keepdims=True)
    if without_ties:
        best &= best.sum(axis=1, keepdims=True) == 1
    mutual: Bools = best & best.T
    return mutual


def _sure(compared: _Compared, earlier_ids: Mapping[int, str]) -> Iterator[tuple[int, int]]:
    """Yield the places of two faults that are one."""
    places = [profile.place for profile in compared.profiles]
    is_open = compared.across_languages() & (compared.agrees | compared.words_alone)
    likeness = np.where(is_open, compared.likeness, -1.0)
    enough = np.where(compared.agrees, SURE, SURE_ALONE)
    is_sure = _is_mutual(likeness, without_ties=True) & (likeness >= enough)
    ids = np.array([earlier_ids.get(place, "") for place in places])
    was_one = (ids[:, None] == ids) & (ids != "")
    is_joined = np.triu(is_sure | (compared.stays & was_one), 1)
    for row, column in zip(*(rows.tolist() for rows in np.nonzero(is_joined)), strict=True):
        yield places[row], places[column]


def _earlier_faults(
    members: Sequence[Ints], numbers: Sequence[str], earlier: Mapping[str, Sequence[str]]
) -> dict[int, str]:
    """Return the id that most incidents of each fault had, where they had one."""
    id_of = {number: name for name, of_fault in earlier.items() for number in of_fault}
    earlier_ids = {}
    for place, rows in enumerate(members):
        names = Counter(name for row in rows.tolist() if (name := id_of.get(numbers[row])) is not None)
        if names:
            earlier_ids[place] = names.most_common(1)[0][0]
    return earlier_ids


def _compared(
    joining: Joining,
    members: Sequence[Ints],
    incidents: IncidentBatch,
    texts: Sequence[str],
    *,
    with_items: bool,
    always: Collection[int] = (),
) -> Iterator[_Compared]:
    """Yield the faults of each item or service that only texts made, and those of its items if asked.

    Of more than `LARGEST`, the most frequent are compared, after those at the places ``always``.
    """
    columns = {name: incidents.column(name) for name in (*FIELDS, "service")}
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    of_items: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, (fault, rows) in enumerate(zip(joining.faults, members, strict=True)):
        if len(rows) < FEWEST or fault.joined_by == "person":
            continue
        scope = _scope(fault)
        if fault.joined_by == "text" and scope is not None:
            groups[scope].append(place)
        elif with_items and "cmdb_ci" in fault.signature:
            services = Counter(columns["service"][row] for row in rows.tolist())
            service = services.most_common(1)[0][0]
            if not is_placeholder(service):
                of_items["service", service].append(place)
    for scope, places in groups.items():
        order = sorted([*places, *of_items[scope]], key=lambda place: (place not in always, -len(members[place])))
        largest = order[:LARGEST]
        if len(largest) > 1:
            profiles = [_profile(place, joining.faults[place], members[place], texts, columns) for place in largest]
            yield _with_likeness(profiles)


def _scope(fault: Fault) -> tuple[str, str] | None:
    """Return what a fault that texts made is about, nothing where no field says it; None for any other fault."""
    fields = [(name, value) for name, value in fault.signature.items() if name != TEXT]
    if TEXT not in fault.signature or len(fields) > 1:
        return None
    return fields[0] if fields else ("", "")


def _profile(
    place: int, fault: Fault, rows: Ints, texts: Sequence[str], columns: Mapping[str, Sequence[str]]
) -> _Profile:
    words: Counter[str] = Counter()
    common_words: Counter[str] = Counter()
    first = rows[:MOST_TEXTS].tolist()
    n_chinese = 0
    for row in first:
        text = texts[row][:LONGEST]
        tokens = _telling(text)
        words.update(tokens)
        if has_han(text):
            n_chinese += 1
            tokens = sorted({word for word in (*tokens, *_telling(translated(text))) if word.isascii()})
        common_words.update(tokens)
    share = n_chinese / len(first)
    of_fault = {name: [columns[name][row] for row in rows.tolist()] for name in FIELDS}
    usual = {name for name, each in of_fault.items() if sum(map(is_placeholder, each)) <= (1 - MOSTLY) * len(each)}
    return _Profile(
        place,
        _over(words, len(first)),
        _over(common_words, len(first)),
        {name: _shares(each) for name, each in of_fault.items()},
        frozenset(usual),
        None if max(share, 1.0 - share) < ONE_LANGUAGE else share > 1.0 - share,
        TEXT not in fault.signature,
    )


def _telling(text: str) -> list[str]:
    """Return the words that tell something, in an order that is the same in every process."""
    return sorted({word for word in tokenise(text) if len(word) > 1 and word not in STOP_WORDS})


def _shares(values: Iterable[str]) -> dict[str, float]:
    counts = Counter(value for value in values if not is_placeholder(value))
    return _over(counts, counts.total())


def _over(counts: Counter[str], total: int) -> dict[str, float]:
    return {name: count / total for name, count in counts.items()}


def _language_signs(profiles: Sequence[_Profile]) -> Ints:
    """Return 1 for a fault told in Chinese, -1 for one in another language, 0 for one in both."""
    return np.array([{True: 1, False: -1, None: 0}[profile.is_chinese] for profile in profiles], dtype=np.intp)


def _with_likeness(profiles: Sequence[_Profile]) -> _Compared:
    signs = _language_signs(profiles)
    same = np.outer(signs, signs) > 0
    by_words = _cosines([profile.words for profile in profiles], telling=True)
    in_both = _in_both(profiles)
    likeness = np.where(same, by_words, _cosines(in_both, telling=True))
    values = [[profile.values[name] for profile in profiles] for name in FIELDS]
    of_fields = np.stack([_cosines(of_faults, telling=False) for of_faults in values])
    is_known = _in_two(np.array([list(map(bool, of_faults)) for of_faults in values]))
    is_usual = _in_two(np.array([[name in profile.usual_fields for profile in profiles] for name in FIELDS]))
    has_fields = is_known.any(axis=0)
    shares_words = same | (_n_shared(in_both) >= FEWEST_WORDS)
    return _Compared(
        profiles,
        likeness,
        has_fields & _agree(of_fields, is_known, AGREED),
        ~has_fields & shares_words,
        ~same & _agree(of_fields, is_usual, STAYS * AGREED) & (likeness >= STAYS * SURE),
    )


def _in_two(has: Bools) -> Bools:
    """Return, by field, whether each two faults have what the rows say of one."""
    in_two: Bools = has[:, :, None] & has[:, None, :]
    return in_two


def _agree(cosines: Floats, counts: Bools, enough: float) -> Bools:
    """Return whether the fields that count have so high a mean cosine, or none counts."""
    agreement = np.where(counts, cosines, 0.0).sum(axis=0).round(DIGITS)
    agree: Bools = agreement >= (enough * counts.sum(axis=0)).round(DIGITS)
    return agree


def _in_both(profiles: Sequence[_Profile]) -> list[Mapping[str, float]]:
    """Return the words of each fault that can be said in both languages."""
    of_chinese = (profile.common_words for profile in profiles if profile.is_chinese is not False)
    common = _glossary_words().union(*of_chinese)
    return [{word: share for word, share in p.common_words.items() if word in common} for p in profiles]


@cache
def _glossary_words() -> frozenset[str]:
    return frozenset(word for _, english in glossary_pairs() for word in _telling(english))


def _n_shared(rows: Sequence[Mapping[str, float]]) -> Floats:
    """Return how many names each two rows share."""
    from scipy.sparse import csr_array  # noqa: PLC0415

    matrix, _ = _matrix(rows)
    has_name = csr_array((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)
    n_common: Floats = (has_name @ has_name.T).toarray()
    return n_common


def _matrix(rows: Sequence[Mapping[str, float]]) -> tuple[csr_array, list[int]]:
    """Return the shares of each name as rows of a matrix, and how many rows have each."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - a start does without

    counts = Counter(name for row in rows for name in row)
    place_of = {name: place for place, name in enumerate(counts)}
    places = np.array([place_of[name] for row in rows for name in row], dtype=np.intp)
    shares = np.array([share for row in rows for share in row.values()])
    starts = np.cumsum([0, *map(len, rows)])
    return csr_array((shares, places, starts), shape=(len(rows), max(len(counts), 1))), list(counts.values())


def _cosines(rows: Sequence[Mapping[str, float]], *, telling: bool) -> Floats:
    """Return the cosine of each two rows; if asked, a name counts by how few rows have it."""
    matrix, counts = _matrix(rows)
    if telling and counts:
        matrix.data *= np.log1p(len(rows) / np.array(counts))[matrix.indices]
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    products = (matrix @ matrix.T).toarray()
    cosines: Floats = (products / np.maximum(np.outer(lengths, lengths), 1e-12)).round(DIGITS)
    return cosines
