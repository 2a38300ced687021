"""The bounded cache: what stays, what goes, and what must not be filled in."""

import tracemalloc

import pytest

from server.services import caches
from server.services.caches import SECOND_CHANCES, LeasedCache


@pytest.fixture
def gone() -> list[str]:
    return []


@pytest.fixture
def cache(gone: list[str]) -> LeasedCache[int, str]:
    cache: LeasedCache[int, str] = LeasedCache(capacity=3, on_out=gone.append)
    for number in range(3):
        cache.put(number, f"value {number}")
    gone.clear()
    return cache


def test_the_oldest_goes_first(cache: LeasedCache[int, str]) -> None:
    cache.put(3, "value 3")

    assert cache.get_many([0, 1, 2, 3]) == [None, "value 1", "value 2", "value 3"]


def test_what_was_read_outlives_what_was_not(cache: LeasedCache[int, str]) -> None:
    cache.get(0)
    cache.get_many([1, 99])

    cache.put(3, "value 3")

    assert cache.get_many([0, 1, 2, 3]) == ["value 0", "value 1", None, "value 3"]


def test_a_second_chance_is_used_up(cache: LeasedCache[int, str]) -> None:
    cache.get(0)

    for number in range(3, 7):
        cache.put(number, f"value {number}")

    assert cache.get_many([0, 6]) == [None, "value 6"]


def test_room_is_made_although_everything_was_read() -> None:
    cache: LeasedCache[int, str] = LeasedCache(capacity=2 * SECOND_CHANCES)
    for number in range(2 * SECOND_CHANCES):
        cache.put(number, "read")
        cache.get(number)

    cache.put(-1, "one more")

    assert len(cache) == 2 * SECOND_CHANCES


def test_whoever_leaves_is_told_of(cache: LeasedCache[int, str], gone: list[str]) -> None:
    cache.put(0, "another")
    cache.put(3, "value 3")
    cache.drop([2])
    cache.clear()

    assert gone == ["value 0", "value 1", "value 2", "another", "value 3"]


def test_what_was_read_before_a_write_is_not_kept(cache: LeasedCache[int, str]) -> None:
    lease = cache.lease()
    cache.drop([0])

    cache.fill(0, "old", lease=lease)

    assert cache.get(0) is None


def test_what_was_read_before_more_writes_than_are_remembered_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caches, "WRITES_REMEMBERED", 2)
    cache: LeasedCache[int, str] = LeasedCache(capacity=100)
    lease = cache.lease()
    cache.drop([0])
    later = cache.lease()
    cache.drop([1, 2])

    cache.fill(0, "old", lease=lease)
    cache.fill(3, "written before nobody knows when", lease=lease)
    cache.fill(4, "read since", lease=later)

    assert cache.get_many([0, 3, 4]) == [None, None, "read since"]


def test_writes_of_many_keys_take_no_more_memory_than_those_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caches, "WRITES_REMEMBERED", 100)
    cache: LeasedCache[int, str] = LeasedCache(capacity=1_000_000)

    tracemalloc.start()
    try:
        for key in range(20_000):
            cache.drop([key])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 100_000
