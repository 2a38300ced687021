"""What a generator counts: nothing that was due gets lost."""

from sim.loadtest.canaries import CANARY_READS
from sim.loadtest.histograms import merged, quantile_s
from tests.unit.loadtest.runs import answered, interval, recorder


def test_what_has_no_answer_when_the_run_is_over_counts_as_a_timeout() -> None:
    found = recorder()
    for _ in range(7):
        answered(found, "read_feed", 0.003)
    for flow in ("read_feed", "read_feed", "like"):
        found.due(flow)
    found.give_up(waited_s=10.0)

    told = interval(found, 1.0, 2.0)

    assert told["due"] == 10
    assert told["flows"]["read_feed"]["right"] == 7
    assert told["flows"]["read_feed"]["errors"] == {"timeout": 2}
    assert told["flows"]["like"]["errors"] == {"timeout": 1}


def test_a_timeout_counts_among_the_response_times_and_another_failure_does_not() -> None:
    found = recorder()
    for number in range(100):
        found.due("like")
        found.failed("like", "x", "", waited_s=10.0 if number < 50 else None)

    told = interval(found, 1.0, 2.0)["flows"]["like"]

    response = merged([told["response"]])
    assert response.get_total_count() == 50
    assert (quantile_s(response, 0.5) or 0) > 9.9
    assert told["right"] == 0


def test_reads_of_watchers_that_the_end_cuts_off_were_never_due() -> None:
    found = recorder()
    found.due(CANARY_READS)
    found.now.canary_requests += 1
    found.give_up(waited_s=10.0)

    told = interval(found, 1.0, 2.0)

    assert (told["due"], told["canary_requests"]) == (0, 0)
    assert CANARY_READS not in told["flows"]
