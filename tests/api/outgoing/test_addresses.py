"""Which addresses may be called, against real sockets and a real name."""

import threading
import time

import httpx
import pytest

from api.outgoing.addresses import AddressRefusedError, client, is_public, resolve
from diagnosis.errors import InputError
from diagnosis.web import check_url
from tests.api.remote import Dripping, Remote
from tests.waiting import soon


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        "192.0.0.8",
        "192.88.99.1",
        "198.18.0.1",
        "168.63.129.16",
        "::127.0.0.1",
        "::ffff:0:7f00:1",
        "64:ff9b:1::7f00:1",
        "100::1",
        "3fff::1",
        "5f00::1",
        "fec0::1",
    ],
)
def test_what_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("port", [22, 25, 6379, 587])
def test_ports_of_other_services_are_refused_before_the_name_is_looked_up(port):
    with pytest.raises(AddressRefusedError, match=f"found {port}, which may not be called"):
        resolve("mail.example.com", port, allow_private=False, look_up=lambda _host, _port: ["8.8.8.8"])
    assert resolve("example.com", 8443, allow_private=False, look_up=lambda _host, _port: ["8.8.8.8"]) == "8.8.8.8"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "2130706433", "0x7f.1", "127.1"])
def test_every_spelling_of_loopback_is_refused(host):
    with pytest.raises((AddressRefusedError, httpx.ConnectError)):
        resolve(host, 80, allow_private=False)


def test_the_guard_refuses_before_anything_is_sent():
    with Remote() as remote, client(allow_private=False, timeout=5) as http:
        with pytest.raises(AddressRefusedError, match=r"expected a public address; found 127\.0\.0\.1"):
            http.post(f"{remote.url}/hook")
        assert remote.requests == []


def test_allowed_private_addresses_are_reached_under_the_name_that_was_asked_for():
    with Remote() as remote, client(allow_private=True, timeout=5) as http:
        port = httpx.URL(remote.url).port
        assert http.get(f"http://localhost:{port}/hook?a=1").status_code == 200
        assert remote.requests[0].headers["host"] == f"localhost:{port}"
        assert remote.requests[0].query == {"a": "1"}


class Rebinding:
    """A resolver that says something else of a name each time that it is asked, as an attacker's does."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0)


def test_a_name_with_one_private_address_among_public_ones_is_refused():
    look_up = Rebinding(["93.184.215.14", "127.0.0.1"])
    with Remote() as remote, client(allow_private=False, timeout=5, look_up=look_up) as http:
        port = httpx.URL(remote.url).port
        with pytest.raises(AddressRefusedError, match=r"found rebind.test at 127\.0\.0\.1"):
            http.post(f"http://rebind.test:{port}/hook")
        assert remote.requests == []
    assert look_up.asked == ["rebind.test"]


def test_the_connection_goes_to_the_address_that_was_checked_whatever_the_name_says_next():
    look_up = Rebinding(["127.0.0.1"])  # asked a second time it would fail
    with Remote() as remote, client(allow_private=True, timeout=5, look_up=look_up) as http:
        port = httpx.URL(remote.url).port
        assert http.get(f"http://once.test:{port}/").status_code == 200
        assert remote.requests[0].headers["host"] == f"once.test:{port}"
    assert look_up.asked == ["once.test"]


def test_a_name_is_looked_up_and_checked_anew_for_every_call():
    look_up = Rebinding(["127.0.0.1"], ["169.254.169.254"])
    with Remote() as remote:
        port = httpx.URL(remote.url).port
        with client(allow_private=True, timeout=5, look_up=look_up) as http:
            assert http.get(f"http://later.test:{port}/").status_code == 200
        with client(allow_private=False, timeout=5, look_up=look_up) as http, pytest.raises(AddressRefusedError):
            http.get(f"http://later.test:{port}/")
        assert len(remote.requests) == 1


def test_redirects_are_not_followed():
    with Remote() as inner, Remote(lambda _r: (302, None, {"Location": f"{inner.url}/secret"})) as remote:
        with client(allow_private=True, timeout=5) as http:
            assert http.get(remote.url).status_code == 302
        assert inner.requests == []


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "file:///etc/passwd", "example.com", "http://", "https://user:pw@example.com/", ""]
)
def test_what_is_no_url_to_call(url):
    with pytest.raises(InputError, match="expected a URL"):
        check_url(url)


@pytest.mark.parametrize(
    "begin", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"], ids=["head", "body"]
)
def test_a_call_ends_by_its_deadline_however_slowly_the_receiver_answers(begin):
    with Dripping(begin) as url, client(allow_private=True, timeout=0.8) as http:
        started = time.monotonic()
        with pytest.raises(httpx.TimeoutException):
            http.get(url)
        assert 0.7 < time.monotonic() - started < 5


def test_a_call_ends_by_its_deadline_though_it_is_of_several_requests():
    with Remote() as remote, client(allow_private=True, timeout=0.5) as http:
        assert http.get(remote.url).status_code == 200
        time.sleep(0.6)
        with pytest.raises(httpx.TimeoutException, match=r"not over after 0\.5 s"):
            http.get(remote.url)


def test_a_call_ends_by_its_deadline_though_no_name_server_answers():
    silent = threading.Event()

    def look_up(_host, _port):
        silent.wait(30)
        return ["127.0.0.1"]

    with client(allow_private=True, timeout=0.5, look_up=look_up) as http:
        started = time.monotonic()
        with pytest.raises(httpx.ConnectError, match=r"no name server answered within 0\.\d+ s"):
            http.get("http://silent.test/")
        assert time.monotonic() - started < 5
    silent.set()


def test_look_ups_that_nobody_answers_hold_few_threads_and_let_go_of_them():
    silent = threading.Event()

    def look_up(_host, _port):
        silent.wait(30)
        return ["127.0.0.1"]

    before = threading.active_count()
    for _ in range(40):
        with pytest.raises(httpx.ConnectError, match="no name server answered"):
            resolve("silent.test", 80, allow_private=True, look_up=look_up, seconds=0.01)
    assert threading.active_count() - before <= 32
    silent.set()
    assert soon(lambda: threading.active_count() <= before)
    assert resolve("again.test", 80, allow_private=True, look_up=look_up) == "127.0.0.1"
