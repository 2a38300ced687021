"""The CSV tables."""

import csv
import io

import pytest

from reports.tables import csv_tables
from sim.results.simulation import SimulationDocument
from tests.unit.reports.sample import simulation
from tests.unit.reports.variants import HOSTILE, empty, hostile


def rows(document: SimulationDocument, table: str) -> list[dict[str, str]]:
    """Return the rows of one table, as another program reads them."""
    return list(csv.DictReader(io.StringIO(csv_tables(document)[table])))


@pytest.mark.parametrize(
    ("table", "count"),
    [
        ("estimates", 108),
        ("assumptions", 21),
        ("fleet", 92),
        ("flows", 8),
        ("day", 24),
        ("cost", 9),
        ("sensitivity", 16),
    ],
)
def test_a_table_has_a_line_for_each_row(table: str, count: int) -> None:
    assert len(rows(simulation(), table)) == count


def test_figures_are_in_base_units_and_unknown_ones_are_empty() -> None:
    unfollow = rows(simulation(), "flows")[1]

    assert (unfollow["p50_s"], unfollow["p99_s"], unfollow["requests"]) == ("0.0036", "", "497")


def test_a_day_has_a_column_for_each_flow_and_box() -> None:
    hour = rows(simulation(), "day")[0]

    assert float(hour["requests_per_s.read_feed"]) > float(hour["requests_per_s.follow"])
    assert "utilisation.feed_cache" in hour


def test_hostile_texts_come_back_as_they_are() -> None:
    assert rows(hostile(), "assumptions")[0]["text"] == HOSTILE


def test_an_empty_document_gives_tables_without_rows() -> None:
    assert all(rows(empty(), name) == [] for name in csv_tables(empty()))
