"""Hours of teams as a file."""

import pytest

from diagnosis.errors import InputError
from training.records.hours_files import read_hours


def write(tmp_path, text):
    path = tmp_path / "hours.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_hours_are_of_every_week_or_of_the_week_that_a_day_lies_in(tmp_path):
    hours = read_hours(write(tmp_path, "\ufeffassignment_group,week,hours\n网络组,,80\nMail,2026-10-07,12.5\n"))
    assert hours == {("网络组", ""): 80.0, ("Mail", "2026-10-05"): 12.5}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a column assignment_group was expected; found none"),
        ("assignment_group\nMail\n", "a column hours"),
        ("assignment_group,hours\n,3\n", "row 2: assignment_group"),
        ("assignment_group,hours\nMail,many\n", "row 2: hours"),
        ("assignment_group,hours\nMail,-1\n", "row 2: hours"),
        ("assignment_group,hours\nMail,nan\n", "row 2: hours"),
        ("assignment_group,hours,week\nMail,1,soon\n", "row 2: week"),
        ("assignment_group,hours\nMail,1\nMail,2\n", "row 3: Mail was there already"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_row(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read_hours(write(tmp_path, text))
