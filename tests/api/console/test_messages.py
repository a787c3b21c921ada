"""One catalogue of words: complete in both languages, all of it used, and no template with words of its own."""

import re
from pathlib import Path

import pytest

from api.console import pages
from api.console.messages import MESSAGES

ROOT = Path(pages.__file__).parents[1]
TEMPLATES = sorted(ROOT.glob("*/templates/*.html"))
# Keys that are put together of two parts.
COMPOSED = (
    "backlog_",
    "clock_of_",
    "field_",
    "survey_",
    "why_",
    "judged_",
    "from_",
    "outcome_",
    "audience_",
    "measure_",
    "rule_",
    "filter_",
    "type_",
    "state_",
    "order_",
    "search_",
    "knowledge_",
    "trend_",
    "status_",
    "kind_",
    "action_",
    "decided_",
    "problem_joined_",
    "surge_state_",
    "explain_",
    "monitoring_verdict_",
    "access_",
)
DECISIONS = {"automatic", "suggested", "abstained", "not_sure"}


@pytest.mark.parametrize("key", sorted(MESSAGES["en"].keys() | MESSAGES["zh"].keys()))
def test_each_message_is_there_in_both_languages_with_the_same_places(key) -> None:
    english, chinese = MESSAGES["en"][key], MESSAGES["zh"][key]
    assert english.strip()
    assert chinese.strip()
    if english not in ("Faultwise", "中文"):
        assert re.search("[一-鿿：，]", chinese), "said in Chinese"
        assert not re.search("[一-鿿]", english), "said in English"
    places = [sorted(re.findall(r"{(\w*)}", text)) for text in (english, chinese)]
    assert len(places[0]) == len(places[1])
    assert not hasattr(dict, key), "a template would get the method of that name"


def test_every_message_is_used() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in [*ROOT.rglob("*.py"), *TEMPLATES])
    unused = [
        key
        for key in MESSAGES["en"]
        if not key.startswith(COMPOSED) and key not in DECISIONS and not re.search(rf"[.\"'[]{key}\b", sources)
    ]
    assert unused == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_words_of_its_own(template) -> None:
    text = template.read_text(encoding="utf-8")
    bare = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", " ", text, flags=re.DOTALL)
    said = re.findall(r"(?:aria-label|title|placeholder|alt)=\"([^\"]*)\"", bare)
    bare = re.sub(r"<[^>]*>", " ", bare)
    assert not re.search(r"[^\W\d_]{2,}", bare + " ".join(said)), "words belong into messages.toml"
