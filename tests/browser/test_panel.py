"""The panel in a page of another origin, as each tool's example puts it there."""

import base64
import hmac
import re
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from api.console.messages import MESSAGES
from tests.browser.conftest import PANEL_SECRET, axe

EXAMPLES = Path(__file__).parents[2] / "docs" / "panel"


class Tool(BaseHTTPRequestHandler):
    """Somebody else's page."""

    def __init__(self, pages, *rest):
        self.pages = pages
        super().__init__(*rest)

    def do_GET(self):
        body = self.pages.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def tool(service):
    pages = {}
    server = ThreadingHTTPServer(("127.0.0.1", service.tool_port), partial(Tool, pages))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield pages, f"http://localhost:{service.tool_port}"
    server.shutdown()
    server.server_close()


def shown_by(name, service, token):
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    if name == "servicenow.html":  # what Jelly makes of it
        text = re.search(r"<script .*</script>", text)[0].replace("${jvar_token}", token)
    if "<html" not in text:  # it stands inside the tool's own form
        text = f"<!doctype html><body><form>{text}</form></body>"
    return text.replace("FAULTWISE", service.base).replace("TOKEN", token)


@pytest.mark.parametrize("name", ["servicenow.html", "jira.html", "zammad.html", "glpi.html"])
def test_each_example_shows_the_incident_and_takes_feedback(browse, client, service, diagnosed, tool, name) -> None:
    pages, site = tool
    said = diagnosed(f"PANEL-{name}")
    made = client.post("/v1/panel/tokens", json={"incident": f"PANEL-{name}", "person": "e.chan"})
    assert made.status_code == 201
    pages["/"] = shown_by(name, service, made.json()["token"])
    page = browse("zh", signed_in=False)
    page.goto(site)
    panel = page.frame_locator("iframe")
    button = panel.locator("#suggestion-1").get_by_role("button", name=MESSAGES["zh"]["helped"], exact=True)
    button.click()
    expect(panel.locator("#suggestion-1").get_by_role("status")).to_contain_text(
        MESSAGES["zh"]["judged_suggestion_worked"]
    )
    (given,) = client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"]
    assert given["actor"] == "panel:e.chan"
    panel.locator("#suggestion-1").get_by_role("button", name=MESSAGES["zh"]["undo"]).click()
    expect(button).to_be_visible()
    if name != "zammad.html":
        frame = page.locator("iframe")
        expect(frame).not_to_have_css("height", "600px")  # it is as tall as what it shows


def test_a_fix_goes_into_the_field_that_the_tools_page_names(browse, client, service, diagnosed, tool) -> None:
    pages, site = tool
    diagnosed("PANEL-INSERT")
    token = client.post("/v1/panel/tokens", json={"incident": "PANEL-INSERT"}).json()["token"]
    script = f'<script src="{service.base}/panel/embed.js" data-token="{token}" data-note="#resolution"></script>'
    pages["/"] = f'<!doctype html><body><textarea id="resolution">Called the user.</textarea>{script}</body>'
    page = browse(signed_in=False)
    page.goto(site)
    suggestion = page.frame_locator("iframe").locator("#suggestion-1")
    suggestion.get_by_role("button", name=MESSAGES["en"]["into_reply"], exact=True).click()
    suggestion.get_by_role("button", name=MESSAGES["en"]["into_note"], exact=True).click()
    number = suggestion.locator("a").first.inner_text()
    text = suggestion.locator("#fix-1").evaluate("template => template.content.textContent")
    note = f"{MESSAGES['en']['note_source'].format(number)}\n{text.strip()}"
    expect(page.locator("#resolution"), "the reply has no field here, the note has").to_have_value(
        f"Called the user.\n\n{note}"
    )


def test_nobody_else_may_frame_it_and_nothing_else_may_be_framed(browse, client, service, diagnosed, tool) -> None:
    pages, site = tool
    diagnosed("PANEL-2")
    token = client.post("/v1/panel/tokens", json={"incident": "PANEL-2"}).json()["token"]
    pages["/"] = f'<iframe src="{service.base}/panel?token={token}"></iframe>'
    pages["/console"] = f'<iframe src="{service.base}/console/sign-in"></iframe>'
    page = browse(signed_in=False, refused_frames=True)
    for address in (site.replace("localhost", "127.0.0.1"), f"{site}/console"):
        with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
            page.goto(address)
        page.wait_for_function("document.querySelector('iframe').contentDocument === null")
        assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]


def test_the_panel_meets_wcag_at_the_width_of_a_side_bar(browse, client, diagnosed) -> None:
    diagnosed("PANEL-3")
    page = browse("en", 360, "dark", signed_in=False)
    page.goto(client.post("/v1/panel/tokens", json={"incident": "PANEL-3"}).json()["path"])
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# What ServiceNow's server has, as its documentation says: properties, base64 of UTF-8, and an HMAC with a base64 key.
SERVICENOW = """script => {
  const asked = [];
  const gs = { getProperty: (name) => ({ "x.faultwise.panel_secret": "%s" })[name], getUserName: () => "e.chan" };
  const GlideStringUtil = { base64Encode: (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text))) };
  class GlideCertificateEncryption {
    generateMac(key, algorithm, data) { asked.push([key, algorithm, data]); return "QUJD+/8="; }
  }
  const jelly = { jvar_number: "PANEL-SIGNED" };
  return [eval(script), ...asked[0]];
}"""


def test_servicenows_page_signs_a_token_that_opens_its_incident(chromium, browse, diagnosed) -> None:
    diagnosed("PANEL-SIGNED")
    example = (EXAMPLES / "servicenow.html").read_text(encoding="utf-8")
    script = re.search(r"<g:evaluate[^>]*>(.*?)</g:evaluate>", example, re.DOTALL)[1]
    blank = chromium.new_page()
    token, key, algorithm, signed = blank.evaluate(SERVICENOW % PANEL_SECRET, script)
    blank.close()
    assert (token, algorithm) == (f"{signed}.QUJD-_8", "HmacSHA256")
    mac = hmac.digest(base64.b64decode(key), signed.encode(), "sha256")
    page = browse(signed_in=False)
    page.goto(f"/panel?token={signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}")
    expect(
        page.locator("#suggestion-1").get_by_role("button", name=MESSAGES["en"]["helped"], exact=True)
    ).to_be_visible()
