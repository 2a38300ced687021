"""What the formulas refuse.

TheoryError
├── OutOfRangeError         an argument outside the formula's domain
├── UnstableQueueError      work arrives at least as fast as it can be done
├── NoExitError             customers of a network that can never leave it
├── UnknownStationError     routing names a station that does not exist
├── RoutingShareError       routing shares of a station that are no probabilities
└── TooFewSamplesError      an interval asked of too few observations
"""

from collections.abc import Iterable


class TheoryError(Exception):
    """Root of everything a formula refuses."""


class OutOfRangeError(TheoryError):
    """An argument lies outside the domain of the formula."""

    def __init__(self, *, name: str, value: float, expected: str) -> None:
        self.name = name
        self.value = value
        self.expected = expected
        super().__init__(f"{name} is {value!r}, expected {expected}")


class UnstableQueueError(TheoryError):
    """Work arrives at least as fast as it can be done; `station` is set inside a network."""

    def __init__(self, *, utilisation: float, station: str | None = None) -> None:
        self.utilisation = utilisation
        self.station = station
        where = "" if station is None else f"station {station!r}: "
        super().__init__(
            f"{where}utilisation is {utilisation:.6g}, a steady state needs less than 1"
        )


class NoExitError(TheoryError):
    """Customers at these stations can never leave the network."""

    def __init__(self, *, stations: Iterable[str]) -> None:
        self.stations = tuple(sorted(stations))
        super().__init__(f"no way out of the network from {', '.join(self.stations)}")


class UnknownStationError(TheoryError):
    """A rate or a route names a station that the network does not have."""

    def __init__(self, *, station: str) -> None:
        self.station = station
        super().__init__(f"unknown station {station!r}")


class RoutingShareError(TheoryError):
    """The shares routed out of a station are negative or add up to more than 1."""

    def __init__(self, *, station: str, total: float) -> None:
        self.station = station
        self.total = total
        super().__init__(
            f"station {station!r} routes a total share of {total:.6g}, "
            "expected non-negative shares of at most 1 together"
        )


class TooFewSamplesError(TheoryError):
    """An interval needs more observations than were given."""

    def __init__(self, *, samples: int, needed: int) -> None:
        self.samples = samples
        self.needed = needed
        super().__init__(f"{samples} observations, the interval needs at least {needed}")
