"""Whatever is sent, the answer is a clear problem and never a failure of ours."""

import json
from pathlib import Path

import pytest

from api.errors import KINDS
from api.http.problems import ProblemDetails
from api.settings import Settings
from diagnosis import errors as domain_errors
from tests.serving import Serving

JSON = {"Content-Type": "application/json"}


def problem(answer) -> ProblemDetails:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] in answer.json()["instance"]
    found = ProblemDetails.model_validate(answer.json())
    assert found.status == answer.status_code
    return found


def test_every_error_of_the_domain_has_its_answer() -> None:
    known = [
        one
        for one in vars(domain_errors).values()
        if isinstance(one, type)
        and issubclass(one, domain_errors.FaultwiseError)
        and one is not domain_errors.FaultwiseError
    ]
    assert known
    assert all(one in KINDS for one in known)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1,",
        b"nul",
        b'{"number": "X"',
        b"\xff\xfe{}",
        b"\x00",
        b'{"number": "X\x00"}',
        b"\x80abc",
        b'{"number": NaN, }',
        b"[" * 100_000,
        b"1" * 10_000,
    ],
)
def test_a_body_that_is_not_json_is_400(client, body) -> None:
    for path in ("/v1/diagnoses", "/v1/diagnoses/batch", "/v1/incidents", "/v1/knowledge", "/v1/rules"):
        answer = client.post(path, content=body, headers=JSON)
        assert answer.status_code in (400, 422), (path, answer.text)
        problem(answer)
    assert client.post("/v1/diagnoses", content=b"{", headers=JSON).status_code == 400


@pytest.mark.parametrize(
    ("field", "value"), [("short_description", "half a character \udfff"), ("opened_at", "0001-01-01T00:00:00+23:59")]
)
def test_half_a_character_and_a_zero_date_do_not_refuse_an_incident(client, field, value) -> None:
    content = json.dumps({"number": "HALF", field: value}).encode()
    for path in ("/v1/diagnoses", "/v1/incidents"):
        answer = client.post(path, content=content, headers=JSON)
        assert answer.status_code == 200, answer.text
    stored = client.get("/v1/incidents/HALF").json()
    assert stored.get(field) in (None, "", "half a character \ufffd")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", ""),
        ("number", " "),
        ("number", "x" * 256),
        ("number", "a\x00b"),
        ("number", None),
        ("number", {}),
        ("number", "\ud800"),
        ("short_description", "a\x00b"),
        ("description", ["x"]),
        ("opened_at", "yesterday"),
        ("opened_at", 1e300),
        ("opened_at", "9999-12-31T23:59:59-23:00"),
        ("reopen_count", -1),
        ("reopen_count", 10**30),
        ("reopen_count", 1.5),
        ("caller", "x" * 1001),
        ("extra", "a\x00b"),
        ("extra", "\ud800"),
        ("ex\x00tra", 1),
        ("extra", [[[[[[[[1]]]]]]]]),
        ("extra", float("nan")),
        ("extra", {"a": float("inf")}),
    ],
)
def test_a_value_that_no_database_should_see_is_422_and_names_its_place(client, field, value) -> None:
    content = json.dumps({"number": "HOSTILE", field: value}).encode()
    for path in ("/v1/diagnoses", "/v1/incidents"):
        answer = client.post(path, content=content, headers=JSON)
        assert answer.status_code in (400, 422), answer.text
        problem(answer)
    rows = client.post("/v1/diagnoses/batch", content=b"[" + content + b"]", headers=JSON).json()["results"]
    assert rows[0]["error"]["status"] == 422


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        ("{bad", JSON, ("expected JSON", "at 1")),
        ('{"number": "打印机"}'.encode("gb18030"), JSON, ("UTF-8",)),
        ('{"number": "1"}', {"Content-Type": "text/plain"}, ("application/json", "text/plain")),
        ("[1]", JSON, ("a JSON object", "a list")),
        ('{"number": "1", "opened_at": "昨天"}', JSON, ("/opened_at", '"昨天"')),
        ('{"number": "1", "impact": {"a": 1}}', JSON, ("/impact", "valid string", "an object")),
        ('{"number": "1", "reopen_count": -1}', JSON, ("/reopen_count", "equal to 0", "-1")),
        ('{"number": "1", "caller": "\\ud800"}', JSON, ("/caller", "ud800")),
    ],
)
def test_what_is_wrong_is_said_with_what_was_expected_and_what_was_found(client, body, headers, words) -> None:
    answer = problem(client.post("/v1/diagnoses", content=body, headers=headers))
    said = " ".join([answer.detail, *(word for one in answer.errors for word in one.values())])
    assert [word for word in words if word not in said] == [], said


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"{bad", JSON, "实际位置 1 处不是 JSON："),
        (b"{}", {"Content-Type": "text/plain"}, "请求正文的 Content-Type 应为 application/json，实为 text/plain"),
        (b'{"number": ""}', JSON, "提交的值中有 1 个无法使用"),
    ],
)
def test_a_reader_of_chinese_is_told_in_chinese(client, body, headers, said) -> None:
    chinese = {**headers, "Accept-Language": "fr, zh-CN;q=0.9, en;q=0.8"}
    assert said in problem(client.post("/v1/diagnoses", content=body, headers=chinese)).detail
    assert said not in problem(client.post("/v1/diagnoses", content=body, headers=headers)).detail


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "/v1/nowhere", None, "地址 /v1/nowhere 不存在"),
        ("GET", "/v1/incidents/NONE", None, "事件中没有记录“NONE”"),
        ("GET", "/v1/diagnoses/NONE", None, "没有诊断“NONE”"),
        ("GET", "/v1/audit?cursor=@", None, "cursor 应为前一页返回的值"),
        ("PUT", "/v1/diagnoses", None, "此地址应使用 GET, HEAD, POST，实为 PUT"),
        ("POST", "/v1/diagnoses/batch", {"rows": []}, "应为事件列表，或含有列表“incidents”的对象"),
        ("POST", "/v1/releases/NONE/publish", {}, "没有模型版本“NONE”"),
        ("POST", "/v1/diagnoses", {"number": "1", "opened_at": "昨天"}, "/opened_at 无法识别的时间"),
        ("POST", "/v1/diagnoses", {"number": "1", "reopen_count": -1}, "/reopen_count 应不小于 0，实为：-1"),
    ],
)
def test_what_is_not_there_or_cannot_be_used_is_told_in_chinese(client, method, path, body, said) -> None:
    answer = problem(client.request(method, path, json=body, headers={"Accept-Language": "zh"}))
    words = " ".join([answer.detail, *(f"{one['pointer']} {one['detail']}" for one in answer.errors)])
    assert said in words


@pytest.mark.parametrize(
    "value",
    [
        "'; DROP TABLE incidents; --",
        "{{7*7}}",
        "\u202e\u200b\ufeff",
        "\N{GRINNING FACE}" * 50,
        "a" * 100_000,
        "\r\n\t",
        "%s%n",
        "\\u0000",
        "𠜎𠜱𠝹",
        "ＶＰＮ　全角",
        "=cmd|' /C calc'!A0",
    ],
)
def test_strange_text_is_diagnosed_and_stored_as_it_is(client, value) -> None:
    answer = client.post("/v1/diagnoses", json={"number": "STRANGE", "description": value})
    assert answer.status_code == 200, answer.text
    client.post("/v1/incidents", json={"number": "STRANGE", "category": value[:500]})
    assert client.get("/v1/incidents/STRANGE").json()["category"] == value[:500]


@pytest.mark.parametrize("path", ["/v1/incidents/%00", "/v1/search?q=%00", "/v1/diagnoses?incident=%00", "/v1/%00"])
def test_a_nul_in_the_address_is_400(client, path) -> None:
    assert problem(client.get(path)).status == 400


@pytest.mark.parametrize(
    "path", ["/v1/incidents/%ff%fe", "/v1/search?q=%ff", "/v1/incidents/..%2f..%2fetc", "/v1/diagnoses?limit=%ff"]
)
def test_an_address_in_a_broken_encoding_is_no_failure(client, path) -> None:
    assert client.get(path).status_code < 500


def test_a_header_in_a_broken_encoding_is_no_failure(client) -> None:
    for name in (
        "Idempotency-Key",
        "X-Request-ID",
        "traceparent",
        "Accept-Language",
        "Cookie",
        "X-API-Key",
        "Content-Type",
    ):
        answer = client.post("/v1/diagnoses", json={"number": "HEADER"}, headers={name: b"\xff\xfe\x80"})
        assert answer.status_code < 500, name


def test_unknown_paths_and_methods_are_problems(client) -> None:
    nowhere, wrong = problem(client.get("/v1/none")), problem(client.delete("/v1/diagnoses"))
    assert (nowhere.status, wrong.status) == (404, 405)
    assert "/v1/none" in nowhere.detail
    assert "found DELETE" in wrong.detail


def test_a_body_beyond_the_limit_is_413_whether_declared_or_not(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path, max_body_bytes=2000)
    with Serving(settings) as client:
        declared = client.post("/v1/incidents", content=b" " * 2001, headers=JSON)
        streamed = client.post("/v1/incidents", content=(b" " * 500 for _ in range(5)), headers=JSON)
        assert [problem(one).status for one in (declared, streamed)] == [413, 413]
        assert client.post("/v1/incidents", json={"number": "A", "u_x": "x" * 1900}).json()["stored"] == 1


def test_nothing_published_is_503_everywhere_that_needs_a_release(tmp_path: Path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path)) as client:
        for answer in (
            client.post("/v1/diagnoses", json={"number": "X"}),
            client.get("/v1/search", params={"q": "x"}),
            client.get("/health/ready"),
        ):
            assert problem(answer).type == "urn:faultwise:problem:nothing-published"
            assert int(answer.headers["retry-after"]) > 0
        assert client.get("/health/live").status_code == 200
        rows = client.post("/v1/diagnoses/batch", json=[{"number": "X"}]).json()["results"]
        assert rows[0]["error"]["status"] == 503
        assert client.post("/v1/incidents", json={"number": "X"}).json()["stored"] == 1


def test_every_problem_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [kind.slug for kind in KINDS.values() if f"`{kind.slug}`" not in text]
    assert not missing
