"""A long computation is made one at a time, and only few wait for it: threads are left to everybody else."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.errors import ComputingError
from api.turns import SharedComputation, Turns
from tests.waiting import soon


def test_one_computes_a_few_wait_and_the_next_is_told_to_ask_again() -> None:
    turns, over, done = Turns(waiting=2, seconds=30), threading.Event(), []

    def compute(name: int) -> None:
        with turns.take():
            done.append(name)
            over.wait(30)

    threads = [threading.Thread(target=compute, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    refused = []

    def is_full() -> bool:
        try:
            with turns.take():
                return False
        except ComputingError as error:
            refused.append(error)
            return True

    assert soon(lambda: len(done) == 1 and is_full())
    assert "ask again" in str(refused[0])
    over.set()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == [0, 1, 2]
    with turns.take():
        done.append(3)


def test_a_turn_that_does_not_come_in_time_is_given_up_and_a_computation_that_fails_gives_its_own_back() -> None:
    turns = Turns(waiting=1, seconds=0.05)
    with turns.take(), pytest.raises(ComputingError, match="ask again"), turns.take():
        pass
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), turns.take():
            raise ZeroDivisionError
    with turns.take():
        pass


@pytest.mark.parametrize("fails", [False, True])
def test_what_all_ask_for_is_computed_once_for_those_who_ask_meanwhile_and_again_for_who_asks_later(fails) -> None:
    begun, over, asking, made = threading.Event(), threading.Event(), [], []

    def compute() -> int:
        made.append(1)
        begun.set()
        over.wait(30)
        return 1 // (not fails)

    shared = SharedComputation(compute)
    with ThreadPoolExecutor(12) as threads:
        first = threads.submit(shared.result)
        begun.wait(30)
        others = [threads.submit(lambda: asking.append(1) or shared.result()) for _ in range(11)]
        assert soon(lambda: len(asking) == 11)
        over.set()
        errors = [type(one.exception()) for one in (first, *others)]
    assert errors == ([ZeroDivisionError] * 12 if fails else [type(None)] * 12)
    count = len(made)
    assert count < 12
    if fails:
        with pytest.raises(ZeroDivisionError):
            shared.result()
    else:
        assert shared.result() == 1
    assert len(made) == count + 1
