"""Boilerplate is what recurs beside varied content; what recurs alone is content."""

import json
import tracemalloc

import pytest

from diagnosis.errors import InputError, NotFittedError
from diagnosis.text import BoilerplateFilter

FORM_EN = "Please complete all required questions below."
FORM_ZH = "请填写以下全部必填项。"
SHORT = "password reset needed"


def corpus(n=300):
    """Texts of varied content, a third under an English form, a third under a Chinese one, and one short text often."""
    texts = []
    for i in range(n):
        body = f"printer {i} in room {i % 17} jams on tray {i % 5} error {i * 37}"
        texts.append(
            [f"{FORM_EN}\n{body}", f"{FORM_ZH}{body} 打印机卡纸\n7. Restarted? ___{'yes' if i % 2 else 'no'}___", body][
                i % 3
            ]
        )
    return [*texts, *[SHORT] * n]


def test_forms_of_both_languages_are_stripped_and_content_stays():
    texts = corpus()
    stripped = BoilerplateFilter(min_count=20).fit(texts).transform(texts)
    for text, kept in zip(texts, stripped, strict=True):
        assert FORM_EN not in kept
        assert FORM_ZH not in kept
        assert "Restarted" not in kept
        if "printer" in text:
            assert f"error {text.split('error ')[1].split()[0]}" in kept
    assert stripped[1] == "printer 1 in room 1 jams on tray 1 error 37 打印机卡纸"


def test_a_short_text_sent_many_times_is_content():
    texts = corpus()
    fitted = BoilerplateFilter(min_count=20).fit(texts)
    assert fitted.transform([SHORT, f"{SHORT}\nuser id 4"]) == [SHORT, f"{SHORT}\nuser id 4"]


def test_a_line_that_recurs_with_the_same_neighbours_is_content():
    texts = [*corpus(), *["disk full on backup server\njob nightly stopped"] * 200]
    fitted = BoilerplateFilter(min_count=20).fit(texts)
    assert fitted.transform(texts[-1:]) == texts[-1:]


def test_the_name_of_a_fault_is_content():
    heads = ["java.lang.NullPointerException", "Error 0x80070005", "ORA-12154", "错误代码 809"]
    texts = [f"{heads[i % 4]}\nmachine {i} halted at step {i * 3}" for i in range(400)]
    assert BoilerplateFilter(min_count=20).fit(texts).transform(texts) == texts


def test_a_text_of_boilerplate_only_comes_back_whole():
    fitted = BoilerplateFilter(min_count=20).fit(corpus())
    assert fitted.transform([FORM_EN, FORM_ZH, ""]) == [FORM_EN, FORM_ZH, ""]


def test_what_is_stripped_does_not_depend_on_case_or_punctuation():
    fitted = BoilerplateFilter(min_count=20).fit(corpus())
    assert fitted.transform([f"  {FORM_EN.upper()}!!\nfan broken"]) == ["fan broken"]


def test_min_share_spares_what_is_rare_in_a_large_corpus():
    assert BoilerplateFilter(min_share=0.5, min_count=20).fit(corpus()).units_ == frozenset()


def test_saved_and_loaded_it_strips_the_same(tmp_path):
    texts = corpus()
    fitted = BoilerplateFilter(min_count=20).fit(texts)
    fitted.save(tmp_path)
    loaded = BoilerplateFilter.load(tmp_path)
    assert loaded.transform(texts) == fitted.transform(texts)
    assert (loaded.min_share, loaded.min_count, loaded.max_alone) == (0.001, 20, 0.3)


def test_it_must_be_fitted_first():
    with pytest.raises(NotFittedError, match="before fit"):
        BoilerplateFilter().transform(["x"])


@pytest.mark.parametrize("content", [None, "no json", json.dumps({"units": []})])
def test_a_damaged_file_is_refused_by_name(tmp_path, content):
    if content is not None:
        (tmp_path / "boilerplate.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"boilerplate\.json"):
        BoilerplateFilter.load(tmp_path)


def test_counters_are_bounded_and_still_find_what_recurs(monkeypatch):
    monkeypatch.setattr("diagnosis.text.boilerplate._COUNTERS", 500)
    texts = [f"{FORM_EN}\nincident {i} says {i * 7919 % 10007}\nand also {i * 31}" for i in range(8_000)]
    tracemalloc.start()
    fitted = BoilerplateFilter(min_share=0.01, min_count=20).fit(texts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fitted.transform(texts[:1]) == ["incident 0 says 0\nand also 0"]
    assert peak < 1_000_000
