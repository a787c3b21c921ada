"""What the verbs of the command line share: a verb is a module with `SUMMARY`, `EXAMPLE`, `add_arguments` and `run`.

``faultwise VERB`` and ``python -m training.VERB`` are the same program. Exit status: 0 done, 1 the work failed or a
gate refused, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from errno import errorcode
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, Protocol

from diagnosis.errors import FaultwiseError, InputError
from diagnosis.phrases import Language, Phrase, catalogue, in_words
from training.command_line.wording import LANGUAGES, Wording

DONE, FAILED, USAGE = 0, 1, 2
MODELS = Path("models")
DATABASE = "sqlite:///var/faultwise.db"


class UsageError(InputError):
    """Options that do not go together, or of which one is missing: exit status 2."""


class Verb(Protocol):
    """A module that is a verb of the command line."""

    SUMMARY: str
    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's options."""

    def run(self, args: argparse.Namespace) -> int:
        """Do the work and return an exit status."""


class Parser(argparse.ArgumentParser):
    """A parser that says in the language that is asked for why the value of an option cannot be used."""

    language: Language = "en"

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override] # noqa: ANN401
        """Parse; an option behind a wrong one may name the language, so that it is looked for first."""
        words = sys.argv[1:] if args is None else list(args)
        is_chinese = "--language=zh" in words or ("--language", "zh") in pairwise(words)
        self.language = "zh" if is_chinese else "en"
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how the command is used, and end with status 2."""
        error = sys.exc_info()[1]
        if isinstance(error, argparse.ArgumentError) and isinstance(error.__context__, argparse.ArgumentTypeError):
            values = {"name": error.argument_name, "fault": error.__context__.args[0]}
            message = in_words(Phrase("option_refused", values), self.language)
        super().error(message)


def describe(verb: Verb, parser: argparse.ArgumentParser) -> None:
    """Give a parser the verb's words, options and example."""
    parser.description = verb.SUMMARY
    parser.epilog = f"example:\n  {verb.EXAMPLE}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    verb.add_arguments(parser)


def main(verb: Verb, arguments: Sequence[str] | None = None) -> int:
    """Run one verb as a program of its own."""
    parser = Parser(prog=f"python -m {verb.__name__}")  # type: ignore[attr-defined]
    describe(verb, parser)
    return run(verb, parser.parse_args(arguments))


def run(verb: Verb, args: argparse.Namespace) -> int:
    """Run a verb on parsed arguments; an error that the user can mend is one line, not a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    language = language_of(args)
    try:
        return verb.run(args)
    except FaultwiseError as error:
        sys.stderr.write(f"faultwise: {in_words(error.phrase, language)}\n")
        return USAGE if isinstance(error, UsageError) else FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        code = f"os_{errorcode.get(error.errno or 0, '').lower()}"
        fault = in_words(Phrase(code), language) if code in catalogue() else error.strerror or error
        sys.stderr.write(f"faultwise: {where}{fault}\n")
    except KeyboardInterrupt:
        sys.stderr.write(f"faultwise: {Wording(language)('interrupted')}\n")
    return FAILED


def answer(args: argparse.Namespace, content: Mapping[str, Any], text: str) -> None:
    """Print the result: JSON where a program reads it (``--json``), words where a person does."""
    sys.stdout.write((json.dumps(content, ensure_ascii=False, default=str) if args.json else text) + "\n")


def warn(message: str | Phrase, language: Language = "en") -> None:
    """Tell the user, on standard error, of something that was left out or looks wrong."""
    head = "warning: " if language == "en" else "警告："
    sys.stderr.write(f"{head}{in_words(message, language) if isinstance(message, Phrase) else message}\n")


def language_of(args: argparse.Namespace) -> Language:
    """Return what ``--language`` says; English of a verb that has none."""
    return getattr(args, "language", "en")


def whole_number(text: str) -> int:
    """Return a number from 1 up, as options take it."""
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(Phrase("whole_number_expected", {"value": text}))
    return int(text)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def add_language(parser: argparse.ArgumentParser) -> None:
    """Add ``--language``."""
    parser.add_argument(
        "--language", choices=LANGUAGES, default="en", help="of what is printed and written (default: en)"
    )


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add ``--models``."""
    parser.add_argument(
        "--models", type=Path, default=MODELS, metavar="DIR", help="folder of releases (default: models)"
    )


def add_database(parser: argparse.ArgumentParser) -> None:
    """Add ``--database``."""
    default = os.environ.get("FAULTWISE_DATABASE", DATABASE)
    parser.add_argument("--database", default=default, metavar="URL", help=f"the service's store (default: {default})")


def add_release(parser: argparse.ArgumentParser) -> None:
    """Add ``--release``."""
    parser.add_argument(
        "--release",
        type=Path,
        default=MODELS,
        metavar="DIR",
        help="a release, or a folder of releases whose published one is meant (default: models)",
    )


def add_records(parser: argparse.ArgumentParser, *, incidents: bool = False) -> None:
    """Add the options that say how files are read; a required ``--incidents`` too if asked."""
    if incidents:
        parser.add_argument("--incidents", type=Path, nargs="+", action="extend", required=True, metavar="FILE")
    parser.add_argument(
        "--preset", help="field names of servicenow, jira, zammad, glpi or rt (default: seen from the header)"
    )
    parser.add_argument(
        "--map",
        dest="mapping",
        type=_pair,
        nargs="+",
        action="extend",
        metavar="CANONICAL=THEIRS",
        help="a field of ours and the column that holds it, such as short_description=Summary",
    )
    parser.add_argument(
        "--number-from", metavar="COLUMN", help="the column that holds the number; `rows` numbers the rows of a file"
    )
    parser.add_argument("--encoding", help="of text files that are not UTF-8 (default: told from the text)")
    parser.add_argument("--sheet", help="of a workbook (default: the sheets that have the columns)")
    parser.add_argument(
        "--timezone", metavar="ZONE", help="of times without a zone, such as Asia/Shanghai (default: UTC)"
    )
    parser.add_argument("--rejects", type=Path, metavar="FILE", help="where rows that cannot be used go (CSV)")


def record_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return what `add_records` parsed as keyword arguments of `training.records`."""
    return {
        "preset": args.preset,
        "mapping": dict(args.mapping or ()) or None,
        "number_from": args.number_from,
        "encoding": args.encoding,
        "sheet": args.sheet,
        "timezone": args.timezone,
        "rejects": args.rejects,
    }


def _pair(text: str) -> tuple[str, str]:
    ours, separator, theirs = text.partition("=")
    if not separator or not ours or not theirs:
        raise argparse.ArgumentTypeError(Phrase("mapping_pair_expected", {"value": text}))
    return ours, theirs
