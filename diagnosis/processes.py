"""in_own_process: a long computation beside the service, so that its threads keep the interpreter to themselves."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from diagnosis.errors import FaultwiseError

T = TypeVar("T")

BESIDE_REQUESTS = 10  # niceness, of 19: what answers requests goes first
_LOOK_SECONDS = 0.2  # how often to look whether to stop


class InterruptedComputationError(FaultwiseError):
    """A computation was stopped before it had a result."""


def in_own_process(
    function: Callable[..., T],
    *arguments: object,
    is_stopping: Callable[[], bool] = lambda: False,
    niceness: int = BESIDE_REQUESTS,
) -> T:
    """Return what a function returns, computed by a new process, of low priority unless told otherwise.

    One interpreter runs one thread at a time: beside a minute of computing in a thread, a request waits up to 5 ms
    each time it has let the interpreter go. A new process takes a second or two to start, so this is for work that
    takes longer.

    Parameters
    ----------
    function : callable
        Of a module's top level; it, its arguments and what it returns are pickled on the way.
    is_stopping : callable
        Looked at while waiting; once it is true, the process is ended.
    niceness : int
        Added to that of this process; 0 where a person waits: on busy processors a low priority may take ten times as
        long.

    Raises
    ------
    InterruptedComputationError
        If it was to stop, or the process ended without a result (killed, out of memory).
    Exception
        What the function raised.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_compute, args=(sender, function, arguments, niceness), daemon=True)
    process.start()
    sender.close()
    try:
        while not receiver.poll(_LOOK_SECONDS):
            if is_stopping():
                raise InterruptedComputationError(f"{function.__name__} was stopped")
        result, error = receiver.recv()
    except EOFError:
        process.join()
        raise InterruptedComputationError(
            f"the process of {function.__name__} ended without a result (exit code {process.exitcode})"
        ) from None
    finally:
        process.kill()
        process.join()
        receiver.close()
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def _compute(sender: Connection, function: Callable[..., Any], arguments: tuple[object, ...], niceness: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the parent's to take
    os.nice(niceness)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answer: tuple[Any, Exception | None]
    try:
        answer = (function(*arguments), None)
    except Exception as error:  # noqa: BLE001  (raised again where the result is waited for)
        answer = (None, error)
    with contextlib.suppress(BrokenPipeError):
        sender.send(answer)


def _end_with_parent() -> None:
    """Wait for the parent's end, then end: a parent that was killed tells nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
