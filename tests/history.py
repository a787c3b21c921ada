"""A small bilingual history and knowledge base, generated: what a service desk could have lived through in 120 days."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

# Group, category, device, English and Chinese complaint, English and Chinese fix.
FAULTS = [
    (
        "Network Operations",
        "network",
        "vpn-gw-2",
        "VPN will not connect, certificate expired",
        "VPN 无法连接，证书过期",
        "Renewed the certificate on the gateway",
        "在网关上更新了证书",
    ),
    (
        "Network Operations",
        "network",
        "wlan-ap-7",
        "wireless drops every few minutes",
        "无线网络每隔几分钟掉线",
        "Moved the access point to another channel",
        "把接入点换到了另一个信道",
    ),
    (
        "Desktop Support",
        "hardware",
        "prn-3f",
        "printer shows paper jam but there is none",
        "打印机提示卡纸但没有纸",
        "Cleaned the feed rollers",
        "清洁了进纸滚轮",
    ),
    (
        "Desktop Support",
        "hardware",
        "laptop",
        "laptop screen stays black after docking",
        "笔记本接上扩展坞后黑屏",
        "Updated the dock firmware",
        "更新了扩展坞固件",
    ),
    (
        "Identity",
        "access",
        "ad-dc-1",
        "account locked after password change",
        "修改密码后账号被锁定",
        "Unlocked the account and cleared the cached password",
        "解锁账号并清除了缓存的密码",
    ),
    (
        "Mail Team",
        "email",
        "exch-1",
        "mailbox is full and cannot send",
        "邮箱已满，无法发送邮件",
        "Raised the quota and archived old mail",
        "提高了配额并归档了旧邮件",
    ),
]
_OPENINGS = {
    "en": ("", "Since this morning: ", "Hello, ", "Urgent: "),
    "zh": ("", "从今天早上开始，", "您好，", "紧急："),
}
_ENDINGS = {"en": ("", " Please help.", " Restarting did not help."), "zh": ("", "请帮忙。", "重启没有用。")}


def incidents(count: int = 480, seed: int = 0) -> pd.DataFrame:
    """Return resolved incidents in order of opening, half of them Chinese."""
    rng = np.random.default_rng(seed)
    start = datetime(2026, 1, 5, 8, tzinfo=UTC)
    rows = []
    for i in range(count):
        group, category, device, english, chinese, fix, fix_zh = FAULTS[rng.integers(len(FAULTS))]
        language = "zh" if rng.random() < 0.5 else "en"
        opened = start + timedelta(hours=6 * i, minutes=int(rng.integers(300)))
        rows.append(
            {
                "number": f"INC{i:06}",
                "opened_at": opened.isoformat(),
                "short_description": chinese if language == "zh" else english,
                "description": f"{rng.choice(_OPENINGS[language])}{chinese if language == 'zh' else english}"
                f"{rng.choice(_ENDINGS[language])} #{rng.integers(10_000)}",
                "caller": f"u{rng.integers(60)}",
                "cmdb_ci": device,
                "category": category,
                "assignment_group": group if rng.random() < 0.97 else "Service Desk",
                "resolved_at": (opened + timedelta(hours=float(rng.exponential(3)))).isoformat(),
                "close_notes": fix_zh if language == "zh" else fix,
                "reopen_count": int(rng.random() < 0.1),
            }
        )
    return pd.DataFrame(rows)


def articles() -> pd.DataFrame:
    """Return one article a fault and language."""
    rows = []
    for i, (_, category, device, english, chinese, fix, fix_zh) in enumerate(FAULTS):
        for language, text, resolution in (("en", english, fix), ("zh", chinese, fix_zh)):
            rows.append(
                {
                    "number": f"KB{i:03}{language}",
                    "title": text,
                    "symptoms": f"{text} ({device})",
                    "resolution": resolution,
                    "service": category,
                    "language": language,
                    "translation_of": f"KB{i:03}en" if language == "zh" else "",
                }
            )
    return pd.DataFrame(rows)
