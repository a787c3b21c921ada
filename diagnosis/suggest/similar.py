"""Past incidents like the one at hand, with what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from diagnosis.findings import Outcome, SimilarIncident
from diagnosis.suggest.wording import says_nothing

# Canonical rows, of the hits at least: a frame, or rows by number as `diagnosis.records` hands them out.
Records = pd.DataFrame | Mapping[str, Mapping[str, Any]]


class RankedRecord(Protocol):
    """What search found: ``score`` only ranks, ``similarity`` is a cosine."""

    @property
    def number(self) -> str:
        """Number of the article or incident."""
        ...

    @property
    def score(self) -> float:
        """Ranks, within one list."""
        ...

    @property
    def similarity(self) -> float:
        """Cosine with the question."""
        ...


def similar_incidents(
    hits: Sequence[RankedRecord], incidents: Records, recurred_within_days: Mapping[str, int], k: int = 5
) -> list[SimilarIncident]:
    """Return the first ``k`` hits that are known, in their order.

    Parameters
    ----------
    hits : sequence of RankedRecord
    incidents : DataFrame or mapping of str to mapping
        Canonical rows, of the hits at least; a mapping has them by number.
    recurred_within_days : mapping of str to int
        Number to days, for those of which it was seen (`SolutionOutcomes.recurred_`).
    k : int
    """
    rows = rows_of(hits, incidents)
    present = [hit for hit in hits if hit.number in rows][:k]
    return [_similar(hit, rows[hit.number], recurred_within_days.get(hit.number)) for hit in present]


def rows_of(hits: Sequence[RankedRecord], records: Records) -> Mapping[str, Mapping[str, Any]]:
    """Return the rows of the hits by number; of rows with one number the last."""
    if not isinstance(records, pd.DataFrame):
        return records
    matches = records[records["number"].isin([hit.number for hit in hits])]
    return {row["number"]: {str(name): value for name, value in row.items()} for row in matches.to_dict("records")}


def _similar(hit: RankedRecord, row: Mapping[str, Any], recurred: int | None) -> SimilarIncident:
    notes = str(row["close_notes"])
    return SimilarIncident(
        number=hit.number,
        similarity=hit.similarity,
        short_description=str(row["short_description"]) or str(row["description"]).strip().split("\n")[0][:160],
        resolution="" if says_nothing(notes) else notes,
        opened_at=None if pd.isna(row["opened_at"]) else pd.Timestamp(row["opened_at"]).to_pydatetime(),
        outcome=_outcome(row, recurred),
    )


def _outcome(row: Mapping[str, Any], recurred: int | None) -> Outcome:
    reopened = bool(pd.notna(row["reopened_at"])) or (pd.notna(row["reopen_count"]) and int(row["reopen_count"]) > 0)
    resolved = row["resolved_at"] if pd.notna(row["resolved_at"]) else row["closed_at"]
    if pd.isna(resolved):
        return Outcome(reopened=reopened or None, recurred_within_days=recurred)
    hours = None if pd.isna(row["opened_at"]) else max(0.0, (resolved - row["opened_at"]).total_seconds() / 3600)
    return Outcome(reopened, recurred, None if hours is None else round(hours, 2))
