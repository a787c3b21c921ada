"""Events to people: by a mail server that speaks SMTP, and to robots that answer as WeCom, DingTalk and Feishu do."""

import base64
import email
import email.policy
import hashlib
import hmac
import socket
import threading
import time
from contextlib import ExitStack, suppress
from typing import get_args

import pytest
from aiosmtpd.controller import Controller

from api.outgoing.mail import MailSettings, send
from api.settings import Settings
from api.webhooks.events import EventType
from api.webhooks.messages import message_of
from tests.api.remote import Remote
from tests.serving import Serving
from tests.waiting import soon


class Mailbox:
    """Takes every message."""

    def __init__(self):
        self.messages = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        self.messages.append(
            (envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default))
        )
        return "250 taken"


@pytest.fixture(scope="module")
def mailbox():
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        box.port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=box.port)
    server.start()
    yield box
    server.stop()


@pytest.fixture(scope="module")
def client(models, tmp_path_factory, mailbox):
    database = tmp_path_factory.mktemp("messages") / "faultwise.db"
    mail = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "sender": "faultwise@example.com"}
    settings = Settings(database=f"sqlite:///{database}", models=models, allow_private_addresses=True, mail=mail)
    with Serving(settings) as serving:
        yield serving


def subscribe(client, url, kind, **more):
    body = {"url": url, "events": ["incident.updated"], "format": kind, **more}
    made = client.post("/v1/subscriptions", json=body)
    assert made.status_code == 201, made.text
    return made.json()


def dead(client, subscription):
    return client.get("/v1/outbox", params={"destination": subscription}).json()["items"]


def test_mail_in_the_reader_s_language(client, mailbox):
    made = subscribe(client, "mailto:desk@example.com", "email", language="zh")
    client.post("/v1/incidents", json={"number": "MAIL1", "short_description": "秘密"})
    assert soon(lambda: mailbox.messages)
    [(to, message)] = mailbox.messages
    client.delete(f"/v1/subscriptions/{made['id']}")
    assert to == ["desk@example.com"]
    assert message["subject"] == "事件 MAIL1 已保存或更改"
    assert message["from"] == "faultwise@example.com"
    assert "编号：MAIL1" in message.get_content()
    assert "秘密" not in str(message)


@pytest.mark.parametrize(
    ("security", "greeting"), [("none", b"220 " + b"a" * 60), ("tls", b"\x16\x03\x03\x02\x00" + b"a" * 60)]
)
def test_a_mail_server_that_sends_a_byte_now_and_then_is_not_waited_for(security, greeting):
    sent = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def trickle():
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                for byte in greeting:
                    connection.sendall(bytes([byte]))
                    sent.append(byte)
                    time.sleep(0.2)

        server = threading.Thread(target=trickle)
        server.start()
        mail = MailSettings(
            host="127.0.0.1", port=listener.getsockname()[1], security=security, sender="faultwise@example.com"
        )
        with pytest.raises(OSError):  # noqa: PT011 - whatever the kind, the call is over
            send(mail, "desk@example.com", "x", "x", "m1", timeout=1)
        server.join()
    assert len(sent) < len(greeting)


@pytest.fixture
def silent(mailbox):
    """An address at whose port no connection comes about, as behind a firewall that drops packets."""
    with socket.socket() as listener, ExitStack() as waiting:
        listener.bind(("127.0.0.2", mailbox.port))
        listener.listen(0)
        for _ in range(4):  # more than wait in line, so that the system answers no other
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield "127.0.0.2"


@pytest.fixture
def mail_of(mailbox, monkeypatch):
    """Return settings of a mail server whose name stands for several addresses."""
    real = socket.getaddrinfo

    def settings(*addresses):
        infos = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, mailbox.port)) for address in addresses]
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *rest, **more: infos if host == name else real(host, *rest, **more)
        )
        return MailSettings(host=name, port=mailbox.port, security="none", sender="faultwise@example.com")

    name = "mail.example.com"
    return settings


def test_a_mail_server_of_many_silent_addresses_has_the_time_of_one_call(silent, mail_of):
    mail = mail_of(*[silent] * 4)
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        send(mail, "desk@example.com", "x", "x", "m1", timeout=1)
    assert 0.9 < time.monotonic() - start < 1.5


def test_a_silent_address_of_a_mail_server_leaves_time_for_the_others(silent, mailbox, mail_of):
    known = len(mailbox.messages)
    send(mail_of(silent, "127.0.0.1"), "desk@example.com", "after a silent one", "x", "m1", timeout=4)
    assert [message["subject"] for _, message in mailbox.messages[known:]] == ["after a silent one"]


def test_a_slow_mail_server_holds_its_share_and_others_get_their_events(models, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent, Remote() as remote:
        mail = {"host": "127.0.0.1", "port": silent.getsockname()[1], "security": "none", "sender": "f@example.com"}
        settings = Settings(
            database=f"sqlite:///{tmp_path / 'f.db'}", models=models, allow_private_addresses=True, mail=mail
        )
        with Serving(settings) as serving:
            for person in range(4):
                subscribe(serving, f"mailto:p{person}@example.com", "email")
            subscribe(serving, f"{remote.url}/hook", "webhook")
            for number in range(4):
                serving.post("/v1/incidents", json={"number": f"SLOW{number}", "short_description": "x"})
            remote.wait_for(4)
            silent.close()  # those that wait for its greeting learn that it is gone


@pytest.mark.parametrize("kind", ["wecom", "dingtalk"])
def test_a_message_to_a_robot_with_markdown(client, kind):
    with Remote(lambda _r: (200, {"errcode": 0, "errmsg": "ok"})) as remote:
        made = subscribe(client, f"{remote.url}/send?key=k1", kind)
        client.post("/v1/incidents", json={"number": f"{kind}-[x](http://evil) @all"})
        [sent] = remote.wait_for(1)
        client.delete(f"/v1/subscriptions/{made['id']}")
    assert made["secret"] == ""
    assert sent.query["key"] == "k1"
    assert sent.json["msgtype"] == "markdown"
    content = sent.json["markdown"]["content" if kind == "wecom" else "text"]
    assert content.startswith(f"**Incident {kind}-\\[x\\]\\(http://evil\\) @\u200ball was stored or changed**")


def test_a_dingtalk_robot_gets_its_signature(client):
    with Remote(lambda _r: (200, {"errcode": 0, "errmsg": "ok"})) as remote:
        made = subscribe(client, f"{remote.url}/robot/send?access_token=t", "dingtalk", secret="SECabc")
        client.post("/v1/incidents", json={"number": "DING1"})
        [sent] = remote.wait_for(1)
        client.delete(f"/v1/subscriptions/{made['id']}")
    text = f"{sent.query['timestamp']}\nSECabc".encode()
    assert sent.query["sign"] == base64.b64encode(hmac.new(b"SECabc", text, hashlib.sha256).digest()).decode()
    assert sent.query["access_token"] == "t"


def test_a_feishu_robot_gets_its_signature_and_text_in_which_nothing_is_a_mention_or_a_link(client):
    with Remote(lambda _r: (200, {"code": 0, "msg": "success"})) as remote:
        made = subscribe(client, f"{remote.url}/hook/x", "feishu", secret="s3", language="zh")
        client.post("/v1/incidents", json={"number": 'FEI1 <at user_id="all"></at>[x](http://evil)'})
        [sent] = remote.wait_for(1)
        client.delete(f"/v1/subscriptions/{made['id']}")
    number = 'FEI1 <\u200bat user_id="all"><\u200b/at>[x]\u200b(http://evil)'
    assert sent.json["content"]["text"] == f"事件 {number} 已保存或更改\n编号：{number}"
    key = f"{sent.json['timestamp']}\ns3".encode()
    assert sent.json["sign"] == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()


@pytest.mark.parametrize(
    ("kind", "reply", "reason"),
    [
        (
            "wecom",
            {"errcode": 45009, "errmsg": "api freq out of limit"},
            "answered errcode 45009: api freq out of limit",
        ),
        ("feishu", {"code": 19021, "msg": "sign match fail"}, "answered code 19021: sign match fail"),
        ("dingtalk", ["?"], "answered without JSON"),
    ],
)
def test_an_error_in_an_answer_of_200_is_a_failure_that_is_tried_again(client, kind, reply, reason):
    with Remote(lambda _r: (200, reply)) as remote:
        made = subscribe(client, f"{remote.url}/x", kind)
        client.post("/v1/incidents", json={"number": f"ERR-{kind}"})
        assert soon(lambda: [call for call in dead(client, made["id"]) if call["error"]])
        [call] = dead(client, made["id"])
        client.delete(f"/v1/subscriptions/{made['id']}")
    assert reason in call["error"]
    assert call["state"] == "waiting"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"format": "email", "url": "https://example.com"}, "expected mailto: and an address"),
        ({"format": "email", "url": "mailto:a@example.com,b@example.com"}, "expected an address of mail"),
        ({"format": "email", "url": "mailto:a@example.com\r\nBcc: b@example.com"}, "expected an address of mail"),
        ({"format": "wecom", "url": "mailto:a@example.com"}, "expected a URL"),
        ({"format": "wecom", "url": "http://127.0.0.1:9/x", "secret": "s"}, "expected no secret"),
    ],
)
def test_what_cannot_be_subscribed_says_what_was_expected(client, body, detail):
    refused = client.post("/v1/subscriptions", json={"events": ["incident.updated"], **body})
    assert refused.status_code == 422
    assert detail in refused.json()["detail"]


def test_a_robot_has_no_secret_of_ours_to_rotate(client):
    made = subscribe(client, "http://127.0.0.1:9/x", "wecom")
    refused = client.post(f"/v1/subscriptions/{made['id']}/secret")
    client.delete(f"/v1/subscriptions/{made['id']}")
    assert refused.status_code == 422
    assert "expected a subscription of format webhook" in refused.json()["detail"]


def test_mail_without_a_server_is_refused_when_it_is_subscribed(models, tmp_path):
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}", models=models)
    with Serving(settings) as serving:
        body = {"format": "email", "url": "mailto:desk@example.com", "events": ["incident.updated"]}
        refused = serving.post("/v1/subscriptions", json=body)
    assert "FAULTWISE_MAIL__HOST" in refused.json()["detail"]


@pytest.mark.parametrize("event", get_args(EventType))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_event_has_a_title_in_both_languages(event, language):
    assert message_of({"type": event, "data": {}}, language).title != event


def test_decisions_stand_in_a_message():
    predictions = {
        "assignment_group": {"decision": "automatic", "value": "Network", "probability": 0.97},
        "category": {"decision": "abstained", "value": None, "probability": None},
    }
    message = message_of({"type": "diagnosis.created", "data": {"incident": "INC1", "predictions": predictions}}, "en")
    assert message.title == "Incident INC1 was diagnosed"
    assert message.lines[1:] == ("Assignment group: Network (97%)", "Category: not sure")


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("decided by a person", "not sure")), ("zh", ("人工确认", "不确定"))]
)
def test_a_message_says_what_a_person_decided_and_offers_no_weak_guess(language, words):
    predictions = {
        "category": {"decision": "abstained", "value": "Courier", "probability": None},
        "subcategory": {"decision": "suggested", "value": "Hardware", "probability": 0.17},
        "assignment_group": {"decision": "suggested", "value": "Network", "probability": 0.62},
    }
    event = {"type": "diagnosis.created", "data": {"incident": "INC1", "predictions": predictions}}
    text = message_of(event, language).text
    assert f"Courier ({words[0]})" in text
    assert words[1] in text
    assert "Hardware" not in text
    assert "Network (62%)" in text
