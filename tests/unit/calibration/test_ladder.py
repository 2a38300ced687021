"""The loads of a calibration: chosen by what the server used for a request under the one before."""

from collections.abc import Callable

from sim.calibration.ladder import LOW_LOAD_PER_S, MOST_MORE, SHARES, next_rate_per_s


def climbed(cpu_s_per_request: Callable[[float], float]) -> list[float]:
    """Return the loads of a server that uses so much for a request under a load."""
    found = [LOW_LOAD_PER_S]
    while (
        rate_per_s := next_rate_per_s(
            len(found), rate_per_s=found[-1], cpu_s_per_request=cpu_s_per_request(found[-1])
        )
    ) is not None:
        found.append(rate_per_s)
    return found


def test_a_server_that_uses_the_same_under_any_load_is_measured_at_each_share() -> None:
    assert climbed(lambda _: 0.001) == [LOW_LOAD_PER_S, *(share / 0.001 for share in SHARES)]


def test_a_server_that_uses_less_the_busier_it_is_is_measured_near_its_maximum() -> None:
    """1.5 ms for a request that has a server to itself, 0.4 ms for one among very many."""

    def cpu_s_per_request(rate_per_s: float) -> float:
        return 0.0004 + 0.0011 / (1 + rate_per_s / 300)

    rates = climbed(cpu_s_per_request)

    assert len(rates) > 1 + len(SHARES)
    # What it can do is where it would use all of the core.
    most_per_s = next(rate for rate in range(1, 5_000) if rate * cpu_s_per_request(rate) >= 1)
    assert 0.75 * most_per_s < rates[-1] < 0.95 * most_per_s


def test_a_server_that_uses_ever_less_is_measured_so_often_at_most() -> None:
    assert len(climbed(lambda rate_per_s: 0.1 / rate_per_s)) == 1 + len(SHARES) + MOST_MORE
