"""AlertLinker: which alert explains an incident, learned from pairs that people judged.

An alert and an incident are each a set of terms by kind (monitor, service, component, words; service, product,
category, words). What speaks for a link is how much more often two terms stood together in linked pairs than by chance,
the words that both hold, and the time between them. Pairs that people judged are nearly all linked, while of the alerts
around an incident nearly none is: alerts of other pairs at any time within the window stand for those. An incident has
one explanation or none, so the alerts around it share its probability.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from diagnosis.arrays import Floats
from diagnosis.errors import InputError, NotFittedError
from diagnosis.phrases import Phrase
from diagnosis.surges.monitoring_data import Alert
from diagnosis.surges.replay import scope_words

LEAST_LINKED = 10  # pairs from which a linker learns
WINDOW_HOURS = 12.0
_INCIDENT_FIELDS = ("service", "cmdb_ci", "category", "subcategory", "location")
_OTHERS = 19  # alerts of other pairs that stand for those around each incident
_STRENGTH = 0.03  # chosen among .003, .03 and .3 by folds over monitors and over time
_FOLDS = 10
_SMOOTHING = 0.1  # of a count of two terms together, and of what chance gives

Terms = Mapping[str, Sequence[str]]
_Term = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AlertPair:
    """An alert and an incident that it may explain.

    Attributes
    ----------
    alert_terms, incident_terms : mapping of str to sequence of str
        Terms by kind; the kind ``"words"`` is compared between both.
    hours : float
        From the alert to the incident; negative where the incident was first.
    """

    alert: str
    incident: str
    alert_terms: Terms
    incident_terms: Terms
    hours: float


def pairs_of(alerts: Iterable[Alert], incident: Mapping[str, Any], at: float) -> list[AlertPair]:
    """Return each alert with an incident that was logged at ``at`` (seconds since the epoch) as a pair."""
    number = str(incident.get("number") or "")
    terms = {name: [str(incident.get(name) or "")] for name in _INCIDENT_FIELDS} | {"words": incident_words(incident)}
    return [AlertPair(alert.id, number, _alert_terms(alert), terms, (at - alert.at) / 3600) for alert in alerts]


def _alert_terms(alert: Alert) -> Terms:
    words = scope_words(f"{alert.name} {alert.description}")
    return {"name": [alert.name], "service": [alert.service], "cmdb_ci": [alert.cmdb_ci], "words": words}


def incident_words(incident: Mapping[str, Any]) -> list[str]:
    """Return the words of an incident's text that are held against those of an alert."""
    return scope_words(f"{incident.get('short_description') or ''} {incident.get('description') or ''}")


class AlertLinker:
    """Learns from judged pairs; gives each pair the probability that its alert explains its incident.

    Parameters
    ----------
    seed : int, default 0
        Draws the pairs that stand for alerts without a link.

    Attributes
    ----------
    model_ : sklearn.pipeline.Pipeline
        Logistic regression over the standardised features of `_features`.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.model_: Any = None

    def fit(self, pairs: Sequence[AlertPair], linked: Sequence[bool]) -> Self:
        """Learn from pairs and whether each was judged to be linked.

        Raises
        ------
        InputError
            If fewer than `LEAST_LINKED` pairs are linked, or the lengths differ.
        """
        if len(pairs) != len(linked):
            raise InputError(f"as many judgements as pairs were expected; found {len(linked)} and {len(pairs)}")
        positive = [pair for pair, is_linked in zip(pairs, linked, strict=True) if is_linked]
        if len(positive) < LEAST_LINKED:
            raise InputError(Phrase("too_few_linked", {"needed": LEAST_LINKED, "found": len(positive)}))
        negative = [pair for pair, is_linked in zip(pairs, linked, strict=True) if not is_linked]
        self._kinds = (
            sorted({kind for pair in positive for kind in pair.alert_terms}),
            sorted({kind for pair in positive for kind in pair.incident_terms}),
        )
        rng = np.random.default_rng(self.seed)
        features, labels = [], []
        for fold in range(_FOLDS):  # a pair must not speak for itself: what is counted are the pairs of other folds
            self._count([pair for place, pair in enumerate(positive) if place % _FOLDS != fold])
            judged = positive[fold::_FOLDS]
            others = [*unlinked_pairs(judged, rng), *negative[fold::_FOLDS]]
            features += [self._features(pair) for pair in [*judged, *others]]
            labels += [True] * len(judged) + [False] * len(others)
        self._count(positive)
        # A service learns links long after its start, and seldom.
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
        from sklearn.pipeline import make_pipeline  # noqa: PLC0415
        from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

        model = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=3000))
        self.model_ = model.fit(features, labels)
        return self

    def predict_proba(self, pairs: Sequence[AlertPair]) -> Floats:
        """Return the probability of each pair, shape (n,), with the alerts of one incident sharing one explanation.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        if self.model_ is None:
            raise NotFittedError("AlertLinker has to be fitted before it predicts")
        if not pairs:
            return np.zeros(0)
        alone = self.model_.predict_proba([self._features(pair) for pair in pairs])[:, 1]
        odds = alone / (1 - alone + 1e-12)
        total: dict[str, float] = {}
        for pair, value in zip(pairs, odds, strict=True):
            total[pair.incident] = total.get(pair.incident, 0.0) + float(value)
        return np.array([value / (1 + total[pair.incident]) for pair, value in zip(pairs, odds, strict=True)])

    def _count(self, linked: Sequence[AlertPair]) -> None:
        self._alert_terms: Counter[_Term] = Counter()
        self._incident_terms: Counter[_Term] = Counter()
        self._together: Counter[tuple[_Term, _Term]] = Counter()
        self._pairs = len(linked)
        for pair in linked:
            of_alert, of_incident = list(_terms(pair.alert_terms)), list(_terms(pair.incident_terms))
            self._alert_terms.update(of_alert)
            self._incident_terms.update(of_incident)
            self._together.update((left, right) for left in of_alert for right in of_incident)

    def _features(self, pair: AlertPair) -> list[float]:
        lift: dict[tuple[str, str], float] = {}
        count: dict[tuple[str, str], float] = {}
        for left in _terms(pair.alert_terms):
            for right in _terms(pair.incident_terms):
                together = self._together[left, right]
                chance = self._alert_terms[left] * self._incident_terms[right] / self._pairs
                kinds = left[0], right[0]
                value = math.log((together + _SMOOTHING) / (chance + _SMOOTHING))
                lift[kinds] = max(lift.get(kinds, -math.inf), value)
                count[kinds] = max(count.get(kinds, 0.0), float(together))
        features: list[float] = []
        for alert_kind in self._kinds[0]:
            for incident_kind in self._kinds[1]:
                kinds = alert_kind, incident_kind
                features += [lift.get(kinds, 0.0), count.get(kinds, 0.0)]
        return features + self._shared(pair) + [pair.hours, abs(pair.hours), float(pair.hours > 0)]

    def _shared(self, pair: AlertPair) -> list[float]:
        """Return how much both say in the same words, and whether they name the same value in any kind."""
        words = set(pair.alert_terms.get("words", ())) & set(pair.incident_terms.get("words", ()))
        rarity = sum(1 / (1 + self._alert_terms["words", word]) for word in words)
        alert_values = {value for kind, value in _terms(pair.alert_terms) if kind != "words"}
        incident_values = {value for kind, value in _terms(pair.incident_terms) if kind != "words"}
        return [float(len(words)), rarity, float(bool(alert_values & incident_values))]


def _terms(terms: Terms) -> Iterator[_Term]:
    for kind, values in terms.items():
        for value in dict.fromkeys(values):
            if value:
                yield kind, value


def unlinked_pairs(linked: Sequence[AlertPair], rng: np.random.Generator) -> list[AlertPair]:
    """Return pairs of each linked incident with alerts of other pairs, at any time within the window."""
    drawn = []
    for pair in linked:
        for place in rng.integers(len(linked), size=_OTHERS):
            other = linked[int(place)]
            if other.alert != pair.alert and other.incident != pair.incident:
                hours = float(rng.uniform(-WINDOW_HOURS, WINDOW_HOURS))
                drawn.append(replace(pair, alert=other.alert, alert_terms=other.alert_terms, hours=hours))
    return drawn
