"""What waits together is worked on together: one stage, without HTTP around it."""

import asyncio
import threading
import time

import pytest

from api.diagnoses.batching import Stage
from api.errors import BusyError
from api.telemetry import principal_id
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


async def put_as(stage: Stage, client: str, item: str) -> object:
    principal_id.set(client)  # of this task alone
    return await stage.put(item)


def test_clients_take_turns_and_each_keeps_its_order() -> None:
    go, batches = threading.Event(), []

    def work(items: list[str]) -> list[str]:
        batches.append(items)
        go.wait(30)
        return items

    async def ask() -> None:
        stage = Stage("t", work, 3, 100)
        asked = [asyncio.create_task(put_as(stage, "a", "first"))]
        while not batches:
            await asyncio.sleep(0.001)
        asked += [asyncio.create_task(put_as(stage, "a", f"a{i}")) for i in range(5)]
        asked += [asyncio.create_task(put_as(stage, client, client + "0")) for client in "bc"]
        await asyncio.sleep(0.01)
        go.set()
        await asyncio.gather(*asked)

    asyncio.run(ask())
    assert batches == [["first"], ["a0", "b0", "c0"], ["a1", "a2", "a3"], ["a4"]]


def test_the_client_with_most_places_gives_way_to_another_and_nobody_to_it() -> None:
    go, working = threading.Event(), threading.Event()

    def work(items: list[str]) -> list[str]:
        working.set()
        go.wait(30)
        return items

    async def ask() -> tuple[list[object], list[object]]:
        stage = Stage("t", work, 1, 10)
        asked = [asyncio.create_task(put_as(stage, "greedy", f"g{i}")) for i in range(30)]
        while not working.is_set():
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(put_as(stage, "other", f"o{i}")) for i in range(30)]
        await asyncio.sleep(0.01)
        asked += [asyncio.create_task(put_as(stage, "greedy", f"late{i}")) for i in range(30)]
        await asyncio.sleep(0.01)
        go.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return answers, await asyncio.gather(*others, return_exceptions=True)

    greedy, other = ([one for one in answers if isinstance(one, str)] for answers in asyncio.run(ask()))
    assert greedy == [f"g{i}" for i in range(6)]  # the one in work, and half of the places
    assert other == [f"o{i}" for i in range(5)]


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
