"""Links of alerts and incidents: learned from judged pairs, one explanation an incident, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from diagnosis.errors import InputError, NotFittedError
from diagnosis.surges.alert_links import AlertLinker, AlertPair, unlinked_pairs


def pairs(seed: int, count: int = 120) -> list[AlertPair]:
    """Return linked pairs: each of eight services has its monitors and its words; the incident follows within hours."""
    rng = np.random.default_rng(seed)
    made = []
    for place in range(count):
        service = int(rng.integers(8))
        alert = {
            "monitor": [f"m{service}-{rng.integers(3)}"],
            "service": [f"s{service}"],
            "words": [f"a{service}", "down"],
        }
        incident = {"product": [f"p{service}"], "words": [f"b{service}", f"x{rng.integers(50)}"]}
        made.append(AlertPair(f"A{seed}-{place}", f"I{seed}-{place}", alert, incident, float(rng.exponential(2))))
    return made


def test_unseen_pairs_are_ranked_far_above_chance() -> None:
    linker = AlertLinker().fit(pairs(1), [True] * 120)
    linked = pairs(2)
    others = unlinked_pairs(linked, np.random.default_rng(3))
    truth = [True] * len(linked) + [False] * len(others)
    assert average_precision_score(truth, linker.predict_proba(linked + others)) > 0.35
    assert np.mean(truth) < 0.06


def test_the_alerts_around_an_incident_share_its_probability() -> None:
    linker = AlertLinker().fit(pairs(1), [True] * 120)
    first, *others = pairs(2)[:6]
    around = [AlertPair(pair.alert, first.incident, pair.alert_terms, first.incident_terms, 1.0) for pair in others]
    probabilities = linker.predict_proba([first, *around])
    assert 0 < probabilities.sum() <= 1
    assert probabilities[0] < linker.predict_proba([first])[0]


def test_the_same_pairs_and_seed_give_the_same_probabilities_and_leave_the_input_alone() -> None:
    learn = pairs(1)
    first, again = (AlertLinker(seed=7).fit(learn, [True] * 120).predict_proba(pairs(2)) for _ in range(2))
    assert first.tolist() == again.tolist()
    assert learn == pairs(1)


def test_an_unknown_alert_and_an_empty_list_are_answered() -> None:
    linker = AlertLinker().fit(pairs(1), [True] * 120)
    strange = AlertPair("A", "I", {"monitor": ["?"], "words": []}, {"product": [""], "words": ["never"]}, -30.0)
    assert 0 <= linker.predict_proba([strange])[0] < 0.5
    assert linker.predict_proba([]).shape == (0,)


def test_wrong_use_says_what_was_expected() -> None:
    with pytest.raises(NotFittedError):
        AlertLinker().predict_proba(pairs(1))
    with pytest.raises(InputError, match="at least 10 linked pairs are needed to learn from; found 3"):
        AlertLinker().fit(pairs(1, 3), [True] * 3)
    with pytest.raises(InputError, match="as many judgements as pairs"):
        AlertLinker().fit(pairs(1), [True])
