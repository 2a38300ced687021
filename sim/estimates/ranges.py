"""How uncertain the estimates are: every assumption with a range, swung to its ends one by one."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scenarios.assumption import Assumption
from scenarios.model import Scenario
from scenarios.variation import with_assumption
from sim.estimates.sheet import Cell, Sheet


@dataclass(frozen=True, slots=True)
class Swing:
    """The estimates with one assumption at its low and at its high end, all else as it is."""

    key: str
    assumption: Assumption
    at_low: Mapping[str, float]
    at_high: Mapping[str, float]


def swings(scenario: Scenario, sheet: Sheet, cells: Iterable[Cell]) -> list[Swing]:
    """Return a swing of `cells` for each uncertain assumption of `scenario`, whose sheet it is."""
    cells = list(cells)

    def values_at(key: str, value: float | None) -> Mapping[str, float]:
        if value is None:
            return {}
        other = sheet.varied(with_assumption(scenario, key, value), changed=key)
        return {each.name: each(other) for each in cells if not other.has(each)}

    return [
        Swing(
            key=key,
            assumption=assumption,
            at_low=values_at(key, assumption.low),
            at_high=values_at(key, assumption.high),
        )
        for key, assumption in scenario.assumptions()
        if assumption.low is not None or assumption.high is not None
    ]


def value_range(cell: Cell, value: float, all_swings: Iterable[Swing]) -> tuple[float, float]:
    """Return the low and high end of an estimate.

    Assumptions are taken as independent, so their effects add as the root of the sum of squares,
    downwards and upwards apart; as factors, since the figures are positive and their ranges wide.
    A share stays between 0 and 1.

    Source: JCGM 100:2008 (GUM), section 5.1.2, on the logarithm, with finite swings for the
    derivatives.
    """
    if value <= 0:
        return value, value
    down = up = 0.0
    for swing in all_swings:
        ends = [swing.at_low.get(cell.name, value), swing.at_high.get(cell.name, value)]
        factors = [math.log(end / value) for end in ends if end > 0]
        down += min(0.0, *factors) ** 2 if factors else 0.0
        up += max(0.0, *factors) ** 2 if factors else 0.0
    high = value * math.exp(math.sqrt(up))
    return value * math.exp(-math.sqrt(down)), min(1.0, high) if cell.unit == "share" else high
