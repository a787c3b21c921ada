"""Whether routing gains or loses by each step that text goes through: accuracy by groups of equal text.

python -m benchmarks.cleaning
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from benchmarks.data import shared
from diagnosis.redact import Redactor
from diagnosis.text import BoilerplateFilter, TextNormaliser, repair, tokenise

Rows = npt.NDArray[np.intp]
Prepare = Callable[[Rows], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    frame = pd.read_csv(shared("routing-tickets") / "incidents.csv", dtype=str, keep_default_na=False)
    labels = frame["assignment_group"].to_numpy()
    groups = pd.factorize(frame["short_description"] + frame["description"])[0]
    folds = list(GroupKFold(args.folds, shuffle=True, random_state=args.seed).split(labels, groups=groups))
    print("| text | accuracy | its spread over folds | macro F1 |\n|---|---:|---:|---:|")
    for name, prepare in steps(frame).items():
        scores = [score(prepare(train), labels, train, test) for train, test in folds]
        (accuracy, macro), spread = np.mean(scores, axis=0), np.std([accuracy for accuracy, _ in scores])
        print(f"| {name} | {accuracy:.3f} | {spread:.3f} | {macro:.3f} |", flush=True)


def steps(frame: pd.DataFrame) -> dict[str, Prepare]:
    """Return the ways to prepare the text, each with one step more than the one before it."""
    redactor = Redactor()
    exported = [frame[name].tolist() for name in ("short_description", "description")]
    repaired = [[repair(text) for text in column] for column in exported]
    masked = [[redactor.redact(text) for text in column] for column in repaired]

    def as_is(columns: list[list[str]]) -> Prepare:
        return lambda _train: [f"{title}\n{body}" for title, body in zip(*columns, strict=True)]

    def normalised(least: int | None) -> Prepare:
        def prepare(train: Rows) -> list[str]:
            boilerplate = BoilerplateFilter(min_count=least) if least else None
            normaliser = TextNormaliser(strip_boilerplate=least is not None, boilerplate=boilerplate)
            return normaliser.fit(*([column[i] for i in train] for column in masked)).transform(*masked)

        return prepare

    return {
        "as exported": as_is(exported),
        "repaired": as_is(repaired),
        "repaired, masked": as_is(masked),
        "repaired, masked, cleaned": normalised(None),
        "and boilerplate stripped, min_count 50": normalised(50),
        "and boilerplate stripped, min_count 20": normalised(20),
        "and boilerplate stripped, min_count 10": normalised(10),
    }


def score(texts: list[str], labels: npt.NDArray[np.object_], train: Rows, test: Rows) -> tuple[float, float]:
    vectorizer = TfidfVectorizer(tokenizer=tokenise, token_pattern=None, lowercase=False, sublinear_tf=True, min_df=2)
    machine = LinearSVC(C=0.3, random_state=0).fit(vectorizer.fit_transform([texts[i] for i in train]), labels[train])
    predicted = machine.predict(vectorizer.transform([texts[i] for i in test]))
    return float((predicted == labels[test]).mean()), f1_score(
        labels[test], predicted, average="macro", zero_division=0
    )


if __name__ == "__main__":
    main()
