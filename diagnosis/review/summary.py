"""The summary of a review: a page of sentences that a manager would sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from diagnosis.review.definitions import BY_NAME
from diagnosis.review.wording import Words

Content = Mapping[str, Any]
MOST_CHANGES = 5
LEAST_MOVE = 0.01  # of a channel's share: less is no sentence, however sure


def summary(content: Content, words: Words) -> list[str]:
    """Return the sentences of a review's first page.

    Parameters
    ----------
    content : mapping
        A review as `diagnosis.review.review.review_quarter` returns it.
    """
    sentences = [_volume(content, words)]
    if not content["complete"]:
        sentences.append(words("sentence", "running", as_of=content["as_of"][:10]))
    sentences += _verdicts(content, words)
    sentences += _changes(content, words)
    sentences += _channels(content, words)
    sentences += _topic(content, words)
    sentences += _problem(content, words)
    sentences += _actions(content, words)
    return sentences


def figure(measure: Content, words: Words) -> str:
    """Return a measure with its interval and target, as a clause."""
    if measure["value"] is None:
        counts = {name: f"{measure[name]:,}" for name in ("n", "n_open")}
        code = "unwatched" if measure["n"] else "no_record"
        return words("sentence", code, name=words("measure", measure["name"]), **counts)
    return words(
        "sentence",
        "figure",
        name=words("measure", measure["name"]),
        value=words.value(measure["unit"], measure["value"]),
        interval=words.interval(measure["unit"], measure["interval"]),
        target=words.target(BY_NAME[measure["name"]], measure["target"]),
    )


def _volume(content: Content, words: Words) -> str:
    counts = content["records"]
    return words(
        "sentence",
        "volume" if counts["previous"] else "volume_alone",
        **{name: f"{counts['types'].get(name, 0):,}" for name in ("incident", "request", "complaint")},
        first=content["first_day"],
        last=content["last_day"],
        before=f"{counts['previous']:,}",
        now=f"{counts['quarter']:,}",
    )


def _verdicts(content: Content, words: Words) -> list[str]:
    sentences = []
    for verdict, code in (("missed", "missed"), ("met", "met"), ("too few", "too_few")):
        of_verdict = [measure for measure in content["measures"] if measure["verdict"] == verdict]
        if of_verdict:
            figures = words.joined([figure(measure, words) for measure in of_verdict], "clauses")
            sentences.append(words("sentence", code, figures=figures))
    missing = [words("measure", m["name"]) for m in content["measures"] if m["verdict"] == "not recorded"]
    if missing:
        sentences.append(words("sentence", "not_recorded", names=words.joined(missing)))
    return sentences


def _changes(content: Content, words: Words) -> list[str]:
    previous = content["previous_quarter"]
    if not content["records"]["previous"]:
        return [words("sentence", "no_previous", quarter=previous)]
    space = " " if words.language == "en" else ""
    sentences = [
        space.join(_change(measure, measure["compared"], words))
        for verdict in ("worse", "better")  # what got worse is never what there was no room for
        for measure in content["measures"]
        if measure["compared"] is not None and measure["compared"]["changed"] == verdict
    ]
    more = len(sentences) - MOST_CHANGES
    rest = [words("sentence", "more_changes", count=f"{more:,}")] if more > 0 else []
    return [*sentences[:MOST_CHANGES], *rest] or [words("sentence", "unchanged", quarter=previous)]


def _change(measure: Content, compared: Content, words: Words) -> list[str]:
    unit = measure["unit"]
    parts = [
        words(
            "sentence",
            compared["changed"],
            name=words("measure", measure["name"]),
            quarter=compared["quarter"],
            value=words.value(unit, measure["value"]),
            before=words.value(unit, compared["value"]),
            difference=words.value(unit, compared["difference"], signed=True),
            interval=words.interval(unit, compared["difference_interval"], signed=True),
        )
    ]
    drivers = measure["drivers"]
    if drivers and drivers["decomposition"]:
        split = drivers["decomposition"]
        mix, performance = (words.value(unit, split[name], signed=True) for name in ("mix", "performance"))
        parts.append(words("sentence", "parts", mix=mix, performance=performance))
    groups = [group for group in (drivers or {}).get("groups", []) if group["value_after"] is not None]
    same = [group for group in groups if group["amount"] * compared["difference"] > 0]
    if same:
        parts.append(
            words(
                "sentence",
                "group" if same[0]["n_before"] else "group_alone",
                group=same[0]["name"],
                value=words.value(unit, same[0]["value_after"]),
                before=words.value(unit, same[0]["value_before"]),
                n=f"{same[0]['n_after']:,}",
                n_before=f"{same[0]['n_before']:,}",
            )
        )
    return parts


def _channels(content: Content, words: Words) -> list[str]:
    for compared, quarter in (("previous", content["previous_quarter"]), ("year_before", content["year_before"])):
        moved = [
            row
            for row in content["voice"]["channels"]
            if row[compared] and row[compared]["changed"] == "moved" and abs(row[compared]["difference"]) >= LEAST_MOVE
        ]
        if moved:
            largest = sorted(moved, key=lambda row: -abs(row[compared]["difference"]))[:2]
            return [_channel(row, row[compared]["share"], quarter, words) for row in largest]
    return []


def _channel(row: Content, before: float, quarter: str, words: Words) -> str:
    return words(
        "sentence",
        "channel",
        channel=words("channel", row["channel"]),
        before=words.value("share", before),
        value=words.value("share", row["share"]),
        quarter=quarter,
    )


def _topic(content: Content, words: Words) -> list[str]:
    topics = content["voice"]["topics"]
    if not topics or not (topics[0]["complaints"] or topics[0]["unhappy"]):
        return []
    name = " · ".join(filter(None, (topics[0]["service"], topics[0]["category"], topics[0].get("text"))))
    counts = {key: f"{topics[0][key]:,}" for key in ("complaints", "unhappy", "rated")}
    return [words("sentence", "topic", topic=name, **counts)]


def _problem(content: Content, words: Words) -> list[str]:
    if not content["problems"]:
        return []
    problem = content["problems"][0]
    values = unnamed(problem)
    return [
        words(
            "sentence",
            "problem",
            fault=words("unit", "fault" if values else "fault_alone", title=problem["title"], values=values),
            incidents=f"{problem['incidents']:,}",
            expected=f"{problem['expected_incidents']:,.0f}",
            lower=f"{problem['interval'][0]:,}",
            upper=f"{problem['interval'][1]:,}",
            days=content["horizon_days"],
        )
    ]


def unnamed(problem: Content) -> str:
    """Return what a fault is known by, without what its title says already."""
    title = problem["title"].casefold()
    return " · ".join(value for value in problem["signature"].values() if value and value.casefold() not in title)


def _actions(content: Content, words: Words) -> list[str]:
    sentences = []
    outcomes = content["outcomes"]
    if outcomes:
        counts = Counter(entry["verdict"] for entry in outcomes)
        values = {"held": counts["held"], "not_held": counts["did not hold"], "open": counts["cannot tell yet"]}
        sentences.append(words("sentence", "outcomes", **values, unclear=len(outcomes) - sum(values.values())))
    proposed = [entry for entry in content["proposals"] if not entry.get("decision")]  # what was decided is no proposal
    if proposed:
        first = action_title(proposed[0], words)
        sentences.append(words("sentence", "actions", count=len(proposed), first=first))
    return sentences


def action_title(proposal: Content, words: Words) -> str:
    """Return what a proposed action says is to be done."""
    values = dict(proposal["values"])
    if "measure" in values:
        values["measure"] = words("measure", values["measure"])
    if values.get("team") == "":
        values["team"] = words("text", "desk")
    title = words("action", proposal["code"], **values)
    return title[:1].upper() + title[1:]
