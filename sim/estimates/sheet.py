"""A sheet of estimates: named cells, each a formula over a scenario, worked out once when asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from scenarios.errors import ScenarioError
from scenarios.model import Scenario
from scenarios.population import HOURS
from scenarios.quantities import HOUR_S
from sim.estimates.watch import keys_touched_by, watched

Made = TypeVar("Made")


class UnknownEstimateError(ScenarioError):
    """A scenario that takes a figure from an estimate that does not exist."""

    def __init__(self, *, key: str, name: str) -> None:
        """Name the scenario's key and the estimate asked for."""
        self.name = name
        super().__init__(
            f"{key}: found {name!r}, expected the name of an estimate (see `socialfeed estimate`)"
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One estimate: what it is called, its unit, its formula in words, and the function.

    Call it with a sheet to get its value there.
    """

    name: str
    unit: str
    formula: str
    compute: "Callable[[Sheet], float]"
    source: str = ""

    def __call__(self, sheet: "Sheet") -> float:
        """Value of this estimate in that sheet."""
        return sheet.value_of(self)


def cell(unit: str, *, source: str = "") -> "Callable[[Callable[[Sheet], float]], Cell]":
    """Make the decorated function an estimate of its own name; its docstring is the formula."""

    def decorate(compute: "Callable[[Sheet], float]") -> Cell:
        return Cell(
            name=compute.__name__,
            unit=unit,
            formula=(compute.__doc__ or "").removesuffix("."),
            compute=compute,
            source=source,
        )

    return decorate


class Sheet:
    """The estimates of one scenario; each is computed when it is first needed.

    The sheet notes which figures of the scenario each result was made from, so that a sheet of a
    scenario that differs in one figure computes only what rests on it.
    """

    def __init__(self, scenario: Scenario, names: Mapping[str, Cell] | None = None) -> None:
        """Make a sheet on which `names` lists the cells that a scenario may refer to by name."""
        self.scenario = watched(scenario, self._note)
        self._names = names or {}
        self._results: dict[object, _Result] = {}
        self._reading: list[set[str]] = []

    def varied(self, scenario: Scenario, *, changed: str) -> "Sheet":
        """Return a sheet for a scenario that differs from this one's in the figure of one key.

        It notes nothing, so it cannot be varied again.
        """
        other = Sheet(scenario, self._names)
        other.scenario = scenario
        touched = keys_touched_by(changed)
        other._results = {
            key: result for key, result in self._results.items() if result.noted.isdisjoint(touched)
        }
        return other

    def value_of(self, wanted: Cell) -> float:
        """Value of a cell."""
        return cast("float", self._result(wanted.name, lambda: float(wanted.compute(self))))

    def has(self, wanted: Cell) -> bool:
        """Whether that cell is computed already, or came along unchanged in `varied`."""
        return wanted.name in self._results

    def once(self, make: "Callable[..., Made]", *given: str) -> "Made":
        """Return what `make` makes of this sheet and what is given, made when first needed."""
        return cast("Made", self._result((make, given), lambda: make(self, *given)))

    def _note(self, key: str) -> None:
        if self._reading:
            self._reading[-1].add(key)

    def _result(self, key: object, compute: Callable[[], object]) -> object:
        result = self._results.get(key)
        if result is None:
            self._reading.append(set())
            value = compute()
            result = _Result(value=value, noted=frozenset(self._reading.pop()))
            self._results[key] = result
        if self._reading:
            self._reading[-1] |= result.noted
        return result.value

    def named(self, name: str, *, key: str) -> float:
        """Value of the cell that a scenario's `key` refers to by name.

        Raises:
            UnknownEstimateError: if there is no cell of that name.
        """
        if name not in self._names:
            raise UnknownEstimateError(key=key, name=name)
        return self.value_of(self._names[name])

    def resolved(self, figure: float | str, *, key: str) -> float:
        """Value of a figure that is either a number or the name of a cell."""
        return self.named(figure, key=key) if isinstance(figure, str) else float(figure)


@dataclass(frozen=True, slots=True)
class _Result:
    """A value, and the keys of the scenario that were read to make it."""

    value: object
    noted: frozenset[str]


def hourly_factors(sheet: Sheet) -> Mapping[str, tuple[float, ...]]:
    """Load of each region in each UTC hour over that region's mean, by region; use with `once`."""
    population = sheet.scenario.population
    return {
        region: tuple(population.load_factor(region, time_s=hour * HOUR_S) for hour in range(HOURS))
        for region in population.regions
    }


def world_factors(sheet: Sheet) -> tuple[float, ...]:
    """Load of the world in each UTC hour over its mean; use with `once`."""
    regions = sheet.scenario.population.regions
    hourly = sheet.once(hourly_factors)
    return tuple(
        sum(regions[name].share * factors[hour] for name, factors in hourly.items())
        for hour in range(HOURS)
    )
