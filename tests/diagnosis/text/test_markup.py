"""What a reader sees of marked-up text: HTML escaped or not, wiki markup, pasted pictures, halves of characters."""

import html
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnosis.text import TextNormaliser, clean, plain_text
from diagnosis.text.markup import without_markup

PICTURE = "data:image/jpeg;base64," + "QUJD" * 8000


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<div>无法连接&nbsp;VPN</div><div>很急</div>", "无法连接 VPN\n很急"),
        ("VPN &amp; Wi-Fi<br>down", "VPN & Wi-Fi\ndown"),
        ("<p>a</p><style>p {color:red}</style><script>alert(1)</script><p>b</p>", "a\nb"),
        ("<table><tr><td>x</td><td>1</td></tr></table>", "x 1"),
        ("<p>half <b>open", "half open"),
        ("1 < 2 & 3", "1 < 2 & 3"),
        ("", ""),
        ("<ol><li>Unplug</li><li>Wait <b>1</b> min</li></ol>", "1. Unplug\n2. Wait 1 min"),
        ("type &lt;b&gt; to begin", "type <b> to begin"),
        ("mail <EMAIL> said {code:500} and <config>", "mail <EMAIL> said {code:500} and <config>"),
        ("{color:#ff0000}Timeout{color} in {code:java|title=A}x(){code}", "Timeout in x()"),
        ("{*}bold{*} {noformat}raw{noformat}", "bold raw"),
        ("!screen shot.png|width=30! seen by [~accountid:71:ab-c] and [~li.wei]", "seen by and li.wei"),
        ("[the wiki|https://example.com/a] helps", "the wiki https://example.com/a helps"),
        ("||Host||State||\n|app01|down|\n|app02|up|", "Host State\napp01 down\napp02 up"),
        ("a | b || c", "a | b || c"),
        ("if (a || b) |x|", "if (a || b) |x|"),
        (
            "*Steps:* run {{ipconfig /flushdns}}, then see [^trace.log]",
            "Steps: run ipconfig /flushdns, then see trace.log",
        ),
        ("请重启 *打印服务* 后再试", "请重启 打印服务 后再试"),
        ("bq. it worked yesterday", "it worked yesterday"),
        (
            "2*3*4 = 24, rm *.log *.tmp, SELECT * FROM a WHERE b * c",
            "2*3*4 = 24, rm *.log *.tmp, SELECT * FROM a WHERE b * c",
        ),
        ("{{ inventory_hostname }} is not set, [^abc] matches", "{{ inventory_hostname }} is not set, [^abc] matches"),
        ("h2. Steps\ndone!", "Steps\ndone!"),
        ("[code]<p>Reset <i>it</i></p>[/code]", "Reset it"),
        ("cut \ud83d here, whole \ud83d\ude00", "cut \ufffd here, whole \U0001f600"),
        ("a\x00b", "ab"),
    ],
)
def test_what_a_reader_sees(source, text):
    assert plain_text(source) == text


@pytest.mark.parametrize("times", [1, 2])
def test_escaped_markup_is_undone_to_its_end(times):
    source = "<p>L'écran clignote &amp; s'éteint</p><p>Merci</p>"
    for _ in range(times):
        source = html.escape(source)
    assert plain_text(source) == "L'écran clignote & s'éteint\nMerci"


@pytest.mark.parametrize(
    "source", [f'<img src="{PICTURE}">', f"![shot]({PICTURE})", f"<img alt='x' src='{PICTURE}", PICTURE]
)
def test_a_pasted_picture_is_no_text(source):
    assert plain_text(f"Scanner jams.\n{source}").split() == ["Scanner", "jams."]


def test_limits_are_of_words_and_not_of_source():
    styled = f"<style>{'.x {margin:0}' * 5000}</style><img src='{PICTURE}'><p>Scanner jams on tray two</p>"
    assert clean(styled, 24) == "Scanner jams on tray two"
    normaliser = TextNormaliser(strip_boilerplate=False, max_chars=100).fit([], [])
    assert normaliser.normalise_texts([styled]) == ["Scanner jams on tray two"]
    assert clean("word " * 100, 9) == "word word"


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<!--",
        "<a ",
        "&",
        "<![CDATA[",
        "<p a='",
        "</",
        "<!",
        "<script>",
        "<div>",
        "!a",
        "[~",
        "{color:",
        "[a|http:",
        "data:",
        "data:a/b;base64,",
        "&amp;",
        "&lt;p&gt;",
    ],
)
def test_hostile_markup_takes_time_in_proportion(piece):
    start = time.process_time()  # of the processor alone: a busy machine is no defect
    plain_text(piece * (200_000 // len(piece)))
    assert time.process_time() - start < 5


@pytest.mark.parametrize("tag", ["div", "span", "b", "table", "ul", "blockquote", "font color=red", "a href=x"])
def test_elements_nested_without_end_cost_as_much_as_their_length(tag):
    source = f"<{tag}>" * 40_000 + "Scanner jams" + f"</{tag.split()[0]}>" * 40_000
    start = time.process_time()
    assert plain_text(source) == "Scanner jams"
    assert time.process_time() - start < 0.8


def test_paragraphs_and_entries_that_are_never_closed_are_lines():
    for tag in ("p", "li", "div"):
        lines = [line.strip() for line in plain_text("".join(f"<{tag}>line {n}" for n in range(1500))).split("\n")]
        assert [line for line in lines if line] == [f"line {n}" for n in range(1500)]


@given(st.text(max_size=300))
@settings(max_examples=40, deadline=None)
def test_any_text_may_be_markup(text):
    plain_text(text).encode()
    without_markup(text)
