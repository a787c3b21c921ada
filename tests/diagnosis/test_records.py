"""What lies over the base counts, and what was removed is gone, whatever the order."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from diagnosis.incident import Incident, IncidentBatch, as_frame
from diagnosis.knowledge import KnowledgeArticle, as_knowledge_frame
from diagnosis.records import IncidentRecords, KnowledgeRecords


def history() -> IncidentRecords:
    return IncidentRecords(
        as_frame([Incident("a", caller="1"), Incident("b"), Incident("a", caller="2"), Incident("c")])
    )


def test_rows_come_in_the_order_asked_for() -> None:
    assert history().rows(["c", "nowhere", "a"])["number"].tolist() == ["c", "a"]
    assert history().rows(["a"])["caller"].tolist() == ["2"]
    assert len(history()) == 3


def test_later_rows_replace_and_removed_ones_are_gone() -> None:
    past = history()
    past.upsert(IncidentBatch.from_incidents([Incident("a", caller="3", reopen_count=2), Incident("d")]))
    past.remove(["b", "nowhere"])
    assert past.rows(["d", "a", "b"])["number"].tolist() == ["d", "a"]
    assert past.rows(["a"])["reopen_count"].tolist() == [2]
    assert past.frame()["number"].tolist() == ["c", "a", "d"]
    past.remove(["a"])
    assert "a" not in past
    past.upsert(IncidentBatch.from_incidents([Incident("b")]))
    assert sorted(past.frame()["number"]) == ["b", "c", "d"]


def test_a_part_of_the_rows_and_columns_is_what_the_whole_has_there(tmp_path: Path) -> None:
    opened = datetime(2026, 1, 2, tzinfo=UTC)
    rows = [Incident(number, opened_at=opened, short_description="x", cmdb_ci="pc") for number in "abcd"]
    IncidentRecords(as_frame(rows)).save(tmp_path)
    records = IncidentRecords.load(tmp_path)
    number, other, gone = "abc"
    records.upsert(IncidentBatch.of([Incident(other, short_description="replaced"), Incident("NEW")]))
    records.remove([gone])
    whole, columns = records.frame(), ("number", "opened_at", "cmdb_ci")
    part = records.frame(columns)
    pd.testing.assert_frame_equal(part[list(columns)], whole[list(columns)])
    assert set(part.loc[part["number"] == number, "short_description"]) == {""}
    chosen = {number, other, gone, "NEW", "unknown"}
    some = records.frame(numbers=chosen)
    pd.testing.assert_frame_equal(some, whole[whole["number"].isin(chosen)].reset_index(drop=True))
    assert some["number"].tolist() == [number, other, "NEW"]


def test_incidents_are_taken_in_as_the_rows_of_a_frame_are() -> None:
    new = [Incident("a", opened_at=datetime(2026, 1, 2, tzinfo=UTC), reopen_count=2), Incident("新", caller="李")]
    one, other = history(), history()
    one.upsert(IncidentBatch.from_incidents(new))
    other.upsert(IncidentBatch.from_frame(as_frame(new)))
    assert one.records(["a", "新", "b"]) == other.records(["a", "新", "b"])
    pd.testing.assert_frame_equal(one.frame(), other.frame())


def test_what_another_thread_removes_meanwhile_is_left_out_and_no_error() -> None:
    past, later = history(), IncidentBatch.from_incidents([Incident("later")])
    end, before = threading.Event(), sys.getswitchinterval()

    def changes() -> None:
        while not end.is_set():
            past.upsert(later)
            past.remove(["later"])

    thread = threading.Thread(target=changes)
    sys.setswitchinterval(1e-6)  # so that threads change places as often as they can
    thread.start()
    try:
        for _ in range(2_000):
            assert [n for n in past.records(["a", "later", "c"], ["number"]) if n != "later"] == ["a", "c"]
    finally:
        end.set()
        thread.join()
        sys.setswitchinterval(before)


def test_a_saved_history_is_the_same(tmp_path: Path) -> None:
    past = history()
    past.upsert(IncidentBatch.from_incidents([Incident("数", short_description="网络中断")]))
    past.save(tmp_path)
    pd.testing.assert_frame_equal(IncidentRecords.load(tmp_path).frame(), past.frame())


def test_an_empty_history_keeps_its_columns(tmp_path: Path) -> None:
    IncidentRecords(as_frame([])).save(tmp_path)
    assert IncidentRecords.load(tmp_path).frame().columns.equals(as_frame([]).columns)


def test_knowledge_is_kept_the_same_way() -> None:
    articles = KnowledgeRecords(as_knowledge_frame([KnowledgeArticle("KB1", title="VPN")]))
    articles.upsert(as_knowledge_frame([KnowledgeArticle("KB1", title="VPN 809")]))
    assert articles.rows(["KB1"])["title"].tolist() == ["VPN 809"]


def test_an_article_is_found_in_the_language_it_was_translated_into() -> None:
    original = KnowledgeArticle("KB1", title="VPN 连接失败", language="zh")
    english = KnowledgeArticle("KB2", title="VPN fails", language="en", translation_of="KB1")
    articles = KnowledgeRecords(as_knowledge_frame([original, english]))
    assert articles.in_language("KB1", "en") == articles.in_language("KB2", "en") == "KB2"
    assert articles.in_language("KB2", "zh") == articles.in_language("KB1", "zh") == "KB1"
    assert articles.in_language("KB1", "fr") == "KB1"
    french = KnowledgeArticle("KB3", title="VPN en panne", language="fr-FR", translation_of="KB1")
    articles.upsert(as_knowledge_frame([french]))
    assert articles.in_language("KB2", "fr") == "KB3"
    articles.remove(["KB3"])
    assert articles.in_language("KB2", "fr") == "KB2"
    articles.upsert(as_knowledge_frame([KnowledgeArticle("KB2", title="Mail", language="en")]))
    assert articles.in_language("KB1", "en") == "KB1", "it is no translation any more"
