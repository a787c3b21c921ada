"""Service: the use cases of the running service, one attribute a resource."""

from __future__ import annotations

import asyncio

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
from api.service_levels.service import ServiceLevelService
from api.serving import Serving
from api.sessions.service import SessionService
from api.settings import Settings
from api.surges.service import SurgeService
from api.surges.watch import SurgeWatch
from api.surveys.service import SurveyService
from api.webhooks.events import Events
from api.webhooks.service import WebhookService
from diagnosis.redact import Redactor
from diagnosis.store import Store


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
        self.diagnoses = DiagnosisService(store, serving, redactor, metrics, events, settings.max_waiting)
        self.feedback = FeedbackService(store, serving, redactor, metrics, events, self.audit)
        self.incidents: RecordService[IncidentIn] = RecordService(
            "incidents", store, serving, redactor, events, self.audit
        )
        self.articles: RecordService[ArticleIn] = RecordService(
            "knowledge", store, serving, redactor, events, self.audit
        )
        self.knowledge = KnowledgeService(self.articles, KnowledgeBoard(serving))
        self.search = SearchService(serving, redactor, metrics)
        self.recurrence = RecurrenceService(serving)
        self.releases = ReleaseService(serving, self.audit)
        self.rules = RuleService(store, self.audit)
        self.actions = ActionService(store, redactor, self.audit)
        board = ProblemBoard(store, serving, events, settings.problem_seconds, settings.holidays)
        writable = settings.integrations.with_write_back()
        self.problems = ProblemService(store, serving, redactor, events, self.audit, self.actions, board, writable)
        self.reviews = ReviewService(store, serving, events, self.audit, self.actions, settings.review)
        self.reviews.find_gaps = lambda: self.knowledge.health().health.gaps
        self.surveys = SurveyService(store, redactor, self.audit, settings.survey_secret, settings.survey_days)
        self.keys = KeyService(store, self.audit)
        self.sessions = SessionService(store, self.audit)
        self.monitoring = MonitoringService(
            store, serving, events, metrics, self.audit, settings.revocation_risk, settings.watch_seconds
        )
        self.webhooks = WebhookService(
            store, events, self.audit, allow_private=settings.allow_private_addresses, mail=settings.mail
        )
        self.maintenance = MaintenanceService(store, redactor, self.audit)
        self.changes = ChangeService(store, serving, redactor, self.audit)
        self.alerts = AlertService(store, serving, redactor, self.audit)
        self.integrations = IntegrationService(
            store, self.diagnoses, self.incidents, self.releases, self.changes, events, settings.integrations
        )
        self.housekeeping = Housekeeping(store, serving, self.audit, settings)
        self.surges = SurgeService(
            store,
            serving,
            redactor,
            events,
            self.audit,
            (self.incidents, self.articles),
            SurgeWatch(store, serving, events, settings.surges, settings.holidays),
        )
        self.service_levels = ServiceLevelService(
            store, serving, events, settings.service_levels, settings.service_level_seconds
        )
        self.reviews.find_rules = self.service_levels.rules
        self.diagnoses.on_diagnosis = self.monitoring.shadow.offer
        self.surges.on_answer = self.integrations.write_answer
        self.diagnoses.surge_of = self.surges.watch.mark_of

    async def close(self) -> None:
        """Finish what waits and let go of everything."""
        await self.diagnoses.close()
        await asyncio.to_thread(self.serving.stop)
        self.store.close()
