"""The state of a knowledge base: each kind of fault is found where it is planted, and only there."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.knowledge_health import SearchedIncidents, assess_knowledge
from diagnosis.knowledge_health.drafts import draft_of
from diagnosis.knowledge_health.form import form_faults, untranslated
from diagnosis.knowledge_health.gaps import find_gaps, with_earlier_ids
from diagnosis.knowledge_health.pairs import pairs_of
from diagnosis.knowledge_health.staleness import ArticleUses, stale_articles
from diagnosis.phrases import in_words
from diagnosis.search import Retriever
from training.fitting.search import fit_encoder_on

NOW = pd.Timestamp("2026-06-01", tz="UTC")
SAMPLE = Path(__file__).parents[3] / "data" / "sample"


def incidents(count, **columns):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    base = {
        "number": [f"I{i}" for i in range(count)],
        "opened_at": [start + timedelta(days=i) for i in range(count)],
        "resolved_at": [start + timedelta(days=i, hours=2) for i in range(count)],
        "short_description": ["badge does not open the door"] * count,
        "close_notes": ["renewed the badge in the portal"] * count,
    }
    return as_frame(pd.DataFrame(base | columns))


def article(number, **fields):
    full = {
        "title": "Printer jams often",
        "symptoms": "paper stops in the middle",
        "cause": "worn rollers",
        "resolution": "1. Open the tray.\n2. Clean the rollers.",
        "audience": "internal",
        "owner": "Print team",
        "language": "en",
        "review_at": "2027-01-01",
    }
    return {"number": number} | full | fields


def base(*rows):
    return as_knowledge_frame(pd.DataFrame(list(rows)))


def uses_of(**changes):
    n = len(changes.get("numbers", [f"I{i}" for i in range(40)]))
    values = {
        "numbers": [f"I{i}" for i in range(n)],
        "article": [""] * n,
        "item": [""] * n,
        "nearest": [""] * n,
        "opened": np.linspace(0, 399, n),
        "failed": np.zeros(n),
        "end": 400.0,
    }
    return ArticleUses(**values | changes)


def test_form_is_judged_by_what_every_article_should_say():
    prose = "Open the settings. Choose the profile of the user. Delete what is damaged there. Sign in again."
    faults = form_faults(
        base(
            article("GOOD"),
            article("BARE", symptoms="", cause="", owner="", review_at=None),
            article("SEE", resolution="see the mail of March"),
            article("WEIL", resolution="参见邮件"),
            article("PROSE", resolution=prose),
            article("SHORT", resolution="Replace the fuser."),
        )
    )
    assert [(fault.number, fault.lacks) for fault in faults] == [
        ("BARE", ("symptoms", "cause", "owner", "review_at")),
        ("SEE", ("resolution",)),
        ("WEIL", ("resolution",)),
        ("PROSE", ("steps",)),
    ]


def test_a_missing_translation_is_listed_by_demand_unless_the_article_has_run_out():
    rows = [article(f"E{i}") for i in range(4)]
    rows += [article("Z0", language="zh", translation_of="E0"), article("OLD", valid_to="2026-01-01")]
    assert untranslated(base(*rows), {("E2", "zh"): 9, ("E3", "zh"): 1}, NOW) == ["E2", "E3", "E1"]
    assert untranslated(base(article("A"), article("B")), {}, NOW) == []


def test_the_same_answer_twice_is_a_duplicate_and_another_answer_a_contradiction():
    articles = base(
        article("A"),
        article("B", title="What to do about paper jams", symptoms="paper stuck"),
        article("C", resolution="Order a new device from the catalogue and return this one."),
        article("D", title="Badge", symptoms="door stays shut", resolution="1. Renew the badge."),
        article("T", title="Druckerstau", language="de", translation_of="A"),
    )
    alike = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [1, 0]], dtype=np.float32)
    assert pairs_of(articles, alike, alike) == ([("A", "B")], [("A", "C")])
    hours = base(
        article("A", resolution="Set the timeout to 30 seconds and restart the service."),
        article("B", resolution="Set the timeout to 90 seconds and restart the service."),
    )
    assert pairs_of(hours, alike[:2], alike[:2]) == ([], [("A", "B")])


def test_an_article_ends_soon_or_has_ended_or_waits_for_its_review():
    articles = base(
        article("ENDED", valid_to="2026-05-01"),
        article("ENDS", valid_to="2026-06-20"),
        article("LATER", valid_to="2026-09-01"),
        article("DUE", review_at="2026-05-01"),
    )
    found = {stale.number: stale.reasons[0].code for stale in stale_articles(articles, uses_of(), NOW)}
    assert found == {"ENDED": "stale_expired", "ENDS": "stale_expires", "DUE": "stale_review_due"}


def test_a_retired_article_is_no_work_and_one_that_ran_out_only_waits_to_be_renewed(encoder):
    faulty = {"resolution": "see the mail of March", "review_at": "2026-01-01"}
    articles = base(
        article("A", review_at="2027-01-01"),
        article("TWIN", keywords="printer, retired", valid_to="2026-05-01"),
        article("FAULTY", keywords="已停用", valid_to="2026-05-01", **faulty),
        article("RAN-OUT", valid_to="2026-05-01", **faulty),
        article("JUST-NOW", keywords="retired", valid_to="2026-06-02"),
        article("RENEWED", keywords="retired", valid_to="2028-06-02", **faulty),
    )
    late = np.linspace(0, 399, 40) >= 300
    uses = uses_of(article=["TWIN", "RAN-OUT"] * 20, failed=late.astype(float))
    stale = {entry.number: [phrase.code for phrase in entry.reasons] for entry in stale_articles(articles, uses, NOW)}
    assert stale == {"RAN-OUT": ["stale_expired"], "RENEWED": ["stale_review_due"]}
    frame, retriever = incidents(1), Retriever(encoder).fit(articles, as_frame([]))
    unknown = SearchedIncidents(np.array([np.nan]), [""], np.zeros((1, encoder.dimensions), dtype=np.float32))
    health = assess_knowledge(frame, articles, [""], unknown, retriever, as_of=NOW)
    assert health.duplicates == ()
    assert [fault.number for fault in health.form] == ["RENEWED"]
    earlier = assess_knowledge(frame, articles, [""], unknown, retriever, as_of=NOW - pd.Timedelta(days=90))
    assert {("A", "TWIN"), ("A", "JUST-NOW")} <= set(earlier.duplicates), "it was valid then"


def test_a_fix_that_stopped_working_is_stale_in_every_translation_with_evidence():
    articles = base(article("A"), article("B", translation_of="A", language="zh"), article("C"))
    late = np.linspace(0, 399, 40) >= 300
    broken = uses_of(article=["A", "B"] * 20, failed=late.astype(float))
    first, second = stale_articles(articles, broken, NOW)
    assert (first.number, second.number) == ("A", "B")
    assert first.reasons[0].code == "stale_success_fell"
    assert set(first.numbers) == {f"I{i}" for i in range(31, 40)}
    assert "held in" in str(first.reasons[0])
    assert "未复发" in in_words(first.reasons[0], "zh")


def test_chance_makes_few_articles_stale():
    """Of 400 articles whose fix holds in seven of ten uses throughout, hardly one is said to have stopped working."""
    rng = np.random.default_rng(0)
    numbers = [f"A{i}" for i in range(400)]
    articles = base(*(article(number) for number in numbers))
    n = 400 * 30
    uses = uses_of(
        numbers=[f"I{i}" for i in range(n)],
        article=[numbers[i % 400] for i in range(n)],
        failed=(rng.random(n) < 0.3).astype(float),
    )
    assert len(stale_articles(articles, uses, NOW)) <= 4


@pytest.mark.parametrize("kind", ["reopened", "logged again"])
def test_a_fix_that_holds_as_often_as_ever_is_not_stale_though_the_newest_returns_are_seen_first(kind, encoder):
    """Returns come evenly over thirty days, and the record ends among them: of 40 articles one may fall by chance."""
    rng = np.random.default_rng(0)
    count, each, days = 40, 500, 600.0
    article_of, opened = np.repeat(np.arange(count), each), rng.uniform(0, days, count * each)
    resolved, end = opened + 0.1, pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=days)
    back = np.where(rng.random(len(opened)) < 0.3, resolved + rng.uniform(0, 30, len(opened)), np.inf)
    as_time = lambda day: end + pd.to_timedelta(np.where(day <= days, day - days, np.nan), unit="D")  # noqa: E731
    records = {
        "opened_at": as_time(opened),
        "resolved_at": as_time(resolved),
        "knowledge": [f"A{place}" for place in article_of],
        "short_description": "badge does not open the door",
    }
    if kind == "reopened":
        frame = pd.DataFrame(records | {"cmdb_ci": "", "reopened_at": as_time(back)})
    else:
        items = [f"item-{i}" for i in range(len(opened))]
        first, again = pd.DataFrame(records | {"cmdb_ci": items}), pd.DataFrame({"cmdb_ci": items})
        again = again.assign(opened_at=as_time(back), short_description="badge again")
        frame = pd.concat([first, again[again["opened_at"].notna()]], ignore_index=True)
    incidents = as_frame(frame.assign(number=[f"I{i}" for i in range(len(frame))]))
    articles = base(*(article(f"A{i}", title=f"Fault {i} of the badge") for i in range(count)))
    retriever = Retriever(encoder).fit(articles, as_frame([]))
    unknown = np.full(len(incidents), np.nan), [""] * len(incidents)
    searched = SearchedIncidents(*unknown, np.zeros((len(incidents), encoder.dimensions), dtype=np.float32))
    health = assess_knowledge(incidents, articles, [""] * len(incidents), searched, retriever, as_of=end)
    codes = [phrase.code for stale in health.stale for phrase in stale.reasons]
    assert codes.count("stale_success_fell") <= 1


def test_an_article_about_an_item_that_fell_silent_is_stale_and_a_rare_item_is_not():
    articles = base(article("GONE", title="fax-gw-1 reports busy"), article("RARE", title="rare-9 is slow"))
    item = ["fax-gw-1" if i < 15 else "" for i in range(40)]
    item[0] = item[3] = "rare-9"
    (stale,) = stale_articles(articles, uses_of(item=item), NOW)
    assert (stale.number, stale.reasons[0].code) == ("GONE", "stale_item_gone")


def test_an_item_is_gone_also_where_one_incident_is_dated_years_before():
    articles = base(article("GONE", title="fax-gw-1 reports busy"))
    opened = np.linspace(0, 399, 40)
    opened[39] = -9000.0
    (stale,) = stale_articles(articles, uses_of(item=["fax-gw-1"] * 15 + [""] * 25, opened=opened), NOW)
    assert stale.reasons[0].code == "stale_item_gone"


@pytest.mark.parametrize("burst", [0.2, 4.0])
def test_an_item_that_had_one_burst_is_not_gone(burst):
    opened = np.linspace(0, 399, 40)
    opened[:20] = np.linspace(200.0, 200.0 + burst, 20)
    item = ["storm-gw-1"] * 20 + [""] * 20
    assert stale_articles(base(article("A", title="storm-gw-1 is down")), uses_of(item=item, opened=opened), NOW) == []


def test_of_many_steady_items_hardly_one_is_called_gone():
    """Of 300 items with some ten incidents at any time of 400 days each, so silent is one in a hundred histories."""
    rng, calls = np.random.default_rng(0), []
    articles = base(*(article(f"A{i}", title=f"gw-{i} fails") for i in range(300)))
    for _ in range(20):
        counts = rng.poisson(10, 300)
        item = np.repeat([f"gw-{i}" for i in range(300)], counts).tolist()
        numbers, opened = [f"I{i}" for i in range(len(item))], rng.uniform(0, 400, len(item))
        uses = uses_of(numbers=numbers, item=item, opened=opened, failed=np.zeros(len(item)))
        calls.append(len(stale_articles(articles, uses, NOW)))
    assert sum(calls) <= 2


def test_an_article_that_nobody_uses_though_its_fault_comes_is_stale():
    articles = base(article("USED"), article("IDLE"))
    nearest = ["USED", "IDLE"] * 60
    linked = ["USED" if i % 4 == 0 else "" for i in range(120)]
    opened = np.linspace(250, 399, 120)
    numbers = [f"I{i}" for i in range(120)]
    uses = uses_of(numbers=numbers, nearest=nearest, article=linked, opened=opened, failed=np.zeros(120))
    (stale,) = stale_articles(articles, uses, NOW)
    assert (stale.number, stale.reasons[0].code) == ("IDLE", "stale_unused")
    nobody = uses_of(numbers=numbers, nearest=nearest, article=[""] * 120, opened=opened, failed=np.zeros(120))
    assert stale_articles(articles, nobody, NOW) == []  # where no incident names an article, that says nothing


def test_gaps_are_ranked_by_hours_and_say_the_same():
    frame = incidents(6, service=["Doors", "Doors", "Print", "Print", "Print", "Print"])
    frame["resolved_at"] = frame["opened_at"] + pd.to_timedelta([50, 50, 1, 1, 1, 1], unit="h")
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [1, 0]], dtype=np.float32)
    gaps = find_gaps(frame, np.arange(6), np.full(6, 0.1), ["K"] * 6, vectors, {"I0": "P1", "I1": "P1"}, NOW)
    assert [(gap.incidents, gap.hours_lost, gap.problem) for gap, _ in gaps] == [(2, 100.0, "P1"), (3, 3.0, None)]
    assert gaps[0][0].numbers == ("I1", "I0")
    assert gaps[0][0].nearest == "K"


def test_a_gap_costs_no_hours_of_incidents_of_which_nobody_can_say_when_they_ended():
    frame = incidents(4, service=["Doors", "Doors", "Print", "Print"], state="Closed")
    frame["resolved_at"] = frame["opened_at"] + pd.to_timedelta([1, -5, 2, 2], unit="h")
    frame.loc[0, "resolved_at"] = pd.NaT
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    gaps = find_gaps(frame, np.arange(4), np.full(4, 0.1), ["K"] * 4, vectors, {}, NOW)
    assert [gap.hours_lost for gap, _ in gaps] == [4.0, 0.0]


def test_a_gap_keeps_its_id_as_its_oldest_incident_leaves_what_is_looked_at():
    frame = incidents(6, service=["Doors"] * 3 + ["Print"] * 3)
    vectors = np.array([[1, 0]] * 3 + [[0, 1]] * 3, dtype=np.float32)

    def gaps_of(rows):
        found = find_gaps(frame, np.array(rows), np.full(6, 0.1), ["K"] * 6, vectors, {}, NOW)
        return [gap for gap, _ in found]

    before = gaps_of(range(6))
    doors, printers = (next(gap for gap in before if f"I{row}" in gap.numbers).id for row in (0, 5))
    later = {gap.numbers: gap.id for gap in with_earlier_ids(gaps_of([1, 2, 4, 5]), before)}
    assert later == {("I2", "I1"): doors, ("I5", "I4"): printers}
    # What is new does not take the id of what went on, though its first incident once made that id.
    parts = [replace(before[0], id=doors, numbers=("I0",)), replace(before[0], id="G", numbers=("I2", "I1"))]
    again = with_earlier_ids(parts, [replace(before[0], id=doors, numbers=("I2", "I1", "I0"))])
    assert again[1].id == doors
    assert len({gap.id for gap in again}) == 2


def test_a_draft_takes_the_fix_that_held_and_leaves_out_what_says_nothing():
    notes = [
        "Closed.",
        "Gave the user a visitor badge for now.",
        "Cause: the badge had expired. Renewed it in the portal. Tested at door 4.",
        "Cause: the badge had expired. Renewed it in the portal. Tested at door 9.",
        "Rebooted the reader.",
    ]
    frame = incidents(5, close_notes=notes, service=["Doors"] * 5)
    draft = draft_of(frame, np.arange(5), np.array([0, 0, 0, 0, 1], dtype=bool), "Badge does not open")
    assert draft.resolution == "1. Renewed it in the portal\n2. Tested at door 4"
    assert draft.cause == "Cause: the badge had expired"
    assert (draft.language, draft.service, draft.symptoms) == ("en", "Doors", "badge does not open the door")
    assert draft_of(incidents(2, close_notes=["done", "ok"]), np.arange(2), np.zeros(2, dtype=bool), "x") is None


@pytest.mark.parametrize("kind", ["no dates", "no resolutions", "one", "nothing linked"])
def test_thin_histories_have_an_outcome(kind, encoder):
    frame = incidents(1 if kind == "one" else 12)
    if kind == "no dates":
        frame = as_frame(frame[["number", "short_description"]])
    if kind == "no resolutions":
        frame = as_frame(frame[["number", "short_description", "opened_at"]])
    articles = base(article("A"))
    retriever = Retriever(encoder).fit(articles, as_frame([]))
    texts = frame["short_description"].tolist()
    searched = SearchedIncidents.of(retriever, texts)
    assert np.isnan(searched.covered).all()  # one article calibrates nothing
    health = assess_knowledge(frame, articles, texts, searched, retriever, as_of=NOW)
    assert (health.gaps, health.stale, health.answered) == ((), (), None)
    uncovered = SearchedIncidents(np.full(len(frame), 0.1), searched.nearest, searched.vectors)
    gaps = assess_knowledge(frame, articles, texts, uncovered, retriever, as_of=NOW).gaps
    assert [gap.incidents for gap in gaps] == ([] if kind == "one" else [12])
    assert kind != "no resolutions" or gaps[0].hours_lost is None


def test_what_is_planted_in_the_sample_is_found():
    planted = json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))
    frame = as_frame(pd.read_csv(SAMPLE / "incidents.csv", dtype={"knowledge": str}))
    articles = as_knowledge_frame(pd.read_csv(SAMPLE / "knowledge.csv", dtype=str))
    encoder = fit_encoder_on(articles, as_frame([]), max_steps=100)
    retriever = Retriever(encoder).fit(articles, as_frame([]))
    texts = frame["short_description"].tolist()
    unknown = SearchedIncidents(
        np.full(len(frame), np.nan), [""] * len(frame), np.zeros((len(frame), encoder.dimensions), dtype=np.float32)
    )
    health = assess_knowledge(frame, articles, texts, unknown, retriever, as_of=pd.Timestamp(planted["exported_at"]))
    knowledge = planted["knowledge"]
    reasons = {stale.number: {phrase.code for phrase in stale.reasons} for stale in health.stale}
    expected = {
        "stale_success_fell": knowledge["fix_stopped_working"]["articles"],
        "stale_item_gone": knowledge["item_gone"]["articles"],
        "stale_expired": knowledge["expired"],
        "stale_expires": [entry["number"] for entry in knowledge["valid_to_near"]],
    }
    for code, numbers in expected.items():
        assert {number for number, codes in reasons.items() if code in codes} == set(numbers), code
    lacks = {fault.number: set(fault.lacks) for fault in health.form}
    assert all(set(entry["lacks"]) <= lacks[entry["number"]] for entry in knowledge["form"])
    assert {tuple(pair) for pair in knowledge["duplicates"]} <= set(health.duplicates)
    assert len(health.duplicates) <= len(knowledge["duplicates"]) + 2
    assert set(knowledge["untranslated"]) <= set(health.untranslated)
