"""The document of `loadtest --json`, and all that its report is made from."""

from dataclasses import dataclass, field

from sim.results.estimates import ScenarioSummary
from sim.results.simulation import Finding, ObjectiveRow, Reproduce


@dataclass(frozen=True, slots=True)
class MeasuredFlow:
    """One flow as it was measured; None where too few requests were answered for a percentile.

    Attributes:
        requests: that were due, answered or not.
        errors: of them, those without a right answer.
        mean_s, p50_s, p95_s, p99_s, p999_s, max_s: response time of right answers, from when each
            request was due; a request that was given up counts with how long was waited.
        service_p50_s, service_p99_s: likewise, from when it was sent.
    """

    flow: str
    title: str
    requests: int
    errors: int
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    p999_s: float | None
    max_s: float | None
    service_p50_s: float | None
    service_p99_s: float | None


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """Requests of a flow that went wrong in one way, with one of them as an example."""

    flow: str
    kind: str
    requests: int
    example: str


@dataclass(frozen=True, slots=True)
class MeasuredFreshness:
    """Seconds from a canary post's confirmation until its last follower has read it.

    Attributes:
        resolution_s: the times may be too long by so much (median), since a follower reads now and
            then; None without any.
        posts: canaries that arrived.
        lost: canaries that did not arrive in time.
    """

    p50_s: float | None
    p99_s: float | None
    max_s: float | None
    resolution_s: float | None
    posts: int
    lost: int


@dataclass(frozen=True, slots=True)
class PageCheck:
    """What the oracle found in the pages that were recorded.

    Attributes:
        pages: that were checked, of all that were read.
        wrong: of them, those with at least one fault.
    """

    pages: int
    read: int
    wrong: int


@dataclass(frozen=True, slots=True)
class SecondRow:
    """About one second of the run; times of all flows together.

    Attributes:
        at_s: end of it, from the start of the run, the warm-up included.
        offered_per_s: requests that were due.
        achieved_per_s: right answers.
        errors_per_s: answers that were wrong, or never came.
        server_cpu, generator_cpu: busy share of one core; None if not known.
    """

    at_s: float
    offered_per_s: float
    achieved_per_s: float
    errors_per_s: float
    p50_s: float | None
    p99_s: float | None
    freshness_s: float | None
    server_cpu: float | None
    generator_cpu: float | None


@dataclass(frozen=True, slots=True)
class Level:
    """One plateau of the search for the largest load.

    Attributes:
        offered_per_s, achieved_per_s: requests and right answers a second.
        good: whether it met every objective; None if the level could not be measured.
        mean_s: response time over all flows.
        p50_s, p99_s: of a feed page.
        because: what was missed, or why it could not be measured; empty if nothing.
    """

    offered_per_s: float
    achieved_per_s: float
    good: bool | None
    mean_s: float | None
    p50_s: float | None
    p99_s: float | None
    freshness_p99_s: float | None
    server_cpu: float | None
    because: str


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """Where the objectives break; None where no such load was found.

    Attributes:
        ended_because: why the search ended before it had come close; empty if it had.
    """

    last_good_per_s: float | None
    first_bad_per_s: float | None
    ended_because: str = ""


@dataclass(frozen=True, slots=True)
class Scalability:
    """The Universal Scalability Law through the levels.

    Throughput at n requests in progress is `rate_per_s` n / (1 + contention (n - 1) + coherency
    n (n - 1)).

    Attributes:
        rate_per_s: of one request at a time.
        contention, coherency: the law's sigma and kappa.
        peak_per_s: largest throughput that the law allows, or tends to; None if it has no limit.
        r_squared: share of the levels' variance that it explains.

    Source: N. Gunther, Guerrilla Capacity Planning (2007), chapter 4.
    """

    rate_per_s: float
    contention: float
    coherency: float
    peak_per_s: float | None
    r_squared: float


@dataclass(frozen=True, slots=True)
class Setup:
    """How the run was made.

    Attributes:
        load: `open` or `closed`.
        own_server: whether the server was started for the run.
        users: of the world.
        closed_users: users who ask one after another; None with open arrivals.
        warmup_s, duration_s: not measured, and measured.
        processes: generators.
        server_cores, generator_cores: where they were kept; empty if anywhere.
        canary_per_s: of the offered requests, those of followers who watch posts arrive.
        cpu: the machine's processor.
    """

    load: str
    own_server: bool
    users: int
    closed_users: int | None
    warmup_s: float
    duration_s: float
    processes: int
    server_cores: tuple[int, ...]
    generator_cores: tuple[int, ...]
    canary_per_s: float
    cpu: str


@dataclass(frozen=True, slots=True)
class LoadtestRun:
    """What differs from run to run.

    Attributes:
        measured_s: seconds that the figures are of: fewer than planned if the run ended early.
    """

    seed: int
    wall_s: float
    measured_s: float
    interrupted: bool


@dataclass(frozen=True, slots=True)
class LoadtestDocument:
    """The document of `loadtest --json`.

    Attributes:
        offered_per_s: requests that were due in the measured time.
        sent_per_s: of them, those that were sent in that time.
        achieved_per_s: right answers that came in the measured time.
        valid: whether the figures tell of the server, not of the load generator.
        invalid_because: why not.
        dispatch_lag_p99_s: how long after they were due requests were sent.
        target_lost_s: when the target stopped answering, from the start of the run, the warm-up
            included; None if it did not.
        levels: plateaus of `--find-max`; empty without it.
    """

    scenario: ScenarioSummary
    target: str
    offered_per_s: float
    sent_per_s: float
    achieved_per_s: float
    valid: bool
    invalid_because: tuple[str, ...]
    dispatch_lag_p99_s: float | None
    target_lost_s: float | None
    flows: tuple[MeasuredFlow, ...]
    freshness: MeasuredFreshness
    objectives: tuple[ObjectiveRow, ...]
    breakpoint: Breakpoint | None
    errors: tuple[ErrorRow, ...]
    pages: PageCheck
    findings: tuple[Finding, ...]
    timeline: tuple[SecondRow, ...]
    levels: tuple[Level, ...]
    scalability: Scalability | None
    server_cpu: float | None
    generator_cpu: float | None
    setup: Setup
    reproduce: Reproduce
    run: LoadtestRun
    format_version: int = field(default=1)
    kind: str = field(default="loadtest")
