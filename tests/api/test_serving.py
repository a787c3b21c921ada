"""What a release took in to diagnose joins its history as it was prepared, and as the store holds it."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from api.joining import LoadedRelease
from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import LOGGED_FIELDS, Incident, IncidentBatch
from diagnosis.releases import find_release
from diagnosis.store.bodies import record_of
from diagnosis.store.records import Record

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
INCIDENTS = [
    Incident(f"NEW{n}", AT.replace(minute=n), f"VPN 证书过期 {n}", "Call 13800138000", category="network", priority="2")
    for n in range(4)
]


@pytest.fixture(scope="module")
def diagnoser(models: Path) -> Diagnoser:
    return Diagnoser.load(find_release(models))


def test_what_was_prepared_here_and_what_others_stored_join_in_the_order_of_the_store(diagnoser: Diagnoser) -> None:
    release = LoadedRelease("r", diagnoser)
    batch = diagnoser.prepare(INCIDENTS)
    records = [
        Record(one.number, n, AT, AT, False, record_of(batch.incidents, n, LOGGED_FIELDS))
        for n, one in enumerate(INCIDENTS)
    ]
    assert records[0].body["description"] == "Call <PHONE>"
    for row in (2, 0):
        release.expect(records[row].body, batch, row)
    release.expect({**records[1].body, "category": "mail"}, batch, 1)  # changed since: what is stored counts
    joined = release.prepare(records)
    alone = diagnoser.prepare(IncidentBatch.from_incidents(Incident.from_values(record.body) for record in records))
    assert joined.incidents == alone.incidents
    assert joined.cleaned == alone.cleaned
    assert joined.text == alone.text
    np.testing.assert_array_equal(joined.vectors, alone.vectors)
    assert release.prepare(records).incidents == alone.incidents, "nothing is expected twice"


def test_what_the_history_holds_already_is_not_kept_for_a_change_that_never_comes(diagnoser: Diagnoser) -> None:
    release, batch = LoadedRelease("r", diagnoser), diagnoser.prepare(INCIDENTS)
    known = next(iter(diagnoser.parts.history.frame(("number",))["number"]))
    references = sys.getrefcount(batch)
    release.expect({**record_of(batch.incidents, 0, LOGGED_FIELDS), "number": known}, batch, 0)
    assert sys.getrefcount(batch) == references
    release.expect(record_of(batch.incidents, 0, LOGGED_FIELDS), batch, 0)
    assert sys.getrefcount(batch) == references + 1
