"""When a run does not tell of the server, and when an objective is missed."""

from dataclasses import replace

import pytest

from scenarios.loader import load
from sim.loadtest.canaries import GIVE_UP_S
from sim.loadtest.document import flow_rows, freshness_of
from sim.loadtest.measurement import Measurement
from sim.loadtest.plan import Load
from sim.loadtest.verdict import invalid_because, objective_rows
from sim.results.simulation import ObjectiveRow
from tests.unit.loadtest.runs import answered, interval, recorder, run, second


def reason(of: Measurement) -> str:
    return "; ".join(invalid_because(of))


def test_a_run_without_a_fault_is_valid() -> None:
    assert invalid_because(run()) == ()


def test_a_generator_that_died_is_told() -> None:
    died = run()
    died.ended = False

    assert "ended before the run was over" in reason(died)


def test_a_generator_that_was_lost_among_others_is_told() -> None:
    lost = run()
    lost.generators, lost.lost_generators = 2, [1]

    assert "1 of 2 load generators ended" in reason(lost)


def test_a_generator_that_never_told_anything_is_told() -> None:
    silent = run()
    silent.generators = 2

    assert "1 of 2 load generators have told" in reason(silent)


def test_a_schedule_that_was_not_reached_is_told() -> None:
    short = run()
    short.planned = 500

    assert "came to 400 of the 500 requests" in reason(short)


@pytest.mark.parametrize("ending", ["interrupted", "lost"])
def test_a_run_that_was_ended_early_is_not_called_unfinished(ending: str) -> None:
    ended = run()
    ended.ended, ended.planned = False, 4_000
    if ending == "lost":
        ended.target_lost_s = 4.0
    else:
        ended.interrupted = True

    assert invalid_because(ended) == ()


def test_a_run_of_nothing_is_not_valid() -> None:
    assert "no request was due" in reason(run([second(1, requests=0)]))


def test_lag_is_told_of_one_request_in_a_hundred() -> None:
    found = recorder()
    for number in range(200):
        answered(found, "read_feed", 0.1, lag_s=0.05 if number < 4 else 0.0)

    assert "one request in a hundred 50" in reason(run([interval(found, 1.0, 5.0)]))


def test_lag_is_told_of_a_single_request_of_fewer_than_a_hundred() -> None:
    found = recorder()
    for number in range(50):
        answered(found, "read_feed", 0.1, lag_s=0.05 if number == 7 else 0.0)

    assert "of fewer than a hundred" in reason(run([interval(found, 1.0, 5.0)]))


def test_requests_that_were_sent_too_late_were_not_sent() -> None:
    found = recorder()
    for number in range(100):
        found.due("read_feed")
        found.sent(0.0, in_time=number >= 2)

    assert "sent 98% of the requests" in reason(run([interval(found, 1.0, 5.0)]))


def test_a_generator_that_kept_its_core_busy_is_told() -> None:
    busy = [second(number, cpu_s=0.97) for number in range(1, 5)]

    assert "kept its core 97% busy" in reason(run(busy))


def test_idle_time_before_and_after_the_load_does_not_hide_a_busy_generator() -> None:
    busy = [second(number, cpu_s=0.97) for number in range(1, 5)]
    after = [second(number, requests=0, cpu_s=0.0) for number in range(5, 15)]

    assert "97%" in reason(run([second(0, requests=0, cpu_s=0.0), *busy, *after]))


@pytest.mark.parametrize(
    ("cores", "machines", "is_valid"),
    [
        (([1], [1]), ("one", "one"), False),
        (([1], [2]), ("one", "one"), True),
        (([1], [1]), ("one", "other"), True),
    ],
)
def test_two_generators_saturate_a_core_that_they_share(
    cores: tuple[list[int], list[int]], machines: tuple[str, str], *, is_valid: bool
) -> None:
    told = [
        second(1, cpu_s=0.5, cores=each, machine=machine)
        for each, machine in zip(cores, machines, strict=True)
    ]
    shared = run(told, workers=[0, 1])

    assert (invalid_because(shared) == ()) is is_valid
    if not is_valid:
        assert "the 1 cores that they share 100% busy" in reason(shared)


def test_closed_users_have_no_lag() -> None:
    found = recorder()
    for _ in range(200):
        answered(found, "read_feed", 0.1, lag_s=0.05)

    assert invalid_because(run([interval(found, 1.0, 5.0)], load=Load.CLOSED)) == ()


def objective(of: Measurement, name: str) -> ObjectiveRow:
    scenario = load()
    rows = objective_rows(scenario.objectives, flow_rows(of, scenario), freshness_of(of))
    return next(row for row in rows if row.name == name)


def test_requests_that_were_given_up_miss_the_objective() -> None:
    found = recorder()
    for _ in range(100):
        answered(found, "read_feed", 0.003)
    for _ in range(10):
        found.due("read_feed")
        found.failed("read_feed", "timeout", "", waited_s=10.0)

    p99 = objective(run([interval(found, 1.0, 5.0)]), "read_feed p99")
    assert p99.value == pytest.approx(10, rel=1e-3)
    assert p99.met is False


@pytest.mark.parametrize(("posts", "lost"), [(500, 20), (20, 1), (0, 3)])
def test_lost_canaries_miss_the_objective(posts: int, lost: int) -> None:
    told = second(1, freshness_s=[0.01] * posts, canaries_lost=lost)

    fresh = objective(run([told]), "freshness p99")

    assert (fresh.value, fresh.met) == (GIVE_UP_S, False)


def test_one_lost_canary_of_very_many_is_within_the_objective() -> None:
    told = second(1, freshness_s=[0.01] * 500, canaries_lost=1)

    assert objective(run([told]), "freshness p99").met


def test_a_time_at_which_all_is_given_up_does_not_meet_a_longer_objective() -> None:
    scenario = load(overrides=["objectives.freshness_p99=1m"])
    told = run([second(1, canaries_lost=5)])

    rows = objective_rows(scenario.objectives, (), freshness_of(told))

    assert next(row for row in rows if row.name == "freshness p99").met is None


def test_figures_end_where_a_lost_target_s_answers_end() -> None:
    dead = recorder()
    for _ in range(100):
        dead.due("read_feed")
        dead.failed("read_feed", "connection refused", "")
    lost = run([second(1), second(2), interval(dead, 3.0, 4.0)])
    lost.target_lost_s = 3.0

    assert lost.measured_s == 2.0
    assert lost.total("due") == 200
    assert lost.flow("read_feed").failed == 0


def test_a_run_that_was_interrupted_lasted_until_nothing_more_was_sent() -> None:
    stopped = replace(run(), interrupted=True, sent_until_s=2.5)

    assert stopped.measured_s == 1.5
