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
from training.settings import TrainSettings
from training.tuning.blocks import Block, Judged, blocks_of, judge

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


Told = Callable[[Trial, float], None]


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
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        trials = [{name: v for name, v in asdict(trial).items() if name != "best"} for trial in self.trials]
        return {"verdict": self.verdict, "blocks": self.blocks, "settings": self.settings.changed(), "trials": trials}


def tune(
    incidents: pd.DataFrame,
    settings: TrainSettings,
    journal: Path,
    *,
    minutes: float,
    trials: int | None = None,
    told: Told = lambda _trial, _seconds: None,
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
    found = _made(study)
    while not found or (time.monotonic() - began < 60 * minutes and (trials is None or len(found) < trials)):
        asked = study.ask()
        chosen = _chosen(asked, settings)
        judged = settings.workers.each(judge, [(block, _with(settings, chosen)) for block in blocks])
        asked.set_user_attr("losses", [one.loss for one in judged])
        asked.set_user_attr("accuracy", _mean(judged))
        asked.set_user_attr("chosen", chosen)
        study.tell(asked, float(np.mean([one.loss for one in judged])))
        found = _made(study)
        told(replace(found[-1], best=min(one.loss for one in found)), time.monotonic() - began)
    return _best(settings, blocks, found)


def _best(settings: TrainSettings, blocks: list[Block], found: list[Trial]) -> Tuned:
    """Take the trial with the least loss if its gain over the first is more than one standard error of the blocks."""
    first, best = found[0], min(found, key=lambda one: one.loss)
    gains = np.array(first.losses) - np.array(best.losses)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0
    gain = float(gains.mean())
    told = f"loss {first.loss:.4f} to {best.loss:.4f}, gain {gain:.4f} (standard error {error:.4f})"
    if best.number == first.number or gain <= error:
        return Tuned(settings, tuple(found), len(blocks), f"no trial is better by more than chance: {told}; kept as is")
    return Tuned(_with(settings, best.chosen), tuple(found), len(blocks), f"trial {best.number} is better: {told}")


def _chosen(asked: Any, settings: TrainSettings) -> dict[str, Any]:  # noqa: ANN401 - optuna is an extra
    chosen: dict[str, Any] = {}
    for name, low, high in _WEIGHTS:
        own = getattr(settings, name)
        chosen[name] = asked.suggest_float(name, min(low, own), max(high, own), log=True)
    chosen["topics"] = asked.suggest_categorical("topics", sorted({64, 128, 256, 512, settings.topics}))
    left_out = [name for name in _DOUBTFUL if asked.suggest_categorical(f"without {name}", [False, True])]
    chosen["ignored_fields"] = sorted({*settings.ignored_fields, *left_out})
    return chosen


def _with(settings: TrainSettings, chosen: Mapping[str, Any]) -> TrainSettings:
    return replace(settings, **{**chosen, "ignored_fields": tuple(chosen["ignored_fields"])})


def _study(journal: Path, incidents: pd.DataFrame, settings: TrainSettings) -> Any:  # noqa: ANN401 - optuna is an extra
    try:
        import optuna  # noqa: PLC0415 - an extra: pip install 'faultwise[tune]'
        from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415
    except ImportError as error:
        raise InputError("tuning needs optuna: pip install 'faultwise[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(storage=storage, study_name="faultwise", load_if_exists=True)
    about = _about(incidents, settings)
    if study.user_attrs.get("about", about) != about:
        raise InputError(f"{journal}: it is of other incidents or settings; give another --journal, or remove it")
    made = len(study.trials)
    # After a break the draws go on, they do not come again.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + made, n_startup_trials=10)
    if not made:
        study.set_user_attr("about", about)
        first = {name: getattr(settings, name) for name in ("text_weight", "title_weight", "topic_weight", "topics")}
        first |= {f"without {name}": name in settings.ignored_fields for name in _DOUBTFUL}
        study.enqueue_trial(first)
    return study


def _about(incidents: pd.DataFrame, settings: TrainSettings) -> str:
    digest = hashlib.sha256(repr(sorted(settings.that_count().items())).encode())
    digest.update(pd.util.hash_pandas_object(as_frame(incidents), index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _made(study: Any) -> list[Trial]:  # noqa: ANN401 - optuna is an extra
    return [
        Trial(
            one.number, one.user_attrs["chosen"], one.value, one.user_attrs["accuracy"],
            tuple(one.user_attrs["losses"]),
        )
        for one in study.trials
        if one.value is not None
    ]  # fmt: skip


def _mean(judged: list[Judged]) -> float:
    return float(np.mean([one.accuracy for one in judged]))
