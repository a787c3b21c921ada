"""One incident as the console and the panel show it: what was said of it, what people said since, what to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from api.console.messages import MESSAGES, Language
from api.console.records import find
from api.console.text_layout import MAX_SHOWN, shared, steps
from api.service import Service
from diagnosis.incident import CODED_FIELDS
from diagnosis.recurrence.fitted import USUAL_HORIZON
from diagnosis.store.feedback import Feedback

Said = Mapping[str, Any]
TRIED_OUT = "CONSOLE-"  # starts the number of an incident that was typed without one
_FACTS = ("opened_at", *CODED_FIELDS, "assignment_group", "resolved_at", "close_code")


def is_tried_out(number: str) -> bool:
    """Whether a number is one that nobody gave and nobody should read."""
    return number.startswith(TRIED_OUT)


def view_of(service: Service, said: Said, language: Language, typed: Said | None = None) -> dict[str, Any]:
    """Return what the pages of one incident show.

    Parameters
    ----------
    said : mapping
        The diagnosis, as the contract has it.
    language : Language
        Of the person who reads.
    typed : mapping, optional
        The incident itself, where the store does not keep it.
    """
    record = typed or find(service, "incidents", [said["incident"]]).get(said["incident"], {})
    report = f"{record.get('short_description', '')}\n{record.get('description', '')}"
    feedback = service.store.feedback.of(said["id"])
    return {
        "said": said,
        "tried_out": is_tried_out(said["incident"]),
        "news": news_of(service, said, feedback),
        "record": record,
        "report": str(record.get("description", ""))[:MAX_SHOWN],
        "facts": [(name, record[name]) for name in _FACTS if record.get(name)],
        "suggestions": [suggestion_view(one) for one in said["suggestions"]],
        "similar": [_similar(one, report) for one in said["similar_incidents"]],
        "voices": standing(feedback),
        "caller": to_caller(said, language),
    }


@dataclass(frozen=True, slots=True)
class News:
    """How much of what happened to a diagnosis a page shows: feedback up to a sequence, and what took its place."""

    seen: int
    newer: str


def news_of(service: Service, said: Said, feedback: Sequence[Feedback]) -> News:
    """Return what there is to be shown of a diagnosis by now."""
    (newest,) = service.store.diagnoses.page(1, said["incident"])
    seen = max((one.sequence for one in feedback), default=0)
    return News(seen, newest["id"] if newest["id"] != said["id"] else "")


def standing(feedback: Sequence[Feedback]) -> dict[str, Feedback]:
    """Return what stands of what people said: the last that was not undone, by target or by suggestion."""
    return {one.target or one.suggestion or "": one for one in feedback if one.undone_at is None}


def suggestion_view(one: Said) -> dict[str, Any]:
    """Return a suggestion with its steps and what became of those who used it."""
    uses = [e for e in one["evidence"] if e["kind"] == "incident"]
    judged = [e for e in uses if e["outcome"] in ("held", "reopened", "recurred")]
    held = sum(e["outcome"] == "held" for e in judged)
    return {"one": one, "steps": steps(one["resolution"]), "uses": uses, "held": held, "judged": len(judged)}


def to_caller(said: Said, language: Language) -> str:
    """Return what to say to the caller, in the language of the report where it is one of ours."""
    spoken: Language = "zh" if said["language"].startswith("zh") else "en" if said["language"] == "en" else language
    words = MESSAGES[spoken]
    number = said["incident"]
    hello = words["caller_hello_unnumbered"] if is_tried_out(number) else words["caller_hello"].format(number=number)
    lines = [hello]
    group = said["predictions"].get("assignment_group", {})
    if group.get("value") and group["decision"] != "suggested":  # nobody has it yet
        lines.append(words["caller_group"].format(group=group["value"]))
    hours = [s["outcome"]["hours_to_restore"] for s in said["similar_incidents"]]
    known = [hour for hour in hours if hour is not None]
    if known:
        lines.append(words["caller_known"].format(hours=max(1, round(median(known)))))
    lines.append(words["caller_end"])
    if said["recurrence"] and _likelier_than_usual(said["recurrence"]) and not is_tried_out(number):
        lines.append(words["caller_again"])
    return "\n".join(lines)


def _likelier_than_usual(risk: Mapping[str, Any]) -> bool:
    """Whether a fault comes back at least as often as others do, within the horizon that the base rate is of."""
    month: Mapping[str, Any] = min(risk["horizons"], key=lambda one: abs(one["days"] - USUAL_HORIZON))
    return bool(month["probability"] >= risk["base_rate"])


def _similar(one: Said, report: str) -> dict[str, Any]:
    return {
        "one": one,
        "title": shared(one["short_description"] or one["number"], report),
        "resolution": one["resolution"][:MAX_SHOWN],
    }
