"""The console's pages without a browser: who gets in, what is kept, what hostile words become."""

import html
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api import console
from api.console.messages import MESSAGES
from api.console.pages import local_path
from api.console.queue import WINDOW
from api.http.security import SESSION_COOKIE
from api.settings import Settings
from diagnosis.findings import SURE_FROM
from diagnosis.search import Coverage
from diagnosis.store.diagnoses import DiagnosisEntry
from diagnosis.store.keys import SCOPES
from diagnosis.times import utc_now
from tests.serving import Serving
from tests.waiting import soon

TEMPLATES = Path(console.__file__).parent / "templates"
DECISIONS = ("automatic", "suggested", "decided", "not_sure")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7*7 }} \u202eevil\u202c \"'&"


class Person:
    """A person with a browser that knows no scripts."""

    def __init__(self, client: TestClient, *scopes: str) -> None:
        self.browser = TestClient(client.app, raise_server_exceptions=False)
        self.key = client.post("/v1/keys", json={"name": "person", "scopes": list(scopes)}).json()["key"]
        self.page = self.browser.post("/console/sign-in", data={"key": self.key})
        found = re.search('name="csrf" value="([0-9a-f]{64})"', self.page.text)
        self.csrf = found[1] if found else ""

    def get(self, path, **more):
        return self.browser.get(path, **more)

    def post(self, path, data=(), **more):
        return self.browser.post(path, data={"csrf": self.csrf, **dict(data)}, **more)


@pytest.fixture
def stranger(client):
    return TestClient(client.app, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def person(client):
    return Person(client, *SCOPES)


def diagnosed(client, number, text="打印机提示卡纸", **fields):
    answer = client.post("/v1/diagnoses", json={"number": number, "short_description": text, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("accepted", "word"), [("zh-CN,zh;q=0.9", "登录"), ("en-GB", "Sign in"), ("fr", "Sign in"), ("", "Sign in")]
)
def test_the_page_speaks_the_browsers_language(stranger, accepted, word) -> None:
    page = stranger.get("/", headers={"Accept-Language": accepted})
    assert word in page.text
    assert f'<html lang="{"zh" if word == "登录" else "en"}">' in page.text


def test_a_person_may_choose_language_and_theme_and_stays_where_they_are(person) -> None:
    page = person.post("/console/language", {"to": "zh", "back": "/console/new"})
    assert page.url.path == "/console/new"
    assert "新建事件" in page.text
    assert 'data-theme="dark"' in person.post("/console/theme", {"to": "dark"}).text
    assert "data-theme=" not in person.post("/console/theme", {"to": "<script>"}).text
    assert "New incident" in person.post("/console/language", {"to": "en"}).text


def test_what_is_not_answered_can_be_told_but_neither_accepted_nor_taken_back(client, person) -> None:
    for number, text, answered in (("SAID-1", "打印机提示卡纸", True), ("SILENT-1", "", False)):
        said = diagnosed(client, number, text)
        page = person.get(f"/console/diagnoses/{said['id']}").text
        assert 'id="value-category"' in page
        assert ('id="wrong-category"' in page, 'id="accept-category"' in page) == (answered, answered)


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "", "javascript:1"]
)
def test_nobody_is_sent_to_another_site(client, stranger, elsewhere) -> None:
    assert local_path(elsewhere) == "/"
    key = Person(client, "diagnose").key
    answer = stranger.post("/console/sign-in", data={"key": key, "next": elsewhere}, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_who_is_sent_to_sign_in_comes_back(client, stranger) -> None:
    page = stranger.get("/console/search?q=vpn")
    assert page.url.path == "/console/sign-in"
    wanted = html.unescape(re.search('name="next" value="([^"]*)"', page.text)[1])
    assert wanted == "/console/search?q=vpn"
    back = stranger.post("/console/sign-in", data={"key": Person(client, "diagnose").key, "next": wanted})
    assert str(back.url).endswith(wanted)


def test_the_session_is_safe_from_scripts_and_other_sites(client) -> None:
    person = Person(client, "diagnose")
    (cookie,) = [one for one in person.browser.cookies.jar if one.name == SESSION_COOKIE]
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "strict"
    typed = {"short_description": "x"}
    assert person.browser.post("/console/diagnose", data={**typed, "csrf": "0" * 64}).status_code == 401
    assert person.browser.post("/console/diagnose", data=typed).status_code == 422
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert person.browser.post("/console/sign-in", data={"key": "x"}, headers=headers).status_code == 403
    assert person.post("/console/sign-out").status_code == 200
    person.browser.cookies.set(SESSION_COOKIE, cookie.value)
    assert 'name="key"' in person.get("/").text, "the session is over on the server too"


@pytest.mark.parametrize("scopes", [(), ("feedback", "knowledge", "admin")])
def test_a_key_that_may_not_diagnose_opens_nothing(client, stranger, scopes) -> None:
    if scopes:
        assert Person(client, *scopes).csrf == ""
    else:
        assert stranger.post("/console/sign-in", data={"key": "wrong"}).status_code == 401
    assert 'name="key"' in stranger.get("/").text


def test_what_is_tried_out_does_not_join_the_history(client, person) -> None:
    typed = {"short_description": f"打印机提示卡纸 {HOSTILE}", "cmdb_ci": "prn-3f"}
    page = person.post("/console/diagnose", typed)
    assert page.status_code == 200
    assert "清洁了进纸滚轮" in page.text
    assert "Desktop Support" in page.text
    assert "您的报障已受理" in page.text
    assert "CONSOLE-" not in re.sub(r'(href|action|name|value|id)="[^"]*"', "", page.text)
    assert "CONSOLE-" not in client.get("/v1/incidents", params={"limit": 500}).text
    assert "CONSOLE-" not in person.get("/").text


@pytest.mark.parametrize(("language", "kind", "due"), [("zh", "投诉", "响应"), ("en", "Complaint", "Response")])
def test_a_complaint_that_is_typed_in_has_the_clocks_of_a_complaint(client, person, language, kind, due) -> None:
    headers = {"Accept-Language": language, "Cookie": cookies(person, language)}
    assert f'<option value="complaint">{kind}</option>' in person.get("/console/new", headers=headers).text
    typed = {"short_description": "The engineer did not come", "type": "complaint"}
    for number in ("", f"TYPED-{language}"):
        sent = person.post("/console/diagnose", {**typed, "number": number}, headers=headers, follow_redirects=False)
        page = (person.get(sent.headers["location"], headers=headers) if number else sent).text
        clocks = page[page.index('class="card clocks"') :].partition("</section>")[0]
        assert re.search(r"2[34]\.\d (h left|小时)", clocks), "answered in 24 h, which is a complaint's"
        assert due in clocks
    stored = client.get(f"/v1/incidents/TYPED-{language}").json()
    assert stored["type"] == "complaint"
    assert stored["opened_at"], "it is logged now"


def test_state_and_response_that_are_typed_in_are_kept_and_set_the_clocks(client, person) -> None:
    opened, responded = ((datetime.now(UTC) - timedelta(minutes=m)).strftime("%Y-%m-%dT%H:%M") for m in (90, 60))
    typed = {"number": "TYPED-1", "short_description": "VPN drops", "state": "On Hold", "opened_at": opened}
    page = person.post("/console/diagnose", typed).text
    assert "on hold" in page
    stored = client.get("/v1/incidents/TYPED-1").json()
    assert (stored["state"], stored["opened_at"][:16]) == ("On Hold", opened)
    answered = {"number": "TYPED-2", "short_description": "VPN drops", "opened_at": opened, "responded_at": responded}
    person.post("/console/diagnose", answered | {"zone": "UTC"})
    assert client.get("/v1/incidents/TYPED-2").json()["responded_at"][:16] == responded


@pytest.mark.parametrize(("language", "words"), [("zh", "时间有误"), ("en", "The times do not fit")])
def test_times_that_do_not_fit_are_said_and_nothing_typed_is_lost(person, language, words) -> None:
    headers = {"Accept-Language": language, "Cookie": cookies(person, language)}
    typed = {"short_description": "VPN drops", "opened_at": "2026-01-02T10:00", "responded_at": "2026-01-01T10:00"}
    page = person.post("/console/diagnose", typed, headers=headers)
    assert (page.status_code, words in page.text, 'value="VPN drops"' in page.text) == (422, True, True)
    assert person.post("/console/diagnose", {**typed, "zone": "Nowhere/Town"}).status_code == 422


def test_what_is_logged_with_a_number_joins_queue_and_history(client, person) -> None:
    page = person.post("/console/diagnose", {"number": "CON/1", "short_description": "VPN certificate expired"})
    assert re.fullmatch("/console/diagnoses/[0-9A-Z]{26}", page.url.path)
    assert "CON/1" in person.get("/").text
    assert client.get("/v1/diagnoses", params={"incident": "CON/1"}).json()["items"]
    assert "CON/1" in person.get("/console/records/incidents/CON%2F1").text


@pytest.mark.parametrize(("language", "words"), [("zh", "请先描述故障"), ("en", "Describe the problem first")])
def test_nothing_typed_is_said_so(person, language, words) -> None:
    page = person.post("/console/diagnose", headers={"Accept-Language": language, "Cookie": cookies(person, language)})
    assert page.status_code == 422
    assert words in page.text


def cookies(person, language):
    return f"{SESSION_COOKIE}={person.browser.cookies[SESSION_COOKIE]}; faultwise_language={language}"


def test_hostile_words_stay_words_everywhere(client, person) -> None:
    said = diagnosed(client, "HOSTILE-1", HOSTILE, description=HOSTILE + "x" * 100_000, caller=HOSTILE, cmdb_ci=HOSTILE)
    client.post("/v1/knowledge", json={"number": "KB<b>1", "title": HOSTILE, "resolution": f"1. {HOSTILE} 2. more"})
    addresses = [
        "/",
        f"/console/diagnoses/{said['id']}",
        "/console/records/incidents/HOSTILE-1",
        "/console/records/knowledge/KB%3Cb%3E1",
        "/console/articles/new?incident=HOSTILE-1",
        f"/console/search?q={HOSTILE}",
        "/console/records/incidents/%3Cscript%3E",
    ]
    for address in addresses:
        page = person.get(address)
        assert page.status_code in (200, 404)
        assert "<script>alert" not in page.text, address
        assert "<img src=x" not in page.text, address
        assert " 49 " not in page.text, address
        assert len(page.text) < 200_000, address
    shown = html.unescape(person.get(addresses[1]).text)
    assert "<script>alert(1)</script>" in shown, "the words are shown, as words"


def test_feedback_is_given_undone_and_changed_without_scripts(client, person) -> None:
    said = diagnosed(client, "CON-2", cmdb_ci="prn-3f")
    path = f"/console/diagnoses/{said['id']}/feedback"
    page = person.post(path, {"kind": "overridden", "target": "assignment_group", "value": "Identity"})
    assert page.url.path == f"/console/diagnoses/{said['id']}"
    assert "Changed to Identity" in page.text
    assert "Identity" in person.get("/").text
    (given,) = client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"]
    assert (given["kind"], given["value"], given["undone_at"]) == ("overridden", "Identity", None)
    assert diagnosed(client, "CON-2", cmdb_ci="prn-3f")["predictions"]["assignment_group"]["value"] == "Identity"
    page = person.post(f"{path}/{given['id']}/undo")
    assert "Changed to Identity" not in page.text
    page = person.post(path, {"kind": "reverted", "target": "assignment_group"})
    assert "Marked as wrong" in page.text
    again = diagnosed(client, "CON-2", cmdb_ci="prn-3f")["predictions"]["assignment_group"]
    assert again["value"] != said["predictions"]["assignment_group"]["value"]


def test_a_suggestion_is_judged_and_htmx_gets_its_card_alone(client, person) -> None:
    said = diagnosed(client, "CON-3", cmdb_ci="prn-3f")
    path, suggestion = f"/console/diagnoses/{said['id']}/feedback", said["suggestions"][0]["id"]
    card = person.post(path, {"kind": "suggestion_worked", "suggestion": suggestion}, headers={"HX-Request": "true"})
    assert card.text.lstrip().startswith("<article")
    assert "It helped" in card.text
    assert "Undo" in card.text
    (given,) = client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"]
    assert given["kind"] == "suggestion_worked"
    assert given["actor"].startswith("key:"), "it is known who said it"


def test_how_often_a_fix_worked_is_counted_over_every_use_of_it(client, person) -> None:
    said = diagnosed(client, "COUNTED", cmdb_ci="prn-3f")
    fix = said["suggestions"][0]
    uses = fix["uses"]
    assert sum(uses.values()) > len(fix["evidence"])
    page = person.get(f"/console/diagnoses/{said['id']}").text
    assert f"worked {uses['held']} of {uses['held'] + uses['failed']} times" in page


def test_every_field_that_people_type_in_has_an_id_by_which_it_is_kept() -> None:
    fields = [
        (path.name, tag)
        for path in sorted(TEMPLATES.glob("*.html"))
        for tag in re.findall(r"<(?:textarea|input)\b[^>]*>", path.read_text(encoding="utf-8"))
        if not re.search('type="(?:hidden|checkbox|radio)"', tag)
    ]
    assert len(fields) > 30
    assert [field for field in fields if ' id="' not in field[1]] == []


def test_a_value_that_nobody_has_used_is_asked_for_before_it_is_saved(client, person) -> None:
    said = diagnosed(client, "NEW-VALUE", cmdb_ci="prn-3f")
    path = f"/console/diagnoses/{said['id']}/feedback"
    form = {"kind": "overridden", "target": "assignment_group", "value": "Identitty"}
    page = person.post(path, form)
    assert "Identitty” is not a known value here" in page.text
    assert client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"] == []
    person.post(path, {**form, "confirmed": "Identitty"})
    person.post(path, {**form, "value": " identity "})
    given = client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"]
    assert [entry["value"] for entry in given] == ["Identitty", "Identity"], "a known value in its own spelling"


def test_a_second_click_does_not_overwrite_a_colleagues_decision_and_says_whose_it_is(client, person) -> None:
    said = diagnosed(client, "TWO-PEOPLE", cmdb_ci="prn-3f")
    path = f"/console/diagnoses/{said['id']}/feedback"
    form = {"kind": "overridden", "target": "assignment_group", "value": "Identity"}
    person.post(path, form)
    colleague = Person(client, *SCOPES)
    page = colleague.post(path, {"kind": "accepted", "target": "assignment_group"})
    assert "person has decided this in the meantime" in page.text
    (given,) = client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"]
    assert given["value"] == "Identity"
    shown = colleague.get(f"/console/diagnoses/{said['id']}").text
    assert "by person" in shown
    assert colleague.post(f"{path}/{given['id']}/undo").status_code == 200
    assert "Accepted" in colleague.post(path, {"kind": "accepted", "target": "assignment_group"}).text


def test_of_two_who_judge_at_the_same_moment_one_is_told(client, person) -> None:
    said = diagnosed(client, "AT-ONCE", cmdb_ci="prn-3f")
    path = f"/console/diagnoses/{said['id']}/feedback"
    people = [person, *(Person(client, *SCOPES) for _ in range(3))]
    with ThreadPoolExecutor(len(people)) as pool:
        pages = list(pool.map(lambda one: one.post(path, {"kind": "accepted", "target": "assignment_group"}), people))
    told = [page for page in pages if "has decided this in the meantime" in page.text]
    assert len(told) == len(people) - 1
    (given,) = client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"]
    assert given["kind"] == "accepted"


def test_an_article_is_shown_in_the_readers_language_and_judged_as_what_was_suggested(client) -> None:
    reader, text = Person(client, *SCOPES), "Scanner 44-17 blinks red"
    original = {"number": "KT-1", "title": text, "language": "en", "resolution": "1. Reset it 2. Scan again"}
    client.post("/v1/knowledge", json=original)

    def suggested() -> bool:
        said.update(diagnosed(client, "TRANSLATED", text, cmdb_ci="scan-1"))
        return "KT-1" in [entry["number"] for entry in said["suggestions"]]

    said: dict = {}
    assert soon(suggested)
    chinese = {"number": "KT-2", "title": "扫描仪 44-17 红灯闪烁", "language": "zh", "translation_of": "KT-1"}
    client.post("/v1/knowledge", json={**chinese, "resolution": "1. 复位 2. 重新扫描"})
    path = f"/console/diagnoses/{said['id']}"
    in_chinese = {"Accept-Language": "zh-CN"}
    assert soon(lambda: "扫描仪 44-17 红灯闪烁" in reader.get(path, headers=in_chinese).text)
    assert "重新扫描" in reader.get(path, headers=in_chinese).text
    assert "Scan again" in reader.get(path, headers={"Accept-Language": "en"}).text
    article = reader.get("/console/records/knowledge/KT-1", headers=in_chinese).text
    assert 'href="/console/records/knowledge/KT-2">本文的中文版：KT-2' in article
    for language, first, second in (("zh-CN", "KT-2", "KT-1"), ("en", "KT-1", "KT-2")):  # a code is of no language
        found = reader.get("/console/search?in=knowledge&q=44-17", headers={"Accept-Language": language}).text
        assert 0 <= found.find(f"knowledge/{first}") < found.find(f"knowledge/{second}")
    reader.post(f"{path}/feedback", {"kind": "suggestion_worked", "suggestion": "knowledge:KT-1"})
    (given,) = client.get(f"/v1{path.removeprefix('/console')}/feedback").json()["items"]
    assert given["suggestion"] == "knowledge:KT-1"


def test_every_time_of_an_article_is_one_that_the_page_puts_into_the_readers_zone(client, person) -> None:
    article = {"number": "KV-1", "title": "Badge reader", "resolution": "Clean it", "review_at": "2027-01-31"}
    client.post("/v1/knowledge", json={**article, "valid_from": "2026-01-31", "valid_to": "2028-01-31"})
    facts = re.search('<dl class="facts">.*?</dl>', person.get("/console/records/knowledge/KV-1").text, re.DOTALL)[0]
    assert "Valid until" in facts
    assert set(re.findall(r"[^\"]*T\d\d:\d\d[^<\"]*", facts)) == set(
        re.findall('<time datetime="([^"]*)" data-local', facts)
    )


def test_a_new_diagnosis_keeps_what_people_said_of_the_incident(client, person) -> None:
    said = diagnosed(client, "KEPT", cmdb_ci="prn-3f")
    path = f"/console/diagnoses/{said['id']}/feedback"
    person.post(path, {"kind": "overridden", "target": "assignment_group", "value": "Identity"})
    person.post(path, {"kind": "suggestion_failed", "suggestion": said["suggestions"][0]["id"]})
    newer = diagnosed(client, "KEPT", cmdb_ci="prn-3f")
    page = person.get(f"/console/diagnoses/{newer['id']}").text
    assert "Changed to Identity" in page
    assert newer["suggestions"][0]["id"] != said["suggestions"][0]["id"] or "It did not help" in page
    feedback = client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"][0]["id"]
    page = person.post(f"/console/diagnoses/{newer['id']}/feedback/{feedback}/undo").text
    assert "Changed to Identity" not in page


def test_a_number_that_is_taken_is_asked_about_before_it_is_diagnosed_again(client, person) -> None:
    typed = {"number": "TAKEN-1", "short_description": "VPN certificate expired"}
    person.post("/console/diagnose", typed)
    page = person.post("/console/diagnose", {**typed, "short_description": "printer jam"})
    assert page.status_code == 409
    assert "TAKEN-1 already exists: “VPN certificate expired”" in page.text
    assert 'value="printer jam"' in page.text, "nothing typed is lost"
    assert len(client.get("/v1/diagnoses", params={"incident": "TAKEN-1"}).json()["items"]) == 1
    person.post("/console/diagnose", {**typed, "short_description": "printer jam", "confirmed": "TAKEN-1"})
    assert len(client.get("/v1/diagnoses", params={"incident": "TAKEN-1"}).json()["items"]) == 2
    other_case = {**typed, "number": "taken-1"}
    page = person.post("/console/diagnose", other_case)
    assert page.status_code == 409
    assert "TAKEN-1 already exists" in page.text
    assert '/console/records/incidents/TAKEN-1"' in page.text
    person.post("/console/diagnose", {**other_case, "confirmed": "TAKEN-1"})
    assert len(client.get("/v1/diagnoses", params={"incident": "TAKEN-1"}).json()["items"]) == 3
    assert client.get("/v1/diagnoses", params={"incident": "taken-1"}).json()["items"] == [], "no second incident"


def test_a_value_that_a_person_decided_stays_the_answer_when_it_is_diagnosed_again(client, person) -> None:
    said = diagnosed(client, "AGAIN-1", cmdb_ci="prn-3f")
    path = f"/console/diagnoses/{said['id']}/feedback"
    person.post(path, {"kind": "overridden", "target": "assignment_group", "value": "Identity"})
    newer = diagnosed(client, "AGAIN-1", cmdb_ci="prn-3f")
    prediction = newer["predictions"]["assignment_group"]
    assert (prediction["decision"], prediction["value"]) == ("abstained", "Identity")
    assert prediction["probability"] < SURE_FROM, "else the test shows nothing"

    def card():
        page = person.get(f"/console/diagnoses/{newer['id']}").text
        return re.search(
            r'<section class="card prediction" id="target-assignment_group".*?</section>', page, re.DOTALL
        )[0]

    assert "<strong><bdi>Identity</bdi></strong>" in card()
    assert MESSAGES["en"]["decided"] in card()
    assert MESSAGES["en"]["not_sure"] not in card()
    assert MESSAGES["en"]["why_abstained"] not in card()
    in_queue = {decision: "AGAIN-1" in person.get("/", params={"decision": decision}).text for decision in DECISIONS}
    assert in_queue == {"automatic": False, "suggested": False, "decided": True, "not_sure": False}
    (given,) = client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"]
    person.post(f"/console/diagnoses/{newer['id']}/feedback/{given['id']}/undo")
    assert MESSAGES["en"]["not_sure"] in card(), "what was taken back is no decision, in a diagnosis made before too"
    assert "already set" not in card()
    assert "AGAIN-1" in person.get("/", params={"decision": "not_sure"}).text


def test_the_queue_filters_sorts_counts_and_leads_to_the_next_open_incident(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)) as client:
        person = Person(client, *SCOPES)
        said = [
            diagnosed(client, f"ROW-{i}", text) for i, text in enumerate(("printer jam", "VPN expired", "打印机卡纸"))
        ]
        person.post(
            f"/console/diagnoses/{said[1]['id']}/feedback",
            {"kind": "overridden", "target": "assignment_group", "value": "Identity"},
        )

        def shown(**query):
            return re.findall(r'<bdi class="muted">(ROW-\d)</bdi>', person.get("/", params=query).text)

        assert shown() == ["ROW-2", "ROW-1", "ROW-0"]
        assert shown(order="oldest") == ["ROW-0", "ROW-1", "ROW-2"]
        assert shown(state="open") == ["ROW-2", "ROW-0"]
        assert shown(state="decided") == shown(value="Identity") == ["ROW-1"]

        def counted(**query):
            page = person.get("/", params=query).text
            return [int(count) for count in re.findall(r'id="state-\w+"[^>]*>[^<]*<span class="figure">(\d+)', page)]

        assert counted() == counted(state="decided") == [3, 2, 1, 0], "all, open, decided, resolved"
        assert counted(value="Identity") == [1, 0, 1, 0], "each tab counts what its click would show"
        beside = person.get("/", params={"state": "open", "value": "Identity"}).text
        assert '<option value="Identity" selected>Identity (0)</option>' in beside, "the filter that holds is shown"
        assert MESSAGES["en"]["queue_no_match"] in beside
        for current, following in ((2, 0), (0, 2)):
            page = person.get("/console/next", params={"after": said[current]["id"]})
            assert page.url.path == f"/console/diagnoses/{said[following]['id']}"
        listed = person.get("/", params={"order": "oldest", "decision": "suggested"}).text
        opened = html.unescape(re.search(rf'href="(/console/diagnoses/{said[0]["id"]}[^"]*)"', listed)[1])
        following = html.unescape(re.search(r'href="(/console/next[^"]*)"', person.get(opened).text)[1])
        page = person.get(following)
        expected = next(
            entry["id"]
            for entry in said[1:]
            if entry["incident"] in shown(order="oldest", decision="suggested", state="open")
        )
        assert page.url.path == f"/console/diagnoses/{expected}", "the next of the queue as it was filtered and sorted"
        assert "order=oldest" in str(page.url)
        none = person.get("/console/next", params={"after": said[0]["id"], "value": "nobody's"})
        assert (none.url.path, "value=nobody" in str(none.url)) == ("/", True)
        assert person.get("/", params={"state": "nonsense"}).status_code == 422


def test_each_value_stands_under_its_own_heading_and_counts_say_what_they_count(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)) as client:
        store, person = client.app.state.service.store, Person(client, *SCOPES)
        said = diagnosed(client, "WHOLE-1")
        assert 'id="window"' not in person.get("/").text
        for number, target in (("GROUP-1", "assignment_group"), ("CATEGORY-1", "category")):
            body = {**said, "id": f"{said['id'][:-2]}{number[:2]}", "incident": number}
            body["predictions"] = {target: {**said["predictions"][target], "decision": "automatic", "value": number}}
            record = {"number": number, "short_description": number}
            store.diagnoses.add([DiagnosisEntry(body, datetime.fromisoformat(said["created_at"]), record)])
        page = person.get("/").text
        heads = re.findall(r'<th scope="col"[^>]*>([^<]*)', page)
        for number, target in (("GROUP-1", "assignment_group"), ("CATEGORY-1", "category")):
            row = next(part for part in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if f">{number}</bdi></a>" in part)
            cells = re.findall(r"<td.*?</td>", row, re.DOTALL)
            assert len(cells) == len(heads)
            assert number in cells[heads.index(MESSAGES["en"][f"field_{target}"])]
        entries = [
            DiagnosisEntry(
                {**said, "id": f"0{place:025}", "incident": f"OLD-{place}"}, utc_now(), {"number": f"OLD-{place}"}
            )
            for place in range(WINDOW)
        ]
        store.diagnoses.add(entries)
        assert MESSAGES["en"]["queue_window"].format(WINDOW) in person.get("/").text


@pytest.mark.parametrize("corpus", ["knowledge", "incidents"])
def test_articles_and_past_incidents_that_probably_answer_nothing_are_called_guesses(models, tmp_path, corpus) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)
    with Serving(settings) as client:
        person = Person(client, *SCOPES)
        parts = client.app.state.service.serving.current.diagnoser.parts
        names = ("score", "lead", "chance", *parts.retriever.signals(corpus))
        nothing = [0.0] * len(names)
        parts.retriever.coverage = {corpus: Coverage(names, nothing, [1.0] * len(names), nothing, -2.0, 20)}
        other = {"knowledge": "incidents", "incidents": "knowledge"}[corpus]
        answers = {
            name: client.get("/v1/search", params={"q": "VPN certificate", "in": name}).json()
            for name in (corpus, other)
        }
        assert answers[corpus]["hits"]
        assert answers[corpus]["covered"] == pytest.approx(0.119, abs=0.001)
        assert answers[other]["covered"] is None
        page = person.get("/console/search", params={"q": "VPN certificate"}).text
        assert MESSAGES["en"][f"search_guesses_{corpus}"] in page
        assert MESSAGES["en"][f"search_guesses_{other}"] not in page
        word = {"knowledge": "no article answers this", "incidents": "that a past incident was solved as"}[corpus]
        said = diagnosed(client, "GUESS-1", "VPN certificate expired")
        assert [word in warning for warning in said["warnings"]].count(True) == 1
        assert word in person.get(f"/console/diagnoses/{said['id']}").text


@pytest.mark.parametrize("kind", ["nonsense", "suggestion_worked", "accepted"])
def test_feedback_on_nothing_is_refused(client, person, kind) -> None:
    said = diagnosed(client, "CON-4")
    assert person.post(f"/console/diagnoses/{said['id']}/feedback", {"kind": kind}).status_code == 422


def test_who_may_only_diagnose_gives_no_feedback_and_writes_no_article(client) -> None:
    person, said = Person(client, "diagnose"), diagnosed(client, "CON-5")
    page = person.get(f"/console/diagnoses/{said['id']}").text
    assert 'value="accepted"' not in page
    assert "/console/articles/new" not in page
    given = {"kind": "accepted", "target": "category"}
    assert person.post(f"/console/diagnoses/{said['id']}/feedback", given).status_code == 403
    assert person.get("/console/articles/new?incident=CON-5").status_code == 403
    assert person.post("/console/articles", {"title": "a", "resolution": "b"}).status_code == 403


def test_an_article_is_written_from_a_resolved_incident_and_found(client, person) -> None:
    record = {"number": "CON-6", "short_description": "Scanner sends blank pages", "close_notes": "Clean the glass"}
    client.post("/v1/incidents", json=record)
    form = person.get("/console/articles/new?incident=CON-6").text
    assert "Clean the glass" in form
    assert "Scanner sends blank pages" in form
    typed = {
        "incident": "CON-6",
        "title": "Scanner sends blank pages",
        "resolution": "Clean the glass with water",
        "audience": "self_service",
    }
    page = person.post("/console/articles", typed)
    assert "Clean the glass with water" in page.text
    number = page.url.path.rsplit("/", 1)[1]
    stored = client.get(f"/v1/knowledge/{number}").json()
    assert (stored["audience"], stored["language"], stored["incident"]) == ("self_service", "en", "CON-6")
    assert person.post("/console/articles", {**typed, "resolution": " "}).status_code == 422
    assert person.post("/console/articles", {**typed, "audience": "nobody"}).status_code == 422


def test_search_finds_articles_and_past_incidents_with_terms_marked(client, person) -> None:
    page = person.get("/console/search", params={"q": "printer jam"})
    assert "<mark>printer</mark>" in page.text
    past = person.get("/console/search", params={"q": "打印机卡纸", "in": "incidents"})
    assert re.search("<mark>打印机", past.text)
    both = person.get("/console/search", params={"q": "打印机卡纸"}).text
    assert both.index('id="knowledge-1"') < both.index('id="incidents-1"')
    client.post("/v1/incidents", json={"number": "EXACT/7", "short_description": "nothing like the others"})
    exact = person.get("/console/search", params={"q": "exact/7"}).text
    assert "nothing like the others" in exact
    assert "Articles</h2>" not in exact
    part = person.get("/console/search", params={"q": "printer"}, headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith("<div")
    assert "Nothing found" in person.get("/console/search", params={"q": "。"}).text


def test_what_is_not_there_is_said_so(person) -> None:
    for address in (
        "/console/diagnoses/none",
        "/console/records/incidents/none",
        "/console/records/knowledge/none",
        "/console/articles/new?incident=none",
    ):
        page = person.get(address)
        assert page.status_code == 404
        assert "Nothing with this number was found" in page.text
    nowhere = person.get("/console/incidents/INC1")
    assert (nowhere.status_code, "This page does not exist" in nowhere.text) == (404, True)


def test_pages_ask_nothing_of_the_internet_and_hold_no_script_or_style(client, person, stranger) -> None:
    said = diagnosed(client, "CON-7", cmdb_ci="prn-3f")
    for address in ("/", f"/console/diagnoses/{said['id']}", "/console/new", "/console/search"):
        page = person.get(address).text
        assert not re.search(r"(?:src|href|action)=\"(?!/|#)", page), "every address is a path of this site"
        assert "style=" not in page
        assert not re.search(r"<[^>]*\son[a-z]+=", page)
        assert not re.search(r"<script(?! defer src=\"/)", page)
        for file in re.findall(r'(?:src|href)="(/console/static/[^"]+)"', page):
            answer = stranger.get(file)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
    assert stranger.get("/console/static/x/vendor/README.md").status_code == 404
    assert stranger.get("/console/static/x/../console.js").status_code == 404


def test_news_of_an_incident_are_what_others_said_since_and_nothing_twice(client, person) -> None:
    said = diagnosed(client, "NEWS-1")
    address = f"/console/diagnoses/{said['id']}/news"
    assert person.get(address, params={"sequence": 0, "newer": ""}).status_code == 204
    body = {"kind": "suggestion_worked", "suggestion": said["suggestions"][0]["id"]}
    client.post(f"/v1/diagnoses/{said['id']}/feedback", json=body)
    page = person.get(address, params={"sequence": 0, "newer": ""})
    assert 'id="suggestion-1" hx-swap-oob="true"' in page.text
    assert 'id="target-category"' not in page.text
    seen = re.search(r"news\?sequence=(\d+)", page.text)[1]
    assert person.get(address, params={"sequence": seen, "newer": ""}).status_code == 204
    newer = diagnosed(client, "NEWS-1")["id"]
    assert f"/console/diagnoses/{newer}" in person.get(address, params={"sequence": seen, "newer": ""}).text
    assert person.get(address, params={"sequence": seen, "newer": newer}).status_code == 204


def test_an_incident_that_closes_shows_what_its_risk_is_from_then_on(client, person) -> None:
    said = diagnosed(
        client,
        "CLOSES",
        cmdb_ci="prn-3f",
        category="hardware",
        opened_at="2026-05-01T08:00:00Z",
        resolved_at="2026-05-01T09:00:00Z",
        close_notes="清洁了进纸滚轮",
    )
    risk = said["at_resolution"]
    page = html.unescape(person.get(f"/console/diagnoses/{said['id']}").text)
    heading = page.index("Risk from the time of resolution")
    shown = f"{100 * risk['horizons'][0]['probability']:.0f}"
    assert shown in page[heading : heading + 600]
    assert risk["definition"] in page
    assert said["recurrence"]["definition"] in page


@pytest.mark.parametrize("address", ["/console", "/console/"])
def test_the_name_of_the_console_leads_to_it(client, address) -> None:
    stranger = TestClient(client.app, raise_server_exceptions=False)
    page = stranger.get(address, headers={"Accept": "text/html"})
    assert (page.status_code, page.url.path) == (200, "/console/sign-in")
    signed_in = Person(client, "diagnose").browser.get(address)
    assert (signed_in.status_code, signed_in.url.path) == (200, "/")
