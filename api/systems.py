"""Systems: what connects a service with the systems around it: the courier, who makes which call, and who looks."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from api.integrations.catching_up import CatchUp
from api.integrations.service import LATER
from api.integrations.writing.actions import action_writers
from api.integrations.writing.problems import problem_writers
from api.integrations.writing.writers import writers
from api.outgoing.courier import Courier
from api.service import Service
from api.settings import Settings
from api.webhooks.delivery import Delivery
from api.webhooks.events import KIND
from diagnosis.errors import FaultwiseError
from diagnosis.store.outbox import OutgoingCall

log = logging.getLogger(__name__)

_LONGEST_DIAGNOSIS = 120  # s


class Systems:
    """The courier of one process, what makes each kind of call, and what reads where webhooks failed.

    Parameters
    ----------
    service : Service
    settings : Settings
    """

    def __init__(self, service: Service, settings: Settings) -> None:
        allow_private = settings.allow_private_addresses
        self._loop = asyncio.get_running_loop()
        delivery = Delivery(service.store.subscriptions, allow_private, settings.mail)
        self.courier = Courier(
            service.store.outbox,
            {
                KIND: delivery,
                LATER: self._diagnose,
                **writers(settings.integrations, allow_private),
                **problem_writers(settings.integrations, allow_private, service.problems.record_made),
                **action_writers(settings.integrations, allow_private, service.actions.record_made),
            },
            receivers=delivery.receivers,
        )
        self.catch_up = CatchUp(service.store, service.integrations, settings.integrations, allow_private)
        service.events.outbox_changed = self.courier.wake
        service.serving.swapped = self._tell_release
        self._service = service

    def start(self) -> None:
        """Begin to make what is owed, and to read what did not come."""
        self.courier.start()
        self.catch_up.start()
        self._tell_release()

    async def stop(self) -> None:
        """Finish the calls in hand; the loop goes on meanwhile, as some of them diagnose."""
        await run_in_threadpool(self.catch_up.stop)
        await run_in_threadpool(self.courier.stop)

    def _tell_release(self) -> None:
        # Whoever published it, by command or over HTTP, and whichever replica notices first: it is told once.
        try:
            for last in self._service.serving.releases.history()[-1:]:
                self._service.events.published(last.release, datetime.fromisoformat(last.at))
        except FaultwiseError as error:  # told at the next start; a release must not fail because of it
            log.warning("release not told: %s", type(error).__name__)

    def _diagnose(self, owed: OutgoingCall) -> None:
        diagnosing = self._service.integrations.diagnose_owed(owed)
        asyncio.run_coroutine_threadsafe(diagnosing, self._loop).result(_LONGEST_DIAGNOSIS)
