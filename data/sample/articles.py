"""The knowledge base: articles that cover most faults, current or stale, for agents or users."""

from __future__ import annotations

from random import Random
from typing import Any

COLUMNS = (
    "number",
    "title",
    "symptoms",
    "cause",
    "resolution",
    "service",
    "audience",
    "language",
    "translation_of",
    "keywords",
    "owner",
    "review_at",
    "valid_to",
)
ONE_LANGUAGE = {
    "switch-port": "zh",
    "db-locks": "en",
    "vm-down": "en",
    "hr-payslip": "zh",
    "desk-phone": "zh",
    "battery": "en",
    "mq-backlog": "en",
    "oa-workflow": "zh",
}
STALE, SELF_SERVICE = 16, 16
# The group that looks after the articles of a service.
OWNERS = {
    "Remote Access": "Network Operations",
    "Office Network": "Network Operations",
    "Server Hosting": "Data Centre Operations",
    "Database Service": "Database & Middleware",
    "Integration Platform": "Database & Middleware",
    "Identity": "Identity & Access",
    "File Service": "Identity & Access",
    "Messaging": "Messaging",
    "Meetings": "Telephony & Meeting Rooms",
    "Telephony": "Telephony & Meeting Rooms",
    "ERP": "Business Applications",
    "Office Automation": "Business Applications",
    "CRM": "Business Applications",
    "HR Portal": "Business Applications",
    "Security Monitoring": "Information Security",
    "Internet Access": "Information Security",
}
Article = dict[str, str]
Row = dict[str, Any]


def knowledge(
    rng: Random, faults: list[dict[str, Any]], guides: list[dict[str, Any]]
) -> tuple[list[Article], dict[tuple[str, str], str]]:
    """Return the articles, and for each fault and language the number of the article that documents it."""
    documented = [fault for fault in faults if fault["zh_title"]]
    articles: list[Article] = []
    index: dict[tuple[str, str], str] = {}
    for fault in documented:
        languages = [ONE_LANGUAGE[fault["id"]]] if fault["id"] in ONE_LANGUAGE else ["zh", "en"]
        for language in languages:
            origin = index.get((fault["id"], "zh"), "")
            index[fault["id"], language] = _add(articles, _article(rng, fault, language), translation_of=origin)
    for fault in rng.sample(documented, STALE):
        _add(articles, _stale(rng, fault, rng.choice(["zh", "en"])))
    for fault in rng.sample(documented, SELF_SERVICE):
        _add(articles, _self_service(fault, rng.choice(["zh", "en"])))
    for guide in guides:
        first = ""
        for language in ("zh", "en"):
            first = _add(articles, _guide(guide, language), translation_of=first)
    return articles, index


def planted(
    rng: Random, articles: list[Article], index: dict[tuple[str, str], str], faults: list[dict[str, Any]], texts: Row
) -> Row:
    """Add articles with a fault of their own, owners and dates of review to all; return what was planted."""
    gone = texts["fault"]
    origin = index[gone["id"], "zh"] = _add(articles, _article(rng, gone, "zh") | {"valid_to": ""})
    index[gone["id"], "en"] = _add(articles, _article(rng, gone, "en") | {"valid_to": ""}, translation_of=origin)
    by_id = {fault["id"]: fault for fault in faults}
    pairs = []
    for entry in texts["duplicate"]:
        text = _article(rng, by_id[entry["of"]], entry["language"]) | {"valid_to": ""}
        text |= {name: entry[name] for name in ("title", "symptoms")}
        pairs.append([index[entry["of"], entry["language"]], _add(articles, text)])
    form = []
    for entry in texts["malformed"]:
        text = {name: value for name, value in entry.items() if name != "lacks"} | {"audience": "internal"}
        form.append({"number": _add(articles, text), "lacks": entry["lacks"]})
    near = []
    for entry in texts["expiring"]:
        first = ""
        for language in ("zh", "en"):
            if entry[f"{language}_title"]:
                text = _guide(entry, language) | {"valid_to": entry["valid_to"]}
                number = _add(articles, text, translation_of=first)
                near.append({"number": number, "valid_to": entry["valid_to"]})
                first = first or number
    for article in articles:
        article["owner"] = OWNERS.get(article["service"], "Workplace Support")
        article["review_at"] = rng.choice(["", "2026-06-30", "2026-12-31", "2027-03-31"])
    return {
        "duplicate_articles": pairs,
        "form": form,
        "valid_to_near": near,
        "item_gone": [index[gone["id"], language] for language in ("zh", "en")],
    }


def contingency(plans: list[dict[str, Any]]) -> list[Article]:
    """Return the contingency plans as articles, numbered apart from the knowledge base."""
    blank = dict.fromkeys(COLUMNS, "")
    return [
        blank
        | {name: plan[name] for name in ("title", "symptoms", "service", "language", "owner")}
        | {
            "number": f"KB{9000 + place:07d}",
            "resolution": f"{numbered(plan['steps'])}\n{plan['contact']}",
            "audience": "internal",
            "keywords": "contingency, 应急预案",
        }
        for place, plan in enumerate(plans, start=1)
    ]


def _add(articles: list[Article], article: Article, translation_of: str = "") -> str:
    number = f"KB{len(articles) + 1:07d}"
    blank = dict.fromkeys(COLUMNS, "")
    articles.append(blank | article | {"number": number, "translation_of": translation_of})
    return number


def _article(rng: Random, fault: dict[str, Any], language: str) -> Article:
    slots = {
        "since": "…",
        "n": 3,
        "floor": 6,
        "room": "6B-12",
        "dept": "…",
        "site": "…",
        "app": "…",
        "emp": "E1…",
        "ci": "…",
    }
    symptoms = [text.format(**slots) for text in fault[language]]
    return {
        "title": fault[f"{language}_title"],
        "symptoms": ("；" if language == "zh" else "; ").join(symptoms),
        "cause": fault[f"{language}_cause"] if rng.random() < 0.9 else "",
        "resolution": numbered(fault[f"{language}_steps"]),
        "service": fault["service"],
        "audience": "internal",
        "language": language,
        "keywords": ", ".join([fault["category"], fault["subcategory"], fault["id"].replace("-", " ")]),
        "valid_to": rng.choice(["", "", "2027-12-31", "2028-06-30"]),
    }


def _stale(rng: Random, fault: dict[str, Any], language: str) -> Article:
    """Return how the fault was dealt with before its cause was known."""
    old, steps = (
        ("（旧版）", "如仍有问题，请联系管理员。")
        if language == "zh"
        else (" (old procedure)", "If it persists call the administrator.")
    )
    return {
        "title": fault[f"{language}_title"] + old,
        "symptoms": fault[language][0].format_map(_Elided()),
        "resolution": numbered([fault[f"{language}_around"].format_map(_Elided()), steps]),
        "service": fault["service"],
        "audience": "internal",
        "language": language,
        "valid_to": rng.choice(["2025-03-31", "2025-09-30", "2026-02-28"]),
    }


def _self_service(fault: dict[str, Any], language: str) -> Article:
    question, desk = (
        ("自助：", "仍未解决请在自助门户提交工单，并附截图。")
        if language == "zh"
        else ("Help yourself: ", "If it is not solved, log an incident in the portal with a screenshot.")
    )
    return {
        "title": question + fault[language][0].format_map(_Elided()),
        "resolution": numbered([fault[f"{language}_steps"][0], fault[f"{language}_steps"][-1], desk]),
        "service": fault["service"],
        "audience": "self_service",
        "language": language,
    }


def _guide(guide: dict[str, Any], language: str) -> Article:
    return {
        "title": guide[f"{language}_title"],
        "resolution": numbered(guide[f"{language}_steps"]),
        "service": guide["service"],
        "audience": "self_service",
        "language": language,
    }


def numbered(steps: list[str]) -> str:
    """Return steps as a numbered list."""
    return "\n".join(f"{i}. {step}" for i, step in enumerate(steps, start=1))


class _Elided(dict[str, str]):
    """Slots of an article that speaks of no one incident."""

    def __missing__(self, name: str) -> str:
        return "…"
