import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError, NotFittedError
from diagnosis.incident import as_frame
from diagnosis.recurrence import RecurrenceModel, Signature
from diagnosis.recurrence.factors import in_language

START = pd.Timestamp("2026-01-01", tz="UTC")
SIGNATURE = Signature(("cmdb_ci", "category"))


def desk(n_items=60, days=120, seed=0):
    """Items that break at random, each at its own rate: some hardly ever, some every few days."""
    draw = np.random.default_rng(seed)
    rows = []
    for item in range(n_items):
        rate = 0.3 if item % 3 == 0 else 0.02
        for day in np.cumsum(draw.exponential(1 / rate, size=200)):
            if day < days:
                category = "网络" if item % 2 else "network"
                rows.append(
                    {"opened_at": START + pd.Timedelta(days=day), "cmdb_ci": f"ci-{item}", "category": category}
                )
    frame = pd.DataFrame(rows).sort_values("opened_at").reset_index(drop=True)
    return as_frame(frame.assign(number=[f"INC{i}" for i in range(len(frame))]))


def test_chronic_items_are_told_from_quiet_ones_and_the_mean_is_right():
    frame = desk(n_items=120)
    cut = START + pd.Timedelta(days=80)
    past, later = frame[frame["opened_at"] < cut], frame[frame["opened_at"] >= cut]
    later = later[later["opened_at"] < cut + pd.Timedelta(days=20)].reset_index(drop=True)
    model = RecurrenceModel(SIGNATURE, horizons=(7, 20)).fit(past, as_of=cut)
    risk = model.probabilities(later, past)
    chronic = later["cmdb_ci"].str.removeprefix("ci-").astype(int) % 3 == 0
    expected = np.where(chronic, 1 - np.exp(-0.3 * 7), 1 - np.exp(-0.02 * 7))
    assert risk[:, 0].mean() == pytest.approx(expected.mean(), abs=0.05)
    assert risk[chronic, 0].mean() > 2 * risk[~chronic, 0].mean()
    assert (risk[:, 1] >= risk[:, 0]).all()


def test_an_incident_alone_and_in_a_batch_gets_the_same_risk(tmp_path):
    frame = desk(days=60)
    past, later = frame[:-20], frame[-20:].reset_index(drop=True)
    model = RecurrenceModel(SIGNATURE).fit(past, as_of=past["opened_at"].max())
    together = model.assess(later, past)
    model.save(tmp_path)
    loaded = RecurrenceModel.load(tmp_path)
    state = loaded.state(past)
    for i, expected in enumerate(together):
        row = later.iloc[[i]]
        alone = loaded.assess(row, state)[0]
        assert [h.probability for h in alone.horizons] == pytest.approx([h.probability for h in expected.horizons])
        assert [(f.name, f.value) for f in alone.factors] == [(f.name, f.value) for f in expected.factors]
        state.add(row)


def test_one_signature_only_is_refused():
    frame = desk().assign(cmdb_ci="ci", category="network")
    with pytest.raises(InputError, match="at least two different signatures"):
        RecurrenceModel(SIGNATURE).fit(frame, as_of=frame["opened_at"].max())


def test_wrong_order_is_refused():
    with pytest.raises(NotFittedError, match="before fit"):
        RecurrenceModel(SIGNATURE).assess(desk(), desk())


def test_only_bad_dates_are_refused_with_what_was_found():
    frame = desk(n_items=4)
    as_of = frame["opened_at"].max()
    no_dates = frame.assign(opened_at=pd.NaT)
    with pytest.raises(InputError, match=f"found {len(frame)} without opened_at"):
        RecurrenceModel(SIGNATURE).fit(as_frame(no_dates), as_of=as_of)
    with pytest.raises(InputError, match="opened before 1990"):
        RecurrenceModel(SIGNATURE).fit(frame.assign(opened_at=pd.Timestamp("1970-01-01", tz="UTC")), as_of=as_of)
    with pytest.raises(InputError, match="opened after as_of"):
        RecurrenceModel(SIGNATURE).fit(frame, as_of=START - pd.Timedelta(days=1))


def test_bad_rows_are_left_out_counted_and_change_nothing():
    frame = desk(n_items=30)
    as_of = frame["opened_at"].max()
    bad = pd.concat(
        [
            frame.iloc[:3].assign(number=["a", "b", "c"], opened_at=pd.NaT),
            frame.iloc[:2].assign(number=["d", "e"], opened_at=pd.Timestamp("1899-12-31", tz="UTC")),
            frame.iloc[:1].assign(number="f", opened_at=as_of + pd.Timedelta(days=400)),
            frame.iloc[:5],
            frame,
        ],
        ignore_index=True,
    )
    clean, dirty = (RecurrenceModel(SIGNATURE, (7, 30)).fit(as_frame(f), as_of=as_of) for f in (frame, bad))
    counts = list(dirty.describe()["left_out"].values())
    assert counts == [3, 2, 1, 5, 0]
    assert dirty.base_rates_ == clean.base_rates_
    rows = frame[-5:].reset_index(drop=True)
    np.testing.assert_array_equal(clean.probabilities(rows, frame[:-5]), dirty.probabilities(rows, frame[:-5]))


def test_a_resolution_before_the_opening_counts_as_none():
    frame = desk(n_items=30)
    frame = frame.assign(resolved_at=frame["opened_at"] - pd.Timedelta(days=1))
    model = RecurrenceModel(SIGNATURE, (7,)).fit(frame, as_of=frame["opened_at"].max())
    assert model.describe()["left_out"]["resolved before opened (kept as not resolved)"] == len(frame)
    assert not model.describe()["at_resolution"]
    with pytest.raises(InputError, match="found none"):
        RecurrenceModel(SIGNATURE, (7,), origin="resolved").fit(frame, as_of=frame["opened_at"].max())


def test_where_none_recurred_the_risk_is_small_and_the_same_for_all():
    days = np.arange(200) % 100
    frame = as_frame(
        pd.DataFrame(
            {
                "number": [f"INC{i}" for i in range(200)],
                "opened_at": START + pd.to_timedelta(np.sort(days), unit="D"),
                "cmdb_ci": [f"ci-{i}" for i in range(200)],
                "category": "网络",
            }
        )
    )
    model = RecurrenceModel(SIGNATURE, (7, 30)).fit(frame, as_of=START + pd.Timedelta(days=130))
    assert model.base_rates_ == {7: 0.0, 30: 0.0}
    risk = model.probabilities(frame[-20:].reset_index(drop=True), frame[:-20])
    assert np.ptp(risk, axis=0).max() < 1e-12
    assert 0 < risk[0, 1] < 0.05
    assert model.assess(frame[-1:].reset_index(drop=True), frame[:-1])[0].factors == ()


def test_where_all_recur_the_risk_is_large_and_the_same_for_all():
    opened = START + pd.to_timedelta(np.arange(300) / 2, unit="D")
    items = [f"ci-{i % 3}" for i in range(300)]
    numbers = [f"INC{i}" for i in range(300)]
    frame = as_frame(pd.DataFrame({"number": numbers, "opened_at": opened, "cmdb_ci": items, "category": "网络"}))
    model = RecurrenceModel(SIGNATURE, (7, 30)).fit(frame, as_of=opened[-1])
    risk = model.probabilities(frame[-20:].reset_index(drop=True), frame[:-20])
    assert risk.min() > 0.9
    assert np.ptp(risk, axis=0).max() < 1e-12


def test_no_outcome_at_all_is_refused():
    frame = desk(n_items=30, days=10)
    same_moment = frame.assign(opened_at=START)
    model = RecurrenceModel(SIGNATURE, (7,))
    with pytest.raises(InputError, match="watched"):
        model.fit(same_moment, as_of=START)


def test_a_signature_that_nobody_carries_is_refused():
    frame = desk(n_items=10).assign(cmdb_ci="", category="", service="")
    with pytest.raises(InputError, match="no signature fits"):
        RecurrenceModel().fit(frame, as_of=frame["opened_at"].max())


def test_horizons_are_checked():
    with pytest.raises(InputError, match="each longer"):
        RecurrenceModel(SIGNATURE, horizons=(30, 7)).fit(desk(), as_of=START)


def test_a_reopened_incident_has_recurred():
    frame = desk(n_items=30, days=60)
    reopened = frame.assign(reopened_at=frame["opened_at"] + pd.Timedelta(hours=12))
    as_of = START + pd.Timedelta(days=80)
    assert RecurrenceModel(SIGNATURE, (7,)).fit(reopened, as_of=as_of).base_rate_ == 1.0
    assert RecurrenceModel(SIGNATURE, (7,)).fit(frame, as_of=as_of).base_rate_ < 1.0


def test_inputs_are_not_changed_and_the_same_data_give_the_same_bits():
    frame = desk(n_items=30)
    before = frame.copy(deep=True)
    as_of = frame["opened_at"].max()
    first = RecurrenceModel(SIGNATURE).fit(frame, as_of=as_of)
    again = RecurrenceModel(SIGNATURE).fit(frame, as_of=as_of)
    rows = frame[-9:].reset_index(drop=True)
    one, two = (model.probabilities(rows, frame[:-9]) for model in (first, again))
    assert one.tobytes() == two.tobytes()
    pd.testing.assert_frame_equal(frame, before)


def test_factors_are_faithful_and_speak_both_languages():
    frame = desk()
    past, later = frame[:-200], frame[-200:].reset_index(drop=True)
    model = RecurrenceModel(SIGNATURE).fit(past, as_of=past["opened_at"].max())
    english = model.assess(later, past)
    chinese = [in_language(risk, "zh") for risk in english]
    factors = [f for risk in english for f in risk.factors]
    assert "same signature in the last 30 days" in {f.name for f in factors}
    assert "近 30 天内同一故障的事件数" in {f.name for risk in chinese for f in risk.factors}
    assert [f.effect for f in factors] == [f.effect for risk in chinese for f in risk.factors]
    most = [f for f in factors if f.name == "same signature in the last 30 days"]
    raised = [f.value for f in most if f.effect > 0]
    lowered = [f.value for f in most if f.effect < 0]
    assert np.mean(raised) > np.mean(lowered)


def test_the_moment_of_resolution_sees_what_the_fix_was():
    draw = np.random.default_rng(3)
    rows = []
    for i in range(600):
        opened, patched = draw.uniform(0, 90), draw.random() < 0.5
        note = "重启服务器，临时恢复" if patched else "replaced the failed disk"
        resolved = opened + 0.2
        rows.append((f"A{i}", f"ci-{i}", opened, resolved, note))
        if patched and draw.random() < 0.8:
            rows.append((f"B{i}", f"ci-{i}", resolved + draw.exponential(5), np.nan, ""))
    columns = ["number", "cmdb_ci", "opened", "resolved", "close_notes"]
    frame = pd.DataFrame(rows, columns=columns).sort_values("opened")
    frame = frame.assign(
        category="存储",
        opened_at=START + pd.to_timedelta(frame["opened"], unit="D"),
        resolved_at=START + pd.to_timedelta(frame["resolved"], unit="D"),
    )
    frame = as_frame(frame.drop(columns=["opened", "resolved"]))
    as_of = START + pd.Timedelta(days=90)
    frame = frame[frame["opened_at"] <= as_of].reset_index(drop=True)
    model = RecurrenceModel(SIGNATURE, (7, 30)).fit(frame, as_of=as_of)
    rows = frame[frame["number"].str.startswith("A")][:300].reset_index(drop=True)
    risks = model.assess_resolution(rows, frame)
    patched = rows["close_notes"].str.contains("临时").to_numpy()
    month = np.array([risk.horizons[1].probability for risk in risks])
    assert month[patched].mean() == pytest.approx(0.8, abs=0.15)
    assert month[~patched].mean() < 0.2
    assert any(f.name == "resolution reads like a workaround" for f in risks[int(np.argmax(month))].factors)
    with pytest.raises(InputError, match="have none"):
        model.assess_resolution(
            rows.assign(resolved_at=pd.Series(pd.NaT, index=rows.index, dtype=rows["resolved_at"].dtype)), frame
        )


def test_text_tells_where_fields_do_not():
    frame = desk(n_items=90, days=60)
    chronic = frame["cmdb_ci"].str.removeprefix("ci-").astype(int).to_numpy() % 3 == 0
    draw = np.random.default_rng(0)
    vectors = draw.normal(0, 0.1, size=(len(frame), 24)).astype(np.float32)
    vectors[:, 0] += np.where(chronic, 1, -1)
    cut = len(frame) // 2
    as_of = frame["opened_at"].iloc[cut]
    model = RecurrenceModel(SIGNATURE, (7,)).fit(frame, as_of=as_of, texts=["x"] * len(frame), vectors=vectors)
    rows = frame[cut:].reset_index(drop=True)
    none = frame[:0]
    with_text = model.probabilities(rows[:1], none, vectors=vectors[cut : cut + 1])
    flipped = model.probabilities(rows[:1], none, vectors=-vectors[cut : cut + 1])
    assert (with_text > flipped)[0, 0] == chronic[cut]


def test_scores_come_with_the_censored_and_refuse_what_cannot_be_scored():
    frame = desk(n_items=100)
    cut = START + pd.Timedelta(days=80)
    past, later = frame[frame["opened_at"] < cut], frame[frame["opened_at"] >= cut]
    model = RecurrenceModel(SIGNATURE, (7, 30, 90)).fit(past, as_of=cut)
    scores = model.evaluate(later, past, as_of=START + pd.Timedelta(days=120)).to_dict()["horizons"]
    assert [s["days"] for s in scores] == [7, 30]
    for s in scores:
        assert s["auc"] > 0.65
        assert s["time_dependent_auc"] > 0.65
        assert s["mean_predicted_all"] == pytest.approx(s["kaplan_meier"], abs=0.08)
        assert sum(n for _, _, n in s["calibration"]) == len(later)
    with pytest.raises(InputError, match="watched for 7 days"):
        model.evaluate(later, past, as_of=cut + pd.Timedelta(days=3))
