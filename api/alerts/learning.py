"""TaughtLinks: what is learned, beside the requests, from the alerts that people put to incidents or took from them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from diagnosis.background import BackgroundLoop
from diagnosis.processes import in_own_process
from diagnosis.store.alert_verdicts import AlertVerdicts, JudgedPair
from diagnosis.store.monitoring import StoredAlert
from diagnosis.surges.alert_links import LEAST_LINKED, AlertLinker, AlertPair, pairs_of
from diagnosis.surges.monitoring_data import Alert
from diagnosis.times import parse_utc

_LOOK_SECONDS = 300.0  # between two looks at what was said through other processes
_PAUSE_FACTOR = 10  # the pause after learning, in times of what it took
_MOST_PAIRS = 500  # the latest: from twice as many little more is learned
_LARGE = 100  # pairs from which a process of its own pays: they take half a second


class TaughtLinks:
    """Learns anew, in the background, when people have judged alerts.

    Parameters
    ----------
    verdicts : AlertVerdicts

    Attributes
    ----------
    linker : AlertLinker or None
        None while fewer than `LEAST_LINKED` alerts are put to incidents.
    """

    def __init__(self, verdicts: AlertVerdicts) -> None:
        self._verdicts = verdicts
        self.linker: AlertLinker | None = None
        self._version: tuple[int, int | None] = 0, None
        self._next_at = float("-inf")
        self._loop = BackgroundLoop("alert links", self._turn, _LOOK_SECONDS)

    def start(self) -> None:
        """Begin, with what was said until now."""
        self._loop.wake()
        self._loop.start()

    def stop(self) -> None:
        """End."""
        self._loop.stop()

    def wake(self) -> None:
        """Look now whether something new was said."""
        self._loop.wake()

    def _turn(self) -> None:
        self._loop.pause(self._next_at - time.monotonic())
        version = self._verdicts.version()
        if version == self._version or self._loop.is_stopping:
            return
        began = time.monotonic()
        judged = [judgement for pair in self._verdicts.judged(_MOST_PAIRS) if (judgement := _judgement(pair))]
        if sum(belongs for _, belongs in judged) < LEAST_LINKED:
            self.linker = None
        elif len(judged) < _LARGE:
            self.linker = _fitted(judged)
        else:
            self.linker = in_own_process(_fitted, judged, is_stopping=lambda: self._loop.is_stopping)
        self._version = version
        self._next_at = time.monotonic() + _PAUSE_FACTOR * (time.monotonic() - began)


def plain_alert(alert: StoredAlert) -> Alert:
    """Return a stored alert as it is compared with incidents."""
    over = None if alert.ended_at is None else alert.ended_at.timestamp()
    description = str(alert.body.get("description", ""))
    return Alert(alert.id, alert.started_at.timestamp(), over, alert.name, alert.cmdb_ci, alert.service, description)


def _judgement(pair: JudgedPair) -> tuple[AlertPair, bool] | None:
    """Return a pair as it is learned from; None if nobody knows when its incident was logged."""
    opened_at = pair.incident.get("opened_at")
    if not opened_at:
        return None
    [described] = pairs_of([plain_alert(pair.alert)], pair.incident, parse_utc(str(opened_at)).timestamp())
    return described, pair.belongs


def _fitted(judged: Sequence[tuple[AlertPair, bool]]) -> AlertLinker:
    return AlertLinker().fit([pair for pair, _ in judged], [belongs for _, belongs in judged])
