"""Label noise: incidents whose class the rest of the history contradicts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from diagnosis.incident import frame_as_logged
from diagnosis.phrases import Phrase
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import TargetClassifier
from diagnosis.routing.fields import fields_for
from diagnosis.routing.labels import merge_spellings
from diagnosis.text import TextNormaliser
from training.checks.finding import Finding, finding

MOST_LABELLED = 5_000  # incidents, the latest: out-of-fold probabilities have a closed form up to some thousands
_FEWEST_IN_CLASS = 5
_FEWEST = 100
_SUSPICIOUS = 0.03  # share from which it is worth a warning


def noisy_labels(frame: pd.DataFrame, target: str, seed: int = 0) -> Iterator[Finding]:
    """Yield the incidents that confident learning takes for mislabelled, the surest first.

    The probabilities are those of the router's own classifier, out of fold and with equal texts held out together, so
    that a repeated text does not vouch for itself.

    References
    ----------
    Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels", 2021 (cleanlab).
    """
    from cleanlab.filter import find_label_issues  # noqa: PLC0415 - seconds to import, and training may run without

    labels = pd.Series(merge_spellings(frame[target]), index=frame.index)
    common = labels.map(labels.value_counts()) >= _FEWEST_IN_CLASS
    rows = frame[(labels != "") & common].sort_values("opened_at", kind="stable", na_position="first")
    rows = rows.tail(MOST_LABELLED)
    names = labels[rows.index].to_numpy(dtype=object)
    if len(rows) < _FEWEST or len(set(names)) < 2:
        return
    words = (rows["short_description"].tolist(), rows["description"].tolist())
    text = TextNormaliser().fit(*words).transform(*words)
    batch = PreparedIncidents(
        frame_as_logged(rows).reset_index(drop=True), text, np.zeros((len(rows), 1), dtype=np.float32)
    )
    classifier = TargetClassifier(fields_for(target), seed=seed).fit(batch, names)
    labelled = ~np.isnan(classifier.unseen_[:, 0])
    probabilities = classifier.unseen_[labelled] / classifier.unseen_[labelled].sum(axis=1, keepdims=True)
    codes = np.searchsorted(classifier.classes_.astype(str), names[labelled].astype(str))
    issues = find_label_issues(codes, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    if not len(issues):
        return
    share = len(issues) / int(labelled.sum())
    first = issues[0]
    likely = classifier.classes_[probabilities[first].argmax()]
    values = {"share": share, "of": int(labelled.sum()), "likely": str(likely), "value": str(names[labelled][first])}
    yield finding(
        "label noise",
        "warning" if share >= _SUSPICIOUS else "note",
        Phrase("audit_wrong_labels", {"n": len(issues), "field": target}),
        Phrase("audit_wrong_labels_why", values),
        rows["number"].to_numpy()[labelled][issues],
        [target],
    )
