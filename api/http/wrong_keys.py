"""WrongKeys: who tries key after key, signature, token or session is slowed, by address."""

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
from api.http.signed_tokens import TokenOverError
from diagnosis.phrases import Phrase
from diagnosis.store.keys import KeyRefusedError

_REMEMBERED = 10_000  # right keys, each with the address that it came from


class WrongKeys:
    """Counts wrong keys by address; beyond the limit only keys that were right from there are looked at.

    Whatever proves who asks is a key here: signatures of webhooks, tokens of links and the panel, session cookies. So a
    client behind the same proxy as an attacker goes on working, and the attacker costs no look into the database.

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

    def check(self, address: str, secret: str) -> None:
        """Raise `RateLimitedError` if too many were wrong from an address and this one was not right from there."""
        seconds = self._limiter.wait(network_of(address))
        if seconds and _digest(address, secret) not in self._right:
            refused = Phrase("too_many_wrong_keys", {"seconds": seconds})
            raise RateLimitedError(refused, retry_after_header(seconds))

    @contextmanager
    def counted(self, address: str, secret: str, *, is_secret: bool = True) -> Iterator[None]:
        """Check a key inside the block; what it raises as `KeyRefusedError` counts as a wrong one.

        A token of ours that is over does not: nobody guesses with it.

        Parameters
        ----------
        is_secret : bool
            False where `secret` is the name of who signs: then others may have been wrong in its name, and it stays
            right from where it was.

        Raises
        ------
        RateLimitedError
            If too many were wrong and this one was not right before.
        """
        self.check(address, secret)
        digest = _digest(address, secret)
        try:
            yield
        except KeyRefusedError as error:
            if not isinstance(error, TokenOverError):
                self._limiter.take(network_of(address))
            if is_secret:
                with self._lock:
                    self._right.pop(digest, None)
            raise
        with self._lock:
            self._right[digest] = None
            self._right.move_to_end(digest)
            if len(self._right) > _REMEMBERED:
                self._right.popitem(last=False)


def _digest(address: str, secret: str) -> bytes:
    return hashlib.sha256(f"{network_of(address)} {secret}".encode("utf-8", "surrogatepass")).digest()
