"""What waits together is worked on together: one stage, without HTTP around it."""

import asyncio
import threading
import time

import pytest

from api.diagnoses.batching import Stage
from api.errors import BusyError
from diagnosis.errors import InputError, StoreError


def test_a_lone_item_starts_at_once_and_what_comes_meanwhile_is_one_batch() -> None:
    batches: list[list[int]] = []
    go = threading.Event()

    def work(items: list[int]) -> list[int]:
        batches.append(items)
        if items == [0]:
            go.wait(30)
        return [item * 10 for item in items]

    async def ask() -> list[int]:
        stage = Stage("t", work, 64, 100)
        first = asyncio.create_task(stage.put(0))
        while not batches:  # the lone one is being worked on
            await asyncio.sleep(0.001)
        rest = [asyncio.create_task(stage.put(i)) for i in range(1, 10)]
        await asyncio.sleep(0.001)
        go.set()
        done = await asyncio.gather(first, *rest)
        await stage.close()
        return list(done)

    assert asyncio.run(ask()) == [i * 10 for i in range(10)]
    assert batches == [[0], list(range(1, 10))]


def test_one_that_cannot_be_done_does_not_take_the_others_with_it() -> None:
    def work(items: list[int]) -> list[int]:
        if 3 in items:
            raise InputError("3 found")
        return items

    async def ask() -> list[object]:
        stage = Stage("t", work, 64, 100)
        return await asyncio.gather(*(stage.put(i) for i in range(6)), return_exceptions=True)

    answers = asyncio.run(ask())
    assert [one for one in answers if isinstance(one, int)] == [0, 1, 2, 4, 5]
    assert isinstance(answers[3], InputError)


def test_a_failure_of_all_is_told_to_all_and_not_tried_again() -> None:
    calls = []

    def work(items: list[int]) -> list[int]:
        calls.append(items)
        raise StoreError("gone")

    async def ask() -> list[object]:
        stage = Stage("t", work, 64, 100)
        return await asyncio.gather(*(stage.put(i) for i in range(5)), return_exceptions=True)

    assert {type(one) for one in asyncio.run(ask())} == {StoreError}
    assert len(calls) <= 2


def test_too_many_that_wait_are_refused_and_one_that_left_is_skipped() -> None:
    go = threading.Event()

    def work(items: list[int]) -> list[int]:
        go.wait(5)
        return items

    async def ask() -> int:
        stage = Stage("t", work, 1, 2)
        tasks = [asyncio.create_task(stage.put(i)) for i in range(3)]
        await asyncio.sleep(0.02)
        with pytest.raises(BusyError, match="at most 2"):
            await asyncio.gather(*(stage.put(9) for _ in range(3)))
        tasks[1].cancel()
        go.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        return sum(isinstance(one, int) for one in done)

    assert asyncio.run(ask()) >= 1


def test_what_comes_while_a_stage_closes_is_done_or_refused_and_never_left_waiting() -> None:
    def work(items: list[int]) -> list[int]:
        time.sleep(0.001)
        return items

    async def ask() -> list[object]:
        stage = Stage("t", work, 4, 10_000)
        asked = [asyncio.create_task(stage.put(0))]
        await asyncio.sleep(0)
        closing = asyncio.create_task(stage.close())
        for i in range(1, 2000):  # one in every step that the loop takes, so one in the very step that closes
            asked.append(asyncio.create_task(stage.put(i)))
            await asyncio.sleep(0)
        answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 20)
        await closing
        return answers

    answers = asyncio.run(ask())
    done = [one for one in answers if isinstance(one, int)]
    assert done == list(range(len(done)))
    assert done
    assert {type(one) for one in answers[len(done) :]} == {BusyError}


def test_work_that_forgets_an_item_is_an_error_for_those_who_asked() -> None:
    async def ask() -> list[object]:
        stage = Stage("t", lambda items: items[1:], 64, 100)
        return await asyncio.wait_for(asyncio.gather(stage.put(1), stage.put(2), return_exceptions=True), 10)

    assert {type(one) for one in asyncio.run(ask())} == {RuntimeError}
