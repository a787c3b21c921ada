"""Two replicas over one PostgreSQL watch the same clocks: each event goes out once, whoever sees it first."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from api.settings import Settings
from diagnosis.times import format_utc, utc_now
from tests.api.service_levels.test_service_levels import events, row
from tests.serving import Serving
from tests.waiting import soon

RULES = """[service_levels]
at_risk = 0.001
[[service_levels.rules]]
assignment_group = "Night Shift"
restoration_hours = 1
[[service_levels.rules]]
restoration_hours = 4
"""
HOOK = {"url": "http://127.0.0.1:9/hook", "events": ["service_level.missed", "service_level.at_risk"]}


@pytest.fixture
def replicas(postgres_url, models, tmp_path):
    rules = tmp_path / "levels.toml"
    rules.write_text(RULES, encoding="utf-8")
    settings = Settings(
        database=postgres_url,
        models=models,
        service_levels=rules,
        service_level_seconds=3600,
        allow_private_addresses=True,
    )
    with Serving(settings) as one, Serving(settings) as other:
        assert one.post("/v1/subscriptions", json=HOOK).status_code == 201
        yield one, other


def watch_together(*clients) -> None:
    """Let every replica read the clocks at the same time, twice."""
    services = [client.app.state.service.service_levels for client in clients]
    with ThreadPoolExecutor(4) as threads:
        for turn in [threads.submit(service.watch) for service in services * 2]:
            turn.result()


def test_each_event_goes_out_once_as_time_passes_and_upon_reassignment(replicas) -> None:
    one, other = replicas
    incidents = [row(f"R{i}", 2, assignment_group="Day Shift") for i in range(20)]
    one.post("/v1/incidents", json=incidents)
    watch_together(one, other)
    at_risk = [("service_level.at_risk", f"R{i}", "restoration") for i in range(20)]
    assert sorted(events(one.app.state.service)) == sorted(at_risk)

    # Time passes for one, and another goes to a group that was promised less: both are missed now.
    opened = format_utc(utc_now() - timedelta(hours=5))
    other.post("/v1/incidents", json=[{**incidents[0], "opened_at": opened}])
    one.post("/v1/incidents", json=[{**incidents[1], "assignment_group": "Night Shift"}])
    watch_together(one, other)
    missed = [("service_level.missed", f"R{i}", "restoration") for i in range(2)]
    assert sorted(events(other.app.state.service)) == sorted([*at_risk, *missed])

    # It goes back and comes again, and both look once more: nothing is said twice.
    for group in ("Day Shift", "Night Shift"):
        other.post("/v1/incidents", json=[{**incidents[1], "assignment_group": group}])
        watch_together(one, other)
    assert sorted(events(other.app.state.service)) == sorted([*at_risk, *missed])


def test_a_reassignment_on_one_replica_moves_the_due_time_on_the_other(replicas) -> None:
    one, other = replicas
    incident = row("MOVED", 0.5, assignment_group="Day Shift")
    one.post("/v1/incidents", json=[incident])

    def hours_left() -> float:
        (clock,) = other.app.state.service.service_levels.of("MOVED")
        return clock.hours_left

    assert hours_left() == pytest.approx(3.5, abs=0.1)
    one.post("/v1/incidents", json=[{**incident, "assignment_group": "Night Shift"}])
    assert hours_left() == pytest.approx(0.5, abs=0.1)


def test_the_model_of_each_replica_counts_the_group_s_queue_after_a_reassignment(replicas) -> None:
    one, other = replicas
    incident = row("QUEUED", 0.5, assignment_group="Day Shift")
    one.post("/v1/incidents", json=[incident])
    one.post("/v1/incidents", json=[{**incident, "assignment_group": "Night Shift"}])

    def group() -> str:
        waits = other.app.state.service.serving.current.diagnoser.parts.service_levels.waits_
        known = waits["restoration"].history_.open.get("QUEUED")
        return "" if known is None else known.keys.get("assignment_group", "")

    assert soon(lambda: group() == "Night Shift")
