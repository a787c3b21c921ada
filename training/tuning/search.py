"""The search: trials of settings by a tree of Parzen estimators, kept in a journal, the best taken only if it shows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from diagnosis.phrases import Phrase
from training.settings import TrainSettings
from training.tuning.blocks import Block, TrialScore, blocks_of, judge

_WEIGHTS = (("text_weight", 0.02, 2.0), ("title_weight", 0.01, 1.0), ("topic_weight", 0.05, 5.0))
# Fields that speak for callers and places as often as for faults: whether they help differs between organisations.
_DOUBTFUL = ("caller", "opened_by", "location", "contact_type")


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice of settings and how it did, over all blocks; ``best`` is the least loss so far."""

    number: int
    chosen: Mapping[str, Any]
    loss: float
    accuracy: float
    losses: tuple[float, ...]
    best: float = float("nan")


OnTrial = Callable[[Trial, float], None]


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the search found.

    Attributes
    ----------
    settings : TrainSettings
        The best, or those that it began with where no other did better by more than chance.
    trials : tuple of Trial
        In order; the first is what the search began with.
    """

    settings: TrainSettings
    trials: tuple[Trial, ...]
    blocks: int
    verdict: Phrase

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        trials = [{name: v for name, v in asdict(trial).items() if name != "best"} for trial in self.trials]
        return {
            "verdict": str(self.verdict),
            "blocks": self.blocks,
            "settings": self.settings.changed(),
            "trials": trials,
        }


def tune(
    incidents: pd.DataFrame,
    settings: TrainSettings,
    journal: Path,
    *,
    minutes: float,
    trials: int | None = None,
    on_trial: OnTrial = lambda _trial, _seconds: None,
) -> Tuned:
    """Look for settings of routing with less log loss on later blocks.

    Parameters
    ----------
    incidents : DataFrame
        Canonical frame; the latest incidents, on which `train` evaluates, are not looked at.
    settings : TrainSettings
        What the search begins with.
    journal : Path
        Holds every trial; a search over the same data from the same settings goes on with it.
    minutes : float
        After this long no trial begins; the first is made in any case.
    trials : int, optional
        Most trials, those of the journal counted.
    told : callable of (trial, seconds since the start)

    Raises
    ------
    InputError
        If optuna is not installed, the data are too few or the journal is of another search.

    References
    ----------
    Bergstra et al., "Algorithms for hyper-parameter optimization", 2011 (the sampler).
    """
    began = time.monotonic()
    blocks = blocks_of(incidents, settings)
    study = _study(journal, incidents, settings)
    results = _finished_trials(study)
    while not results or (time.monotonic() - began < 60 * minutes and (trials is None or len(results) < trials)):
        trial = study.ask()
        chosen = _chosen(trial, settings)
        scores = settings.workers.each(judge, [(block, _with(settings, chosen)) for block in blocks])
        trial.set_user_attr("losses", [score.loss for score in scores])
        trial.set_user_attr("accuracy", _mean(scores))
        trial.set_user_attr("chosen", chosen)
        study.tell(trial, float(np.mean([score.loss for score in scores])))
        results = _finished_trials(study)
        on_trial(replace(results[-1], best=min(score.loss for score in results)), time.monotonic() - began)
    return _best(settings, blocks, results)


def _best(settings: TrainSettings, blocks: list[Block], results: list[Trial]) -> Tuned:
    """Take the trial with the least loss if its gain over the first is more than one standard error of the blocks."""
    first, best = results[0], min(results, key=lambda score: score.loss)
    gains = np.array(first.losses) - np.array(best.losses)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0
    gain = float(gains.mean())
    summary = {"before": first.loss, "after": best.loss, "gain": gain, "error": error}
    if best.number == first.number or gain <= error:
        return Tuned(settings, tuple(results), len(blocks), Phrase("tuned_nothing", summary))
    verdict = Phrase("tuned", {**summary, "trial": best.number})
    return Tuned(_with(settings, best.chosen), tuple(results), len(blocks), verdict)


def _chosen(trial: Any, settings: TrainSettings) -> dict[str, Any]:  # noqa: ANN401 - optuna is an extra
    chosen: dict[str, Any] = {}
    for name, low, high in _WEIGHTS:
        configured = getattr(settings, name)
        chosen[name] = trial.suggest_float(name, min(low, configured), max(high, configured), log=True)
    chosen["topics"] = trial.suggest_categorical("topics", sorted({64, 128, 256, 512, settings.topics}))
    left_out = [name for name in _DOUBTFUL if trial.suggest_categorical(f"without {name}", [False, True])]
    chosen["ignored_fields"] = sorted({*settings.ignored_fields, *left_out})
    return chosen


def _with(settings: TrainSettings, chosen: Mapping[str, Any]) -> TrainSettings:
    return replace(settings, **{**chosen, "ignored_fields": tuple(chosen["ignored_fields"])})


def _study(journal: Path, incidents: pd.DataFrame, settings: TrainSettings) -> Any:  # noqa: ANN401 - optuna is an extra
    try:
        import optuna  # noqa: PLC0415 - an extra: pip install 'faultwise[tune]'
        from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415
    except ImportError as error:
        raise InputError(Phrase("optuna_not_installed")) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(storage=storage, study_name="faultwise", load_if_exists=True)
    about = _about(incidents, settings)
    if study.user_attrs.get("about", about) != about:
        raise InputError(Phrase("journal_of_another", {"path": str(journal)}))
    n_trials = len(study.trials)
    # After a break the draws go on, they do not come again.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + n_trials, n_startup_trials=10)
    if not n_trials:
        study.set_user_attr("about", about)
        first = {name: getattr(settings, name) for name in ("text_weight", "title_weight", "topic_weight", "topics")}
        first |= {f"without {name}": name in settings.ignored_fields for name in _DOUBTFUL}
        study.enqueue_trial(first)
    return study


def _about(incidents: pd.DataFrame, settings: TrainSettings) -> str:
    digest = hashlib.sha256(repr(sorted(settings.that_count().items())).encode())
    digest.update(pd.util.hash_pandas_object(as_frame(incidents), index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _finished_trials(study: Any) -> list[Trial]:  # noqa: ANN401 - optuna is an extra
    return [
        Trial(
            score.number,
            score.user_attrs["chosen"],
            score.value,
            score.user_attrs["accuracy"],
            tuple(score.user_attrs["losses"]),
        )
        for score in study.trials
        if score.value is not None
    ]


def _mean(scores: list[TrialScore]) -> float:
    return float(np.mean([score.accuracy for score in scores]))
