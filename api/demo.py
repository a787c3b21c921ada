"""The verb `demo`: the whole path on the sample history, from nothing to a running service."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from api.serve import serve
from api.settings import settings_from
from diagnosis.errors import FaultwiseError, InputError
from diagnosis.releases import Releases
from diagnosis.store import Store
from training import import_records, train
from training.command import DONE, MODELS, Verb, main

SUMMARY = (
    "Import the sample history, train and publish a release if none is published, then serve API and console.\n"
    "Started again, it serves the published release at once."
)
EXAMPLE = "faultwise demo --port 8000"

SAMPLE = Path(__file__).parent.parent / "data" / "sample"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (default: 8000)")
    parser.add_argument("--models", type=Path, default=MODELS, metavar="DIR")
    parser.add_argument("--sample", type=Path, default=SAMPLE, metavar="DIR", help="incidents.csv and knowledge.csv")


def run(args: argparse.Namespace) -> int:
    """Prepare what is missing, then serve until stopped."""
    settings = settings_from(port=args.port, models=args.models)
    if Releases(args.models).published() is None:
        _prepare(args.sample, args.models, settings.database)
    store = Store.open(settings.database)
    key = store.keys.create_first()
    store.close()
    sys.stderr.write(_welcome(args.port, key))
    serve(settings)
    return DONE


def _prepare(sample: Path, models: Path, database: str) -> None:
    incidents, knowledge = sample / "incidents.csv", sample / "knowledge.csv"
    for path in (incidents, knowledge):
        if not path.is_file():
            raise InputError(f"{path} was expected; give the folder of the sample with --sample")
    files = ["--incidents", str(incidents), "--knowledge", str(knowledge)]
    sys.stderr.write("importing the sample history\n")
    _must(import_records, [*files, "--database", database])
    sys.stderr.write("training a release on it (some minutes, once)\n")
    _must(train, [*files, "--out", str(models), "--publish"])


def _must(verb: Verb, arguments: list[str]) -> None:
    if main(verb, arguments) != DONE:
        raise FaultwiseError(f"`{verb.__name__}` failed, see above")  # type: ignore[attr-defined]


def _welcome(port: int, key: str | None) -> str:
    incident = {
        "number": "INC-DEMO-1",
        "short_description": "VPN 连不上，错误 809",
        "description": "在家办公时无法连接公司 VPN",
    }
    shown = key or "$FAULTWISE_KEY"
    lines = [
        "",
        f"  Faultwise is on http://127.0.0.1:{port}",
        f"  Your admin key (shown this once): {key}" if key else "  The admin key was shown when the store was made.",
        "  Try it:",
        "",
        f"  curl -s http://127.0.0.1:{port}/v1/diagnoses -H 'Authorization: Bearer {shown}' \\",
        f"    -H 'Content-Type: application/json' -d '{json.dumps(incident, ensure_ascii=False)}'",
        "",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
