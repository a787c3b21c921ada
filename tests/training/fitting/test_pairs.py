"""What the history says belongs together."""

import pandas as pd

from diagnosis.search.glossary import glossary_pairs
from training.fitting.pairs import training_pairs


def pairs_of(incidents=None, articles=None, **options):
    """Return the pairs that come from the history, without the glossary's."""
    built_in = set(glossary_pairs())
    return [
        pair
        for pair in training_pairs(
            None if incidents is None else pd.DataFrame(incidents),
            None if articles is None else pd.DataFrame(articles),
            **options,
        )
        if pair not in built_in
    ]


def test_an_incident_pairs_its_texts_and_blank_ones_give_nothing():
    incidents = {
        "number": ["A", "B"],
        "short_description": ["vpn drops", "打印机 卡纸"],
        "description": ["it drops every hour", " "],
        "close_notes": ["updated the client", ""],
    }
    assert set(pairs_of(incidents)) == {
        ("vpn drops", "it drops every hour"),
        ("vpn drops", "updated the client"),
        ("it drops every hour", "updated the client"),
    }


def test_an_article_pairs_its_fields_and_its_translation():
    articles = {
        "number": ["K1", "K2"],
        "title": ["Reset a password", "重置密码的方法"],
        "resolution": ["Open the portal", "打开门户"],
        "translation_of": ["", "K1"],
    }
    assert set(pairs_of(articles=articles)) == {
        ("Reset a password", "Open the portal"),
        ("重置密码的方法", "打开门户"),
        ("重置密码的方法", "Reset a password"),
        ("打开门户", "Open the portal"),
    }


def test_incidents_of_one_article_pair_with_it_and_with_each_other():
    incidents = {"number": ["A", "B"], "short_description": ["vpn drops", "tunnel down"], "knowledge": ["K1", "K1"]}
    articles = {"number": ["K1"], "title": ["VPN"], "resolution": ["Update the client"]}
    found = pairs_of(incidents, articles)
    assert {("vpn drops", "Update the client"), ("tunnel down", "Update the client")} <= set(found)
    assert ("vpn drops", "tunnel down") in found


def test_a_text_that_stands_alone_is_halved():
    incidents = {"number": ["A"], "description": ["One. Two. Three. Four."]}
    assert pairs_of(incidents) == [("One.\nTwo.", "Three.\nFour.")]


def test_a_text_of_many_partners_keeps_a_few_and_repeats_are_dropped():
    incidents = {
        "number": [str(i) for i in range(100)],
        "short_description": ["password reset"] * 100,
        "description": [f"please reset {i // 2}" for i in range(100)],
    }
    found = pairs_of(incidents)
    assert 1 < len(found) <= 10
    assert len(found) == len(set(found))


def test_beyond_the_cap_a_rare_kind_is_kept_whole_and_the_draw_repeats():
    incidents = {
        "number": [f"I{i}" for i in range(500)],
        "short_description": [f"fault {i}" for i in range(500)],
        "description": [f"details {i}" for i in range(500)],
    }
    articles = {"number": ["K1"], "title": ["VPN"], "resolution": ["Update the client"]}
    found = pairs_of(incidents, articles, max_pairs=50)
    assert len(found) == 50
    assert ("VPN", "Update the client") in found
    assert found == pairs_of(incidents, articles, max_pairs=50)


def test_nothing_gives_the_glossary_alone():
    assert training_pairs(None, None) == glossary_pairs()


def test_the_glossary_holds_some_hundred_distinct_terms_in_both_scripts():
    pairs = glossary_pairs()
    assert len(pairs) == len(set(pairs)) >= 300
    assert all(not zh.isascii() and en.isascii() and en == en.lower() for zh, en in pairs)
