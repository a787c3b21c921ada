from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diagnosis.errors import InputError, NotFittedError
from diagnosis.findings import IncidentEvidence, SimilarIncident
from diagnosis.routing import Router, share_features
from diagnosis.routing.storage import write_object


def test_a_saved_router_answers_as_it_did(calibrated, batch, tmp_path):
    calibrated.save(tmp_path)
    asked = batch(["打印机 又 卡纸", "vpn tunnel down", ""])
    answers = Router.load(tmp_path).predict(asked)
    assert answers == calibrated.predict(asked)
    assert [a.value for a in answers[:2]] == ["Printing", "Network"]


def test_routers_of_one_vocabulary_share_it_and_answer_as_before(calibrated, batch, drawn, tmp_path):
    calibrated.save(tmp_path)
    one, two = Router.load(tmp_path), Router.load(tmp_path)
    other = Router("category").fit(*drawn(80, seed=3))
    share_features([one, other, two])
    vocabularies = [router.classifier_.features_.text_.vocabulary_ for router in (one, other, two)]
    assert vocabularies[0] is vocabularies[2]
    assert vocabularies[1] is not vocabularies[0]
    features = [router.classifier_.features_ for router in (one, other, two)]
    assert features[0] is features[2] is not features[1]
    assert two.suggester_.features_ is one.suggester_.features_
    assert one.suggester_.features_.topics_ is two.suggester_.features_.topics_
    for text in ("打印机 又 卡纸", "vpn tunnel down", "vpn tunnel down", ""):
        asked = batch([text])
        assert one.predict(asked) == two.predict(asked) == calibrated.predict(asked)


def test_loading_something_else_says_what_was_found(tmp_path):
    write_object({"no": "router"}, tmp_path)
    with pytest.raises(InputError, match=r"expected a Router .* found dict"):
        Router.load(tmp_path)
    (tmp_path / "router.json").write_text('{"class": "Popen", "place": 0, "state": {}}', encoding="utf-8")
    with pytest.raises(InputError, match=r"expected an object of .*Router.*; found Popen"):
        Router.load(tmp_path)


def test_a_saved_router_is_arrays_and_json_and_the_same_each_time(calibrated, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, router in ((first, calibrated), (second, None)):
        folder.mkdir()
        (router or Router.load(first)).save(folder)
    names = sorted(path.name for path in first.iterdir())
    assert {Path(name).suffix for name in names} == {".json", ".npy"}
    assert names == sorted(path.name for path in second.iterdir())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_what_is_certain_is_automatic_and_keeps_its_promise_in_both_languages(calibrated, drawn):
    prepared, labels = drawn(600, seed=8, noise=0.03)
    answers = calibrated.predict(prepared)
    automatic = [(a, y) for a, y in zip(answers, labels, strict=True) if a.decision == "automatic"]
    assert len(automatic) > 300
    assert np.mean([a.value == y for a, y in automatic]) >= 0.9
    assert all(a.reason is None and a.certified_precision == 0.9 for a, _ in automatic)
    chinese = [not text.isascii() for text in prepared.text]
    shares = [
        np.mean([a.value == y for a, y, c in zip(answers, labels, chinese, strict=True) if c == z]) for z in (0, 1)
    ]
    assert min(shares) > 0.9


@pytest.mark.parametrize("precision", [0.75, 0.6])
def test_a_low_promise_is_certified_where_classes_have_no_floor_to_keep(drawn, precision):
    prepared, labels = drawn(600, seed=8, noise=0.1)
    learn, calibrate = np.arange(300), np.arange(300, 600)
    router = Router("assignment_group", precision=precision).fit_and_calibrate(prepared, labels, learn, calibrate)
    answers = router.predict(prepared.take(calibrate))
    assert sum(a.decision == "automatic" and a.certified_precision == precision for a in answers) > 200


def test_probabilities_are_calibrated_and_alternatives_are_named(calibrated, drawn):
    prepared, labels = drawn(2000, seed=9, noise=0.3)
    noisy = Router("assignment_group").fit(*drawn(800, seed=10, noise=0.3))
    scores = noisy.evaluate(prepared, labels)
    assert scores.calibration_error < 0.05
    answer = noisy.predict(prepared.take(np.array([0])))[0]
    assert {a.value for a in answer.alternatives} == {"Accounts", "Network", "Printing"}
    assert sum(a.probability for a in answer.alternatives) == pytest.approx(1)
    assert answer.reason == "not automatic yet: the release was not checked on past incidents"


def test_the_wrong_order_and_wrong_settings_are_refused(batch):
    with pytest.raises(NotFittedError):
        Router("category").calibrate(batch(["a"]), ["x"])
    with pytest.raises(NotFittedError):
        Router("category").predict(batch(["a"]))
    with pytest.raises(InputError, match=r"precision 1\.5"):
        Router("category", precision=1.5).fit(batch(["a"]), ["x"])
    with pytest.raises(InputError, match="2 labels, 1 incidents"):
        Router("category").fit(batch(["a"]), ["x", "y"])


def test_the_same_seed_gives_the_same_answers_and_inputs_are_not_changed(drawn):
    prepared, labels = drawn(200, seed=1)
    before, given = prepared.frame.copy(), list(labels)
    first = Router("assignment_group").fit(prepared, labels).predict(prepared)
    assert first == Router("assignment_group").fit(prepared, labels).predict(prepared)
    assert prepared.frame.equals(before)
    assert labels == given


def test_a_batch_answers_as_its_incidents_do_alone(calibrated, drawn):
    prepared, _ = drawn(20, seed=4)
    together = calibrated.predict(prepared)
    for row, answer in enumerate(together):
        (alone,) = calibrated.predict(prepared.take(np.array([row])))
        assert (alone.value, alone.decision) == (answer.value, answer.decision)
        assert alone.probability == pytest.approx(answer.probability, abs=1e-5)
    assert calibrated.predict(prepared.take(np.array([], dtype=np.intp))) == []


@pytest.mark.parametrize("text", ["", "ᚠᚢᚦ ᚨᚱᚲ", "量子 纠缠"])
def test_an_incident_of_which_nothing_is_known_is_answered_with_the_shares_of_the_classes(batch, text):
    """Forty classes of one or two incidents in two languages: none of them may lead."""
    usual = [f"{['printer jams', '打印机 卡纸', 'toner empty'][row % 3]} {row}" for row in range(12)]
    rare = [f"{word} {word}{word}" for word in "abcdefghijklmnopqrst"] + [
        f"{word}坏了" for word in "屏键鼠线盘卡灯门窗椅"
    ]
    texts, labels = usual + rare * 2, ["Printing"] * 12 + [f"Group {text[0]}" for text in rare] * 2
    router = Router("assignment_group").fit(batch(texts), labels)
    (answer,) = router.predict(batch([text]))
    assert answer.value == "Printing"
    assert answer.probability > 2 * answer.alternatives[1].probability


_SUBJECTS = {
    "en": "printer scanner laptop monitor keyboard mouse headset phone router switch firewall server database backup "
    "email calendar payroll invoice badge camera projector tablet browser proxy certificate password account licence "
    "storage cluster",
    "zh": "打印机 扫描仪 笔记本 显示器 键盘 鼠标 耳机 电话 路由器 交换机 防火墙 服务器 数据库 备份 邮箱 "
    "日历 工资单 发票 门禁卡 摄像头 投影仪 平板 浏览器 代理 证书 密码 账号 许可证 存储 集群",
}
_FAULTS = {
    "en": [" is broken again", " does not start", " shows an error", " is very slow"],
    "zh": ["又坏了", "无法启动", "报错了", "今天很慢"],
}
_UNKNOWN = {"en": ["quzzvex woomph", "ᚠᚢᚦ ᚨᚱᚲ"], "zh": ["量子纠缠", "ᚠᚢᚦ ᚨᚱᚲ"]}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("n", "n_classes"), [(50, 3), (50, 30), (150, 10), (500, 30)])
def test_few_incidents_tell_classes_apart_and_no_class_of_one_leads_for_a_text_nobody_knows(
    batch, language, n, n_classes
):
    """A third of the classes, if there are many, have one incident; the others have fewer the later they come."""
    rng = np.random.default_rng(n + n_classes)
    usual = n_classes if n_classes < 10 else 2 * n_classes // 3
    shares = 1 / np.arange(1, usual + 1)
    codes = np.append(np.arange(n_classes), rng.choice(usual, n - n_classes, p=shares / shares.sum()))
    subjects, faults = _SUBJECTS[language].split(), _FAULTS[language]
    texts = [f"{subjects[code]}{faults[rng.integers(4)]} {rng.integers(100)}" for code in codes]
    order, labels = rng.permutation(n), np.array([f"Group {code}" for code in codes])
    router = Router("assignment_group")
    router.fit_and_calibrate(batch(texts), labels.tolist(), order[: 3 * n // 4], order[3 * n // 4 :])
    unknown = router.predict(batch(_UNKNOWN[language]))
    assert min((labels == answer.value).sum() for answer in unknown) > 1
    often = [code for code in range(n_classes) if (codes == code).sum() >= 4]
    answers = router.predict(batch([subjects[code] + faults[2] for code in often]))
    assert np.mean([answer.value == f"Group {code}" for answer, code in zip(answers, often, strict=True)]) >= 0.9


def test_similar_incidents_are_shown_as_evidence(calibrated, batch):
    near = [SimilarIncident("INC0009120", 0.91, "vpn down", "restart the gateway", None)]
    (answer,) = calibrated.predict(batch(["vpn tunnel drops"]), similar=[near])
    assert answer.evidence[-1] == IncidentEvidence("INC0009120", 0.91)


def test_few_calibration_rows_say_how_many_are_needed(drawn):
    prepared, labels = drawn(120, seed=5)
    rows = np.arange(120)
    router = Router("assignment_group").fit(prepared.take(rows[:90]), labels[:90])
    router.calibrate(prepared.take(rows[90:]), labels[90:])
    answers = router.predict(prepared.take(rows[:5]))
    assert {a.decision for a in answers} == {"suggested"}
    assert "past incidents could be checked; 45 without an error are needed" in answers[0].reason


def test_spread_over_children_the_parent_is_certified_and_answered(batch):
    rng = np.random.default_rng(2)
    parents = rng.choice(["Network", "Printing"], 900)
    texts = [f"{'vpn tunnel 网络' if p == 'Network' else 'printer toner 打印机'} {rng.integers(99)}" for p in parents]
    # Nobody could tell the two children of a parent apart.
    children = [f"{p} {rng.integers(2)}" for p in parents]
    prepared = batch(texts, category=parents.tolist())
    router = Router("subcategory", fields=()).fit(prepared.take(np.arange(400)), children[:400])
    router.calibrate(prepared.take(np.arange(400, 900)), children[400:])
    answer, unknown = router.predict(batch(["vpn tunnel 网络 7", "nothing of the kind"]))
    assert (answer.decision, answer.value) == ("automatic", "Network")
    assert answer.probability > 0.95
    assert "its parent 'Network'" in answer.reason
    assert {a.value for a in answer.alternatives[:2]} == {"Network 0", "Network 1"}
    assert unknown.decision == "suggested"
    scores = router.evaluate(prepared.take(np.arange(400, 900)), children[400:])
    assert scores.certified_precision == 1.0
    assert scores.accuracy < 0.7


def test_without_a_field_that_calibration_always_had_nothing_is_certified(drawn):
    prepared, labels = drawn(700, seed=6)
    prepared.frame["service"] = [f"service of {label}" for label in labels]
    rows = np.arange(700)
    router = Router("assignment_group", precision=0.9).fit_and_calibrate(prepared, labels, rows[:400], rows[400:])
    assert router.predict(prepared.take(rows[:1]))[0].decision == "automatic"
    prepared.frame.loc[0, "service"] = ""
    (answer,) = router.predict(prepared.take(rows[:1]))
    assert answer.decision == "suggested"
    assert answer.value == labels[0]
    assert answer.reason == "not automatic without service, which nearly every past incident had"
