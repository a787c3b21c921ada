"""Parallel: work in independent pieces, through joblib, on this machine's processors or on a Dask cluster.

The same pieces give the same results wherever they run: each runs on one thread, for sums of several differ with their
number, and each result has been written and read once, as it is when it comes from another machine.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

_PATIENCE = "30s"  # that a scheduler may take to answer
BACKENDS = ("loky", "threading", "dask")
Piece = TypeVar("Piece")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Workers:
    """Where pieces of work run.

    Parameters
    ----------
    backend : {"loky", "threading", "dask"}
        Processes of this machine, its threads, or a Dask cluster.
    jobs : int
        Pieces at once on this machine; -1 for one a processor. A cluster has its own number.
    scheduler : str
        Address of Dask's scheduler, such as ``tcp://10.0.0.5:8786``.
    """

    backend: str = "loky"
    jobs: int = 1
    scheduler: str = ""

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            values = {"choices": tuple(BACKENDS), "value": self.backend}
            raise InputError(Phrase("parallel_backend_unknown", values))
        if self.jobs == 0 or self.jobs < -1:
            raise InputError(Phrase("parallel_jobs_wrong", {"value": self.jobs}))
        if (self.backend == "dask") != bool(self.scheduler):
            raise InputError(Phrase("parallel_scheduler_alone"))

    def each(self, work: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
        """Return the result of each piece, in order.

        Parameters
        ----------
        work : callable
            A function of a module, so that it can be sent to another process; needs nothing but its piece.

        Raises
        ------
        InputError
            If Dask is not installed, or its scheduler does not answer.
        """
        return list(self.stream(work, pieces))

    def stream(self, work: Callable[[Piece], Result], pieces: Sequence[Piece]) -> Iterator[Result]:
        """Yield the result of each piece as soon as it and all before it are there; otherwise as `each`."""
        with _cluster(self.scheduler) if self.backend == "dask" else _here(self.backend, self.jobs):
            for result in Parallel(return_as="generator")(delayed(_alone)(work, piece) for piece in pieces):
                yield pickle.loads(result)  # noqa: S301 - written by `_alone` a moment ago


def _alone(work: Callable[[Any], Any], piece: Any) -> bytes:  # noqa: ANN401 - any piece of work
    with threadpool_limits(limits=1):
        return pickle.dumps(work(piece), protocol=pickle.HIGHEST_PROTOCOL)


@contextmanager
def _here(backend: str, jobs: int) -> Iterator[None]:
    with parallel_config(backend=backend, n_jobs=jobs):
        yield


@contextmanager
def _cluster(scheduler: str) -> Iterator[None]:
    try:
        from dask.distributed import Client  # noqa: PLC0415 - an extra: pip install 'faultwise[dask]'
    except ImportError as error:
        raise InputError(Phrase("dask_not_installed")) from error
    try:
        client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        values = {"address": scheduler, "fault": str(error)}
        raise InputError(Phrase("parallel_scheduler_silent", values)) from error
    try:
        with client.as_current(), parallel_config(backend="dask", client=client, n_jobs=-1):
            yield
    finally:
        client.close()  # type: ignore[no-untyped-call]
