"""Incidents of one fix: by article, its translation, or the wording of the resolution."""

import pandas as pd

from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from training.fitting.same_fix import fixes_of


def test_articles_translations_and_wordings_of_one_fix_are_one():
    articles = as_knowledge_frame(pd.DataFrame({"number": ["KB1", "KB2", "KB3"], "translation_of": ["", "KB1", ""]}))
    rows = [
        ("KB1", "Renewed the gateway certificate"),
        ("KB2", "更新了网关证书"),
        ("", "renewed the gateway certificate."),
        ("", "已更新网关证书"),
        ("KB3", "done"),
        ("", "done"),
        ("", "Cleaned the rollers"),
        ("", "cleaned the rollers"),
        ("KB9", ""),
    ]
    records = [{"number": f"I{i}", "knowledge": kb, "close_notes": notes} for i, (kb, notes) in enumerate(rows)]
    incidents = as_frame(pd.DataFrame(records))
    fixes = fixes_of(incidents, articles)
    assert fixes[0] == fixes[1] == fixes[2]
    assert fixes[4] not in (fixes[0], "")
    assert fixes[5] == "", "a resolution that says nothing is no fix"
    assert fixes[6] == fixes[7] not in fixes[:6]
    assert fixes[8] not in fixes[:8], "an article that is not here solved it all the same"
