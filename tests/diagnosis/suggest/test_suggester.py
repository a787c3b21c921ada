"""Suggestions on histories whose outcomes are known."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.suggest import SolutionOutcomes, Suggester
from diagnosis.suggest.wording import canonical

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SPOOLER = "restart the print spooler service on the print server"
CABLE = "replace the network cable at the desk"


@dataclass(frozen=True)
class Found:
    number: str
    score: float
    similarity: float


def history(*rows):
    """Rows of (number, notes, days ago, changes), resolved two hours after they were opened."""
    records = []
    for number, notes, days, changes in rows:
        opened = NOW - timedelta(days=days)
        record = {"number": number, "close_notes": notes, "opened_at": opened, "short_description": f"about {number}"}
        records.append(record | {"resolved_at": opened + timedelta(hours=2)} | changes)
    # The history reaches to today, so that all but the last month is known.
    records.append({"number": "LAST", "opened_at": NOW})
    return as_frame(pd.DataFrame(records))


def uses(prefix, notes, held, failed, days=100, **changes):
    return [
        (f"{prefix}{i}", notes, days, changes | ({"reopen_count": 1} if i >= held else {}))
        for i in range(held + failed)
    ]


def articles(*rows):
    return as_knowledge_frame(pd.DataFrame(list(rows), columns=None) if rows else pd.DataFrame({"number": []}))


def article(number, resolution, **fields):
    return {"number": number, "title": f"Title {number}", "resolution": resolution, "audience": "internal"} | fields


def test_of_two_equally_relevant_fixes_the_one_that_held_comes_first():
    past = history(*uses("G", SPOOLER, 8, 1), *uses("B", CABLE, 1, 8))
    suggester = Suggester().fit(past)
    for hits in ([Found("G0", 0.9, 0.8), Found("B0", 0.9, 0.8)], [Found("B0", 0.9, 0.8), Found("G0", 0.9, 0.8)]):
        first, second = suggester.suggest([], hits, articles(), past, now=NOW)
        assert (first.resolution, second.resolution) == (SPOOLER, CABLE)
        assert first.score > second.score
    assert (first.evidence[0].number, first.evidence[0].outcome) == ("G0", "held")
    assert "reopened" in {e.outcome for e in first.evidence}
    assert first.evidence[0].similarity == 0.8
    assert (first.id, first.source, first.number) == ("incident:G0", "incident", "G0")


def test_what_became_of_a_fix_is_counted_over_all_its_uses_not_over_those_that_are_shown():
    past = history(*uses("G", SPOOLER, 8, 1), *uses("NEW", SPOOLER, 2, 0, days=3))
    suggester = Suggester().fit(past)
    (fix,) = suggester.suggest([], [Found("G0", 0.9, 0.8)], articles(), past, now=NOW)
    assert (fix.uses.held, fix.uses.failed, fix.uses.open) == (8, 1, 2)
    assert "reopened" in {e.outcome for e in fix.evidence}, "a failure is shown, however rare"
    suggester.record("incident:G1", worked=False, at=NOW)
    (fix,) = suggester.suggest([], [Found("G0", 0.9, 0.8)], articles(), past, now=NOW)
    assert (fix.uses.held, fix.uses.failed) == (8, 2)


def test_a_workaround_that_keeps_failing_sinks_however_the_luck_falls():
    """Simulated 40 times: more relevant but failing in 80 % of 20 uses, against less relevant and failing in 10 %."""
    rng, sank = np.random.default_rng(0), 0
    for _ in range(40):
        failing, good = rng.binomial(20, 0.8), rng.binomial(20, 0.1)
        background = [u for i in range(6) for u in uses(f"O{i}-", f"other remedy {'abcdef'[i] * 4}", 7, 3)]
        past = history(*uses("B", CABLE, 20 - failing, failing), *uses("G", SPOOLER, 20 - good, good), *background)
        first = (
            Suggester()
            .fit(past)
            .suggest([], [Found("B0", 0.9, 0.8), Found("G0", 0.7, 0.7)], articles(), past, now=NOW)[0]
        )
        sank += first.resolution == SPOOLER
    assert sank >= 39


def test_one_bad_use_does_not_condemn_and_one_good_use_does_not_crown():
    background = [u for i in range(12) for u in uses(f"O{i}-", f"other remedy {'abcdefghijkl'[i] * 4}", 8, 2)]
    past = history(*uses("ONE", CABLE, 0, 1), *uses("LUCKY", SPOOLER, 1, 0), *background)
    hits = [Found("ONE0", 0.9, 0.8), Found("LUCKY0", 0.6, 0.7)]
    assert Suggester().fit(past).suggest([], hits, articles(), past, now=NOW)[0].number == "ONE0"


def test_recurrence_within_thirty_days_counts_as_failure_and_later_does_not():
    past = history(*uses("A", SPOOLER, 6, 0), *uses("B", CABLE, 6, 0))
    days = np.where(past["number"].str.startswith("B"), 5.0, np.where(past["number"].str.startswith("A"), 45.0, np.nan))
    suggester = Suggester().fit(past, recurred_within_days=days)
    hits = [Found("B0", 0.9, 0.8), Found("A0", 0.9, 0.8)]
    first, second = suggester.suggest([], hits, articles(), past, now=NOW)
    assert [e.outcome for e in first.evidence] == ["held"] * 3
    assert [e.outcome for e in second.evidence] == ["recurred"] * 3
    similar = suggester.similar_incidents(hits, past)
    assert [s.outcome.recurred_within_days for s in similar] == [5, 45]


def test_the_failure_rate_is_right_although_recent_uses_are_not_yet_known():
    """Half of the fixes fail, at a moment spread evenly over thirty days; they were applied over the last thirty."""
    rng, rates = np.random.default_rng(1), []
    for _ in range(30):
        ages = rng.uniform(0, 30, size=400)
        fails = np.where(rng.random(400) < 0.5, rng.uniform(0, 30, size=400), np.inf)
        past = history(*[(f"N{i}", CABLE, age + 2 / 24, {}) for i, age in enumerate(ages)])
        seen = np.where(np.append(fails, np.inf) <= np.append(ages, 0), np.append(fails, 0), np.nan)
        outcomes = SolutionOutcomes(half_life_days=1e9).fit(past, recurred_within_days=seen, as_of=NOW)
        rates.append(outcomes.prior_.mean)
    assert np.mean(rates) == pytest.approx(0.5, abs=0.02)


def test_recent_failures_weigh_more_than_old_ones():
    past = history(
        *uses("OLD", SPOOLER, 0, 4, days=1_500),
        *uses("OLDER", SPOOLER, 4, 0, days=100),
        *uses("NEW", CABLE, 0, 4, days=100),
        *uses("NEWER", CABLE, 4, 0, days=1_500),
    )
    hits = [Found("NEW0", 0.9, 0.8), Found("OLD0", 0.9, 0.8)]
    assert Suggester().fit(past).suggest([], hits, articles(), past, now=NOW)[0].resolution == SPOOLER


def test_an_article_and_past_incidents_that_say_the_same_are_one_suggestion():
    past = history(*uses("A", SPOOLER, 2, 0), *uses("B", CABLE, 2, 0, knowledge="KB2"))
    kb = articles(
        article("KB1", "Restart the print spooler service on the print server."),
        article("KB2", "Swap the patch lead between wall socket and dock."),
    )
    hits = [Found("A0", 0.9, 0.8), Found("A1", 0.8, 0.8), Found("B0", 0.7, 0.7)]
    shown = Suggester().fit(past).suggest([Found("KB1", 1.0, 0.7), Found("KB2", 0.9, 0.6)], hits, kb, past, now=NOW)
    assert [s.id for s in shown] == ["knowledge:KB1", "knowledge:KB2"]
    assert {e.number for e in shown[0].evidence} == {"A0", "A1"}
    assert {e.number for e in shown[1].evidence} == {"B0", "B1"}


def test_an_article_and_its_translation_are_one_suggestion_in_the_language_asked_for():
    kb = articles(
        article("KB1", SPOOLER, language="en"),
        article("KB2", "重启打印后台处理服务", language="zh", translation_of="KB1"),
    )
    hits = [Found("KB1", 1.0, 0.7), Found("KB2", 0.9, 0.6)]
    for language, number in (("zh", "KB2"), ("en", "KB1"), ("", "KB1")):
        shown = Suggester().suggest(hits, [], kb, history(), language=language, now=NOW)
        assert [s.number for s in shown] == [number]


def test_a_fix_in_two_languages_is_one_suggestion_in_the_readers_with_the_outcomes_of_both(tmp_path):
    chinese, english = "重启打印服务器上的后台打印服务", SPOOLER
    past = history(*uses("EN", english, 4, 1), *uses("ZH", chinese, 3, 0), *uses("O", CABLE, 3, 0))
    suggester = Suggester().fit(past)
    suggester.translations_ = {canonical(chinese): canonical(english), canonical(english): canonical(chinese)}
    suggester.save(tmp_path)
    hits = [Found("EN0", 0.9, 0.8), Found("O0", 0.88, 0.7), Found("ZH0", 0.8, 0.7)]
    for reader, resolution in (("zh", chinese), ("en", english)):
        shown = Suggester.load(tmp_path).suggest([], hits, articles(), past, language=reader, now=NOW)
        assert [s.resolution for s in shown] == [resolution, CABLE]
        assert (shown[0].uses.held, shown[0].uses.failed) == (7, 1)
    # Where only one of the two was found, what became of the other counts all the same.
    (fix,) = suggester.suggest([], hits[:1], articles(), past, language="zh", now=NOW)
    assert (fix.uses.held, fix.uses.failed) == (7, 1)


def test_an_article_and_its_translation_are_one_suggestion_although_incidents_are_like_each_of_them():
    kb = articles(
        article("KB1", SPOOLER, language="en"),
        article("KB2", "重启打印后台处理服务", language="zh", translation_of="KB1"),
    )
    past = history(("A", CABLE, 100, {"knowledge": "KB1"}), ("B", "更换打印服务器", 100, {"knowledge": "KB2"}))
    hits = [Found("KB2", 0.9, 0.7), Found("KB1", 0.8, 0.6)]
    shown = Suggester().fit(past).suggest(hits, [Found("A", 1, 0.9)], kb, past, language="zh", now=NOW)
    assert [s.number for s in shown if s.source == "knowledge"] == ["KB2"]


@pytest.mark.parametrize("empty", ["", "done", "Fixed.", "已处理", "user confirmed", "处理完毕，谢谢"])
def test_useless_resolutions_are_never_shown(empty):
    past = history(("I1", empty, 100, {}), ("I2", CABLE, 100, {}))
    kb = articles(article("KB1", empty), article("KB2", SPOOLER))
    shown = (
        Suggester()
        .fit(past)
        .suggest(
            [Found("KB1", 1, 0.9), Found("KB2", 0.9, 0.8)],
            [Found("I1", 1, 0.9), Found("I2", 0.9, 0.8)],
            kb,
            past,
            now=NOW,
        )
    )
    assert {s.number for s in shown} == {"KB2", "I2"}


def test_expired_articles_never_appear_and_self_service_sees_neither_internal_ones_nor_incidents():
    past = history(*uses("A", SPOOLER, 3, 0, knowledge="OPEN"))
    kb = articles(
        article("EXPIRED", "clear the cache", audience="self_service", valid_to=NOW - timedelta(seconds=1)),
        article("OPEN", SPOOLER, audience="self_service", valid_to=NOW + timedelta(days=1)),
        article("INTERNAL", "elevate rights with the break-glass account"),
        article("UNSAID", "open the vault with the key of the site manager", audience=""),
    )
    hits = [Found(n, 0.9, 0.8) for n in kb["number"]]
    suggester = Suggester().fit(past)
    visible = suggester.suggest(hits, [Found("A0", 1, 0.9)], kb, past, audience="self_service", now=NOW)
    assert [(s.number, s.evidence) for s in visible] == [("OPEN", ())]
    agents = suggester.suggest(hits, [Found("A0", 1, 0.9)], kb, past, now=NOW)
    assert {s.number for s in agents} == {"OPEN", "INTERNAL", "UNSAID"}
    with pytest.raises(InputError, match="found 'everyone'"):
        suggester.suggest(hits, [], kb, past, audience="everyone", now=NOW)


def test_an_agents_word_changes_the_ranking_at_once_and_survives_saving(tmp_path):
    past = history(*uses("A", SPOOLER, 3, 1), *uses("B", CABLE, 3, 1))
    hits = [Found("A0", 0.9, 0.8), Found("B0", 0.88, 0.8)]
    suggester = Suggester().fit(past)
    assert suggester.suggest([], hits, articles(), past, now=NOW)[0].number == "A0"
    suggester.record("incident:A0", worked=False, at=NOW)
    suggester.record("incident:B0", worked=True, at=NOW)
    shown = suggester.suggest([], hits, articles(), past, now=NOW)
    assert shown[0].number == "B0"
    # Said of A0's resolution, it holds when another incident with the same resolution is found.
    other = suggester.suggest([], [Found("A1", 0.9, 0.8), Found("B1", 0.88, 0.8)], articles(), past, now=NOW)
    assert other[0].number == "B1"
    suggester.save(tmp_path)
    assert Suggester.load(tmp_path).suggest([], hits, articles(), past, now=NOW) == shown


def test_of_two_fixes_what_restores_faster_comes_first_where_all_else_is_equal():
    slow, fast = "rebuild the queue of the printer", CABLE
    past = history(*uses("SLOW", slow, 6, 0, resolved_at=NOW - timedelta(days=98)), *uses("FAST", fast, 6, 0))
    hits = [Found("SLOW0", 0.9, 0.8), Found("FAST0", 0.9, 0.8)]
    assert Suggester().fit(past).suggest([], hits, articles(), past, now=NOW)[0].resolution == fast


def test_a_workaround_stands_above_no_fix_for_being_quick_or_for_luck_in_few_uses(tmp_path):
    fix, workaround = "replace the fuser of the printer", "switched the printer off and on, temporary workaround"
    background = [
        u
        for i in range(10)
        for text, held in ((f"renew part {'abcdefghij'[i] * 4}", 8), (f"workaround {'abcdefghij'[i] * 4}", 4))
        for u in uses(f"{text[:1]}{i}-", text, held, 10 - held)
    ]
    hits = [Found("QUICK0", 0.9, 0.8), Found("FIX0", 0.9, 0.8)]
    slow = {"resolved_at": NOW - timedelta(days=99)}
    past = history(*uses("FIX", fix, 2, 0, **slow), *uses("QUICK", workaround, 2, 0), *background)
    suggester = Suggester().fit(past)
    shown = suggester.suggest([], hits, articles(), past, now=NOW)
    assert [s.resolution for s in shown] == [fix, workaround]
    suggester.save(tmp_path)
    assert Suggester.load(tmp_path).suggest([], hits, articles(), past, now=NOW) == shown
    past = history(*uses("FIX", fix, 2, 8), *uses("QUICK", workaround, 10, 0), *background)
    assert Suggester().fit(past).suggest([], hits, articles(), past, now=NOW)[0].resolution == workaround, "many uses"


@pytest.mark.parametrize(("held", "failed", "n_held", "n_failed"), [(1, 0, 9, 1), (2, 0, 19, 1), (0, 1, 1, 9)])
def test_the_only_workaround_of_a_history_is_judged_by_the_average_solution(held, failed, n_held, n_failed):
    fix, workaround = "replace the fuser of the printer", "switched the printer off and on, temporary workaround"
    background = [u for i in range(8) for u in uses(f"B{i}-", f"renew part {'abcdefgh'[i] * 4}", 8, 2)]
    past = history(*uses("FIX", fix, n_held, n_failed), *uses("WA", workaround, held, failed), *background)
    shown = (
        Suggester().fit(past).suggest([], [Found("WA0", 0.9, 0.8), Found("FIX0", 0.9, 0.8)], articles(), past, now=NOW)
    )
    assert [s.resolution == fix for s in shown] == [n_held > n_failed, n_held < n_failed]


def test_bad_and_empty_input_has_a_sensible_outcome():
    empty = as_frame(pd.DataFrame({"number": []}))
    suggester = Suggester().fit(empty)
    assert suggester.suggest([], [], articles(), empty, now=NOW) == []
    assert suggester.suggest([Found("GONE", 1, 1)], [Found("GONE", 1, 1)], articles(), empty, now=NOW) == []
    undated = as_frame(pd.DataFrame({"number": ["A", "A"], "close_notes": [SPOOLER, CABLE]}))
    shown = Suggester().fit(undated).suggest([], [Found("A", -1.0, 0.4)], articles(), undated, now=NOW)
    assert [s.resolution for s in shown] == [CABLE]  # of two rows with one number the last counts
    with pytest.raises(InputError, match="each of 2 incidents"):
        Suggester().fit(undated, recurred_within_days=np.zeros(3))


def test_similar_incidents_show_what_became_of_them():
    past = history(
        ("A", SPOOLER, 100, {}), ("B", "done", 90, {"reopen_count": 2}), ("C", CABLE, 80, {"resolved_at": None})
    )
    hits = [Found("C", 1, 0.9), Found("GONE", 1, 0.9), Found("B", 0.5, 0.6), Found("A", 0.4, 0.5)]
    c, b, a = Suggester().fit(past).similar_incidents(hits, past)
    assert (a.resolution, a.outcome.reopened, a.outcome.hours_to_restore) == (SPOOLER, False, 2.0)
    assert (b.resolution, b.outcome.reopened) == ("", True)
    assert (c.outcome.reopened, c.outcome.hours_to_restore, c.similarity) == (None, None, 0.9)
    assert a.opened_at == NOW - timedelta(days=100)


def test_input_is_not_changed():
    past = history(*uses("A", SPOOLER, 2, 1))
    kb = articles(article("KB1", CABLE))
    before = past.copy(), kb.copy()
    Suggester().fit(past).suggest([Found("KB1", 1, 1)], [Found("A0", 1, 1)], kb, past, now=NOW)
    pd.testing.assert_frame_equal(past, before[0])
    pd.testing.assert_frame_equal(kb, before[1])


def test_what_was_said_counts_once_however_often_it_is_told_and_not_after_it_is_taken_back() -> None:
    outcomes = Suggester().fit(as_frame([])).outcomes_
    asked = [([], ["knowledge:KB1"])]
    for _ in range(3):  # by training, by a replica's start, by the feed
        outcomes.record("knowledge:KB1", worked=True, at=NOW, feedback_id="F1")
    outcomes.record("knowledge:KB1", worked=False, at=NOW, feedback_id="F2")
    (record,) = outcomes.of(asked, NOW)
    assert (record.successes, record.failures) == (1.0, 1.0)
    outcomes.take_back("knowledge:KB1", "F2")
    outcomes.take_back("knowledge:KB9", "F2")
    (record,) = outcomes.of(asked, NOW)
    assert (record.successes, record.failures) == (1.0, 0.0)
