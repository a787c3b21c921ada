"""AlertService: alerts are kept with their repetitions, held against incidents, and reviewed once a month."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from api.alerts.learning import TaughtLinks, plain_alert
from api.alerts.schemas import (
    AlertIn,
    AlertLinkOut,
    AlertOut,
    AlertRowOut,
    AlertVerdictOut,
    LinkIn,
    MonitoringReviewOut,
)
from api.audit.service import AuditService
from api.serving import Serving
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.recurrence.beginning import beginning_of
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_code, mask_labels
from diagnosis.store import Store
from diagnosis.store.alert_verdicts import AlertVerdict
from diagnosis.store.monitoring import StoredAlert
from diagnosis.surges.alert_links import incident_words, pairs_of
from diagnosis.surges.joining import AFTER, BEFORE, AlertLessons, explaining_alerts, judgement_balance
from diagnosis.surges.monitoring_data import DAY, ServiceMap
from diagnosis.surges.monitoring_review import AlertRow, Logged, monitoring_review
from diagnosis.surges.replay import scope_words
from diagnosis.times import days_of, format_utc, parse_utc, utc_now

MOST_LINKS = 10
_MOST_ALERTS = 100_000  # of a review, repetitions not counted
_MOST_AROUND = 5_000  # of one incident
_MOST_NUMBERS = 1_000
_MOST_JUDGED = 2_000  # pairs that people judged, the latest, of alerts of the same names
_MOST_LEARNED = 100  # alerts nearest in time that a linker looks at: a third of a millisecond each
_FIRST_YEAR, _LAST_YEAR = 1970, 2199  # of a review
_COMPARISON_SHIFT = timedelta(weeks=3)  # around a month


class AlertService:
    """Alerts by id; personal data is masked before they are stored.

    Parameters
    ----------
    store : Store
    serving : Serving
        Its history holds the incidents.
    redactor : Redactor
    audit : AuditService
    incident_of : callable
        Returns the incident of a number; raises `RecordNotFoundError` if there is none.
    zone : str
        In which a month of the review begins.
    """

    def __init__(
        self,
        store: Store,
        serving: Serving,
        redactor: Redactor,
        audit: AuditService,
        incident_of: Callable[[str], Mapping[str, Any]],
        zone: str = "UTC",
    ) -> None:
        self._store = store
        self._incident_of = incident_of
        self._serving = serving
        self._redactor = redactor
        self._audit = audit
        self._zone = ZoneInfo(zone)
        self._taught = TaughtLinks(store.alert_verdicts)

    def start(self) -> None:
        """Begin to learn from what people say."""
        self._taught.start()

    def stop(self) -> None:
        """End that."""
        self._taught.stop()

    def take_in(self, alerts: Sequence[AlertIn]) -> list[str]:
        """Store alerts, and return for each the id it is kept under: another's, where it repeats that one."""
        return self._store.alerts.put([self._stored(alert) for alert in alerts])

    def get(self, alert: str) -> AlertOut:
        """Return one alert.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        return alert_out(self._store.alerts.get(alert))

    def page(self, limit: int, before: int | None = None) -> list[StoredAlert]:
        """Return up to `limit` alerts, those that came last first, those before a sequence."""
        return self._store.alerts.page(limit, before)

    def find(self, alerts: Sequence[str]) -> list[AlertOut]:
        """Return those of these alerts that there are, the earliest first."""
        found = self._store.alerts.find(alerts).values()
        return [alert_out(alert) for alert in sorted(found, key=lambda alert: alert.started_at)]

    def explaining(self, incident: Mapping[str, Any]) -> list[AlertLinkOut]:
        """Return the alerts that may explain an incident with these fields, the likeliest first."""
        opened_at = incident.get("opened_at")
        if not opened_at:
            return []
        moment = parse_utc(str(opened_at))
        before, after = moment - timedelta(seconds=BEFORE), moment + timedelta(seconds=AFTER)
        around = self._store.alerts.started_between(before, moment, _MOST_AROUND)  # of a storm those nearest in time
        around += self._store.alerts.started_between(moment, after, _MOST_AROUND)
        number = str(incident.get("number") or "")
        verdicts = self._store.alert_verdicts.of_incident(number) if number else {}
        nearby = {alert.id for alert in around}
        taught = [alert for alert, verdict in verdicts.items() if verdict.belongs and alert not in nearby]
        around += self._store.alerts.find(taught).values()
        alerts = {alert.id: alert for alert in around if alert.incident != number or alert.id in verdicts}
        links = explaining_alerts(
            {name: str(incident.get(name) or "") for name in ("cmdb_ci", "service")},
            moment.timestamp(),
            incident_words(incident),
            [
                (plain_alert(alert), scope_words(f"{alert.name} {alert.body.get('description', '')}"))
                for alert in around
            ],
            self.service_map() if around else ServiceMap(),
            {alert.id: str(alert.body.get("group", "")) for alert in around},
            AlertLessons(
                {alert: verdict.belongs for alert, verdict in verdicts.items()},
                self._balance(incident, around),
                self._learned(incident, moment.timestamp(), around),
            ),
        )
        return [
            AlertLinkOut(
                alert=alert_out(alerts[link.alert]),
                score=round(link.score, 3),
                reasons=list(link.reasons),  # type: ignore[arg-type]
                words=list(link.words),
                minutes=round(link.minutes, 1),
                verdict=_verdict_out(verdicts.get(link.alert)),
            )
            for link in links
            if link.alert in alerts
        ][:MOST_LINKS]

    def teach(self, actor: str, alert: str, incident: str, belongs: bool) -> AlertVerdictOut:
        """Keep whether an alert belongs to an incident, as a person says; what was said before of the two is replaced.

        Raises
        ------
        RecordNotFoundError
            If there is no such alert, or no such incident.
        """
        with self._store.transaction():
            stored = self._store.alerts.get(alert)
            self._incident_of(incident)
            verdict = self._store.alert_verdicts.say(stored.id, incident, belongs, actor)
            self._audit.note(actor, "alert.verdict", stored.id, incident=incident, belongs=belongs)
        self._taught.wake()
        return verdict_out(verdict)

    def take_back(self, actor: str, alert: str, incident: str) -> None:
        """Forget what a person said of an alert and an incident.

        Raises
        ------
        RecordNotFoundError
            If nothing was said.
        """
        with self._store.transaction():
            self._store.alert_verdicts.take_back(alert, incident)
            self._audit.note(actor, "alert.verdict.undo", alert, incident=incident)
        self._taught.wake()

    def verdicts(self, limit: int, before: int | None = None) -> list[AlertVerdict]:
        """Return up to `limit` things that people said of alerts and incidents, the latest first."""
        return self._store.alert_verdicts.page(limit, before)

    def verdicts_of(self, alerts: Sequence[str]) -> dict[str, list[AlertVerdictOut]]:
        """Return what people said of each of these alerts."""
        by_alert: dict[str, list[AlertVerdictOut]] = {}
        for verdict in self._store.alert_verdicts.of_alerts(alerts):
            by_alert.setdefault(verdict.alert, []).append(verdict_out(verdict))
        return by_alert

    def _balance(self, incident: Mapping[str, Any], alerts: Sequence[StoredAlert]) -> dict[str, float]:
        """Return how far people's judgements on incidents of the same item or service speak for alerts, by name."""
        names = sorted({alert.name for alert in alerts if alert.name})
        pairs = self._store.alert_verdicts.judged(_MOST_JUDGED, names) if names else []
        return judgement_balance(
            (pair.alert.name, pair.belongs)
            for pair in pairs
            if pair.incident.get("number", "") != incident.get("number")
            and any(incident.get(name) and incident[name] == pair.incident.get(name) for name in ("cmdb_ci", "service"))
        )

    def _learned(self, incident: Mapping[str, Any], at: float, alerts: Sequence[StoredAlert]) -> dict[str, float]:
        """Return the probability of each alert nearby by what was learned from judged pairs; nothing before that."""
        if self._taught.linker is None:
            return {}
        nearest = sorted(alerts, key=lambda alert: abs(alert.started_at.timestamp() - at))[:_MOST_LEARNED]
        pairs = pairs_of(map(plain_alert, nearest), incident, at)
        probabilities = self._taught.linker.predict_proba(pairs).tolist()
        return {pair.alert: probability for pair, probability in zip(pairs, probabilities, strict=True)}

    def service_map(self) -> ServiceMap:
        """Return which item needs which."""
        return ServiceMap.from_pairs((item, needs) for item, needs, _ in self._store.service_links.all())

    def links(self) -> list[tuple[str, str, str]]:
        """Return every link of the service map."""
        return self._store.service_links.all()

    def replace_links(self, actor: str, links: Sequence[LinkIn]) -> list[tuple[str, str, str]]:
        """Put another service map in place of the one there was."""
        with self._store.transaction():
            masked = {name: mask_code(name, self._redactor)[:255] for link in links for name in (link.item, link.needs)}
            count = self._store.service_links.replace(
                (masked[link.item], masked[link.needs], link.kind) for link in links
            )
            self._audit.note(actor, "service_map.replace", "service_map", links=count)
        return self._store.service_links.all()

    def review(self, month: str = "") -> MonitoringReviewOut:
        """Return the review of a month such as 2026-10; the last whole one unless one is named.

        Raises
        ------
        InputError
            If it is no month.
        """
        today = utc_now().astimezone(self._zone)
        start, end = _month(month or f"{today.replace(day=1) - timedelta(days=1):%Y-%m}", self._zone)
        bounds = (start - _COMPARISON_SHIFT, start, end, end + _COMPARISON_SHIFT)
        around = [
            alert
            for since, until in itertools.pairwise(
                bounds
            )  # each by itself, so that none takes the place of the month's
            for alert in self._store.alerts.started_between(since, until, _MOST_ALERTS)
        ]
        incidents, first = self._incidents(start - _COMPARISON_SHIFT, end + _COMPARISON_SHIFT)
        alerts, known = [plain_alert(alert) for alert in around], (first, utc_now().timestamp())
        review = monitoring_review(alerts, incidents, start.timestamp(), end.timestamp(), known)
        return MonitoringReviewOut(
            month=f"{start:%Y-%m}",
            alerts=[_row(row) for row in review.alerts],
            incidents=review.incidents,
            announced=review.announced,
            announced_share=round(review.announced / review.incidents, 4) if review.incidents else None,
            interval=[round(bound, 4) for bound in review.interval],
            unannounced=[{"service": name, "incidents": count} for name, count in review.unannounced],
            numbers=list(review.numbers[:_MOST_NUMBERS]),
        )

    def _incidents(self, start: datetime, end: datetime) -> tuple[list[Logged], float]:
        """Return the incidents of a time, and from when on incidents are known."""
        columns = ("number", "opened_at", "cmdb_ci", "service")
        frame = self._serving.incidents((*columns, "type", "contact_type"))
        opened = frame["opened_at"]
        chosen = (opened >= pd.Timestamp(start)) & (opened < pd.Timestamp(end)) & (frame["type"] == "incident")
        # What monitoring filed itself was announced by nothing else.
        chosen &= frame["contact_type"] != "monitoring"
        rows = zip(*(frame.loc[chosen, name].tolist() for name in columns), strict=True)
        logged = [Logged(number, moment.timestamp(), item, service) for number, moment, item, service in rows]
        times, now = np.sort(days_of(opened[opened.notna()])), utc_now().timestamp()
        return logged, beginning_of(times, now / DAY) * DAY if len(times) else now

    def _stored(self, alert: AlertIn) -> StoredAlert:
        named = {"id", "started_at", "ended_at", "name", "cmdb_ci", "service"}
        plain = alert.model_dump(mode="json")
        labels = {name: value for name, value in plain.items() if name not in named and value not in ("", None)}
        body = mask_labels(labels, self._redactor)
        # As those of incidents are masked, so that an alert on an address is found for an incident on it.
        name, item, service = (
            mask_code(text, self._redactor)[:255] for text in (alert.name, alert.cmdb_ci, alert.service)
        )
        return StoredAlert(alert.id, alert.started_at, alert.ended_at, name, item, service, body=body)


def alert_out(alert: StoredAlert) -> AlertOut:
    """Return an alert as it is shown."""
    return AlertOut(
        id=alert.id,
        started_at=format_utc(alert.started_at),
        latest_at=format_utc(alert.latest_at or alert.started_at),
        ended_at=None if alert.ended_at is None else format_utc(alert.ended_at),
        repeats=alert.repeats,
        name=alert.name,
        severity=str(alert.body.get("severity", "")),
        cmdb_ci=alert.cmdb_ci,
        service=alert.service,
        description=str(alert.body.get("description", "")),
        incident=alert.incident,
    )


def verdict_out(verdict: AlertVerdict) -> AlertVerdictOut:
    """Return what a person said as it is shown."""
    return AlertVerdictOut(
        alert=verdict.alert,
        incident=verdict.incident,
        belongs=verdict.belongs,
        at=format_utc(verdict.at),
        by=verdict.by,
    )


def _verdict_out(verdict: AlertVerdict | None) -> AlertVerdictOut | None:
    return None if verdict is None else verdict_out(verdict)


def _row(row: AlertRow) -> AlertRowOut:
    return AlertRowOut(
        name=row.name,
        alerts=row.alerts,
        before=row.before,
        share=round(row.before / row.alerts, 4),
        interval=[round(bound, 4) for bound in row.interval],
        by_chance=round(row.by_chance, 4),
        lead_minutes=None if row.lead_minutes is None else round(row.lead_minutes, 1),
        verdict=row.verdict,
    )


def _month(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return a month's first moment and the next month's in a zone."""
    try:
        start = datetime.strptime(text, "%Y-%m").replace(tzinfo=zone)
    except ValueError as error:
        raise InputError(Phrase("month_wrong", {"value": text})) from error
    if not _FIRST_YEAR <= start.year <= _LAST_YEAR:
        raise InputError(Phrase("month_out_of_range", {"first": _FIRST_YEAR, "last": _LAST_YEAR, "value": text}))
    return start, (start + timedelta(days=32)).replace(day=1)
