"""The report and the comparison, from real releases: figures are those of the answers, the page needs no network."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.records import IncidentRecords
from diagnosis.releases import Releases
from tests.training.evaluation.test_gate import _arguments
from training import compare as compare_verb
from training import evaluate as evaluate_verb
from training import report as report_verb
from training.command_line.verb import run as run_verb
from training.evaluation.candidate import Candidate
from training.evaluation.held_out import HeldOut, honest_predictions
from training.evaluation.predictions import Predictions
from training.evaluation.replay import replay_last_quarter
from training.evaluation.scorecard import recurrence_scores
from training.reports.baselines import baselines
from training.reports.clock_scores import clock_scores
from training.reports.release_report import write_report
from training.reports.tables import class_table, confusion, group_table, groupings, search_table, share


class Page(HTMLParser):
    """What a page asks a network for, and whether its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.open: list[str] = []
        self.plots = 0

    def handle_starttag(self, tag, attrs) -> None:
        self.asked += [
            value for name, value in attrs if name in {"src", "href", "xlink:href", "action"} and value[:1] != "#"
        ]
        self.asked += [tag] if tag in {"script", "link", "iframe"} else []
        self.plots += tag == "svg"
        if tag not in {"meta", "br", "img", "path", "use", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass


@pytest.fixture(scope="module")
def held(judged) -> HeldOut:
    folder, older, _ = judged
    return HeldOut.load(folder / older)


def test_the_report_is_one_page_with_its_plots_inside(judged, tmp_path, capsys) -> None:
    folder, older, newer = judged
    page = tmp_path / "report.html"
    words = ["--release", str(folder / newer), "--html", str(page), "--json"]
    assert run_verb(report_verb, _arguments(report_verb, words)) == 0
    assert json.loads(capsys.readouterr().out)["incidents"] == 224
    html = page.read_text(encoding="utf-8")
    read = Page()
    read.feed(html)
    assert read.asked == []
    assert read.open == []
    assert read.plots >= 7, "three for each target, recurrence, its rate"
    for words in (
        "Calibration of restoration",
        "Reliability",
        "Learning curve",
        "linear SVM",
        "网络",
        "network 服务",
        older,
    ):
        assert words in html
    assert "url(http" not in html
    assert "@import" not in html


def test_the_report_replays_the_last_quarter_under_its_release(judged, tmp_path) -> None:
    folder, older, newer = judged
    before, after, held = Diagnoser.load(folder / older), Diagnoser.load(folder / newer), HeldOut.load(folder / newer)
    said = honest_predictions(before, folder / older, held.incidents, held.as_of)
    # A hundred later on: the rest is of another quarter.
    opened = held.incidents["opened_at"].sort_values()
    early = held.incidents["opened_at"] < opened.iloc[-100]
    moved = held.incidents["opened_at"].where(~early, held.incidents["opened_at"] - pd.Timedelta(days=400))
    held = replace(held, incidents=held.incidents.assign(opened_at=moved, reassignment_count=1))
    replay = replay_last_quarter(before, said, after, held)
    inside = set(held.incidents["number"][~early])
    sides = [p.take(np.isin(p.number, list(inside))) for p in (said, held.predictions)]
    both = set(sides[0].number) & set(sides[1].number)
    assert {one.target for one in replay.targets} == {"category", "assignment_group"}
    for one in replay.targets:
        assert one.incidents == len(both)
        for side, predictions in zip((one.before, one.after), sides, strict=True):
            target = predictions.select(sorted(both)).targets[one.target]
            wrong = target.automatic & ~target.decision_correct
            assert (side.automatic, side.errors) == (target.automatic.sum(), wrong.sum())
        assert (one.saved is not None) == (one.target == "assignment_group")
    assert replay.left_out == len(inside) - len(both)
    assert replay.last - replay.first < pd.Timedelta(days=91)
    page = tmp_path / "report.html"
    write_report(page, Candidate(folder / newer, held))
    assert f"Before: {older}. After: {newer}." in page.read_text(encoding="utf-8")
    assert "hours saved" in page.read_text(encoding="utf-8")


def test_the_report_says_why_nothing_is_replayed(judged, held, own_models, tmp_path) -> None:
    folder, older, newer = judged
    after, page = Diagnoser.load(folder / newer), tmp_path / "report.html"
    undated = replace(held, incidents=held.incidents.assign(opened_at=pd.NaT))
    with pytest.raises(InputError, match="none of the 208 later incidents has a date"):
        replay_last_quarter(after, held.predictions, after, undated)
    others = replace(held.predictions, number="other " + held.predictions.number)
    with pytest.raises(InputError, match="none was answered by both"):
        replay_last_quarter(after, others, after, held)
    write_report(page, Candidate(folder / older))
    assert "Not replayed: this is the release in service." in page.read_text(encoding="utf-8")
    unmeasured = next(summary.release for summary in Releases(own_models).summaries() if not summary.published)
    write_report(page, Candidate(own_models / unmeasured))
    assert "Not replayed: no incidents were held out." in page.read_text(encoding="utf-8")


def test_names_from_the_data_cannot_break_the_page(judged, held, tmp_path) -> None:
    folder, older, _ = judged
    bad = "<script>alert('x')</script>"
    category = held.predictions.targets["category"]
    truth, value = (np.where(a == "network", bad, a) for a in (category.truth, category.value))
    targets = {**held.predictions.targets, "category": replace(category, truth=truth, value=value)}
    page = tmp_path / "report.html"
    held = replace(held, predictions=replace(held.predictions, targets=targets))
    write_report(page, Candidate(folder / older, held))
    html = page.read_text(encoding="utf-8")
    assert bad not in html
    assert "&lt;script&gt;" in html


def test_tables_are_those_of_counting_by_hand(held) -> None:
    one = held.predictions.targets["category"]
    rows = list(zip(one.truth, one.value, strict=True))
    for line in class_table(one):
        told = [t == line.name for t, v in rows if v == line.name]
        true = [v == line.name for t, v in rows if t == line.name]
        assert (line.support, line.precision.value, line.recall.value) == (len(true), np.mean(told), np.mean(true))
    table = confusion(one)
    assert "(others)" not in table.names
    assert table.counts.sum() == len(rows)
    assert table.counts[0, 0] == sum(t == v == table.names[0] for t, v in rows)
    for column, by_name in groupings(held).values():
        groups = group_table(one, column, by_name=by_name)
        assert sum(group.accuracy.n for group in groups) <= len(rows)
        for group in groups:
            inside = column == group.name
            assert group.accuracy.value == pytest.approx(one.correct[inside].mean())
    search = held.predictions.search
    ranks = search.rank[search.article != ""]
    everything = dict(search_table(held.predictions))["all"]
    assert [s.value for s in everything] == [pytest.approx((ranks <= k).mean()) for k in (1, 5, 10)]


def test_a_share_has_wilsons_interval() -> None:
    found = share([True] * 8 + [False] * 2)
    assert (found.value, found.lower, found.upper) == (
        0.8,
        pytest.approx(0.4902, abs=1e-4),
        pytest.approx(0.9433, abs=1e-4),
    )
    assert share([]).n == 0


def test_baselines_learn_from_what_was_known_before_the_slice(judged, held) -> None:
    folder, older, _ = judged
    one = held.predictions.targets["category"]
    usual, words = baselines(Diagnoser.load(folder / older), held, one)
    history = Diagnoser.load(folder / older).parts.history.frame()
    before = history[~history["number"].isin(held.incidents["number"])]
    assert usual.accuracy.value == (one.truth == before["category"].mode().iloc[0]).mean()
    assert usual.advantage.mean == pytest.approx(one.correct.mean() - usual.accuracy.value)
    assert words.accuracy.value > usual.accuracy.value


def test_a_history_without_words_is_compared_with_its_most_common_class_alone(judged, held) -> None:
    folder, older, _ = judged
    diagnoser = Diagnoser.load(folder / older)
    silent = diagnoser.parts.history.frame().assign(short_description="", description="")
    diagnoser.parts.history = IncidentRecords(silent)
    (usual,) = baselines(diagnoser, held, held.predictions.targets["category"])
    assert usual.name == "always the most common class"


def test_recurrence_is_scored_as_the_model_scores_itself(judged, held) -> None:
    scores = {score.days: score for score in recurrence_scores(held)}
    risk = held.predictions.recurrence.within(7)
    assert scores[7].mean_predicted_all == pytest.approx(risk[np.isfinite(risk)].mean())
    assert scores[7].incidents == np.isfinite(risk).sum()
    assert 0 < scores[7].kaplan_meier < 1


def test_clocks_are_judged_on_rows_that_the_model_has_not_seen(judged, held) -> None:
    folder, _, newer = judged
    rules = Diagnoser.load(folder / newer).parts.service_levels.rules_
    (score,) = [s for s in clock_scores(held, rules) if s.name == "restoration"]
    hours = (held.incidents["resolved_at"] - held.incidents["opened_at"]).dt.total_seconds() / 3600
    decided = held.incidents["opened_at"] + pd.Timedelta(hours=4) <= held.as_of
    assert score.late.n == decided.sum()
    assert score.late.value == pytest.approx(1 - (hours[decided] <= 4).mean())
    said = held.predictions.clocks["restoration"].probability[decided]
    assert score.brier == pytest.approx(np.mean((said - (hours[decided] > 4)) ** 2))
    assert score.mean == pytest.approx(np.exp(-4 / 3), abs=0.1), "they wait three hours on average"
    assert "<svg" in score.plot


def test_an_incident_that_waits_for_its_caller_is_not_counted_as_late(judged, held) -> None:
    folder, _, newer = judged
    rules = Diagnoser.load(folder / newer).parts.service_levels.rules_
    incidents = held.incidents.copy()
    incidents.loc[incidents.index[:20], "state"] = "Awaiting caller"
    incidents.loc[incidents.index[:20], ["resolved_at", "closed_at"]] = pd.NaT
    waiting = clock_scores(replace(held, incidents=incidents), rules)
    (score,) = [s for s in waiting if s.name == "restoration"]
    (before,) = [s for s in clock_scores(held.select(held.incidents["number"][20:]), rules) if s.name == "restoration"]
    assert (score.late.n, score.late.value) == (before.late.n, before.late.value)


def test_predictions_from_before_clocks_were_judged_have_none(held, tmp_path) -> None:
    held.predictions.save(tmp_path)
    saved = tmp_path / "predictions.json"
    description = json.loads(saved.read_text(encoding="utf-8"))
    assert Predictions.load(tmp_path).clocks.keys() == held.predictions.clocks.keys()
    del description["clocks"]
    saved.write_text(json.dumps(description), encoding="utf-8")
    assert Predictions.load(tmp_path).clocks == {}


def test_compare_prints_paired_differences(judged, history, tmp_path, capsys) -> None:
    folder, older, newer = judged
    assert run_verb(compare_verb, _arguments(compare_verb, [older, newer, "--models", str(folder)])) == 0
    said = capsys.readouterr().out
    assert "later incidents that neither had seen" in said
    assert "category: accuracy" in said
    assert run_verb(compare_verb, _arguments(compare_verb, [older, newer, "--models", str(folder), "--json"])) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert all(f["lower"] is None or f["lower"] <= f["difference"] <= f["upper"] for f in figures)

    source = tmp_path / "seen.csv"
    history.to_csv(source, index=False)
    words = [older, newer, "--models", str(folder), "--incidents", str(source)]
    assert run_verb(compare_verb, _arguments(compare_verb, words)) == 1
    assert "was trained on all 560 incidents" in capsys.readouterr().err

    later = history.tail(80).assign(number=lambda frame: "NEW" + frame["number"])
    later["opened_at"] = (pd.to_datetime(later["opened_at"]) + pd.Timedelta(days=60)).astype(str)
    later.to_csv(source, index=False)
    assert run_verb(compare_verb, _arguments(compare_verb, [*words, "--json"])) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["live"], found["recorded"], found["left_out"]) == (80, 0, 0)


def test_evaluate_writes_the_same_report_on_other_incidents(judged, history, tmp_path, capsys) -> None:
    folder, older, _ = judged
    source, page = tmp_path / "later.csv", tmp_path / "report.html"
    history.tail(40).to_csv(source, index=False)
    words = ["--release", str(folder / older), "--incidents", str(source), "--html", str(page)]
    assert run_verb(evaluate_verb, _arguments(evaluate_verb, words)) == 0
    html = page.read_text(encoding="utf-8")
    assert "Measured on 40 incidents" in html
    assert "by a model of the same make" not in html
