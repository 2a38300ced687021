"""Two runs side by side."""

import dataclasses

from reports.compare import (
    ComparedRow,
    Comparison,
    compare,
    comparison_markdown,
    comparison_summary,
)
from sim.results.simulation import SimulationDocument
from tests.unit.reports.sample import simulation
from tests.unit.reports.variants import empty, hostile


def at_twice_the_cost() -> SimulationDocument:
    """Return a run that costs twice as much."""
    document = simulation()
    cost = dataclasses.replace(document.cost, usd_per_month=2 * document.cost.usd_per_month)
    return dataclasses.replace(document, cost=cost)


def row_of(comparison: Comparison, section: str, name: str) -> ComparedRow:
    """Return the row of one figure."""
    return next(row for row in comparison.rows if (row.section, row.name) == (section, name))


def test_a_run_is_like_itself() -> None:
    comparison = compare(simulation(), simulation())

    assert not any(row.differs for row in comparison.rows)
    assert comparison_summary(comparison).endswith("are the same.")


def test_what_differs_has_its_ratio() -> None:
    row = row_of(compare(simulation(), at_twice_the_cost()), "cost", "all")

    assert (row.differs, row.ratio) == (True, 2.0)


def test_what_one_run_lacks_is_unknown_there() -> None:
    row = row_of(compare(simulation(), empty()), "flows", "read_feed p99")

    assert (row.a, row.b, row.ratio, row.differs) == (0.0312, None, None, True)


def test_what_only_the_second_run_has_is_there_too() -> None:
    row = row_of(compare(empty(), simulation()), "estimates", "dau")

    assert (row.a, row.b) == (None, 5e8)


def test_a_figure_that_was_nothing_has_no_ratio() -> None:
    row = row_of(compare(empty(), simulation()), "cost", "all")

    assert (row.a, row.ratio) == (0, None)


def test_only_what_differs_is_in_the_markdown() -> None:
    text = comparison_markdown(compare(simulation(), at_twice_the_cost()))

    assert "| all | $48.4M/month | $96.8M/month | 2× |" in text
    assert "read\\_feed" not in text


def test_hostile_names_are_escaped_in_the_markdown() -> None:
    assert "<script" not in comparison_markdown(compare(hostile(), simulation())).replace("\\<", "")
