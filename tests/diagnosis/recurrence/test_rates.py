import numpy as np
import pandas as pd
import pytest
from scipy.stats import CensoredData, ecdf

from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from diagnosis.recurrence import Signature, fix_verdict, recurrence_rate
from diagnosis.recurrence.rates import band, kaplan_meier
from diagnosis.recurrence.verdict import episodes, ratio_interval

START = pd.Timestamp("2026-01-01", tz="UTC")
SIGNATURE = Signature(("cmdb_ci", "category"))


def frame_of(days, item="gw", **columns):
    columns = {"cmdb_ci": item, "category": "网络", **columns}
    opened = START + pd.to_timedelta(np.asarray(days, dtype=float), unit="D")
    return as_frame(
        pd.DataFrame({"number": [f"{item}-{i}" for i in range(len(opened))], "opened_at": opened, **columns})
    )


def together(*frames):
    return as_frame(pd.concat(frames, ignore_index=True).sort_values("opened_at", ignore_index=True))


def test_kaplan_meier_by_hand():
    duration, recurred = np.array([1.0, 2.0, 2.0, 3.0, 4.0]), np.array([True, False, True, True, False])
    shares = kaplan_meier(duration, recurred, [0.5, 1, 2, 3, 9])
    np.testing.assert_allclose(shares, [0, 1 / 5, 1 - 0.8 * 0.75, 1 - 0.8 * 0.75 * 0.5, 1 - 0.8 * 0.75 * 0.5])


def test_the_corrected_rate_is_right_where_the_naive_one_looks_too_good():
    draw = np.random.default_rng(0)
    first = draw.uniform(0, 60, 3000)
    days = np.concatenate([first, first + draw.exponential(20, 3000)])
    items = [f"ci-{i}" for i in range(3000)] * 2
    frame = frame_of(days, cmdb_ci=items, location=["first"] * 3000 + ["second"] * 3000)
    as_of = START + pd.Timedelta(days=60)
    rates = recurrence_rate(frame, Signature(("cmdb_ci",)), (30,), as_of=as_of, by="location").set_index("group")
    row = rates.loc["first"]
    assert row["rate"] == pytest.approx(1 - np.exp(-30 / 20), abs=0.03)
    assert row["lower"] < 1 - np.exp(-30 / 20) < row["upper"]
    assert row["naive"] < row["rate"] - 0.1
    assert rates.loc["second", "rate"] == 0.0


def test_the_band_covers_as_often_as_it_says_with_bursts_of_one_signature():
    draw = np.random.default_rng(1)
    covered = []
    for _ in range(200):
        cluster = np.repeat(np.arange(80), 5)
        rate = np.repeat(draw.choice([0.01, 0.05], 80), 5)
        time, watched = draw.exponential(1 / rate), draw.uniform(5, 60, 400)
        lower, upper = band(np.minimum(time, watched), time <= watched, cluster, 20)
        covered.append(lower <= 1 - (np.exp(-0.2) + np.exp(-1.0)) / 2 <= upper)
    assert 0.90 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize(("n_signatures", "size"), [(1, 9), (2, 6), (5, 8)])
def test_the_band_of_few_signatures_covers_too_and_never_has_zero_width(n_signatures, size):
    draw = np.random.default_rng(2)
    covered = []
    for _ in range(200):
        cluster = np.repeat(np.arange(n_signatures), size)
        time, watched = draw.exponential(50, len(cluster)), draw.uniform(10, 60, len(cluster))
        lower, upper = band(np.minimum(time, watched), time <= watched, cluster, 30)
        assert upper - lower > 0.05
        covered.append(lower <= -np.expm1(-30 / 50) <= upper)
    assert np.mean(covered) >= 0.93


def test_kaplan_meier_agrees_with_scipy():
    draw = np.random.default_rng(3)
    time, watched = draw.exponential(20, 300).round(), draw.uniform(5, 60, 300).round()
    duration, recurred = np.minimum(time, watched), time <= watched
    oracle = ecdf(CensoredData.right_censored(duration, ~recurred)).cdf
    days = np.arange(1, 60)
    np.testing.assert_allclose(kaplan_meier(duration, recurred, days), oracle.evaluate(days), atol=1e-12)


def test_a_rate_since_a_day_is_of_what_happened_since():
    """Every fault came back after five days until the last month, and none in it."""
    before = np.concatenate([np.arange(60.0), np.arange(60.0) + 5])
    frame = pd.concat(
        [
            frame_of(before, cmdb_ci=[f"old-{i}" for i in range(60)] * 2),
            frame_of(np.linspace(70, 119, 60), "new", cmdb_ci=[f"new-{i}" for i in range(60)]),
        ],
        ignore_index=True,
    )
    signature, as_of = Signature(("cmdb_ci",)), START + pd.Timedelta(days=120)
    whole = recurrence_rate(frame, signature, (30,), as_of=as_of).iloc[0]
    lately = recurrence_rate(frame, signature, (30,), as_of=as_of, since=as_of - pd.Timedelta(days=30)).iloc[0]
    assert whole["rate"] > 0.3
    assert (lately["rate"], lately["lower"]) == (0.0, 0.0)
    assert 0.0 < lately["upper"] < 0.1
    # Of those logged before, only the ones that were not yet thirty days old.
    assert lately["incidents"] == 60 + int((before > 60).sum())


def test_the_band_since_a_day_covers_as_often_as_it_says():
    draw = np.random.default_rng(3)
    covered = []
    for _ in range(200):
        opened = draw.uniform(-60, 30, 600)  # days from the start of the period
        time, cluster = draw.exponential(60, 600), draw.integers(0, 150, 600)
        entry, watched = -opened, 30 - opened
        duration = np.minimum(time, watched)
        inside = (duration > entry) & (entry < 30)
        lower, upper = band(duration[inside], (time <= watched)[inside], cluster[inside], 30, entry[inside])
        covered.append(lower <= 1 - np.exp(-0.5) <= upper)
    assert 0.90 <= np.mean(covered) <= 0.995


def test_a_horizon_nobody_was_watched_for_is_not_yet_known():
    rates = recurrence_rate(frame_of([0, 5, 9]), SIGNATURE, (7, 30), as_of=START + pd.Timedelta(days=10))
    assert np.isnan(rates["rate"].iloc[1])
    assert rates["verdict"].tolist()[1] == "not proven"


def test_by_month_and_by_workaround():
    notes = ["重启后恢复", "replaced the cable"] * 20
    frame = frame_of(np.arange(40.0), close_notes=notes, resolved_at=START + pd.Timedelta(days=41))
    as_of = START + pd.Timedelta(days=60)
    assert recurrence_rate(frame, SIGNATURE, (7,), as_of=as_of, by="month")["group"].tolist() == ["2026-01", "2026-02"]
    by = recurrence_rate(frame, SIGNATURE, (7,), as_of=as_of, by="workaround").set_index("group")["incidents"]
    assert by.to_dict() == {"workaround": 20, "not a workaround": 20}
    with pytest.raises(InputError, match="'colour'"):
        recurrence_rate(frame, SIGNATURE, (7,), as_of=as_of, by="colour")


def test_bursts_fade_out_of_a_rate_that_meets_its_target():
    frame = pd.concat([frame_of([i], item=f"ci-{i}") for i in range(150)], ignore_index=True)
    row = recurrence_rate(frame, SIGNATURE, (7,), as_of=START + pd.Timedelta(days=200)).iloc[0]
    assert (row["rate"], row["verdict"]) == (0.0, "met")


def test_verdicts():
    weekly, as_of = np.arange(0, 200, 5.0), START + pd.Timedelta(days=300)
    fixed, date = frame_of(weekly), START + pd.Timedelta(days=200)
    key = SIGNATURE.key({"cmdb_ci": "gw", "category": "网络"})
    held = fix_verdict(fixed, SIGNATURE, key, date, as_of=as_of)
    assert (held.verdict, held.episodes_before, held.episodes_after, held.days_until_told) == ("held", 40, 0, None)
    same = fix_verdict(frame_of(np.arange(0, 300, 5.0)), SIGNATURE, key, date, as_of=as_of)
    assert same.verdict == "did not hold"
    early = fix_verdict(fixed, SIGNATURE, key, date, as_of=START + pd.Timedelta(days=205))
    assert early.verdict == "cannot tell yet"
    later = START + pd.Timedelta(days=205 + early.days_until_told)
    assert fix_verdict(fixed, SIGNATURE, key, date, as_of=later).verdict == "held"


def test_one_record_that_is_dated_years_before_changes_no_verdict():
    as_of, date = START + pd.Timedelta(days=300), START + pd.Timedelta(days=200)
    frame = together(frame_of(np.arange(0, 200, 5.0)), frame_of([-9000.0, 1.0], item="other"))
    verdict = fix_verdict(frame, SIGNATURE, SIGNATURE.key(["gw", "网络"]), date, as_of=as_of)
    assert (verdict.verdict, verdict.days_before) == ("held", 200.0)


def test_one_burst_is_one_episode():
    burst = np.concatenate([np.arange(0, 100, 20.0), 50 + np.arange(30) / 100])
    key = SIGNATURE.key(["gw", "网络"])
    verdict = fix_verdict(
        frame_of(burst), SIGNATURE, key, START + pd.Timedelta(days=95), as_of=START + pd.Timedelta(days=110)
    )
    assert verdict.episodes_before == 6  # days 0, 20, 40, 50 to 50.3, 60 and 80


def test_a_flood_of_monitoring_is_one_episode_however_long_it_lasts():
    hourly = 50 + np.arange(0, 5, 1 / 24)
    days = np.concatenate([np.arange(0, 50, 10.0), hourly, np.arange(60, 100, 10.0)])
    filed = np.where(np.isin(days, hourly), "monitoring", "phone")
    frame, key = frame_of(days, contact_type=filed), SIGNATURE.key(["gw", "网络"])
    date, as_of = START + pd.Timedelta(days=95), START + pd.Timedelta(days=110)
    assert fix_verdict(frame, SIGNATURE, key, date, as_of=as_of).episodes_before == 10
    by_people = frame.assign(contact_type="phone")
    assert fix_verdict(by_people, SIGNATURE, key, date, as_of=as_of).episodes_before == 14


def test_a_fault_that_monitoring_files_some_times_a_day_has_an_episode_a_day_as_one_that_people_report():
    times = np.sort(np.random.default_rng(3).uniform(0, 300, 900))
    plain, monitored = episodes(times), episodes(times, np.ones(900, dtype=bool))
    assert len(monitored) == pytest.approx(len(plain), rel=0.05)


def test_the_interval_of_the_ratio_covers_at_least_as_often_as_it_says():
    draw = np.random.default_rng(2)
    before, after = draw.poisson(20, 2000), draw.poisson(6, 2000)
    intervals = [ratio_interval(int(b), 100.0, int(a), 60.0) for b, a in zip(before, after, strict=True)]
    assert np.mean([low <= 0.5 and (high is None or high >= 0.5) for low, high in intervals]) >= 0.95


def test_a_fix_outside_the_records_or_of_an_unknown_signature_is_refused():
    frame, as_of = frame_of([0, 5, 9]), START + pd.Timedelta(days=10)
    with pytest.raises(InputError, match="inside the records"):
        fix_verdict(frame, SIGNATURE, SIGNATURE.key(["gw", "网络"]), START - pd.Timedelta(days=1), as_of=as_of)
    with pytest.raises(InputError, match="found none"):
        fix_verdict(frame, SIGNATURE, SIGNATURE.key(["other", "网络"]), START + pd.Timedelta(days=3), as_of=as_of)


@pytest.mark.parametrize("horizons", [[], [0], [7, 0]])
def test_a_horizon_is_at_least_a_day(horizons):
    with pytest.raises(InputError, match="horizons of at least one day"):
        recurrence_rate(frame_of([0, 1]), SIGNATURE, horizons, as_of=START)
