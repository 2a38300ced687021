"""Chart: what takes how much from availability."""

from reports import figures
from reports.charts.bars import Bar, bars
from reports.content import Chart, Column, Kind, Table
from sim.results.simulation import Availability, SimulationDocument


def failures(document: SimulationDocument) -> Chart | None:
    """Return the downtime by cause, or None if nothing ever fails."""
    availability = document.availability
    total = sum(part.downtime_s_per_year for part in availability.parts)
    if total <= 0:
        return None
    return Chart(
        name="failures",
        title="Downtime by cause",
        sentence=_sentence(availability, total),
        spec=bars(
            [
                Bar(
                    name=figures.label(part.name),
                    value=part.downtime_s_per_year,
                    text=figures.duration(part.downtime_s_per_year),
                    share=figures.rounded_share(part.downtime_s_per_year / total),
                )
                for part in availability.parts
            ],
            value_title="downtime a year",
        ),
        data=failures_table(availability),
    )


def failures_table(availability: Availability) -> Table:
    """Return what each cause takes from availability, most first."""
    ordered = sorted(availability.parts, key=lambda part: -part.unavailability)
    return Table(
        title="What takes availability",
        columns=(
            Column("cause"),
            Column("unavailability", Kind.NUMBER),
            Column("downtime a year", Kind.NUMBER),
        ),
        rows=tuple(
            (
                figures.label(part.name),
                f"{part.unavailability:.3g}",
                figures.duration(part.downtime_s_per_year),
            )
            for part in ordered
        ),
    )


def _sentence(availability: Availability, total: float) -> str:
    worst = max(availability.parts, key=lambda part: part.downtime_s_per_year)
    return (
        f"Of {figures.duration(total)} of downtime a year, "
        f"{figures.rounded_share(worst.downtime_s_per_year / total)} comes from "
        f"“{figures.label(worst.name)}”."
    )
