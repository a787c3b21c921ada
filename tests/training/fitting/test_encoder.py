"""Fitting the history encoder: pairs come close, the seed decides, little text is enough."""

import time

import numpy as np
import pytest

from diagnosis.errors import InputError
from training.fitting.encoder import fit_history_encoder
from training.fitting.tokenizer import fit_tokenizer

FAULTS = ["vpn", "printer", "mailbox", "password", "monitor", "headset", "laptop", "wifi"]
SIGNS = ["断线", "卡纸", "已满", "过期", "黑屏", "没有声音", "发热", "很慢"]
FIXES = ["gateway", "roller", "quota", "portal", "cable", "driver", "fan", "channel"]
ROOMS = [f"room {i}" for i in range(12)]


@pytest.fixture(scope="module")
def pairs():
    return [
        (f"the {fault} in {room} {sign}", f"check the {fix}, then close")
        for fault, sign, fix in zip(FAULTS, SIGNS, FIXES, strict=True)
        for room in ROOMS
    ]


@pytest.fixture(scope="module")
def encoder(pairs):
    return fit_history_encoder(pairs, [], dimensions=64)


@pytest.mark.parametrize("words", [FAULTS, SIGNS], ids=["English", "Chinese"])
def test_a_word_finds_the_fix_that_history_gave_it(encoder, words):
    similarity = encoder.encode(words) @ encoder.encode(FIXES).T
    assert (similarity.argmax(axis=1) == np.arange(len(FIXES))).all()


def test_the_same_seed_gives_the_same_vectors_and_another_does_not(encoder, pairs):
    again = fit_history_encoder(pairs, [], dimensions=64)
    other = fit_history_encoder(pairs, [], dimensions=64, seed=1)
    assert np.array_equal(again.weights, encoder.weights)
    assert not np.array_equal(other.weights, encoder.weights)


def test_twenty_texts_without_a_pair_are_compared_by_their_words():
    corpus = [f"the {fault} fails" for fault in FAULTS] + [f"{sign}，请处理" for sign in SIGNS]
    encoder = fit_history_encoder([], corpus)
    similarity = encoder.encode(corpus) @ encoder.encode([f"a {fault}" for fault in FAULTS]).T
    assert (similarity.argmax(axis=0) == np.arange(len(FAULTS))).all()


def test_no_text_is_refused():
    with pytest.raises(InputError, match="at least one text"):
        fit_history_encoder([], ["", "  "])


def test_the_budget_is_of_steps_so_that_a_slow_machine_gives_the_same_vectors(pairs):
    done = []

    def slow(step, steps):
        done.append(steps)
        time.sleep(0.01)

    quick = fit_history_encoder(pairs, [], dimensions=8, max_steps=30)
    again = fit_history_encoder(pairs, [], dimensions=8, max_steps=30, progress=slow)
    assert done == [30] * 30
    assert np.array_equal(quick.weights, again.weights)


def test_progress_reaches_its_end(pairs):
    seen = []
    fit_history_encoder(pairs, [], dimensions=8, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == len(seen)


def test_codes_seen_twice_are_one_token_and_both_scripts_are_known():
    tokenizer = fit_tokenizer(["连接失败 ORA-12154 on vpn-gw-2", "ora-12154 again, 0x80070005", "0x80070005 连接失败"])
    assert {"ora-12154", "0x80070005"} <= set(tokenizer.encode("Error ORA-12154: 0x80070005").tokens)
    assert tokenizer.encode("连接").tokens != ["[UNK]"]
    assert "[UNK]" not in tokenizer.encode("连接失败").tokens


def test_a_distilled_start_knows_what_the_general_model_knew(encoder, tmp_path):
    encoder.save(tmp_path / "general")
    corpus = [f"{word} {word}" for word in [*FAULTS, *FIXES]]  # seen twice, a word is one token
    untaught = fit_history_encoder([], corpus, dimensions=32)
    started = fit_history_encoder([], corpus, dimensions=32, start=tmp_path / "general")
    assert started.dimensions == 32

    def right(found):
        return np.mean((found.encode(FAULTS) @ found.encode(FIXES).T).argmax(axis=1) == np.arange(len(FIXES)))

    assert right(started) == 1
    assert right(untaught) < 0.5


def test_a_start_that_is_not_here_is_refused(pairs):
    with pytest.raises(InputError, match="nobody/no-such-model"):
        fit_history_encoder(pairs, [], start="nobody/no-such-model")
