import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from diagnosis.errors import InputError
from training.settings import TrainSettings, load_settings, settings_table, to_toml

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
        ("precison = 0.9", "unknown setting 'precison': did you mean 'precision'"),
        ("precision = 'high'", 'setting precision: Input should be a valid number; found "high"'),
        ("precision = 1.5", "setting precision: Input should be less than 1; found 1.5"),
        ("horizons = [0]", "setting horizons.0: Input should be greater than or equal to 1; found 0"),
        ("horizons = []", "setting horizons: Tuple should have at least 1 item"),
        ("seed = true", "setting seed: Input should be a valid integer; found true"),
        ("audit = 'yes'", 'setting audit: Input should be a valid boolean; found "yes"'),
        ("topic_weight = 0", "setting topic_weight: Input should be greater than 0; found 0"),
        ("hierarchy = {category = 3}", "setting hierarchy.category: expected a JSON object"),
        ("parallel_jobs = 0", "setting parallel_jobs: expected -1 or at least 1; found 0"),
        ("targets = [", "not a readable TOML file"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "bad.toml"
    config.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_settings(config)


def test_dates_of_toml_and_whole_numbers_are_read_as_they_are_meant(tmp_path: Path) -> None:
    config = tmp_path / "dates.toml"
    config.write_text("as_of = 2026-04-15\nprecision = 0.9\ntopic_weight = 1\n", encoding="utf-8")
    settings = load_settings(config)
    assert (settings.as_of, settings.topic_weight) == ("2026-04-15", 1.0)
    assert replace(settings, seed=3).seed == 3
    with pytest.raises(InputError, match="setting risk"):
        replace(settings, risk=2.0)


def test_service_levels_are_read_from_the_file_and_written_to_it(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(
        """
        [service_levels]
        calendar = { zone = "Asia/Shanghai", from = 09:00:00, to = 18:00:00, holidays = "CN", closed = [2027-02-05] }
        [[service_levels.rules]]
        type = "request"
        response_hours = 48
        """,
        encoding="utf-8",
    )
    settings = load_settings(file)
    (rule,) = settings.service_levels["rules"]
    assert rule["calendar"]["closed"] == ["2027-02-05"]
    assert rule["response_hours"] == 48
    file.write_text(to_toml(settings.changed()), encoding="utf-8")
    assert load_settings(file) == settings


def test_a_service_level_that_cannot_be_used_is_said_with_its_rule(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text("[[service_levels.rules]]\nresponse_hours = -1\n", encoding="utf-8")
    with pytest.raises(InputError, match="service_levels: rule 1: response_hours"):
        load_settings(file)
