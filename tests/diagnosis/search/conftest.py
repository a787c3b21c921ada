"""A small history encoder whose pairs say which words mean the same, shared by the tests of search."""

import pytest

from training.fitting.encoder import fit_history_encoder

TOPICS = {
    "vpn": ("vpn tunnel drops", "update the gateway client", "VPN 隧道断线", "更新网关客户端"),
    "printer": ("printer paper jam", "clean the roller", "打印机卡纸", "清洁滚轮"),
    "mailbox": ("mailbox quota full", "archive old mail", "邮箱配额已满", "归档旧邮件"),
    "password": ("password expired", "reset it in the portal", "密码过期", "在门户中重置"),
    "screen": ("screen stays black", "replace the cable", "屏幕黑屏", "更换线缆"),
}


@pytest.fixture(scope="session")
def encoder():
    pairs = [(a, b) for texts in TOPICS.values() for a in texts for b in texts if a != b]
    return fit_history_encoder(pairs, [], dimensions=48)
