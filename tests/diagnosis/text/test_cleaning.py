"""Cleaning takes off what was wrapped around a message and nothing of the message, in three languages."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnosis.text import clean

MAILS = {
    "english reply": (
        "The scanner on floor 3 reports error 0x80070005 since the update.\n\nKind regards,\nAnna Example\nFinance\n\n"
        "From: Service Desk\nSent: Monday, 3 June 2024 10:02\nTo: Anna Example\nSubject: RE: scanner\n\n"
        "Please restart it.",
        "The scanner on floor 3 reports error 0x80070005 since the update.",
    ),
    "chinese reply": (
        "三楼的扫描仪更新后一直报错 0x80070005，重启也没有用，请尽快处理一下。\n\n此致\n敬礼\n张三\n财务部\n\n"
        "发件人: 服务台\n发送时间: 2024年6月3日 10:02\n收件人: 张三\n主题: 答复: 扫描仪\n\n请先重启。",
        "三楼的扫描仪更新后一直报错 0x80070005，重启也没有用，请尽快处理一下。",
    ),
    "chinese webmail": (
        "VPN 连不上，提示 error 809，家里和公司都不行，请帮忙看看。\n\n\n"
        "------------------ 原始邮件 ------------------\n"
        '发件人: "服务台" <desk@example.com>;\n发送时间: 2024年6月3日(星期一) 上午9:00\n'
        '收件人: "张三";\n主题: VPN\n\n已收到。',
        "VPN 连不上，提示 error 809，家里和公司都不行，请帮忙看看。",
    ),
    "chinese wrote": (
        "打印机还是卡纸，换了硒鼓也没有用，麻烦派人到三楼来看一下。\n\n"
        "在 2024年6月3日，09:00，服务台 <desk@example.com> 写道：\n> 请更换硒鼓。",
        "打印机还是卡纸，换了硒鼓也没有用，麻烦派人到三楼来看一下。",
    ),
    "german reply": (
        "Das Netzlaufwerk \\\\srv-02\\projekte ist seit heute früh nicht erreichbar.\n\n"
        "Mit freundlichen Grüßen\nMax Muster\n\n"
        "Von: Service Desk\nGesendet: Montag, 3. Juni 2024 10:02\nAn: Max Muster\nBetreff: AW: Laufwerk\n\n"
        "Bitte neu starten.",
        "Das Netzlaufwerk \\\\srv-02\\projekte ist seit heute früh nicht erreichbar.",
    ),
    "english wrote": (
        "Still broken: Outlook asks for the password every five minutes.\n\n"
        "On Mon, 3 Jun 2024 at 10:02, Service Desk <desk@example.com> wrote:\n> Did you restart?",
        "Still broken: Outlook asks for the password every five minutes.",
    ),
    "wrote over two lines": (
        "Still broken: Outlook asks for the password every five minutes.\n\n"
        "On Mon, 3 Jun 2024 at 10:02, Service Desk\n<desk@example.com> wrote:\n"
        "> Did you restart?",
        "Still broken: Outlook asks for the password every five minutes.",
    ),
    "forwarded without comment": (
        "FYI\n\n---------- Forwarded message ---------\nFrom: Lee\nDate: Mon, 3 Jun 2024\nSubject: badge\nTo: Desk\n\n"
        "The badge reader at gate 4 is dark and nobody gets in.",
        "FYI\nThe badge reader at gate 4 is dark and nobody gets in.",
    ),
    "forwarded in chinese": (
        "请处理\n\n发件人：李四\n发送时间：2024年6月3日\n收件人：服务台\n主题：门禁\n\n四号门的读卡器不亮，所有人都进不来。",
        "请处理\n四号门的读卡器不亮，所有人都进不来。",
    ),
    "header block first": (
        "from: lee\nsent: monday, june 3, 2024 8:43 pm\nto: desk\nsubject: badge reader\n\n"
        "the badge reader at gate 4 is dark.",
        "badge reader\nthe badge reader at gate 4 is dark.",
    ),
    "disclaimer": (
        "Teams drops every call after ten minutes on the new headset.\n"
        "This e-mail and any attachment is confidential and intended solely for the addressee.",
        "Teams drops every call after ten minutes on the new headset.",
    ),
    "chinese disclaimer": (
        "会议软件每十分钟掉线一次，新耳机也一样，旧电脑上没有这个问题。\n"
        "本邮件及其附件含有保密信息，仅限于发送给上面地址中列出的个人。\n"
        "如果您不是指定的收件人，请删除本邮件。",
        "会议软件每十分钟掉线一次，新耳机也一样，旧电脑上没有这个问题。",
    ),
    "phone signature": (
        "打不开共享文件夹 \\\\fs1\\共享，提示没有权限访问。\n发自我的iPhone",
        "打不开共享文件夹 \\\\fs1\\共享，提示没有权限访问。",
    ),
    "dashes signature": (
        "The order export fails with ORA-12154 since midnight.\n-- \nAnna Example\nFinance",
        "The order export fails with ORA-12154 since midnight.",
    ),
}


@pytest.mark.parametrize("name", MAILS)
def test_mail_is_reduced_to_its_message(name):
    given_text, expected = MAILS[name]
    assert clean(given_text) == expected


KEPT = [
    "ERR_CONNECTION_RESET on https://portal.example.com:8443/login",
    r"\\fs01\finance\2024\report final.xlsx cannot be opened",
    "java.lang.NullPointerException: null\nat com.example.Order.total(Order.java:42)\n... 12 more",
    "if (a < b && b > c) { List<String> x = f(a); }",
    "mail from <EMAIL> was not delivered, contact <PHONE>",
    "Traceback (most recent call last):\nFile \"job.py\", line 3, in <module>\nKeyError: 'id'",
    "从昨天开始：打印机不工作\n时间：上午",
    "From the printer: paper jam in tray 2",
    "to: be checked by network team",
    "best case it takes 10 minutes to log in, worst case it never works",
    "thank you for resetting it, but now the drive H: is missing",
    "谢谢，但是 H: 盘还是看不到",
    "请重置密码\n谢谢\n另外 H: 盘还是看不到",
    "Please reset the password.\nThanks\nThe screen says error 1326",
    "Name: printer-4\nDate: today\nFault: smells burnt",
    "C++ build fails: template<typename T> struct A;",
    "latency 5 < 10 ms but > 2 ms",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_wrapping_stays(text):
    assert clean(text) == text


MARKUP = {
    "<p>VPN&nbsp;连不上</p><p>提示 <b>error&nbsp;809</b></p>": "VPN 连不上\n提示 error 809",
    "<div>Outlook hangs<br>since &lt;today&gt;</div><script>alert(1)</script>": "Outlook hangs\nsince <today>",
    "<html><head><style>p {color: red}</style></head><body><ul><li>one</li><li>two</li></ul></body></html>": "one\ntwo",
    "<table><tr><td>host</td><td>vpn-gw-2</td></tr></table>": "host vpn-gw-2",
    "<p>sent by <EMAIL> in List<String></p>": "sent by <EMAIL> in List<String>",
    "&quot;拒绝访问&quot; &amp; 0x5": '"拒绝访问" & 0x5',
    "<p>See <a href='https://kb.example.com/1'>the article</a>.</p>": "See the article.",
    "<pre>line 1\nline 2</pre>": "line 1\nline 2",
    "plain\nlines with a <br> inside": "plain\nlines with a\ninside",
}


@pytest.mark.parametrize("markup", MARKUP)
def test_markup_becomes_the_words_that_it_shows(markup):
    assert clean(markup) == MARKUP[markup]


@pytest.mark.parametrize(
    "text",
    [
        "谢谢",
        "From: a\nSent: b\nTo: c",
        "<p></p><script>printer 4</script>",
        "--\nAnna",
        "发件人：李四\n主题：门禁坏了",
        "> on fire",
    ],
)
def test_content_is_never_lost_whole(text):
    assert any(char.isalnum() for char in clean(text))


@given(st.text(max_size=200))
def test_cleaning_is_empty_only_for_text_without_words(text):
    assert any(c.isalnum() for c in clean(text)) == any(c.isalnum() for c in text)


PIECES = [
    "From: a",
    "Sent: b",
    "发件人：李四",
    "主题：门禁",
    "> quoted",
    "谢谢",
    "Best regards",
    "<p>",
    "</p>",
    "<br>",
    "打不开",
    "x y z",
    "本邮件仅供收件人",
    "--",
    "",
    "&lt;p&gt;",
    "On Monday Lee wrote:",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_mixtures_of_wrapping_never_lose_all_words(lines):
    text = "\n".join(lines)
    assert any(c.isalnum() for c in clean(text)) or not any(
        c.isalnum() for c in text.replace("<p>", "").replace("</p>", "").replace("<br>", "").replace("&lt;p&gt;", "")
    )


@pytest.mark.parametrize(
    "piece", ["<p>", "\n> ", "From: a\n", "谢谢\n", "on ", "this mail ", "本邮件", "&", "a@", "<a ", "\n\n-", "  \t"]
)
def test_time_grows_with_length_only(piece):
    text = (piece * 100_000)[:100_000]
    start = time.perf_counter()
    clean(text)
    assert time.perf_counter() - start < 5
