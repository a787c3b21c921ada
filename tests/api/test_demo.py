"""The demo's settings: example hours for the sample's teams, unless somebody has set their own."""

import pandas as pd

from api.demo import HOURS, SAMPLE, with_example_hours
from api.settings import settings_from


def test_the_demo_has_hours_of_teams_that_the_sample_has(monkeypatch) -> None:
    review = with_example_hours(settings_from()).review.review()
    assert review.hours_available == HOURS["hours_available"]
    assert set(review.hours_available) <= set(pd.read_csv(SAMPLE / "incidents.csv")["assignment_group"])
    monkeypatch.setenv("FAULTWISE_REVIEW__HOURS_AVAILABLE", '{"Service Desk": 320}')
    assert with_example_hours(settings_from()).review.hours_available == {"Service Desk": 320}
