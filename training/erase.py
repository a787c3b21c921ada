"""The verb `erase`: a person's data are found everywhere and masked; what cannot be changed is named."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from diagnosis.records import IncidentRecords, KnowledgeRecords
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_code
from diagnosis.releases import Releases
from diagnosis.store import Store
from diagnosis.store.bodies import stored_body
from diagnosis.store.erasure import ERASED, KEPT, Person, count_rows, erase_person
from diagnosis.store.records import Records
from training.command_line.verb import DONE, add_database, add_json, add_language, add_models, answer, main
from training.command_line.wording import Wording

SUMMARY = (
    "Find a person by mail address, sign-in and name in the store and in the releases, and put <PERSON> in their\n"
    "place in the store: incidents, articles, diagnoses that quote them, comments, owed calls. A running service\n"
    "follows within a second. A release is never changed: those that still hold the person are named, to be trained\n"
    "anew from the store and removed. The audit log is never changed either."
)
EXAMPLE = 'faultwise erase --name "Li Lei" --name li.lei@example.com --dry-run'

_KINDS: tuple[tuple[str, type[IncidentRecords] | type[KnowledgeRecords]], ...] = (
    ("history", IncidentRecords),
    ("knowledge", KnowledgeRecords),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument(
        "--name", action="append", required=True, metavar="TEXT", help="how the person is known; once for each name"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say where the person is named")
    add_database(parser)
    add_models(parser)
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Erase a person and print where they were named."""
    store = Store.open(args.database)
    try:
        content = erase(store, Releases(args.models), args.name, dry_run=args.dry_run)
    finally:
        store.close()
    answer(args, content, _in_words(content, Wording(args.language)))
    return DONE


def erase(store: Store, releases: Releases, names: Sequence[str], *, dry_run: bool = False) -> dict[str, Any]:
    """Mask a person in the store, and return where they are named.

    Parameters
    ----------
    store : Store
    releases : Releases
    names : sequence of str
    dry_run : bool
        Whether only to look.

    Returns
    -------
    dict
        ``store``: table to keys of rows, masked unless `dry_run`; ``kept``: those of tables that are never changed;
        ``releases``: release to the numbers of incidents and articles in it that name the person.

    Raises
    ------
    InputError
        If a name is too short to be looked for.
    """
    redactor = Redactor()
    # A mail address as caller is stored as its mask and a digest.
    person = Person([*names, *(code for name in names if (code := mask_code(name, redactor)) != name)])
    holders = _held_by_releases(releases, person)
    published = releases.published()
    if published in holders and not dry_run:
        _mask_over_release(store, releases.path(published), person)
    with tqdm(total=count_rows(store.database), desc="looking", unit=" rows", file=sys.stderr, leave=False) as bar:
        touched = erase_person(store.database, person, dry_run=dry_run, on_rows=bar.update)
    if not dry_run:
        # The audit log is for ever: it says that somebody was erased, not who.
        store.audit.add("command line", ERASED, "store", "", {name: len(keys) for name, keys in touched.items()})
        shutil.rmtree(releases.copies, ignore_errors=True)  # one made meanwhile is removed by who made it
    remaining = {name: touched.pop(name) for name in KEPT if name in touched}
    return {"dry_run": dry_run, "store": touched, "kept": remaining, "releases": holders}


def _held_by_releases(releases: Releases, person: Person) -> dict[str, list[str]]:
    holders = {}
    for summary in releases.summaries():
        folder = releases.path(summary.release)
        numbers = [number for part, kind in _KINDS for number in _named_in(kind.load(folder / part), person)]
        if numbers:
            holders[summary.release] = numbers
    return holders


def _mask_over_release(store: Store, folder: Path, person: Person) -> None:
    """Store masked copies of a release's records: they are served instead of those that lie in it.

    What the store holds is masked there, and what was deleted from it is not served from the release either.
    """
    targets: dict[str, Records] = {"history": store.incidents, "knowledge": store.articles}
    for part, kind in _KINDS:
        rows = kind.load(folder / part)
        bodies = rows.records(_named_in(rows, person))
        targets[part].put_new({number: stored_body(person.erased(row)) for number, row in bodies.items()})


def _named_in(records: IncidentRecords | KnowledgeRecords, person: Person) -> list[str]:
    frame = records.frame()
    texts = frame[[name for name in frame if frame[name].dtype != "datetime64[ns, UTC]"]]
    return [str(row["number"]) for row in texts.to_dict("records") if person.erased(row) is not row]


def _in_words(content: Mapping[str, Any], t: Wording) -> str:
    done = "named in {}: {} ({})" if content["dry_run"] else "masked in {}: {} ({})"
    lines = [t(done, name, len(keys), _some(keys)) for name, keys in content["store"].items()]
    lines += [t("left in {}: {} ({})", name, len(keys), _some(keys)) for name, keys in content["kept"].items()]
    for release, numbers in content["releases"].items():
        form = "release {} holds {} ({}): train anew from the store, then remove it"
        lines.append(t(form, release, len(numbers), _some(numbers)))
    return "\n".join(lines) or t("named nowhere")


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:5]) + (", …" if len(keys) > 5 else "")


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
