"""Blocks: later parts of a history, each judged by what was learned from all that came before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Labels, Rows
from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS, IncidentBatch, as_frame, frame_as_logged
from diagnosis.parts import clean_incidents
from diagnosis.phrases import Phrase, either
from diagnosis.prepared import PreparedIncidents
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_incidents
from diagnosis.routing import TargetClassifier
from diagnosis.routing.fields import fields_for
from diagnosis.routing.labels import known_spelling, merge_spellings
from diagnosis.text import TextNormaliser, joined
from training.fitting.as_of import as_known_at
from training.fitting.fit import general_encoder
from training.fitting.splits import is_dated, split_latest, text_groups
from training.settings import TrainSettings

BLOCKS = 3
MAX_INCIDENTS = 20_000  # incidents, the latest: more would cost trials and change few choices
_FEWEST = 100  # incidents of a target in a block, and before it
_SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class Block:
    """One target in one block: what is learned from and what is judged."""

    target: str
    learn: PreparedIncidents
    labels: Labels
    judge: PreparedIncidents
    truth: Labels


@dataclass(frozen=True, slots=True)
class TrialScore:
    """How one setting did on one block: mean log loss of the right class in nats, and accuracy."""

    loss: float
    accuracy: float


def blocks_of(incidents: pd.DataFrame, settings: TrainSettings) -> list[Block]:
    """Return the blocks of a history, without the latest incidents, on which `train` will evaluate.

    The history before them is cut into `BLOCKS` + 2 equal parts by time; each of the last `BLOCKS` is judged by what
    came before it. Without dates, parts are groups of equal text in a drawn order.

    Raises
    ------
    InputError
        If no target has enough incidents.
    """
    frame = as_known_at(as_frame(incidents), settings.as_of)
    if frame.empty:
        raise InputError(Phrase("tuned_on_nothing"))
    earlier, _ = split_latest(frame, settings.evaluation_share, settings.seed)
    redactor = Redactor(frozenset(settings.masked))
    incidents = mask_incidents(IncidentBatch.from_frame(frame.iloc[earlier]), redactor).frame
    by_time = incidents.sort_values("opened_at", kind="stable", na_position="first")
    incidents = by_time.tail(MAX_INCIDENTS).reset_index(drop=True)
    part = _parts(incidents, settings.seed)
    prepared = _prepared(incidents, part == 0)
    if (general := general_encoder(settings)) is not None:
        prepared = prepared.with_general(general.encode(prepared.text))
    blocks = [
        block
        for target in settings.targets
        if target in incidents
        for number in range(2, BLOCKS + 2)
        if (block := _block(prepared, incidents, target, part, number)) is not None
    ]
    if not blocks:
        values = {"needed": _FEWEST, "names": either(settings.targets), "blocks": BLOCKS, "n": len(incidents)}
        raise InputError(Phrase("tuned_on_too_few", values))
    return blocks


def judge(work: tuple[Block, TrainSettings]) -> TrialScore:
    """Fit a classifier on what came before a block and judge its probabilities on the block."""
    block, settings = work
    classifier = TargetClassifier(_fields(settings), settings.seed, settings.weights).fit(block.learn, block.labels)
    truth = known_spelling(block.truth, classifier.classes_.tolist())
    column = {name: place for place, name in enumerate(classifier.classes_)}
    probabilities = classifier.predict_proba(block.judge)
    places = np.array([column.get(name, -1) for name in truth])
    # A class that nobody had seen before gets nothing: every setting pays the same for it.
    has_class = places >= 0
    of_truth = probabilities[np.flatnonzero(has_class), places[has_class]]
    right = classifier.classes_[probabilities.argmax(axis=1)] == truth
    return TrialScore(float(-np.log(np.maximum(of_truth, _SMALLEST)).mean()), float(right.mean()))


def _fields(settings: TrainSettings) -> Sequence[str]:
    return [
        name
        for name in CODED_FIELDS
        if all(name in fields_for(target) for target in settings.targets) and name not in settings.ignored_fields
    ]


def _parts(incidents: pd.DataFrame, seed: int) -> Rows:
    if is_dated(incidents):
        order = np.arange(len(incidents))
    else:
        groups = text_groups(incidents)
        order = np.random.default_rng(seed).permutation(groups.max() + 1)[groups]
    ranks = pd.Series(order).rank(method="min", pct=True).to_numpy()
    return np.minimum((ranks * (BLOCKS + 2)).astype(np.intp), BLOCKS + 1)


def _prepared(incidents: pd.DataFrame, first: npt.NDArray[np.bool_]) -> PreparedIncidents:
    """Return the incidents as routing sees them; boilerplate is learned from the first part, before any block."""
    words = incidents.loc[first, "short_description"].tolist(), incidents.loc[first, "description"].tolist()
    cleaned = clean_incidents(IncidentBatch.from_frame(incidents), TextNormaliser().fit(*words))
    titles, bodies = cleaned.column("short_description"), cleaned.column("description")
    text = [joined(title, body) for title, body in zip(titles, bodies, strict=True)]
    return PreparedIncidents(frame_as_logged(incidents), text, np.zeros((len(text), 0), dtype=np.float32))


def _block(prepared: PreparedIncidents, incidents: pd.DataFrame, target: str, part: Rows, number: int) -> Block | None:
    labels = merge_spellings(incidents[target].astype("str").fillna(""))
    earlier_rows, block_rows = (np.flatnonzero((labels != "") & rows) for rows in (part < number, part == number))
    if min(len(earlier_rows), len(block_rows)) < _FEWEST or len(set(labels[earlier_rows])) < 2:
        return None
    return Block(
        target, prepared.take(earlier_rows), labels[earlier_rows], prepared.take(block_rows), labels[block_rows]
    )
