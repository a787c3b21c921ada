"""The verb `demo`: the whole path on the sample history, from nothing to a running service."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from api.demo_history import (
    automatic_example,
    diagnose_history,
    move_articles,
    move_records,
    move_to_today,
    split_history,
    time_to_today,
)
from api.serve import require_free, serve
from api.settings import Settings, settings_from
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import FaultwiseError, InputError
from diagnosis.phrases import Phrase
from diagnosis.releases import Releases
from diagnosis.store import Store
from diagnosis.times import utc_now
from training import import_records, train
from training.command_line.verb import DONE, MODELS, Verb, main

SUMMARY = (
    "Import the sample history, train and publish a release if none is published, then serve API and console.\n"
    "The history is moved so that it ends now: the release learns from what was before the last month, has\n"
    "diagnosed that month, and the last day's queue is open. Started again, it serves the published release at once."
)
EXAMPLE = "faultwise demo --port 8000"

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
# Of the review's expected workload: one team has enough hours, one just about, one too few.
HOURS = {
    "hours_per_record": 1.5,
    "hours_available": {"Workplace Support": 30.0, "Identity & Access": 15.0, "Messaging": 2.5},
}
_FALLBACK = {"short_description": "VPN 连不上，错误 809", "description": "在家办公时无法连接公司 VPN"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (default: 8000)")
    parser.add_argument("--models", type=Path, default=MODELS, metavar="DIR")
    parser.add_argument("--sample", type=Path, default=SAMPLE, metavar="DIR", help="incidents.csv and knowledge.csv")


def run(args: argparse.Namespace) -> int:
    """Prepare what is missing, then serve until stopped."""
    settings = with_example_hours(settings_from(port=args.port, models=args.models))
    require_free(settings.host, settings.port)
    if Releases(args.models).published() is None:
        _prepare(args.sample, args.models, settings.database, utc_now())
    store = Store.open(settings.database)
    key = store.keys.create_first()
    example = automatic_example(store) or _FALLBACK
    store.close()
    sys.stderr.write(_welcome(args.port, key, example))
    serve(settings)
    return DONE


def with_example_hours(settings: Settings) -> Settings:
    """Return the settings with hours of work for the sample's teams, unless somebody has set their own."""
    if settings.review.hours_per_record is not None or settings.review.hours_available:
        return settings
    return settings.model_copy(update={"review": settings.review.model_copy(update=HOURS)})


def _prepare(sample: Path, models: Path, database: str, today: datetime) -> None:
    incidents, knowledge = sample / "incidents.csv", sample / "knowledge.csv"
    for path in (incidents, knowledge):
        if not path.is_file():
            raise InputError(Phrase("demo_sample_missing", {"path": str(path)}))
    sample_history = pd.read_csv(incidents, dtype=str, keep_default_na=False)
    history_to_today = move_to_today(sample_history, today)
    training_rows, diagnosed_rows = split_history(history_to_today, today)
    with TemporaryDirectory() as folder:
        history = Path(folder) / "incidents.csv"
        training_rows.to_csv(history, index=False)
        time = time_to_today(sample_history, today)
        articles = Path(folder) / "knowledge.csv"
        move_articles(pd.read_csv(knowledge, dtype=str, keep_default_na=False), time).to_csv(articles, index=False)
        files = ["--incidents", str(history), "--knowledge", str(articles)]
        sys.stderr.write("importing the sample history\n")
        beside = _beside_incidents(sample, Path(folder), time, today)
        _must(import_records, [*files, *beside, "--database", database])
        if (sample / "contingency.csv").is_file():  # not of the release: a plan is no answer to a single incident
            _must(import_records, ["--knowledge", str(sample / "contingency.csv"), "--database", database])
        _note_sample(database)
        sys.stderr.write("training a release on it (some minutes, once)\n")
        _must(train, [*files, "--out", str(models), "--publish"])
    sys.stderr.write("diagnosing the last month and the queue\n")
    releases = Releases(models)
    published = releases.published()
    if published is None:
        raise FaultwiseError(Phrase("demo_not_published"))
    store = Store.open(database)
    diagnose_history(store, Diagnoser.load(releases.path(published)), diagnosed_rows, today)
    store.close()


def _note_sample(database: str) -> None:
    """Write down that the store holds the sample: an import of somebody's own history into it is warned of."""
    store = Store.open(database)
    store.audit.add("faultwise demo", import_records.DEMO, "store", "", {})
    store.close()


def _beside_incidents(sample: Path, folder: Path, time: pd.Timedelta, today: datetime) -> list[str]:
    """Return the options that import the sample's alerts, changes and service map, moved as its incidents are."""
    options: list[str] = []
    for name in ("alerts", "changes"):
        if (sample / f"{name}.csv").is_file():
            records = pd.read_csv(sample / f"{name}.csv", dtype=str, keep_default_na=False)
            move_records(records, time, today).to_csv(folder / f"{name}.csv", index=False)
            options += [f"--{name}", str(folder / f"{name}.csv")]
    if (sample / "service-map.csv").is_file():
        options += ["--service-map", str(sample / "service-map.csv")]
    return options


def _must(verb: Verb, arguments: list[str]) -> None:
    if main(verb, arguments) != DONE:
        raise FaultwiseError(Phrase("demo_step_failed", {"verb": verb.__name__}))  # type: ignore[attr-defined]


def _welcome(port: int, key: str | None, example: dict[str, str]) -> str:
    body = json.dumps({**example, "number": "INC-DEMO-1"}, ensure_ascii=False)
    lines = [
        "",
        f"  Faultwise is on http://127.0.0.1:{port}",
        f"  Your admin key (shown this once): {key}" if key else "  The admin key was shown when the store was made.",
        "  Try it:",
        "",
        f"  curl -s http://127.0.0.1:{port}/v1/diagnoses -H 'Authorization: Bearer {key or '$FAULTWISE_KEY'}' \\",
        f"    -H 'Content-Type: application/json' -d {shlex.quote(body)}",
        "",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
