"""What the store knows is what is learned from: records as they ended, and people's words over them."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from api.cli import main
from diagnosis.errors import InputError, StoreError
from diagnosis.store import Store
from diagnosis.store.diagnoses import DiagnosisEntry
from diagnosis.store.feedback import Feedback
from training.records.stored import load_stored

AT = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)


def test_people_win_over_records_and_what_they_took_back_is_never_a_label(database_url: str) -> None:
    store = Store.open(database_url)
    numbers = ["INC1", "INC2", "INC3", "INC4", "INC5", "INC6"]
    body = {"assignment_group": "Mail", "category": "email", "short_description": "邮箱已满"}
    store.incidents.put({n: {**body, "number": n, "opened_at": "2026-03-01T08:00:00Z"} for n in numbers})
    store.diagnoses.add([DiagnosisEntry({"id": f"D{n}", "incident": n, "release": "r"}, AT) for n in numbers])

    def say(number: str, kind: str, predicted: str | None = None, value: str | None = None) -> Feedback:
        return store.feedback.add(
            Feedback(f"D{number}", number, kind, "assignment_group", predicted, value)  # type: ignore[arg-type]
        )

    say("INC1", "overridden", "Mail", "Network")
    say("INC2", "reverted", "mail ")  # another spelling of what the record still says
    undone = say("INC3", "overridden", "Mail", "Network")
    store.feedback.undo(undone.id, "DINC3")
    say("INC4", "overridden", "Mail", "Network")
    say("INC4", "reverted", "Network")
    say("INC5", "accepted", "Desktop", "Desktop")
    say("INC6", "reverted", "Network")  # says nothing against the group that it has
    store.close()
    found = load_stored(database_url)
    groups = dict(zip(found.incidents["number"], found.incidents["assignment_group"], strict=True))
    assert groups == {"INC1": "Network", "INC2": "", "INC3": "Mail", "INC4": "", "INC5": "Desktop", "INC6": "Mail"}
    assert found.corrected == 4
    assert set(found.incidents["category"]) == {"email"}


def test_the_latest_update_counts_and_a_deleted_record_is_gone(database_url: str) -> None:
    store = Store.open(database_url)
    logged = {"number": "INC1", "opened_at": "2026-03-01T08:00:00.25Z", "short_description": "x"}
    store.incidents.put({"INC1": logged, "INC2": {**logged, "number": "INC2", "opened_at": "2026-03-01T08:00:00Z"}})
    store.incidents.put({"INC1": {**logged, "resolved_at": "2026-03-01T10:00:00Z", "close_notes": "更换硒鼓"}})
    reopened = {"resolved_at": "2026-03-03T10:00:00Z", "reopened_at": "2026-03-02T10:00:00Z", "reopen_count": 1}
    store.incidents.put({"INC1": {**logged, **reopened, "close_notes": "更换主板", "shift": "night"}})
    store.incidents.put({"INC3": {"number": "INC3", "short_description": "no date"}})
    store.diagnoses.add([DiagnosisEntry({"id": "D1", "incident": "INC3", "release": "r"}, AT)])
    store.incidents.delete("INC2")
    store.articles.put({"KB1": {"title": "卡纸", "resolution": "清洁滚轮"}, "KB2": {"title": "gone"}})
    store.articles.delete("KB2")
    store.close()
    found = load_stored(database_url)
    assert list(found.incidents["number"]) == ["INC1", "INC3"]
    first, undated = found.incidents.iloc[0], found.incidents.iloc[1]
    assert first["resolved_at"] == pd.Timestamp("2026-03-03T10:00Z")
    assert (first["reopen_count"], first["close_notes"], first["shift"]) == (1, "更换主板", "night")
    assert first["opened_at"] == pd.Timestamp("2026-03-01T08:00:00.25Z")
    assert undated["opened_at"] == pd.Timestamp(AT)  # when it was diagnosed
    assert list(found.articles["title"]) == ["卡纸"]


def test_feedback_on_suggestions_is_read_without_what_was_undone(database_url: str) -> None:
    store = Store.open(database_url)
    store.diagnoses.add([DiagnosisEntry({"id": "D1", "incident": "INC1", "release": "r"}, AT)])
    worked = store.feedback.add(Feedback("D1", "INC1", "suggestion_worked", suggestion="knowledge:KB1"))
    undone = store.feedback.add(Feedback("D1", "INC1", "suggestion_failed", suggestion="knowledge:KB2"))
    store.feedback.undo(undone.id, "D1")
    store.close()
    assert [one.id for one in load_stored(database_url).feedback] == [worked.id]


def test_an_empty_store_has_no_records(database_url: str) -> None:
    Store.open(database_url).close()
    found = load_stored(database_url)
    assert (len(found.incidents), len(found.articles), found.feedback) == (0, 0, ())


@pytest.mark.parametrize("verb", ["train", "evaluate", "audit", "compare", "recurrence"])
def test_a_store_that_cannot_be_read_is_said_in_one_line_by_every_verb(verb, models: Path, tmp_path, capsys) -> None:
    releases = [folder.name for folder in sorted(models.iterdir()) if folder.is_dir()]
    more = {
        "train": ["--out", str(tmp_path / "out")],
        "evaluate": ["--release", str(models)],
        "audit": ["--models", str(tmp_path)],
        "compare": [*releases, "--models", str(models)],
        "recurrence": [],
    }[verb]
    (tmp_path / "not.db").write_bytes(b"this is no database at all, but long enough to be looked at" * 20)
    for url, words in (
        (f"sqlite:///{tmp_path / 'missing.db'}", "no such file"),
        (f"sqlite:///{tmp_path / 'not.db'}", "database"),
        ("mysql://x/y", "sqlite or postgresql"),
    ):
        assert main([verb, *more, "--from-store", url]) == 1
        said = capsys.readouterr().err.strip()
        assert said.startswith("faultwise: ")
        assert words in said
        assert len(said.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"not.db"}


def test_a_store_of_another_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'f.db'}"
    Store.open(url).close()
    with sqlite3.connect(tmp_path / "f.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(InputError, match="found those of version 0000"):
        load_stored(url)
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "empty.db").touch()
    with pytest.raises(InputError, match="no tables of ours"):
        load_stored(f"sqlite:///{tmp_path / 'empty.db'}")


def test_a_server_that_is_not_there_is_a_store_error() -> None:
    with pytest.raises(StoreError, match="the database did not do what was asked"):
        load_stored("postgresql://nobody@127.0.0.1:1/none")


def test_files_and_store_together_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--incidents", "a.csv", "--from-store", "sqlite:///b.db"]) == 2
    assert "found both" in capsys.readouterr().err
    assert main(["audit"]) == 2
    assert "give --incidents or --from-store" in capsys.readouterr().err
