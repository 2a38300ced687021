"""The document of `estimate --json`; apart, so that an estimate does not load what it lacks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScenarioSummary:
    """Which scenario was run, with the figures that identify it."""

    name: str
    title: str
    description: str
    dau: float
    mau: float
    fanout: str


@dataclass(frozen=True, slots=True)
class EstimateRow:
    """One figure of the arithmetic.

    Attributes:
        section: chapter it belongs to, such as `throughput` or `cost`.
        low, high: the figure with each uncertain assumption swung to its ends, the swings added as
            independent factors (root of the sum of squares of their logarithms); equal to `value`
            where nothing is uncertain, None where no ranges were asked for.
        stated: the design document's own figure, where its inputs are that document's.
        difference: value / stated - 1.
    """

    name: str
    section: str
    value: float
    unit: str
    formula: str
    low: float | None
    high: float | None
    stated: float | None
    difference: float | None
    source: str


@dataclass(frozen=True, slots=True)
class EstimateDocument:
    """The document of `estimate --json`."""

    scenario: ScenarioSummary
    estimates: tuple[EstimateRow, ...]
