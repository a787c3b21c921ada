"""How many requests a key may send, in one process and in several that share a store."""

from api.http.ratelimit import RateLimiter, SharedUse
from diagnosis.store import Store
from diagnosis.store.use import Use


def test_a_bucket_allows_its_burst_and_then_its_rate() -> None:
    clock = [0.0]
    limiter = RateLimiter(60, clock=lambda: clock[0])
    assert [limiter.take("a").retry_after for _ in range(61)] == [0] * 60 + [2]
    assert limiter.take("b").remaining == 59
    clock[0] = 2.0
    assert [limiter.take("a").retry_after == 0 for _ in range(3)] == [True, True, False]
    clock[0] = 100.0
    assert limiter.take("a").remaining == 59
    for name in range(1000):
        clock[0] += 1
        limiter.take(str(name))
    assert len(limiter._buckets) < 70, "full buckets are forgotten"


def test_what_is_asked_elsewhere_counts_here_and_is_paid_back() -> None:
    clock = [0.0]
    limiter = RateLimiter(60, clock=lambda: clock[0])
    limiter.take("a")
    limiter.take_off({"a": 58, "b": 10_000})
    assert [limiter.take("a").retry_after for _ in range(2)] == [0, 2]
    assert limiter.take("b").retry_after == 62, "no debt is larger than a minute's worth"
    assert limiter.passed() == {"a": 2}
    assert limiter.passed() == {}, "each request is told once"
    clock[0] = 63.0
    assert limiter.take("b").retry_after == 0
    assert limiter.passed() == {"b": 1}


def test_processes_that_share_a_store_hold_one_limit_together(database_url: str) -> None:
    store, clock = Store.open(database_url), [0.0]
    shared = [SharedUse(RateLimiter(600, clock=lambda: clock[0]), Use(store.database)) for _ in range(3)]
    passed = 0
    for _second in range(120):  # each process is asked fifty times a second, five times what all may pass together
        for one in shared:
            passed += sum(one.limiter.take("key:x").retry_after == 0 for _ in range(50))
            one.exchange()
        clock[0] += 1.0
    # 600 at once and 10 a second for two minutes; and what slips through while the first second is not yet told.
    assert 1_700 <= passed <= 600 + 10 * 120 + 150
    store.close()
