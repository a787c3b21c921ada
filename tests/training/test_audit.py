"""Each check finds what was planted, and is silent where nothing was."""

import json
from dataclasses import replace
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import as_frame
from diagnosis.phrases import in_words
from tests.history import articles, incidents
from training import audit as verb
from training.checks import Audit, audit
from training.checks.duplicates import repeated_texts
from training.command_line.verb import run as run_verb
from training.settings import TrainSettings
from training.train import train

SETTINGS = TrainSettings()


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    frame = incidents(480)
    rng = np.random.default_rng(3)
    frame["cmdb_ci"] = [f"ci-{rng.integers(60)}" for _ in range(len(frame))]
    return frame


def found(result: Audit, check: str, words: str = ""):
    return [one for one in result.findings if one.check == check and words in str(one.title)]


def test_a_clean_history_raises_no_warning(clean) -> None:
    result = audit(clean, replace(SETTINGS, targets=("category",)))
    # Its texts are made from templates, which the check for repeats rightly says.
    assert [one.title for one in result.findings if one.severity != "note" and one.check != "duplicates"] == []
    assert result.refused_fields == ()


def test_a_field_that_is_filled_when_an_incident_is_resolved_is_refused(clean) -> None:
    open_ones = np.arange(len(clean)) % 5 == 0
    frame = clean.assign(
        resolved_at=clean["resolved_at"].where(~open_ones),
        symptom=np.where(open_ones, "", "cleaned at closing"),
        location="Berlin",
    )
    result = audit(frame, SETTINGS, labels=False)
    assert result.refused_fields == ("symptom",)
    (one,) = found(result, "leakage", "symptom only exists later")
    assert one.count >= 0.85 * (~open_ones).sum(), "all that were resolved since the open ones were logged"
    assert set(one.rows) <= set(frame.loc[~open_ones, "number"])


def test_training_leaves_a_refused_field_out_of_its_models(clean, tmp_path) -> None:
    open_ones = np.arange(len(clean)) % 5 == 0
    frame = clean.assign(
        resolved_at=clean["resolved_at"].where(~open_ones),
        symptom=np.where(open_ones, "", "closing " + clean["category"]),
    )
    settings = replace(SETTINGS, targets=("category",), encoder_steps=60, evaluate=False)
    trained = train(frame, articles(), settings, tmp_path)
    assert trained.audit.refused_fields == ("symptom",)
    assert json.loads((trained.folder / "audit.json").read_text())["refused_fields"] == ["symptom"]
    assert json.loads((trained.folder / "manifest.json").read_text())["settings"]["ignored_fields"] == ["symptom"]
    router = Diagnoser.load(trained.folder).parts.routers["category"]
    assert "symptom" not in router.classifier_.fields
    assert "cmdb_ci" in router.classifier_.fields


def test_a_copy_of_the_target_under_another_name_is_found(clean) -> None:
    result = audit(
        clean.assign(symptom="S-" + clean["category"]), replace(SETTINGS, targets=("category",)), labels=False
    )
    (one,) = found(result, "leakage", "symptom tells category by itself")
    assert one.severity == "warning"
    assert found(audit(clean, SETTINGS, labels=False), "leakage", "by itself") == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_text_that_names_its_class_or_its_resolution_is_found(clean, language: str) -> None:
    group = {"en": clean["assignment_group"], "zh": clean["assignment_group"].map(lambda name: f"运维{len(name)}组")}
    text = {"en": "Assigned to ", "zh": "转给"}[language]
    frame = clean.assign(assignment_group=group[language], description=text + group[language])
    assert found(audit(frame, SETTINGS, labels=False), "leakage", "the text names its assignment_group")
    notes = {
        "en": "Renewed the certificate on the gateway",
        "zh": "已在网关上更新了证书并重启了全部相关服务，用户确认恢复",
    }[language]
    frame = clean.assign(close_notes=notes, description=[notes if i % 9 == 0 else "x" for i in range(len(clean))])
    (one,) = found(audit(frame, SETTINGS, labels=False), "leakage", "descriptions hold the resolution")
    assert one.count == 54


def test_wrong_labels_are_found_and_listed_first(clean) -> None:
    rng = np.random.default_rng(4)
    wrong = rng.choice(len(clean), 24, replace=False)
    labels = clean["category"].to_numpy(dtype=object).copy()
    names = np.unique(labels.astype(str))
    for row in wrong:
        labels[row] = rng.choice([name for name in names if name != labels[row]])
    (one,) = found(audit(clean.assign(category=labels), replace(SETTINGS, targets=("category",))), "label noise")
    planted = set(clean["number"].iloc[wrong])
    assert one.severity == "warning"
    assert len(planted & set(one.rows)) >= 18
    assert len(set(one.rows) - planted) <= 2


def test_repeats_across_the_split_are_counted(clean) -> None:
    frame = as_frame(clean)
    letters = np.random.default_rng(0).choice(list("abcdefghijklmnopqrstuvwxyz "), (len(frame), 80))
    frame["description"] = ["".join(row) for row in letters]
    frame["short_description"] = ""
    earlier = "The printer on the third floor shows a paper jam although there is no paper in it at all"
    chinese = "三楼的打印机提示卡纸但是里面并没有纸，重启以后还是一样，请尽快派人处理一下，谢谢"
    late = slice(len(frame) - 20, len(frame))
    frame.loc[10, "description"], frame.loc[11, "description"] = earlier, chinese
    frame.loc[frame.index[late], "description"] = (
        [earlier] * 5
        + [f"{earlier}!" for _ in range(5)]
        + [f"{chinese}{'啊' * (i + 1)}" for i in range(5)]
        + ["其他"] * 5
    )
    exact, near = repeated_texts(frame, 0.15)
    assert exact.count == 5
    assert near.count == 10
    assert set(near.rows) == set(frame["number"].iloc[len(frame) - 15 : len(frame) - 5])


def test_classes_that_were_renamed_emptied_or_are_new_are_told_apart(clean, models) -> None:
    from diagnosis.releases import find_release

    published = Diagnoser.load(find_release(models))
    since = incidents(400, seed=9).assign(number=lambda frame: "N" + frame["number"])
    since = since[since["category"] != "hardware"].reset_index(drop=True)
    groups = since["category"].replace({"network": "Netzwerk"})
    fresh = since["description"].str.contains("#7|#8")
    since["category"] = groups.mask(fresh & (groups == "access"), "quantum")
    result = audit(since, replace(SETTINGS, targets=("category",)), published, labels=False)
    titles = [str(one.title) for one in found(result, "classes")]
    assert "category 'network' seems to be called 'Netzwerk' now" in titles
    assert "category 'hardware' is no longer used" in titles
    assert "category 'quantum' is new" in titles


def test_a_name_that_a_history_gave_up_is_said_with_the_one_that_began_since(clean) -> None:
    renamed = (clean["category"] == "network") & (np.arange(len(clean)) >= 300)
    result = audit(clean.assign(category=clean["category"].mask(renamed, "网络运维")), SETTINGS, labels=False)
    (one,) = found(result, "classes", "category 'network' is no longer used")
    assert "'网络运维' began since: if it is the new name, map the old one to it" in str(one.why)
    assert found(audit(clean, SETTINGS, labels=False), "classes", "no longer used") == []


def test_dates_that_are_missing_or_wrong(clean) -> None:
    frame = as_frame(clean)
    frame.loc[:59, "opened_at"] = pd.NaT
    frame.loc[100:104, "resolved_at"] = pd.Timestamp("2020-01-01", tz="UTC")
    frame.loc[200, "opened_at"] = pd.Timestamp("2062-05-05", tz="UTC")
    result = audit(frame, SETTINGS, labels=False)
    (missing,) = found(result, "dates", "without opened_at")
    assert missing.count == 60
    assert missing.severity == "warning"
    assert found(result, "dates", "resolved_at lies before")[0].rows == (
        *frame["number"][100:105],
        frame["number"][200],
    )
    assert found(result, "dates", "from the future")[0].rows == (frame["number"][200],)


def test_personal_data_that_masking_leaves_are_listed_by_number_alone(clean) -> None:
    frame = clean.copy()
    frame.loc[5, "description"] = "账号口令：hunter2secret 请处理"
    frame.loc[6, "description"] = "call me, mail ann.lee@example.com"
    frame.loc[7, "close_notes"] = "Konto 12 3456 7890 1234 55"
    everything = audit(frame, replace(SETTINGS, masked=()), labels=False)
    assert {frame["number"][i] for i in (5, 6, 7)} <= {
        n for one in found(everything, "personal data") for n in one.rows
    }
    masked = audit(frame, SETTINGS, labels=False)
    assert frame["number"][6] not in {n for one in found(masked, "personal data") for n in one.rows}
    assert "hunter2" not in json.dumps(everything.to_dict(), ensure_ascii=False)
    assert "ann.lee" not in json.dumps(everything.to_dict(), ensure_ascii=False)


def test_a_target_whose_classes_masking_makes_one_is_warned_of(clean) -> None:
    frame = clean.assign(server=[f"10.0.0.{row % 7 + 1}" for row in range(len(clean))])
    result = audit(frame, replace(SETTINGS, targets=("server",)), labels=False)
    [finding] = found(result, "personal data", "their values are personal data")
    assert (finding.severity, finding.count, finding.fields) == ("warning", len(frame), ("server",))
    unmasked = audit(frame, replace(SETTINGS, targets=("server",), masked=("EMAIL",)), labels=False)
    assert found(unmasked, "personal data", "their values are personal data") == []


def test_the_verb_writes_a_page_that_needs_no_network(clean, tmp_path, capsys) -> None:
    source, page = tmp_path / "incidents.csv", tmp_path / "audit.html"
    clean.assign(category=clean["category"].replace("network", "<b>网络</b>")).to_csv(source, index=False)
    words = ["--incidents", str(source), "--html", str(page), "--models", str(tmp_path / "none"), "--json"]
    assert run_verb(verb, _arguments(verb, words)) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["incidents"] == 480
    html = page.read_text(encoding="utf-8")
    assert "480 incidents" in html
    assert "http" not in html.replace("http://www.w3.org", "")
    assert "<b>网络" not in html


def _arguments(verb: ModuleType, words: list[str]):
    import argparse

    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    return parser.parse_args(words)


def test_an_audit_is_the_same_after_it_was_kept_and_one_without_codes_keeps_its_sentences(clean) -> None:
    kept = json.loads(json.dumps(audit(clean, SETTINGS, labels=False).to_dict()))
    again = Audit.from_dict(kept)
    assert again.to_dict() == kept
    assert in_words(again.looked_at["label noise"], "zh") == "未检查"
    for entry in kept["findings"]:  # as an older program kept it
        del entry["title_phrase"], entry["why_phrase"]
    del kept["looked_at_phrases"]
    older = Audit.from_dict(kept)
    assert [str(one.why) for one in older.findings] == [str(one.why) for one in again.findings]
    assert in_words(older.looked_at["label noise"], "zh") == "not looked for"
