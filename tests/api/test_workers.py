"""Several workers of one service: the metrics of any of them speak of all."""

import re

import httpx

from diagnosis.releases import Releases
from tests.serving import Process
from tests.waiting import soon

ASKED = 40


def test_metrics_are_those_of_all_workers_and_the_release_is_told_once(own_models, tmp_path) -> None:
    service = Process(f"sqlite:///{tmp_path / 'f.db'}", own_models, workers=2).start()
    # A connection for each request: the system gives them to either worker.
    client = httpx.Client(base_url=service.base, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
    try:
        for _ in range(ASKED):
            assert client.get("/v1/rules", headers=service.headers).status_code == 200

        def counted() -> int:
            text = client.get("/metrics").text
            (found,) = re.findall(r'faultwise_requests_total{.*route="/v1/rules".*} (\S+)', text)
            return int(float(found))

        assert [counted() for _ in range(6)] == [ASKED] * 6, "whichever worker answers"
        published = Releases(own_models).published()
        (other,) = {entry.name for entry in own_models.iterdir() if entry.is_symlink()} - {published}
        address = f"/v1/releases/{other}/publish?force=a+test"
        assert client.post(address, headers=service.headers).status_code == 200

        def in_service() -> set[tuple[str, float]]:
            text = client.get("/metrics").text
            return {(name, float(value)) for name, value in re.findall(r'release_info{release="(.*)"} (\S+)', text)}

        assert soon(lambda: in_service() == {(published, 0.0), (other, 1.0)})
    finally:
        client.close()
        service.stop()
