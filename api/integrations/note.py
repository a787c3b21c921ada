"""A diagnosis (the contract's object) as a note that an agent reads in their own system, in its language."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from diagnosis.findings import answer_kind
from diagnosis.phrases import Language, percent, reason_of, warnings_of
from diagnosis.times import parse_utc

Diagnosis = Mapping[str, Any]

MAX_FIX = 600  # characters of a resolution; the whole text is one click away under its number
MAX_FIXES = 3
MAX_SIMILAR = 3
_NO_RISK = {"probability_missed": None, "hours": None}

_WORDS = {
    "en": {
        "title": "Faultwise diagnosis",
        "surge": "Part of a surge: {scope}, since {since}",
        "colon": ": ",
        "assignment_group": "Assignment group",
        "category": "Category",
        "subcategory": "Subcategory",
        "tested": "Tested: at least {bound} right (90% confidence).",
        "automatic": "automatic",
        "suggested": "suggested",
        "decided": "decided by a person",
        "not_sure": "not sure",
        "why": " ({reason})",
        "perhaps": "perhaps",
        "or": "or",
        "because": "because of",
        "fixes": "Suggested fixes",
        "held": " · worked {held} of {settled} times (no return in 30 days)",
        "similar": "Similar incidents",
        "similarity": "similarity",
        "fixed_by": "resolved by",
        "again": "Likely to come back",
        "within": "{probability} within {days} days",
        "usual": "usual: {rate}",
        "response": "Response",
        "restoration": "Restoration",
        "due": "due {due}",
        "missed": ", {probability} likely missed",
        "late": ", missed",
        "paused": ", on hold",
        "half": ", half of such within {:.1f} h",
        "half from now": ", half of those that waited as long end within {:.1f} h of this note",
        "most": ", four of five within {:.1f} h",
        "warnings": "Please note",
        "footer": "Diagnosis {id}, release {release}. Tell Faultwise whether it helped.",
    },
    "zh": {
        "title": "Faultwise 诊断",
        "surge": "属于突增：{scope}，自 {since} 起",
        "colon": "：",
        "assignment_group": "处理组",
        "category": "分类",
        "subcategory": "子分类",
        "tested": "经检验：至少 {bound} 正确（90% 置信度）。",
        "automatic": "自动",
        "suggested": "建议",
        "decided": "人工确认",
        "not_sure": "不确定",
        "why": "（{reason}）",
        "perhaps": "可能是",
        "or": "或",
        "because": "依据",
        "fixes": "建议的解决办法",
        "held": " · {settled} 次中 {held} 次有效（30 天内未复发）",
        "similar": "相似事件",
        "similarity": "相似度",
        "fixed_by": "解决办法",
        "again": "复发可能",
        "within": "{days} 天内 {probability}",
        "usual": "通常为 {rate}",
        "response": "响应",
        "restoration": "恢复",
        "due": "截止 {due}",
        "missed": "，超时概率 {probability}",
        "late": "，已超时",
        "paused": "，暂停",
        "half": "，同类事件半数在 {:.1f} 小时内完成",
        "half from now": "，已等待同样久的事件自本备注起半数在 {:.1f} 小时内完成",
        "most": "，八成在 {:.1f} 小时内完成",
        "warnings": "请注意",
        "footer": "诊断 {id}，发布版本 {release}。请反馈是否有帮助。",
    },
}


def note_text(diagnosis: Diagnosis, zone: str = "UTC") -> str:
    """Return the diagnosis as plain text: decisions and reasons, fixes, similar incidents, risk, and its id last.

    Chinese for a Chinese incident, English for any other language; in the words of the console.

    Parameters
    ----------
    zone : str
        Of the times that stand in it, such as ``Asia/Shanghai``.
    """
    words = _words(diagnosis)
    return (
        f"{_body(diagnosis, words, zone)}\n\n{words['footer'].format(id=diagnosis['id'], release=diagnosis['release'])}"
    )


def note_digest(diagnosis: Diagnosis) -> str:
    """Return a digest of what the note says, which two diagnoses share if they say the same to a reader.

    Due times count; how likely they are missed moves with the queue of each moment, and how often a fix has worked
    with every use of it: neither writes a note anew.
    """
    levels = diagnosis.get("service_levels") or {}
    due_alone = {name: {**_NO_RISK, "due_at": (clock or {}).get("due_at")} for name, clock in levels.items()}
    fixes = [{**suggestion, "uses": None} for suggestion in diagnosis["suggestions"]]
    lasting = {**diagnosis, "service_levels": due_alone, "clocks": [], "suggestions": fixes}
    return hashlib.sha256(_body(lasting, _words(diagnosis)).encode()).hexdigest()[:32]


def certified_values(diagnosis: Diagnosis) -> dict[str, str]:
    """Return the values that were decided automatically, by target: the only ones that may be written to a record."""
    return {name: p["value"] for name, p in diagnosis["predictions"].items() if p["decision"] == "automatic"}


def _words(diagnosis: Diagnosis) -> Mapping[str, str]:
    return _WORDS[_language(diagnosis)]


def _language(diagnosis: Diagnosis) -> Language:
    return "zh" if diagnosis["language"].startswith("zh") else "en"


def _body(diagnosis: Diagnosis, words: Mapping[str, str], zone: str = "UTC") -> str:
    language, risk = _language(diagnosis), diagnosis["recurrence"]
    warnings = [sentence for sentence, _ in warnings_of(diagnosis, language)]
    blocks = [
        [words["title"], *_surge(diagnosis.get("surge"), words, zone)],
        [line for name, entry in diagnosis["predictions"].items() for line in _prediction(name, entry, language)],
        [_clock(clock, words, zone) for clock in _clocks(diagnosis)],
        list(_fixes(diagnosis, words)),
        list(_similar(diagnosis, words)),
        [_recurrence(risk, words)] if risk else [],
        [words["warnings"] + words["colon"].rstrip(), *[f"- {entry}" for entry in warnings]] if warnings else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _clocks(diagnosis: Diagnosis) -> list[Mapping[str, Any]]:
    """Return the clocks of the incident that are due at a known time: as they stand, else as it was logged."""
    levels = diagnosis.get("service_levels") or {}
    logged: list[Mapping[str, Any]] = [
        {"clock": name, **levels[name]}
        for name in ("response", "restoration")
        if (levels.get(name) or {}).get("due_at")
    ]
    return diagnosis.get("clocks") or logged


def _clock(clock: Mapping[str, Any], words: Mapping[str, str], zone: str) -> str:
    line = words[clock["clock"]] + words["colon"] + words["due"].format(due=_local_time(clock["due_at"], zone))
    standing, probability, hours = clock.get("standing"), clock["probability_missed"], clock["hours"] or {}
    if standing in ("missed", "paused"):
        line += words["late" if standing == "missed" else "paused"]
    elif probability is not None:
        line += words["missed"].format(probability=percent(probability))
    if hours.get("p50") is not None:
        line += words["half from now" if standing else "half"].format(hours["p50"])
    return line + (words["most"].format(hours["p80"]) if hours.get("p80") is not None else "")


def _local_time(moment: str, zone: str) -> str:
    return f"{parse_utc(moment).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"


def _surge(surge: Mapping[str, Any] | None, words: Mapping[str, str], zone: str) -> list[str]:
    """Return the line that points to the surge that the incident is part of."""
    if not surge:
        return []
    since = _local_time(surge["since"], zone)
    return [words["surge"].format(scope=", ".join(surge["scope"].values()), since=since)]


def _prediction(name: str, prediction: Mapping[str, Any], language: Language) -> Iterator[str]:
    words = _WORDS[language]
    target, colon = words.get(name, name), words["colon"]
    value, bound = prediction["value"], prediction["certified_precision"]
    kind = answer_kind(prediction)
    if kind == "decided":
        yield f"{target}{colon}{value} ({words[kind]})"
        return
    if kind == "not_sure":
        reason = reason_of(prediction, language)[0] if value is None else ""
        yield f"{target}{colon}{words[kind]}" + (words["why"].format(reason=reason) if reason else "")
        yield from _possible(prediction["alternatives"][:3], "perhaps", words)
        return
    chance = "" if prediction["probability"] is None else f"{percent(prediction['probability'])}, "
    yield f"{target}{colon}{value} ({chance}{words[kind]})"
    if kind == "automatic" and bound:
        yield f"  {words['tested'].format(bound=percent(bound))}"
    if kind == "suggested":
        yield from _possible(
            [entry for entry in prediction["alternatives"] if entry["value"] != value][:2], "or", words
        )
    evidence = prediction["evidence"]
    reasons = [entry["text"] for entry in evidence if entry["kind"] == "term" and entry["weight"] > 0][:5]
    reasons += [entry["number"] for entry in evidence if entry["kind"] == "incident"][:2]
    if reasons:
        yield f"  {words['because']}{colon}" + ", ".join(reasons)


def _possible(alternatives: Sequence[Mapping[str, Any]], word: str, words: Mapping[str, str]) -> Iterator[str]:
    names = [f"{entry['value']} ({percent(entry['probability'])})" for entry in alternatives]
    if names:
        yield f"  {words[word]}{words['colon']}" + ", ".join(names)


def _fixes(diagnosis: Diagnosis, words: Mapping[str, str]) -> Iterator[str]:
    suggestions = diagnosis["suggestions"][:MAX_FIXES]
    if suggestions:
        yield words["fixes"] + words["colon"].rstrip()
    for place, entry in enumerate(suggestions, start=1):
        uses = entry.get("uses") or {"held": 0, "failed": 0}
        settled = uses["held"] + uses["failed"]
        rate = words["held"].format(held=uses["held"], settled=settled) if settled else ""
        yield f"{place}. {entry['number']} {entry['title']}".rstrip() + rate
        yield from (f"   {line}" for line in _short(entry["resolution"], MAX_FIX).splitlines() if line.strip())


def _similar(diagnosis: Diagnosis, words: Mapping[str, str]) -> Iterator[str]:
    similar, colon = diagnosis["similar_incidents"][:MAX_SIMILAR], words["colon"]
    if similar:
        yield words["similar"] + colon.rstrip()
    for entry in similar:
        fix = " ".join(_short(entry["resolution"], 160).split())
        what = f"- {entry['number']} ({words['similarity']} {entry['similarity']:.2f}){colon}"
        yield what + _short(entry["short_description"], 120) + (f" | {words['fixed_by']}{colon}{fix}" if fix else "")


def _recurrence(risk: Mapping[str, Any], words: Mapping[str, str]) -> str:
    within = ", ".join(
        words["within"].format(days=entry["days"], probability=percent(entry["probability"]))
        for entry in risk["horizons"]
    )
    return f"{words['again']}{words['colon']}{within} ({words['usual'].format(rate=percent(risk['base_rate']))})"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
