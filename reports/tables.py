"""The tables of a report as CSV, in base units: seconds, bytes, per second, shares of one."""

from collections.abc import Callable, Mapping
from dataclasses import asdict

import pandas as pd

from sim.results.estimates import EstimateDocument
from sim.results.simulation import HourRow, SimulationDocument

_Rows = list[dict[str, object]]

_TABLES: dict[str, Callable[[SimulationDocument], _Rows]] = {
    "estimates": lambda document: [asdict(row) for row in document.estimates],
    "assumptions": lambda document: [asdict(row) for row in document.assumptions],
    "fleet": lambda document: [asdict(row) for row in document.fleet],
    "flows": lambda document: [_flow(asdict(row)) for row in document.flows],
    "day": lambda document: [_hour(row) for row in document.day],
    "cost": lambda document: [asdict(row) for row in document.cost.lines],
    "sensitivity": lambda document: [asdict(row) for row in document.sensitivity],
}

TABLE_NAMES = tuple(_TABLES)


def csv_tables(document: SimulationDocument) -> dict[str, str]:
    """Return each table as CSV by its name; a value that is not known is empty."""
    return {name: csv(rows(document)) for name, rows in _TABLES.items()}


def estimate_table(document: EstimateDocument) -> str:
    """Return the estimates as CSV."""
    return csv([asdict(row) for row in document.estimates])


def csv(rows: _Rows) -> str:
    """Return records as CSV, the keys of the first as its head."""
    # Objects, so that a column of whole numbers with a gap does not turn into fractions.
    frame = pd.DataFrame(rows, dtype=object)
    return frame.to_csv(index=False, lineterminator="\n")


def _flow(row: dict[str, object]) -> dict[str, object]:
    interval = row.pop("p99_ci_s")
    low, high = interval if isinstance(interval, tuple) else (None, None)
    return {**row, "p99_ci_low_s": low, "p99_ci_high_s": high}


def _hour(row: HourRow) -> dict[str, object]:
    return {
        "hour": row.hour,
        "feed_p50_s": row.feed_p50_s,
        "feed_p99_s": row.feed_p99_s,
        "write_p99_s": row.write_p99_s,
        "freshness_p95_s": row.freshness_p95_s,
        **_prefixed("requests_per_s", row.requests_per_s),
        **_prefixed("utilisation", row.utilisation),
        "events": "; ".join(row.events),
    }


def _prefixed(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}.{name}": value for name, value in values.items()}
