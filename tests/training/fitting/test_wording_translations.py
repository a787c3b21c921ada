"""Which resolutions in two languages say the same: nearest to one another in both directions, and near enough."""

import numpy as np
import pytest

from diagnosis.suggest.wording import canonical
from training.fitting.initial_vectors import MultilingualWords, multilingual_is_installed
from training.fitting.wording_translations import wording_translations

PAIRS = (
    ("更换了扩展坞固件", "Updated the dock firmware"),
    ("在网关上更新了证书", "Renewed the certificate on the gateway"),
    ("清洁了进纸滚轮", "Cleaned the feed rollers"),
)


@pytest.mark.skipif(not multilingual_is_installed(), reason="the extra faultwise[multilingual] is not installed")
def test_each_fix_finds_its_translation_and_what_has_none_finds_none() -> None:
    resolutions = [text for pair in PAIRS for text in pair] + ["Ordered a new chair for the office", "已处理"]
    found = wording_translations(resolutions * 2, MultilingualWords().encode)
    expected = {canonical(chinese): canonical(english) for chinese, english in PAIRS}
    assert found == expected | {english: chinese for chinese, english in expected.items()}


def test_a_history_of_one_language_asks_no_model() -> None:
    def encode(texts: list[str]) -> np.ndarray:
        raise AssertionError(texts)

    assert wording_translations(["Replaced the cable at the desk"] * 3 + ["已处理"] * 3, encode) == {}
