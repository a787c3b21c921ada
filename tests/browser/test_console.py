"""The console as people meet it: each task from sign-in to result, in both languages, with the keyboard alone."""

import re

import pytest
from playwright.sync_api import expect

from api.console.messages import MESSAGES
from diagnosis.store.keys import SCOPES
from tests.browser.conftest import axe, sign_in, visit

LANGUAGES = ("en", "zh")
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)> a<b & "c" \u202eesrever\u202c'


@pytest.mark.parametrize("language", LANGUAGES)
def test_with_the_keyboard_alone_from_sign_in_to_feedback_and_back(browse, key, diagnosed, client, language) -> None:
    w = MESSAGES[language]
    diagnosed(f"KEYS-{language}-1", "printer shows paper jam but there is none")
    said = diagnosed(f"KEYS-{language}-2", "打印机提示卡纸但没有纸")
    page = browse(language, signed_in=False)
    sign_in(page, key)
    expect(page.locator("#live")).to_have_class("live on")
    page.keyboard.press("j")
    expect(page.locator("a[data-row]").nth(0)).to_be_focused()
    expect(page.locator("a[data-row]").nth(0)).to_have_text("打印机提示卡纸但没有纸")
    page.keyboard.press("j")
    expect(page.locator("a[data-row]").nth(1)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/console/diagnoses/{said['id']}")
    page.locator("#target-assignment_group").focus()
    page.keyboard.press("a")
    card = page.locator("#target-assignment_group")
    expect(card.get_by_role("status")).to_contain_text(w["judged_accepted"])
    expect(card.get_by_role("button", name=w["undo"]), "the focus stays where the person was").to_be_focused()
    page.keyboard.press("u")
    expect(card.get_by_role("button", name=w["accept"], exact=True)).to_be_focused()
    page.keyboard.press("c")
    expect(page.locator("#value-assignment_group")).to_be_focused()
    page.keyboard.type("Identity")
    page.keyboard.press("Enter")
    expect(card.get_by_role("status")).to_contain_text(w["judged_overridden"].format("Identity"))
    expect(card.get_by_role("button", name=w["undo"]), "the page moves the focus when it has settled").to_be_focused()
    page.locator("#suggestion-1").focus()
    for letter in "an":  # these keys act on routing, never on a fix that nobody has tried
        page.keyboard.press(letter)
    expect(page.locator("#suggestion-1").get_by_role("status")).to_have_count(0)
    page.locator("#suggestion-1").get_by_role("button", name=w["did_not_help"]).click()
    expect(page.locator("#suggestion-1").get_by_role("status")).to_contain_text(w["judged_suggestion_failed"])
    standing = [f for f in client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"] if not f["undone_at"]]
    assert [(f["kind"], f["value"]) for f in standing] == [("overridden", "Identity"), ("suggestion_failed", None)]
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("q")
    page.wait_for_selector("#rows")
    row = page.locator("tr", has_text=f"KEYS-{language}-2")
    expect(row).to_contain_text("Identity")
    expect(row).to_contain_text(w["state_decided"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_search_answers_as_one_types_and_opens_what_it_found(browse, language) -> None:
    page = browse(language)
    page.keyboard.press("/")
    page.wait_for_url("**/console/search")
    page.locator("#q").type({"en": "printer jam", "zh": "打印机卡纸"}[language])
    expect(page.locator("#hits mark").first).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/records/*/*")
    expect(page.locator(".card").first).to_contain_text(re.compile("Cleaned the feed rollers|清洁了进纸滚轮"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_incident_is_typed_and_an_article_written_from_it(browse, client, language) -> None:
    w, page = MESSAGES[language], browse(language)
    visit(page, w["nav_new"])
    page.fill("#short_description", "VPN 无法连接，提示证书过期")
    page.fill("#number", f"NEW-{language}")
    page.get_by_role("button", name=w["diagnose"]).click()
    expect(page.locator("h1")).to_contain_text("VPN 无法连接")
    expect(page.locator("#reply")).to_have_value(re.compile(f"NEW-{language}"))
    page.get_by_role("link", name=w["write_article"]).click()
    page.fill("#resolution", "1. 续期证书\n2. 重启服务")
    page.get_by_role("button", name=w["save"]).click()
    expect(page.get_by_role("status").filter(has_text=w["article_saved"])).to_be_visible()
    number = page.url.split("/")[-1].split("?")[0]
    assert client.get(f"/v1/knowledge/{number}").json()["incident"] == f"NEW-{language}"


def test_what_comes_in_appears_without_reload_and_the_focus_stays(browse, diagnosed) -> None:
    diagnosed("LIVE-0", "mailbox is full")
    page = browse()
    expect(page.locator("#live")).to_have_class("live on")
    page.keyboard.press("j")
    first = page.locator(f"#{page.evaluate('document.activeElement.id')}")
    expect(first).to_be_focused()
    diagnosed("LIVE-1", "wireless drops every few minutes")
    expect(page.locator("tr", has_text="LIVE-1")).to_be_visible()
    expect(first).to_be_focused()


def test_an_open_incident_shows_what_others_say_and_that_it_was_diagnosed_again(browse, diagnosed, client) -> None:
    w, said = MESSAGES["zh"], diagnosed("OPEN-1", "wireless drops every few minutes")
    page, queue = browse("zh"), browse()
    page.goto(f"/console/diagnoses/{said['id']}")
    for one in (page, queue):
        expect(one.locator("#live")).to_have_class("live on")
    card = page.locator("#target-assignment_group")
    card.get_by_role("button", name=w["accept"], exact=True).focus()
    group = {"target": "assignment_group", "kind": "overridden", "value": "Identity"}
    given = client.post(f"/v1/diagnoses/{said['id']}/feedback", json=group).json()
    worked = {"kind": "suggestion_worked", "suggestion": said["suggestions"][0]["id"]}
    client.post(f"/v1/diagnoses/{said['id']}/feedback", json=worked)
    expect(card.get_by_role("status")).to_contain_text(w["judged_overridden"].format("Identity"))
    expect(card, "the focus stays where the person was").to_be_focused()
    expect(page.locator("#suggestion-1").get_by_role("status")).to_contain_text(w["judged_suggestion_worked"])
    expect(queue.locator("tr", has_text="OPEN-1")).to_contain_text(MESSAGES["en"]["state_decided"])
    client.delete(f"/v1/diagnoses/{said['id']}/feedback/{given['id']}")
    expect(card.get_by_role("button", name=w["accept"], exact=True)).to_be_visible()
    newer = diagnosed("OPEN-1", "wireless drops every few minutes")
    page.get_by_role("link", name=w["newer"]).click()
    page.wait_for_url(f"**/console/diagnoses/{newer['id']}")


def test_whoever_moves_on_while_others_news_settle_stays_there(browse, diagnosed, client) -> None:
    w, said = MESSAGES["en"], diagnosed("SETTLE-1", "wireless drops every few minutes")
    page = browse()
    page.goto(f"/console/diagnoses/{said['id']}")
    expect(page.locator("#live")).to_have_class("live on")
    page.evaluate("""htmx.config.defaultSettleDelay = 300;
        document.addEventListener("htmx:afterSettle", () => document.body.dataset.settled = "yes")""")
    page.locator("#target-assignment_group").get_by_role("button", name=w["accept"], exact=True).focus()
    group = {"target": "assignment_group", "kind": "overridden", "value": "Identity"}
    client.post(f"/v1/diagnoses/{said['id']}/feedback", json=group)
    expect(page.locator("#target-assignment_group").get_by_role("status")).to_be_visible()
    page.locator("#suggestion-1").focus()
    expect(page.locator("body")).to_have_attribute("data-settled", "yes")
    expect(page.locator("#suggestion-1")).to_be_focused()


def test_news_wait_for_what_a_person_does(browse, diagnosed, client) -> None:
    w, said = MESSAGES["en"], diagnosed("WAIT-1", "wireless drops every few minutes")
    page = browse()
    page.goto(f"/console/diagnoses/{said['id']}")
    expect(page.locator("#live")).to_have_class("live on")
    page.route("**/news?**", lambda _asked: None)  # not answered yet
    with page.expect_request("**/news?**"):
        worked = {"kind": "suggestion_worked", "suggestion": said["suggestions"][0]["id"]}
        client.post(f"/v1/diagnoses/{said['id']}/feedback", json=worked)
    card = page.locator("#target-assignment_group")
    with page.expect_event("requestfailed", lambda lost: "/news?" in lost.url):
        card.get_by_role("button", name=w["accept"], exact=True).click()
    page.unroute("**/news?**")
    expect(card.get_by_role("button", name=w["undo"])).to_be_focused()
    diagnosed("WAIT-1", "wireless drops every few minutes")
    expect(page.get_by_role("link", name=w["newer"])).to_be_visible()


def test_a_page_says_that_it_is_cut_off_and_recovers(browse, service, diagnosed) -> None:
    page = browse()
    expect(page.locator("#live")).to_have_class("live on")
    said = diagnosed("CUT-0")
    other = browse()
    other.goto(f"/console/diagnoses/{said['id']}")
    service.kill()
    expect(page.locator("#live")).to_have_text(MESSAGES["en"]["live_off"])
    other.locator("#suggestion-1").get_by_role("button", name=MESSAGES["en"]["helped"]).click()
    expect(other.locator("#failed")).to_be_visible()
    service.start()
    diagnosed("CUT-1")
    expect(page.locator("#live")).to_have_text(MESSAGES["en"]["live_on"])
    expect(page.locator("tr", has_text="CUT-1")).to_be_visible()
    other.locator("#suggestion-1").get_by_role("button", name=MESSAGES["en"]["helped"]).click()
    expect(other.locator("#suggestion-1").get_by_role("status")).to_be_visible()
    expect(other.locator("#failed")).to_be_hidden()


def test_what_comes_while_the_queue_is_fetched_is_shown_too(browse, diagnosed) -> None:
    page, waits = browse(), [2000]
    expect(page.locator("#live")).to_have_class("live on")

    def slow(route):
        answer = route.fetch()
        page.wait_for_timeout(waits.pop() if waits else 0)
        route.fulfill(response=answer)

    page.route("**/console/queue/rows**", slow)
    with page.expect_request("**/console/queue/rows**"):
        diagnosed("DURING-0")
    page.wait_for_timeout(500)
    diagnosed("DURING-1")
    expect(page.locator("tr", has_text="DURING-1")).to_be_visible()


def test_a_slow_server_is_said_to_be_slow(browse, diagnosed) -> None:
    said, page = diagnosed("SLOW-1"), browse()
    page.goto(f"/console/diagnoses/{said['id']}")

    def late(route):
        page.wait_for_timeout(900)
        route.continue_()

    page.route("**/feedback", late)
    page.locator("#suggestion-1").get_by_role("button", name=MESSAGES["en"]["helped"]).click(no_wait_after=True)
    expect(page.locator("#busy")).to_be_visible()
    expect(page.locator("#suggestion-1").get_by_role("status")).to_be_visible()
    expect(page.locator("#busy")).to_be_hidden()


@pytest.mark.parametrize("width", [360, 1440])
def test_hostile_words_do_nothing_and_break_no_page(browse, diagnosed, width) -> None:
    long = "x" * 100_000
    said = diagnosed(f"HOSTILE-{width}", HOSTILE, description=HOSTILE + long, caller=HOSTILE, cmdb_ci=HOSTILE)
    page = browse(width=width)
    for address in ("/", f"/console/diagnoses/{said['id']}", f"/console/records/incidents/HOSTILE-{width}"):
        page.goto(address)
        expect(page.locator("main"), "markup is gone at the intake, and what is left is text").to_contain_text(
            'a<b & "c"'
        )
        assert page.locator("img[src=x]").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} is wider than the page"


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 1440, "light"), ("zh", 360, "dark"), ("zh", 2560, "light")],
)
def test_pages_meet_wcag_and_fit(browse, diagnosed, scheme, language, width) -> None:
    said = diagnosed("WCAG-1", "VPN cannot connect, certificate expired", description="Since this morning")
    page = browse(language, width, scheme)
    for address in (
        "/",
        f"/console/diagnoses/{said['id']}",
        "/console/search?q=vpn",
        "/console/new",
        "/console/articles/new?incident=WCAG-1",
        "/console/records/incidents/WCAG-1",
        "/console/rules",
    ):
        page.goto(address)
        assert axe(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} is wider than the page"


def test_the_sign_in_page_meets_wcag(browse) -> None:
    page = browse(signed_in=False)
    page.goto("/")
    assert axe(page) == []
    page.fill("#key", "wrong")
    page.press("#key", "Enter")
    expect(page.get_by_role("alert").filter(has_text=MESSAGES["en"]["refused"])).to_be_visible()


def test_what_was_typed_survives_a_session_that_ran_out(browse, service, key) -> None:
    w, page = MESSAGES["en"], browse()
    page.goto("/console/new")
    page.fill("#description", "The printer on the third floor shows a paper jam")
    page.context.clear_cookies()
    page.get_by_role("button", name=w["diagnose"], exact=True).click()
    page.wait_for_url("**/console/sign-in?next=%2Fconsole%2Fnew")
    page.fill("#key", key)
    page.press("#key", "Enter")
    page.wait_for_url("**/console/new")
    expect(page.get_by_role("status").filter(has_text=w["draft_restored"])).to_be_visible()
    expect(page.locator("#description")).to_have_value("The printer on the third floor shows a paper jam")
    page.get_by_role("button", name=w["diagnose"], exact=True).click()
    expect(page.locator("h1")).to_contain_text("The printer on the third floor")
    page.goto("/console/new")
    expect(page.locator("#description"), "what was sent is not offered again").to_have_value("")


def test_reply_note_and_another_value_survive_a_session_that_ran_out(browse, diagnosed, key, client) -> None:
    w, said, page = MESSAGES["en"], diagnosed("TYPED-1"), browse()
    address = f"/console/diagnoses/{said['id']}"
    page.goto(address)
    page.fill("#reply", "We replaced the rollers.")
    page.get_by_role("button", name=w["into_note"]).first.click()
    page.locator("#note").press_sequentially(" Ask the floor manager.")
    note = page.locator("#note").input_value()
    page.locator("#target-assignment_group summary").first.click()
    page.fill("#value-assignment_group", "Identity")

    def signed_out_and_in(secret):
        page.context.clear_cookies()
        page.reload()
        page.wait_for_url("**/console/sign-in?next=*")
        assert secret not in page.evaluate("JSON.stringify(sessionStorage)")
        page.fill("#key", secret)
        page.press("#key", "Enter")
        page.wait_for_url(f"**{address}")
        assert secret not in page.evaluate("JSON.stringify(sessionStorage)")

    signed_out_and_in(key)
    expect(page.locator("#draft-restored")).to_be_visible()
    expect(page.locator("#reply")).to_have_value("We replaced the rollers.")
    expect(page.locator("#note")).to_have_value(note)
    expect(page.locator("#value-assignment_group")).to_be_visible()
    expect(page.locator("#value-assignment_group")).to_have_value("Identity")
    page.locator("#target-assignment_group").get_by_role("button", name=w["save"], exact=True).click()
    expect(page.locator("#target-assignment_group").get_by_role("status")).to_be_visible()
    page.goto("/")
    page.goto(address)
    expect(page.locator("#reply"), "what was not sent is there again").to_have_value("We replaced the rollers.")
    assert "Identity" not in page.evaluate("JSON.stringify(sessionStorage)"), "what was saved is not kept"
    signed_out_and_in(client.post("/v1/keys", json={"name": "another", "scopes": list(SCOPES)}).json()["key"])
    expect(page.locator("#reply"), "nobody else reads it").not_to_have_value("We replaced the rollers.")


def test_what_was_typed_for_a_problem_survives_a_session_that_ran_out(browse, key) -> None:
    page = browse()
    page.goto("/console/problems")
    expect(page.locator(".measures tbody tr").first).to_be_visible(timeout=30_000)
    page.locator(".measures tbody a").first.click()
    page.wait_for_url("**/console/problems/*")
    address = page.url
    if not page.locator("#propose[open]").count():
        page.locator("#propose summary").click()
    page.fill("#title", "Replace the printer's rollers")
    page.fill("#owner", "Desktop Support")
    page.context.clear_cookies()
    page.locator("#propose").get_by_role("button").click()
    page.wait_for_url("**/console/sign-in?next=*")
    page.fill("#key", key)
    page.press("#key", "Enter")
    page.wait_for_url(address)
    expect(page.locator("#title")).to_have_value("Replace the printer's rollers")
    expect(page.locator("#owner")).to_have_value("Desktop Support")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fix_goes_into_the_reply_and_the_resolution_note_with_one_click(browse, diagnosed, language) -> None:
    w, said = MESSAGES[language], diagnosed(f"INSERT-{language}")
    page = browse(language)
    page.goto(f"/console/diagnoses/{said['id']}")
    # The caller gets it in the language of the report, the agent in their own.
    fix, note = said["suggestions"][0], note_of(page, w)
    page.locator("#suggestion-1").get_by_role("button", name=w["into_reply"], exact=True).click()
    expect(page.locator("#reply")).to_have_value(re.compile(re.escape(fix["resolution"].strip())))
    page.locator("#suggestion-1").get_by_role("button", name=w["into_note"], exact=True).click()
    expect(page.locator("#note")).to_have_value(note)


def note_of(page, w) -> str:
    """Return the note that the first fix makes, from what the page shows of it."""
    number = page.locator("#suggestion-1 a").first.inner_text()
    text = page.locator("#fix-1").evaluate("template => template.content.textContent")
    return f"{w['note_source'].format(number)}\n{text.strip()}"


def test_times_are_shown_in_the_readers_zone(chromium, service, cookies, diagnosed) -> None:
    said = diagnosed("ZONE-1", opened_at="2026-05-01T23:30:00Z")
    context = chromium.new_context(base_url=service.base, locale="en-GB", timezone_id="Asia/Shanghai")
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(f"/console/diagnoses/{said['id']}")
    expect(page.locator(".facts time").first).to_contain_text("02/05/2026, 07:30")
    context.close()
