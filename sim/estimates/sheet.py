"""A sheet of estimates: named cells, each a formula over a scenario, worked out once when asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from scenarios.errors import ScenarioError
from scenarios.model import Scenario
from scenarios.population import HOURS
from scenarios.quantities import HOUR_S


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
    """The estimates of one scenario; a cell is computed when it is first needed."""

    def __init__(self, scenario: Scenario, names: Mapping[str, Cell] | None = None) -> None:
        """Make a sheet on which `names` lists the cells that a scenario may refer to by name."""
        self.scenario = scenario
        self._names = names or {}
        self._values: dict[str, float] = {}
        self._made: dict[Callable[[Sheet], object], object] = {}

    def value_of(self, wanted: Cell) -> float:
        """Value of a cell."""
        if wanted.name not in self._values:
            self._values[wanted.name] = float(wanted.compute(self))
        return self._values[wanted.name]

    def once(self, make: "Callable[[Sheet], Made]") -> "Made":
        """Return what `make` makes of this sheet, made when it is first needed."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("Made", self._made[make])

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

    @cached_property
    def hourly_factors(self) -> dict[str, tuple[float, ...]]:
        """Load of each region in each UTC hour over that region's mean, by region."""
        population = self.scenario.population
        return {
            region: tuple(
                population.load_factor(region, time_s=hour * HOUR_S) for hour in range(HOURS)
            )
            for region in population.regions
        }

    @cached_property
    def world_factors(self) -> tuple[float, ...]:
        """Load of the world in each UTC hour over its mean."""
        regions = self.scenario.population.regions
        return tuple(
            sum(regions[name].share * factors[hour] for name, factors in self.hourly_factors.items())
            for hour in range(HOURS)
        )
