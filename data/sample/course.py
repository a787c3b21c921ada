"""What the later columns hold: type, state, first response, time on hold; and what was planted in their course."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from organisation import END, SITES
from planted import quarter_of

Row = dict[str, Any]
# Faults that are no faults: what people ask for.
REQUESTED = ("erp-permission", "share-permission", "software-install", "password-reset")
SLOWER = ("Messaging", "2026Q3")  # a group that lost people in this quarter
SLOWER_RESPONSE, SLOWER_WORK = 6.0, 2.5
MOVED_SINCE, MOVED_SHARE = date(2026, 4, 1), 0.65  # from the phone to chat and WeChat
MOVED_TO = {"wechat": 3, "chat": 2}
CALLED = {"zh": "用户来电反映：", "en": "User called: "}


def complete(rng: Random, row: Row, fault: str) -> None:
    """Fill the later columns of a record, slow group and moved channel included."""
    row["type"] = "request" if fault in REQUESTED and row["contact_type"] != "monitoring" else "incident"
    _move_channel(rng, row)
    _slow_down(rng, row)
    minutes = row["sla_response_minutes"]
    row["responded_at"] = None if minutes is None else row["opened_at"] + timedelta(minutes=minutes)
    row["on_hold_minutes"] = _on_hold(rng, row)
    row["state"] = _state(row)
    if row["state"] == "In Progress" and rng.random() < 0.4:  # waits for its caller
        age = END - row["responded_at"]
        row |= {"state": "On Hold", "on_hold_minutes": round(age.total_seconds() / 60 * rng.uniform(0.2, 0.6))}


def local_day(row: Row) -> date:
    """Return the day on which an incident was logged, in the organisation's zone (Asia/Shanghai)."""
    opened: datetime = row["opened_at"]
    return (opened + timedelta(hours=SITES["上海"][1])).date()


def _move_channel(rng: Random, row: Row) -> None:
    drawn, channel = rng.random(), rng.choices(list(MOVED_TO), list(MOVED_TO.values()))[0]
    if row["contact_type"] != "phone" or local_day(row) < MOVED_SINCE or drawn > MOVED_SHARE:
        return
    row["contact_type"] = channel
    for words in CALLED.values():  # a chat has no note of a call
        if row["description"].startswith(words):
            row["description"] = row["description"].removeprefix(words).split("\n")[0]


def _slow_down(rng: Random, row: Row) -> None:
    unhappy = rng.random() < 0.5
    if row["assignment_group"] != SLOWER[0] or quarter_of(local_day(row)) != SLOWER[1]:
        return
    if row["sla_response_minutes"] is None:
        return
    extra = timedelta(minutes=row["sla_response_minutes"] * (SLOWER_RESPONSE - 1))
    if row["resolved_at"]:
        extra += (row["resolved_at"] - row["opened_at"]) * (SLOWER_WORK - 1)
    row["sla_response_minutes"] = round(row["sla_response_minutes"] * SLOWER_RESPONSE)
    for name in ("resolved_at", "closed_at", "reopened_at"):
        if row[name]:
            row[name] = row[name] + extra if row[name] + extra < END else None
    if row["satisfaction"] and unhappy:
        row["satisfaction"] = max(1, row["satisfaction"] - 2)
    if not row["resolved_at"]:
        row |= {"close_code": "", "close_notes": "", "knowledge": "", "problem": "", "satisfaction": None}


def _on_hold(rng: Random, row: Row) -> int:
    """Return the minutes that a record waited for its caller: at most half of the time that it took."""
    waited, share = rng.random() < 0.12, rng.uniform(0.1, 0.5)
    if not waited or not row["resolved_at"] or row["contact_type"] == "monitoring":
        return 0
    work = row["resolved_at"] - row["opened_at"] - timedelta(minutes=row["sla_response_minutes"] or 0)
    return max(0, round(work.total_seconds() / 60 * share))


def _state(row: Row) -> str:
    if row["closed_at"]:
        return "Closed"
    if row["resolved_at"]:
        return "Resolved"
    return "In Progress" if row["responded_at"] else "New"
