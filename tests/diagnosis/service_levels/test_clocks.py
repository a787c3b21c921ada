"""Rules of service levels, and the clocks that they set."""

from datetime import UTC, datetime, timedelta

import pytest

from diagnosis import Incident
from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.service_levels import ServiceLevelRules, clocks, priority_rank, rules_for
from diagnosis.service_levels.clocks import counts
from training.records.dialects import dialects

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)  # a Friday
SHANGHAI = {"zone": "Asia/Shanghai", "from": "09:00", "to": "18:00", "holidays": "CN"}
RULES = ServiceLevelRules.from_settings(
    {
        "rules": [
            {"type": "incident", "priority": ["1"], "response_hours": 2, "restoration_hours": 4},
            {"type": "incident", "service": "Mail", "restoration_hours": 8},
            {"type": "request", "calendar": SHANGHAI, "response_hours": 9},
        ]
    }
)


def hours_before(hours):
    return NOON - timedelta(hours=hours)


def clock_of(name, now=NOON, **fields):
    return clocks(RULES, IncidentBatch.of([Incident("INC1", **fields)]), now)[0].get(name)


def test_the_first_rule_that_fits_counts():
    batch = IncidentBatch.of(
        [
            Incident("A", priority="1 - Critical", service="Mail"),
            Incident("B", priority="P2", service="mail "),
            Incident("C", priority="4"),
            Incident("D", type="request"),
            Incident("E", priority="紧急"),
        ]
    )
    assert RULES.places(batch) == [0, 1, None, 2, 0]


@pytest.mark.parametrize(
    ("rank", "priorities"),
    {
        1: ("1 - Critical", "P1", "Urgent", "非常紧急", "严重", "重大", "1 - High", "1 - Major", "Highest"),
        2: ("3 high", "2 - High", "Major", "High", "非常高", "3 高"),
        3: ("2 normal", "3 - Moderate", "一般（不紧急）", "普通", "2 正常"),
        4: ("1 low", "4 - Low", "Lowest", "1 低", "4 - 非紧急"),
        None: ("非紧急", "Non-critical", "not urgent", "not very urgent", "不太紧急", "不是很严重", "VIP"),
    }.items(),
)
def test_the_most_urgent_is_of_rank_1_though_numbers_rise_and_what_is_negated_is_not(rank, priorities):
    assert {priority: priority_rank(priority) for priority in priorities} == dict.fromkeys(priorities, rank)


@pytest.mark.parametrize("written", ["6", "Major", "重大"])
def test_what_is_most_urgent_in_glpi_is_of_rank_1(written):
    assert priority_rank(dialects("incidents")["glpi"].meaning("priority", written)) == 1


def test_an_incident_that_no_rule_fits_has_no_clock():
    assert clock_of("restoration", opened_at=hours_before(3), priority="4") is None
    assert clock_of("response", opened_at=hours_before(3), priority="4") is None


def test_a_critical_incident_that_nobody_touched_for_three_hours_has_missed_its_response():
    response = clock_of("response", opened_at=hours_before(3), priority="1")
    assert (response.status, response.hours_left, response.due_at) == ("missed", -1.0, hours_before(1))
    restoration = clock_of("restoration", opened_at=hours_before(3), priority="1")
    assert (restoration.status, restoration.hours_left) == ("running", 1.0)


def test_a_clock_that_has_ended_is_met_or_missed():
    answered = clock_of("response", opened_at=hours_before(3), responded_at=hours_before(2), priority="1")
    assert (answered.status, answered.hours_left, answered.ended_at) == ("met", 1.0, hours_before(2))
    late = clock_of("restoration", opened_at=hours_before(9), resolved_at=hours_before(3), priority="1")
    assert (late.status, late.hours_left) == ("missed", -2.0)
    assert clock_of("response", opened_at=hours_before(9), resolved_at=hours_before(8), priority="1").status == "met"


def test_business_hours_stop_over_night_and_the_weekend():
    clock = clock_of("response", opened_at=datetime(2026, 11, 27, 9, tzinfo=UTC), type="request")  # 17:00 in Shanghai
    assert clock.due_at == datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert clock.hours_left == 8.0  # at noon UTC the office is closed


def test_minutes_on_hold_move_the_due_time_and_waiting_for_the_caller_pauses_it():
    held = clock_of("restoration", opened_at=hours_before(5), priority="1", on_hold_minutes=120)
    assert (held.status, held.hours_left) == ("running", 1.0)
    for state in ("On Hold", "Pending - awaiting caller", "挂起", "等待用户反馈"):
        assert clock_of("restoration", opened_at=hours_before(5), priority="1", state=state).status == "paused"
    assert clock_of("restoration", opened_at=hours_before(5), priority="1", on_hold_minutes=-600).status == "missed"


@pytest.mark.parametrize(
    ("status", "states"),
    {
        "paused": (
            *("stalled", "Waiting for customer", "Waiting on Third Party", "Pending Vendor", "Awaiting User Info"),
            *(
                "pending reminder",
                "3 - On Hold",
                "On Hold - Awaiting Caller",
                "等待供应商",
                "挂起（等待厂商）",
                "待用户确认",
            ),
        ),
        "missed": (
            *("Waiting for support", "Awaiting Assignment", "Pending approval", "Waiting in queue", "Hold released"),
            *("等待处理", "等待分派", "待处理", "等待客服处理", "等待二线处理"),
        ),
    }.items(),
)
def test_a_clock_is_paused_for_the_caller_or_a_third_party_and_runs_while_the_desk_has_to_act(status, states):
    told = {state: clock_of("restoration", opened_at=hours_before(5), priority="1", state=state) for state in states}
    assert {state: clock.status for state, clock in told.items()} == dict.fromkeys(states, status)


def test_a_hold_moves_the_due_time_by_its_business_hours_alone():
    opened = datetime(2026, 9, 30, 8, tzinfo=UTC)  # 16:00 in Shanghai; the National Day holidays follow
    held = {"opened_at": opened, "type": "request", "on_hold_minutes": 7 * 24 * 60}
    due = clock_of("response", now=datetime(2026, 10, 9, tzinfo=UTC), **held).due_at
    assert due == datetime(2026, 10, 8, 10, tzinfo=UTC), "until 16:00 on the last holiday, then nine hours"
    evening = {"opened_at": datetime(2026, 11, 26, 12, tzinfo=UTC), "type": "request", "on_hold_minutes": 60}
    due = clock_of("response", now=datetime(2026, 11, 27, 9, tzinfo=UTC), **evening).due_at
    assert due == datetime(2026, 11, 30, 2, tzinfo=UTC), "an hour more than the working day that comes"


def test_a_hold_that_is_longer_than_the_wait_counts_as_all_of_it():
    for minutes in (600, 10**12):
        clock = clock_of("restoration", opened_at=hours_before(1), priority="1", on_hold_minutes=minutes)
        assert (clock.status, clock.hours_left) == ("running", 4.0)
    ended = {"opened_at": hours_before(9), "resolved_at": hours_before(3), "priority": "1", "on_hold_minutes": 10**12}
    assert clock_of("restoration", **ended).due_at == NOON + timedelta(hours=1)


def test_an_answer_before_the_opening_runs_no_clock_of_response():
    written = {"opened_at": hours_before(3), "responded_at": hours_before(4), "priority": "1"}
    assert clock_of("response", **written) is None
    assert clock_of("restoration", **written).status == "running"


def test_a_resolved_incident_that_was_reopened_is_open_and_ends_with_its_last_resolution():
    first = {"opened_at": hours_before(6), "priority": "1", "resolved_at": hours_before(4)}
    assert clock_of("restoration", **first).status == "met"
    assert clock_of("restoration", **first, reopened_at=hours_before(3)).status == "missed"
    again = {**first, "reopened_at": hours_before(5), "resolved_at": hours_before(1)}
    restoration = clock_of("restoration", **again)
    assert (restoration.status, restoration.ended_at) == ("missed", hours_before(1))
    closed = {**first, "reopened_at": hours_before(3), "closed_at": hours_before(1)}
    restoration = clock_of("restoration", **closed)
    assert (restoration.status, restoration.ended_at) == ("missed", hours_before(1)), "a closure after the reopening"


def test_a_resolution_answers_also_where_the_incident_was_reopened():
    times = {"opened_at": hours_before(6), "resolved_at": hours_before(5), "reopened_at": hours_before(3)}
    response = clock_of("response", **times, priority="1")
    assert (response.status, response.ended_at) == ("met", hours_before(5))
    answered = clock_of("response", **times, responded_at=hours_before(5.5), priority="1")
    assert answered.ended_at == hours_before(5.5)
    typing_error = {"opened_at": hours_before(1), "resolved_at": hours_before(5), "reopened_at": hours_before(0.5)}
    assert clock_of("response", **typing_error, priority="1").is_open


def test_an_end_before_the_opening_runs_no_clock_and_is_counted():
    backwards = {"opened_at": hours_before(1), "priority": "1", "resolved_at": hours_before(2)}
    assert clock_of("restoration", **backwards) is None
    assert counts(IncidentBatch.of([Incident("A", **backwards), Incident("B")])) == {
        "without_date": 1,
        "ended_before_opened": 1,
    }


def test_without_a_date_or_opened_later_there_is_no_clock():
    assert clock_of("restoration", priority="1") is None
    assert clock_of("restoration", priority="1", opened_at=NOON + timedelta(hours=1)) is None


def test_a_state_that_says_closed_without_a_time_runs_no_clock():
    assert clock_of("restoration", priority="1", opened_at=hours_before(9), state="Closed") is None
    assert clock_of("restoration", priority="1", opened_at=hours_before(9), state="Unresolved").status == "missed"


@pytest.mark.parametrize(
    "state",
    ["Completed", "Rejected", "Closed Complete", "Resolved (Permanently)", "7 - Closed", "完成", "已完成", "办结"],
)
def test_a_state_of_the_end_in_other_words_runs_no_clock(state):
    assert clock_of("restoration", priority="1", opened_at=hours_before(9), state=state) is None


@pytest.mark.parametrize(
    "state", ["解决中", "关闭中", "待关闭", "未完成", "Closing", "Cancel requested", "Solution rejected"]
)
def test_a_state_on_the_way_to_the_end_leaves_the_clock_running(state):
    assert clock_of("restoration", priority="1", opened_at=hours_before(9), state=state).status == "missed"


def test_a_later_end_is_not_known_yet():
    fields = {"opened_at": hours_before(1), "resolved_at": NOON + timedelta(hours=1), "priority": "1"}
    assert clock_of("restoration", **fields).is_open


def test_rules_that_are_never_used_are_named():
    rules = ServiceLevelRules.from_settings(
        {
            "rules": [
                {"type": "incident", "response_hours": 2},
                {"type": "incident", "priority": "1", "response_hours": 1},
                {"service": "Fax", "response_hours": 1},
            ]
        }
    )
    first, second = rules.unused(IncidentBatch.of([Incident("A", priority="1"), Incident("B", priority="3")]))
    assert (
        "rule 2 (type incident, priority 1: response 1 h) fits only incidents that an earlier rule fits: rule 1 counts"
        in str(first)
    )
    assert "rule 3 (service Fax: response 1 h) fits no incident" in str(second)


def test_without_rules_the_programme_counts_and_restoration_is_everyones_where_nothing_is_critical():
    rules = rules_for({}, ["1 - Critical", "3"])
    assert [rule.hours.get("restoration") for rule in rules.rules] == [4.0, None, None, None]
    rules = rules_for({}, ["2", "3"])
    assert [rule.hours.get("restoration") for rule in rules.rules] == [4.0, None, None]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rules": [{"response_hours": 0}]}, "rule 1: response_hours: expected a number above 0"),
        ({"rules": [{"restoration_hours": -4}]}, "found -4"),
        ({"rules": [{"response_hours": "two"}]}, 'found "two"'),
        ({"rules": [{"type": "incident"}]}, "expected response_hours or restoration_hours"),
        ({"rules": [{"type": "ticket", "response_hours": 2}]}, "expected incident, request, complaint; found 'ticket'"),
        ({"rules": [{"group": "Mail", "response_hours": 2}]}, "unknown setting 'group'"),
        ({"rules": {"type": "incident"}}, "expected a list of tables"),
        ({"calendar": "weekdays"}, '"24x7"'),
        (
            {"rules": [{"response_hours": 2, "calendar": {"zone": "UTC", "holidays": "ZZ"}}]},
            "rule 1: calendar: holiday",
        ),
        ({"rules": [{"response_hours": 2, "calendar": {"days": ["mon"]}}]}, "need a time zone"),
        ({"at_risk": 2}, "at_risk: expected a number above 0, at most 1"),
        ({"rule": []}, "unknown setting 'rule'"),
    ],
)
def test_what_is_no_rule_is_said_in_words(settings, words):
    with pytest.raises(InputError) as error:
        ServiceLevelRules.from_settings(settings)
    assert words in str(error.value)


def test_rules_come_back_as_they_were_read():
    assert ServiceLevelRules.from_settings(RULES.to_dict()) == RULES
