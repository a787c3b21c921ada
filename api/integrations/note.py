"""A diagnosis as a note that an agent reads in their own system, in the incident's language."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from diagnosis.findings import Diagnosis, IncidentEvidence, Prediction, RecurrenceRisk, TermEvidence

MAX_FIX = 600  # characters of a resolution; the whole text is one click away under its number
MAX_FIXES = 3
MAX_SIMILAR = 3

_WORDS = {
    "en": {
        "title": "Faultwise diagnosis",
        "colon": ": ",
        "assignment_group": "Assignment group",
        "category": "Category",
        "subcategory": "Subcategory",
        "certified": "certified: at least {bound:.0%} of such decisions are right",
        "automatic": "decided automatically",
        "suggested": "a suggestion",
        "abstained": "no decision",
        "or": "or",
        "because": "because of",
        "fixes": "What worked before",
        "similar": "Similar incidents",
        "similarity": "similarity",
        "fixed_by": "resolved by",
        "again": "Likely to come back",
        "within": "{probability:.0%} within {days} days",
        "usual": "usual: {rate:.0%}",
        "warnings": "Please note",
        "footer": "Diagnosis {id}, release {release}. Tell Faultwise whether it helped.",
    },
    "zh": {
        "title": "Faultwise 诊断",
        "colon": "：",
        "assignment_group": "处理组",
        "category": "类别",
        "subcategory": "子类别",
        "certified": "已认证：此类判定至少 {bound:.0%} 正确",
        "automatic": "自动判定",
        "suggested": "建议",
        "abstained": "不作判定",
        "or": "或",
        "because": "依据",
        "fixes": "以往有效的解决办法",
        "similar": "相似事件",
        "similarity": "相似度",
        "fixed_by": "解决办法",
        "again": "复发可能",
        "within": "{days} 天内 {probability:.0%}",
        "usual": "通常为 {rate:.0%}",
        "warnings": "请注意",
        "footer": "诊断 {id}，发布版本 {release}。请反馈是否有帮助。",
    },
}


def note_text(diagnosis: Diagnosis) -> str:
    """Return the diagnosis as plain text: decisions and why, fixes, similar incidents, risk, and its id last.

    Chinese for a Chinese incident, English for any other language.
    """
    words = _WORDS["zh" if diagnosis.language.startswith("zh") else "en"]
    footer = words["footer"].format(id=diagnosis.id, release=diagnosis.release)
    return f"{_body(diagnosis, words)}\n\n{footer}"


def note_digest(diagnosis: Diagnosis) -> str:
    """Return a digest of what the note says, which two diagnoses share if they say the same to a reader."""
    language = "zh" if diagnosis.language.startswith("zh") else "en"
    return hashlib.sha256(_body(diagnosis, _WORDS[language]).encode()).hexdigest()[:32]


def _body(diagnosis: Diagnosis, words: dict[str, str]) -> str:
    blocks = [
        [words["title"]],
        [line for name, p in diagnosis.predictions.items() for line in _prediction(name, p, words)],
        list(_fixes(diagnosis, words)),
        list(_similar(diagnosis, words)),
        [_recurrence(diagnosis.recurrence, words)] if diagnosis.recurrence else [],
        [words["warnings"] + words["colon"].rstrip(), *[f"- {w}" for w in diagnosis.warnings]]
        if diagnosis.warnings
        else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _prediction(name: str, prediction: Prediction, words: dict[str, str]) -> Iterator[str]:
    target, colon = words.get(name, name), words["colon"]
    if prediction.value is None:
        yield f"{target}{colon}{words[prediction.decision]}" + (f" ({prediction.reason})" if prediction.reason else "")
    else:
        how = words[prediction.decision]
        if prediction.decision == "automatic" and prediction.certified_precision is not None:
            how = words["certified"].format(bound=prediction.certified_precision)
        chance = "" if prediction.probability is None else f"{prediction.probability:.0%}, "
        yield f"{target}{colon}{prediction.value} ({chance}{how})"
    others = [a for a in prediction.alternatives if a.value != prediction.value][:2]
    if others and prediction.decision != "automatic":
        yield f"  {words['or']}{colon}" + ", ".join(f"{a.value} ({a.probability:.0%})" for a in others)
    why = [e.text for e in prediction.evidence if isinstance(e, TermEvidence) and e.weight > 0][:5]
    why += [e.number for e in prediction.evidence if isinstance(e, IncidentEvidence)][:2]
    if why:
        yield f"  {words['because']}{colon}" + ", ".join(why)


def _fixes(diagnosis: Diagnosis, words: dict[str, str]) -> Iterator[str]:
    if diagnosis.suggestions:
        yield words["fixes"] + words["colon"].rstrip()
    for place, suggestion in enumerate(diagnosis.suggestions[:MAX_FIXES], start=1):
        yield f"{place}. {suggestion.number} {suggestion.title}".rstrip()
        yield from (f"   {line}" for line in _short(suggestion.resolution, MAX_FIX).splitlines() if line.strip())


def _similar(diagnosis: Diagnosis, words: dict[str, str]) -> Iterator[str]:
    if diagnosis.similar_incidents:
        yield words["similar"] + words["colon"].rstrip()
    for incident in diagnosis.similar_incidents[:MAX_SIMILAR]:
        fix = " ".join(_short(incident.resolution, 160).split())
        yield (
            f"- {incident.number} ({words['similarity']} {incident.similarity:.2f})"
            f"{words['colon']}{_short(incident.short_description, 120)}"
            + (f" | {words['fixed_by']}{words['colon']}{fix}" if fix else "")
        )


def _recurrence(risk: RecurrenceRisk, words: dict[str, str]) -> str:
    within = ", ".join(words["within"].format(days=h.days, probability=h.probability) for h in risk.horizons)
    return f"{words['again']}{words['colon']}{within} ({words['usual'].format(rate=risk.base_rate)})"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
