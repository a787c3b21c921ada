"""The manager's page and the self-service page, from beginning to end."""

import pytest
from playwright.sync_api import expect

from api.console.words import WORDS
from tests.browser.conftest import axe


@pytest.mark.parametrize(("language", "width", "scheme"), [("en", 1440, "light"), ("zh", 360, "dark")])
def test_the_manager_reads_figures_and_pictures(browse, diagnosed, language, width, scheme) -> None:
    diagnosed("BOSS-1")
    page = browse(language, width, scheme)
    page.get_by_role("link", name=WORDS[language]["nav_outcome"]).click()
    expect(page.locator("canvas")).to_be_visible()
    assert page.evaluate("document.querySelector('[data-chart]').chart.data.datasets.length") == 3
    expect(page.locator(".measures")).to_contain_text(WORDS[language]["measure_recurrence"])
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_end_user_finds_help_or_prepares_a_ticket(browse, client, language) -> None:
    w = WORDS[language]
    article = {"number": "SELF-1", "title": "打印机卡纸 Printer paper jam", "audience": "self_service"}
    client.post("/v1/knowledge", json={**article, "resolution": "1. Open the cover 2. Pull the paper"})
    page = browse(language, 360, signed_in=False)
    for last in (w["help_yes"], w["help_no"]):
        page.goto("/help")
        page.fill("#text", "打印机卡纸 paper jam")
        page.get_by_role("button", name=w["help_ask"]).click()
        expect(page.locator("article").first).to_contain_text("Open the cover")
        assert axe(page) == []
        page.get_by_role("button", name=last).click()
        expect(page.locator("main")).to_contain_text(w["help_glad"] if last == w["help_yes"] else "SELF-1")
