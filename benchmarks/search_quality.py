"""How often search finds the fix, beside BM25, TF-IDF, a general encoder and fixed rank fusion.

Questions are never among the texts that an encoder or a weight was trained on: half of the questions of a data set are
taken out of the records, the rest trains, and then the halves change places.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.data import shared
from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.search import Filters, GeneralEncoder, HistoryEncoder, LexicalIndex, Retriever
from diagnosis.search.retriever import ARTICLE_FIELDS, Corpus
from training.fit_search import fit_encoder_on, learn_fusion

DEPTH = 100
RRF = 60  # Cormack et al., 2009
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


class Remembered:
    """A general encoder that computes each text once in the whole run."""

    def __init__(self, name: str) -> None:
        self._inner = GeneralEncoder(name)
        self._seen: dict[str, np.ndarray] = {}
        self.dimensions = self._inner.dimensions

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors; float32, shape (n, n_dimensions)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._seen]
        self._seen.update(zip(new, self._inner.encode(new), strict=True))
        return np.array([self._seen[text] for text in texts], dtype=np.float32).reshape(len(texts), self.dimensions)


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
        english = pd.DataFrame({
            "number": pairs["number"], "title": pairs["title_en"], "cause": pairs["cause_en"],
            "resolution": pairs["resolution_en"],
        })  # fmt: skip
        chinese = pd.DataFrame({
            "number": "zh:" + known["number"], "cause": known["cause_zh"], "resolution": known["resolution_zh"],
            "translation_of": known["number"], "language": "zh",
        })  # fmt: skip
        base = as_knowledge_frame(pd.concat([english.assign(language="en"), chinese], ignore_index=True))
        asked = pairs["cause_zh"].iloc[part] + "\n" + pairs["resolution_zh"].iloc[part]
        masked = [re.sub(r"[!-~]+", " ", text).strip() for text in asked]
        yield Task(
            base, as_frame(NOTHING), masked, pairs["number"].iloc[part].tolist(),
            fields=("cause", "resolution"), filters=[Filters(language="en")] * len(part),
        )  # fmt: skip


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
        as_knowledge_frame(NOTHING), frame[~late].reset_index(drop=True), questions,
        [asked[n] for n in rows["number"]], "incidents", late=rows, filters=filters,
    )  # fmt: skip


TASKS: dict[str, Callable[[int], Iterator[Task]]] = {
    "support-kb, resolution alone": lambda folds: support(("resolution",), folds),
    "support-kb, every field": lambda folds: support(ARTICLE_FIELDS, folds),
    "chinese-kb": lambda folds: blanked(table("chinese-kb"), "title", folds),
    "bilingual-kb, zh to en, ASCII masked": bilingual,
    "parity, zh to zh": lambda folds: blanked(one_side("zh"), "cause", folds),
    "parity, en to en": lambda folds: blanked(one_side("en"), "cause", folds),
    "bug-duplicates-hadoop": hadoop,
    "alert-runbooks": lambda folds: blanked(table("alert-runbooks"), "symptoms", folds),
}


def peers(task: Task, general: Remembered | None) -> dict[str, np.ndarray]:
    """Return each peer's ranks of the answers."""
    numbers, texts = task.documents()
    allowed = _allowed(task, numbers)
    words, lexical = TfidfVectorizer(sublinear_tf=True), LexicalIndex()
    characters = TfidfVectorizer(sublinear_tf=True, analyzer="char", ngram_range=(1, 3), max_features=300_000)
    lexical.add(numbers, texts)
    row_of = {number: row for row, number in enumerate(numbers)}
    bm25 = np.zeros((len(task.questions), len(numbers)))
    for row, hits in enumerate(lexical.search(task.questions, len(numbers))):
        for number, score in hits:
            bm25[row, row_of[number]] = score
    scores = {"BM25": bm25}
    for name, vectoriser in (("TF-IDF, words", words), ("TF-IDF, characters", characters)):
        matrix = vectoriser.fit_transform(texts)
        scores[name] = (vectoriser.transform(task.questions) @ matrix.T).toarray()
    if general is not None:
        scores["MiniLM"] = general.encode(task.questions) @ general.encode(texts).T
        order = [
            np.argsort(np.argsort(-np.where(allowed, scores[n], -np.inf), axis=1), axis=1) for n in ("BM25", "MiniLM")
        ]
        scores["BM25 and MiniLM, fixed rank fusion"] = sum(1 / (RRF + place) for place in order)
    answers = [row_of[answer] for answer in task.answers]
    return {name: _ranks(np.where(allowed, score, -np.inf), answers) for name, score in scores.items()}


def ours(task: Task, general: Remembered | None) -> dict[str, np.ndarray]:
    """Return the ranks of the history encoder alone and of search as a whole, without and with the general encoder."""
    blind: list[HistoryEncoder] = []

    def fit(articles: pd.DataFrame, incidents: pd.DataFrame) -> HistoryEncoder:
        if not blind:
            blind.append(fit_encoder_on(articles, incidents))
        return blind[0]

    encoder = fit_encoder_on(task.articles, task.incidents)
    numbers, texts = task.documents()
    row_of = {number: row for row, number in enumerate(numbers)}
    cosines = np.where(_allowed(task, numbers), encoder.encode(task.questions) @ encoder.encode(texts).T, -np.inf)
    ranks = {"history encoder alone": _ranks(cosines, [row_of[answer] for answer in task.answers])}
    for name, second in {"Faultwise": None, "Faultwise with MiniLM": general}.items():
        if name == "Faultwise with MiniLM" and general is None:
            continue
        options = {"general": second, "fields": task.fields if task.corpus == "knowledge" else ARTICLE_FIELDS}
        weights = learn_fusion(task.articles, task.incidents, fit, **options)
        found = Retriever(encoder, weights=weights, **options).fit(task.articles, task.incidents)
        found.upsert("incidents", task.late)
        filters = task.filters or [None] * len(task.questions)
        hits = [found.search([q], task.corpus, DEPTH, f)[0] for q, f in zip(task.questions, filters, strict=True)]
        ranks[name] = np.array([
            next((place for place, hit in enumerate(answer, 1) if hit.number == wanted), np.inf)
            for answer, wanted in zip(hits, task.answers, strict=True)
        ])  # fmt: skip
    return ranks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="data sets whose name holds this")
    parser.add_argument("--folds", type=int, default=2, choices=(1, 2), help="1: ask only the first half")
    parser.add_argument("--general", default="", help="'minilm' or the folder of a SentenceTransformer")
    args = parser.parse_args()
    general = Remembered(args.general) if args.general else None
    print("| data | method | questions | MRR | R@1 | R@10 |\n|---|---|---|---|---|---|")
    for name, tasks in TASKS.items():
        if args.only not in name:
            continue
        found: dict[str, list[np.ndarray]] = {}
        for task in tasks(args.folds):
            for method, ranks in {**peers(task, general), **ours(task, general)}.items():
                found.setdefault(method, []).append(ranks)
        for method, parts in found.items():
            ranks = np.concatenate(parts)
            figures = " | ".join(
                f"{value:.3f}" for value in ((1 / ranks).mean(), (ranks <= 1).mean(), (ranks <= 10).mean())
            )
            print(f"| {name} | {method} | {len(ranks)} | {figures} |", flush=True)


def _halves(n: int, folds: int) -> list[np.ndarray]:
    order = np.random.default_rng(0).permutation(n)
    return [order[fold::2] for fold in range(folds)]


def _allowed(task: Task, numbers: Sequence[str]) -> np.ndarray:
    allowed = np.ones((len(task.questions), len(numbers)), dtype=bool)
    frame = task.articles if task.corpus == "knowledge" else pd.concat([task.incidents, task.late])
    for row, filters in enumerate(task.filters):
        if filters is not None and filters.language:
            allowed[row] = (frame["language"] == filters.language).to_numpy()
        if filters is not None and filters.opened_before is not None:
            allowed[row] = (frame["opened_at"] < filters.opened_before).to_numpy()
    return allowed


def _ranks(scores: np.ndarray, answers: Sequence[int]) -> np.ndarray:
    """Return the rank of each answer, the middle one among equals."""
    right = scores[np.arange(len(scores)), answers][:, None]
    return 1 + (scores > right).sum(axis=1) + ((scores == right).sum(axis=1) - 1) / 2


if __name__ == "__main__":
    main()
