"""What is personal or secret is masked by its kind; what only looks like it stays; in English, Chinese and German."""

import re
import time

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric

from diagnosis.errors import InputError
from diagnosis.incident import FIELDS, Incident, IncidentBatch
from diagnosis.redact import ALL_KINDS, Redactor
from diagnosis.redact.records import mask_articles, mask_incident, mask_incidents

REDACTOR = Redactor()
MASK = re.compile(r"<(?:EMAIL|PHONE|NATIONAL_ID|CARD|IP|MAC|SECRET)>")

MASKED = {
    # mail
    "mail anna.mueller+vpn@example.com please": "mail <EMAIL> please",
    "邮箱zhang.wei@example.com.cn无法登录": "邮箱<EMAIL>无法登录",
    "<mailto:a_b@mail.example.org>": "<mailto:<EMAIL>>",
    # telephone
    "call +49 911 1234567": "call <PHONE>",
    "ring 0049 911 1234567": "ring <PHONE>",
    "+86 138 0013 8000": "<PHONE>",
    "手机13800138000打不通": "手机<PHONE>打不通",
    "139-1234-5678 或 139 1234 5678": "<PHONE> 或 <PHONE>",
    "86-13912345678": "<PHONE>",
    "电话：010-62781234": "电话：<PHONE>",
    "请致电021-58765432转801": "请致电<PHONE>",
    "(0571)87654321": "<PHONE>",
    "0755-86013388": "<PHONE>",
    "01062781234": "<PHONE>",
    "400-810-1234": "<PHONE>",
    "联系１３８００１３８０００": "联系<PHONE>",
    "(212) 555-0187 please": "<PHONE> please",
    "Handy 0171 2345678": "Handy <PHONE>",
    "phone: 555-0142-88": "phone: <PHONE>",
    # national ids
    "身份证11010519491231002X": "身份证<NATIONAL_ID>",
    "id 11010519491231002x.": "id <NATIONAL_ID>.",
    "SSN 536-22-1234": "SSN <NATIONAL_ID>",
    "护照号：E12345678": "护照号：<NATIONAL_ID>",
    "NHS number 943 476 5919": "NHS number <NATIONAL_ID>",
    "Steuer-ID: 36574261809": "Steuer-ID: <NATIONAL_ID>",
    # cards and accounts
    "card 4111 1111 1111 1111 declined": "card <CARD> declined",
    "银行卡6222021234567890128余额": "银行卡<CARD>余额",
    "5500-0000-0000-0004": "<CARD>",
    "IBAN DE89 3704 0044 0532 0130 00": "IBAN <CARD>",
    # addresses
    "ping 10.12.3.4 fails": "ping <IP> fails",
    "服务器192.168.1.20无响应": "服务器<IP>无响应",
    "from 203.0.113.7:8080": "from <IP>:8080",
    "subnet 10.20.0.0/16": "subnet <IP>/16",
    "http://172.16.0.5/login": "http://<IP>/login",
    "dns 8.8.8.8": "dns <IP>",
    "fe80::1ff:fe23:4567:890a down": "<IP> down",
    "2001:db8::8a2e:370:7334": "<IP>",
    "mac 00:1A:2B:3C:4D:5E": "mac <MAC>",
    "00-1a-2b-3c-4d-5e": "<MAC>",
    "交换机端口001a.2b3c.4d5e": "交换机端口<MAC>",
    # secrets
    "password: Summer2024!": "password: <SECRET>!",
    "密码：abc123，谢谢": "密码：<SECRET>，谢谢",
    "password is Xy12zz": "password is <SECRET>",
    "初始密码为Init@2024。": "初始密码为<SECRET>。",
    "Passwort lautet Sommer24": "Passwort lautet <SECRET>",
    'reset password to "daypay3".': 'reset password to "<SECRET>".',
    "pwd = sunshine": "pwd = <SECRET>",
    '{"password": "hunter2"}': '{"password": "<SECRET>"}',
    "DB_PASSWORD=hunter2;": "DB_PASSWORD=<SECRET>;",
    "Authorization: Bearer abcdef0123456789abcdef": "Authorization: Bearer <SECRET>",
    "AKIAIOSFODNN7EXAMPLE": "<SECRET>",
    "api_key=9f8e7d6c5b4a39281706": "api_key=<SECRET>",
    "https://bob:hunter2@repo.example.com/x": "https://<SECRET>@repo.example.com/x",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nend": "<SECRET>\nend",
}

KEPT = [
    # quantities, dumps, code
    "= 19306381312 (18412.0MB)",
    "size=13800138000",
    "3784 211115516\n3785 211115517",
    "vbkpf 5432 2016 3611112300",
    "3334 6435 6231 6363 6332 6232 3939",
    "BackupTS=421758868510212097",
    "ts 453880027545600000 | 453880027751907329",
    "-credential:$cred",
    "password = $(read)",
    "Enter password:\nWarning: disk",
    "(using password: YES)",
    "token:Kind: job",
    "engine: 115.2.1.18",
    "password=%SECRET%",
    # errors, records, versions
    "error 0x80070005",
    "ORA-12154: TNS",
    "INC0010023",
    "KB5034441",
    "CVE-2021-44228",
    "JIRA-12345",
    "event id 4625",
    "ERR_CONNECTION_RESET",
    "错误码 1326",
    "0xC0000005 in ntdll.dll",
    "windows 10.0.19045.3570",
    "version 1.2.3.4",
    "版本1.2.3.4",
    "upgrade to v4.3.0.5",
    "Chrome 49.0.2623.112",
    "agent 4.3.0.5 crashes",
    "1.3.6.1.4.1.9.2.1",
    "255.255.255.0",
    "127.0.0.1",
    # times and quantities
    "2026-11-22T10:15:00Z",
    "2026-11-22 10:15:00",
    "20161026120534",
    "1479812345678",
    "12:34:56",
    "2016/10/26 16:03",
    "10:30 - 11:45",
    "13.-14. sept 2016",
    "1,234,567.89",
    "16-10-26-12-05-33",
    "call at 2016-10-26 10:00",
    "请于2016-10-26致电",
    # hashes and ids
    "3f2a9c1b7d8e4f5a6b7c8d9e0f1a2b3c4d5e6f70",
    "d41d8cd98f00b204e9800998ecf8427e",
    "550e8400-e29b-41d4-a716-446655440000",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "S/N 4CE1234567",
    "order 5019291372",
    "delivery 9168049095",
    "personalnr. 10056553",
    "请求编号 202611220001234567",
    "SAP note 2399707",
    "0000000000",
    "1234.5678.9012",
    # ports, code, names
    "port 8443",
    "端口 8080 被占用",
    ":3389",
    "std::vector",
    "a::b",
    "user@host",
    r"\\HostName_705\teams",
    "image001.png@01d1fe15",
    "C:\\Program Files (x86)\\7-Zip",
    # talk of secrets and telephones
    "password: expired",
    "password is incorrect",
    "password reset",
    "密码错误",
    "密码已过期",
    "密码：错误",
    "token expired",
    "Kennwort ist abgelaufen",
    "password: 0x8007052e",
    "phone: iphone 7",
    "telephone:",
    "手机屏幕碎了",
    "pin the tab to start",
    "password to be reset",
    "forgot my password, please help",
    "key: value of the registry HKLM",
    "4111 1111 1111 1112",
    "110105194912310021",
]


@pytest.mark.parametrize("text", MASKED)
def test_personal_data_is_masked_by_kind(text):
    assert REDACTOR.redact(text) == MASKED[text]


@pytest.mark.parametrize("text", KEPT)
def test_what_is_not_personal_stays(text):
    assert REDACTOR.redact(text) == text


@pytest.mark.parametrize("text", MASKED)
def test_each_kind_can_be_switched_off(text):
    kind = MASK.search(MASKED[text])[0][1:-1]
    others = Redactor(ALL_KINDS - {kind}).redact(text)
    assert f"<{kind}>" not in others
    assert MASKED[text] == Redactor(frozenset({kind})).redact(text)


@pytest.mark.parametrize("text", [*MASKED, *KEPT])
@pytest.mark.parametrize("frame", ["请看 {} 谢谢", "see {} thanks", "（{}）", "{},", "bitte {} prüfen"])
def test_the_surroundings_do_not_matter(text, frame):
    expected = MASKED.get(text, text)
    if "BEGIN" not in text:
        assert REDACTOR.redact(frame.format(text)) == frame.format(expected)


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="found NAME"):
        Redactor(frozenset({"EMAIL", "NAME"}))


def test_a_frame_of_articles_keeps_its_index_and_missing_values():
    frame = pd.DataFrame({"title": ["a@example.com", "b"], "u_contact": ["c@example.com", None]}, index=[3, 5])
    masked = mask_articles(frame.assign(owner="a@example.com"), REDACTOR)
    assert masked["title"].to_dict() == {3: "<EMAIL>", 5: "b"}
    assert masked["u_contact"][3] == "<EMAIL>"
    assert masked["u_contact"].isna().tolist() == [False, True]
    assert masked["owner"].tolist() == ["a@example.com"] * 2, "the key of a person who keeps it up to date"
    assert frame["title"][3] == "a@example.com"


def test_of_a_contingency_plan_alone_whom_to_call_is_kept():
    frame = pd.DataFrame(
        {
            "number": ["A", "B"],
            "keywords": ["mail", "mail, contingency"],
            "resolution": ["Call: 13812345678"] * 2,
            "contact": ["13812345678"] * 2,
            "cause": ["said a@example.com"] * 2,
        },
        index=[3, 5],
    )
    masked = mask_articles(frame, REDACTOR)
    assert masked["resolution"].to_dict() == {3: "Call: <PHONE>", 5: "Call: 13812345678"}
    assert masked["contact"].to_dict() == {3: "<PHONE>", 5: "13812345678"}
    assert masked["cause"].tolist() == ["said <EMAIL>"] * 2


RECORD = {
    "number": "N1",
    "caller": "li.lei@example.com",
    "short_description": "call 13812345678",
    "assignment_group": "mail@example.com",
    "title": "no field of incidents: li.lei@example.com",
    "contact_info": "li.lei@example.com 13812345678",
    "host": "vpn-gw-2",
    "floor": 3,
    "people": {"mail": ["li.lei@example.com"]},
}


def test_one_incident_and_many_are_masked_alike():
    alone = mask_incident(RECORD, REDACTOR)
    extra = {name: value for name, value in RECORD.items() if name not in FIELDS}
    fields = {name: value for name, value in RECORD.items() if name in FIELDS}
    batch = mask_incidents(IncidentBatch.from_incidents([Incident(**fields, extra=extra)]), REDACTOR)
    framed = mask_incidents(IncidentBatch.from_frame(pd.DataFrame([RECORD])), REDACTOR)
    for masked in (batch, framed, IncidentBatch.from_frame(framed.frame)):
        assert {name: masked.column(name)[0] for name in RECORD} == alone
    assert alone["contact_info"] == "<EMAIL> <PHONE>"
    assert alone["title"] == "no field of incidents: <EMAIL>"
    assert alone["people"] == {"mail": ["<EMAIL>"]}
    assert {name: alone[name] for name in ("host", "floor", "assignment_group")} == {
        name: RECORD[name] for name in ("host", "floor", "assignment_group")
    }, "codes stay"
    assert re.fullmatch(r"<EMAIL>#[0-9a-f]{8}", alone["caller"])


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["手机{}", "call {}", "{}，谢谢", "电话：{}"]))
def test_chinese_mobiles_are_masked(number, frame):
    import phonenumbers

    if phonenumbers.is_valid_number(phonenumbers.parse(number, "CN")):
        assert REDACTOR.redact(frame.format(number)) == frame.format("<PHONE>")


@given(
    st.dates(min_value=pd.Timestamp("1940-01-01").date(), max_value=pd.Timestamp("2010-12-31").date()),
    st.integers(0, 999),
)
def test_chinese_resident_ids_are_masked_by_their_check_digit(born, serial):
    stem = f"110105{born:%Y%m%d}{serial:03d}"
    digit = ric.calc_check_digit(stem + "0")
    assert REDACTOR.redact(f"身份证{stem}{digit}") == "身份证<NATIONAL_ID>"
    wrong = "0" if digit != "0" else "1"
    if not luhn.is_valid(stem + wrong):
        assert REDACTOR.redact(f"编号{stem}{wrong}") == f"编号{stem}{wrong}"


@given(st.from_regex(r"4[0-9]{14}", fullmatch=True), st.sampled_from([" ", "-", ""]))
def test_cards_are_masked_by_their_check_digit(stem, gap):
    number = stem + luhn.calc_check_digit(stem)
    assert REDACTOR.redact(f"card {gap.join(re.findall('....', number))} declined") == "card <CARD> declined"
    wrong = stem + str((int(number[-1]) + 1) % 10)
    assert REDACTOR.redact(f"order {wrong} open") == f"order {wrong} open"


@given(st.ip_addresses(network="2000::/3"))
def test_global_addresses_of_version_6_are_masked(address):
    assert REDACTOR.redact(f"host {address} down") == "host <IP> down"


@given(st.emails(domains=st.just("example.com")).filter(lambda a: re.fullmatch(r"[\w.%+-]+@.*", a, re.ASCII)))
def test_mail_addresses_are_masked(address):
    assert "example.com" not in REDACTOR.redact(f"mail {address} bounced")


PIECES = [
    *MASKED,
    "password: ",
    "密码",
    "是",
    "+",
    "00",
    "13800138000",
    "1.2.3.4",
    ":",
    "-",
    " ",
    "is ",
    "to ",
    "<EMAIL>",
    "@",
    "9",
    "a",
]


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
@settings(max_examples=300)
def test_masking_again_changes_nothing(text):
    once = REDACTOR.redact(text)
    assert REDACTOR.redact(once) == once


@given(st.text(max_size=100))
def test_any_text_is_taken(text):
    once = REDACTOR.redact(text)
    assert REDACTOR.redact(once) == once


@pytest.mark.parametrize(
    "piece",
    ["1", "1-", "a@", "a.", "+1 ", "password", "::1", "0-", "-----BEGIN PRIVATE KEY-----", "://a", "密码", "1."],
)
def test_time_grows_with_length_only(piece):
    text = piece * (50_000 // len(piece))
    start = time.perf_counter()
    REDACTOR.redact(text)
    assert time.perf_counter() - start < 5
