"""Figures and labels of a review in words."""

import pytest

from diagnosis.review.wording import Words


def test_what_rounds_to_nothing_has_no_sign_and_a_small_figure_its_tenth() -> None:
    words = Words("en")
    assert [words.value("share", value, signed=True) for value in (0.0004, -0.0003, 0.0, 0.021, -0.54)] == [
        "0 points",
        "0 points",
        "0 points",
        "+2.1 points",
        "−54 points",
    ]
    assert [words.value("hours", value, signed=True) for value in (0.04, -0.4, 120.0)] == ["0 h", "−0.4 h", "+120 h"]


@pytest.mark.parametrize(("n", "sentence"), [(1, "1 outage came without a warning"), (3, "3 outages came without a")])
def test_one_is_singular(n, sentence) -> None:
    assert Words("en")("effect", "outages", n=n).startswith(sentence)
    assert Words("zh")("effect", "outages", n=n) == f"{n} 次服务中断事前没有告警"
