"""SelfService: counts questions and what needed no ticket; whoever asks signs in nowhere, so that nothing is stored."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from ulid import ULID

from api.audit.service import AuditService
from api.http.signed_tokens import read_token, sign_token
from diagnosis.background import BackgroundLoop
from diagnosis.errors import FaultwiseError
from diagnosis.store import Store
from diagnosis.store.keys import KeyRefusedError
from diagnosis.store.questions import ACTION, QuestionCount, counts_as_detail, hour_of
from diagnosis.times import utc_now

log = logging.getLogger(__name__)

NAME = "self-service"  # the actor, and where the secret of all processes is kept
AUDIENCE = "faultwise-help"
VALID = timedelta(hours=4)  # how long somebody may take to say that it helped
MOST_REMEMBERED = 20_000  # questions that somebody said this of; the oldest are forgotten first
_EVERY = 3600.0  # s
_LEEWAY_SECONDS = 30  # clocks of replicas differ


class SelfService:
    """Counts in memory, and writes once an hour and at its end what was counted: one act in the audit log.

    Parameters
    ----------
    store : Store
    audit : AuditService
    is_open : bool
        Whether anybody may ask here.
    """

    def __init__(self, store: Store, audit: AuditService, is_open: bool) -> None:
        self._store = store
        self._audit = audit
        self._is_open = is_open
        self._secret = ""
        self._counts: dict[datetime, QuestionCount] = {}
        self._solved: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._loop = BackgroundLoop("self-service", self.write, _EVERY)

    def start(self) -> None:
        """Begin; nothing runs where nobody may ask."""
        if self._is_open:
            self._loop.start()

    def stop(self) -> None:
        """End, and write what was counted."""
        self._loop.stop()
        try:
            self.write()
        except FaultwiseError as error:
            log.warning("questions of self-service are lost: %s", type(error).__name__)

    def ask(self) -> str:
        """Count a question, and return the signed name by which `solve` knows it for `VALID`."""
        question, _ = sign_token(self._signing(), AUDIENCE, {"question": str(ULID())}, VALID)
        self._add(utc_now(), QuestionCount(questions=1))
        return question

    def solve(self, question: str) -> None:
        """Count that a question needed no ticket, once; what was not asked here, or long ago, is passed over."""
        try:
            claims = read_token(self._signing(), question, AUDIENCE, ("question",), leeway_seconds=_LEEWAY_SECONDS)
        except KeyRefusedError:
            return
        name, asked_at = str(claims["question"]), datetime.fromtimestamp(claims["iat"], UTC)
        with self._lock:
            if name in self._solved:
                return
            self._solved[name] = None
            if len(self._solved) > MOST_REMEMBERED:
                self._solved.popitem(last=False)
        self._add(asked_at, QuestionCount(solutions=1))

    def total(self, since: datetime) -> QuestionCount:
        """Return the questions since a moment: those of all processes that are written, and ours."""
        with self._lock:
            ours = [count for hour, count in self._counts.items() if hour >= since]
        total = QuestionCount()
        for count in (*self._store.questions.by_hour(since).values(), *ours):
            total = total.plus(count)
        return total

    def write(self) -> None:
        """Write what was counted since this was last done."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            self._audit.note(NAME, ACTION, NAME, hours=counts_as_detail(counts))
        except BaseException:
            for hour, count in counts.items():
                self._add(hour, count)
            raise

    def _add(self, moment: datetime, count: QuestionCount) -> None:
        hour = hour_of(moment)
        with self._lock:
            self._counts[hour] = self._counts.get(hour, QuestionCount()).plus(count)

    def _signing(self) -> str:
        if not self._secret:
            self._secret = self._store.watch_states.secret(NAME).hex()
        return self._secret
