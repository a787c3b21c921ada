"""Any number that can be stored can be read and erased by its address, on a service as users run it.

A process of its own, because Starlette's test client decodes an address twice and real servers once.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.serving import Process

NUMBERS = [
    "50%2F",
    "50%252F",
    "100 %",
    "%",
    "%00",
    "a/b",
    "/a//b/",
    "a?b#c&d=e+f",
    "a;b\\c:d",
    "2026/工单 七",
    "报修单" * 85,
    "x" * 255,
    "%" * 255,
]


@pytest.fixture(scope="module")
def service(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    process = Process(f"sqlite:///{tmp_path_factory.mktemp('numbers') / 'faultwise.db'}", models).start()
    try:
        with httpx.Client(base_url=process.base, headers=process.headers, timeout=30) as client:
            yield client
    finally:
        process.stop()


@pytest.mark.parametrize("kind", ["incidents", "knowledge"])
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:12])
def test_any_number_is_read_and_erased_by_its_address(service: httpx.Client, kind: str, number: str) -> None:
    record = {"number": number, "title": "Printer jam", "short_description": "printer jam"}
    assert service.post(f"/v1/{kind}", json=record).json()["stored"] == 1
    address = f"/v1/{kind}/{quote(number, safe='')}"
    shown = service.get(address)
    assert (shown.status_code, shown.json().get("number")) == (200, number)
    assert service.delete(address).status_code == 204
    assert service.get(address).status_code == 404
    assert number not in [item["number"] for item in service.get(f"/v1/{kind}").json()["items"]]
