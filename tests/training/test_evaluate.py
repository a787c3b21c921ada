"""What evaluate says: every row, search on labelled questions, a baseline beside each figure, the live certificate."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from diagnosis.diagnoser import Diagnoser
from diagnosis.releases import Releases
from tests.training.evaluation.test_gate import _arguments
from training import evaluate as verb
from training import publish as publish_verb
from training import train as train_verb
from training.checks.people import names_of_people
from training.command_line.verb import run as run_verb
from training.evaluation.candidate import Candidate
from training.evaluation.certificates import live_certificates
from training.evaluation.scorecard import certificate_in_words, headlines, measure
from training.reports.release_report import write_report


def later_file(history, tmp_path):
    later = history.tail(60).assign(number=lambda frame: "NEW" + frame["number"])
    later["opened_at"] = (pd.to_datetime(later["opened_at"]) + pd.Timedelta(days=60)).astype(str)
    later.to_csv(tmp_path / "later.csv", index=False)
    return later, tmp_path / "later.csv"


def test_each_row_is_written_with_truth_answer_and_probability(judged, history, tmp_path, capsys) -> None:
    folder, older, _ = judged
    later, source = later_file(history, tmp_path)
    out = tmp_path / "rows.csv"
    words = ["--release", str(folder / older), "--incidents", str(source), "--out", str(out), "--json"]
    assert run_verb(verb, _arguments(verb, words)) == 0
    said = json.loads(capsys.readouterr().out)
    rows = pd.read_csv(out, keep_default_na=False)
    assert sorted(rows.columns) == ["answer", "decision", "number", "probability", "right", "target", "truth"]
    category = rows[rows["target"] == "category"].set_index("number")
    assert category.loc[later["number"], "truth"].tolist() == later["category"].tolist()
    assert (category["right"] == "yes").mean() == pytest.approx(said["routing"]["category"]["accuracy"])
    assert category["probability"].between(0, 1).all()
    plain = said["baselines"]["category"]
    assert plain["always the most common class"] == (later["category"] == _commonest(folder / older)).mean()
    assert 0 < plain["linear SVM"] <= 1
    assert "recall at 10 by TF-IDF" in said["baselines"]["search"]
    assert run_verb(verb, _arguments(verb, words[:-1])) == 0
    assert "without Faultwise, on the same incidents:" in capsys.readouterr().out


def _commonest(release) -> str:
    return Diagnoser.load(release).parts.history.frame()["category"].mode().iloc[0]


def test_search_is_judged_by_labelled_questions_beside_tfidf(judged, tmp_path, capsys) -> None:
    folder, older, _ = judged
    diagnoser = Diagnoser.load(folder / older)
    articles = diagnoser.parts.knowledge.frame()
    numbers = [f"Q{i}" for i in range(len(articles))]
    columns = {"number": numbers, "description": articles["title"], "knowledge": articles["number"]}
    questions = pd.DataFrame(columns)
    questions.to_csv(tmp_path / "questions.csv", index=False)
    words = ["--release", str(folder / older), "--questions", str(tmp_path / "questions.csv"), "--json"]
    assert run_verb(verb, _arguments(verb, words)) == 0
    figures = json.loads(capsys.readouterr().out)["questions"]
    ranks = []
    for title, number in zip(articles["title"], articles["number"], strict=True):
        numbers = [hit.number for hit in diagnoser.search([title], "knowledge", 10)[0]]
        ranks.append(numbers.index(number) + 1 if number in numbers else np.inf)
    assert figures["n"] == len(articles)
    assert figures["recall_at_10"] == pytest.approx(np.mean(np.array(ranks) <= 10), abs=0.05)
    assert figures["baseline_tfidf"]["recall_at_10"] > 0.9
    questions.assign(knowledge="NOWHERE").to_csv(tmp_path / "questions.csv", index=False)
    assert run_verb(verb, _arguments(verb, words)) == 1
    assert "names an article" in capsys.readouterr().err


def test_the_certificate_that_is_live_is_measured_and_reported(judged, tmp_path) -> None:
    folder, older, _ = judged
    candidate = Candidate(folder / older)
    parts, held_out = candidate.diagnoser.parts, candidate.held_out
    certificates = live_certificates(parts, held_out)
    assert set(certificates) == set(parts.routers)
    for target, found in certificates.items():
        router = parts.routers[target]
        labelled = held_out.incidents[held_out.incidents[target] != ""]
        decisions, _ = router.decide(candidate.diagnoser.prepare(labelled))
        assert found.automatic == sum(decision is not None for decision in decisions)
        assert found.automatic_correct == sum(d == t for d, t in zip(decisions, labelled[target], strict=True))
        assert (found.accepted, found.correct) == (
            router.certificates_.overall.accepted,
            router.certificates_.overall.correct,
        )
        said = certificate_in_words(found)
        assert said.startswith(f"{target}: ")
        assert ("nothing is automatic in service" in said) == (found.why_not is not None)
    write_report(tmp_path / "report.html", candidate)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    for found in certificates.values():
        assert str(found.why_not or "") in html
        assert found.why_not or f"decides {found.automatic} of these" in html
    scorecard = json.loads((folder / older / "scorecard.json").read_text(encoding="utf-8"))
    assert scorecard["certificates"]["category"]["automatic"] == certificates["category"].automatic
    assert "automatic in service" not in "".join(headlines(measure(candidate.diagnoser, held_out)))


def test_a_target_that_is_no_column_and_rows_that_cannot_be_used_are_errors(history, tmp_path, capsys) -> None:
    source = tmp_path / "history.csv"
    history.to_csv(source, index=False)
    words = ["--incidents", str(source), "--target", "categry", "--out", str(tmp_path / "m"), "--quiet"]
    assert run_verb(train_verb, _arguments(train_verb, words)) == 1
    said = capsys.readouterr().err
    assert "target 'categry' is no column of the incidents: did you mean 'category'? found number" in said
    assert "resolved_at" in said
    empty = tmp_path / "empty.csv"
    empty.write_text("number,short_description,category\nA,,\nB,,\n", encoding="utf-8")
    assert (
        run_verb(
            train_verb, _arguments(train_verb, ["--incidents", str(empty), "--out", str(tmp_path / "m"), "--quiet"])
        )
        == 1
    )
    said = capsys.readouterr().err
    assert "none of 2 rows could be used" in said
    assert "short_description" in said


def test_train_and_publish_print_the_gates_table(history, tmp_path, capsys) -> None:
    source = tmp_path / "history.csv"
    history.head(120).to_csv(source, index=False)
    config = tmp_path / "quick.toml"
    config.write_text("encoder_steps = 20\naudit = false\nreport = false\n", encoding="utf-8")
    words = ["--incidents", str(source), "--config", str(config), "--out", str(tmp_path / "m"), "--quiet", "--publish"]
    assert run_verb(train_verb, _arguments(train_verb, words)) == 1
    said = capsys.readouterr().out
    assert "is the first release and could not be measured, so it was not published" in said
    assert "figures of its own" in said
    assert Releases(tmp_path / "m").published() is None
    release = re.search(r"`faultwise publish (\S+) --force REASON` publishes it all the same", said)[1]
    forced = [release, "--models", str(tmp_path / "m"), "--force", "a new desk"]
    assert run_verb(publish_verb, _arguments(publish_verb, forced)) == 0
    assert "is in service" in capsys.readouterr().out
    assert run_verb(train_verb, _arguments(train_verb, [*words, "--seed", "1", "--json"])) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["published"] is False
    assert next(check["name"] for check in said["gate"] if check["essential"]).startswith("compared with")


def test_the_audit_says_when_a_model_leans_on_names_of_people(history) -> None:
    from diagnosis.incident import as_frame

    frame = as_frame(history)
    rng = np.random.default_rng(2)
    assert list(names_of_people(frame.assign(caller=rng.choice(["Ann Lee", "Bo Ek"], len(frame))), "category")) == []
    first_names = ("Ann", "Bea", "Cleo", "Dora", "Eve", "Fay", "Gina", "Hana")
    categories = sorted(frame["category"].unique())
    person = {name: f"{first} Smith" for name, first in zip(categories, first_names, strict=False)}
    leaning = frame.assign(caller=frame["category"].map(person))
    (by_field,) = names_of_people(leaning, "category")
    assert (by_field.check, by_field.severity, by_field.fields) == ("people", "warning", ("caller",))
    signed = frame.assign(
        assigned_to=frame["category"].map(person),
        description=frame["description"] + " Regards, " + frame["category"].map(person),
    )
    (by_text,) = names_of_people(signed, "category")
    assert "names of people in the text" in str(by_text.title)
    assert "Smith" not in str(by_text.why)
