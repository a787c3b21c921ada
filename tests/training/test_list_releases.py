"""What was in service and why, in the words of today's program, whatever program wrote the history."""

import json
from pathlib import Path

import pytest

from api.cli import main
from diagnosis.releases import POINTER

CODE = {"code": "rolled_back", "values": {}}


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ({"reason": "rolled back"}, "in place of B, rolled back"),
        ({"reason": "taken out of service", "reason_phrase": CODE}, "in place of B, rolled back"),
        ({"reason": "wrong groups"}, "in place of B, rolled back: wrong groups"),
        (
            {"reason": "rolled back over HTTP", "reason_phrase": {"code": "rolled_back_over_http", "values": {}}},
            "in place of B, rolled back: rolled back over HTTP",
        ),
    ],
)
def test_a_rollback_without_a_reason_is_known_by_its_code(tmp_path: Path, capsys, reason, shown) -> None:
    entry = {"release": "A", "at": "2026-11-02T08:00:00Z", "rolled_back": "B", **reason}
    (tmp_path / POINTER).write_text(json.dumps({"release": "A", "history": [entry]}), encoding="utf-8")
    assert main(["releases", "--models", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith(f"  A  {shown}\n")
