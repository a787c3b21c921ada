"""The invented company: its people, sites, calendar and configuration items."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

START = datetime(2025, 5, 1)  # noqa: DTZ001 - the history is written in UTC throughout
END = datetime(2026, 10, 31, 16)  # noqa: DTZ001 - when the history was exported

SITES = {"上海": ("SH", 8), "成都": ("CD", 8), "深圳": ("SZ", 8), "Singapore": ("SG", 8), "London": ("LN", 0)}
DEPARTMENTS = {
    "zh": ["财务部", "销售部", "人力资源部", "研发部", "采购部", "供应链", "法务部", "市场部", "客服中心"],
    "en": ["Finance", "Sales", "Human Resources", "R&D", "Purchasing", "Supply Chain", "Legal", "Marketing", "Support"],
}
SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡林郭何高罗"
GIVEN = "伟芳娜敏静丽强磊洋艳勇杰娟涛明超霞平刚桂英建华文慧玉兰晓宇浩然欣怡子涵"
FIRST = [
    "Olivia",
    "Grant",
    "Priya",
    "Marcus",
    "Hannah",
    "Wei Ling",
    "Tom",
    "Aisha",
    "Daniel",
    "Sofia",
    "Ravi",
    "Emma",
    "Kenji",
    "Laura",
    "Peter",
    "Nadia",
    "Owen",
    "Grace",
]
LAST = [
    "Tan",
    "Hughes",
    "Nair",
    "Foster",
    "Lim",
    "Clarke",
    "Rahman",
    "Walsh",
    "Patel",
    "Morgan",
    "Chua",
    "Bennett",
    "Iyer",
    "Reid",
]
AGENTS = {
    "Service Desk": ["周晓岚", "Ben Archer", "何志远"],
    "Network Operations": ["林海", "Farah Aziz", "宋岩"],
    "Data Centre Operations": ["郭子健", "Iain Doyle"],
    "Database & Middleware": ["冯雪", "Carl Jensen"],
    "Identity & Access": ["罗敏", "Tessa Boyd"],
    "Workplace Support": ["陈默", "杨帆", "Joe Kerr", "Mei Ong"],
    "Messaging": ["许诺", "Dana Frost"],
    "Telephony & Meeting Rooms": ["曹宁", "Rob Ellis"],
    "Business Applications": ["唐悦", "沈括", "Anita Rao"],
    "Information Security": ["高远", "Leah Stone"],
    "AI Platform": ["顾言", "Milo Hart"],
}
# Public holidays in China as (first day, days).
_HOLIDAYS = [
    (date(2025, 5, 1), 5),
    (date(2025, 5, 31), 3),
    (date(2025, 10, 1), 8),
    (date(2026, 1, 1), 3),
    (date(2026, 2, 15), 9),
    (date(2026, 4, 4), 3),
    (date(2026, 5, 1), 5),
    (date(2026, 6, 19), 3),
    (date(2026, 9, 25), 3),
    (date(2026, 10, 1), 7),
]
HOLIDAYS = frozenset(first + timedelta(days=i) for first, days in _HOLIDAYS for i in range(days))
# How many configuration items of each kind there are, and how they are named; a laptop belongs to its user.
POOLS = {
    "printer": (130, "PRN-{site}-{n:03d}"),
    "ap": (110, "AP-{site}-{n:03d}"),
    "switch": (48, "SW-{site}-{n:02d}"),
    "vpn": (16, "vpn-gw-{n}"),
    "dns": (4, "dns-{n}"),
    "wan": (5, "wan-{site}-{n}"),
    "server": (160, "srv-app-{n:03d}"),
    "room": (5, "DC-{site}-{n}"),
    "db": (40, "db-prod-{n:02d}"),
    "mq": (8, "mq-{n}"),
    "fileserver": (8, "fs-{n:02d}"),
    "door": (24, "DOOR-{site}-{n:02d}"),
    "mail": (14, "mbx-{n:02d}"),
    "meeting": (60, "MR-{site}-{n:02d}"),
    "phone": (90, "PH-8{n:03d}"),
    "erp": (16, "erp-app-{n:02d}"),
    "oa": (14, "oa-app-{n}"),
    "crm": (12, "crm-app-{n}"),
    "web": (12, "web-{n}"),
    "proxy": (6, "proxy-{n}"),
    "ai": (12, "ai-node-{n}"),
}


@dataclass(frozen=True)
class Person:
    """One invented employee."""

    name: str
    language: str
    site: str
    department: str
    employee: str
    mail: str
    extension: str
    laptop: str


def people(rng: Random, count: int = 460) -> list[Person]:
    """Return the staff; a little over half of them write Chinese."""
    found = []
    for i in range(count):
        language = "zh" if rng.random() < 0.54 else "en"
        if language == "zh":
            name = rng.choice(SURNAMES) + "".join(rng.sample(GIVEN, rng.choice([1, 2, 2])))
            site = rng.choices(["上海", "成都", "深圳"], [5, 3, 2])[0]
        else:
            name = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
            site = rng.choices(["Singapore", "London", "上海"], [5, 4, 2])[0]
        mail = f"u{10001 + i}@example.com" if language == "zh" else f"{name.lower().replace(' ', '.')}@example.com"
        department = rng.choice(DEPARTMENTS[language])
        found.append(
            Person(name, language, site, department, f"E{10001 + i}", mail, f"8{i % 900 + 100}", f"LT-{20001 + i}")
        )
    return found


def items(rng: Random) -> dict[str, list[str]]:
    """Return the configuration items of each pool."""
    codes = [code for code, _ in SITES.values()]
    return {
        pool: [form.format(site=rng.choices(codes, [5, 2, 2, 2, 2])[0], n=n) for n in range(1, count + 1)]
        for pool, (count, form) in POOLS.items()
    }


def is_working_day(day: date) -> bool:
    """Return whether the company works on a day."""
    return day.weekday() < 5 and day not in HOLIDAYS
