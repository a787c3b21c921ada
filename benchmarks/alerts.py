"""Which alert explains a ticket: ``python -m benchmarks.alerts --learn pairs.csv --judge chunk.csv``.

Both files hold pairs of an alert and a ticket with a label; that of the second is read only to score. Without
``--judge`` the pairs are cut in folds, over monitors and over time, and of each judged part one pair in twenty is
linked: the others are alerts of other pairs at a time drawn within twelve hours. Beside ours: the nearest in time, and
logistic regression over the columns as they are, learned from the judged pairs alone. ``--taught`` counts how often the
service would show the right alert first, by how many pairs were judged before.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from benchmarks.data import shared
from diagnosis.errors import InputError
from diagnosis.surges.alert_links import AlertLinker, AlertPair, unlinked_pairs
from diagnosis.surges.joining import AlertLessons, explaining_alerts, judgement_balance
from diagnosis.surges.monitoring_data import Alert, ServiceMap

_ALERT_KINDS = ("monitor", "component", "service")  # our name, cmdb_ci and service
_PATH = re.compile(r"[\\\s]+")


def read(path: Path) -> tuple[list[AlertPair], np.ndarray, pd.DataFrame]:
    """Return the pairs of a file, whether each is linked, and its table."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    hours = (
        pd.to_datetime(table["TicketCreateDate"]) - pd.to_datetime(table["AlertCreateDate"])
    ).dt.total_seconds() / 3600
    pairs = [pair_of(row, float(lag)) for row, lag in zip(table.to_dict("records"), hours, strict=True)]
    return pairs, (table["Label"].astype(float) > 0).to_numpy(), table


def pair_of(row: dict, hours: float) -> AlertPair:
    """Return a row as a pair."""
    levels = row["TicketCategory"].split("\\")
    alert = {
        "monitor": [row["AlertMonitorId"]],
        "service": [row["AlertOwningService"]],
        "component": [row["AlertOwningComponent"]],
        "words": _PATH.split(row["AlertTitle"]),
    }
    incident = {
        "service": [row["TicketService"]],
        "product": [row["TicketProductName"]],
        "category": ["/".join(levels[: depth + 1]) for depth in range(len(levels))],
        "words": _PATH.split(row["TicketSummary"]),
    }
    return AlertPair(row["AlertId"], row["TicketId"], alert, incident, hours)


def plain(pairs: list[AlertPair], linked: np.ndarray, judged: list[AlertPair]) -> np.ndarray:
    """Return what logistic regression over the one-hot columns says, learned from the judged pairs alone."""
    vectoriser = DictVectorizer()
    model = LogisticRegression(max_iter=2000).fit(vectoriser.fit_transform(map(columns, pairs)), linked)
    return model.predict_proba(vectoriser.transform(map(columns, judged)))[:, 1]


def columns(pair: AlertPair) -> dict[str, float]:
    """Return a pair's terms, crossed where both are services, as columns."""
    terms = {f"a {kind} {value}": 1.0 for kind, values in pair.alert_terms.items() for value in values}
    terms |= {f"t {kind} {value}": 1.0 for kind, values in pair.incident_terms.items() for value in values}
    return terms | {"hours": pair.hours, "distance": abs(pair.hours)}


def folds(linked: np.ndarray, table: pd.DataFrame) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield a name, the rows to learn from and the rows to judge: unseen monitors, and later tickets."""
    rng = np.random.default_rng(0)
    monitors = rng.permutation(table["AlertMonitorId"].unique().astype(object))
    for fold in range(4):
        judged = table["AlertMonitorId"].isin(monitors[fold::4]).to_numpy()
        same_ticket = table["TicketId"].isin(table["TicketId"][judged]).to_numpy()
        yield "unseen monitors", ~judged & ~same_ticket, judged
    order = np.argsort(table["TicketCreateDate"].to_numpy())
    for cut in (0.6, 0.75):
        early = order[: int(len(order) * cut)]
        late = order[int(len(order) * cut) : int(len(order) * (cut + 0.25))]
        yield "later tickets", np.isin(np.arange(len(linked)), early), np.isin(np.arange(len(linked)), late)


def scores(learn: list[AlertPair], linked: np.ndarray, judge: list[AlertPair], truth: np.ndarray) -> dict[str, float]:
    """Return the average precision of each method."""
    nearest = -np.abs([pair.hours for pair in judge])
    ours = AlertLinker().fit(learn, linked).predict_proba(judge)
    low, high = interval(truth, ours, judge)
    return {
        "Faultwise": float(average_precision_score(truth, ours)),
        "from": low,
        "to": high,
        "logistic regression on the judged pairs": float(average_precision_score(truth, plain(learn, linked, judge))),
        "nearest in time": float(average_precision_score(truth, nearest)),
        "linked": float(truth.mean()),
    }


def taught(pairs: list[AlertPair], linked: np.ndarray, table: pd.DataFrame) -> Iterator[tuple[int, list[int]]]:
    """Yield numbers of judged pairs, and in how many later tickets the right alert is first of some twenty.

    By rules, by rules and judgements on alerts of the same name, and by what is learned from all judgements besides;
    then how many tickets there are.
    """
    order = np.argsort(table["TicketCreateDate"].to_numpy())
    later = [pairs[place] for place in order[700:] if linked[place]]
    around: dict[str, list[AlertPair]] = {}
    for pair in unlinked_pairs(later, np.random.default_rng(1)):
        around.setdefault(pair.incident, []).append(pair)
    for size in (20, 40, 80, 160, 320, 640):
        places = order[700 - size : 700]
        judged = [(pairs[place], bool(linked[place])) for place in places]
        try:
            linker = AlertLinker().fit([pair for pair, _ in judged], [belongs for _, belongs in judged])
        except InputError:
            continue
        first = [0, 0, 0]
        for pair in later:
            candidates = [pair, *around.get(pair.incident, ())]
            same = [
                (other.alert_terms["monitor"][0], belongs)
                for other, belongs in judged
                if any(other.incident_terms[kind] == pair.incident_terms[kind] for kind in ("service", "product"))
            ]
            learned = dict(zip(map(_key, candidates), linker.predict_proba(candidates).tolist(), strict=True))
            lessons = AlertLessons(), AlertLessons({}, judgement_balance(same))
            for way, lesson in enumerate((*lessons, AlertLessons({}, lessons[1].balance, learned))):
                links = explaining(pair, candidates, lesson)
                first[way] += bool(links) and links[0] == _key(pair)
        yield size, [*first, len(later)]


def explaining(pair: AlertPair, candidates: list[AlertPair], lessons: AlertLessons) -> list[str]:
    """Return what the service would show of the alerts around a ticket, the likeliest first."""
    terms = {"service": pair.incident_terms["service"][0], "cmdb_ci": pair.incident_terms["product"][0]}
    alerts = [
        (
            Alert(_key(other), -3600 * other.hours, None, *(other.alert_terms[kind][0] for kind in _ALERT_KINDS)),
            other.alert_terms["words"],
        )
        for other in candidates
    ]
    links = explaining_alerts(terms, 0.0, pair.incident_terms["words"], alerts, ServiceMap(), None, lessons)
    return [link.alert for link in links]


def _key(pair: AlertPair) -> str:
    return f"{pair.alert} {pair.hours}"


def interval(truth: np.ndarray, scored: np.ndarray, judge: list[AlertPair]) -> tuple[float, float]:
    """Return the 95 % interval of an average precision by drawing tickets again, a thousand times."""
    rng = np.random.default_rng(0)
    tickets: dict[str, list[int]] = {}
    for place, pair in enumerate(judge):
        tickets.setdefault(pair.incident, []).append(place)
    groups = [np.array(places) for places in tickets.values()]
    drawn = []
    for _ in range(1000):
        rows = np.concatenate([groups[place] for place in rng.integers(len(groups), size=len(groups))])
        if truth[rows].any():
            drawn.append(average_precision_score(truth[rows], scored[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Print the table, or one object with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learn", type=Path, help="pairs to learn from (default: the shared ones)")
    parser.add_argument("--judge", type=Path, help="pairs to judge; the label is read only to score")
    parser.add_argument("--taught", action="store_true", help="what judgements are worth in the service")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pairs, linked, table = read(options.learn or shared("alerts-and-tickets") / "pairs.csv")
    if options.taught:
        print("| judged before | by rules | judgements on the same name too | all judgements too | tickets |")
        print("|---:|---:|---:|---:|---:|")
        for size, counts in taught(pairs, linked, table):
            print(f"| {size} | " + " | ".join(map(str, counts)) + " |", flush=True)
        return
    if options.judge:
        judged, truth, _ = read(options.judge)
        result = {options.judge.name: [scores(pairs, linked, judged, truth)]}
    else:
        result = {}
        for name, learn, judge in folds(linked, table):
            held_out = [pair for pair, chosen in zip(pairs, judge, strict=True) if chosen]
            positive = [pair for pair, is_linked in zip(held_out, linked[judge], strict=True) if is_linked]
            others = unlinked_pairs(positive, np.random.default_rng(1))
            truth = np.concatenate([linked[judge], np.zeros(len(others), bool)])
            learned = [pair for pair, chosen in zip(pairs, learn, strict=True) if chosen]
            result.setdefault(name, []).append(scores(learned, linked[learn], held_out + others, truth))
    if options.json:
        means = {
            name: float(np.mean([row[name] for rows in result.values() for row in rows])) for name in ("Faultwise",)
        }
        print(json.dumps({"average_precision": means["Faultwise"], "folds": result}))
        return
    print("| judged | " + " | ".join(next(iter(result.values()))[0]) + " |")
    print("|---|" + "---:|" * len(next(iter(result.values()))[0]))
    for name, rows in result.items():
        cells = [f"{np.mean([row[method] for row in rows]):.3f}" for method in rows[0]]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
