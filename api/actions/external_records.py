"""Records that a connected system makes of an action or a problem: what is owed to it, and how far that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from api.telemetry import current_trace
from diagnosis.actions import Action
from diagnosis.review import Words
from diagnosis.review.review import HORIZON
from diagnosis.store.outbox import Outbox, OutgoingCall
from training.reports.review.layout import effect

WRITE_BACK = "action:"  # begins the kind of the call that makes a record of an action
MOST_NUMBERS = 50  # incidents of its evidence that the record names

RecordState = Literal["waiting", "made", "failed"]


@dataclass(frozen=True, slots=True)
class ExternalRecord:
    """The record that a connected system holds, or was to make.

    Attributes
    ----------
    number : str or None
        Its number there; None until the system has answered.
    state : {"waiting", "made", "failed"}
        A failed one was given up, and may be asked for anew.
    error : str
        Why it was given up, as long as that is kept.
    """

    system: str
    number: str | None
    state: RecordState
    error: str = ""


def external_record(outbox: Outbox, record: Mapping[str, Any], key: str) -> ExternalRecord:
    """Return how far a record is.

    Parameters
    ----------
    record : mapping
        ``system`` and ``number``, as they are stored.
    key : str
        How the key of each call that is to make it begins.
    """
    system, number = record["system"], record["number"]
    if number is not None:
        return ExternalRecord(system, number, "made")
    call = outbox.newest(key)
    if call is not None and call.state != "dead":
        return ExternalRecord(system, None, "waiting")
    return ExternalRecord(system, None, "failed", "" if call is None else call.error)


def action_call(system: str, action: Action, attempt: str, language: str) -> OutgoingCall:
    """Return the call that makes a record of an action.

    Parameters
    ----------
    attempt : str
        The call that was given up before this one, if there was any.
    language : str
        Of the record's text, beside the action's own title.
    """
    words = Words(language)
    numbers = [str(item["number"]) for item in action.evidence if "number" in item][:MOST_NUMBERS]
    teams = [str(item["team"]) for item in action.evidence if "team" in item]
    facts = {
        "why": _effect(action, words),
        "measure": words("measure", action.measure) if action.measure else "",
        "owner": action.owner,
        "due": "" if action.due is None else action.due.isoformat(),
        "evidence": ", ".join(numbers or teams),
    }
    lines = [words("text", "fact", name=words("column", name), value=value) for name, value in facts.items() if value]
    body = {
        "action": action.id,
        "title": action.title,
        "text": "\n".join([*lines, f"Faultwise {action.id}"]),
        "group": teams[0] if teams else "",
        "numbers": numbers,
    }
    return OutgoingCall(
        f"{WRITE_BACK}{system}", system, f"{action_key(system, action.id)}{attempt}", body, trace=current_trace()
    )


def action_key(system: str, action: str) -> str:
    """Return how the key of each call that is to make a record of an action begins."""
    return f"{WRITE_BACK}{system}:{action}:"


def _effect(action: Action, words: Words) -> str:
    """Return what an action should achieve, in words; nothing where it is not as a review or a problem expects it."""
    expected = dict(action.expected_effect)
    entry = {"expected_effect": expected, "measure": action.measure}
    try:
        text = effect(entry, {"horizon_days": expected.get("horizon_days", HORIZON)}, words)
    except (KeyError, TypeError, ValueError):  # whoever adds an action may write anything there
        return ""
    return "" if text == "–" else text
