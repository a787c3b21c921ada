"""Small bilingual histories with known structure, drawn anew from a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from diagnosis.incident import as_frame
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router

SUBJECTS = {
    "Network": ["vpn tunnel drops", "wifi signal weak", "网络 无法连接", "交换机 端口 故障"],
    "Printing": ["printer jams again", "toner is empty", "打印机 卡纸", "打印 颜色 不对"],
    "Accounts": ["password expired today", "account locked out", "密码 已过期", "账号 被锁定"],
}
FILLER = [
    "please help",
    "since monday",
    "urgent",
    "thanks a lot",
    "请帮忙",
    "谢谢",
    "今天早上",
    "office 3",
    "third floor",
    "又来了",
]


def _batch(texts: list[str], **fields: list[str]) -> PreparedIncidents:
    columns = {"number": [f"INC{i:05d}" for i in range(len(texts))], "description": texts, **fields}
    return PreparedIncidents(as_frame(pd.DataFrame(columns)), texts, np.zeros((len(texts), 0), np.float32))


def _drawn(n: int, seed: int, noise: float = 0.0) -> tuple[PreparedIncidents, list[str]]:
    """Return incidents and their groups; a share ``noise`` has a group drawn at random."""
    rng = np.random.default_rng(seed)
    names = list(SUBJECTS)
    truth = rng.choice(names, n)
    texts = [
        f"{rng.choice(SUBJECTS[t])} {rng.choice(FILLER)} {rng.choice(FILLER)} {rng.integers(10**6)}" for t in truth
    ]
    labels = np.where(rng.random(n) < noise, rng.choice(names, n), truth)
    return _batch(texts), labels.tolist()


@pytest.fixture(scope="session")
def batch():
    return _batch


@pytest.fixture(scope="session")
def drawn():
    return _drawn


@pytest.fixture(scope="session")
def calibrated():
    """A router of three groups, fitted and calibrated on 900 drawn incidents."""
    prepared, labels = _drawn(900, seed=3, noise=0.03)
    rows = np.arange(900)
    return Router("assignment_group", precision=0.9).fit_and_calibrate(prepared, labels, rows[:500], rows[500:])
