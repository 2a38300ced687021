"""The document of `simulate --json`, and all that a report is made from.

Only `run` may differ between two runs with the same seed.
"""

from dataclasses import dataclass, field

from sim.results.estimates import EstimateRow, ScenarioSummary


@dataclass(frozen=True, slots=True)
class AssumptionRow:
    """One assumption as the scenario gives it; `text` is the value as it would be written."""

    key: str
    value: float
    text: str
    low: float | None
    high: float | None
    unit: str
    dimension: str
    source: str


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """How far one assumption, swung to its ends alone, moves one estimate."""

    estimate: str
    unit: str
    assumption: str
    assumption_low: str
    assumption_high: str
    value_at_low: float
    value_at_high: float


@dataclass(frozen=True, slots=True)
class FleetRow:
    """Instances of one box in one region.

    Attributes:
        workers: per instance.
        peak_utilisation: of the workers, at the busiest hour with every region up.
        utilisation_region_lost: likewise with the worst other region down.
        limited_by: what needed most instances: `workers`, `waiting`, `bandwidth`, `memory` or
            `disk`.
        simulated_utilisation: measured by the simulation at the peak; None for regions that were
            not simulated.
    """

    box: str
    region: str
    instances: int
    workers: int
    peak_utilisation: float
    utilisation_region_lost: float
    limited_by: str
    usd_per_month: float
    simulated_utilisation: float | None


@dataclass(frozen=True, slots=True)
class FlowRow:
    """Response times of one flow at the peak, pooled over replications.

    `p99_ci_s` is the 95 % confidence interval over replications. None where too few requests were
    simulated for the figure.
    """

    flow: str
    title: str
    requests: int
    failed: int
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    p999_s: float | None
    p99_ci_s: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Freshness:
    """Seconds from a post's confirmation to its last follower's feed, at the peak."""

    p50_s: float | None
    p99_s: float | None
    p99_ci_s: tuple[float, float] | None
    posts: int


@dataclass(frozen=True, slots=True)
class AvailabilityPart:
    """What one cause of failure takes from availability; the parts add up."""

    name: str
    unavailability: float
    downtime_s_per_year: float


@dataclass(frozen=True, slots=True)
class Availability:
    """Share of the time that the system answers, in closed form."""

    value: float
    downtime_s_per_year: float
    parts: tuple[AvailabilityPart, ...] = ()


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of the monthly bill."""

    name: str
    usd_per_month: float
    formula: str


@dataclass(frozen=True, slots=True)
class Cost:
    """The monthly bill with its range, and what an active user costs."""

    usd_per_month: float
    low_usd_per_month: float
    high_usd_per_month: float
    usd_per_dau_per_month: float
    lines: tuple[CostLine, ...]


@dataclass(frozen=True, slots=True)
class ObjectiveRow:
    """A target and what was reached; `met` is None where the run could not tell."""

    name: str
    unit: str
    target: float
    value: float | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence that a reader should act on; severity is `problem`, `warning` or `note`."""

    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class HourRow:
    """One slice of the simulated day, in UTC.

    Attributes:
        hour: 0 to 23.
        requests_per_s: of the whole system, by flow.
        utilisation: of the workers in the simulated region, by box, in closed form.
        feed_p50_s, feed_p99_s: response time of a feed page.
        write_p99_s: response time of text posts, likes, comments and follows together.
        freshness_p95_s: as `Freshness`, None with too few posts.
        events: what happened in this hour.
    """

    hour: int
    requests_per_s: dict[str, float]
    utilisation: dict[str, float]
    feed_p50_s: float | None
    feed_p99_s: float | None
    write_p99_s: float | None
    freshness_p95_s: float | None
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class YearRow:
    """Bytes stored by the end of a year: alone, with growth, with renditions and copies too."""

    year: int
    post_bytes: float
    post_bytes_with_growth: float
    all_bytes_with_copies: float


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which part of the system the simulation ran.

    Attributes:
        region: the one simulated, where the load per worker is highest.
        peak_hour: UTC hour of the peak simulated.
        share_of_requests: of that region's requests, followed through every box.
        replications: independent runs of the peak.
        measured_s, warmup_s: simulated seconds of each.
    """

    region: str
    peak_hour: int
    share_of_requests: float
    replications: int
    measured_s: float
    warmup_s: float


@dataclass(frozen=True, slots=True)
class Reproduce:
    """The command that gives this document again, and the versions that gave it."""

    command: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """What differs from run to run: time taken, and how much was simulated."""

    seed: int
    wall_s: float
    requests: int
    visits: int


@dataclass(frozen=True, slots=True)
class SimulationDocument:
    """The document of `simulate --json`, and all that a report is made from."""

    scenario: ScenarioSummary
    estimates: tuple[EstimateRow, ...]
    assumptions: tuple[AssumptionRow, ...]
    fleet: tuple[FleetRow, ...]
    flows: tuple[FlowRow, ...]
    freshness: Freshness
    availability: Availability
    cost: Cost
    objectives: tuple[ObjectiveRow, ...]
    findings: tuple[Finding, ...]
    day: tuple[HourRow, ...]
    years: tuple[YearRow, ...]
    sensitivity: tuple[SensitivityRow, ...]
    sampling: Sampling
    reproduce: Reproduce
    run: Run
    format_version: int = field(default=1)
