"""Stale articles: those that ran out, whose fix stopped working, whose item is gone, or that nobody uses any more."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Floats
from diagnosis.knowledge import ENDS_SOON, ended_articles
from diagnosis.knowledge_health.form import families_of
from diagnosis.phrases import Phrase, in_words, joined
from diagnosis.placeholders import is_placeholder
from diagnosis.recurrence.beginning import beginning_of
from diagnosis.recurrence.verdict import episodes

RISK = 0.01  # chance of what is taken for a change, were there none
HOLDS_FOR = 30.0  # days without a return
_WINDOWS = (45, 90, 135, 180, 270)  # days before the end, each compared with all before them
_FEWEST_USES = 5  # before and after
_FEWEST_ON_ITEM = 5  # episodes: how often fewer come cannot be told
_SILENCE = 90  # days without an incident on an item, at least
_FEWEST_UNUSED = 5  # incidents that an article would have answered
_UNUSED_WINDOW = 180  # days
_MOST_EVIDENCE = 20
_ORDER = (
    "stale_success_fell",
    "stale_item_gone",
    "stale_unused",
    "stale_expired",
    "stale_expires",
    "stale_review_due",
)
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*[0-9][a-z0-9_.-]*|[a-z0-9]+[_-][a-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class StaleArticle:
    """An article that is out of date, why, and the incidents that show it."""

    number: str
    reasons: tuple[Phrase, ...]
    numbers: tuple[str, ...]

    def why(self, reader: str) -> str:
        """Return the reasons in the reader's language."""
        together = joined(self.reasons)
        return "" if together is None else in_words(together, reader)


@dataclass(frozen=True)
class ArticleUses:
    """The incidents, one entry each.

    Attributes
    ----------
    numbers, article, item : list of str
        Of the incident, of the article that closed it, and its configuration item; ``""`` if there is none.
    nearest : list of str
        The article that answers it best, if one does.
    opened : ndarray of float
        Days since 1970; NaN if not known.
    failed : ndarray of float
        1 if it came back within thirty days of its resolution, 0 if it held, NaN if that was not seen.
    end : float
        Day on which it is looked at.
    """

    numbers: Sequence[str]
    article: Sequence[str]
    item: Sequence[str]
    nearest: Sequence[str]
    opened: Floats
    failed: Floats
    end: float


def stale_articles(articles: pd.DataFrame, uses: ArticleUses, as_of: pd.Timestamp) -> list[StaleArticle]:
    """Return the stale articles with evidence: what misleads first, what is only due for a look last.

    Of an article that ran out that alone is said, as it is suggested no more; of a retired one nothing.
    """
    ended, retired = ended_articles(articles, as_of)
    reasons: defaultdict[str, list[Phrase]] = defaultdict(list)
    evidence: defaultdict[str, list[str]] = defaultdict(list)
    by_family: defaultdict[str, list[str]] = defaultdict(list)
    family_of = dict(zip(articles["number"], families_of(articles), strict=True))
    for number, family in itertools.compress(family_of.items(), ~ended):
        by_family[family].append(number)
    for number, phrase in _by_date(articles[~retired], as_of):
        reasons[number].append(phrase)
    rows_of = _rows(family_of.get(name, "") for name in uses.article)
    for family, rows in rows_of.items():
        fallen = _success_fell(uses, rows)
        if fallen is not None:
            _add(reasons, evidence, by_family[family], fallen[0], [uses.numbers[row] for row in fallen[1]])
    for number, phrase, rows in _items_gone(articles[~ended], uses):
        _add(reasons, evidence, [number], phrase, [uses.numbers[row] for row in rows])
    for family, phrase, rows in _unused(uses, rows_of, family_of):
        _add(reasons, evidence, by_family[family], phrase, [uses.numbers[row] for row in rows])
    stale = [StaleArticle(number, tuple(reasons[number]), tuple(evidence[number])) for number in sorted(reasons)]
    return sorted(stale, key=lambda article: min(_ORDER.index(phrase.code) for phrase in article.reasons))


def _add(
    reasons: defaultdict[str, list[Phrase]],
    evidence: defaultdict[str, list[str]],
    numbers: Iterable[str],
    phrase: Phrase,
    incidents: list[str],
) -> None:
    for number in numbers:
        reasons[number].append(phrase)
        evidence[number] += incidents[-_MOST_EVIDENCE:]


def _rows(families: Iterable[str]) -> dict[str, npt.NDArray[np.intp]]:
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, family in enumerate(families):
        if family:
            rows[family].append(row)
    return {family: np.array(of_one, dtype=np.intp) for family, of_one in rows.items()}


def _by_date(articles: pd.DataFrame, as_of: pd.Timestamp) -> Iterable[tuple[str, Phrase]]:
    for number, valid_to, review_at in zip(
        articles["number"], articles["valid_to"], articles["review_at"], strict=True
    ):
        if pd.notna(valid_to) and valid_to < as_of:
            yield number, Phrase("stale_expired", {"date": f"{valid_to:%Y-%m-%d}"})
            continue
        if pd.notna(valid_to) and valid_to < as_of + pd.Timedelta(days=ENDS_SOON):
            yield number, Phrase("stale_expires", {"date": f"{valid_to:%Y-%m-%d}"})
        if pd.notna(review_at) and review_at < as_of:
            yield number, Phrase("stale_review_due", {"date": f"{review_at:%Y-%m-%d}"})


def _success_fell(uses: ArticleUses, rows: npt.NDArray[np.intp]) -> tuple[Phrase, npt.NDArray[np.intp]] | None:
    """Return that a fix holds less often than before, if chance explains it in less than one of a hundred articles."""
    watched = rows[np.isfinite(uses.failed[rows]) & np.isfinite(uses.opened[rows])]
    best: tuple[float, Phrase, npt.NDArray[np.intp]] | None = None
    for days in _WINDOWS:
        late = uses.opened[watched] >= uses.end - days
        n_after, n_before = int(late.sum()), int((~late).sum())
        if min(n_after, n_before) < _FEWEST_USES:
            continue
        failed = uses.failed[watched] > 0
        bad_after, bad_before = int(failed[late].sum()), int(failed[~late].sum())
        chance = _chance_of_so_many(bad_after, n_after, bad_after + bad_before, n_after + n_before)
        if best is None or chance < best[0]:
            values = {
                "before": 1 - bad_before / n_before,
                "n_before": n_before,
                "after": 1 - bad_after / n_after,
                "n_after": n_after,
                "days": days,
            }
            best = chance, Phrase("stale_success_fell", values), watched[late & failed]
    return None if best is None or best[0] * len(_WINDOWS) > RISK else (best[1], best[2])


def _chance_of_so_many(bad: int, drawn: int, all_bad: int, n: int) -> float:
    """Return the chance of so many failures or more among those drawn (Fisher's exact test, one-sided)."""
    ways = sum(
        math.comb(all_bad, k) * math.comb(n - all_bad, drawn - k)
        for k in range(bad, min(drawn, all_bad) + 1)
        if drawn - k <= n - all_bad
    )
    return ways / math.comb(n, drawn)


def _items_gone(articles: pd.DataFrame, uses: ArticleUses) -> Iterable[tuple[str, Phrase, npt.NDArray[np.intp]]]:
    """Yield the articles about an item that had incidents steadily and has none any more.

    Had it the rate of the whole time watched throughout, each of its episodes would lie in the silence at its end with
    the share that this is of that time. Items that articles name are looked at together (Bonferroni).
    """
    rows_of = _rows("" if is_placeholder(item) else item.lower() for item in uses.item)
    texts = (articles[name] for name in ("title", "symptoms", "cause", "resolution", "keywords"))
    items_of_articles = [
        set(_NAME.findall(" ".join(words).lower())) & rows_of.keys() for words in zip(*texts, strict=True)
    ]
    dates = np.sort(np.asarray(uses.opened)[np.isfinite(uses.opened)])
    watched = max(uses.end - beginning_of(dates, uses.end), 1.0) if len(dates) else 1.0
    chance_of: dict[str, float] = {}
    for item in set().union(*items_of_articles):
        days = np.sort(uses.opened[rows_of[item]])
        starts = episodes(days[np.isfinite(days)])
        if len(starts) >= _FEWEST_ON_ITEM:
            silence = uses.end - days[np.isfinite(days)].max()
            chance_of[item] = (1.0 - min(silence / watched, 1.0)) ** len(starts) if silence >= _SILENCE else 1.0
    silent_items = {item for item, chance in chance_of.items() if chance * len(chance_of) <= RISK}
    for number, items in zip(articles["number"], items_of_articles, strict=True):
        for item in sorted(items & silent_items):
            rows = rows_of[item][np.isfinite(uses.opened[rows_of[item]])]
            last = pd.Timestamp(uses.opened[rows].max(), unit="D")
            values = {"item": uses.item[rows[-1]], "n_before": len(rows), "date": f"{last:%Y-%m-%d}"}
            yield number, Phrase("stale_item_gone", values), rows


def _unused(
    uses: ArticleUses, rows_of: dict[str, npt.NDArray[np.intp]], family_of: dict[str, str]
) -> Iterable[tuple[str, Phrase, npt.NDArray[np.intp]]]:
    """Yield the articles that answer incidents of the last months, none of which was closed with them."""
    recent = uses.opened >= uses.end - _UNUSED_WINDOW
    answered = np.array([name != "" for name in uses.nearest], dtype=bool) & recent
    if not answered.any():
        return
    linked = np.array([name in family_of for name in uses.article], dtype=bool)
    share = float(linked[answered].mean())
    if not 0 < share < 1:
        return
    needed = max(_FEWEST_UNUSED, math.ceil(math.log(RISK) / math.log(1 - share)))
    wanted = _rows(
        family_of.get(name, "") if is_answered else "" for name, is_answered in zip(uses.nearest, answered, strict=True)
    )
    for family, rows in wanted.items():
        used_lately = recent[rows_of[family]].any() if family in rows_of else False
        if len(rows) >= needed and not used_lately:
            values = {"n": len(rows), "days": _UNUSED_WINDOW, "share": share}
            yield family, Phrase("stale_unused", values), rows
