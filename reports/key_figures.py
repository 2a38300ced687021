"""The ten figures that a reader wants first."""

from dataclasses import dataclass

from reports import figures
from sim.results.simulation import FlowRow, SimulationDocument

FEED_FLOW = "read_feed"


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One figure, with a note that says what exactly it is."""

    label: str
    value: str
    note: str


def key_figures(document: SimulationDocument) -> tuple[KeyFigure, ...]:
    """Return the ten key figures of a run."""
    feed = feed_flow(document)
    last_year = document.years[-1] if document.years else None
    cost, availability = document.cost, document.availability
    return (
        KeyFigure(
            "Daily users",
            figures.count(document.scenario.dau),
            f"of {figures.count(document.scenario.mau)} a month",
        ),
        KeyFigure("Posts a day", figures.count(_estimate(document, "posts_per_day")), "created"),
        _peak_requests(document),
        KeyFigure(
            "Storage",
            figures.size(last_year.all_bytes_with_copies) if last_year else figures.UNKNOWN,
            f"after {last_year.year} years, with growth and copies"
            if last_year
            else "not projected",
        ),
        _egress(document),
        KeyFigure(
            "Instances",
            figures.whole(sum(row.instances for row in document.fleet)),
            _regions(len({row.region for row in document.fleet})),
        ),
        KeyFigure(
            "Cost a month",
            figures.usd(cost.usd_per_month),
            f"{figures.interval(cost.low_usd_per_month, cost.high_usd_per_month, 'usd')}, "
            f"{figures.usd(cost.usd_per_dau_per_month)} per daily user",
        ),
        KeyFigure(
            "Feed page p99",
            figures.duration(feed.p99_s if feed else None),
            _certainty(feed),
        ),
        KeyFigure(
            "Freshness p99",
            figures.duration(document.freshness.p99_s),
            "from a post to its last follower's feed",
        ),
        KeyFigure(
            "Availability",
            figures.share(availability.value),
            f"{figures.duration(availability.downtime_s_per_year)} down a year",
        ),
    )


def _regions(number: int) -> str:
    return "in one region" if number == 1 else f"in {number} regions"


def _certainty(feed: FlowRow | None) -> str:
    if feed is None or feed.p99_ci_s is None:
        return "at the peak"
    low, high = feed.p99_ci_s
    return f"95 % interval {figures.interval(low, high, 's')}, at the peak"


def feed_flow(document: SimulationDocument) -> FlowRow | None:
    """Return the flow that loads a feed page, if the scenario has one."""
    return next((flow for flow in document.flows if flow.flow == FEED_FLOW), None)


def _peak_requests(document: SimulationDocument) -> KeyFigure:
    if not document.day:
        peak = _estimate(document, "peak_requests_per_s")
        return KeyFigure("Requests at peak", figures.rate(peak), "all flows")
    busiest = max(document.day, key=lambda row: sum(row.requests_per_s.values()))
    return KeyFigure(
        "Requests at peak",
        figures.rate(sum(busiest.requests_per_s.values())),
        f"all flows, {figures.hour(busiest.hour)} UTC",
    )


def _egress(document: SimulationDocument) -> KeyFigure:
    originals = figures.figure(_estimate(document, "peak_egress_bytes_per_s"), "bytes/s")
    delivered = _estimate(document, "peak_delivered_bytes_per_s")
    if delivered is None:
        return KeyFigure("Egress", originals, "at the peak")
    # What is paid for.
    value = figures.figure(delivered, "bytes/s")
    return KeyFigure("Egress", value, f"at the peak; {originals} if originals were sent")


def _estimate(document: SimulationDocument, name: str) -> float | None:
    return next((row.value for row in document.estimates if row.name == name), None)
