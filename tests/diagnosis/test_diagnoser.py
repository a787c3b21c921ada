"""A diagnosis by the whole of a release, as incidents come in and are resolved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from diagnosis import Diagnoser, Incident

TEXT = "the zebra scanner at gate {} beeps twice and drops its pairing"
FIX = "Bind the cradle to the scanner again and update its firmware."
FIRST = datetime(2026, 3, 1, tzinfo=UTC)


def report(i: int) -> Incident:
    return Incident(f"WAVE{i}", FIRST + timedelta(hours=i), TEXT.format(i), TEXT.format(i))


@pytest.mark.parametrize("n_reports", [4, 120])
def test_the_one_of_many_like_reports_that_was_resolved_is_the_one_found(models, n_reports) -> None:
    diagnoser = Diagnoser.load(models)
    wave = [report(i) for i in range(n_reports)]
    diagnoser.upsert_incidents(wave)
    asked = replace(report(0), number="NEW", opened_at=FIRST + timedelta(days=30))
    before = diagnoser.diagnose(asked)
    assert before.similar_incidents[0].number == "WAVE0"
    assert not any(suggestion.resolution == FIX for suggestion in before.suggestions)

    resolved = replace(wave[2], resolved_at=FIRST + timedelta(days=1), close_notes=FIX)
    nothing_done = replace(wave[1], resolved_at=FIRST + timedelta(days=1), close_notes="done")
    diagnoser.upsert_incidents([nothing_done, resolved])
    after = diagnoser.diagnose(asked)
    assert (after.similar_incidents[0].number, after.similar_incidents[0].resolution) == ("WAVE2", FIX)
    assert FIX in [suggestion.resolution for suggestion in after.suggestions]
    assert diagnoser.search([TEXT.format(0)], "incidents")[0][0].number == "WAVE2"


def test_the_resolved_one_is_found_in_the_history_of_a_release_too(models, tmp_path) -> None:
    diagnoser = Diagnoser.load(models)
    wave = [report(i) for i in range(3)]
    diagnoser.upsert_incidents([wave[0], replace(wave[1], resolved_at=wave[2].opened_at, close_notes=FIX), wave[2]])
    diagnoser.parts.save(tmp_path)
    loaded = Diagnoser("again", type(diagnoser.parts).load(tmp_path))
    assert loaded.search([TEXT.format(0)], "incidents")[0][0].number == "WAVE1"
