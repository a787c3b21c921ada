"""Token buckets, one a key: on average `per_minute` requests, and as many in one burst.

Each process counts for itself; several replicas allow a key as many times more.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


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
        return {**policy, "Retry-After": str(self.retry_after)} if self.retry_after else policy


class RateLimiter:
    """Buckets by key; those not used for a minute are full, and so forgotten."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self.clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> Allowance:
        """Take one request from a key's bucket."""
        moment, rate = self.clock(), self.per_minute / 60
        level, since = self._buckets.pop(key, (float(self.per_minute), moment))
        level = min(float(self.per_minute), level + (moment - since) * rate)
        allowed = level >= 1
        level -= allowed
        self._buckets[key] = (level, moment)
        while self._buckets and moment - next(iter(self._buckets.values()))[1] > 60:
            self._buckets.popitem(last=False)
        wait = 0 if allowed else max(1, round((1 - level) / rate + 0.5))
        return Allowance(self.per_minute, int(level), round((self.per_minute - level) / rate), wait)
