import re
import tomllib
from pathlib import Path

import pytest

from diagnosis.errors import InputError
from training.settings import TrainSettings, load_settings, settings_table

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented_as_it_is() -> None:
    assert settings_table() in PAGE.read_text(encoding="utf-8")


def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    config = tmp_path / "faultwise.toml"
    config.write_text(example, encoding="utf-8")
    settings = load_settings(config, {"precision": 0.9})
    assert settings.targets == ("category", "assignment_group", "priority")
    assert settings.precision == 0.9, "the command line wins"
    assert settings.hierarchy["assignment_group"]["Network Operations EMEA"] == "Network Operations"
    assert settings.risk == TrainSettings().risk
    assert tomllib.loads(example)["horizons"] == list(settings.horizons)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("precison = 0.9", "did you mean 'precision'"),
        ("precision = 'high'", "setting precision: float was expected"),
        ("precision = 1.5", "between 0 and 1"),
        ("horizons = [0]", "days of at least 1"),
        ("seed = true", "setting seed: int was expected"),
        ("targets = [", "not a readable TOML file"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "bad.toml"
    config.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_settings(config)
