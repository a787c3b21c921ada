"""Settings of the service: documented, read from the environment, refused in one line."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.cli import main
from api.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def test_every_setting_is_documented() -> None:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    named = {
        name.partition("__")[0] for name in re.findall(r"FAULTWISE_[A-Z_]+", text)
    }  # a field stands for its setting
    ours = {f"FAULTWISE_{name.upper()}" for name in Settings.model_fields}
    assert ours <= named, f"not in docs/operations.md: {sorted(ours - named)}"
    assert named - ours <= {"FAULTWISE_"}, f"in docs/operations.md, but no setting: {sorted(named - ours)}"
    assert all(field.description for field in Settings.model_fields.values())


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTWISE_PORT", "9000")
    monkeypatch.setenv("FAULTWISE_CORS_ORIGINS", "https://a.example, https://b.example")
    settings = Settings()
    assert (settings.port, settings.host) == (9000, "127.0.0.1")
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    for wrong in ({"port": 70_000}, {"workers": 0}, {"oidc_issuer": "https://x"}):
        with pytest.raises(ValidationError):
            Settings(**wrong)


@pytest.mark.parametrize("verb", ["serve", "mcp", "demo"])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LOG_LEVEL", "loud", ("log_level", "'WARNING'", '"LOUD"')),
        ("DATABASE", "mysql://me:secret@db/x", ("database", "postgresql://", "'mysql'")),
        ("INTEGRATIONS", "jira", ("integrations", "JSON")),
        ("POLL_SECONDS", "often", ("poll_seconds", "number", '"often"')),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line(verb, name, value, words, monkeypatch, capsys) -> None:
    monkeypatch.setenv(f"FAULTWISE_{name}", value)
    assert main([verb]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert [word for word in words if word not in line] == [], line
    assert "secret" not in line
