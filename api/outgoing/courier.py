"""Courier: makes the calls that the outbox owes, again and later where they fail, and never two at once for one."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import httpx

from api.errors import kind_of
from api.telemetry import RequestContext, context
from diagnosis.background import BackgroundLoop
from diagnosis.errors import FaultwiseError
from diagnosis.store.database import ConflictError
from diagnosis.store.outbox import Outbox, OutgoingCall
from diagnosis.times import utc_now
from diagnosis.web import requested_wait

log = logging.getLogger(__name__)

# After a failure: 5 s, 30 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h (the schedule that Standard Webhooks
# advises, a day longer): a receiver that is away over a weekend loses nothing.
DELAYS = tuple(timedelta(seconds=s) for s in (5, 30, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
LONGEST_WAIT = timedelta(hours=24)  # a Retry-After beyond it is not believed
JITTER = 0.2
WORKERS = 8
SHARE = 2  # calls to one receiver at once: a slow receiver holds two threads, and the others go on
LEASE = timedelta(minutes=5)  # longer than any call lasts: each has a deadline as a whole
_FORGET_EVERY = 3600  # s

Maker = Callable[[OutgoingCall], None]


class GivenUpError(FaultwiseError):
    """A call that would fail again in the same way: it is not tried again."""


class Courier:
    """Works off the outbox in threads of its own.

    Parameters
    ----------
    outbox : Outbox
    makers : mapping of str to callable
        Makes a call of each kind. It raises ``httpx.HTTPError`` for a failure that may pass, and `GivenUpError` or
        another error of ours for one that will not (a `ConflictError`, and one that is answered 503, may pass too).
    poll_seconds : float
        How often to look for calls that another replica left or that have become due.
    delays : sequence of timedelta
        How long to wait after each failure; after the last the call is given up.
    receivers : callable
        Returns which receiver is behind a destination, as `Outbox.take` has it.
    """

    def __init__(
        self,
        outbox: Outbox,
        makers: Mapping[str, Maker],
        poll_seconds: float = 1.0,
        delays: tuple[timedelta, ...] = DELAYS,
        receivers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.outbox = outbox
        self.makers = dict(makers)
        self.poll_seconds = poll_seconds
        self.delays = delays
        self.receivers = receivers
        self._forgot_at = 0.0
        self._loop = BackgroundLoop("courier", self._turn, poll_seconds)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="courier")
        self._busy: dict[Future[None], OutgoingCall] = {}

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self) -> None:
        """Finish the calls in hand and end; what is left stays owed."""
        self._loop.stop()
        self._pool.shutdown(wait=True)

    def wake(self) -> None:
        """Look at the outbox now."""
        self._loop.wake()

    def _turn(self) -> bool:
        """Make what is owed; return whether there may be more to do at once."""
        if self._hand_out():
            return True
        if (moment := utc_now().timestamp()) - self._forgot_at > _FORGET_EVERY:
            self.outbox.forget()
            self._forgot_at = moment
        return False

    def _hand_out(self) -> bool:
        """Put free threads to work; return whether there may be more to do at once."""
        self._busy = {future: call for future, call in self._busy.items() if not future.done()}
        free = WORKERS - len(self._busy)
        calls = self.outbox.take(free, LEASE, SHARE, list(self._busy.values()), self.receivers) if free else []
        for call in calls:
            future = self._pool.submit(self._make, call)
            self._busy[future] = call
            future.add_done_callback(lambda _done: self.wake())  # its destination may have more
        return 0 < len(calls) == free

    def _make(self, call: OutgoingCall) -> None:
        token = context.set(RequestContext.of(call.id, call.trace) if call.trace else None)
        try:
            self._maker(call)(call)
        except Exception as error:  # noqa: BLE001 - whatever one call meets, the others go on
            self._failed(call, error)
        else:
            self._note(lambda: self.outbox.done(call.id))
        finally:
            context.reset(token)

    def _maker(self, call: OutgoingCall) -> Maker:
        if call.kind not in self.makers:
            raise GivenUpError(f"nothing makes calls of kind {call.kind!r}: it is not switched on")
        return self.makers[call.kind]

    def _failed(self, call: OutgoingCall, error: Exception) -> None:
        outcome = _in_words(error)
        delay = self._delay(call.attempts, error)
        if delay is None:
            log.error("call given up", extra={"fields": {"kind": call.kind, "call": call.id, "error": outcome}})
            self._note(lambda: self.outbox.dead(call.id, outcome))
            return
        log.warning("call failed", extra={"fields": {"kind": call.kind, "call": call.id, "error": outcome}})
        self._note(lambda: self.outbox.later(call.id, utc_now() + delay, outcome))

    def _delay(self, attempts: int, error: Exception) -> timedelta | None:
        # A conflict of ours is with what another wrote at that moment: it is there by the next try.
        is_passing = isinstance(error, ConflictError) or kind_of(error).status == 503
        lasting = isinstance(error, FaultwiseError) and not is_passing
        if lasting or attempts > len(self.delays):
            return None
        planned = self.delays[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load
        requested = requested_wait(error.response.headers) if isinstance(error, httpx.HTTPStatusError) else None
        # Never sooner than planned: a receiver that asks for a second would use all its tries up within a minute.
        return planned if requested is None else max(planned, min(requested, LONGEST_WAIT))

    def _note(self, write: Callable[[], None]) -> None:
        try:
            write()
        except FaultwiseError as error:  # the lease runs out and the call is made again; makers are idempotent
            log.warning("outcome of a call not stored: %s", type(error).__name__)


def _in_words(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"answered {error.response.status_code} {error.response.reason_phrase}".rstrip()
    if isinstance(error, FaultwiseError):
        return str(error)
    return f"{type(error).__name__}: {error}"[:500]
