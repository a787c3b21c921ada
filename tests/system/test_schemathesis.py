"""Schemathesis against the service as a user starts it: every check, and no report but the documented ones."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Process

pytestmark = pytest.mark.system

EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "200")
# These change the release in service or end the key that asks.
APART = r"/publish$|/rollback$|^/v1/shadow|^/v1/keys/"
# Input is forgiving on purpose (docs/api.md, "What is taken"): numbers where words are expected, unknown columns, null
# for nothing; and what a rule between two fields refuses cannot be said in the description.
DOCUMENTED = "negative_data_rejection,positive_data_acceptance"


@pytest.fixture
def service(own_models: Path, tmp_path: Path) -> Iterator[Process]:
    limits = {"rate_per_minute": 10_000_000, "wrong_keys_per_minute": 10_000_000}
    process = Process(f"sqlite:///{tmp_path / 'faultwise.db'}", own_models, **limits).start()
    yield process
    process.stop()


def test_no_route_answers_otherwise_than_it_is_described(service: Process, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{service.base}/openapi.json",
        *("--header", f"Authorization: {service.headers['Authorization']}"),
        *("--max-examples", EXAMPLES),
        *("--checks", "all", "--exclude-checks", DOCUMENTED),
        *("--exclude-path-regex", APART),
        *("--seed", "1", "--continue-on-failure", "--no-color"),
        # A thousand records at once take what the machine needs: no test is timed, but each call has to end.
        *("--request-timeout", "300", "--max-response-time", "300"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
