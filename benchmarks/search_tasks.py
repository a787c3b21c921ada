"""Questions with known answers from the shared data sets, asked of records that an encoder may learn from.

What is asked is never among the texts that an encoder or a weight is trained on: half of the questions of a data set
are taken out of the records, the rest trains, and then the halves change places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.data import shared
from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.search import Corpus, Filters
from diagnosis.search.retriever import ARTICLE_FIELDS

NOTHING = pd.DataFrame({"number": []})


@dataclass
class Task:
    """Records to search, fields to look into, and questions with the number of the record that answers."""

    articles: pd.DataFrame
    incidents: pd.DataFrame
    questions: list[str]
    answers: list[str]
    corpus: Corpus = "knowledge"
    fields: Sequence[str] = ("resolution",)
    late: pd.DataFrame = field(default_factory=lambda: NOTHING)  # what arrives after training
    filters: list[Filters | None] = field(default_factory=list)

    def documents(self) -> tuple[list[str], list[str]]:
        """Return numbers and texts of the records as a peer sees them."""
        frame = self.articles if self.corpus == "knowledge" else pd.concat([self.incidents, self.late])
        columns = self.fields if self.corpus == "knowledge" else ("short_description", "description")
        texts = ["\n".join(t for t in row if t) for row in zip(*(frame[c] for c in columns), strict=True)]
        return frame["number"].tolist(), texts

    def allowed(self, numbers: Sequence[str]) -> np.ndarray:
        """Return which records each question may find; shape (n_questions, n_records)."""
        allowed = np.ones((len(self.questions), len(numbers)), dtype=bool)
        frame = self.articles if self.corpus == "knowledge" else pd.concat([self.incidents, self.late])
        for row, filters in enumerate(self.filters):
            if filters is not None and filters.language:
                allowed[row] = (frame["language"] == filters.language).to_numpy()
            if filters is not None and filters.opened_before is not None:
                allowed[row] = (frame["opened_at"] < filters.opened_before).to_numpy()
        return allowed


def support(fields: Sequence[str], folds: int) -> Iterator[Task]:
    folder = shared("support-kb")
    base = as_knowledge_frame(pd.read_csv(folder / "knowledge.csv", dtype=str))
    asked = pd.read_csv(folder / "queries.csv", dtype=str)
    for part in _halves(len(asked), folds):
        rows = asked.iloc[part]
        left = base.assign(symptoms=base["symptoms"].where(~base["number"].isin(rows["article"]), ""))
        yield Task(left, as_frame(NOTHING), rows["description"].tolist(), rows["article"].tolist(), fields=fields)


def table(name: str) -> pd.DataFrame:
    return as_knowledge_frame(pd.read_csv(shared(name) / "knowledge.csv", dtype=str))


def blanked(base: pd.DataFrame, column: str, folds: int) -> Iterator[Task]:
    usable = np.flatnonzero((base[column].str.strip() != "") & (base["resolution"].str.strip() != ""))
    for part in _halves(len(usable), folds):
        rows = usable[part]
        left = base.copy()
        left.loc[rows, column] = ""
        yield Task(left, as_frame(NOTHING), base[column].iloc[rows].tolist(), base["number"].iloc[rows].tolist())


def one_side(language: str) -> pd.DataFrame:
    """Return the bilingual knowledge base as those read it who know only one of its languages."""
    pairs = pd.read_csv(shared("bilingual-kb") / "knowledge.csv", dtype=str).fillna("")
    columns = {name: pairs[f"{name}_{language}"] for name in ("cause", "resolution")}
    return as_knowledge_frame(pd.DataFrame({"number": pairs["number"], "language": language, **columns}))


def bilingual(folds: int) -> Iterator[Task]:
    pairs = pd.read_csv(shared("bilingual-kb") / "knowledge.csv", dtype=str).fillna("")
    for part in _halves(len(pairs), folds):
        known = pairs.drop(index=part)
        english = pd.DataFrame(
            {
                "number": pairs["number"],
                "title": pairs["title_en"],
                "cause": pairs["cause_en"],
                "resolution": pairs["resolution_en"],
            }
        )
        chinese = pd.DataFrame(
            {
                "number": "zh:" + known["number"],
                "cause": known["cause_zh"],
                "resolution": known["resolution_zh"],
                "translation_of": known["number"],
                "language": "zh",
            }
        )
        base = as_knowledge_frame(pd.concat([english.assign(language="en"), chinese], ignore_index=True))
        asked = pairs["cause_zh"].iloc[part] + "\n" + pairs["resolution_zh"].iloc[part]
        masked = [re.sub(r"[!-~]+", " ", text).strip() for text in asked]
        yield Task(
            base,
            as_frame(NOTHING),
            masked,
            pairs["number"].iloc[part].tolist(),
            fields=("cause", "resolution"),
            filters=[Filters(language="en")] * len(part),
        )


def hadoop(_: int) -> Iterator[Task]:
    folder = shared("bug-duplicates-hadoop")
    reports = pd.read_csv(folder / "incidents.csv", dtype=str).fillna("")
    reports["opened_at"] = pd.to_datetime(reports["opened_at"], format="%d/%b/%y %H:%M", utc=True)
    for column in ("short_description", "description"):
        reports[column] = reports[column].str.replace(r"\b[A-Z][A-Z0-9]+-\d+\b", "", regex=True)
    frame = as_frame(reports[["number", "short_description", "description", "opened_at"]])
    opened = dict(zip(frame["number"], frame["opened_at"], strict=True))
    couples = pd.read_csv(folder / "duplicates.csv", dtype=str)
    asked = {}
    for row in couples.itertuples(index=False):
        couple = sorted({n for n in re.findall(r"\d+", f"{row[0]} {row[1]}") if n in opened}, key=opened.__getitem__)
        if len(couple) > 1 and opened[couple[0]] < opened[couple[-1]]:
            asked[couple[-1]] = couple[0]
    late = frame["number"].isin(asked)
    rows = frame[late]
    questions = (rows["short_description"] + "\n" + rows["description"]).tolist()
    filters = [Filters(opened_before=opened[n].to_pydatetime(), exclude=frozenset({n})) for n in rows["number"]]
    yield Task(
        as_knowledge_frame(NOTHING),
        frame[~late].reset_index(drop=True),
        questions,
        [asked[n] for n in rows["number"]],
        "incidents",
        late=rows,
        filters=filters,
    )


def unread(tasks: Iterator[Task]) -> Iterator[Task]:
    """Yield tasks whose articles hold nothing but their resolution, so that nothing teaches how one asks."""
    for task in tasks:
        task.articles = task.articles.assign(title="", symptoms="", cause="", keywords="")
        yield task


def complaints(folds: int, *, solved: bool) -> Iterator[Task]:
    """Yield complaints that look for their answers among those of all, with or without the other half to learn from."""
    frame = pd.read_csv(shared("complaints-zh") / "incidents.csv", dtype=str).fillna("").drop_duplicates("number")
    frame = frame[(frame["description"].str.strip() != "") & (frame["close_notes"].str.strip() != "")]
    frame = frame.reset_index(drop=True).assign(knowledge="A" + frame["number"].to_numpy())
    base = as_knowledge_frame(pd.DataFrame({"number": frame["knowledge"], "resolution": frame["close_notes"]}))
    for part in _halves(len(frame), folds):
        rows = frame.iloc[part]
        questions = (rows["short_description"] + "\n" + rows["description"]).tolist()
        known = frame.drop(index=part).drop(columns="opened_at") if solved else NOTHING
        yield Task(base, as_frame(known), questions, rows["knowledge"].tolist())


TASKS: dict[str, Callable[[int], Iterator[Task]]] = {
    "support-kb, resolution alone": lambda folds: support(("resolution",), folds),
    "support-kb, every field": lambda folds: support(ARTICLE_FIELDS, folds),
    "support-kb, nothing but resolutions": lambda folds: unread(support(("resolution",), folds)),
    "complaints-zh, answers alone": lambda folds: complaints(folds, solved=False),
    "complaints-zh, half of them solved": lambda folds: complaints(folds, solved=True),
    "chinese-kb": lambda folds: blanked(table("chinese-kb"), "title", folds),
    "bilingual-kb, zh to en, ASCII masked": bilingual,
    "parity, zh to zh": lambda folds: blanked(one_side("zh"), "cause", folds),
    "parity, en to en": lambda folds: blanked(one_side("en"), "cause", folds),
    "bug-duplicates-hadoop": hadoop,
    "alert-runbooks": lambda folds: blanked(table("alert-runbooks"), "symptoms", folds),
    "chinese-kb, nothing but resolutions": lambda folds: unread(blanked(table("chinese-kb"), "title", folds)),
    "alert-runbooks, nothing but resolutions": lambda folds: unread(
        blanked(table("alert-runbooks"), "symptoms", folds)
    ),
}


def _halves(n: int, folds: int) -> list[np.ndarray]:
    order = np.random.default_rng(0).permutation(n)
    return [order[fold::2] for fold in range(folds)]
