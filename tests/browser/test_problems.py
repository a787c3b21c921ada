"""The pages of problems, from the list to a measure that is proposed, as a manager works with them."""

import re

import pytest
from playwright.sync_api import expect

from api.console.messages import MESSAGES
from tests.browser.conftest import axe, visit


@pytest.mark.parametrize(("language", "width", "scheme"), [("en", 1440, "light"), ("zh", 360, "dark")])
def test_a_manager_opens_a_problem_and_proposes_a_measure(browse, language, width, scheme) -> None:
    w, page = MESSAGES[language], browse(language, width, scheme)
    visit(page, w["nav_problems"])
    expect(page.locator(".measures tbody tr").first).to_be_visible(timeout=30_000)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.select_option("#filter-trend", "steady")
    expect(page).to_have_url(re.compile("trend=steady"))
    page.locator(".measures tbody a").first.click()
    expect(page.locator("canvas")).to_be_visible()
    page.get_by_text(w["problem_how"]).click()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    title = f"replace it {language}"
    if not page.locator("#propose[open]").count():  # measures that are there come first
        page.locator("#propose summary").click()
    page.fill("#title", title)
    page.select_option("#kind", "replacement")
    page.locator("#propose").get_by_role("button").click()
    expect(page.locator("#actions")).to_contain_text(title)
    expect(page.locator("#actions")).to_contain_text(w["action_open"])
