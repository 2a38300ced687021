"""The estimates of a scenario as a document: what `estimate` prints and reports start with."""

from dataclasses import dataclass
from functools import cached_property

from scenarios.model import Scenario
from sim.estimates.book import chapters, open_sheet
from sim.estimates.cost import usd_per_month
from sim.estimates.ranges import Swing, swings, value_range
from sim.estimates.sheet import Cell, Sheet
from sim.estimates.stated import STATED, stated_value
from sim.results.estimates import EstimateDocument, EstimateRow, ScenarioSummary
from sim.results.simulation import AssumptionRow, SensitivityRow

_SENSITIVE_ROWS = 12


@dataclass(frozen=True)
class Estimation:
    """A scenario's estimates: the sheet, and the swings that give its ranges, once asked for."""

    scenario: Scenario
    sheet: Sheet
    chapters: tuple[tuple[str, tuple[Cell, ...]], ...]

    @cached_property
    def swings(self) -> tuple[Swing, ...]:
        """A swing of all estimates for each uncertain assumption."""
        cells = [cell for _, chapter in self.chapters for cell in chapter]
        return tuple(swings(self.scenario, self.sheet, cells))


def estimated(scenario: Scenario) -> Estimation:
    """Return the estimates of a scenario.

    Raises:
        UnknownEstimateError: if a flow or box takes a figure from an estimate that does not exist.
    """
    sheet = open_sheet(scenario)
    parts = tuple(chapters(sheet))
    for _, cells in parts:
        for cell in cells:
            cell(sheet)  # All are known before they are swung: a swing reuses what does not move.
    return Estimation(scenario, sheet, parts)


def estimate_document(estimation: Estimation, *, ranges: bool = True) -> EstimateDocument:
    """Return the document of `estimate --json`; `ranges` take a fifth of its time."""
    return EstimateDocument(
        scenario=scenario_summary(estimation.scenario),
        estimates=estimate_rows(estimation, ranges=ranges),
    )


def scenario_summary(scenario: Scenario) -> ScenarioSummary:
    """Return what identifies a scenario."""
    return ScenarioSummary(
        name=scenario.name,
        title=scenario.title,
        description=scenario.description,
        dau=float(scenario.population.dau),
        mau=float(scenario.population.mau),
        fanout=str(scenario.fanout),
    )


def estimate_rows(estimation: Estimation, *, ranges: bool = True) -> tuple[EstimateRow, ...]:
    """Return a row for each estimate, in the order of the chapters."""
    assumptions = dict(estimation.scenario.assumptions())
    rows: list[EstimateRow] = []
    for section, cells in estimation.chapters:
        for cell in cells:
            value = cell(estimation.sheet)
            low, high = value_range(cell, value, estimation.swings) if ranges else (None, None)
            stated = stated_value(cell.name, assumptions)
            rows.append(
                EstimateRow(
                    name=cell.name,
                    section=section,
                    value=value,
                    unit=cell.unit,
                    formula=cell.formula,
                    low=low,
                    high=high,
                    stated=stated,
                    difference=None if stated is None else value / stated - 1,
                    source=cell.source or _source(cell.name),
                )
            )
    return tuple(rows)


def _source(name: str) -> str:
    """Return where a formula is from that needs no source of its own."""
    return "the design document" if name in STATED else "arithmetic on the assumptions"


def assumption_rows(scenario: Scenario) -> tuple[AssumptionRow, ...]:
    """Return a row for each assumption, in file order."""
    return tuple(
        AssumptionRow(
            key=key,
            value=float(assumption),
            text=str(assumption),
            low=assumption.low,
            high=assumption.high,
            unit=assumption.unit,
            dimension=assumption.dimension.value,
            source=assumption.source,
        )
        for key, assumption in scenario.assumptions()
    )


def cost_sensitivity(estimation: Estimation) -> tuple[SensitivityRow, ...]:
    """Return the assumptions that move the monthly bill most, the widest swing first."""
    name, base = usd_per_month.name, usd_per_month(estimation.sheet)
    rows = [
        SensitivityRow(
            estimate=name,
            unit=usd_per_month.unit,
            assumption=swing.key,
            assumption_low=_end(swing, swing.assumption.low),
            assumption_high=_end(swing, swing.assumption.high),
            value_at_low=swing.at_low.get(name, base),
            value_at_high=swing.at_high.get(name, base),
        )
        for swing in estimation.swings
    ]
    moving = [row for row in rows if row.value_at_low != row.value_at_high]
    moving.sort(key=lambda row: -abs(row.value_at_high - row.value_at_low))
    return tuple(moving[:_SENSITIVE_ROWS])


def _end(swing: Swing, end: float | None) -> str:
    return str(swing.assumption if end is None else swing.assumption.at(end))
