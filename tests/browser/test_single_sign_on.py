"""Sign-in at an issuer on another site, as a person does it, and back to the page that was asked for."""

import pytest
from playwright.sync_api import expect

from api.console.messages import MESSAGES
from tests.browser.conftest import axe


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_person_signs_in_with_their_organisations_account(browse, issuer, language) -> None:
    w, page = MESSAGES[language], browse(language, signed_in=False)
    page.goto("/console/search?q=vpn")
    assert axe(page) == []
    page.get_by_role("link", name=w["sign_on"]).click()
    page.wait_for_url(f"{issuer.url}/**")
    page.get_by_label("User").fill("nobody")
    page.get_by_role("button").click()
    expect(page.get_by_role("alert").filter(has_text=w["issuer_refused"])).to_be_visible()
    page.goto("/console/search?q=vpn")
    page.get_by_role("link", name=w["sign_on"]).click()
    page.get_by_label("User").fill("ann")
    page.get_by_role("button").click()
    page.wait_for_url("**/console/search?q=vpn")
    expect(page.locator("#q")).to_have_value("vpn")
    expect(page.locator("#live")).to_have_text(w["live_on"])
    page.get_by_role("button", name=w["sign_out"]).click()
    expect(page.get_by_role("link", name=w["sign_on"])).to_be_visible()
