"""The manager's page and the self-service page, from beginning to end."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from api.console.messages import MESSAGES
from diagnosis.store import Store
from diagnosis.store.surges import StoredSurge
from diagnosis.times import utc_now
from tests.browser.conftest import axe, visit
from tests.waiting import soon


@pytest.mark.parametrize(("language", "width", "scheme"), [("en", 1440, "light"), ("zh", 360, "dark")])
def test_the_manager_reads_figures_and_pictures(browse, diagnosed, language, width, scheme) -> None:
    diagnosed("BOSS-1")
    page = browse(language, width, scheme)
    visit(page, MESSAGES[language]["nav_report"])
    expect(page.locator("[data-chart=days] canvas")).to_be_visible()
    assert page.evaluate("document.querySelector('[data-chart=days]').chart.data.datasets.length") == 4, (
        "automatic, suggested, decided by a person, not sure"
    )
    expect(page.locator(".measures").first).to_contain_text(MESSAGES[language]["measure_recurrence"])
    expect(page.locator("#live-quality")).to_contain_text(MESSAGES[language]["live_coverage"])
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    counted = page.locator("[data-chart=days] td").all_text_contents()
    diagnosed(f"BOSS-2-{language}")
    expect(page.locator("[data-chart=days] canvas")).to_be_visible()
    expect(page.locator("[data-chart=days] td"), "counted without a reload").not_to_have_text(counted, timeout=30_000)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_rule_is_added_holds_at_once_and_is_switched_off(browse, diagnosed, language) -> None:
    w, page, name = MESSAGES[language], browse(language), f"规则 rule {language}"
    visit(page, w["nav_rules"])
    page.fill("#name", name)
    page.select_option("#field-1", "contact_type")
    page.fill("#pattern-1", f"pager-{language}*")
    page.select_option("#target", "assignment_group")
    page.get_by_role("button", name=w["save"]).click()
    expect(page.get_by_role("status").filter(has_text=w["rule_saved"].format(name))).to_be_visible()
    said = diagnosed(f"RULED-{language}", contact_type=f"pager-{language}-7")
    page.goto(f"/console/diagnoses/{said['id']}")
    card = page.locator("#target-assignment_group")
    card.get_by_text(w["why_exactly"]).click()
    expect(card).to_contain_text(name)
    visit(page, w["nav_rules"])
    page.get_by_role("region", name=name).get_by_role("button", name=w["rule_off"]).click()
    expect(page.get_by_role("region", name=name)).to_have_count(0)
    expect(page.locator("#name"), "it can be saved again as it was").to_have_value(name)
    expect(page.locator("#pattern-1")).to_have_value(f"pager-{language}*")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_end_user_finds_help_or_prepares_a_ticket(browse, client, language) -> None:
    w = MESSAGES[language]
    article = {"number": "SELF-1", "title": "打印机卡纸 Printer paper jam", "audience": "self_service"}
    client.post("/v1/knowledge", json={**article, "resolution": "1. Open the cover 2. Pull the paper"})
    found = {"q": "paper jam", "in": "knowledge", "k": 20}
    assert soon(lambda: "SELF-1" in client.get("/v1/search", params=found).text)
    page = browse(language, 360, signed_in=False)
    for last in (w["help_yes"], w["help_no"]):
        page.goto("/help")
        page.fill("#text", "打印机卡纸 paper jam")
        page.get_by_role("button", name=w["help_ask"]).click()
        expect(page.locator("article").first).to_contain_text("Open the cover")
        assert axe(page) == []
        page.get_by_role("button", name=last).click()
        expect(page.locator("main")).to_contain_text(w["help_solved"] if last == w["help_yes"] else "SELF-1")


SURGE = "fedcba9876543210"


@pytest.fixture
def surge(service, client) -> str:
    """Return an open surge of the service, with one incident."""
    moment = utc_now()
    store = Store.open(service.database)
    course = [
        ((moment - timedelta(minutes=20 * back)).isoformat(), 6 // (back + 1), 0.4) for back in reversed(range(9))
    ]
    counts = {"cmdb_ci": {"mbx-1": 6}}
    begun = moment - timedelta(minutes=10)
    stored = StoredSurge(SURGE, "surge", "service", "Mail", moment, begun, moment, None, 6, 0.4, 1200.0, counts, course)
    store.surges.write([stored])
    store.surges.join(SURGE, [("SURGE-1", False)])
    store.close()
    client.post("/v1/incidents", json={"number": "SURGE-1", "short_description": "邮件发不出去", "cmdb_ci": "mbx-1"})
    return SURGE


@pytest.mark.parametrize(("language", "width", "scheme"), [("en", 1440, "dark"), ("zh", 360, "light")])
def test_a_surge_is_seen_answered_and_dismissed(browse, surge, language, width, scheme) -> None:
    w, page = MESSAGES[language], browse(language, width, scheme)
    visit(page, w["nav_surges"])
    assert axe(page) == []
    page.goto(f"/console/surges/{surge}")
    expect(page.locator("canvas")).to_be_visible()
    assert page.evaluate("document.querySelector('[data-chart]').chart.data.datasets.length") == 2
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.fill("#surge-answer", "正在处理 We are on it")
    page.get_by_role("button", name=w["surge_answer_send"]).click()
    expect(page.get_by_text("正在处理 We are on it").first).to_be_visible()
    if width < 1000:
        page.get_by_role("button", name=w["surge_dismiss"]).click()
        expect(page.get_by_text(w["surge_state_dismissed"]).first).to_be_visible()
