"""Training needs are found where they are planted, by team and topic, and name no person."""

import json

import numpy as np
import pandas as pd

from diagnosis.incident import as_frame
from diagnosis.recurrence import Signature
from diagnosis.review import Quarter, ReviewFacts, ReviewHistory, ReviewSettings, Words, review_quarter, summary
from diagnosis.review.needs import training_needs
from diagnosis.review.proposals import proposals

QUARTER = Quarter.parse("2026Q3")
AS_OF = pd.Timestamp("2026-10-15T00:00Z")
PERSONS = ("陈默", "Petra Vogel", "何志远", "Anna Lindqvist")


def records(n=1200, seed=0, **columns):
    rng = np.random.default_rng(seed)
    opened = pd.Timestamp("2026-07-01T00:00Z") + pd.to_timedelta(np.sort(rng.uniform(0, 91, n)), unit="D")
    base = {
        "number": [f"I{place:05d}" for place in range(n)],
        "opened_at": opened,
        "responded_at": opened + pd.Timedelta("1h"),
        "resolved_at": opened + pd.Timedelta("5h"),
        "caller": rng.choice(PERSONS, n),
        "opened_by": rng.choice(PERSONS, n),
        "assigned_to": rng.choice(PERSONS, n),
        "cmdb_ci": [f"pc-{place}" for place in range(n)],
        "category": rng.choice(["Email", "Network", "Printing"], n),
        "assignment_group": rng.choice(["Messaging", "Network Operations"], n),
        "reassignment_count": rng.choice([0, 1, 2, 3], n, p=[0.7, 0.22, 0.05, 0.03]),
        "knowledge": rng.choice(["", "KB1"], n),
    }
    return as_frame(pd.DataFrame(base | columns))


def needs_of(frame, facts=None):
    history = ReviewHistory.read(frame, ReviewSettings(), as_of=AS_OF, facts=facts)
    return training_needs(history, QUARTER), history


def routed(frame, rng, wrong, usual=0.1):
    """Return routings: to the group at the record's end, but for the share that was corrected."""
    routings = {}
    for number, group, category in zip(frame["number"], frame["assignment_group"], frame["category"], strict=True):
        other = "Network Operations" if group == "Messaging" else "Messaging"
        share = wrong if (other, category) == ("Messaging", "Network") else usual
        routings[number] = (other if rng.random() < share else group, group)
    return routings


def test_corrected_routings_are_a_need_of_the_group_that_was_proposed_with_the_right_one():
    frame = records()
    needs, history = needs_of(frame, ReviewFacts(routings=routed(frame, np.random.default_rng(1), 0.8)))
    (need,) = [need for need in needs if need["kind"] == "overridden"]
    assert (need["team"], need["topic"], need["right_team"]) == ("Messaging", "Network", "Network Operations")
    assert need["interval"][0] > need["usual"]
    facts = history.facts.routings
    assert all(facts[number] == ("Messaging", "Network Operations") for number in need["numbers"])
    (proposal,) = [entry for entry in proposals(QUARTER, [], [], needs) if entry["code"] == "train_routing"]
    assert proposal["kind"] == "training"


def test_where_corrections_are_even_there_is_seldom_a_need():
    wrong = 0
    for seed in range(60):
        frame = records(400, seed)
        needs, _ = needs_of(frame, ReviewFacts(routings=routed(frame, np.random.default_rng(seed), 0.1)))
        wrong += any(need["kind"] == "overridden" for need in needs)
    assert wrong <= 60 * 0.05 + 3 * np.sqrt(60 * 0.05 * 0.95)


def test_articles_that_people_said_did_not_help_are_a_need():
    frame = records()
    rng = np.random.default_rng(2)
    bad = (frame["category"] == "Printing") & (frame["assignment_group"] == "Messaging")
    failed = pd.Series((rng.random(len(frame)) < np.where(bad, 0.7, 0.1)).astype(float), index=frame["number"])
    needs, _ = needs_of(frame, ReviewFacts(by_number={"fix_failed": failed}))
    assert [(need["team"], need["topic"]) for need in needs if need["kind"] == "advice_fails"] == [
        ("Messaging", "Printing")
    ]


def test_a_team_that_is_always_slow_on_a_topic_is_named_though_it_was_slow_before():
    frame = records()
    rng = np.random.default_rng(5)
    late = (frame["category"] == "Printing") & (frame["assignment_group"] == "Messaging")
    hours = rng.exponential(np.where(late, 9.0, 2.0))
    frame["responded_at"] = frame["opened_at"] + pd.to_timedelta(hours, unit="h")
    needs, _ = needs_of(frame)
    assert [(need["kind"], need["team"], need["topic"]) for need in needs] == [("behind", "Messaging", "Printing")]
    even = frame.assign(responded_at=frame["opened_at"] + pd.to_timedelta(rng.exponential(2.0, len(frame)), unit="h"))
    assert needs_of(even)[0] == []


def test_records_not_watched_for_long_make_no_fix_fail():
    wrong = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        frame = records(1800, seed).assign(knowledge="KB1")
        frame["cmdb_ci"] = [f"pc-{place}" for place in rng.integers(0, 500, len(frame))]
        new = (frame["opened_at"] > pd.Timestamp("2026-09-09T00:00Z")) & (frame["category"] == "Printing")
        frame["category"] = np.where(
            new, "Printing", np.where(frame["category"] == "Printing", "Email", frame["category"])
        )
        as_of, item = pd.Timestamp("2026-10-02T00:00Z"), Signature(("cmdb_ci",))
        history = ReviewHistory.read(as_frame(frame), ReviewSettings(), as_of=as_of, signature=item)
        wrong += any(need["kind"] == "fix_fails" for need in training_needs(history, QUARTER))
    assert wrong <= 3


def test_an_article_that_came_after_the_quarter_was_none_in_it():
    moved = records(1200).assign(knowledge="")
    chosen = (moved["category"] == "Email") & (moved["assignment_group"] == "Messaging")
    moved["reassignment_count"] = moved["reassignment_count"].mask(chosen, 3)
    later = (
        moved[chosen]
        .head(1)
        .assign(
            number="LATER",
            opened_at=pd.Timestamp("2026-10-05T00:00Z"),
            resolved_at=pd.NaT,
            responded_at=pd.NaT,
            knowledge="KB1",
        )
    )
    needs, _ = needs_of(pd.concat([moved, later], ignore_index=True))
    assert not [need for need in needs if need["kind"] == "bounces"]


def test_records_that_are_passed_around_are_a_need_only_where_an_article_exists():
    moved = records()
    chosen = (moved["category"] == "Email") & (moved["assignment_group"] == "Messaging")
    moved["reassignment_count"] = moved["reassignment_count"].mask(chosen, 3)
    needs, _ = needs_of(moved)
    assert ("bounces", "Messaging", "Email") in [(need["kind"], need["team"], need["topic"]) for need in needs]
    needs, _ = needs_of(moved.assign(knowledge=moved["knowledge"].mask(chosen, "")))
    assert not [need for need in needs if need["kind"] == "bounces"]


def test_no_need_and_no_proposal_names_a_person_not_even_where_a_group_is_one():
    frame = records()
    mine = frame["category"] == "Printing"
    frame = frame.assign(
        assignment_group=frame["assignment_group"].mask(mine, "Petra Vogel"),
        assigned_to=frame["assigned_to"].mask(mine, "Petra Vogel"),
        reassignment_count=frame["reassignment_count"].mask(mine, 3),
    )
    wrong = dict.fromkeys(frame.loc[mine, "number"], ("Petra Vogel", "Messaging"))
    right = {number: (group, group) for number, group in zip(frame["number"], frame["assignment_group"], strict=True)}
    needs, history = needs_of(frame, ReviewFacts(routings=right | wrong))
    assert history.persons == {"petra vogel"}
    review = review_quarter(history, QUARTER)
    assert {row["name"] for entry in review["measures"] for row in entry["by"].get("assignment_group", ())}
    told = json.dumps([needs, review, *(summary(review, Words(name)) for name in ("en", "zh"))], ensure_ascii=False)
    assert not [name for name in PERSONS if name in told]


def test_a_column_of_assignees_that_copies_the_group_makes_no_group_a_person():
    frame = records()
    _, history = needs_of(frame.assign(assigned_to=frame["assignment_group"]))
    assert history.persons == frozenset()
    _, history = needs_of(frame.assign(assignment_group=frame["assigned_to"]))
    assert len(history.persons) == len(PERSONS), "groups that bear callers' names are persons, however many"
