import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError, NotFittedError
from diagnosis.incident import as_frame
from diagnosis.recurrence import RecurrenceModel, Signature

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
