"""Sections: the fleet, its day, failures, cost and sensitivity."""

from reports import figures
from reports.charts.cost import cost as cost_chart
from reports.charts.cost import cost_table
from reports.charts.failures import failures as failures_chart
from reports.charts.failures import failures_table
from reports.charts.hours import hours
from reports.charts.latency import latency
from reports.charts.load import load
from reports.charts.sensitivity import (
    cost_swings,
    sensitivity_table,
    widest_first,
)
from reports.charts.sensitivity import sensitivity as sensitivity_chart
from reports.charts.utilisation import utilisation
from reports.content import Block, Column, Kind, Meter, Paragraph, Section, Table
from reports.fleet import BoxTotal, by_box
from sim.results.simulation import FleetRow, SimulationDocument


def fleet(document: SimulationDocument) -> Section:
    """Return the fleet by box, and region by region."""
    totals = by_box(document.fleet)
    if not totals:
        return Section("fleet", "The fleet", "No fleet was sized.", ())
    instances = sum(total.instances for total in totals)
    largest = max(totals, key=lambda total: total.instances)
    lead = (
        f"{figures.whole(instances)} instances of {len(totals)} boxes; the "
        f"{figures.label(largest.box)} alone is "
        f"{figures.rounded_share(largest.instances / instances if instances else 0)} of them."
    )
    regions = list(dict.fromkeys(row.region for row in document.fleet))
    blocks: list[Block] = [_fleet_table(totals)]
    blocks += [
        _region_table(region, [row for row in document.fleet if row.region == region])
        for region in regions
    ]
    return Section("fleet", "The fleet", lead, tuple(blocks))


def _fleet_table(totals: tuple[BoxTotal, ...]) -> Table:
    return Table(
        title="By box, all regions",
        columns=(
            Column("box"),
            *(
                Column(title, Kind.NUMBER)
                for title in ("instances", "workers", "busy at peak", "region lost", "simulated")
            ),
            Column("sized by"),
            Column("USD a month", Kind.NUMBER),
        ),
        rows=tuple(
            (
                figures.label(total.box),
                figures.whole(total.instances),
                figures.whole(total.workers),
                _meter(total.peak_utilisation),
                _meter(total.utilisation_region_lost),
                figures.rounded_share(total.simulated_utilisation),
                total.limited_by,
                figures.usd(total.usd_per_month),
            )
            for total in totals
        ),
    )


def _region_table(region: str, rows: list[FleetRow]) -> Table:
    instances = sum(row.instances for row in rows)
    return Table(
        title=f"{figures.place(region)}: {figures.whole(instances)} instances",
        columns=(
            Column("box"),
            *(
                Column(title, Kind.NUMBER)
                for title in (
                    "instances",
                    "workers each",
                    "busy at peak",
                    "region lost",
                    "simulated",
                )
            ),
            Column("sized by"),
            Column("USD a month", Kind.NUMBER),
        ),
        rows=tuple(
            (
                figures.label(row.box),
                figures.whole(row.instances),
                figures.whole(row.workers),
                _meter(row.peak_utilisation),
                _meter(row.utilisation_region_lost),
                figures.rounded_share(row.simulated_utilisation),
                row.limited_by,
                figures.usd(row.usd_per_month),
            )
            for row in rows
        ),
        folded=True,
    )


def _meter(share: float) -> Meter:
    return Meter(figures.rounded_share(share), share)


def day(document: SimulationDocument) -> Section:
    """Return the day: load, utilisation, response times and freshness."""
    sampling = document.sampling
    lead = (
        f"{figures.place(sampling.region)} was simulated at its peak, "
        f"{figures.hour(sampling.peak_hour)} UTC: {figures.share(sampling.share_of_requests)} of "
        f"its requests, {sampling.replications} independent runs of "
        f"{figures.duration(sampling.measured_s)} after {figures.duration(sampling.warmup_s)} of "
        "warm-up."
    )
    charts = (load(document), utilisation(document), latency(document), hours(document))
    blocks: list[Block] = [Paragraph(_freshness(document))]
    blocks += [chart for chart in charts if chart is not None]
    events = [(figures.hour(row.hour), event) for row in document.day for event in row.events]
    if events:
        columns = (Column("hour (UTC)"), Column("event"))
        blocks.append(Table(title="What happened on the day", columns=columns, rows=tuple(events)))
    return Section("day", "The day", lead, tuple(blocks))


def _freshness(document: SimulationDocument) -> str:
    fresh = document.freshness
    if fresh.p99_s is None:
        return (
            f"Freshness is not known: {figures.whole(fresh.posts)} posts were followed to their "
            "last follower's feed, too few for a 99th percentile."
        )
    interval = (
        f" (95 % interval {figures.interval(*fresh.p99_ci_s, 's')})" if fresh.p99_ci_s else ""
    )
    return (
        f"Freshness: of {figures.whole(fresh.posts)} posts, half were in their last follower's "
        f"feed within {figures.duration(fresh.p50_s)} of being confirmed, and 99 % within "
        f"{figures.duration(fresh.p99_s)}{interval}."
    )


def failures(document: SimulationDocument) -> Section:
    """Return availability and what takes from it."""
    availability = document.availability
    lead = (
        f"The system answers {figures.share(availability.value)} of the time, "
        f"{figures.duration(availability.downtime_s_per_year)} of downtime a year, in closed form."
    )
    chart = failures_chart(document)
    blocks: list[Block] = [] if chart is None else [chart]
    if chart is None and availability.parts:
        blocks.append(failures_table(availability))
    return Section("failures", "Failures", lead, tuple(blocks))


def cost(document: SimulationDocument) -> Section:
    """Return the monthly bill."""
    bill = document.cost
    lead = (
        f"{figures.usd(bill.usd_per_month)} a month, between {figures.usd(bill.low_usd_per_month)} "
        f"and {figures.usd(bill.high_usd_per_month)}; {figures.usd(bill.usd_per_dau_per_month)} "
        "for each daily user."
    )
    chart = cost_chart(document)
    blocks: list[Block] = [] if chart is None else [chart]
    if chart is None and bill.lines:
        blocks.append(cost_table(bill))
    return Section("cost", "Cost", lead, tuple(blocks))


def sensitivity(document: SimulationDocument) -> Section:
    """Return what the answers are most sensitive to."""
    chart = sensitivity_chart(document)
    charted = cost_swings(document)[0].estimate if chart is not None else None
    others = list(
        dict.fromkeys(row.estimate for row in document.sensitivity if row.estimate != charted)
    )
    blocks: list[Block] = [] if chart is None else [chart]
    for estimate in others:
        rows = widest_first(row for row in document.sensitivity if row.estimate == estimate)
        blocks.append(sensitivity_table(estimate, rows, folded=True))
    lead = (
        "Each uncertain assumption, swung to its ends alone, with all others at their values."
        if blocks
        else "No assumption carries a range, so there is nothing to swing."
    )
    return Section("sensitivity", "Sensitivity", lead, tuple(blocks))
