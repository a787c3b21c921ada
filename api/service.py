"""Service: the use cases of the running service, one attribute a resource."""

from __future__ import annotations

import asyncio
from typing import Protocol

from api.actions.service import ActionService
from api.alerts.service import AlertService
from api.audit.service import AuditService
from api.changes.service import ChangeService
from api.diagnoses.service import DiagnosisService
from api.feedback.service import FeedbackService
from api.health.service import HealthService
from api.housekeeping import Housekeeping
from api.integrations.service import IntegrationService
from api.keys.service import KeyService
from api.knowledge.board import KnowledgeBoard
from api.knowledge.service import KnowledgeService
from api.maintenance.service import MaintenanceService
from api.metrics import Metrics
from api.monitoring.service import MonitoringService
from api.problems.board import ProblemBoard
from api.problems.service import ProblemService
from api.records.schemas import ArticleIn, IncidentIn
from api.records.service import RecordService
from api.recurrence.service import RecurrenceService
from api.releases.service import ReleaseService
from api.reviews.service import ReviewService
from api.rules.service import RuleService
from api.search.service import SearchService
from api.self_service.service import SelfService
from api.service_levels.service import ServiceLevelService
from api.serving import Serving
from api.sessions.service import SessionService
from api.settings import Settings
from api.surges.service import SurgeService
from api.surges.watch import SurgeWatch
from api.surveys.service import SurveyService
from api.webhooks.events import Events
from api.webhooks.service import WebhookService
from api.workload.service import WorkloadService
from diagnosis.redact import Redactor
from diagnosis.store import Store


class _Background(Protocol):
    """What works beside the requests."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


class Service:
    """What routes, console, panel, connectors and MCP call; made once by `api.composition.build`.

    They parse, call one of these and return; what a use case needs besides (audit entry, event, masking, the change
    signal to the release in service) happens inside it.

    Parameters
    ----------
    store : Store
    serving : Serving
    redactor : Redactor
        Masks personal data in what is stored.
    metrics : Metrics
    events : Events
        Sends an event for what was stored.
    settings : Settings
    """

    def __init__(
        self,
        store: Store,
        serving: Serving,
        redactor: Redactor,
        metrics: Metrics,
        events: Events,
        settings: Settings,
    ) -> None:
        self.store = store
        self.serving = serving
        self.metrics = metrics
        self.events = events
        self.audit = AuditService(store.audit)
        self.health = HealthService(store, serving, metrics)
        self._make_for_one_incident(redactor, settings)
        self._make_for_many_incidents(redactor, settings)
        self._make_for_operators(redactor, settings)
        self.workload = WorkloadService(store, serving, settings.holidays, settings.review.zone)
        self.diagnoses.on_diagnosis = self.monitoring.shadow.offer
        self.diagnoses.surge_of = self.surges.watch.mark_of
        self.search.find_articles = self.articles.find
        self.diagnoses.find_incidents = self.incidents.find
        self.surges.on_answer = self.integrations.write_answer
        self.reviews.find_rules = self.service_levels.rules
        self.reviews.find_gaps = lambda: self.knowledge.health().health.gaps
        self._beside_requests: tuple[_Background, ...] = (
            self.housekeeping,
            self.reviews.reminders,
            self.problems,
            self.monitoring,
            self.service_levels,
            self.surges,
            self.alerts,
            self.knowledge,
            self.self_service,
        )

    def _make_for_one_incident(self, redactor: Redactor, settings: Settings) -> None:
        """Make what diagnoses, stores and searches, and what decides on it."""
        store, serving, events, audit = self.store, self.serving, self.events, self.audit
        self.diagnoses = DiagnosisService(store, serving, redactor, self.metrics, events, settings.max_waiting)
        self.feedback = FeedbackService(store, serving, redactor, self.metrics, events, audit)
        self.incidents: RecordService[IncidentIn] = RecordService("incidents", store, serving, redactor, events, audit)
        self.articles: RecordService[ArticleIn] = RecordService("knowledge", store, serving, redactor, events, audit)
        self.search = SearchService(serving, redactor, self.metrics)
        self.rules = RuleService(store, redactor, audit)
        self.changes = ChangeService(store, serving, redactor, audit)
        self.alerts = AlertService(store, serving, redactor, audit, self.incidents.look_up, settings.review.zone)
        self.maintenance = MaintenanceService(store, redactor, audit)

    def _make_for_many_incidents(self, redactor: Redactor, settings: Settings) -> None:
        """Make what is found, followed and reviewed over a history."""
        store, serving, events, audit = self.store, self.serving, self.events, self.audit
        self.recurrence = RecurrenceService(serving)
        self.knowledge = KnowledgeService(self.articles, KnowledgeBoard(store, serving))
        writable = settings.integrations.with_write_back()
        self.actions = ActionService(store, redactor, events, audit, writable)
        board = ProblemBoard(store, serving, events, settings.problem_seconds, settings.holidays)
        self.problems = ProblemService(store, serving, redactor, events, audit, self.actions, board, writable)
        watch = SurgeWatch(store, serving, events, settings.surges, settings.holidays)
        self.surges = SurgeService(store, serving, redactor, events, audit, self.incidents, self.articles, watch)
        levels, seconds = settings.service_levels, settings.service_level_seconds
        self.service_levels = ServiceLevelService(store, serving, events, levels, seconds)
        self.reviews = ReviewService(
            store, serving, redactor, events, audit, self.actions, settings.review, settings.holidays
        )
        self.self_service = SelfService(store, audit, settings.self_service)
        self.surveys = SurveyService(store, redactor, audit, settings.survey_secret, settings.survey_days)

    def _make_for_operators(self, redactor: Redactor, settings: Settings) -> None:
        """Make what releases, keys, connections and upkeep of the service need."""
        store, serving, events, audit = self.store, self.serving, self.events, self.audit
        self.releases = ReleaseService(serving, audit)
        self.keys = KeyService(store, redactor, audit)
        self.sessions = SessionService(store, audit)
        self.monitoring = MonitoringService(
            store, serving, self.metrics, events, audit, settings.revocation_risk, settings.watch_seconds
        )
        private = settings.allow_private_addresses
        self.webhooks = WebhookService(store, events, audit, allow_private=private, mail=settings.mail)
        self.integrations = IntegrationService(
            store,
            self.diagnoses,
            self.incidents,
            self.releases,
            self.service_levels,
            events,
            redactor,
            settings.integrations,
        )
        self.integrations.zone = settings.review.zone
        self.housekeeping = Housekeeping(store, serving, audit, settings)

    def start(self) -> None:
        """Start what works beside the requests."""
        for part in self._beside_requests:
            part.start()

    async def stop(self) -> None:
        """End what works beside the requests, the last begun first."""
        for part in reversed(self._beside_requests):
            await asyncio.to_thread(part.stop)

    async def close(self) -> None:
        """Finish what waits and let go of everything."""
        await self.diagnoses.close()
        await asyncio.to_thread(self.serving.stop)
        self.store.close()
