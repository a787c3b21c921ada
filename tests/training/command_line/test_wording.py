"""Reports and commands in Chinese: nothing that they say stays in English, and the catalogue holds nothing else."""

import ast
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from diagnosis.diagnoser import Diagnoser
from tests.history import articles
from tests.training.evaluation.test_gate import _arguments
from training import audit as audit_verb
from training import compare as compare_verb
from training import evaluate as evaluate_verb
from training import export_records as export_verb
from training import import_records as import_verb
from training import knowledge as knowledge_verb
from training import list_releases as list_releases_verb
from training import publish as publish_verb
from training import quality as quality_verb
from training import recurrence as recurrence_verb
from training import report as report_verb
from training import service_levels as service_levels_verb
from training import surges as surges_verb
from training import workload as workload_verb
from training.command_line.terminal import padded, width_of
from training.command_line.verb import run as run_verb
from training.command_line.wording import ENGLISH, Wording, chinese
from training.reports.model_card import model_card
from training.settings import TrainSettings

ROOT = Path(__file__).parents[3] / "training"
CHINESE = Wording("zh")
PLACE = re.compile(r"{(\w*)}")
ENGLISH_WORDS = re.compile(r"\b[A-Za-z]{2,}(?: [a-z]{2,}){2,}")
TEMPLATES = "".join(path.read_text(encoding="utf-8") for path in ROOT.rglob("*.html"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in ROOT.rglob("*.py")}
# What a part of the domain says by a word of its own, which reports and commands show as it is in English.
WORDS_OF_THE_DOMAIN = {
    *("restoration", "resolved", "rising", "falling", "at risk", "some", "strong", "not proven", "True", "False"),
    *("training", "replacement", "staffing", "process", "monitoring", "other"),
    *("horizons_days", "base_rates", "recurrences_seen", "longest_watched_days", "extrapolated_horizons_days", "ridge"),
}


def said_outright() -> set[str]:
    """Return the forms that are handed to ``t`` as they stand."""
    said = {match[1] for match in re.finditer(r'\bt\(\s*"([^"]*)"', TEMPLATES)}
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t" and node.args:
                first = node.args[0]
                said |= {first.value} if isinstance(first, ast.Constant) and isinstance(first.value, str) else set()
    return said


def test_every_form_that_a_report_or_a_command_says_is_in_the_catalogue() -> None:
    said = said_outright()
    assert len(said) > 200
    assert said - set(chinese()) == set()


def test_the_catalogue_holds_nothing_that_nobody_says() -> None:
    texts = set(re.findall(r'"([^"\n]*)"', TEMPLATES))
    for tree in TREES.values():
        texts |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    assert set(chinese()) - texts - WORDS_OF_THE_DOMAIN == set()


def test_each_form_has_the_same_places_in_both_languages_and_is_said_in_chinese() -> None:
    for english, form in chinese().items():
        assert re.search("[一-鿿]", form) or english in {"A {}", "B {}", "AUC", "{}: {}", "- {}: {} ({})"}, english
        places, named = PLACE.findall(english), PLACE.findall(form)
        assert len(places) == len(set(named) if any(named) else named), english
        assert not any(named) or sorted(set(named)) == [str(number) for number in range(len(places))], english


class Texts(HTMLParser):
    """The texts of a page, but for style, code, and the words that a model learned."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.skipping = 0

    def handle_starttag(self, tag, attrs) -> None:
        if tag in {"style", "code"} or ("class", "chips") in attrs:
            self.skipping += 1

    def handle_endtag(self, tag) -> None:
        if tag in {"style", "code"} or (self.skipping and tag == "td"):
            self.skipping -= 1

    def handle_data(self, data) -> None:
        if not self.skipping and data.strip():
            self.texts.append(data.strip())


def english_texts(html: str) -> list[str]:
    page = Texts()
    page.feed(html)
    return [text for text in page.texts if ENGLISH_WORDS.search(text)]


@pytest.mark.system
def test_the_report_of_a_release_reads_in_chinese_plots_too(judged, tmp_path, capsys) -> None:
    folder, _, newer = judged
    page = tmp_path / "report.html"
    words = ["--release", str(folder / newer), "--html", str(page), "--language", "zh"]
    assert run_verb(report_verb, _arguments(report_verb, words)) == 0
    assert "已写入" in capsys.readouterr().out
    html = page.read_text(encoding="utf-8")
    assert '<html lang="zh">' in html
    for words in ("预测目标：分类", "概率可靠性", "学习曲线", "已按观察时长修正", "线性支持向量机"):
        assert words in html
    assert english_texts(html) == []


def test_commands_answer_in_chinese(judged, tmp_path, capsys) -> None:
    folder, older, newer = judged
    incidents = tmp_path / "incidents.csv"
    frame = Diagnoser.load(folder / newer).parts.history.frame()
    frame.to_csv(incidents, index=False)
    in_chinese = tmp_path / "chinese.csv"
    frame[frame["short_description"].str.contains("[一-鿿]")].to_csv(in_chinese, index=False)
    knowledge = tmp_path / "knowledge.csv"  # in Chinese, and one ran out
    chinese = articles()[lambda rows: rows["language"] == "zh"].assign(translation_of="", valid_to="", owner="")
    chinese.iloc[0, chinese.columns.get_loc("valid_to")] = "2020-01-31"
    chinese.to_csv(knowledge, index=False)
    judging = ["--knowledge", str(knowledge), "--html", str(tmp_path / "knowledge.html"), "--quiet"]
    database = f"sqlite:///{tmp_path / 'store.db'}"
    calls = [
        (knowledge_verb, ["--incidents", str(in_chinese), "--release", str(folder / newer), *judging]),
        (compare_verb, [older, newer, "--models", str(folder)]),
        (evaluate_verb, ["--release", str(folder / newer), "--incidents", str(incidents)]),
        (audit_verb, ["--incidents", str(incidents), "--models", str(folder), "--html", str(tmp_path / "audit.html")]),
        (recurrence_verb, ["--incidents", str(incidents), "--by", "service"]),
        (workload_verb, ["--incidents", str(incidents)]),
        (service_levels_verb, ["--incidents", str(incidents), "--release", str(folder / newer)]),
        (surges_verb, ["--incidents", str(incidents), "--quiet"]),
        (list_releases_verb, ["--models", str(folder)]),
        (import_verb, ["--incidents", str(incidents), "--database", database, "--quiet"]),
        (quality_verb, ["--models", str(folder), "--release", newer, "--database", database]),
        (export_verb, ["--incidents", str(tmp_path / "exported.jsonl"), "--database", database, "--quiet"]),
        (publish_verb, [newer, "--models", str(shutil.copytree(folder, tmp_path / "models"))]),
    ]
    for verb, arguments in calls:
        run_verb(verb, _arguments(verb, [*arguments, "--language", "zh"]))
        printed = capsys.readouterr()
        assert re.search("[一-鿿]", printed.out), verb.__name__
        assert verb is not knowledge_verb or ("已于 2020-01-31 到期" in printed.out and "缺少负责人" in printed.out)
        lines = (printed.out + printed.err).split("\n")
        assert [line for line in lines if ENGLISH_WORDS.search(line)] == [], verb.__name__
    for name in ("audit.html", "knowledge.html"):
        assert english_texts((tmp_path / name).read_text(encoding="utf-8")) == []


def test_the_model_card_reads_in_chinese(judged) -> None:
    folder, _, newer = judged
    card = model_card(Diagnoser.load(folder / newer).parts, None, TrainSettings(), {}, None, CHINESE)
    assert "# 模型卡" in card
    assert [line for line in card.split("\n") if ENGLISH_WORDS.search(line) and "Mitchell" not in line] == []


def test_a_form_counts_one_in_the_singular_and_an_unknown_one_is_an_error() -> None:
    assert CHINESE("{} incidents audited, {} findings", 1, 1) == "检查了 1 起事件，发现 1 项"
    assert ENGLISH("{} incidents audited, {} findings", 1, 1) == "1 incident audited, 1 finding"
    assert ENGLISH("{} incidents {} h  {}", 1, 2, "1 rows") == "1 incident 2 h  1 rows", "a value stays as it is"
    assert CHINESE.field("Printer group EMEA") == "Printer group EMEA"
    with pytest.raises(KeyError):
        CHINESE("nobody says this")


def test_chinese_takes_two_places_in_a_table() -> None:
    assert width_of("分类 ab") == 7
    assert padded("分类", 6) == "分类  "
    assert padded("分类", 6, right=True) == "  分类"
