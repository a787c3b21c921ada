"""Faultwise at work in a real Request Tracker: history in, tickets routed, the panel used, and nothing lost between."""

from __future__ import annotations

import base64
import concurrent.futures
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from api.console.messages import MESSAGES
from api.integrations.settings import Integrations
from api.integrations.writing.problems import problem_writers
from api.problems.service import WRITE_BACK
from diagnosis.store import Store
from diagnosis.store.outbox import OutgoingCall
from diagnosis.text import repair
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.serving import ROOT, Process
from tests.system.request_tracker import ROOT_PASSWORD, RequestTracker, is_installed, posted
from tests.waiting import soon

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not is_installed() and os.environ.get("CI") != "true",
        reason="needs Debian's request-tracker5, rt5-standalone and rt5-db-sqlite (.ci/run installs them)",
    ),
]

SECRET = "rt-webhook-secret"  # not a password of anything
PANEL_SECRET = "a secret of thirty-two characters or more"
QUEUES = ("Messaging", "Network Operations", "Workplace Support")
PROBLEMS = "Problems"  # where tickets of chronic faults are made
ACTIONS = "Improvements"  # and those of actions
UNPROVEN = "Messaging"  # has too few tickets for a promise
EACH = 120  # tickets of each other queue
FIELDS = {"Category": "category", "Configuration item": "cmdb_ci"}
PERL_FIELDS = """
use lib '/usr/local/share/request-tracker5/lib', '/usr/share/request-tracker5/lib';
use RT -init;
for my $name ('Category', 'Configuration item') {
    my $field = RT::CustomField->new(RT->SystemUser);
    $field->LoadByName(Name => $name, LookupType => 'RT::Queue-RT::Ticket');
    $field->AddToObject(RT::Queue->new(RT->SystemUser));
}
my $everyone = RT::Group->new(RT->SystemUser);
$everyone->LoadSystemInternalGroup('Everyone');
$everyone->PrincipalObj->GrantRight(Right => $_, Object => RT->System) for qw(CreateTicket ReplyToTicket);
my $staff = RT::Group->new(RT->SystemUser);
$staff->LoadSystemInternalGroup('Privileged');
$staff->PrincipalObj->GrantRight(Right => $_, Object => RT->System)
    for qw(SeeQueue ShowTicket ShowTicketComments CommentOnTicket ReplyToTicket ModifyTicket OwnTicket SeeCustomField);
"""


def sample() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return resolved incidents of three groups from the sample, spread over its time, and the articles they used."""
    incidents = pd.read_csv(ROOT / "data" / "sample" / "incidents.csv", dtype="str", keep_default_na=False)
    incidents = incidents[(incidents["type"] == "incident") & (incidents["close_notes"] != "")]
    chosen = [
        group.iloc[:: max(1, len(group) // each)][:each]
        for name, group in incidents.groupby("assignment_group")
        for each in [EACH // 3 if name == UNPROVEN else EACH]
        if name in QUEUES
    ]
    history = pd.concat(chosen).sort_values("opened_at", ignore_index=True)
    articles = pd.read_csv(ROOT / "data" / "sample" / "knowledge.csv", dtype="str", keep_default_na=False)
    return history, articles[articles["number"].isin(set(history["knowledge"]))].reset_index(drop=True)


@dataclass
class Desk:
    """Request Tracker with a history, and Faultwise beside it."""

    rt: RequestTracker
    service: Process
    token: str
    history: pd.DataFrame
    folder: Path
    numbers: dict[str, str]  # the sample's number to RT's

    @property
    def database(self) -> str:
        return self.service.database

    def faultwise(self, *words: object, succeeds: bool = True, **environment: str) -> str:
        """Run the command line as a user does."""
        values = self.service.environment | environment
        command = [sys.executable, "-m", "api.cli", *map(str, words)]
        result = subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True, check=False)
        assert (result.returncode == 0) == succeeds, result.stderr[-3000:]
        return result.stdout if succeeds else result.stderr

    def import_tickets(self, *words: object, **options: Any) -> dict[str, Any]:
        said = self.faultwise(
            "import",
            "--source",
            "rt",
            "--database",
            self.database,
            "--quiet",
            "--json",
            "--state",
            self.folder / f"state{len(words)}.json",
            *words,
            **options,
        )
        return json.loads(said)

    def api(self) -> httpx.Client:
        return httpx.Client(base_url=self.service.base, headers=self.service.headers, timeout=60)

    def stored(self, number: str | int) -> dict[str, Any]:
        with self.api() as client:
            return client.get(f"/v1/incidents/{number}").json()

    def diagnosis(self, number: str | int) -> dict[str, Any]:
        """Return the first diagnosis of a ticket, as soon as there is one."""
        with self.api() as client:

            def found() -> list[dict[str, Any]]:
                return client.get("/v1/diagnoses", params={"incident": number}).json()["items"]

            assert soon(lambda: bool(found()), 20), self.rt.log()
            return found()[0]

    def release_in_service(self) -> str:
        with self.api() as client:
            return str(client.get("/health/ready").json().get("release", ""))

    def is_written(self) -> bool:
        with self.api() as client:
            return client.get("/v1/outbox", params={"state": "waiting"}).json()["items"] == []

    def ticket(self, number: str | int) -> dict[str, Any]:
        with self.rt.client() as client:
            return client.get(f"/ticket/{number}", params={"fields[Queue]": "Name"}).json()

    def comments(self, number: str | int) -> list[str]:
        """Return the texts of the comments that Faultwise wrote on a ticket."""
        with self.rt.client() as client:
            query = f"ObjectType = 'RT::Ticket' AND ObjectId = {number} AND Type = 'Comment'"
            answer = client.get("/transactions", params={"query": query, "fields": "Data,Creator", "per_page": 100})
            ids = [item["id"] for item in answer.json()["items"] if item["Data"].startswith("Faultwise")]
            return [
                client.get(f"/transaction/{one}/attachments", params={"fields": "Content"}).json()["items"][0][
                    "Content"
                ]
                for one in ids
            ]

    def first_text(self, number: str) -> str:
        """Return the text that a ticket was made with."""
        created = f"ObjectType = 'RT::Ticket' AND ObjectId = {number} AND Type = 'Create'"
        with self.rt.client() as client:
            (first,) = client.get("/transactions", params={"query": created, "fields": "Type"}).json()["items"]
            path = f"/transaction/{first['id']}/attachments"
            return str(client.get(path, params={"fields": "Content"}).json()["items"][0]["Content"])

    def referred_by(self, number: str) -> set[str]:
        """Return the tickets that a ticket refers to."""
        with self.rt.client() as client:
            query = {"query": f"ReferredToBy = {number}", "per_page": 100}
            return {str(item["id"]) for item in client.get("/tickets", params=query).json()["items"]}

    def create(self, subject: str, content: str, **fields: Any) -> str:
        body = {"Queue": "General", "Subject": subject, "Content": content, "ContentType": "text/plain"}
        with self.rt.client() as client:
            return str(posted(client, "/ticket", body | {"Requestor": "new@desk.example"} | fields)["id"])


def fill(rt: RequestTracker, history: pd.DataFrame, articles: pd.DataFrame) -> dict[str, str]:
    """Write a history into RT over REST2, and move it to its days, which REST2 cannot; return RT's numbers."""
    with rt.client() as client:
        for queue in (*QUEUES, PROBLEMS, ACTIONS):
            posted(client, "/queue", {"Name": queue})
        for name in FIELDS:
            kind = {"Type": "Freeform", "MaxValues": 1, "LookupType": "RT::Queue-RT::Ticket"}
            posted(client, "/customfield", {"Name": name, **kind})
        beth = {"Name": "beth", "RealName": "Beth Anglin", "EmailAddress": "beth@desk.example"}
        posted(client, "/user", beth | {"Privileged": 1, "Password": "bethpass1"})
        (rt.folder / "fields.pl").write_text(PERL_FIELDS, encoding="utf-8")
        rt.run("perl", rt.folder / "fields.pl")
        posted(client, "/class", {"Name": "Solutions"})
        written = {}
        for article in articles.itertuples():
            fields = {"Content": article.resolution}
            body = {
                "Class": "Solutions",
                "Name": article.title,
                "Summary": article.symptoms[:250],
                "CustomFields": fields,
            }
            written[article.number] = posted(client, "/article", body)["id"]

    def ticket(row: Any) -> str:
        fields = {"Category": row.category, "Configuration item": row.cmdb_ci}
        body = {
            "Queue": row.assignment_group,
            "Subject": row.short_description,
            "Content": row.description,
            "ContentType": "text/plain",
            "Requestor": f"{row.caller.replace(' ', '.').lower()}@desk.example",
            "CustomFields": {name: value for name, value in fields.items() if value},
        }
        if row.knowledge in written:
            body["RefersTo"] = f"a:{written[row.knowledge]}"
        with rt.client() as client:
            number = posted(client, "/ticket", body)["id"]
            kind = "correspond" if int(number) % 2 else "comment"
            posted(
                client,
                f"/ticket/{number}/{kind}",
                {"Content": row.close_notes, "ContentType": "text/plain", "Status": "resolved"},
            )
        return str(number)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(history["number"], pool.map(ticket, history.itertuples()), strict=True))


def move_to_its_days(rt: RequestTracker, history: pd.DataFrame, numbers: dict[str, str]) -> None:
    """Give tickets the times that they had: REST2 dates everything today."""
    days = [
        (*(text[:19].replace("T", " ") for text in (row.opened_at, row.resolved_at)), numbers[row.number])
        for row in history.itertuples()
    ]
    rt.execute(
        "UPDATE Tickets SET Created = ?, Started = ?, Resolved = ?, LastUpdated = ? WHERE id = ?",
        [(opened, opened, resolved, resolved, number) for opened, resolved, number in days],
    )
    ticket = "ObjectType = 'RT::Ticket' AND ObjectId = ?"
    rt.execute(
        f"UPDATE Transactions SET Created = ? WHERE {ticket}",
        [(resolved, number) for _, resolved, number in days],
    )
    rt.execute(
        f"UPDATE Transactions SET Created = ? WHERE {ticket} AND Type = 'Create'",
        [(opened, number) for opened, _, number in days],
    )


def switch_scrips(rt: RequestTracker, *, on: bool) -> None:
    """Switch scrips off while the history is written: nobody wants a mail for each ticket of it."""
    rt.execute("UPDATE Scrips SET Disabled = ?", [(0 if on else 1,)])


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Desk]:
    """Yield a desk whose history was written, imported, trained on and published."""
    folder = tmp_path_factory.mktemp("desk")
    service = Process(f"sqlite:///{folder / 'faultwise.db'}", folder / "models", panel_secret=PANEL_SECRET)
    rt = RequestTracker()
    rt.more = "\n".join(
        [
            f"Set($FaultwiseURL, '{service.base}');",
            f"Set($FaultwisePanelURL, 'http://localhost:{service.port}');",
            f"Set($FaultwiseSecret, '{SECRET}');",
            f"Set($FaultwisePanelSecret, '{PANEL_SECRET}');",
        ]
    )
    try:
        rt.create()
        token = rt.set_up()
        switch_scrips(rt, on=False)
        rt.start()
        history, articles = sample()
        numbers = fill(rt, history, articles)
        rt.stop()
        switch_scrips(rt, on=True)
        move_to_its_days(rt, history, numbers)
        rt.start()
        settings = {
            "SECRET": SECRET,
            "URL": rt.base,
            "TOKEN": token,
            "WRITE_BACK": "true",
            "FIELDS": json.dumps(FIELDS),
            "PROBLEM_QUEUE": PROBLEMS,
            "ACTION_QUEUE": ACTIONS,
        }
        service.environment |= {f"FAULTWISE_INTEGRATIONS__RT__{name}": value for name, value in settings.items()}
        service.environment |= {"FAULTWISE_PANEL_ANCESTORS": rt.base, "FAULTWISE_ALLOW_PRIVATE_ADDRESSES": "true"}
        desk = Desk(rt, service, token, history, folder, numbers)
        desk.import_tickets()
        desk.import_tickets("--articles")
        # For so short a history; with more rows for calibration the small group would be proven too.
        (folder / "settings.toml").write_text("precision = 0.9\ncalibration_share = 0.15\n", encoding="utf-8")
        train(desk)
        service.start()
        yield desk
    finally:
        if getattr(service, "process", None):
            service.stop()
        rt.remove()


def train(desk: Desk) -> str:
    """Train on the store and publish; a few new tickets are too few for the gate to compare releases by."""
    words = ["train", "--from-store", desk.database, "--config", desk.folder / "settings.toml"]
    targets = ["--target", "assignment_group", "--target", "category"]
    models = desk.folder / "models"
    said = desk.faultwise(*words, *targets, "--out", models, "--no-evaluate", "--quiet", "--json")
    release = str(json.loads(said)["release"])
    desk.faultwise("publish", release, "--models", models, "--force", "the first releases of a new desk")
    return release


def test_the_history_came_in_as_it_was_written(desk) -> None:
    store = Store.open(desk.database)
    bodies = {record.number: record.body for record in store.incidents.page(2000, None)}
    articles = {record.number: record.body for record in store.articles.page(2000, None)}
    store.close()
    assert len(bodies) == len(desk.history)
    linked = set(sample()[1]["number"])
    for row in desk.history.itertuples():
        body = bodies[desk.numbers[row.number]]
        assert body["short_description"][:40] == repair(row.short_description).strip()[:40]
        assert body["assignment_group"] == row.assignment_group
        assert (body["opened_at"][:19], body["resolved_at"][:19]) == (row.opened_at[:19], row.resolved_at[:19])
        assert (body.get("category", ""), body.get("cmdb_ci", "")) == (row.category, row.cmdb_ci)
        assert body["state"] == "resolved"
        assert body["close_notes"]
        assert bool(body.get("knowledge")) == (row.knowledge in linked)
    known = [body for body in bodies.values() if body.get("knowledge")]
    assert known
    assert {body["knowledge"] for body in known} <= set(articles)
    assert all(body["resolution"] for body in articles.values())


MAIL = ("VPN 断线，错误 809", "从今天早上开始在家里连不上 VPN，提示错误 809，每隔几分钟就断线。\n请帮忙处理。")


def sent(desk: Desk, subject: str, text: str, charset: str) -> str:
    """Send a mail as a requestor, and return the number of the ticket that comes of it."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "li@desk.example", "rt@desk.example", subject
    message["Message-ID"] = f"<{time.monotonic_ns()}@desk.example>"
    message.set_content(text, charset=charset, cte="base64")
    with desk.rt.client() as client:
        before = int(client.get("/tickets", params={"query": "id > 0", "per_page": 1}).json()["total"])
        desk.rt.mail(message.as_bytes())
        query = {"query": "id > 0", "orderby": "id", "order": "DESC", "per_page": 1}
        answer = client.get("/tickets", params=query).json()
        assert int(answer["total"]) == before + 1
        return str(answer["items"][0]["id"])


def check_written(desk: Desk, number: str) -> str:
    """Check that a ticket holds what its diagnosis says, and return how it was decided."""
    said = desk.diagnosis(number)
    assert soon(desk.is_written, 30)
    (comment,) = desk.comments(number)
    assert said["id"] in comment
    prediction = said["predictions"]["assignment_group"]
    queue = desk.ticket(number)["Queue"]["Name"]
    assert queue == (prediction["value"] if prediction["decision"] == "automatic" else "General")
    return prediction["decision"]


@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_a_mail_is_routed_where_that_is_certified(desk, charset) -> None:
    number = sent(desk, *MAIL, charset)
    assert desk.stored(number)["short_description"] == MAIL[0]
    assert "连不上 VPN" in desk.stored(number)["description"]
    assert check_written(desk, number) == "automatic"
    assert desk.ticket(number)["Queue"]["Name"] == "Network Operations"
    assert "Faultwise 诊断" in desk.comments(number)[0]


def test_what_is_not_certified_stays_in_its_queue_with_a_suggestion(desk) -> None:
    number = desk.create("邮箱已满", "Outlook 提示邮箱配额已满，无法发送邮件")
    assert check_written(desk, number) == "suggested"
    assert desk.ticket(number)["Queue"]["Name"] == "General"
    assert desk.diagnosis(number)["suggestions"]


def test_html_and_attachments(desk) -> None:
    attachment = {"FileName": "log.txt", "FileType": "text/plain", "FileContent": base64.b64encode(b"x" * 999).decode()}
    content = "<style>p {margin: 0}</style><p>The <b>VPN</b> drops &amp; shows error&nbsp;809</p><p>since 9 h</p>"
    number = desk.create("VPN drops", content, ContentType="text/html", Attachments=[attachment])
    desk.diagnosis(number)
    assert desk.stored(number)["description"] == "The VPN drops & shows error 809\nsince 9 h"
    assert check_written(desk, number)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def agent(browser, desk) -> Iterator[Callable[[str], Any]]:
    """Return a function that opens a ticket as an agent who has signed in to RT."""
    context = browser.new_context(viewport={"width": 1500, "height": 1300}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(desk.rt.base)
    page.fill("input[name=user]", "root")
    page.fill("input[name=pass]", ROOT_PASSWORD)
    page.click("input[type=submit]")
    page.wait_for_load_state()

    def opened(number: str) -> Any:
        page.goto(f"{desk.rt.base}/Ticket/Display.html?id={number}")
        return page

    yield opened
    context.close()


def test_an_agent_sees_the_fix_and_says_that_it_helped(desk, agent) -> None:
    number = sent(desk, *MAIL, "utf-8")
    check_written(desk, number)
    page = agent(number)
    panel = page.frame_locator(".ticket-info-faultwise iframe")
    suggestion = panel.locator("#suggestion-1")
    fix = suggestion.locator(".steps, p.text").first.inner_text()
    assert fix.strip()
    if folder := os.environ.get("FAULTWISE_SCREENSHOTS"):  # the picture of docs/integrations/request-tracker.md
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(folder) / "request-tracker.png")
    suggestion.get_by_role("button", name=MESSAGES["en"]["helped"], exact=True).click()
    suggestion.get_by_role("status").wait_for()
    said = desk.diagnosis(number)
    with desk.api() as client:
        (given,) = client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"]
    assert (given["kind"], given["actor"]) == ("suggestion_worked", "panel:root")


def test_a_resolved_ticket_is_counted_and_the_next_training_knows_it(desk) -> None:
    number = sent(desk, "VPN 断线 quokka-77", MAIL[1], "utf-8")
    assert check_written(desk, number) == "automatic"
    with desk.api() as client, desk.rt.client() as rt:

        def settled() -> int:
            targets = client.get("/v1/quality").json()["targets"]
            return next(t["all"]["settled"] for t in targets if t["target"] == "assignment_group")

        before = settled()
        body = {"Content": "在网关 quokka-77 上更新了证书", "ContentType": "text/plain", "Status": "resolved"}
        posted(rt, f"/ticket/{number}/correspond", body)
        assert soon(lambda: desk.stored(number).get("state") == "resolved", 15)
        known = desk.stored(number)
        assert known["close_notes"] == "在网关 quokka-77 上更新了证书"
        assert known["resolved_at"]
        assert soon(lambda: settled() == before + 1, 30)
    first, release = desk.release_in_service(), train(desk)
    assert soon(lambda: desk.release_in_service() == release, 60)
    said = desk.diagnosis(desk.create("VPN 断线 quokka-77", MAIL[1]))
    assert number in [entry["number"] for entry in said["similar_incidents"]]
    # What follows asks for the certificate of before: with these tickets in it, another draw may prove nothing.
    desk.faultwise("publish", first, "--models", desk.folder / "models", "--force", "back to the first one")
    assert soon(lambda: desk.release_in_service() == first, 60)


def test_a_reply_reopens_and_the_resolution_is_over(desk) -> None:
    number = desk.create("VPN drops again", "error 809 since today")
    check_written(desk, number)
    with desk.rt.client() as client:
        posted(
            client, f"/ticket/{number}/comment", {"Content": "done", "ContentType": "text/plain", "Status": "resolved"}
        )
        assert soon(lambda: "resolved_at" in desk.stored(number), 15)
        posted(client, f"/ticket/{number}/correspond", {"Content": "no, again", "ContentType": "text/plain"})
    assert soon(lambda: desk.stored(number).get("resolved_at") is None, 15)
    assert desk.stored(number)["state"] == "open"


def test_nothing_is_lost_while_rt_is_away_or_refuses_us(desk) -> None:
    right = desk.service.environment["FAULTWISE_INTEGRATIONS__RT__TOKEN"]
    desk.service.stop()
    desk.service.environment["FAULTWISE_INTEGRATIONS__RT__TOKEN"] = "1-2-wrong"
    desk.service.start()
    mine = desk.create(*MAIL)
    theirs = desk.create(*MAIL)
    for number in (mine, theirs):
        desk.diagnosis(number)
    with desk.api() as client:
        page = client.get("/v1/outbox", params={"state": "waiting"}).json()["items"]
        assert soon(lambda: all("401" in one["error"] for one in page) or bool(page), 10)
    with desk.rt.client() as client:  # a person decides while our order waits
        client.put(f"/ticket/{theirs}", json={"Queue": "Messaging", "Owner": "beth"}).raise_for_status()
    desk.rt.stop()
    desk.service.stop()
    desk.service.environment["FAULTWISE_INTEGRATIONS__RT__TOKEN"] = right
    desk.service.start()
    time.sleep(2)
    assert not desk.is_written()
    desk.rt.start()
    assert soon(desk.is_written, 90)
    assert [len(desk.comments(number)) for number in (mine, theirs)] == [1, 1]
    assert desk.ticket(mine)["Queue"]["Name"] == "Network Operations"
    ticket = desk.ticket(theirs)
    assert (ticket["Queue"]["Name"], ticket["Owner"]["id"]) == ("Messaging", "beth")


def test_a_proposed_problem_becomes_one_ticket_that_refers_to_its_incidents_and_is_none(desk) -> None:
    with desk.api() as client:
        problem = client.get("/v1/problems").json()["problems"][0]
        path = f"/v1/problems/{problem['id']}"
        proposal = {"system": "rt", "owner": "Network Operations", "due": "2030-01-31"}
        client.post(f"{path}/proposal", json=proposal).raise_for_status()

        def record() -> dict[str, Any]:
            return client.get(path).json()["external_record"]

        assert soon(lambda: record()["state"] != "waiting", 60)
        assert record()["state"] == "made", record()
        number = record()["number"]
        ticket = desk.ticket(number)
        assert ticket["Queue"]["Name"] == PROBLEMS
        assert ticket["Subject"] == f"{problem['title']} [{problem['id']}]"
        assert f"Faultwise {problem['id']}" in desk.first_text(number)
        assert desk.referred_by(number) == set(problem["numbers"][:50])
        assert client.post(f"{path}/proposal", json=proposal).status_code == 409
        order = next(call for call in client.get("/v1/outbox").json()["items"] if call["kind"] == "problem:rt")
        assert order["state"] == "done"
        assert client.get(f"/v1/incidents/{number}").status_code == 404
        desk.import_tickets("--query", f"Queue != '{PROBLEMS}'")
        assert client.get(f"/v1/incidents/{number}").status_code == 404


def test_an_open_action_becomes_one_ticket_that_says_what_is_to_be_done_and_is_no_incident(desk) -> None:
    numbers = [desk.numbers[number] for number in desk.history["number"][:2]]
    planned = {
        "title": "邮件组：更快响应 <faster>",
        "kind": "process",
        "source_kind": "review",
        "source": "2026Q3",
        "measure": "response",
        "owner": "Li Lei",
        "due": "2030-01-31",
        "evidence": [{"kind": "incident", "number": number} for number in numbers],
        "expected_effect": {"from": 5.0, "to": 2.0, "records": 40},
        "status": "open",
    }
    with desk.api() as client:
        path = f"/v1/actions/{client.post('/v1/actions', json=planned).raise_for_status().json()['id']}"
        order = {"system": "rt", "language": "zh"}
        assert client.post(f"{path}/record", json=order).status_code == 201

        def action() -> dict[str, Any]:
            return client.get(path).json()

        assert soon(lambda: action()["external_record"]["state"] != "waiting", 60)
        record = action()["external_record"]
        assert record["state"] == "made", record
        number, marker = record["number"], action()["id"]
        ticket = desk.ticket(number)
        assert (ticket["Queue"]["Name"], ticket["Subject"]) == (ACTIONS, f"{planned['title']} [{marker}]")
        lines = desk.first_text(number).strip().splitlines()
        assert lines[0] == "预期效果：由 5 小时 变为 2 小时，涉及 40 件"
        assert "负责人：Li Lei" in lines
        assert "期限：2030-01-31" in lines
        assert lines[-1] == f"Faultwise {marker}"
        assert desk.referred_by(number) == set(numbers)
        assert client.post(f"{path}/record", json=order).status_code == 409
        with desk.rt.client() as rt:
            found = rt.get("/tickets", params={"query": f"Subject LIKE '{marker}'"}).json()["items"]
            assert [str(item["id"]) for item in found] == [number]
            body = {"Content": "agreed", "ContentType": "text/plain"}
            posted(rt, f"/ticket/{number}/correspond", body)  # RT tells us of it as of any ticket
        assert client.get(f"/v1/incidents/{number}").status_code == 404
        assert client.get("/v1/diagnoses", params={"incident": number}).json()["items"] == []


def test_a_problem_is_found_again_in_rt_and_no_second_ticket_is_made(desk) -> None:
    numbers = [desk.numbers[number] for number in desk.history["number"][:3]]
    body = {
        "problem": "P0a1b2c3d4e5f",
        "title": "打印机卡纸 “again”",
        "text": "3 incidents\n第二行",
        "numbers": [*numbers, "999999", "gone"],
    }
    access = {"write_back": True, "url": desk.rt.base, "token": desk.token, "problem_queue": PROBLEMS}
    made: list[tuple[str, str, str]] = []
    settings = Integrations.model_validate({"rt": access})
    write = problem_writers(settings, True, lambda *record: made.append(record))[f"{WRITE_BACK}rt"]
    for key in ("first", "again"):
        write(OutgoingCall(f"{WRITE_BACK}rt", "rt", key, body))
    ((_, _, number),) = set(made)
    with desk.rt.client() as rt:
        found = rt.get("/tickets", params={"query": "Subject LIKE 'P0a1b2c3d4e5f'"}).json()["items"]
        assert [str(item["id"]) for item in found] == [number]
        assert desk.ticket(number)["Subject"] == "打印机卡纸 “again” [P0a1b2c3d4e5f]"
        linked = rt.get("/tickets", params={"query": f"ReferredToBy = {number}"}).json()["items"]
        assert {str(item["id"]) for item in linked} == set(numbers)


def test_a_change_in_the_same_moment_is_not_overwritten(desk) -> None:
    from api.integrations.settings import RequestTracker as Settings
    from api.integrations.writing import rt as writer
    from api.integrations.writing.order import Order

    with desk.rt.client() as person:
        number = str(posted(person, "/ticket", {"Queue": "General", "Subject": "x", "Content": "silent"})["id"])
        assert soon(desk.is_written, 30)
        order = Order(number, number, "note 7", "7", values={"cmdb_ci": "vpn-1"}, previous={"cmdb_ci": ""})
        puts = []

        def meanwhile(request: httpx.Request) -> None:
            if request.method == "PUT":
                puts.append(request)
                if len(puts) == 1:
                    person.put(f"/ticket/{number}", json={"CustomFields": {"Configuration item": "vpn-2"}})

        settings = Settings(fields=FIELDS)
        headers = {"Authorization": f"token {desk.token}"}
        with httpx.Client(base_url=desk.rt.base, headers=headers, event_hooks={"request": [meanwhile]}) as ours:
            writer.write(ours, settings, order)
            writer.write(ours, settings, order)
        assert len(puts) == 1, "refused, and then no longer wanted"
    fields = {field["name"]: field["values"] for field in desk.ticket(number)["CustomFields"]}
    assert fields["Configuration item"] == ["vpn-2"]
    assert len([text for text in desk.comments(number) if "note 7" in text]) == 1


def test_what_rt_does_not_take_is_said(desk) -> None:
    from api.integrations.settings import RequestTracker as Settings
    from api.integrations.writing import rt as writer
    from api.integrations.writing.order import Order
    from api.outgoing.courier import GivenUpError

    number = desk.create("y", "silent")
    assert soon(desk.is_written, 30)
    queue = desk.ticket(number)["Queue"]["Name"]
    order = Order(
        number, number, "n", "8", values={"assignment_group": "No such queue"}, previous={"assignment_group": queue}
    )
    with httpx.Client(base_url=desk.rt.base, headers={"Authorization": f"token {desk.token}"}) as ours:
        if queue == "General":
            with pytest.raises(GivenUpError, match="did not take Queue"):
                writer.write(ours, Settings(), order)
        gone = Order("999999", "999999", "n", "9")
        with pytest.raises(GivenUpError):
            writer.write(ours, Settings(), gone)


def test_a_ticket_that_came_while_faultwise_was_down_comes_with_the_next_import(desk) -> None:
    desk.service.stop()
    kept = desk.create("VPN drops", "error 809 at night")
    away = desk.create("VPN drops too", "error 809 at night")
    with desk.rt.client() as client:
        client.put(f"/ticket/{away}", json={"MergeInto": int(kept)}).raise_for_status()
        posted(
            client,
            f"/ticket/{kept}/comment",
            {"Content": "renewed the certificate", "ContentType": "text/plain", "Status": "resolved"},
        )
    assert "did not take ticket" in desk.rt.log()
    desk.service.start()
    desk.rt.pause()  # slow: the import waits for it
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        importing = pool.submit(desk.import_tickets)
        time.sleep(3)
        desk.rt.resume()
        importing.result()
    assert desk.stored(kept)["close_notes"] == "renewed the certificate"
    merged = desk.stored(away)
    assert (merged["state"], merged["close_code"], merged["short_description"]) == ("merged", "merged", "VPN drops too")


def test_a_ticket_that_came_while_faultwise_was_down_is_diagnosed_when_it_is_back(desk) -> None:
    desk.service.stop()
    missed = desk.create(*MAIL)
    closed = desk.create("VPN drops at noon", "error 809 at noon")
    with desk.rt.client() as client:
        body = {"Content": "restarted the gateway", "ContentType": "text/plain", "Status": "resolved"}
        posted(client, f"/ticket/{closed}/correspond", body)
    desk.service.environment["FAULTWISE_INTEGRATIONS__RT__SYNC_MINUTES"] = "0.05"
    desk.service.start()
    assert check_written(desk, missed) == "automatic"
    assert soon(lambda: desk.stored(closed).get("close_notes") == "restarted the gateway", 20)
    time.sleep(8)  # it looks again, twice
    desk.service.stop()
    del desk.service.environment["FAULTWISE_INTEGRATIONS__RT__SYNC_MINUTES"]
    desk.service.start()
    assert len(desk.comments(missed)) == 1
    assert desk.comments(closed) == []
    with desk.api() as client:
        assert len(client.get("/v1/diagnoses", params={"incident": missed}).json()["items"]) == 1
        assert client.get("/v1/diagnoses", params={"incident": closed}).json()["items"] == []


def test_a_change_of_fields_alone_is_remembered(desk) -> None:
    number = desk.create("VPN drops", "error 809")
    check_written(desk, number)
    with desk.rt.client() as client:
        client.put(f"/ticket/{number}", json={"CustomFields": {"Configuration item": "vpn-9"}}).raise_for_status()
        assert soon(lambda: desk.stored(number).get("cmdb_ci") == "vpn-9", 15)
        client.put(f"/ticket/{number}", json={"Subject": "VPN drops at home"}).raise_for_status()
        assert soon(lambda: desk.stored(number)["short_description"] == "VPN drops at home", 15)


def test_wrong_credentials_are_said_in_one_line(desk) -> None:
    said = desk.faultwise(
        "import",
        "--source",
        "rt",
        "--database",
        desk.database,
        "--quiet",
        "--state",
        desk.folder / "other.json",
        succeeds=False,
        FAULTWISE_INTEGRATIONS__RT__TOKEN="1-2-wrong",
    )
    assert "401: the credentials are wrong" in said
    assert len(said.strip().splitlines()) == 1
