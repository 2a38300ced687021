"""Ids: unique, rising and on their shard, whatever the clock does."""

from hypothesis import given
from hypothesis import strategies as st

from server.model.ids import (
    EPOCH_MS,
    LARGEST_ID,
    IdGenerator,
    first_id_at,
    on_shard,
    shard_of,
    spread_shard,
    time_ms_of,
    timestamp_of,
)

TIMES_MS = st.integers(min_value=EPOCH_MS, max_value=EPOCH_MS + 2**40)
SHARDS = st.integers(min_value=0, max_value=1023)


@given(st.lists(st.tuples(TIMES_MS, SHARDS), min_size=2))
def test_ids_rise_also_when_the_clock_steps_back(steps: list[tuple[int, int]]) -> None:
    times = iter([time_ms for time_ms, _ in steps])
    ids = IdGenerator(lambda: next(times))

    made = [ids.new(shard=shard) for _, shard in steps]

    assert made == sorted(set(made))
    assert [shard_of(an_id) for an_id in made] == [shard for _, shard in steps]
    assert max(made) <= LARGEST_ID


def test_ids_rise_when_a_millisecond_has_run_out_of_numbers() -> None:
    ids = IdGenerator(lambda: EPOCH_MS + 1)

    made = [ids.new() for _ in range(5000)]

    assert made == sorted(set(made))


def test_ids_go_on_from_the_last_one_after_a_restart() -> None:
    last_id = IdGenerator(lambda: EPOCH_MS + 10_000).new(shard=3)

    assert IdGenerator(lambda: EPOCH_MS, last_id=last_id).new() > last_id


@given(TIMES_MS, SHARDS)
def test_an_id_tells_its_time(time_ms: int, shard: int) -> None:
    an_id = IdGenerator(lambda: time_ms).new(shard=shard)

    assert time_ms_of(an_id) == time_ms
    assert first_id_at(time_ms) <= an_id < first_id_at(time_ms + 1)


@given(st.integers(min_value=0, max_value=LARGEST_ID))
def test_an_id_can_be_put_on_another_shard(an_id: int) -> None:
    assert shard_of(on_shard(an_id, 7)) == 7
    assert time_ms_of(on_shard(an_id, 7)) == time_ms_of(an_id)
    assert 0 <= spread_shard(an_id) < 1024


@given(SHARDS)
def test_the_ceiling_is_above_all_ids_so_far_on_any_shard_and_below_the_next(shard: int) -> None:
    ids = IdGenerator(lambda: EPOCH_MS + 1)

    made = on_shard(ids.new(), shard)

    assert made <= ids.ceiling < ids.new()


def test_a_timestamp_is_rfc_3339_in_utc() -> None:
    an_id = IdGenerator(lambda: 1_800_000_000_123).new()

    assert timestamp_of(an_id) == "2027-01-15T08:00:00.123Z"
