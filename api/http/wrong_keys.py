"""WrongKeys: who tries key after key is slowed, by address."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.errors import RateLimitedError, retry_after_header
from api.http.addresses import network_of
from api.http.ratelimit import RateLimiter
from diagnosis.store.keys import KeyRefusedError

_REMEMBERED = 10_000  # right keys, each with the address that it came from


class WrongKeys:
    """Counts wrong keys by address; beyond the limit only keys that were right from there are looked at.

    So a client behind the same proxy as an attacker goes on working, and the attacker costs no look into the database.

    Parameters
    ----------
    per_minute : int
        Wrong keys of one address, on average and in one burst; an IPv6 network (/64) is one address.
    clock : callable
        Returns seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limiter = RateLimiter(per_minute, clock)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def counted(self, address: str, secret: str) -> Iterator[None]:
        """Check a key inside the block; what it raises as `KeyRefusedError` counts as a wrong one.

        Raises
        ------
        RateLimitedError
            If too many were wrong and this one was not right before.
        """
        network = network_of(address)
        digest = hashlib.sha256(f"{network} {secret}".encode("utf-8", "surrogatepass")).digest()
        seconds = self._limiter.wait(network)
        if seconds and digest not in self._right:
            message = f"too many wrong keys from this address; wait {seconds} s"
            raise RateLimitedError(message, retry_after_header(seconds))
        try:
            yield
        except KeyRefusedError:
            self._limiter.take(network)
            with self._lock:
                self._right.pop(digest, None)
            raise
        with self._lock:
            self._right[digest] = None
            self._right.move_to_end(digest)
            if len(self._right) > _REMEMBERED:
                self._right.popitem(last=False)
