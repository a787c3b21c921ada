"""Clocks of open incidents over HTTP, and their events: once each, also across restarts."""

from datetime import datetime, timedelta

import pytest

from api.settings import Settings
from diagnosis.times import format_utc, utc_now
from tests.serving import Serving
from tests.waiting import soon


@pytest.fixture
def settings(models, tmp_path):
    rules = tmp_path / "levels.toml"
    rules.write_text("[[service_levels.rules]]\nresponse_hours = 2\nrestoration_hours = 4\n", encoding="utf-8")
    return Settings(
        database=f"sqlite:///{tmp_path / 'f.db'}",
        models=models,
        service_levels=rules,
        service_level_seconds=3600,
        allow_private_addresses=True,
    )


def row(number, hours, **fields):
    opened = utc_now() - timedelta(hours=hours)
    return {"number": number, "short_description": "VPN drops", "opened_at": format_utc(opened), **fields}


def events(service):
    """Return what subscribers are owed of clocks, by event and incident."""
    import sqlalchemy as sa

    from diagnosis.store import tables

    with service.store.database.read() as connection:
        bodies = connection.execute(sa.select(tables.outbox.c.body)).scalars().all()
    return sorted(
        (body["type"], body["data"]["incident"], body["data"]["clock"])
        for body in bodies
        if body["type"].startswith("service_level")
    )


def test_what_is_late_and_what_runs_is_listed(settings) -> None:
    with Serving(settings) as client:
        answered = format_utc(utc_now() - timedelta(hours=4))
        rows = [
            row("LATE", 5, responded_at=answered),
            row("FRESH", 0.1),
            row("HELD", 3, state="On Hold"),
            row("DONE", 9, resolved_at=answered),
        ]
        assert client.post("/v1/incidents", json=rows).json()["stored"] == 4
        client.app.state.service.service_levels.watch()
        body = client.get("/v1/service-levels").json()
        late = next(item for item in body["items"] if item["number"] == "LATE")
        assert (late["clock"], late["standing"], late["probability_missed"]) == ("restoration", "missed", 1.0)
        assert late["hours_left"] == pytest.approx(-1, abs=0.1)
        assert 0 < late["hours"]["p50"] <= late["hours"]["p80"]
        paused = client.get("/v1/service-levels", params={"standing": "paused"}).json()["items"]
        assert {item["number"] for item in paused} == {"HELD"}
        assert [item["hours"] for item in paused] == [None] * len(paused)
        everything = client.get("/v1/service-levels", params={"standing": ["running", "at_risk"]}).json()["items"]
        assert {item["clock"] for item in everything if item["number"] == "FRESH"} == {"response", "restoration"}
        assert "DONE" not in str(client.get("/v1/service-levels", params={"standing": ["missed", "running"]}).json())


def test_what_to_take_first_is_named_with_its_clock_and_gain_and_what_is_promised(settings) -> None:
    with Serving(settings) as client:
        answered = format_utc(utc_now() - timedelta(minutes=5))
        rows = [row(f"RUNS-{hours}", hours, responded_at=answered) for hours in (0.2, 1, 2, 3.5)]
        client.post("/v1/incidents", json=rows)
        client.app.state.service.service_levels.watch()
        body = client.get("/v1/service-levels", params={"standing": ["running", "at_risk"]}).json()
        first = max(body["items"], key=lambda item: item["gain"])
        assert first["gain"] > 0
        named = {name: body[f"take_first{name}"] for name in ("", "_clock", "_gain")}
        assert named == {"": first["number"], "_clock": first["clock"], "_gain": first["gain"]}
        assert body["rules"] == ["everything: response 2 h, restoration 4 h"]
        resolved = [{**rows[0], "resolved_at": format_utc(utc_now() - timedelta(minutes=1))}]
        for changes in ({}, {"reopened_at": format_utc(utc_now())}):  # resolved, reopened, and resolved once more
            client.post("/v1/incidents", json=[{**resolved[0], **changes}])
            client.app.state.service.service_levels.watch()
            listed = client.get("/v1/service-levels", params={"standing": ["running", "at_risk"]}).json()["items"]
            assert ("RUNS-0.2" in {item["number"] for item in listed}) == bool(changes)
        again = {"reopened_at": format_utc(utc_now() - timedelta(seconds=30)), "resolved_at": format_utc(utc_now())}
        client.post("/v1/incidents", json=[{**rows[0], **again}])
        client.app.state.service.service_levels.watch()
        assert "RUNS-0.2" not in client.get("/v1/service-levels", params={"standing": ["running", "at_risk"]}).text


def test_each_clock_is_announced_once_also_after_a_restart(settings) -> None:
    with Serving(settings) as client:
        hook = {"url": "http://127.0.0.1:9/hook", "events": ["service_level.missed", "service_level.at_risk"]}
        assert client.post("/v1/subscriptions", json=hook).status_code == 201
        client.post("/v1/incidents", json=[row("LATE", 5), row("LONG-AGO", 100)])
        service = client.app.state.service
        service.service_levels.watch()
        service.service_levels.watch()
        first = [event for event in events(service) if event[0] == "service_level.missed"]
        assert first == [
            ("service_level.missed", "LATE", "response"),
            ("service_level.missed", "LATE", "restoration"),
        ]  # what was missed long ago is no news
    with Serving(settings) as client:
        client.app.state.service.service_levels.watch()
        again = [event for event in events(client.app.state.service) if event[0] == "service_level.missed"]
        assert again == first


def test_a_clock_that_was_missed_stays_missed_while_its_incident_is_on_hold(settings) -> None:
    with Serving(settings) as client:
        service = client.app.state.service.service_levels
        answered = format_utc(utc_now() - timedelta(hours=5))
        rows = [row("LATE", 5, responded_at=answered), row("HELD", 5, responded_at=answered, state="On Hold")]
        client.post("/v1/incidents", json=rows)
        service.watch()
        client.post("/v1/incidents", json={**rows[0], "state": "On Hold"})
        service.watch()
        standing = {clock.number: (clock.standing, clock.probability_missed) for clock in service.reading().clocks}
        assert standing == {"LATE": ("missed", 1.0), "HELD": ("paused", None)}
        assert [clock.standing for clock in service.of("LATE")] == ["missed"]
        listed = client.get("/v1/service-levels").json()
        assert [item["number"] for item in listed["items"]] == ["LATE"]
        # What is known of its hold by now moves its due time.
        client.post("/v1/incidents", json={**rows[0], "state": "On Hold", "on_hold_minutes": 120})
        assert [clock.standing for clock in service.of("LATE")] == ["paused"]


def test_rules_that_cannot_be_read_stop_the_start(settings, tmp_path) -> None:
    from diagnosis.errors import InputError

    with (
        pytest.raises(InputError, match="not a readable TOML file"),
        Serving(settings.model_copy(update={"service_levels": tmp_path / "none.toml"})),
    ):
        pass


def test_a_diagnosis_has_due_times_and_how_long_such_incidents_take(client) -> None:
    answer = client.post("/v1/diagnoses", json=row("INC-CLOCK-1", 0, priority="1 - Critical"))
    levels = answer.json()["service_levels"]
    assert levels["restoration"]["due_at"] is not None
    assert 0 <= levels["restoration"]["probability_missed"] <= 1
    assert levels["restoration"]["hours"]["p50"] <= levels["restoration"]["hours"]["p80"]


def test_the_rules_of_the_settings_hold_behind_every_door(settings) -> None:
    rules = "[[service_levels.rules]]\nresponse_hours = 7\nrestoration_hours = 70\n"
    settings.service_levels.write_text(rules, encoding="utf-8")
    with Serving(settings) as client:
        incident = row("INC-OWN-1", 0, priority="1 - Critical")
        levels = client.post("/v1/diagnoses", json=incident).json()["service_levels"]
        opened = datetime.fromisoformat(incident["opened_at"])
        hours = {
            name: (datetime.fromisoformat(clock["due_at"]) - opened) / timedelta(hours=1)
            for name, clock in levels.items()
        }
        assert hours == {"response": 7, "restoration": 70}
        service = client.app.state.service
        assert [rule.hours for rule in service.reviews.find_rules().rules] == [hours]
        client.post("/v1/incidents", json=incident)
        service.service_levels.watch()
        listed = client.get("/v1/service-levels", params={"standing": ["running", "at_risk"]}).json()["items"]
        of_queue = {item["clock"]: item["due_at"][:19] for item in listed if item["number"] == "INC-OWN-1"}
        assert of_queue == {name: clock["due_at"][:19] for name, clock in levels.items()}


def test_a_deleted_incident_waits_in_no_queue(settings) -> None:
    with Serving(settings) as client:
        client.post("/v1/incidents", json=row("GONE", 1))
        service = client.app.state.service
        waits = service.serving.current.diagnoser.parts.service_levels.waits_
        assert soon(lambda: all("GONE" in wait.history_.open for wait in waits.values()))
        assert client.delete("/v1/incidents/GONE").status_code in (200, 204)
        assert soon(lambda: not any("GONE" in wait.history_.open for wait in waits.values()))


def test_a_rule_that_fits_no_incident_is_warned_of_in_the_log(settings, caplog) -> None:
    rules = (
        '[[service_levels.rules]]\nservice = "Fax"\nresponse_hours = 1\n[[service_levels.rules]]\nresponse_hours = 2\n'
    )
    settings.service_levels.write_text(rules, encoding="utf-8")
    with Serving(settings):
        warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert any("rule 1 (service Fax: response 1 h) fits no incident" in words for words in warnings)
        assert not any("rule 2" in words for words in warnings)


def test_a_table_without_rules_promises_what_the_history_allows(settings) -> None:
    settings.service_levels.write_text("[service_levels]\nat_risk = 0.7\n", encoding="utf-8")
    with Serving(settings) as client:
        rules = client.app.state.service.service_levels.rules()
        assert rules.at_risk == 0.7
        assert rules.rules[0].conditions == {"type": ("incident",)}  # none of the history is critical
        assert rules.rules[0].hours == {"response": 2, "restoration": 4}


def test_without_a_release_restoration_is_promised_to_each_where_none_is_critical(settings, tmp_path) -> None:
    nothing = settings.model_copy(update={"models": tmp_path / "none", "service_levels": None})
    with Serving(nothing) as client:
        client.post("/v1/incidents", json=[row("PLAIN", 5, priority="3")])
        service = client.app.state.service.service_levels
        service.watch()
        assert {clock.clock: clock.standing for clock in service.reading().clocks} == {
            "response": "missed",
            "restoration": "missed",
        }


def test_without_a_release_what_is_promised_does_not_change_with_who_waits(settings, tmp_path) -> None:
    nothing = settings.model_copy(update={"models": tmp_path / "none", "service_levels": None})
    with Serving(nothing) as client:
        critical = row("CRITICAL", 9, priority="1 - Critical")
        client.post("/v1/incidents", json=[row("PLAIN", 5, priority="3"), critical])
        service = client.app.state.service.service_levels
        service.watch()
        assert {clock.clock for clock in service.of("PLAIN")} == {"response"}  # restoration is for what is critical
        resolved = {**critical, "resolved_at": format_utc(utc_now())}
        client.post("/v1/incidents", json=resolved)
        service.watch()
        assert {clock.clock for clock in service.of("PLAIN")} == {"response"}


def sign_in_after_a_reading(client) -> None:
    client.app.state.service.service_levels.watch()
    _, key = client.app.state.service.store.keys.create("agent", ("diagnose", "feedback"))
    client.post("/console/sign-in", data={"key": key})


@pytest.fixture
def queue(settings):
    """Six diagnosed incidents: one missed for days, one for an hour, two that run, one that waits, one that ended."""
    with Serving(settings) as client:
        answered = format_utc(utc_now() - timedelta(minutes=5))
        for incident in (
            row("FRESH", 0.1, responded_at=answered),
            row("LONG-AGO", 90, responded_at=answered),
            row("LATE", 5, responded_at=answered),
            row("HELD", 1, state="On Hold", responded_at=answered),
            row("SOON", 3.9, responded_at=answered),
            row("DONE", 3, resolved_at=answered),
        ):
            assert client.post("/v1/diagnoses", json=incident).status_code == 200
            assert client.post("/v1/incidents", json=incident).status_code == 200
        sign_in_after_a_reading(client)
        yield client


def shown(client, **query):
    import re

    return re.findall(r'<bdi class="muted">([A-Z-]+)</bdi>', client.get("/", params=query).text)


def test_the_queue_begins_with_what_is_most_urgent(queue) -> None:
    order = shown(queue)
    assert set(order) == {"FRESH", "LONG-AGO", "LATE", "HELD", "SOON", "DONE"}
    assert order[-2:] == ["LONG-AGO", "DONE"], "what was missed long ago fills no first page"
    assert order.index("LATE") < order.index("HELD")
    assert order.index("SOON") < order.index("HELD")
    assert shown(queue, order="newest") == ["DONE", "SOON", "HELD", "LATE", "LONG-AGO", "FRESH"]
    assert shown(queue, order="oldest")[0] == "FRESH"


def test_what_was_reopened_is_open_in_the_queue_and_what_was_closed_is_not(queue) -> None:
    ended = format_utc(utc_now() - timedelta(hours=5))
    times = {"resolved_at": ended, "reopened_at": format_utc(utc_now() - timedelta(hours=3))}
    for incident in (row("AGAIN", 6, **times), row("CLOSED", 6, closed_at=ended)):
        assert queue.post("/v1/incidents", json=incident).json()["stored"] == 1
        assert queue.post("/v1/diagnoses", json=incident).status_code == 200
    assert set(shown(queue, state="resolved")) == {"DONE", "CLOSED"}
    assert "AGAIN" in shown(queue, state="open")


def test_what_to_take_first_leads_the_queue_also_while_it_is_not_at_risk() -> None:
    from api.console.clocks import ShownClock, urgency

    at_risk = ShownClock("restoration", "at_risk", "2026-11-27T12:00:00Z", 0.2, 0.97, 0.05)
    running = ShownClock("response", "running", "2026-11-27T14:00:00Z", 2.0, 0.45, 0.4, first=True)
    missed = ShownClock("restoration", "missed", "2026-11-27T10:00:00Z", -1.0, 1.0, 0.0)
    assert sorted([missed, at_risk, running], key=urgency) == [running, at_risk, missed]


def test_the_next_open_incident_is_the_next_of_the_queue(queue) -> None:
    order = [number for number in shown(queue) if number != "DONE"]
    page = queue.get("/console/next")
    for number in [*order[:1], *order[1:], order[0]]:
        assert f"<bdi>{number}</bdi>" in page.text
        page = queue.get("/console/next", params={"after": page.url.path.rsplit("/", 1)[1]})


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("missed", " late", "on hold", "left")), ("zh", ("已超时", "已超", "暂停", "剩"))]
)
def test_queue_and_page_say_how_much_time_is_left(queue, language, words) -> None:
    html = queue.get("/", headers={"Accept-Language": language}).text
    assert all(word in html for word in words)
    newest = queue.get("/v1/diagnoses", params={"incident": "LATE"}).json()["items"][0]["id"]
    page = queue.get(f"/console/diagnoses/{newest}", headers={"Accept-Language": language}).text
    assert 'class="card clocks"' in page
    assert words[0] in page
    assert ("as long half end within" if language == "en" else "从现在起半数在") in page


def test_an_incident_that_came_since_the_last_reading_has_its_clock(queue) -> None:
    incident = row("NEW", 0)
    queue.post("/v1/incidents", json=incident)
    queue.post("/v1/diagnoses", json=incident)
    html = queue.get("/", params={"state": "open", "order": "newest"}).text
    first = html[html.index("<tbody>") : html.index("</tr>", html.index("<tbody>"))]
    assert ">NEW<" in first
    assert "left</span>" in first


def send(client, *incidents) -> None:
    """Store incidents and have them diagnosed, after the clocks were last read."""
    for incident in incidents:
        assert client.post("/v1/incidents", json=incident).json()["stored"] == 1
        assert client.post("/v1/diagnoses", json=incident).status_code == 200


def page_of(client, number) -> str:
    newest = client.get("/v1/diagnoses", params={"incident": number}).json()["items"][0]["id"]
    return client.get(f"/console/diagnoses/{newest}").text


def test_what_is_closed_without_a_time_has_no_clock_and_stands_behind_what_runs(queue) -> None:
    send(queue, row("SHUT", 5, state="Closed"))
    assert shown(queue).index("SHUT") > shown(queue).index("HELD")
    assert 'class="card clocks"' not in page_of(queue, "SHUT")
    queue.app.state.service.service_levels.watch()
    assert shown(queue).index("SHUT") > shown(queue).index("HELD")


def test_what_is_on_hold_since_the_last_reading_is_paused(queue) -> None:
    send(queue, row("WAITS", 5, state="Waiting for customer"))
    assert "on hold" in page_of(queue, "WAITS")
    assert shown(queue).index("WAITS") > shown(queue).index("SOON")


def test_what_came_since_the_last_reading_is_at_risk_where_it_is(settings) -> None:
    rules = "[service_levels]\nat_risk = 0.0001\n[[service_levels.rules]]\nrestoration_hours = 4\n"
    settings.service_levels.write_text(rules, encoding="utf-8")
    with Serving(settings) as client:
        sign_in_after_a_reading(client)
        send(client, row("NEW", 1))
        assert "at risk" in client.get("/").text
        assert "at risk" in page_of(client, "NEW")


def test_the_hours_left_of_what_came_since_the_last_reading_are_those_of_its_calendar(settings) -> None:
    calendar = (
        '{ zone = "UTC", days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], from = "09:00", to = "11:00" }'
    )
    rules = f"[[service_levels.rules]]\nrestoration_hours = 20\ncalendar = {calendar}\n"
    settings.service_levels.write_text(rules, encoding="utf-8")
    with Serving(settings) as client:
        sign_in_after_a_reading(client)
        send(client, row("NEW", 0.01))
        for html in (client.get("/").text, page_of(client, "NEW")):
            assert "20.0 h left" in html or "19.9 h left" in html


def test_what_is_at_risk_is_in_the_queue_however_long_ago_it_was_diagnosed(queue, monkeypatch) -> None:
    from api.console import queue as console_queue

    service = queue.app.state.service
    clocks = [c for c in service.service_levels.reading().clocks if c.standing == "at_risk"]
    assert clocks, "the incident with minutes left is at risk"
    monkeypatch.setattr(console_queue, "WINDOW", 1)
    assert {c.number for c in clocks} <= set(shown(queue))


def test_a_deployment_without_any_date_has_no_clocks_and_a_queue_all_the_same(settings) -> None:
    with Serving(settings) as client:
        undated = {"number": "UNDATED", "short_description": "VPN drops"}
        client.post("/v1/incidents", json=undated)
        client.post("/v1/diagnoses", json=undated)
        client.app.state.service.service_levels.watch()
        body = client.get("/v1/service-levels", params={"standing": ["running", "at_risk", "missed", "paused"]}).json()
        assert (body["items"], body["take_first"]) == ([], None)
        assert events(client.app.state.service) == []
        _, key = client.app.state.service.store.keys.create("agent", ("diagnose", "feedback"))
        client.post("/console/sign-in", data={"key": key})
        assert shown(client) == ["UNDATED"]
