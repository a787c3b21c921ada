"""What is owed outlives the process: killed while a system is away, started again, written once."""

import time

import httpx

from api.integrations.examples import ZAMMAD
from tests.api.integrations import systems
from tests.api.remote import Remote
from tests.serving import Process


def test_a_write_back_survives_a_kill(models, database_url):
    model = systems.Zammad()
    with Remote(lambda _request: (503, {}, {"Retry-After": "1"})) as remote:
        system = {"write_back": "true", "url": remote.url, "token": "secret", "tags": '["数据", "faultwise"]'}
        named = {f"integrations__zammad__{name}": value for name, value in system.items()}
        process = Process(database_url, models, allow_private_addresses="true", **named).start()
        client = httpx.Client(base_url=process.base, headers=process.headers, timeout=30)
        try:
            answer = client.post("/v1/integrations/zammad", json=ZAMMAD)
            assert answer.status_code == 200, answer.text
            end = time.monotonic() + 20
            # A call in hand when the process dies is taken up again only when its lease of minutes has run out.
            while not (found := client.get("/v1/outbox").json()["items"]) or not found[0]["error"]:
                assert time.monotonic() < end
                time.sleep(0.05)
            process.kill()
            remote.answer = model.answer
            process.start()
            end = time.monotonic() + 20
            while not (model.articles and model.tags):
                assert time.monotonic() < end, "it was lost"
                time.sleep(0.1)
            while client.get("/v1/outbox").json()["items"][0]["state"] != "done":
                assert time.monotonic() < end
                time.sleep(0.1)
        finally:
            client.close()
            process.kill()
    assert [answer.json()["diagnosis"]["id"] in one["body"] for one in model.articles] == [True]
    assert model.tags == ["数据", "faultwise"]
