"""URLs that may be called, and how long a busy server asks to wait."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from diagnosis.errors import InputError
from diagnosis.web import check_url, requested_wait


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0", 0), ("", None), ("soon", None), ("-3", None), ("9" * 5000, 10**7), ("²", None)],
)
def test_retry_after_in_seconds(value, seconds):
    assert requested_wait({"retry-after": value}) == (None if seconds is None else timedelta(seconds=seconds))


def test_retry_after_as_a_date():
    at = datetime.now(UTC) + timedelta(minutes=10)
    wait = requested_wait({"retry-after": format_datetime(at, usegmt=True)})
    assert 590 < wait.total_seconds() <= 600
    past = format_datetime(at - timedelta(days=1), usegmt=True)
    assert requested_wait({"retry-after": past}) == timedelta()


@pytest.mark.parametrize("url", ["", "example.com", "ftp://example.com", "http://", "https://a:b@example.com"])
def test_urls_that_may_not_be_called(url):
    with pytest.raises(InputError, match="URL"):
        check_url(url)
    assert check_url("https://example.com/hook/") == "https://example.com/hook/"
