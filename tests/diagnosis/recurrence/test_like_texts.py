import numpy as np
import pandas as pd
import pytest

from diagnosis.incident import Incident, IncidentBatch, as_frame, incidents_of
from diagnosis.recurrence import HistoryState, RecurrenceModel, Signature, fix_verdict, recurrence_rate
from diagnosis.recurrence.like_texts import LIKE, LikeTexts
from diagnosis.recurrence.signature import PLACED

START = pd.Timestamp("2026-01-01", tz="UTC")
BOTH = Signature(("cmdb_ci", "text"))
SAID = {
    "vpn": ["VPN 连不上 错误 809", "VPN 又连不上了，错误 809", "连不上 VPN 错误 809 请处理"],
    "disk": ["disk full on archive volume", "archive volume: disk is full", "disk full again on archive volume"],
    "print": ["打印机卡纸", "打印机又卡纸了", "三楼打印机卡纸"],
}


def desk(n=240, seed=0, items=3):
    draw = np.random.default_rng(seed)
    faults = draw.choice(list(SAID), n)
    return as_frame(
        pd.DataFrame(
            {
                "number": [f"INC{i}" for i in range(n)],
                "opened_at": START + pd.to_timedelta(np.sort(draw.uniform(0, 60, n)), unit="D"),
                "short_description": [str(draw.choice(SAID[fault])) for fault in faults],
                "cmdb_ci": [f"ci-{i}" for i in draw.integers(0, items, n)],
                "fault": faults,
            }
        )
    )


def test_like_texts_of_one_item_are_one_fault_in_either_language():
    frame = desk()
    keys = BOTH.keys(frame)
    truth = frame["cmdb_ci"] + frame["fault"]
    assert keys.groupby(truth).nunique().max() == 1
    assert truth.groupby(keys).nunique().max() == 1


def test_what_comes_later_never_moves_an_earlier_incident():
    frame = desk()
    whole = BOTH.keys(frame)
    for until in (1, 37, 120):
        assert BOTH.keys(frame[:until]).tolist() == whole[:until].tolist()
    other = frame.assign(
        short_description=frame["short_description"].where(np.arange(len(frame)) < 100, "磁盘 full 809")
    )
    assert BOTH.keys(other)[:100].tolist() == whole[:100].tolist()
    shuffled = frame.sample(frac=1, random_state=0)
    assert BOTH.keys(shuffled).reindex(frame.index).tolist() == whole.tolist(), "rows are looked at in order of time"


def test_the_most_like_first_text_is_found_as_by_brute_force():
    draw = np.random.default_rng(3)
    words = [f"w{i}" for i in range(40)]
    like = LikeTexts()
    texts = [" ".join(draw.choice(words, 6, replace=False)) for _ in range(300)]
    for text in texts:
        like.names([""], [text], learn=True)
    told = like._find("")
    for _ in range(50):
        tokens = frozenset(draw.choice(words, 6, replace=False).tolist())
        weight = {w: like._weight(w) for w in words}
        score = [
            sum(weight[w] for w in tokens & first)
            / np.sqrt(sum(weight[w] for w in tokens) * sum(weight[w] for w in first))
            for first in told.texts
        ]
        found = like._most_like(told, tokens)
        if max(score) < LIKE:
            assert found is None
        else:
            assert score[found] == pytest.approx(max(score))


def test_a_state_and_its_fork_tell_faults_apart_as_the_whole_history_does():
    frame = desk()
    keys = BOTH.keys(frame)
    state = HistoryState(BOTH, ("cmdb_ci",))
    state.add(frame[:200])
    placed = state.fork().place(frame[200:].reset_index(drop=True), learn=True)
    assert BOTH.keys(placed).tolist() == keys[200:].tolist()
    again = state.fork().place(frame[200:], learn=True)
    assert again.column(PLACED) == placed.column(PLACED)
    alone = state.place(
        IncidentBatch.from_incidents([Incident("N", cmdb_ci="ci-1", short_description="又卡纸了 打印机")])
    )
    assert alone.column(PLACED)[0] in {key.split("\x1f")[1] for key in keys if key.startswith("ci-1")}


def test_a_text_without_words_has_no_signature():
    frame = desk()[:3].assign(short_description=["", "!!!", "VPN"], description=["", "", ""])
    assert (BOTH.keys(frame) != "").tolist() == [False, False, True]
    described = frame.assign(short_description="", description=["VPN 连不上", "VPN 连不上", ""], cmdb_ci="gw")
    assert BOTH.keys(described).iloc[0] == BOTH.keys(described).iloc[1] != ""


def test_rates_verdicts_and_risks_take_texts_as_signature(tmp_path):
    frame = desk(n=400, items=2)
    frame.loc[frame["fault"] == "disk", "cmdb_ci"] = [f"x-{i}" for i in range((frame["fault"] == "disk").sum())]
    as_of = START + pd.Timedelta(days=60)
    rates = recurrence_rate(frame, BOTH, (7,), as_of=as_of, by="fault").set_index("group")["rate"]
    assert rates["disk"] == 0.0
    assert rates["vpn"] > 0.8
    first = frame.loc[frame["fault"] == "vpn", ["cmdb_ci", "short_description"]].iloc[0]
    key = BOTH.key({"cmdb_ci": first["cmdb_ci"], "text": first["short_description"]})
    assert fix_verdict(frame, BOTH, key, START + pd.Timedelta(days=30), as_of=as_of).episodes_before > 5
    model = RecurrenceModel(BOTH, (7,)).fit(frame[:300], as_of=frame["opened_at"].iloc[299])
    later = frame[300:].reset_index(drop=True)
    risks = model.assess(later, frame[:300])
    lone = (later["fault"] == "disk").to_numpy()
    seven = np.array([risk.horizons[0].probability for risk in risks])
    assert seven[~lone].mean() > seven[lone].mean() + 0.4
    assert risks[0].signature.keys() == {"cmdb_ci", "text"}
    state = model.state(frame[:300])
    state.save(tmp_path)
    (alone,) = model.assess(IncidentBatch.from_incidents(incidents_of(later[:1])), HistoryState.load(tmp_path))
    assert alone == risks[0]


def test_texts_alone_may_be_the_signature():
    frame = desk(items=1)
    keys = Signature(("text",)).keys(frame)
    assert keys.groupby(frame["fault"]).nunique().max() == 1
