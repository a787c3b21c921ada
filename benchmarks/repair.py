"""What repair does to real exports: how much becomes readable, that healthy text stays, how much boilerplate goes.

python -m benchmarks.repair
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Iterable

import ftfy
import pandas as pd

from benchmarks.data import shared
from diagnosis.redact import Redactor
from diagnosis.text import TextNormaliser, clean, language, repair, tokenise

DAMAGED = "routing-tickets"
OTHERS = {
    "helpdesk-topics": "incidents.csv",
    "servicenow-incidents": "incidents.csv",
    "support-kb": "knowledge.csv",
    "bilingual-kb": "knowledge.csv",
    "chinese-kb": "knowledge.csv",
    "bug-duplicates-hadoop": "incidents.csv",
    "alert-runbooks": "knowledge.csv",
}
HAN = re.compile("[㐀-䶿一-鿿]")
# Letters of German and its neighbours that English has not.
ACCENTED = re.compile("[äöüßéèàçñãõóíáúłœ]", re.IGNORECASE)
# What is left where a repair failed: control characters, escapes, and a lead byte before a continuation byte.
RESIDUE = re.compile(
    r"[\x80-\x9f\ufffd]|_x00[89][0-9a-f]_|[ÃÂâãäåæçèéï][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘“”•–—˜™š›œžŸ]", re.IGNORECASE
)
WAYS: dict[str, Callable[[str], str]] = {
    "as exported": lambda text: text,
    "ftfy.fix_text alone": ftfy.fix_text,
    "ftfy.fix_encoding alone": ftfy.fix_encoding,
    "diagnosis.text.repair": repair,
}


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    frame = read(DAMAGED, "incidents.csv")
    texts = (frame["short_description"] + "\n" + frame["description"]).tolist()
    repaired_table(texts)
    healthy_table()
    boilerplate_table(frame)
    lowered_table()
    speed_table(texts)


def read(name: str, file: str) -> pd.DataFrame:
    return pd.read_csv(shared(name) / file, dtype=str, keep_default_na=False)


def repaired_table(texts: list[str]) -> None:
    """Print, for each way to repair, how much of the damaged set is readable afterwards."""
    changed = sum(repair(text) != text for text in texts)
    print(f"`{DAMAGED}`: {len(texts):,} texts, {changed:,} of them damaged.\n")
    print("| way | texts with Han | Han characters | texts with accented Latin | texts with residue | relative time |")
    print("|---|---:|---:|---:|---:|---:|")
    seconds: dict[str, float] = {}
    for name, way in WAYS.items():
        start = time.perf_counter()
        results = [way(text) for text in texts]
        seconds[name] = time.perf_counter() - start
        han = [len(HAN.findall(text)) for text in results]
        accented = sum(bool(ACCENTED.search(text)) for text in results)
        residue = sum(bool(RESIDUE.search(text)) for text in results)
        ratio = seconds[name] / seconds.get("ftfy.fix_text alone", float("inf"))
        shown = f"{ratio:.2f}" if ratio else ""
        print(f"| {name} | {sum(map(bool, han)):,} | {sum(han):,} | {accented:,} | {residue:,} | {shown} |")
    damaged = [text for text in texts if repair(text) != text]
    print(
        f"\nIn the damaged texts {foreign(map(repair, damaged)):,} characters were given back, "
        f"which stood there as {foreign(damaged):,} others and "
        f"{sum(text.count('_x00') for text in damaged):,} escapes.\n"
    )


def foreign(texts: Iterable[str]) -> int:
    """Return how many characters are neither ASCII nor of an escape."""
    return sum(not char.isascii() for text in texts for char in re.sub(r"_x00[0-9a-f]{2}_", "", text))


def healthy_table() -> None:
    """Print that what was not damaged is byte for byte the same."""
    print("| healthy set | cells | with non-ASCII | changed by repair | changed by ftfy.fix_text |")
    print("|---|---:|---:|---:|---:|")
    for name, file in OTHERS.items():
        cells = pd.unique(pd.concat([column for _, column in read(name, file).items()]))
        beyond_ascii = [cell for cell in cells if not cell.isascii()]
        ours, plain = (sum(way(cell) != cell for cell in cells) for way in (repair, ftfy.fix_text))
        print(f"| {name} | {len(cells):,} | {len(beyond_ascii):,} | {ours} | {plain} |")
    print()


def boilerplate_table(frame: pd.DataFrame) -> None:
    """Print what is left of the text after each step; the filter is learned on one half and shown on the other."""
    titles, bodies = ([repair(text) for text in frame[name]] for name in ("short_description", "description"))
    redactor = Redactor()
    bodies = [redactor.redact(body) for body in bodies]
    learn, show = slice(0, None, 2), slice(1, None, 2)
    whole = sum(map(len, bodies[show]))
    print("| step | characters of the description left | descriptions changed |\n|---|---:|---:|")
    for name, strip in (("cleaned", False), ("cleaned, boilerplate stripped", True)):
        normaliser = TextNormaliser(strip_boilerplate=strip).fit(titles[learn], bodies[learn])
        results = normaliser.normalise_texts(bodies[show])
        changed = sum(a.split() != b.split() for a, b in zip(results, bodies[show], strict=True))
        print(f"| {name} | {sum(map(len, results)) / whole:.1%} | {changed / len(results):.1%} |")
    print()


def lowered_table() -> None:
    """Print how much healthy Chinese, damaged here and then lower-cased, comes back character by character."""
    articles = read("chinese-kb", "knowledge.csv")["resolution"]
    runs = [run for text in articles for run in re.findall("[一-鿿]{8,60}", text)][:4000]
    print("| damaged Chinese, lower-cased | characters right |\n|---|---:|")
    for name in ("ftfy.fix_text alone", "diagnosis.text.repair"):
        results = [WAYS[name](run.encode().decode("sloppy-windows-1252").lower()) for run in runs]
        right = sum(
            a == b for run, result in zip(runs, results, strict=True) for a, b in zip(run, result, strict=False)
        )
        print(f"| {name} | {right / sum(map(len, runs)):.1%} |")
    print()


def speed_table(texts: list[str]) -> None:
    """Print the processor time of each step as a multiple of ftfy.fix_text on the same texts."""
    sets = {
        DAMAGED: texts,
        "helpdesk-topics": read("helpdesk-topics", "incidents.csv")["description"].tolist()[:5000],
        "chinese-kb": read("chinese-kb", "knowledge.csv")["resolution"].tolist(),
    }
    ways = {"repair": repair, "redact": Redactor().redact, "clean": clean, "tokenise": tokenise, "language": language}
    print("| set | " + " | ".join(ways) + " | ftfy.fix_text, texts a second |\n|---" + "|---:" * (len(ways) + 1) + "|")
    for name, sample in sets.items():
        base = seconds_of(ftfy.fix_text, sample)
        shown = " | ".join(f"{seconds_of(way, sample) / base:.2f}" for way in ways.values())
        print(f"| {name} | {shown} | {len(sample) / base:,.0f} |")


def seconds_of(way: Callable[[str], str | list[str]], texts: list[str]) -> float:
    way(texts[0])
    start = time.process_time()
    for text in texts:
        way(text)
    return time.process_time() - start


if __name__ == "__main__":
    main()
