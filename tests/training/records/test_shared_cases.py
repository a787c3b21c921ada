"""Inputs as people sent them, where they are beside the checkout; what is right is asserted, none of it is quoted."""

from pathlib import Path

import numpy as np
import pytest

from diagnosis.incident import frame_as_logged
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router
from training.checks.classes import retired_in_history
from training.records import load_incidents

CASES = Path(__file__).parents[4] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases beside the checkout")

_WHOLE = [
    ("chinese-clock/times.csv", 5),
    ("cover-sheet/cover.xlsx", 1),
    ("escaped-markup/glpi.csv", 1),
    ("gbk-one-row/one.csv", 1),
    ("half-surrogate-jsonl/half.jsonl", 2),
    ("image-in-text/pair.csv", 3),
    ("month-names/de.csv", 12),
    ("month-names/es.csv", 12),
    ("month-names/fr.csv", 12),
    ("more-sheets/months.xlsx", 3),
    ("number-format-zeros/fmt.xlsx", 1),
    ("one-json-object/one.json", 1),
    ("one-json-object/nan.json", 2),
    ("short-rows/short.csv", 2),
    ("title-in-every-cell/title.xlsx", 1),
    ("wiki-markup/w.csv", 1),
]


@pytest.mark.parametrize(("file", "rows"), _WHOLE)
def test_every_row_comes_in_whole(file, rows):
    counts = load_incidents(CASES / file).counts
    assert (counts.imported, counts.rejected, counts.blanked) == (rows, 0, 0)


def test_every_file_is_read_or_refused_in_one_line():
    refusals = {}
    for path in CASES.rglob("*"):
        if path.suffix in {".csv", ".xlsx", ".json", ".jsonl"}:
            try:
                load_incidents(path)
            except Exception as error:  # noqa: BLE001 - the kind is what is looked at
                refusals[path.name] = type(error).__name__
    assert set(refusals.values()) <= {"InputError"}


def test_no_markup_is_a_word():
    for file in ("escaped-markup/glpi.csv", "image-in-text/pair.csv", "wiki-markup/w.csv"):
        frame = load_incidents(CASES / file).frame
        text = " ".join(frame["description"] + " " + frame["close_notes"])
        assert not [sign for sign in ("<", "amp", "base64", "color", "thumbnail", "accountid", "code") if sign in text]


@pytest.mark.parametrize("file", ["cp1250.csv", "euckr.csv", "mac.csv"])
def test_encodings_are_said(file):
    loaded = load_incidents(CASES / "encoding-unsaid" / file)
    assert "was read as" in str(loaded.counts.notes[0])
    assert loaded.frame["short_description"].str.fullmatch(r"[\w ]+").all()


def test_guarded_numbers():
    loaded = load_incidents(CASES / "spreadsheet-guarded-number" / "guard.csv")
    assert loaded.frame["number"].iloc[0].startswith("00")
    assert any("rounded" in str(note) for note in loaded.counts.notes)


def test_a_group_that_was_renamed_is_suggested_by_its_new_name():
    history, new = (load_incidents(CASES / "renamed-group" / name).frame for name in ("h.csv", "new.csv"))
    rows, later = np.arange(len(history)), int(0.85 * len(history))
    router = Router("assignment_group")
    router.fit_and_calibrate(_prepared(history), history["assignment_group"].tolist(), rows[:later], rows[later:])
    assert [answer.value for answer in router.predict(_prepared(new))] == ["Workplace Services"]
    (finding,) = retired_in_history(history, "assignment_group")
    assert "'Desktop Support' is no longer used" in str(finding.title)
    assert "'Workplace Services' began since" in str(finding.why)


def _prepared(frame):
    texts = frame["short_description"].tolist()
    return PreparedIncidents(frame_as_logged(frame), texts, np.zeros((len(texts), 0), dtype=np.float32))
