"""The tables of a load test as CSV, in base units."""

from dataclasses import asdict

from reports.tables import csv
from sim.results.loadtest import LoadtestDocument


def csv_tables(document: LoadtestDocument) -> dict[str, str]:
    """Return each table as CSV by its name; a value that is not known is empty."""
    rows = {
        "flows": [asdict(row) for row in document.flows],
        "objectives": [asdict(row) for row in document.objectives],
        "errors": [asdict(row) for row in document.errors],
        "timeline": [asdict(row) for row in document.timeline],
        "levels": [asdict(row) for row in document.levels],
    }
    return {name: csv(table) for name, table in rows.items() if table}
