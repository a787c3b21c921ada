"""Operators see what happens, and never what a person wrote."""

import json
import logging
import re
import time

import pytest

from api.metrics import WINDOW, Metrics
from api.telemetry import JsonFormatter, RequestContext

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_request_id_and_a_trace_are_taken_up_and_answered(client) -> None:
    answer = client.get("/v1/rules", headers={"X-Request-ID": "abc-1", "traceparent": TRACE})
    assert answer.headers["x-request-id"] == "abc-1"
    assert answer.headers["traceparent"].split("-")[1] == TRACE.split("-")[1]
    assert answer.headers["traceparent"].split("-")[2] != TRACE.split("-")[2], "a span of our own"
    assert answer.headers["traceparent"].endswith("-01")


@pytest.mark.parametrize(
    "wrong", ["", "x", TRACE[:-1], TRACE.upper(), "00-" + "0" * 32 + "-b7ad6b7169203331-01", "ff" + TRACE[2:]]
)
def test_a_trace_that_cannot_be_used_is_replaced(wrong) -> None:
    request = RequestContext.of("bad id\n", wrong)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", request.traceparent)
    assert re.fullmatch(r"[0-9A-Z]{26}", request.request_id)


def test_logs_are_json_without_what_a_person_wrote(client, caplog: pytest.LogCaptureFixture) -> None:
    secret = "geheim-4711"
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/diagnoses", json={"number": f"{secret}-n", "description": secret, "caller": secret})
        client.get("/v1/search", params={"q": secret})
        client.get(f"/v1/incidents/{secret}")
        client.post("/v1/diagnoses", json={"number": secret, "opened_at": secret})
    ours = [record for record in caplog.records if record.name.startswith(("api", "diagnosis"))]
    lines = [json.loads(JsonFormatter().format(record)) for record in ours]
    access = [line for line in lines if line["logger"] == "api.access"]
    assert [(line["route"], line["status"]) for line in access] == [
        ("/v1/diagnoses", 200),
        ("/v1/search", 200),
        ("/v1/incidents/{number:path}", 404),
        ("/v1/diagnoses", 422),
    ]
    assert all(line["ms"] >= 0 and line["principal"].startswith("key:") for line in access)
    assert secret not in json.dumps(lines)


def test_an_exception_is_logged_by_type_and_place_not_by_message() -> None:
    try:
        int("what bob@example.com wrote")
    except ValueError:
        import sys

        record = logging.LogRecord("api", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "ValueError" in line
    assert "test_telemetry" in line
    assert "bob@" not in line


def test_metrics_count_stages_decisions_and_the_release(client) -> None:
    said = client.post("/v1/diagnoses", json={"number": "METRICS", "description": "VPN"}).json()
    text = client.get("/metrics").text
    for stage in ("decisions", "diagnosis", "storing"):
        assert f'faultwise_stage_seconds_count{{stage="{stage}"}}' in text
    assert f'faultwise_release_info{{release="{said["release"]}"}} 1.0' in text
    for target, one in said["predictions"].items():
        assert f'faultwise_decisions_total{{decision="{one["decision"]}",target="{target}"}}' in text
    assert 'faultwise_requests_total{method="POST",route="/v1/diagnoses",status="200"}' in text
    assert "METRICS" not in text


def drift(values: list[str]) -> float:
    metrics = Metrics()
    for value in values:
        prediction = {"decision": "abstained", "value": None, "alternatives": [{"value": value}]}
        metrics.diagnosed({"predictions": {"group": prediction}})
    found = metrics.registry.get_sample_value("faultwise_class_share_drift", {"target": "group"})
    assert found is not None
    return found


def test_drift_is_the_total_variation_between_first_and_last_shares() -> None:
    assert drift(["a", "b"] * WINDOW) == 0
    assert drift(["a"] * WINDOW + ["b"] * WINDOW) == 1
    assert drift(["a"] * WINDOW + ["b"] * (WINDOW // 4)) == pytest.approx(0.25)
    assert drift(["a"] * (WINDOW - 1)) == 0, "too few to say"


def test_a_release_is_in_the_metrics_before_it_answers_and_only_that_one() -> None:
    metrics = Metrics()
    for release in ("first", "second", "second"):
        metrics.in_service(release)
        shown = [line for line in metrics.text().decode().splitlines() if line.startswith("faultwise_release_info{")]
        assert shown == [f'faultwise_release_info{{release="{release}"}} 1.0']


def test_liveness_is_quick_while_a_batch_is_diagnosed(client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    rows = [{"number": f"LIVE-{i}", "description": "VPN 无法连接 " * 50} for i in range(60)]
    with ThreadPoolExecutor(1) as thread:
        batch = thread.submit(client.post, "/v1/diagnoses/batch", json=rows)
        slowest = 0.0
        while not batch.done():
            started = time.perf_counter()
            assert client.get("/health/live").status_code == 200
            slowest = max(slowest, time.perf_counter() - started)
        assert batch.result().status_code == 200
    assert slowest < 2.5
