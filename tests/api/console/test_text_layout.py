"""Steps and shared terms, by value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.text_layout import mark_shared_terms, split_steps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. Stop it 2. Renew it 3. Start it", ["Stop it", "Renew it", "Start it"]),
        ("1、停止服务；2、续期证书；3、启动服务", ["停止服务", "续期证书", "启动服务"]),
        ("① 停止\n② 启动", ["停止", "启动"]),
        ("步骤1：关机\n步骤2：开机", ["关机", "开机"]),
        ("- stop\n- start", ["stop", "start"]),
        ("Stop it\nStart it", ["Stop it", "Start it"]),
        ("打开设置 → 网络 → 重置", ["打开设置", "网络", "重置"]),
        ("Update to 1.2.3 and restart", ["Update to 1.2.3 and restart"]),
        ("停止服务；续期证书；启动服务", ["停止服务；", "续期证书；", "启动服务"]),
        ("Cleaned the disk; starts in 40 s.", ["Cleaned the disk; starts in 40 s."]),
        ("Renew the certificate.", ["Renew the certificate."]),
        ("", []),
    ],
)
def test_steps(text, expected) -> None:
    assert split_steps(text) == expected


@pytest.mark.parametrize(
    ("text", "other", "marked"),
    [
        ("VPN is down", "my vpn fails", ["VPN"]),
        ("打印机提示卡纸", "打印机卡纸了", ["打印机", "卡纸"]),
        ("ORA-12154 again", "got ora-12154", ["ORA-12154"]),
        ("the a of", "the a of", []),
        ("nothing", "alike", []),
    ],
)
def test_shared_terms_are_marked(text, other, marked) -> None:
    assert [part for part, hit in mark_shared_terms(text, other) if hit] == marked


@given(st.text(max_size=80), st.text(max_size=80))
def test_marking_loses_and_adds_nothing(text, other) -> None:
    assert "".join(part for part, _ in mark_shared_terms(text, other)) == text
