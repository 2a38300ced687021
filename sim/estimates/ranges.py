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
        # Listed first: working out one cell works out those it is made from.
        moved = [each for each in cells if not other.has(each)]
        return {each.name: each(other) for each in moved}

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
    swung = [
        (swing.at_low.get(cell.name, value), swing.at_high.get(cell.name, value))
        for swing in all_swings
    ]
    if value <= 0:
        # No factor leads away from zero: here the effects themselves are added.
        return (
            value - math.hypot(*(max(0.0, value - min(ends)) for ends in swung)),
            value + math.hypot(*(max(0.0, max(ends) - value) for ends in swung)),
        )
    factors = [[math.log(end / value) if end > 0 else -math.inf for end in ends] for ends in swung]
    down = math.hypot(*(min(0.0, *each) for each in factors))
    high = value * math.exp(math.hypot(*(max(0.0, *each) for each in factors)))
    return value * math.exp(-down), min(1.0, high) if cell.unit == "share" else high
