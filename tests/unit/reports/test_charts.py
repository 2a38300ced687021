"""Charts: each has a title, a sentence computed from the data, and its data."""

import json
from collections.abc import Callable

import pytest

from reports.charts import CHART_NAMES
from reports.content import Chart
from reports.pictures import charts_of, picture
from reports.sections.outline import outline
from sim.results.simulation import SimulationDocument
from tests.unit.reports.sample import simulation
from tests.unit.reports.variants import empty, hostile, unknown

Make = Callable[[], SimulationDocument]


def charts(document: SimulationDocument) -> dict[str, Chart]:
    """Return the charts of a report by name."""
    return {chart.name: chart for chart in charts_of(outline(document))}


def test_a_full_document_has_every_chart() -> None:
    assert set(charts(simulation())) == set(CHART_NAMES)


def test_an_empty_document_has_none() -> None:
    assert charts(empty()) == {}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("load", "peaks at 14:00 UTC with 129.2K/s, 1.31× its mean"),
        ("storage", "After 10 years the posts alone are 788.4 PB"),
        ("utilisation", "In Asia Pacific the feeds db is busiest, 61 % at 13:00 UTC"),
        ("latency", "takes longer than 31.2 ms"),
        ("hours", "worst at 13:00 UTC"),
        ("failures", "88 % comes from “global”"),
        ("cost", "Egress is 93 % of the bill"),
        ("stated", "furthest off is cache_bytes: stated 2 TB, computed 2.16 TB"),
        ("sensitivity", "prices.egress.6 moves the bill most: from $8.1M to $136M"),
    ],
)
def test_a_chart_says_what_it_means(name: str, words: str) -> None:
    assert words in charts(simulation())[name].sentence


@pytest.mark.parametrize("make", [simulation, empty, unknown, hostile])
def test_every_chart_has_data_and_a_finite_specification(make: Make) -> None:
    for chart in charts(make()).values():
        json.dumps(chart.spec, allow_nan=False)
        assert chart.title
        assert chart.data.rows


@pytest.mark.parametrize("make", [simulation, unknown, hostile])
def test_every_chart_can_be_drawn(make: Make) -> None:
    for chart in charts(make()).values():
        svg = picture(chart)

        assert svg.startswith("<svg")
        assert "<script" not in svg


def test_the_cost_chart_takes_the_bill_and_not_the_cost_of_a_user() -> None:
    data = charts(simulation())["sensitivity"].data

    assert [row[0] for row in data.rows][:2] == ["prices.egress.6", "delivery.video.phone"]
