"""A review as sections of paragraphs, tables and plots: what its page, document and console view show alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from diagnosis.review import Words, summary
from diagnosis.review.definitions import BY_NAME
from diagnosis.review.summary import action_title, unnamed
from training.reports.review.parts import Cell, Section, Table

Content = Mapping[str, Any]
_TONES = {"met": "good", "missed": "bad", "better": "good", "worse": "bad", "held": "good", "did not hold": "bad"} | {
    "enough": "good",
    "short": "bad",
}
EVIDENCE = 4  # numbers that are shown in a cell
TEAMS_BY_WEEK = 12  # sixty teams and their weeks would fill ten pages; the totals of all stand above
_HOURS = ("hours", "available", "fit")  # columns of the workload that only hours by record fill


def sections(content: Content, words: Words) -> list[Section]:
    """Return the parts of a review in reading order: the summary first, definitions and the data's basis last."""
    return [
        Section("summary", words("head", "summary"), summary(content, words)),
        _measures(content, words),
        _trends(content, words),
        _drivers(content, words),
        _problems(content, words),
        _proposals(content, words),
        _actions(content, words),
        _outcomes(content, words),
        _voice(content, words),
        _needs(content, words),
        _workload(content, words),
        _outages(content, words),
        _gaps(content, words),
        _breakdowns(content, words),
        _definitions(content, words),
        _basis(content, words),
    ]


def _trends(content: Content, words: Words) -> Section:
    drawn = any(len(measure["trend"]) > 1 for measure in content["measures"])
    text = words("text", "interval_note" if drawn else "no_trend")
    return Section("trends", words("head", "trends"), [text], plot="trends" if drawn else "")


def _measures(content: Content, words: Words) -> Section:
    names = ("measure", "value", "interval", "n", "target", "verdict", "previous", "changed", "year_before", "changed")
    rows = []
    for measure in content["measures"]:
        unit = measure["unit"]
        waiting = f" ({measure['n_open']:,} {words('column', 'n_open')})" if measure["n_open"] else ""
        rows.append(
            [
                Cell(words("measure", measure["name"]), link=f"definition-{measure['name']}"),
                Cell(words.value(unit, measure["value"])),
                Cell(words.interval(unit, measure["interval"])),
                Cell(f"{measure['n']:,}{waiting}" if measure["n"] else "–"),
                Cell(words.target(BY_NAME[measure["name"]], measure["target"])),
                _tone("verdict", measure["verdict"], words),
                *_compared(unit, measure["compared"], words),
                *_compared(unit, measure["year_before"], words),
            ]
        )
    table = Table(tuple(words("column", name) for name in names), rows, numeric=(1, 2, 3, 4, 6, 8))
    return Section("measures", words("head", "measures"), [], [table])


def _compared(unit: str, compared: Content | None, words: Words) -> list[Cell]:
    if compared is None:
        return [Cell("–"), Cell("–")]
    return [Cell(words.value(unit, compared["value"])), _tone("changed", compared["changed"], words)]


def _drivers(content: Content, words: Words) -> Section:
    rows = []
    for measure in content["measures"]:
        drivers, compared, unit = measure["drivers"], measure["compared"], measure["unit"]
        if not drivers or not drivers["decomposition"] or not compared or compared["difference"] is None:
            continue
        split = drivers["decomposition"]
        performance = words.value(unit, split["performance"], signed=True)
        interval = words.interval(unit, (split["lower"], split["upper"]), signed=True)
        rows.append(
            [
                Cell(words("measure", measure["name"])),
                Cell(words.value(unit, compared["difference"], signed=True)),
                Cell(words.value(unit, split["mix"], signed=True)),
                Cell(f"{performance} ({interval})"),
                Cell(_parts(drivers["problems"], unit, words)),
                Cell(_parts(drivers["groups"], unit, words)),
            ]
        )
    names = ("measure", "change", "mix", "performance", "problems", "groups")
    table = Table(tuple(words("column", name) for name in names), rows, numeric=(1, 2, 3))
    texts = [] if rows else [words("text", "nothing_moved")]
    return Section("drivers", words("head", "drivers"), texts, [table] if rows else [])


def _parts(parts: Sequence[Content], unit: str, words: Words) -> str:
    amounts = {part["name"]: words.value(unit, part["amount"], signed=True) for part in parts}
    shown = [f"{name} {amount}" for name, amount in amounts.items() if re.search("[1-9]", amount)]
    return words.joined(shown, "clauses") or "–"


def _problems(content: Content, words: Words) -> Section:
    rows = [
        [
            Cell(_fault(problem)),
            Cell(f"{problem['incidents']:,}"),
            _tone("trend", problem["trend"], words),
            Cell(f"{problem['expected_incidents']:,.1f} ({problem['interval'][0]:,}–{problem['interval'][1]:,})"),
            Cell("–" if problem["preventable_hours"] is None else f"{problem['preventable_hours']:,.1f}"),
            Cell(problem["known_fix"] or "–"),
        ]
        for problem in content["problems"]
    ]
    columns = [words("column", name) for name in ("fault", "incidents", "trend")]
    columns += [words("column", "expected", days=content["horizon_days"])]
    columns += [words("column", name) for name in ("preventable", "article")]
    return _table_section("problems", words, Table(tuple(columns), rows, numeric=(1, 3, 4)))


def _proposals(content: Content, words: Words) -> Section:
    rows = [
        [
            Cell(action_title(proposal, words)),
            Cell(effect(proposal, content, words)),
            Cell(words("measure", proposal["measure"])),
            Cell(_evidence(proposal["evidence"], words)),
            Cell(proposal["due"]),
        ]
        for proposal in content["proposals"]
    ]
    names = ("action", "why", "measure", "evidence", "due")
    return _table_section("proposals", words, Table(tuple(words("column", name) for name in names), rows))


def effect(proposal: Content, content: Content, words: Words) -> str:
    """Return what a proposed action should achieve, in words."""
    expected = proposal["expected_effect"]
    if expected.get("preventable_hours") is not None:
        hours = f"{expected['preventable_hours']:,.1f}"
        return words("effect", "preventable_hours", value=hours, days=content["horizon_days"])
    if "from" in expected:
        unit = "hours" if proposal["measure"] == "response" else "share"
        before, after = (words.value(unit, expected[name]) for name in ("from", "to"))
        return words("effect", "from_to", before=before, after=after, n=f"{expected['records']:,}")
    if "weeks_short" in expected:
        expected_hours, has = (f"{expected[name]:,.0f}" for name in ("hours", "has"))
        return words("effect", "weeks_short", n=expected["weeks_short"], hours=expected_hours, has=has)
    for name in ("incidents", "outages"):
        if name in expected:
            return words("effect", name, n=f"{expected[name]:,}")
    return "–"


def _evidence(evidence: Sequence[Content], words: Words) -> str:
    numbers = [item["number"] for item in evidence if "number" in item]
    if numbers:
        return ", ".join(numbers[:EVIDENCE]) + (" …" if len(numbers) > EVIDENCE else "")  # lines break after the space
    places = [
        f"{words('measure', item['measure'])}: {item.get('team') or item.get('service') or words('text', 'desk')}"
        for item in evidence
        if "measure" in item
    ]
    return words.joined(places) or "–"


def _actions(content: Content, words: Words) -> Section:
    rows = [
        [
            Cell(action["title"]),
            Cell(action["owner"] or "–"),
            Cell(action["due"] or "–"),
            _tone("status", action["status"], words),
            Cell(record_of(action)),
        ]
        for action in content["actions"]
    ]
    names = ("action", "owner", "due", "status", "record")
    table = Table(tuple(words("column", name) for name in names), rows)
    return _table_section("actions", words, table, empty="no_actions")


def record_of(action: Content) -> str:
    """Return the record that a connected system made of an action; reviews from before there were any have none."""
    record = action.get("record")
    return f"{record['system']} {record['number']}" if record else "–"


def _outcomes(content: Content, words: Words) -> Section:
    rows = [
        [
            Cell(outcome["title"]),
            Cell(words("measure", outcome["measure"])),
            Cell(_baseline(outcome, words)),
            Cell(_achieved(outcome, "before", words)),
            Cell(_achieved(outcome, "after", words)),
            Cell(_change_of(outcome, words)),
            _tone("outcome", outcome["verdict"], words),
            Cell(outcome["until"] or "–"),
        ]
        for outcome in content["outcomes"]
    ]
    names = ("action", "measure", "baseline", "before", "after", "change", "result", "until")
    table = Table(tuple(words("column", name) for name in names), rows)
    return _table_section("outcomes", words, table, empty="no_actions", note="outcomes")


def _baseline(outcome: Content, words: Words) -> str:
    """Return what an action is compared with; reviews from before it was kept do not say."""
    if "baseline" not in outcome:
        return "–"
    baseline = outcome["baseline"]
    if baseline is None:
        return words("baseline", "none")
    values = {"first": baseline["first_day"], "last": baseline["last_day"], "n": f"{baseline['n']:,}"}
    return words("baseline", baseline["code"], **values)


def _achieved(outcome: Content, name: str, words: Words) -> str:
    value = outcome[name]
    if outcome["unit"] == "episodes":
        return "–" if value is None else words("unit", "episodes", value=f"{value:.1f}")
    return words.value(outcome["unit"], value)


def _change_of(outcome: Content, words: Words) -> str:
    ratio = outcome["ratio"]
    if ratio and None not in ratio:
        return words(
            "unit", "times", interval=words("unit", "interval", lower=f"{ratio[0]:.2f}", upper=f"{ratio[1]:.2f}")
        )
    if outcome["interval"] is None:
        return "–"
    return words.interval(outcome["unit"], tuple(outcome["interval"]), signed=True)


def _voice(content: Content, words: Words) -> Section:
    voice = content["voice"]
    tables = [table for table in (_channels(voice, words), _topics(voice, words), *_quotes(voice, words)) if table.rows]
    texts = [] if tables else [words("text", "no_voice")]
    return Section("voice", words("head", "voice"), texts, tables, "channels" if voice["channels"] else "")


def _channels(voice: Content, words: Words) -> Table:
    rows = []
    for row in voice["channels"]:
        cells = [
            Cell(words("channel", row["channel"])),
            Cell(f"{row['n']:,}"),
            Cell(words.value("share", row["share"])),
        ]
        for name in ("previous", "year_before"):
            moved = row[name]
            cells += (
                [Cell("–"), Cell("–")]
                if moved is None
                else [
                    Cell(words.value("share", moved["share"])),
                    _tone("changed", moved["changed"], words),
                ]
            )
        for name, unit in (("response", "hours"), ("satisfaction", "share")):
            figure = row[name]
            cells.append(Cell("–" if figure is None else _with_interval(figure, unit, words)))
        rows.append(cells)
    names = ("channel", "n", "share", "previous", "changed", "year_before", "changed", "response", "satisfaction")
    columns = tuple(words("column", name) for name in names)
    return Table(columns, rows, numeric=(1, 2, 3, 5, 7, 8), caption=words("head", "channels"))


def _topics(voice: Content, words: Words) -> Table:
    rows = [
        [
            Cell(_topic(topic)),
            Cell(f"{topic['complaints']:,}"),
            Cell(f"{topic['unhappy']:,} / {topic['rated']:,}"),
            Cell(words.interval("share", topic["interval"])),
            Cell(_evidence([{"number": number} for number in topic["numbers"]], words)),
        ]
        for topic in voice["topics"]
    ]
    names = ("topic", "complaints", "unhappy", "interval", "evidence")
    columns = tuple(words("column", name) for name in names)
    return Table(columns, rows, numeric=(1, 2, 3), caption=words("head", "topics"))


def _topic(topic: Content) -> str:
    return " · ".join(filter(None, (topic["service"], topic["category"], topic.get("text"))))


def _quotes(voice: Content, words: Words) -> list[Table]:
    """Return what callers wrote of each topic, personal data masked."""
    rows = [
        [Cell(_topic(topic)), Cell(words("source", quote["source"])), Cell(quote["text"]), Cell(quote["number"])]
        for topic in voice["topics"]
        for quote in topic.get("quotes", ())
    ]
    columns = tuple(words("column", name) for name in ("topic", "source", "quote", "evidence"))
    return [Table(columns, rows, caption=words("head", "quotes"))]


def _needs(content: Content, words: Words) -> Section:
    rows = []
    for need in content["needs"]:
        unit = "hours" if need["kind"] in ("slow", "behind") else "share"
        rows.append(
            [
                Cell(need["team"]),
                Cell(need["topic"]),
                Cell(_kind_of_need(need, words)),
                Cell(_with_interval(need, unit, words)),
                Cell(words.value(unit, need["usual"])),
                Cell(f"{need['n']:,}"),
                Cell(_evidence([{"number": number} for number in need["numbers"]], words)),
            ]
        )
    names = ("team", "topic", "need", "value", "usual", "n", "evidence")
    table = Table(tuple(words("column", name) for name in names), rows, numeric=(3, 4, 5))
    texts = [words("text", "people"), *([] if rows else [words("text", "no_needs")])]
    if content["saved_hours"] is not None:
        texts.append(
            words("text", "saved", value=f"{content['saved_hours']:,.{1 if content['saved_hours'] < 10 else 0}f}")
        )
    return Section("needs", words("head", "needs"), texts, [table] if rows else [])


def _kind_of_need(need: Content, words: Words) -> str:
    if need.get("right_team"):
        return words("need", "overridden_to", team=need["right_team"])
    return words("need", need["kind"])


def _workload(content: Content, words: Words) -> Section:
    workload = content["workload"]
    if not workload:
        return Section("workload", words("head", "workload"), [words("text", "no_workload")])
    span = words("text", "workload", **{name: workload[name] for name in ("quarter", "first", "last")})
    texts = [span, *([] if workload["hours_per_record"] else [words("text", "no_hours")])]
    return Section("workload", words("head", "workload"), texts, [_teams(workload, words), _weeks(workload, words)])


def _teams(workload: Content, words: Words) -> Table:
    with_hours = bool(workload["hours_per_record"])
    rows = [
        [
            _team(team["team"], workload, words),
            Cell(f"{team['open_now']:,}"),
            *_demand(team, words, with_hours=with_hours),
            *([_weeks_short(team)] if with_hours else []),
        ]
        for team in workload["teams"]
    ]
    names = ("team", "open_now", "expected_records", *((*_HOURS, "weeks_short") if with_hours else ()))
    return Table(tuple(words("column", name) for name in names), rows, numeric=(1, 2, 3, 4, 6))


def _weeks_short(team: Content) -> Cell:
    return Cell("–" if not team["fit"] else f"{team['weeks_short']} / {len(team['weeks'])}")


def _weeks(workload: Content, words: Words) -> Table:
    with_hours = bool(workload["hours_per_record"])
    rows = [
        [
            _team(team["team"], workload, words),
            Cell(week["first"]),
            *_demand(week, words, with_hours=with_hours),
        ]
        for team in workload["teams"][:TEAMS_BY_WEEK]
        for week in team["weeks"]
    ]
    names = ("team", "week", "expected_records", *(_HOURS if with_hours else ()))
    columns = tuple(words("column", name) for name in names)
    is_all = len(workload["teams"]) <= TEAMS_BY_WEEK
    caption = words("head", "weeks") if is_all else words("head", "weeks_of", n=TEAMS_BY_WEEK)
    return Table(columns, rows, numeric=(2, 3, 4), caption=caption)


def _team(name: str, workload: Content, words: Words) -> Cell:
    """Return a team's name; beside other teams no name is what nobody was given, alone it is everything."""
    return Cell(name or words("text", "no_team" if len(workload["teams"]) > 1 else "desk"))


def _demand(figure: Content, words: Words, *, with_hours: bool) -> list[Cell]:
    """Return what is expected, and the hours that it takes beside those that there are where these are known."""
    lower, upper = figure["interval"]
    interval = words("unit", "interval", lower=f"{lower:,}", upper=f"{upper:,}")
    records = Cell(f"{figure['records']:,.0f} ({interval})")
    if not with_hours:
        return [records]
    hours = ["–" if figure[name] is None else f"{figure[name]:,.0f}" for name in ("hours", "available")]
    fit = Cell(words("fit", figure["fit"]), _TONES.get(figure["fit"], "")) if figure["fit"] else Cell("–")
    return [records, *map(Cell, hours), fit]


def _outages(content: Content, words: Words) -> Section:
    outages = content.get("outages")
    rows = [
        [
            Cell(_local(outage["since"], content["zone"])),
            Cell(outage["service"] or "–"),
            Cell(f"{outage['incidents']:,}"),
            _warned(outage["warned"], words),
            Cell(outage["change"] or "–"),
            Cell(_evidence([{"number": number} for number in outage["numbers"]], words)),
        ]
        for outage in outages or ()
    ]
    names = ("since", "service", "incidents", "warned", "likely_change", "evidence")
    table = Table(tuple(words("column", name) for name in names), rows, numeric=(2,))
    section = _table_section("outages", words, table, empty="not_watched" if outages is None else "no_outages")
    if first := content.get("outages_from"):
        section.paragraphs.insert(0, words("text", "outages_from", moment=_local(first, content["zone"])))
    return section


def _warned(warned: bool | None, words: Words) -> Cell:
    """Return whether an alert came before an outage; a dash where no monitoring sent alerts."""
    if warned is None:
        return Cell("–")
    return Cell(words("warned", "yes")) if warned else Cell(words("warned", "no"), "bad")


def _local(moment: str, zone: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def _gaps(content: Content, words: Words) -> Section:
    rows = [
        [
            Cell(gap["title"]),
            Cell(f"{gap['incidents']:,}"),
            Cell("–" if gap.get("hours_lost") is None else f"{gap['hours_lost']:,.1f}"),
            Cell(_evidence([{"number": number} for number in gap["numbers"]], words)),
        ]
        for gap in (content["gaps"] or ())
    ]
    table = Table(tuple(words("column", name) for name in ("fault", "incidents", "hours", "evidence")), rows, (1, 2))
    return _table_section("gaps", words, table, empty="not_judged" if content["gaps"] is None else "no_gaps")


def _breakdowns(content: Content, words: Words) -> Section:
    tables = []
    for measure in content["measures"]:
        for dimension, rows in measure["by"].items():
            if rows:
                tables.append(_breakdown(measure, dimension, rows, words))
    note = words("text", "together", fewest=content["settings"]["fewest"])
    return Section("breakdowns", words("head", "breakdowns"), [note], tables)


def _breakdown(measure: Content, dimension: str, rows: Iterable[Content], words: Words) -> Table:
    unit, cells = measure["unit"], []
    kind = {"type": "type", "contact_type": "channel"}.get(dimension)
    for row in rows:
        name = words(kind, row["name"]) if kind else row["name"]
        cells.append(
            [
                Cell(name),
                Cell(words.value(unit, row["value"])),
                Cell(words.interval(unit, row["interval"])),
                Cell(f"{row['n']:,}"),
                _tone("verdict", row["verdict"], words),
                *_compared(unit, row["previous"], words),
            ]
        )
    names = ("value", "interval", "n", "verdict", "previous", "changed")
    columns = (words("dimension", dimension), *(words("column", name) for name in names))
    caption = f"{words('measure', measure['name'])}: {words('dimension', dimension)}"
    return Table(columns, cells, numeric=(1, 2, 3, 5), caption=caption)


def _definitions(content: Content, words: Words) -> Section:
    settings = content["settings"]
    fields = words.joined([words("field", name) for name in content["signature"]]) or "–"
    values: Mapping[str, Mapping[str, object]] = {
        "recurrence": {"signature": fields, "days": f"{settings['recurrence_days']:g}"},
        "closure": {"days": f"{settings['closure_days']:g}"},
        "satisfaction": {"satisfied": settings["satisfied"]},
    }
    rows = [
        [Cell(words("measure", name)), Cell(words("definition", name, **values.get(name, {})))]
        for name in (measure["name"] for measure in content["measures"])
    ]
    table = Table((words("column", "measure"), words("column", "definition")), rows)
    return Section("definitions", words("head", "definitions"), [], [table, *_rules(content, words)])


def _rules(content: Content, words: Words) -> list[Table]:
    """Return the service levels that the clocks were counted by; none in a review that says nothing of them."""
    rows = [
        [
            Cell(_of_rule(rule, words)),
            *(Cell(words.value("hours", rule.get(name))) for name in ("response_hours", "restoration_hours")),
            Cell(_calendar(rule["calendar"], words)),
        ]
        for rule in content.get("rules", ())
    ]
    names = ("promised_to", "response_clock", "restoration_clock", "calendar")
    columns = tuple(words("column", name) for name in names)
    return [Table(columns, rows, numeric=(1, 2), caption=words("head", "rules"))] if rows else []


def _of_rule(rule: Content, words: Words) -> str:
    parts = []
    for name in ("type", "priority", "service", "assignment_group"):
        values = [words("type", value) if name == "type" else value for value in rule.get(name, ())]
        if values:
            text = words.joined(values)
            parts.append(text if name == "type" else f"{words('dimension', name)} {text}")
    return words.joined(parts) or words("text", "every_record")


def _calendar(calendar: Any, words: Words) -> str:  # noqa: ANN401 - as settings write it
    if not isinstance(calendar, Mapping):
        return words("text", "round_the_clock")
    days = words.joined([words("weekday", day) for day in calendar["days"]])
    hours = f"{days} {calendar['from']}–{calendar['to']}, {calendar['zone']}"
    country = calendar.get("holidays")
    return f"{hours}, {words('text', 'holidays', country=country)}" if country else hours


def _basis(content: Content, words: Words) -> Section:
    left_out = content["records"]["left_out"].items()
    texts = [words("text", "left_out", count=f"{n:,}", reason=words("reason", reason)) for reason, n in left_out]
    texts += [_missing(m["name"], content, words) for m in content["measures"] if m["verdict"] == "not recorded"]
    texts.append(words("text", "hash", hash=content["data_hash"]))
    return Section("basis", words("head", "basis"), texts)


def _missing(name: str, content: Content, words: Words) -> str:
    """Return why a measure is not recorded."""
    definition = BY_NAME[name]
    if definition.source != "records":
        reason = words("missing", definition.source)
    elif definition.type and definition.type not in content["records"]["types"]:
        reason = words("missing", "type", type=words("type", definition.type))
    else:
        reason = words("missing", "records", column=words("field", definition.columns[0]))
    return words("text", "missing", name=words("measure", name), reason=reason)


def _table_section(key: str, words: Words, table: Table, empty: str = "none", note: str = "") -> Section:
    code = note if table.rows else empty
    texts = [words("text", code)] if code else []
    return Section(key, words("head", key), texts, [table] if table.rows else [])


def _with_interval(figure: Content, unit: str, words: Words) -> str:
    value = words.value(unit, figure["value"])
    return f"{value} ({words.interval(unit, figure['interval'])})"


def _fault(problem: Content) -> str:
    values = unnamed(problem)
    return f"{problem['title']} ({values})" if values else str(problem["title"])


def _tone(kind: str, code: str, words: Words) -> Cell:
    return Cell(words(kind, code), _TONES.get(code, ""))
