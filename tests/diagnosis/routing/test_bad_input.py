from __future__ import annotations

import numpy as np
import pytest

from diagnosis.errors import InputError
from diagnosis.routing import Router, TargetClassifier


def test_empty_text_goes_to_a_person_with_the_shares_of_history(calibrated, batch):
    (answer,) = calibrated.predict(batch([""]))
    assert answer.decision == "suggested"
    assert answer.reason == "not automatic without text, which nearly every past incident had"
    assert answer.probability < 0.9


def test_one_class_is_learned_and_answered(batch):
    prepared = batch([f"vpn down {i}" for i in range(120)])
    rows = np.arange(120)
    router = Router("category", precision=0.9).fit_and_calibrate(prepared, ["Network"] * 120, rows[:60], rows[60:])
    (answer,) = router.predict(batch(["vpn down 7"]))
    assert (answer.value, answer.probability) == ("Network", 1.0)
    assert answer.evidence == ()


def test_a_class_with_one_row_can_still_be_answered(batch, drawn):
    prepared, labels = drawn(150, seed=0)
    texts = [*prepared.text, "coffee machine leaks 咖啡机 漏水"]
    router = Router("category").fit(batch(texts), [*labels, "Facilities"])
    (answer,) = router.predict(batch(["咖啡机 漏水 coffee machine leaks"]))
    assert answer.value == "Facilities"
    assert "Facilities" in router.classes_


def test_five_thousand_classes_fit_in_little_memory(batch):
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(3000)]
    names = [f"class {i}" for i in range(5000)]
    keys = [" ".join(rng.choice(words, 3)) for _ in names]
    prepared = batch([f"{key} {rng.choice(words)}" for _ in range(2) for key in keys])
    classifier = TargetClassifier().fit(prepared, names * 2)
    assert classifier.weights_.nbytes < 64e6
    asked = rng.choice(5000, 200, replace=False)
    found = classifier.predict_proba(batch([keys[i] for i in asked])).argmax(axis=1)
    assert np.mean(classifier.classes_[found] == np.array(names, dtype=object)[asked]) > 0.5


def test_a_hundred_kilobytes_of_text_cost_no_more_than_their_beginning(calibrated, batch):
    log = "vpn tunnel drops\n" + "0x7ffe4a ERROR java.lang.NullPointerException at line 17\n" * 2000
    assert len(log) > 100_000
    (answer,), (of_beginning,) = calibrated.predict(batch([log])), calibrated.predict(batch([log[:20_000]]))
    assert answer == of_beginning
    assert sum(a.probability for a in answer.alternatives) == pytest.approx(1)


def test_only_emoji_is_a_text_without_words(calibrated, batch):
    (emoji,), (words,) = calibrated.predict(batch(["😀😀🔥🔥"])), calibrated.predict(batch(["zzz qqq"]))
    assert emoji.decision == words.decision == "suggested"
    assert emoji.evidence == ()


def test_labels_with_spaces_and_other_case_are_one_class(batch, drawn):
    prepared, labels = drawn(200, seed=2)
    odd = [f"  {y.upper()} " if i % 5 == 0 else y for i, y in enumerate(labels)]
    router = Router("category").fit(prepared, odd)
    assert router.classes_.tolist() == ["Accounts", "Network", "Printing"]
    assert router.evaluate(prepared, [y.lower() for y in labels]).accuracy > 0.95


def test_rows_without_a_label_are_left_out_and_none_at_all_is_refused(batch):
    texts = ["vpn down"] * 5 + ["printer jam"] * 5
    router = Router("category").fit(batch(texts), ["N", "", None, "N", "N", "P", "P", " ", "P", "P"])
    assert router.classes_.tolist() == ["N", "P"]
    with pytest.raises(InputError, match="at least one labelled incident"):
        Router("category").fit(batch(["a", "b"]), ["", " "])
