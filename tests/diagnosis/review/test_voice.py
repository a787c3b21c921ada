"""The voice of the user: topics with callers' words, personal data and names masked."""

import json

import pandas as pd

from diagnosis.incident import as_frame
from diagnosis.review import Comment, Quarter, ReviewFacts, ReviewHistory, ReviewSettings, Words
from diagnosis.review.voice import QUOTES, topics

QUARTER = Quarter.parse("2026Q3")


def row(number, **fields):
    opened = pd.Timestamp("2026-08-01T00:00Z")
    base = {"number": number, "type": "incident", "opened_at": opened, "caller": "张伟", "assigned_to": "Petra Vogel"}
    return base | fields


def told(rows, **comments):
    facts = ReviewFacts(comments=comments)
    history = ReviewHistory.read(
        as_frame(pd.DataFrame(rows)), ReviewSettings(), as_of=pd.Timestamp("2026-10-15T00:00Z"), facts=facts
    )
    return topics(history, QUARTER)


def test_answers_and_complaints_stand_under_their_topic_with_numbers():
    listed = told(
        [
            row("C1", type="complaint", service="Mail", category="Email", short_description="Asked three times"),
            row("I1", service="Mail", category="Email"),
            row("I2", service="VPN", category="Network"),
        ],
        I1=Comment("fixed only after a week", 2),
        I2=Comment("quick and friendly", 5),
    )
    mail = listed[0]
    assert (mail["service"], mail["complaints"], mail["unhappy"], mail["rated"]) == ("Mail", 1, 1, 1)
    assert mail["numbers"] == ["C1", "I1"]
    assert [(quote["source"], quote["number"]) for quote in mail["quotes"]] == [("survey", "I1"), ("complaint", "C1")]
    assert [topic["service"] for topic in listed] == ["Mail", "VPN"]
    assert listed[1]["unhappy"] == 0


def test_a_record_that_is_complaint_and_low_rating_is_named_once():
    (topic,) = told([row("C1", type="complaint", service="Mail", satisfaction=1, short_description="late")])
    assert topic["numbers"] == ["C1"]


def test_words_are_masked_and_short():
    (topic,) = told(
        [
            row(
                "C1",
                type="complaint",
                service="Mail",
                short_description="张伟 says Petra Vogel is slow, call 13800138000",
            )
        ],
        C1=Comment("write to li.lei@example.com " + "again " * 90, 1),
    )
    text = json.dumps(topic, ensure_ascii=False)
    for secret in ("张伟", "Petra", "13800138000", "li.lei"):
        assert secret not in text
    assert "<PERSON> says <PERSON> is slow" in text
    assert max(len(quote["text"]) for quote in topic["quotes"]) <= 160


def test_complaints_without_service_and_category_are_put_together_by_their_words():
    rows = [
        row(f"C{place}", type="complaint", short_description=text)
        for place, text in enumerate(
            [
                "the hotline never answers",
                "hotline never answers calls",
                "打印机总是卡纸没人管",
                "hotline never answers",
            ]
        )
    ]
    listed = told(rows)
    assert [topic["complaints"] for topic in listed] == [3, 1]
    assert "hotline" in listed[0]["text"]
    assert listed[1]["text"] == "打印机总是卡纸没人管"


def test_few_quotes_of_a_topic_are_shown_and_each_source_has_a_name():
    rows = [row(f"C{n}", type="complaint", service="Mail", short_description=f"late {n}") for n in range(9)]
    (topic,) = told(rows, C1=Comment("never again", 1))
    assert len(topic["quotes"]) == QUOTES
    assert topic["quotes"][0]["source"] == "survey"
    for language in ("en", "zh"):
        assert {Words(language)("source", name) for name in ("survey", "complaint")} != {"survey"}
