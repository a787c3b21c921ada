"""What `examples/` holds runs as its README says, against a real service."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Process

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"

# What ServiceNow gives a business rule, as far as the example uses it; the request is really sent.
SERVICENOW = """
const values = {number: 'INC0042001', opened_at: '2026-01-31 08:15:00', short_description: 'VPN 809', description: '',
                caller_id: 'Li Wei', cmdb_ci: 'vpn-gw-2', category: '', assignment_group: ''};
const current = {getUniqueValue: () => '46d44a5dc0a8016400d8a1f2c1d7d2b1',
                 getValue: field => values[field], getDisplayValue: field => values[field]};
const sn_ws = {RESTMessageV2: function () {
  this.setRequestBody = body => { this.body = body; };
  this.executeAsync = () => fetch(process.env.FAULTWISE_URL + '/v1/integrations/servicenow', {
    method: 'POST', body: this.body,
    headers: {'X-API-Key': process.env.FAULTWISE_KEY, 'Content-Type': 'application/json'}
  }).then(answer => answer.text().then(text => console.log(answer.status, text)));
}};
"""


@pytest.fixture(scope="module")
def service(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start the service; yield the environment in which the examples reach it."""
    process = Process(f"sqlite:///{tmp_path_factory.mktemp('service') / 'faultwise.db'}", models).start()
    key = process.headers["Authorization"].removeprefix("Bearer ")
    yield os.environ | {"FAULTWISE_URL": process.base, "FAULTWISE_KEY": key, "PYTHONPATH": str(ROOT)}
    process.stop()


def run(*command: object, environment: dict[str, str]) -> str:
    result = subprocess.run(
        [str(word) for word in command], cwd=ROOT, env=environment, check=False, capture_output=True
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


def test_every_example_is_in_the_readme() -> None:
    listed = set(re.findall(r"\]\(([^)]+)\)", (EXAMPLES / "README.md").read_text(encoding="utf-8")))
    listed = {name for name in listed if not name.startswith("../")}
    assert {path.name for path in EXAMPLES.iterdir()} - {"README.md", "__pycache__"} == listed


def test_the_python_example_prints_a_diagnosis(models: Path, service: dict[str, str]) -> None:
    printed = run(sys.executable, EXAMPLES / "diagnose.py", models, environment=service)
    assert "assignment_group: " in printed


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_example_is_answered_and_its_feedback_kept(service: dict[str, str]) -> None:
    diagnosis, feedback = run("sh", EXAMPLES / "diagnose.sh", environment=service).splitlines()
    assert json.loads(diagnosis)["incident"] == "INC0099001"
    target, prediction = next(iter(json.loads(diagnosis)["predictions"].items()))
    expected = (target, prediction["alternatives"][-1]["value"])
    assert (json.loads(feedback)["target"], json.loads(feedback)["value"]) == expected


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_business_rule_sends_its_incident(service: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "rule.js"
    rule = (EXAMPLES / "servicenow_business_rule.js").read_text(encoding="utf-8")
    script.write_text(SERVICENOW + rule, encoding="utf-8")
    status, answer = run("node", script, environment=service).split(" ", 1)
    assert status == "200"
    assert "INC0042001" in answer


def test_a_watched_folder_gets_its_diagnoses_once(service: dict[str, str], tmp_path: Path) -> None:
    export = tmp_path / "monday.csv"
    export.write_text("number,short_description\nINC1,VPN 809\nINC2,打印机卡纸\n", encoding="utf-8")
    command = (sys.executable, EXAMPLES / "watch_folder.py", tmp_path, "--once")
    assert run(*command, environment=service) == "monday.csv: 2 incidents\n"
    results = [json.loads(line) for line in (tmp_path / "monday.diagnoses.jsonl").read_text("utf-8").splitlines()]
    assert [result["diagnosis"]["incident"] for result in results] == ["INC1", "INC2"]
    assert run(*command, environment=service) == ""


def test_the_retraining_script_asks_for_what_the_command_takes(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "faultwise"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m api.cli "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "FAULTWISE_DATABASE": f"sqlite:///{tmp_path}/no.db",
    }
    script = ("sh", str(EXAMPLES / "retrain.sh"))
    result = subprocess.run(script, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert result.returncode == 1  # the database is missing: the arguments were understood, the work was not done
    assert "no.db" in result.stderr
