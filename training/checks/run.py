"""The audit: every check over one history, within bounded time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import ReleaseError
from diagnosis.incident import as_frame
from diagnosis.phrases import Phrase
from diagnosis.redact import Redactor
from diagnosis.releases import Releases
from training.checks.basics import dates, languages, masked_classes, personal_data_left
from training.checks.classes import changed_classes, retired_in_history
from training.checks.duplicates import MOST_LATER, repeated_texts
from training.checks.finding import Audit, Finding
from training.checks.labels import MOST_LABELLED, noisy_labels
from training.checks.leakage import (
    columns_nobody_reads,
    columns_that_come_later,
    columns_that_predict_alone,
    texts_that_hold_the_resolution,
    texts_that_name_the_class,
)
from training.checks.people import names_of_people
from training.fitting.as_of import as_known_at
from training.settings import TrainSettings

SAMPLE = 10_000  # incidents whose texts are read one by one
NOT_PUBLISHED = Phrase("no_release_in_service")
_GRAVITY = {"refused": 0, "warning": 1, "note": 2}


def audit(
    incidents: pd.DataFrame,
    settings: TrainSettings,
    published: Diagnoser | Phrase = NOT_PUBLISHED,
    *,
    labels: bool = True,
) -> Audit:
    """Look for what would make a release look better than it is, or be worse than it could be.

    Parameters
    ----------
    incidents : DataFrame
        Canonical frame, as exported.
    settings : TrainSettings
        Those that it would be trained with.
    published : Diagnoser or Phrase
        The release in service, for what has changed since; or why there is none to compare with.
    labels : bool
        Whether to look for label noise, which takes longest.

    Returns
    -------
    Audit
        The gravest findings first. Texts of large histories are read in a seeded sample of `SAMPLE`.
    """
    frame = as_known_at(as_frame(incidents), settings.as_of)
    sample = _sample(frame, settings.seed)
    findings = [*_check_all(frame, settings), *_check_sample(sample, settings)]
    for target in settings.targets:
        if target not in frame:
            continue
        findings += masked_classes(frame, target, Redactor(frozenset(settings.masked)))
        findings += retired_in_history(frame, target)
        findings += [*columns_that_predict_alone(frame, target), *texts_that_name_the_class(sample, target)]
        findings += names_of_people(sample, target)
        if labels:
            findings += noisy_labels(frame, target, settings.seed)
        if isinstance(published, Diagnoser):
            findings += changed_classes(frame, target, published)
    labelled = min(len(frame), MOST_LABELLED)
    looked_at = {
        "dates, columns, exact duplicates, classes": Phrase("audited_all", {"n": len(frame)}),
        "texts, languages, personal data": Phrase("audited_sample", {"n": len(sample)})
        if len(sample) < len(frame)
        else Phrase("audited_all", {"n": len(frame)}),
        "near-duplicates": Phrase("audited_later", {"n": MOST_LATER}),
        "label noise": Phrase("audited_labelled", {"n": labelled}) if labels else Phrase("not_audited"),
        "changed classes": published
        if isinstance(published, Phrase)
        else Phrase("audited_against", {"release": published.release}),
    }
    return Audit(len(frame), tuple(sorted(findings, key=lambda f: (_GRAVITY[f.severity], f.check))), looked_at)


def in_service(models: Path) -> Diagnoser | Phrase:
    """Return the release in service, or why it cannot be compared with: one of an older version is no hindrance."""
    releases = Releases(models)
    published = releases.published()
    if published is None:
        return NOT_PUBLISHED
    try:
        return Diagnoser.load(releases.path(published))
    except ReleaseError as error:
        return Phrase("release_in_service_not_loaded", {"reason": error.phrase})


def _check_all(frame: pd.DataFrame, settings: TrainSettings) -> Iterator[Finding]:
    yield from dates(frame)
    yield from columns_that_come_later(frame)
    yield from columns_nobody_reads(frame)
    yield from repeated_texts(frame, settings.evaluation_share, settings.seed)


def _check_sample(sample: pd.DataFrame, settings: TrainSettings) -> Iterator[Finding]:
    yield from languages(sample)
    yield from texts_that_hold_the_resolution(sample)
    yield from personal_data_left(sample, Redactor(frozenset(settings.masked)))


def _sample(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    if len(frame) <= SAMPLE:
        return frame
    rows = np.sort(np.random.default_rng(seed).choice(len(frame), SAMPLE, replace=False))
    return frame.iloc[rows].reset_index(drop=True)
