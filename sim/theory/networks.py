"""Open Jackson networks: stations that customers visit in any order, feedback included."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sim.theory.errors import (
    NoExitError,
    RoutingShareError,
    UnknownStationError,
    UnstableQueueError,
)
from sim.theory.mmc import mmc_waiting_time_s
from sim.theory.ranges import require_count, require_non_negative, require_positive

# Shares such as 0.7 + 0.2 + 0.1 miss 1 by rounding.
_SHARE_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class JacksonStation:
    """A queue with its workers; exponential service at `service_rate_per_s` of each worker."""

    workers: int
    service_rate_per_s: float


@dataclass(frozen=True, slots=True)
class StationLoad:
    """What one station of a network sees in the steady state.

    `visits` is per customer of the network; both times are means per visit; `queue_length` is the
    mean number waiting, those in service not counted.
    """

    arrival_rate_per_s: float
    visits: float
    utilisation: float
    waiting_time_s: float
    response_time_s: float
    queue_length: float


@dataclass(frozen=True, slots=True)
class NetworkLoad:
    """Steady state of a network; `response_time_s` is the mean from entering to leaving it."""

    stations: Mapping[str, StationLoad]
    throughput_per_s: float
    response_time_s: float


def traffic_rates_per_s(
    *, external_rates_per_s: Mapping[str, float], routing: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Arrival rate at every station named: from outside plus from the other stations.

    `routing[a][b]` is the share of those leaving a that go on to b; the rest leaves the network.

    Raises:
        OutOfRangeError: if an external rate is negative or not finite.
        RoutingShareError: if the shares out of a station are no probabilities.
        NoExitError: if customers at some station can never leave.

    Source: Jackson, Networks of waiting lines, Operations Research 5 (1957) 518-521.
    """
    for station, rate_per_s in external_rates_per_s.items():
        require_non_negative(**{f"external rate of {station}": rate_per_s})
    names = list(external_rates_per_s)
    names += [name for name in routing if name not in names]
    names += sorted({after for shares in routing.values() for after in shares} - set(names))
    _require_exits(names, routing)
    inflow = [external_rates_per_s.get(name, 0.0) for name in names]
    kept = [
        [
            (row == column) - routing.get(before, {}).get(after, 0.0)
            for column, before in enumerate(names)
        ]
        for row, after in enumerate(names)
    ]
    return dict(zip(names, _solution(kept, inflow), strict=True))


def jackson_network(
    *,
    stations: Mapping[str, JacksonStation],
    external_rates_per_s: Mapping[str, float],
    routing: Mapping[str, Mapping[str, float]],
) -> NetworkLoad:
    """Steady state of an open network: every station behaves as an M/M/c queue of its own.

    Assumes Poisson arrivals from outside, exponential service, first come first served, and
    routing that does not look at the state.

    Raises:
        OutOfRangeError: if a rate or a number of workers is outside its range, or nobody arrives.
        UnknownStationError: if a rate or a route names a station that is not given.
        RoutingShareError: if the shares out of a station are no probabilities.
        NoExitError: if customers at some station can never leave.
        UnstableQueueError: with the first station that cannot keep up.

    Source: Jackson, Networks of waiting lines, Operations Research 5 (1957) 518-521; Kleinrock,
    Queueing Systems vol. 1 (1975), section 4.8.
    """
    rates_per_s = traffic_rates_per_s(external_rates_per_s=external_rates_per_s, routing=routing)
    for name in rates_per_s:
        if name not in stations:
            raise UnknownStationError(station=name)
    throughput_per_s = math.fsum(external_rates_per_s.values())
    require_positive(throughput_per_s=throughput_per_s)
    loads = {
        name: _station_load(name, station, rates_per_s.get(name, 0.0), throughput_per_s)
        for name, station in stations.items()
    }
    return NetworkLoad(
        stations=loads,
        throughput_per_s=throughput_per_s,
        response_time_s=math.fsum(load.visits * load.response_time_s for load in loads.values()),
    )


def _station_load(
    name: str, station: JacksonStation, arrival_rate_per_s: float, throughput_per_s: float
) -> StationLoad:
    require_count(workers=station.workers)
    require_positive(service_rate_per_s=station.service_rate_per_s)
    utilisation = arrival_rate_per_s / (station.workers * station.service_rate_per_s)
    if utilisation >= 1:
        raise UnstableQueueError(utilisation=utilisation, station=name)
    waiting_time_s = mmc_waiting_time_s(
        arrival_rate_per_s=arrival_rate_per_s,
        service_rate_per_s=station.service_rate_per_s,
        workers=station.workers,
    )
    return StationLoad(
        arrival_rate_per_s=arrival_rate_per_s,
        visits=arrival_rate_per_s / throughput_per_s,
        utilisation=utilisation,
        waiting_time_s=waiting_time_s,
        response_time_s=waiting_time_s + 1 / station.service_rate_per_s,
        queue_length=arrival_rate_per_s * waiting_time_s,
    )


def _require_exits(names: list[str], routing: Mapping[str, Mapping[str, float]]) -> None:
    leaving = set()
    for name in names:
        shares = routing.get(name, {})
        total = math.fsum(shares.values())
        if not total <= 1 + _SHARE_ROUNDING or any(share < 0 for share in shares.values()):
            raise RoutingShareError(station=name, total=total)
        if total < 1 - _SHARE_ROUNDING:
            leaving.add(name)
    for _ in names:
        leaving |= {
            name
            for name in names
            if any(share > 0 and to in leaving for to, share in routing.get(name, {}).items())
        }
    if len(leaving) < len(names):
        raise NoExitError(stations=set(names) - leaving)


def _solution(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gaussian elimination; no pivoting, as every customer leaves (I - P is an M-matrix)."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for pivot, row in enumerate(rows):
        for lower in rows[pivot + 1 :]:
            factor = lower[pivot] / row[pivot]
            for column in range(pivot, len(row)):
                lower[column] -= factor * row[column]
    solution = [0.0] * len(rows)
    for pivot in reversed(range(len(rows))):
        row = rows[pivot]
        known = math.fsum(row[k] * solution[k] for k in range(pivot + 1, len(rows)))
        solution[pivot] = (row[-1] - known) / row[pivot]
    return solution
