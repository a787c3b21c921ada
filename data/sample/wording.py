"""How people write an incident down: mail, chat, form, phone note, alert; with their threads, slips and damage."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from history import Event

CHANNELS = {"email": 28, "phone": 24, "web": 22, "wechat": 14, "chat": 12}
SINCE = {
    "zh": ["今天早上", "昨天下午", "周一", "上周更新后", "中午", "刚才", "昨晚", "这两天", "上午九点左右", "休假回来"],
    "en": [
        "this morning",
        "yesterday afternoon",
        "Monday",
        "last week",
        "lunch",
        "about an hour ago",
        "last night",
        "the weekend",
        "around nine",
    ],
}
APPS = ["Visio", "Power BI Desktop", "Python 3.11", "AutoCAD", "Acrobat Pro", "SecureCRT", "Notepad++", "DBeaver"]
WRONG_WORDS = [
    ("登录", "登陆"),
    ("账号", "帐号"),
    ("密码", "秘密"),
    ("连接", "链接"),
    ("重启", "从起"),
    ("一直", "一只"),
    ("报错", "抱错"),
    ("打不开", "打不开了"),
    ("系统", "系通"),
    ("显示", "显是"),
]
TICKET_LINE = {
    "zh": [
        "请提供电脑编号和截图。",
        "麻烦确认一下影响人数。",
        "我们已收到您的申请，会尽快处理。",
        "请问网页版是否正常？",
    ],
    "en": [
        "Please send us the device number and a screenshot.",
        "How many people are affected?",
        "We have received your request and will look at it.",
        "Does the web version work?",
    ],
}
DISCLAIMER = {
    "zh": "本邮件及其附件含有保密信息，仅限于发送给上面地址中列出的个人或群组。"
    "如果您错收了本邮件，请您立即电话或邮件通知发件人并删除本邮件！",
    "en": "This e-mail and any attachments are confidential and intended solely for the addressee. If you have "
    "received it in error please notify the sender and delete it.",
}
FORM = {
    "zh": "【故障现象】{more}\n【发生时间】{since}\n【影响范围】{who}\n【联系电话】分机 {phone}\n"
    "【已尝试的操作】{tried}\n\n"
    "本工单由自助服务门户提交，请勿直接回复此邮件。",
    "en": "Issue summary: {more}\nWhen did it start?: {since}\nHow many people are affected?: {who}\n"
    "Callback number: ext. {phone}\nSteps already tried: {tried}\n\n"
    "This incident was submitted through the self-service portal. Please do not reply to this message.",
}
WHO = {"zh": ["仅本人", "本部门", "整层楼", "不清楚"], "en": ["only me", "my team", "the whole floor", "not sure"]}
TRIED = {
    "zh": ["重启", "无", "重启、换网线", "同事帮忙看过"],
    "en": ["restart", "none", "restarted twice", "asked a colleague"],
}
QUOTED = {
    "zh": "\n-----原始邮件-----\n发件人: IT 服务台 <servicedesk@example.com>\n发送时间: {sent}\n收件人: {name}\n"
    "主题: 答复: {short}\n\n{asked}\n",
    "en": "\n-----Original Message-----\nFrom: IT Service Desk <servicedesk@example.com>\nSent: {sent}\nTo: {name}\n"
    "Subject: RE: {short}\n\n{asked}\n",
}
CONTEXT = {
    "zh": [
        "重启过了还是一样。",
        "同事那边是好的。",
        "今天下班前要交报告。",
        "这个月已经第{n}次了。",
        "客户在线等，比较急。",
        "下午三点前我都在工位。",
        "截图见附件。",
        "之前报过一次，没彻底解决。",
        "换了一台电脑也不行。",
        "上周还是好的。",
        "影响大概{n}个人。",
        "可以远程看，我不关机。",
        "昨天重装过，没用。",
        "部门领导在催。",
        "不清楚是不是更新引起的。",
        "在{site}办公室，{floor}楼。",
        "先这样，等你们回复。",
        "网上的方法都试过了。",
    ],
    "en": [
        "Restarted already, no change.",
        "It works for my colleague.",
        "I need it before the end of the day.",
        "This is the {n}th time this month.",
        "A customer is waiting.",
        "I am at my desk until three.",
        "Screenshot attached.",
        "I reported it before and it was never really solved.",
        "Tried another PC, same thing.",
        "It was fine last week.",
        "About {n} of us are affected.",
        "You can connect remotely any time.",
        "Reinstalled it yesterday, did not help.",
        "My manager keeps asking.",
        "Not sure whether the update did it.",
        "I sit in {site}, floor {floor}.",
        "No idea what changed.",
        "Tried what I found on the web.",
    ],
}
URGENT = {
    "zh": ["急！", "，请帮忙", "（{dept}）", "（{site}）", "，谢谢", "！！", " 工号{emp}", "，{since}开始"],
    "en": [" - urgent", ", please help", " ({dept})", " ({site})", "??", " - {emp}", " since {since}", " again"],
}
HELLO = {
    "zh": ["IT 同事好，", "您好，", "各位老师好：", "Hi IT，", "服务台您好："],
    "en": ["Hi team,", "Hello,", "Dear IT,", "Hi,", "Good morning,"],
}
THANKS = {
    "zh": ["麻烦尽快处理，谢谢！", "谢谢。", "急，请帮忙看下。", "多谢支持！", "盼复。"],
    "en": [
        "Thanks in advance!",
        "Please help, this is urgent.",
        "Many thanks,",
        "Kind regards,",
        "Appreciate your help.",
    ],
}
CHATTER = {
    "zh": ["在吗？", "IT在不在", "急急急", "[图片]", "麻烦看下", "老师好"],
    "en": ["hi", "anyone there?", "urgent pls", "[screenshot]", "hey"],
}
MIXED = {
    "zh": ["Please check ASAP.", "FYI 客户在等。", "already restart 过了", "error message 见附件", "thanks!"],
    "en": ["麻烦看一下。", "谢谢！", "（已重启）", "客户在等。"],
}


@dataclass(frozen=True)
class Wording:
    """What was written, in which channel and language."""

    channel: str
    language: str
    short: str
    description: str


def write(rng: Random, event: Event, tally: Counter[str]) -> Wording:
    """Write an event down as its caller, an agent or the monitoring would."""
    slots = slots_of(rng, event, event.caller.language)
    if event.monitored and "alert" in event.fault:
        return _alert(rng, event, slots, tally)
    language = event.caller.language
    channel = "monitoring" if event.monitored else rng.choices(list(CHANNELS), list(CHANNELS.values()))[0]
    short = _headline(rng, event, language).format(**slots)
    more = _story(rng, event, language).format(**slots)
    if rng.random() < 0.07:
        more += " " + rng.choice(MIXED[language])
        tally["mixed languages"] += 1
    body = _body(rng, channel, event, language, short, more, slots, tally)
    if event.kind == "duplicate":
        short = (
            rng.choice(
                {
                    "zh": ["再次反馈：", "催办 ", "还是不行："],
                    "en": ["Following up: ", "Still broken: ", "2nd request "],
                }[language]
            )
            + short
        )
    elif channel == "email" and rng.random() < 0.2:
        short = rng.choice({"zh": ["答复: ", "转发: "], "en": ["RE: ", "FW: "]}[language]) + short
    return Wording(channel, language, _slip(rng, short, language, tally), _slip(rng, body, language, tally))


def _headline(rng: Random, event: Event, language: str) -> str:
    """Return a first line: one of the fault's own, one with something added, or the beginning of a longer story."""
    drawn = rng.random()
    if drawn < 0.18:
        return _clauses(rng.choice(event.fault[f"{language}_more"]))[0].strip("，。,. ")
    short: str = rng.choice(event.fault[language])
    return short + rng.choice(URGENT[language]) if drawn < 0.45 else short


def _story(rng: Random, event: Event, language: str) -> str:
    """Return the longer account, told whole or in part, with what else people think worth saying."""
    clauses = _clauses(rng.choice(event.fault[f"{language}_more"]))
    if len(clauses) > 2 and rng.random() < 0.35:
        clauses.pop(rng.randrange(1, len(clauses)))
    if rng.random() < 0.15:
        clauses = [rng.choice(event.fault[language]) + ("。" if language == "zh" else ". "), *clauses]
    clauses += rng.sample(CONTEXT[language], rng.choices([0, 1, 2, 3], [30, 40, 22, 8])[0])
    return "".join(clauses) if language == "zh" else " ".join(clause.strip() for clause in clauses)


def _clauses(text: str) -> list[str]:
    """Split a text after its commas and full stops, not inside numbers and names."""
    return [clause for clause in re.split(r"(?<=[，。！])|(?<=[,.;!])(?=\s)", text) if clause]


def slots_of(rng: Random, event: Event, language: str) -> dict[str, str | int]:
    """Return what the templates of a fault may ask for."""
    person = event.caller
    return {
        "since": rng.choice(SINCE[language]),
        "n": rng.randint(2, 9),
        "floor": rng.randint(2, 18),
        "room": f"{rng.randint(2, 18)}{rng.choice('ABCD')}-{rng.randint(10, 99)}",
        "dept": person.department,
        "site": person.site,
        "app": rng.choice(APPS),
        "emp": person.employee,
        "ci": event.item,
    }


def _alert(rng: Random, event: Event, slots: dict[str, str | int], tally: Counter[str]) -> Wording:
    tally["monitoring alerts"] += 1
    short = event.fault["alert"].format(**slots)
    prefix = rng.choice(["[CRITICAL] ", "[FIRING:1] ", "【告警】", "Problem: ", ""])
    at = event.opened.strftime("%Y-%m-%d %H:%M:%S")
    body = (
        f"Host: {event.item}\nSeverity: {rng.choice(['critical', 'warning', 'high'])}\nTriggered: {at} UTC\n"
        f"Address: 192.0.2.{rng.randint(10, 250)}\nEvent: {short}\nEvent ID: {rng.randint(100000, 999999)}\n"
        f"Runbook: https://runbooks.example.com/{event.fault['id']}"
    )
    return Wording("monitoring", "en", prefix + short, body)


def _body(
    rng: Random,
    channel: str,
    event: Event,
    language: str,
    short: str,
    more: str,
    slots: dict[str, str | int],
    tally: Counter[str],
) -> str:
    person = event.caller
    if rng.random() < 0.035:
        tally["empty descriptions"] += 1
        return ""
    if channel == "email":
        return _mail(rng, event, language, short, more, tally)
    if channel == "web":
        tally["self-service forms"] += 1
        answers = {"who": rng.choice(WHO[language]), "tried": rng.choice(TRIED[language]), "phone": person.extension}
        return FORM[language].format(more=more, since=slots["since"], **answers)
    if channel in {"wechat", "chat"}:
        parts = [part.strip(" ，。,.") for part in _clauses(more)[: rng.randint(1, 4)]]
        line = " ".join([rng.choice(["", *CHATTER[language]]), *parts]).strip()
        return line if language == "zh" or rng.random() < 0.4 else line.lower()
    note = {
        "zh": f"用户来电反映：{more}"
        + rng.choice(["", f"\n已核实身份，工号 {person.employee}。", f"\n回拨分机 {person.extension}。"]),
        "en": f"User called: {more}"
        + rng.choice(["", f"\nIdentity verified ({person.employee}).", f"\nCall back on ext. {person.extension}."]),
    }
    return note[language]


def _mail(rng: Random, event: Event, language: str, short: str, more: str, tally: Counter[str]) -> str:
    person = event.caller
    text = f"{rng.choice(HELLO[language])}\n\n{more}\n\n{rng.choice(THANKS[language])}\n"
    if rng.random() < 0.7:
        tally["mail signatures"] += 1
        phone = {"zh": f"分机 {person.extension}", "en": f"+44 20 7946 0{person.extension[:3]}"}[language]
        text += f"\n{person.name}\n{person.department} | {person.site}\n{phone} | {person.mail}\n"
    if rng.random() < 0.3:
        tally["mail threads with quoted replies"] += 1
        before = event.opened - timedelta(hours=rng.randint(1, 40))
        sent = before.strftime("%Y-%m-%d %H:%M")
        asked = rng.choice(TICKET_LINE[language])
        text += QUOTED[language].format(sent=sent, name=person.name, short=short, asked=asked)
        if rng.random() < 0.5:
            text += f"\n> {more}\n"
    if rng.random() < 0.3:
        tally["mail disclaimers"] += 1
        text += "\n" + DISCLAIMER[language]
    return text.strip()


def _slip(rng: Random, text: str, language: str, tally: Counter[str]) -> str:
    """Make the typing errors of a person in a hurry."""
    if rng.random() > 0.06:
        return text
    before = text
    if language == "zh":
        for right, wrong in rng.sample(WRONG_WORDS, len(WRONG_WORDS)):
            if right in text:
                text = text.replace(right, wrong, 1)
                break
    else:
        words = [m for m in re.finditer(r"(?<![@.\w/-])[a-z]{5,}(?![@.\w/-])", text) if m.start() < 200]
        if words:
            at = rng.choice(words).start() + rng.randint(1, 3)
            text = (
                text[:at] + text[at + 1] + text[at] + text[at + 2 :]
                if rng.random() < 0.5
                else text[:at] + text[at + 1 :]
            )
    tally["typing errors"] += text != before
    return text


def damage(text: str) -> str:
    """Return Chinese text as a careless export leaves it: UTF-8 read as cp1252, undefined bytes escaped by Excel."""
    return "".join(
        bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else f"_x00{byte:02x}_"
        for byte in text.encode()
    )
