"""Token buckets, one a key: on average `per_minute` requests, and as many in one burst.

Where several processes serve one organisation, each adds every second to one count a key in the store (`SharedUse`),
and takes off its own buckets what others added. A key may so be let through too often for a second, and pays for it
afterwards: over minutes the limit holds for all processes together.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from api.errors import retry_after_header
from diagnosis.background import BackgroundLoop
from diagnosis.store.use import Use

log = logging.getLogger(__name__)

SHARE_SECONDS = 1.0
_IDLE_SECONDS = 60  # after which any bucket is full


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key has left.

    Attributes
    ----------
    remaining : int
        Requests that may follow at once.
    reset : int
        Seconds until the bucket is full again.
    retry_after : int
        Seconds to wait; 0 if the request may pass.
    """

    limit: int
    remaining: int
    reset: int
    retry_after: int

    @property
    def headers(self) -> dict[str, str]:
        """The header fields of draft-ietf-httpapi-ratelimit-headers."""
        policy = {
            "RateLimit-Policy": f'"key";q={self.limit};w=60',
            "RateLimit": f'"key";r={self.remaining};t={self.reset}',
        }
        return {**policy, **retry_after_header(self.retry_after)} if self.retry_after else policy


@dataclass(slots=True)
class _Bucket:
    level: float
    since: float
    passed: int = 0


class RateLimiter:
    """Buckets by key; those not used for a minute are full, and so forgotten. Safe for many threads."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self.clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> Allowance:
        """Take one request from a key's bucket."""
        moment, rate = self.clock(), self.per_minute / 60
        with self._lock:
            while self._buckets and moment - next(iter(self._buckets.values())).since > _IDLE_SECONDS:
                self._buckets.popitem(last=False)
            bucket = self._buckets.pop(key, None) or _Bucket(float(self.per_minute), moment)
            level = min(float(self.per_minute), bucket.level + (moment - bucket.since) * rate)
            allowed = level >= 1
            level -= allowed
            self._buckets[key] = _Bucket(level, moment, bucket.passed + allowed)
        wait = 0 if allowed else max(1, round((1 - level) / rate + 0.5))
        return Allowance(self.per_minute, max(0, int(level)), round((self.per_minute - level) / rate), wait)

    def wait(self, key: str) -> int:
        """Return the seconds until a key may ask again, 0 if it may now; takes nothing."""
        rate = self.per_minute / 60
        with self._lock:
            bucket = self._buckets.get(key)
            level = float("inf") if bucket is None else bucket.level + (self.clock() - bucket.since) * rate
        return 0 if level >= 1 else max(1, round((1 - level) / rate + 0.5))

    def passed(self) -> dict[str, int]:
        """Return how many requests of each key were let through since this was last asked."""
        with self._lock:
            counts = {key: bucket.passed for key, bucket in self._buckets.items() if bucket.passed}
            for key in counts:
                self._buckets[key].passed = 0
        return counts

    def take_off(self, counts: Mapping[str, int]) -> None:
        """Take off what other processes let through; at most a minute's worth of debt is kept."""
        moment = self.clock()
        with self._lock:
            for key, count in counts.items():
                bucket = self._buckets.setdefault(key, _Bucket(float(self.per_minute), moment))
                bucket.level = max(bucket.level - count, -float(self.per_minute))


class SharedUse:
    """Adds what was let through here to the counts of all processes, and takes off here what others added.

    Parameters
    ----------
    limiter : RateLimiter
    use : Use
        Where they meet.
    """

    def __init__(self, limiter: RateLimiter, use: Use) -> None:
        self.limiter = limiter
        self.use = use
        self._totals: dict[str, int] | None = None
        self._loop = BackgroundLoop("shared use of keys", self.exchange, SHARE_SECONDS)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self) -> None:
        """End, if it was begun."""
        self._loop.stop()

    def exchange(self) -> None:
        """Add and take off once."""
        counts = self.limiter.passed()
        totals, previous = self.use.add(counts), self._totals
        self._totals = totals
        if previous is None:  # what was asked before this process began is not its affair
            return
        added = {key: total - previous.get(key, 0) - counts.get(key, 0) for key, total in totals.items()}
        self.limiter.take_off({key: count for key, count in added.items() if count > 0})
