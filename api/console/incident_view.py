"""One incident as the console and the panel show it: its diagnosis, people's judgements, and texts to send."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.console.clocks import clocks_of
from api.console.messages import MESSAGES, Language
from api.console.pages import usual_days
from api.console.text_layout import MAX_SHOWN, mark_shared_terms, split_steps
from api.service import Service
from diagnosis.findings import answer_kind
from diagnosis.incident import CODED_FIELDS
from diagnosis.knowledge import is_expired
from diagnosis.phrases import in_words
from diagnosis.store.feedback import Feedback, standing

Diagnosis = Mapping[str, Any]  # as the contract has it
TARGETS = ("assignment_group", "category")  # shown first
TRIAL_PREFIX = "CONSOLE-"  # starts the number of an incident that was typed without one
PROMISE_CASES = 5  # fewer similar incidents support no promise of a duration
PROMISE_SIMILARITY = 0.5
_FACTS = ("opened_at", *CODED_FIELDS, "assignment_group", "resolved_at", "close_code")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What stands of people's feedback on one prediction or suggestion, and the name of who gave it."""

    feedback: Feedback
    person: str


@dataclass(frozen=True, slots=True)
class News:
    """How much a page shows: feedback up to a sequence, and the id of a newer diagnosis."""

    sequence: int
    newer: str


def is_trial(number: str) -> bool:
    """Whether a number was made by the console for an incident without one, and should not be shown."""
    return number.startswith(TRIAL_PREFIX)


def view_of(
    service: Service, diagnosis: Diagnosis, language: Language, entered: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the template variables of one incident's page.

    Parameters
    ----------
    diagnosis : mapping
        As the contract has it.
    language : Language
        Of the reader.
    entered : mapping, optional
        The incident itself, where the store does not hold it.
    """
    number = diagnosis["incident"]
    record = entered or service.incidents.find([number]).get(number, {})
    report = f"{record.get('short_description', '')}\n{record.get('description', '')}"
    feedback = service.feedback.on(number)
    return {
        "diagnosis": diagnosis,
        "is_trial": is_trial(number),
        "news": news_of(service, diagnosis, feedback),
        "record": record,
        "report": str(record.get("description", ""))[:MAX_SHOWN],
        "facts": [(name, record[name]) for name in _FACTS if record.get(name)],
        "predictions": predictions_of(service, diagnosis, feedback),
        "suggestions": suggestions_of(service, diagnosis, language),
        "similar": [_similar_view(similar, report) for similar in diagnosis["similar_incidents"]],
        "judgements": judgements_of(service, feedback),
        "reply": reply_to_caller(diagnosis, language),
        "surge": service.surges.of_incident(number),
        "clocks": clocks_of(service, number, record),
        **_explanation(service, record, language),
    }


def news_of(service: Service, diagnosis: Diagnosis, feedback: Sequence[Feedback]) -> News:
    """Return what there is to show of a diagnosis by now."""
    newest = (service.diagnoses.newest(diagnosis["incident"]) or diagnosis)["id"]
    sequence = max((entry.sequence for entry in feedback), default=0)
    return News(sequence, newest if newest != diagnosis["id"] else "")


def judgements_of(service: Service, feedback: Sequence[Feedback]) -> dict[str, Judgement]:
    """Return what stands of people's feedback, by target or by suggestion, with the names of the people."""
    entries = standing(feedback)
    if not entries:
        return {}
    names = {f"key:{key.id}": key.name for key in service.keys.all()}
    return {
        subject: Judgement(entry, names.get(entry.actor, entry.actor.partition(":")[2] or entry.actor))
        for subject, entry in entries.items()
    }


def predictions_of(service: Service, diagnosis: Diagnosis, feedback: Sequence[Feedback]) -> dict[str, dict[str, Any]]:
    """Return the predictions by target as they stand (see `prediction_view`), each with every class to choose."""
    entries = standing(feedback)
    return {
        target: {**prediction_view(prediction, entries.get(target)), "classes": classes_of(service, target)}
        for target, prediction in sorted(diagnosis["predictions"].items(), key=lambda item: target_rank(item[0]))
    }


def target_rank(target: str) -> int:
    """Return the place of a target on a page."""
    return TARGETS.index(target) if target in TARGETS else len(TARGETS)


def prediction_view(prediction: Mapping[str, Any], judgement: Feedback | None) -> dict[str, Any]:
    """Return a prediction with the ``kind`` of its answer and whether it is ``sure`` enough to offer.

    A value that a person had given before the diagnosis follows what stands of their feedback by now.
    """
    kind = answer_kind(prediction)
    if kind == "decided":
        value = judgement.value if judgement else None
        prediction = {**prediction, "value": value, "probability": None}
        if value is None:  # taken back since
            prediction, kind = {**prediction, "reason": None}, "not_sure"
    return {**prediction, "kind": kind, "sure": kind != "not_sure"}


def classes_of(service: Service, target: str) -> list[str]:
    """Return every class that the published release knows of a target, sorted."""
    return sorted(service.releases.classes(target)) if target in service.releases.targets() else []


def suggestions_of(service: Service, diagnosis: Diagnosis, language: Language) -> list[dict[str, Any]]:
    """Return the suggestions with their steps and the outcomes of earlier uses, articles in the reader's language."""
    suggestions = diagnosis["suggestions"]
    numbers = [suggestion["number"] for suggestion in suggestions if suggestion["source"] == "knowledge"]
    originals, articles = service.articles.find(numbers), service.articles.in_language(numbers, language)
    # What is out of date takes no place of what is not.
    current = {
        number: originals.get(number, article)
        if is_expired(article) and not is_expired(originals.get(number, article))
        else article
        for number, article in articles.items()
    }
    return [_suggestion_view(suggestion, current.get(suggestion["number"], {})) for suggestion in suggestions]


def reply_to_caller(diagnosis: Diagnosis, language: Language) -> str:
    """Return a draft of the reply to the caller, in the language of the report where it is Chinese or English."""
    reported = diagnosis["language"]
    reply_language: Language = "zh" if reported.startswith("zh") else "en" if reported == "en" else language
    msg = MESSAGES[reply_language]
    number, trial = diagnosis["incident"], is_trial(diagnosis["incident"])
    lines = [msg["reply_hello_unnumbered"] if trial else msg["reply_hello"].format(number=number)]
    group = diagnosis["predictions"].get("assignment_group", {})
    if group.get("value") and group["decision"] != "suggested":  # a suggested group does not have the incident yet
        lines.append(msg["reply_group"].format(group=group["value"]))
    hours = promised_hours(diagnosis)
    if hours is not None:
        lines.append(msg["reply_duration"].format(duration=_duration(hours, msg)))
    lines.append(msg["reply_end"])
    if not trial and diagnosis["recurrence"] and _exceeds_base_rate(diagnosis["recurrence"]):
        lines.append(msg["reply_recurrence"])
    return "\n".join(lines)


def promised_hours(diagnosis: Diagnosis) -> float | None:
    """Return the hours within which four of five such incidents are restored for good, as all of the history says.

    None where fewer than `PROMISE_CASES` past incidents are like it, or nothing has learned how long such take. The few
    that are shown do not say: one that was reopened, or is open, has not ended.
    """
    alike = sum(similar["similarity"] >= PROMISE_SIMILARITY for similar in diagnosis["similar_incidents"])
    hours = ((diagnosis.get("service_levels") or {}).get("restoration") or {}).get("hours") or {}
    return hours.get("p80") if alike >= PROMISE_CASES else None


def _duration(hours: float, msg: Mapping[str, str]) -> str:
    whole_hours = math.ceil(hours)
    if whole_hours > 48:
        return msg["duration_days"].format(math.ceil(hours / 24))
    return msg["duration_hour"] if whole_hours <= 1 else msg["duration_hours"].format(whole_hours)


def _exceeds_base_rate(risk: Mapping[str, Any]) -> bool:
    """Whether a fault recurs at least as often as others do, within the horizon of the base rate."""
    usual = usual_days(risk)
    return any(h["days"] == usual and h["probability"] >= risk["base_rate"] for h in risk["horizons"])


def _suggestion_view(suggestion: Mapping[str, Any], article: Mapping[str, Any]) -> dict[str, Any]:
    uses = [evidence for evidence in suggestion["evidence"] if evidence["kind"] == "incident"]
    counts = suggestion.get("uses")  # of all; in diagnoses stored before there were such, of the few that are shown
    outcomes = [use["outcome"] for use in uses]
    n_held = counts["held"] if counts else outcomes.count("held")
    n_failed = counts["failed"] if counts else outcomes.count("reopened") + outcomes.count("recurred")
    translated = article.get("number", suggestion["number"]) != suggestion["number"]
    fix = {
        **suggestion,
        **({name: article.get(name, "") for name in ("number", "title", "resolution")} if translated else {}),
    }
    return {
        **fix,
        "for_caller": suggestion["resolution"],  # in the language of the report
        "steps": split_steps(fix["resolution"]),
        "uses": uses,
        "n_held": n_held,
        "n_settled": n_held + n_failed,
        "expired": is_expired(article),
    }


def _similar_view(similar: Mapping[str, Any], report: str) -> dict[str, Any]:
    title = similar["short_description"] or similar["number"]
    return {
        **similar,
        "title": mark_shared_terms(title, report),
        "resolution": similar["resolution"][:MAX_SHOWN],
    }


def _explanation(service: Service, record: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return what may explain an incident: alerts around it, and the changes of the day before it."""
    opened_at = str(record.get("opened_at") or "")
    item, served = str(record.get("cmdb_ci") or ""), str(record.get("service") or "")
    changes = service.changes.before(item, served, opened_at) if opened_at and (item or served) else []
    statement = service.changes.statement(item, served) if changes else None
    return {
        "explaining": service.alerts.explaining(record),
        "changes_here": changes,
        "change_statement": in_words(statement, language) if statement else "",
    }
