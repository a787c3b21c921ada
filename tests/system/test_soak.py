"""A soak in short: mixed load on two replicas over PostgreSQL, of which one is killed, through and through."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import ROOT

pytestmark = pytest.mark.system

# Of the replica that lives, of its own: a release of the generated history, another that comes into service beside the
# first, and some hundred incidents that joined.
MOST_MEMORY = 700


def test_under_mixed_load_nothing_fails_nothing_is_lost_and_memory_stays(
    models: Path, postgres_url: str, tmp_path: Path
) -> None:
    shutil.copytree(models, tmp_path / "models")
    options = {"minutes": 2, "kill-every": 40, "most-memory": MOST_MEMORY, "database": postgres_url}
    command = [sys.executable, "-m", "benchmarks.soak", "--models", str(tmp_path / "models")]
    command += [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    acknowledged = dict(re.findall(r"^\| (\w+) \| (\d+) \| 0 \|$", done.stdout, re.M))
    assert all(int(acknowledged[name]) for name in ("diagnoses", "incidents", "events"))
    assert "replicas killed" in done.stdout
