"""Faults told in two languages: joined where that is sure, asked about where it is not, under ids that stay."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd

from diagnosis.incident import as_frame
from diagnosis.problems import ProblemContext, ProblemDecision, find_problems, twins
from diagnosis.problems.fault_signature import problem_signature
from diagnosis.recurrence import Signature
from diagnosis.search.glossary import translated

START = pd.Timestamp("2026-01-01", tz="UTC")
SIGNATURE = Signature(("cmdb_ci", "category"))
SPAM, SPAM_ZH = "legitimate mail caught as spam", "邮件被当成垃圾邮件拦截"
QUOTA, QUOTA_ZH = "mailbox quota is full", "邮箱配额已满"
TERMS = ["打印机", "卡纸", "密码", "邮箱", "配额", "网络", "连接", "超时", "登录", "失败", "无线", "会议室", "数据库"]
TERMS += ["磁盘", "报表", "证书", "过期"]


def rows(name, texts, first=0, **fields):
    opened = [START + pd.Timedelta(hours=7 * (first + i)) for i in range(len(texts))]
    plain = {"number": [f"{name}-{i}" for i in range(len(texts))], "opened_at": opened, "short_description": texts}
    common = {"service": "Messaging", "category": "Email", "subcategory": "Delivery", "symptom": "error"}
    return pd.DataFrame({**plain, **common, **fields})


UNSURE = (rows("en", ["invoice upload failed"] * 4), rows("zh", ["上传失败，打印机"] * 4, 3))


def named(item="gw-1"):
    """Return a fault of an item, so that items say what a fault is."""
    return rows("named", ["tunnel down"] * 40, cmdb_ci=item, category="Network", service="Remote", subcategory="VPN")


def found(*parts, days=60, signature=SIGNATURE, **context):
    frame = as_frame(pd.concat(parts, ignore_index=True).fillna({"cmdb_ci": ""}))
    as_of = START + pd.Timedelta(days=days)
    return find_problems(frame, signature, as_of=as_of, texts=True, context=ProblemContext(**context))


def together(report):
    """Return which rows are one problem, by the names that they were made under."""
    return sorted(sorted({number.rsplit("-", 1)[0] for number in problem.numbers}) for problem in report.problems)


def mail(**fields):
    return [
        rows("spam", [SPAM] * 5, **fields),
        rows("spam_zh", [SPAM_ZH] * 6, 3, **fields),
        rows("quota", [QUOTA] * 4, 2, **{"subcategory": "Mailbox", **fields}),
        rows("quota_zh", [QUOTA_ZH] * 4, 4, **{"subcategory": "Mailbox", **fields}),
    ]


def test_what_is_said_in_two_languages_on_one_service_is_one_problem() -> None:
    report = found(named(), *mail())
    assert together(report) == [["named"], ["quota", "quota_zh"], ["spam", "spam_zh"]]
    elsewhere = found(named(), *mail()[:1], rows("spam_zh", [SPAM_ZH] * 6, service="Fax"))
    assert together(elsewhere) == [["named"], ["spam"], ["spam_zh"]]


def test_of_faults_that_are_as_like_none_is_joined_and_each_is_asked_about() -> None:
    # Of these the glossary knows printer and password.
    texts = ["忘记打印机密码怎么办", "申请修改打印机的密码规则", "弹窗反复要求输入打印机密码"]
    chinese = [rows(f"zh{i}", [text] * 3, 3 + i) for i, text in enumerate(texts)]
    english = rows("en", ["printer password rejected"] * 4)
    report = found(named(), english, *chinese, rows("other", ["calendar invitation missing"] * 4, 6))
    assert together(report) == [["en"], ["named"], ["other"], ["zh0"], ["zh1"], ["zh2"]]
    by_name = {problem.numbers[0].rsplit("-", 1)[0]: problem for problem in report.problems}
    assert set(by_name["en"].may_be_one_with) >= {by_name[f"zh{i}"].id for i in range(3)}


def test_where_no_other_field_is_known_more_has_to_be_shared() -> None:
    unknown = {"subcategory": "", "symptom": ""}
    report = found(named(), *mail(**unknown), rows("mail", ["mail is slow"] * 3, **unknown))
    assert together(report) == [["mail"], ["named"], ["quota", "quota_zh"], ["spam"], ["spam_zh"]]  # "spam" alone


def test_fields_that_differ_keep_faults_apart_though_the_words_are_alike() -> None:
    parts = [rows("a", [SPAM] * 5), rows("b", [SPAM_ZH] * 6, subcategory="Mobile", symptom="outage")]
    report = found(named(), *parts)
    assert together(report) == [["a"], ["b"], ["named"]]
    assert all(not problem.may_be_one_with for problem in report.problems)


def test_what_is_less_sure_is_asked_and_not_asked_again_of_what_a_person_took_apart() -> None:
    report = found(named(), *UNSURE)
    by_name = {problem.numbers[0].rsplit("-", 1)[0]: problem for problem in report.problems}
    assert by_name["zh"].id in by_name["en"].may_be_one_with
    assert by_name["en"].id in by_name["zh"].may_be_one_with
    merge = ProblemDecision("merge", by_name["zh"].id, by_name["en"].id)
    split = ProblemDecision("split", by_name["en"].id, "Papart", tuple(by_name["zh"].numbers))
    apart = found(named(), *UNSURE, decisions=[merge, split])
    assert {problem.id: problem.may_be_one_with for problem in apart.problems}["Papart"] == ()


def test_the_id_of_the_one_that_came_first_goes_on_as_the_other_language_comes() -> None:
    parts = mail()
    early = found(named(), parts[0], days=60)
    (first,) = (problem.id for problem in early.problems if problem.numbers[0].startswith("spam"))
    later = found(named(), *parts, earlier=early.lineage.members)
    (problem,) = (problem for problem in later.problems if problem.numbers[0].startswith("spam"))
    assert (problem.id, problem.incidents) == (first, 11)
    apart = {"Pen": tuple(parts[0]["number"]), "Pzh": tuple(parts[1]["number"])}  # as they were before an upgrade
    upgraded = found(named(), *parts, earlier=apart)
    assert {"Pen", "Pzh"} & {problem.id for problem in upgraded.problems} == {"Pzh"}  # most of its incidents
    assert upgraded.lineage.merged == {"Pen": "Pzh"}
    again = found(named(), *parts, earlier=upgraded.lineage.members)
    assert {problem.id for problem in again.problems} == {problem.id for problem in upgraded.problems}


def test_two_that_were_one_stay_one_with_less() -> None:
    before = {"Pone": tuple(number for part in UNSURE for number in part["number"])}
    assert together(found(named(), *UNSURE)) == [["en"], ["named"], ["zh"]]
    assert together(found(named(), *UNSURE, earlier=before)) == [["en", "zh"], ["named"]]


def other_mail():
    return [
        rows("quota", ["mailbox quota is full"] * 4, 2, subcategory="Mailbox"),
        rows("calendar", ["calendar invitation missing"] * 4, 2, subcategory="Calendar"),
    ]


def test_one_incident_more_or_less_does_not_part_what_was_one() -> None:
    def day(n_mobile, **context):
        subcategories = ["Delivery"] * 4 + ["Mobile"] * n_mobile
        chinese = rows("zh", [SPAM_ZH] * (4 + n_mobile), 3, subcategory=subcategories, symptom="")
        return found(named(), rows("en", [SPAM] * 5, symptom=""), chinese, *other_mail(), **context)

    report = day(5)
    assert ["en", "zh"] in together(report)
    assert ["en", "zh"] not in together(day(6))
    for n_mobile in (6, 5, 6):
        report = day(n_mobile, earlier=report.lineage.members)
        assert ["en", "zh"] in together(report)
        assert not report.lineage.split
        assert not report.lineage.merged
    apart = day(25, earlier=report.lineage.members)
    assert ["en", "zh"] not in together(apart)


def test_a_field_that_gets_known_of_few_does_not_part_what_words_joined() -> None:
    def day(n, n_known, **context):
        parts = [
            rows(name, [text] * n, 3, symptom="", subcategory=[""] * (n - n_known) + [value] * n_known)
            for name, text, value in (
                ("en", "VPN error 809 timeout", "Client"),
                ("zh", "VPN 报错 809 超时", "Gateway"),
            )
        ]
        return found(named(), *parts, *other_mail(), **context)

    before = day(4, 0)
    assert ["en", "zh"] in together(before)
    for n_known, stays in ((1, True), (5, False)):
        assert (["en", "zh"] in together(day(5, n_known, earlier=before.lineage.members))) is stays


def test_two_stay_one_though_others_are_more_frequent(monkeypatch) -> None:
    parts = [*mail()[2:], *other_mail()[1:]]
    before = found(named(), *parts)
    monkeypatch.setattr(twins, "LARGEST", 2)
    assert ["quota", "quota_zh"] not in together(found(named(), *mail()[:1], *parts))
    after = found(named(), *mail()[:1], *parts, earlier=before.lineage.members)
    assert ["quota", "quota_zh"] in together(after)


def test_later_incidents_follow_the_part_that_a_person_took_out() -> None:
    english, chinese = rows("en", [SPAM] * 5), rows("zh", [SPAM_ZH] * 5, 3)
    joined = found(named(), english, chinese, *other_mail())
    (problem,) = (p for p in joined.problems if "en-0" in p.numbers)
    assert "zh-0" in problem.numbers
    later = [rows("new_en", [SPAM] * 4, 30), rows("new_zh", [SPAM_ZH] * 8, 30)]
    for name, taken, part, left in (
        ("Pzh", chinese, ["new_zh", "zh"], ["en", "new_en"]),
        ("Pen", english, ["en", "new_en"], ["new_zh", "zh"]),
    ):
        split = ProblemDecision("split", problem.id, name, tuple(taken["number"]))
        for earlier in ({}, joined.lineage.members):
            first = found(named(), english, chinese, *other_mail(), decisions=[split], earlier=earlier)
            report = found(
                named(), english, chinese, *other_mail(), *later, decisions=[split], earlier=first.lineage.members
            )
            by_id = {p.id: sorted({number.rsplit("-", 1)[0] for number in p.numbers}) for p in report.problems}
            assert by_id[name] == part
            assert by_id[problem.id] == left


def test_what_a_person_left_in_stays_in_though_it_is_newer() -> None:
    parts = (named(), rows("en", [SPAM] * 5), rows("zh", [SPAM_ZH] * 9, 3), *other_mail())
    (problem,) = (p for p in found(*parts).problems if "en-0" in p.numbers)
    numbers = tuple(f"zh-{place}" for place in range(6))
    decided_at = START + pd.Timedelta(hours=7 * 11)  # when zh-8 was opened
    split = ProblemDecision("split", problem.id, "Papart", numbers, decided_at)
    by_id = {p.id: p.numbers for p in found(*parts, rows("new", [SPAM_ZH] * 2, 20), decisions=[split]).problems}
    assert set(by_id["Papart"]) == {*numbers, "new-0", "new-1"}
    assert {"zh-6", "zh-7", "zh-8"} < set(by_id[problem.id])


def test_a_call_without_the_item_is_asked_about_and_the_same_on_two_items_is_not() -> None:
    items = [
        rows(f"node{i}", [SPAM] * 4, cmdb_ci=f"mbx-{i}", symptom=["error"] * 4, assignment_group="Mail")
        for i in range(2)
    ]
    report = found(named(), *items, *mail()[:1], rows("slow", ["mail is slow"] * 3))
    by_name = {problem.numbers[0].rsplit("-", 1)[0]: problem for problem in report.problems}
    if "spam" in by_name:  # else likeness of words has given the calls to an item
        assert set(by_name["spam"].may_be_one_with) == {by_name["node0"].id, by_name["node1"].id}
        assert by_name["node0"].may_be_one_with == (by_name["spam"].id,)


def test_twelve_spellings_of_one_fault_become_fewer_problems() -> None:
    english = ["VPN does not connect", "VPN won't connect", "cannot connect to VPN", "VPN connection failed"]
    english += ["vpn cannot connect error 809", "VPN error 809"]
    chinese = ["VPN 连接失败", "VPN 无法连接", "无法连接 VPN", "VPN 连不上", "VPN 连接失败 错误 809", "VPN 报错 809"]
    parts = [rows(f"s{i}", [text] * 2, i, service="Remote Access") for i, text in enumerate([*english, *chinese])]
    noise = [rows(f"n{i}", [text] * 2, 20 + i) for i, text in enumerate(["printer jams", "screen is dark", "邮件很慢"])]
    frame = pd.concat([*parts, *noise])
    for fields in ({}, {"subcategory": "", "symptom": ""}, {"service": "", "subcategory": "", "symptom": ""}):
        history = as_frame(frame.assign(**fields))
        signature = problem_signature(history)
        as_of = START + pd.Timedelta(days=60)
        problems = find_problems(history, signature, as_of=as_of, texts=True).problems
        of_vpn = [problem for problem in problems if problem.numbers[0].startswith("s")]
        assert len(of_vpn) <= 6, [problem.title for problem in of_vpn]
        assert not any(number.startswith("n") for problem in of_vpn for number in problem.numbers)


def many_services():
    """Return problems, and what may be one, of faults on 60 services whose words are drawn from the glossary."""
    draw, parts = random.Random(1), [named()]
    for service in range(60):
        for fault in range(4):
            chinese = draw.sample(TERMS, 4)
            english = translated("".join(draw.sample(chinese, 3) + draw.sample(TERMS, 1))).replace("\n", " ")
            parts.append(rows(f"s{service}z{fault}", ["".join(chinese)] * 2, fault, service=f"S{service}"))
            parts.append(rows(f"s{service}e{fault}", [english] * 2, fault + 2, service=f"S{service}"))
    report = found(*parts)
    return together(report), sorted((problem.id, problem.may_be_one_with) for problem in report.problems)


def test_every_process_finds_the_same_problems() -> None:
    code = "import test_twins; print(test_twins.many_services())"
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parent,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    ]
    assert printed[0] == printed[1]
