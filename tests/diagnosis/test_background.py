"""A background loop takes its turns, outlives what goes wrong in them, and ends when it is told to."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from diagnosis.background import BackgroundLoop
from diagnosis.errors import StoreError
from tests.waiting import soon


@pytest.fixture
def begun() -> Iterator[list[BackgroundLoop]]:
    loops: list[BackgroundLoop] = []
    yield loops
    for loop in loops:
        loop.stop()


def start(begun: list[BackgroundLoop], turn: Callable[[], bool | None], seconds: float) -> BackgroundLoop:
    loop = BackgroundLoop("counting", turn, seconds)
    begun.append(loop)
    loop.start()
    return loop


def test_it_turns_again_and_again(begun: list[BackgroundLoop]) -> None:
    turns: list[float] = []
    start(begun, lambda: turns.append(time.monotonic()), 0.01)
    assert soon(lambda: len(turns) > 3)


def test_it_turns_at_once_when_it_is_woken_or_has_more_to_do(begun: list[BackgroundLoop]) -> None:
    turns: list[int] = []

    def turn() -> bool:
        turns.append(len(turns))
        return len(turns) < 5

    loop = start(begun, turn, 3600.0)
    assert turns == []
    loop.wake()
    assert soon(lambda: len(turns) == 5)


def test_a_turn_that_fails_does_not_end_it(begun: list[BackgroundLoop], caplog: pytest.LogCaptureFixture) -> None:
    errors = [StoreError("the database is away"), ValueError("a defect")]
    done = threading.Event()

    def turn() -> None:
        if errors:
            raise errors.pop(0)
        done.set()

    with caplog.at_level(logging.WARNING):
        start(begun, turn, 0.01)
        assert done.wait(10)
    assert [record.getMessage() for record in caplog.records] == ["counting: StoreError", "counting: a turn failed"]


def test_stopping_ends_a_pause_and_waits_for_the_turn_in_hand() -> None:
    ended = threading.Event()

    def turn() -> None:
        loop.pause(3600)
        ended.set()

    loop = BackgroundLoop("pausing", turn, 0.0)
    loop.start()
    time.sleep(0.05)
    began = time.monotonic()
    loop.stop()
    assert ended.is_set()
    assert time.monotonic() - began < 10


def test_one_that_was_never_begun_can_be_stopped() -> None:
    BackgroundLoop("idle", lambda: None, 1.0).stop()
