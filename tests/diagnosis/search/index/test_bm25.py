"""LexicalIndex against BM25 written out, on values and order."""

import math
import threading
from collections import Counter

import bm25s
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sklearn.feature_extraction.text import TfidfVectorizer

from diagnosis.errors import InputError
from diagnosis.search import LexicalIndex
from diagnosis.search.index import postings
from diagnosis.search.index.bm25 import index_tokens
from diagnosis.search.index.ids import Ids

WORDS = [
    "vpn",
    "打印机",
    "邮箱无法登录",
    "mail",
    "error",
    "ora-12154",
    "网络",
    "the",
    "login",
    "password",
    "密码",
    "slow",
    "timeout",
    "0x80070005",
    "服务器",
]
COMMON = ["the", "user", "please", "问题"]


def documents(n, seed, words=WORDS):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice([*words, *COMMON * 3], size=rng.integers(1, 14))) for _ in range(n)]


def brute_force(rows, question, k, k1=1.2, b=0.75):
    """BM25 of Lucene written out over a dict of id to text in order of insertion."""
    tokens = {name: index_tokens(text) for name, text in rows.items()}
    average = sum(map(len, tokens.values())) / max(1, len(tokens))
    scores = dict.fromkeys(rows, 0.0)
    for term, asked in Counter(index_tokens(question)).items():
        holding = [name for name, have in tokens.items() if term in have]
        idf = math.log1p((len(rows) - len(holding) + 0.5) / (len(holding) + 0.5))
        for name in holding:
            tf = tokens[name].count(term)
            scores[name] += asked * idf * tf / (tf + k1 * (1 - b + b * len(tokens[name]) / average))
    ranked = sorted((pair for pair in scores.items() if pair[1] > 0), key=lambda pair: -round(pair[1], 9))
    return ranked[:k]


def check(hits, expected):
    assert [name for name, _ in hits] == [name for name, _ in expected]
    np.testing.assert_allclose([s for _, s in hits], [s for _, s in expected], rtol=1e-9)


def filled(rows, step=40):
    index, names = LexicalIndex(), list(rows)
    for start in range(0, len(names), step):
        index.add(names[start : start + step], [rows[n] for n in names[start : start + step]])
    return index


def test_values_and_order_are_those_of_bm25_written_out():
    rows = {f"n{i}": text for i, text in enumerate(documents(300, 0))}
    index = filled(rows)
    for question in [*documents(20, 1), "VPN 连不上 ORA-12154", "密码 密码 password"]:
        for k in (1, 10, 1_000):
            check(index.search([question], k)[0], brute_force(rows, question, k))


def test_tf_idf_weighting_multiplies_each_term_by_its_weight_in_the_question(tmp_path):
    """A question of one term scores BM25 times (1 + log count) * idf, and scores of terms add up."""
    rows = {f"n{i}": text for i, text in enumerate(documents(300, 0))}
    index = LexicalIndex(weighting="tf-idf")
    index.add(list(rows), list(rows.values()))
    index.save(tmp_path / "index")
    question = "vpn vpn vpn mail 网"
    asked = Counter(index_tokens(question))
    assert asked == {"vpn": 3, "mail": 1, "网": 1}
    expected = dict.fromkeys(rows, 0.0)
    for term, count in asked.items():
        holding = sum(term in index_tokens(text) for text in rows.values())
        idf = math.log1p((len(rows) - holding + 0.5) / (holding + 0.5))
        for name, score in brute_force(rows, term, 300):
            expected[name] += (1 + math.log(count)) * idf * score
    for found in (index, LexicalIndex.load(tmp_path / "index")):
        hits = dict(found.search([question], 300)[0])
        assert hits == pytest.approx({name: score for name, score in expected.items() if score > 0})


def test_values_are_those_of_bm25s():
    texts = documents(200, 2)
    peer = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    peer.index([index_tokens(text) for text in texts], show_progress=False)
    index = filled({str(i): text for i, text in enumerate(texts)})
    for question in ("vpn login error", "打印机 网络", "ora-12154"):
        scores = peer.get_scores(index_tokens(question))
        hits = index.search([question], 200)[0]
        np.testing.assert_allclose([s for _, s in hits], [scores[int(n)] for n, _ in hits], rtol=1e-4)
        assert len(hits) == np.count_nonzero(scores)


def test_summing_by_sorting_or_looking_up_changes_nothing(monkeypatch):
    rows = {f"n{i}": text for i, text in enumerate(documents(1_500, 3, [f"w{i}" for i in range(400)] + WORDS))}
    index = filled(rows, 500)
    index.rebuild()
    questions = documents(25, 4, [f"w{i}" for i in range(400)])
    plain = index.search(questions, 10)
    for question, hits in zip(questions, plain, strict=True):
        check(hits, brute_force(rows, question, 10))
    every = index.places_of(Ids(index.ids))
    for question in questions:
        asked = index.query(question)
        looked_up = asked.scores_at(every)  # before anything was added up for every row
        asked.nearest(10)
        np.testing.assert_array_equal(asked.scores_at(every), looked_up)
    monkeypatch.setattr(postings, "_SCATTERED", 0)
    assert index.search(questions, 10) == plain


def test_scores_of_named_rows_are_those_that_a_search_gives():
    rows = {f"n{i}": text for i, text in enumerate(documents(300, 7))}
    index = filled(rows, 60)
    index.remove(["n5"])
    found = dict(index.search(["vpn login 密码 error"], 300)[0])
    scores = index.query("vpn login 密码 error").scores_at(index.places_of(Ids(["n5", "nobody", *rows])))
    np.testing.assert_allclose(scores[2:], [found.get(name, 0.0) for name in rows], rtol=1e-12)
    assert scores[:2].tolist() == [0, 0]
    assert not index.query("?").scores_at(index.places_of(Ids(["n1"]))).any()


@pytest.mark.parametrize("budget", [0, 300, 2_000])
def test_a_spent_budget_still_gives_true_scores(monkeypatch, budget):
    rows = {f"n{i}": text for i, text in enumerate(documents(1_000, 5))}
    index = filled(rows, 1_000)
    monkeypatch.setattr(postings, "BUDGET", budget)
    monkeypatch.setattr(postings, "_FAVOURED", 20)
    question = "vpn the user please 问题 mail"
    true = dict(brute_force(rows, question, 1_000))
    hits = index.search([question], 10)[0]
    np.testing.assert_allclose([s for _, s in hits], [true[n] for n, _ in hits], rtol=1e-9)
    assert hits[0][1] >= 0.9 * max(true.values())
    scores = index.query(question).scores_at(index.places_of(Ids(list(rows))))
    np.testing.assert_allclose(scores, [true.get(name, 0.0) for name in rows], rtol=1e-9)


def test_added_replaced_and_removed_rows_count_at_once():
    index = LexicalIndex()
    index.add(["a", "b"], ["printer jam", "打印机卡纸"])
    assert index.search(["打印机"], 5)[0][0][0] == "b"
    index.add(["b"], ["mail full"])
    assert index.search(["打印机"], 5) == [[]]
    assert index.ids == ["a", "b"]
    index.remove(["a", "unknown"])
    assert index.search(["printer"], 5) == [[]]
    check(index.search(["mail"], 5)[0], brute_force({"b": "mail full"}, "mail", 5))


def test_exact_codes_find_their_row_whole_and_in_part():
    index = filled({f"n{i}": t for i, t in enumerate(documents(200, 6))} | {"code": "err_conn_4711 on srv-0815"})
    assert index.search(["ERR_CONN_4711"], 1)[0][0][0] == "code"
    assert index.search(["what is 4711"], 1)[0][0][0] == "code"


@pytest.mark.parametrize("question", ["", " ", "\x00", "unheard-of", "ไม่ได้", "?!…"])
def test_a_question_of_nothing_known_finds_nothing(question):
    assert filled({"a": "printer jam"}).search([question], 5) == [[]]


def test_extremes_of_length():
    rows = {f"n{i}": text for i, text in enumerate(documents(100, 7))}
    rows |= {"empty": "", "long": "vpn " * 30_000}
    index = filled(rows)
    hits = index.search(["vpn " + " ".join(f"x{i}" for i in range(20_000)), "网"], 200)
    assert "long" in dict(hits[0])
    assert "empty" not in dict(hits[0])
    assert {n for n, _ in hits[1]} == {n for n, text in rows.items() if "网" in text}
    assert LexicalIndex().search(["vpn"], 5) == [[]]


@pytest.mark.parametrize("form", ["mask", "set", "function"])
def test_every_form_of_filter_keeps_scores_and_order(form):
    rows = {f"n{i}": text for i, text in enumerate(documents(200, 8))}
    index = filled(rows)
    allowed = {f"n{i}" for i in range(0, 200, 3)}
    forms = {
        "mask": np.array([i in allowed for i in index.ids]),
        "set": allowed,
        "function": lambda ids: np.array([i in allowed for i in ids]),
    }
    expected = [pair for pair in brute_force(rows, "vpn error 网络", 200) if pair[0] in allowed][:9]
    check(index.search(["vpn error 网络"], 9, forms[form])[0], expected)


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_postings_moved_some_at_a_time_are_the_same(monkeypatch, block):
    rows = {f"n{i}": text for i, text in enumerate(documents(200, 13))}
    index = filled(rows)
    index.remove([f"n{i}" for i in range(0, 200, 9)])
    monkeypatch.setattr(postings, "_BLOCK", block)
    index.rebuild()
    left = {name: rows[name] for name in index.ids}
    for question, hits in zip(documents(10, 14), index.search(documents(10, 14), 200), strict=True):
        check(hits, brute_force(left, question, 200))


def test_places_with_a_term_are_those_of_the_texts_that_hold_it():
    rows = {f"n{i}": text for i, text in enumerate(documents(200, 12))}
    index = filled(rows)
    index.remove([f"n{i}" for i in range(0, 200, 7)])
    for term in ("ora-12154", "网", "vpn", "nowhere"):
        assert index.names_at(index.places_with(term)) == [i for i in index.ids if term in index_tokens(rows[i])]


def test_texts_must_match_ids():
    with pytest.raises(InputError, match="each of 2 ids; found 1"):
        LexicalIndex().add(["a", "b"], ["x"])


def test_loading_does_not_change_answers(tmp_path):
    rows = {f"号{i}": text for i, text in enumerate(documents(150, 9))}
    index = filled(rows)
    index.remove(["号3"])
    index.save(tmp_path / "some")
    loaded = LexicalIndex.load(tmp_path / "some")
    questions = documents(10, 10)
    assert loaded.search(questions, 10) == index.search(questions, 10)
    loaded.add(["new"], ["zyxwv"])
    assert loaded.search(["zyxwv"], 1)[0][0][0] == "new"
    LexicalIndex(k1=2.0).save(tmp_path / "none")
    assert LexicalIndex.load(tmp_path / "none").k1 == 2.0
    assert not [p for p in (tmp_path / "some").iterdir() if p.suffix not in {".npy", ".json", ".arrow"}]


def test_a_large_segment_is_merged_beside_the_searches():
    rows = {f"n{i}": text for i, text in enumerate(documents(6_000, 11))}
    index = filled(rows, 1_000)
    gone = [f"n{i}" for i in range(2_000)]
    index.remove(gone)
    assert index.wait(60)
    for name in gone:
        del rows[name]
    check(index.search(["vpn 0x80070005"], 10)[0], brute_force(rows, "vpn 0x80070005", 10))


def test_searches_while_rows_come_and_go_always_see_a_whole_state():
    names = [str(i) for i in range(120)]
    index = LexicalIndex()
    index.add(names, ["printer"] * 120)
    wrong, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            found = [name for name, _ in index.search(["printer"], 200)[0]]
            if sorted(found) != sorted(names):
                wrong.append(found)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    rng = np.random.default_rng(0)
    for _ in range(100):
        part = rng.choice(120, size=rng.integers(1, 30), replace=False)
        index.add([names[i] for i in part], ["printer again"] * len(part))
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong


class Changes(RuleBasedStateMachine):
    """Any order of adding, replacing, removing and rebuilding leaves the index equal to BM25 over a dict."""

    def __init__(self):
        super().__init__()
        self.index = LexicalIndex()
        self.rows = {}

    @rule(names=st.lists(st.integers(0, 30), min_size=1, max_size=12), seed=st.integers(0, 999))
    def add(self, names, seed):
        texts = documents(len(names), seed)
        self.index.add([str(n) for n in names], texts)
        last = {str(n): text for n, text in zip(names, texts, strict=True)}
        for name in last:
            self.rows.pop(name, None)
        self.rows |= last

    @rule(names=st.lists(st.integers(0, 30), max_size=8))
    def remove(self, names):
        self.index.remove([str(n) for n in names])
        for name in names:
            self.rows.pop(str(name), None)

    @rule()
    def rebuild(self):
        self.index.rebuild()

    @invariant()
    def equals_brute_force(self):
        assert self.index.ids == list(self.rows)
        check(self.index.search(["vpn the 网络 login"], 6)[0], brute_force(self.rows, "vpn the 网络 login", 6))


TestChanges = Changes.TestCase
TestChanges.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def test_cosines_are_those_of_scikit_learn_and_stay_after_a_merge(tmp_path):
    rng = np.random.default_rng(3)
    words = ["disk", "full", "vpn", "gateway", "打印机卡纸", "重启路由器", "mail"]
    texts = [" ".join(rng.choice(words, size=rng.integers(2, 9))) for _ in range(60)]
    questions = [" ".join(rng.choice(words, size=3)) for _ in range(10)]
    index = LexicalIndex(weighting="cosine", most_terms=1_000, word_grams=2, cjk_characters=False)
    index.add([str(i) for i in range(len(texts))], texts)
    peer = TfidfVectorizer(sublinear_tf=True, analyzer=lambda text: index_tokens(text, 2, False))
    expected = (peer.fit_transform(texts).T.T @ peer.transform(questions).T).toarray().T
    index.save(tmp_path / "index")
    for searched in (index, LexicalIndex.load(tmp_path / "index")):
        for question, row in zip(questions, expected, strict=True):
            scores = dict(searched.search([question], len(texts))[0])
            actual = np.array([scores.get(str(i), 0.0) for i in range(len(texts))])
            assert np.allclose(actual, row, atol=0.003)
