from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from diagnosis.findings import FieldEvidence, TermEvidence
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router, ridge
from diagnosis.routing.calibration import PowerLink, expected_calibration_error, fit_link
from diagnosis.routing.features import IncidentFeatures
from diagnosis.routing.fields import fields_for
from diagnosis.routing.labels import hierarchy_of, learn_parents, merge_spellings
from diagnosis.routing.matrix import FeatureMatrix
from diagnosis.routing.scores import oracle_coverage
from diagnosis.routing.terms import TermFeatures, contrast
from diagnosis.routing.words import character_grams, words_of
from diagnosis.text.person_names import KnownPeople


def problem(n=60, seed=0):
    rng = np.random.default_rng(seed)
    whole = rng.normal(size=(n, 12)).astype(np.float32) * 0.4
    whole[:, 3:8] *= rng.random((n, 5)) < 0.04  # few rows hold them
    return (
        FeatureMatrix(sp.csr_matrix(whole[:, :8]), whole[:, 8:]),
        rng.integers(0, 3, n),
        np.repeat(np.arange(n // 2), 2),
    )


def whole(matrix):
    return np.hstack([matrix.sparse.toarray(), matrix.dense]).astype(np.float64)


def test_held_out_scores_are_those_of_a_fit_without_the_group():
    matrix, codes, groups = problem()
    targets, diagonal = np.eye(3, dtype=np.float32)[codes], np.full(60, 0.3, np.float32)
    _, held_out = ridge._solve_dual(matrix.inner_products(), targets, diagonal, groups)
    dense = whole(matrix)
    for group in range(30):
        rest = groups != group
        system = dense[rest].T @ dense[rest] + 0.3 * np.eye(12)
        weights = np.linalg.solve(system, dense[rest].T @ targets[rest])
        assert held_out[~rest] == pytest.approx(dense[~rest] @ weights, abs=1e-4)


def test_every_solver_reaches_the_closed_form(monkeypatch):
    matrix, codes, groups = problem(200, seed=1)
    monkeypatch.setattr(ridge, "_PENALTIES", (0.3,))
    monkeypatch.setattr(ridge, "_BALANCES", (0.4,))
    monkeypatch.setattr(ridge, "_TOLERANCE", 1e-6)
    dual = matrix.T @ ridge.fit_dual(matrix.inner_products(), codes, 3, groups, 0).weights
    strength = ridge.Strength(0.3, 0.4)
    again = matrix.T @ ridge.fit_dual(matrix.inner_products(), codes, 3, groups, 0, None, strength).weights
    primal = ridge.fit_ridge(matrix, codes, 3, groups, 0).weights
    monkeypatch.setattr(ridge, "_FEW_FEATURES", 0)
    monkeypatch.setattr(ridge, "_MOST_CELLS", 0)
    iterated = ridge.fit_ridge(matrix, codes, 3, groups, 0).weights
    weights = np.bincount(codes)[codes] ** -0.4
    weights /= weights.mean()
    dense = whole(matrix)
    exact = np.linalg.solve(
        dense.T @ (weights[:, None] * dense) + 0.3 * np.eye(12), dense.T @ (weights[:, None] * np.eye(3)[codes])
    )
    assert dual == pytest.approx(exact, abs=1e-4)
    assert again == pytest.approx(exact, abs=1e-4)
    assert primal == pytest.approx(exact, abs=1e-4)
    assert iterated == pytest.approx(exact, abs=1e-4)


def test_the_one_sided_solver_reaches_the_least_squared_hinge_loss(monkeypatch):
    matrix, codes, _ = problem(150, seed=2)
    monkeypatch.setattr(ridge, "_TOLERANCE", 1e-6)
    row_weights = np.linspace(0.5, 1.5, 150).astype(np.float32)
    targets = sp.csr_matrix((row_weights, codes, np.arange(151)), shape=(150, 3))
    found = ridge._one_sided(matrix, targets, row_weights, 0.3, None)
    dense, true = whole(matrix), np.eye(3)[codes] > 0

    def loss(weights):
        scores = dense @ weights.reshape(12, 3)
        errors = np.where(true, np.maximum(1 - scores, 0), np.maximum(scores, 0))
        return (row_weights[:, None] * errors**2).sum() + 0.3 * (weights**2).sum()

    exact = minimize(loss, np.zeros(36), method="L-BFGS-B", options={"maxfun": 50_000, "ftol": 1e-14}).x
    assert found.ravel() == pytest.approx(exact, abs=2e-3)
    assert loss(found.ravel()) <= loss(exact) * (1 + 1e-6)


def test_the_link_finds_the_power_that_made_the_labels():
    rng = np.random.default_rng(0)
    scores = rng.dirichlet([0.6, 0.6, 0.6], 8000)
    truth = np.array([rng.choice(3, p=p) for p in PowerLink(2.0, 0.05).probabilities(scores)])
    found = fit_link(scores, truth)
    assert found.power == pytest.approx(2.0, rel=0.15)
    assert fit_link(scores[:5], np.full(5, -1)) == PowerLink()


def test_calibration_error_against_its_definition():
    probability = np.array([0.95, 0.95, 0.95, 0.95, 0.4, 0.4])
    correct = np.array([1, 1, 1, 0, 1, 0], dtype=bool)
    assert expected_calibration_error(probability, correct) == pytest.approx((4 * 0.2 + 2 * 0.1) / 6)
    assert np.isnan(expected_calibration_error(np.array([]), np.array([], dtype=bool)))


def test_the_oracle_takes_the_longest_prefix_that_keeps_the_promise():
    probability, correct = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, True])
    assert oracle_coverage(probability, correct, 0.75) == 1.0
    assert oracle_coverage(probability, correct, 0.9) == 0.25


def test_the_features_of_a_target_leave_out_itself_and_its_descendants():
    assert "subcategory" not in fields_for("category")
    assert "category" in fields_for("subcategory")
    assert {"category", "subcategory", "caller"} <= set(fields_for("assignment_group"))
    assert "priority" not in fields_for("priority")


def test_parents_are_learned_where_history_is_unambiguous():
    children, parents = ["a"] * 20 + ["b"] * 4 + ["c"], ["X"] * 20 + ["X", "X", "Y", "Y"] + [""]
    assert learn_parents(children, parents) == {"a": "X"}
    hierarchy = hierarchy_of(["a", "b", "c"], {"a": "X", "b": "X"})
    assert hierarchy.roll_up(np.array([[0.2, 0.5, 0.3]]))[0] == pytest.approx([0.7, 0.3])
    assert hierarchy_of(["a", "b"], {}) is None


@given(st.lists(st.sampled_from(["Net", " net", "NET ", "Ｎet", "Print", "", "  "]), max_size=12))
def test_merging_twice_changes_nothing_and_keeps_the_classes_apart(labels):
    once = merge_spellings(labels)
    assert merge_spellings(once).tolist() == once.tolist()
    assert len(set(once) - {""}) <= 2


def test_an_incident_alone_has_the_features_that_it_has_in_a_batch(drawn, batch):
    groups = ["a", "b", "", "b"]
    texts = ["", "VPN vpn tunnel 网络 无法连接 网络", "unheard-of 字", "printer jams again " * 30]
    many = batch([*texts, *drawn(60, seed=1)[0].text], short_description=[*texts, *["toner"] * 60], service=groups * 16)
    features = IncidentFeatures(fields_for("category")).fit(many)
    together = features.sparse(many)
    for row in range(len(many)):
        columns, data = features.rows(many.take(np.array([row]))).row_features(0)
        alone = np.zeros(together.shape[1])
        alone[columns] = data
        assert len(set(columns.tolist())) == len(columns)
        assert alone == pytest.approx(together[row].toarray()[0], abs=1e-7)


def test_the_parts_of_words_and_fields_are_all_of_a_feature(drawn, batch):
    texts = drawn(60, seed=1)[0].text
    features = IncidentFeatures(fields_for("category")).fit(
        batch(texts, service=["a", "b"] * 30, caller=["x", "y"] * 30)
    )
    one = batch(["VPN vpn tunnel drops 无法连接网络 wifi 网络 vpn tunnel"], service=["a"], caller=["x"])
    rows = features.rows(one)
    reading = features.reading(one, 0, rows)
    whole = np.bincount(reading.place_of, weights=reading.part, minlength=len(rows.columns))
    whole[[place for _, place in reading.fields]] += 1
    assert whole[:-1] == pytest.approx(np.ones(len(rows.columns) - 1))  # the last is the constant
    assert {"vpn", "tunnel", "网络"} <= set(reading.words)
    assert reading.shares_of_words(np.ones(len(whole))).sum() == pytest.approx(reading.part.sum())


def test_features_that_say_little_of_topics_stay_short(drawn, batch):
    prepared = drawn(200, seed=5)[0]
    features = IncidentFeatures(()).fit(prepared)
    lengths = np.linalg.norm(features.rows(prepared).dense, axis=1)
    assert np.mean(np.isclose(lengths, np.sqrt(0.67), rtol=1e-3)) == pytest.approx(0.9, abs=0.02)
    (unknown,) = np.linalg.norm(features.rows(batch(["quite xyz"])).dense, axis=1)
    assert unknown < 0.3 * np.sqrt(0.67)


def test_a_run_of_chinese_characters_is_divided_into_words_and_single_characters_are_features():
    assert words_of("VPN连不上 ERR_12！")[-2:] == ["err", "12"]
    assert words_of("打印机卡纸了") == ["打印机", "卡纸", "了"]
    assert "".join(words_of("已配置防火墙但无法访问")) == "已配置防火墙但无法访问"
    assert list(character_grams("卡纸")) == ["卡", "纸", "卡纸"]
    assert " v" in set(character_grams("vpn"))
    assert "v" not in set(character_grams("vpn"))


@pytest.mark.parametrize(
    ("written", "alike"),
    [("防火牆斷線", "防火墙断线"), ("ＶＰＮ断线", "vpn断线"), ("Vpn 斷線", "VPN 断线"), ("ﾌﾟﾘﾝﾀ", "プリンタ")],
)
def test_traditional_full_width_and_upper_case_forms_read_alike(written, alike):
    assert words_of(written) == words_of(alike)


def test_terms_have_unit_length_but_for_what_is_unknown():
    terms = TermFeatures().fit(["vpn down", "vpn down", "打印机 卡纸", "打印机 卡纸"])
    features = terms.rows(["vpn down", "vpn qqqq", "", "卡纸"]).matrix(len(terms))
    lengths = np.sqrt(features.power(2).sum(axis=1)).A1
    assert lengths[0] == pytest.approx(np.sqrt(2), abs=1e-5)
    assert 0 < lengths[1] < 1.2
    assert lengths[2] == 0
    assert lengths[3] == pytest.approx(np.sqrt(2), abs=1e-5)


def test_pairs_of_words_reach_as_far_as_they_are_told_to():
    texts = ["a b c d", "a x c", "打印机 卡纸 a b c d", "b d", "zz a"] * 2
    terms = TermFeatures(reach=2, pair_min_count=4).fit(texts)
    near = [{(w[i], w[j]) for i in range(len(w)) for j in (i + 1, i + 2) if j < len(w)} for w in map(str.split, texts)]
    enough = {pair for pair in set().union(*near) if sum(pair in one for one in near) >= 4}
    names = {number: word for word, number in terms.vocabulary_.words.items()}
    found = {(names[pair // len(names)], names[pair % len(names)]) for pair in terms.vocabulary_.pairs.tolist()}
    assert found == enough == {("a", "b"), ("b", "c"), ("c", "d"), ("a", "c"), ("b", "d")}
    counts = terms.rows(["c d c d"]).matrix(len(terms))[:, : terms.vocabulary_.n_words].toarray()[0]
    assert (counts > 0).sum() == 3
    assert terms.rows(["c d c d"]).columns.max() < len(terms)


def test_vocabularies_of_the_same_texts_are_equal(drawn):
    texts = drawn(40, seed=2)[0].text
    first, same, other = (TermFeatures().fit(t).vocabulary_ for t in (texts, texts, texts[:20]))
    assert first.equals(same)
    assert not first.equals(other)


def test_contrast_is_the_divergence_of_a_terms_classes_from_all_classes():
    rng = np.random.default_rng(0)
    presence, codes = rng.random((400, 6)) < 0.3, rng.integers(-1, 3, 400)
    presence[:, 4] = codes == 0
    presence[:, 5] = False
    weights, unseen = contrast(sp.csr_matrix(presence.astype(np.float32) * 3), codes)
    share = np.bincount(codes[codes >= 0]) / (codes >= 0).sum()
    total = np.array([(presence[:, j] & (codes >= 0)).sum() for j in range(6)])
    by_hand = []
    for j in range(6):
        p = (np.bincount(codes[presence[:, j] & (codes >= 0)], minlength=3) + 16 * share) / (total[j] + 16)
        by_hand.append(np.sqrt(max((p * np.log(p / share)).sum(), 0)))
    mean = (np.array(by_hand) * total).sum() / total.sum()
    assert weights == pytest.approx(0.2 + np.array(by_hand) / mean, rel=1e-3)
    assert weights[5] == pytest.approx(unseen)
    assert weights.argmax() == 4


@pytest.mark.parametrize(
    "text",
    [
        "vpn tunnel drops please help",
        "打印机 卡纸 请帮忙 谢谢",
        "account locked out since monday",
        "网络 无法连接 urgent",
    ],
)
def test_removing_the_strongest_terms_lowers_the_probability(drawn, batch, text):
    router = Router("assignment_group").fit(*drawn(400, seed=11, noise=0.1))
    (before,) = router.predict(batch([text]))
    terms = [e for e in before.evidence if isinstance(e, TermEvidence)]
    assert terms
    assert all(t.text in text.lower() and t.weight > 0 for t in terms)
    without = text.lower()
    for term in terms[:2]:
        without = without.replace(term.text, " ")
    column = router.classes_.tolist().index(before.value)
    assert router.predict_proba(batch([without]))[0, column] < before.probability - 0.05


def test_what_is_named_speaks_louder_than_what_is_not(drawn, batch):
    router = Router("assignment_group").fit(*drawn(400, seed=13, noise=0.1))
    asked, _ = drawn(40, seed=14)
    answers, shown = router.predict(asked), router.predict_proba(asked)
    named, others = [], []
    for row, answer in enumerate(answers):
        words, best = asked.text[row].lower().split(), shown[row].argmax()
        terms = [e.text for e in answer.evidence if isinstance(e, TermEvidence)]
        for word in words:
            without = router.predict_proba(batch([" ".join(w for w in words if w != word)]))[0, best]
            drop = shown[row, best] - without
            if word == terms[0]:
                named.append(drop)
            elif not any(term in word for term in terms):
                others.append(drop)
    assert np.mean(np.array(named) > 0) > 0.9
    assert np.mean(named) > 5 * np.mean(np.abs(others))


def test_chinese_evidence_is_words(drawn, batch):
    router = Router("assignment_group").fit(*drawn(400, seed=12))
    (answer,) = router.predict(batch(["打印机卡纸"]))
    words = {e.text for e in answer.evidence if isinstance(e, TermEvidence)}
    assert words <= {"打印机", "卡纸", "打印"}
    assert "卡纸" in words


def test_small_words_cut_characters_and_names_of_people_are_no_reasons(batch):
    texts = ["my printer jams, asked chen wei", "the vpn drops, asked chen wei"] * 60
    labels = ["Printing", "Network"] * 60
    router = Router("assignment_group").fit(batch(texts, caller=["chen wei"] * 120), labels)
    for text in texts[:2]:
        (answer,) = router.predict(batch([text], caller=["chen wei"]))
        shown = {e.text for e in answer.evidence if isinstance(e, TermEvidence)}
        assert shown
        assert not shown & {"my", "the", "chen", "wei", "asked"}


@pytest.mark.parametrize(
    ("printing", "network", "names"),
    [
        ("printer jams, ask john", "vpn drops, ask susan", {"john", "susan"}),
        ("printer jams. Thanks, Zdenko", "vpn drops. Thanks, Qiuyue", {"zdenko", "qiuyue", "thanks"}),
        ("Printer jams, ask John Meyer", "VPN drops, ask Susan Olsen", {"john", "meyer", "susan", "olsen"}),
        ("printer jams, ask john smith", "vpn drops, ask li wei", {"john", "smith", "li", "wei"}),
        ("陈建国 报修 打印机卡纸", "李晓明 报修 隧道断开", {"陈建国", "李晓明"}),
        ("打印机卡纸，请联系司马老师", "隧道断开，请联系王工", {"司马", "司马老师", "王工"}),
        ("打印机卡纸，请联系孙先生", "隧道断开，请联系欧女士", {"孙先生", "欧女士", "先生", "女士"}),
    ],
)
def test_a_name_in_the_text_alone_is_no_reason(batch, printing, network, names):
    router = Router("assignment_group").fit(batch([printing, network] * 60), ["Printing", "Network"] * 60)
    for text in (printing, network):
        (answer,) = router.predict(batch([text]))
        shown = {e.text for e in answer.evidence if isinstance(e, TermEvidence)}
        assert shown
        assert not shown & names


def test_names_that_the_history_holds_are_no_reasons_in_any_case_and_order(batch):
    texts = ["printer jams, ask okafor ngozi", "vpn drops, ask ZDENKO Horvat", "欧阳娜娜 反映打印机卡纸"]
    prepared = batch(texts * 40)
    router = Router("assignment_group").fit(prepared, ["Printing", "Network", "Printing"] * 40)
    people = KnownPeople(["Ngozi Okafor", "Horvat, Zdenko", "欧阳娜娜", "Printer Desk", "VPN"])
    known = PreparedIncidents(prepared.incidents, prepared.text, prepared.vectors, people=people)
    shown = {e.text for answer in router.predict(known) for e in answer.evidence if isinstance(e, TermEvidence)}
    assert shown >= {"printer", "jams", "vpn", "drops"}
    assert not shown & {"ngozi", "okafor", "zdenko", "horvat", "欧阳", "娜娜"}


def test_words_of_letters_and_parts_of_known_names_are_no_reasons_and_count_all_the_same(batch):
    texts = [
        "Dear sir, printer jams since Monday morning, regards Fatma",
        "unable to use vpn, urgent, 王姐 昨天 早上 报修",
    ]
    router = Router("assignment_group").fit(batch(texts * 60), ["Printing", "Network"] * 60)
    prepared = batch(texts)
    people = KnownPeople(["Fatma Yilmaz"])
    known = PreparedIncidents(prepared.incidents, prepared.text, prepared.vectors, people=people)
    answers, before = router.predict(known), router.predict(prepared)
    shown = {e.text for answer in answers for e in answer.evidence if isinstance(e, TermEvidence)}
    assert shown <= {"printer", "jams", "vpn", "报修"}
    assert shown & {"printer", "jams"}
    probabilities = [[entry.probability for entry in answer.alternatives] for answer in (*answers, *before)]
    assert probabilities[:2] == probabilities[2:]


def test_fields_speak_too(batch):
    rng = np.random.default_rng(0)
    groups = rng.choice(["A", "B"], 200).tolist()
    prepared = batch(["please help"] * 200, cmdb_ci=[f"server {g}" for g in groups])
    router = Router("assignment_group").fit(prepared, groups)
    (answer,) = router.predict(prepared.take(np.array([0])))
    assert answer.value == groups[0]
    spoke = next(e for e in answer.evidence if isinstance(e, FieldEvidence))
    assert (spoke.field, spoke.value) == ("cmdb_ci", f"server {groups[0]}")


@pytest.mark.parametrize("nothing", ["N/A", "?", "未知"])
def test_a_value_that_means_nothing_is_no_reason(batch, nothing):
    groups = ["A", "B"] * 60
    router = Router("assignment_group").fit(
        batch(["please help"] * 120, cmdb_ci=["" if group == "A" else "server B" for group in groups]), groups
    )
    (answer,) = router.predict(batch(["please help"], cmdb_ci=[nothing]))
    assert answer.value == "A", "that it is empty tells the group all the same"
    assert not [e for e in answer.evidence if isinstance(e, FieldEvidence)]
