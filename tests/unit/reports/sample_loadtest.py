"""Documents of load tests."""

from dataclasses import replace

from sim.results.estimates import ScenarioSummary
from sim.results.loadtest import (
    Breakpoint,
    ErrorRow,
    Level,
    LoadtestDocument,
    LoadtestRun,
    MeasuredFlow,
    MeasuredFreshness,
    PageCheck,
    Scalability,
    SecondRow,
    Setup,
)
from sim.results.simulation import Finding, ObjectiveRow, Reproduce


def measured() -> LoadtestDocument:
    """A search on a server that bears 400 requests a second."""
    return LoadtestDocument(
        scenario=ScenarioSummary("round", "A round town", "For tests.", 1e6, 4e6, "push"),
        target="http://127.0.0.1:8080",
        offered_per_s=400.0,
        sent_per_s=400.0,
        achieved_per_s=399.5,
        valid=True,
        invalid_because=(),
        dispatch_lag_p99_s=0.0005,
        target_lost_s=None,
        flows=(
            MeasuredFlow(
                flow="read_feed",
                title="Read the feed",
                requests=4_000,
                errors=3,
                mean_s=0.004,
                p50_s=0.003,
                p95_s=0.012,
                p99_s=0.05,
                p999_s=0.2,
                max_s=0.25,
                service_p50_s=0.0029,
                service_p99_s=0.049,
            ),
        ),
        freshness=MeasuredFreshness(
            p50_s=0.03, p99_s=0.2, max_s=0.3, resolution_s=0.004, posts=120, lost=0
        ),
        objectives=(ObjectiveRow("read_feed p99", "s", 1.0, 0.05, met=True),),
        breakpoint=Breakpoint(400.0, 420.0),
        errors=(ErrorRow("read_feed", "wrong page: a post is missing", 3, "post 7"),),
        pages=PageCheck(2_000, 4_000, 3),
        findings=(Finding("problem", "3 of 2,000 pages are wrong."),),
        timeline=tuple(
            SecondRow(
                at_s=float(second),
                offered_per_s=400.0,
                achieved_per_s=399.0,
                errors_per_s=1.0,
                p50_s=0.003,
                p99_s=0.05 + second / 1000,
                freshness_s=None,
                server_cpu=0.7,
                generator_cpu=0.2,
            )
            for second in range(1, 11)
        ),
        levels=tuple(
            Level(
                offered_per_s=rate,
                achieved_per_s=min(rate, 410.0),
                good=rate <= 400,
                mean_s=0.004,
                p50_s=0.003,
                p99_s=0.05 if rate <= 400 else 1.5,
                freshness_p99_s=None,
                server_cpu=rate / 420,
                because="" if rate <= 400 else "read_feed p99: 1.5s",
            )
            for rate in (200.0, 400.0, 800.0, 800.0, 420.0, 420.0)
        ),
        scalability=Scalability(300.0, 0.2, 0.0, 1_500.0, 0.97),
        server_cpu=0.71,
        generator_cpu=0.2,
        setup=Setup(
            load="open",
            own_server=True,
            users=1_000,
            closed_users=None,
            warmup_s=2.0,
            duration_s=10.0,
            processes=1,
            server_cores=(0,),
            generator_cores=(1,),
            canary_per_s=20.0,
            cpu="2 x a processor",
        ),
        reproduce=Reproduce("socialfeed loadtest --find-max", {"python": "3.11.7"}),
        run=LoadtestRun(seed=1, wall_s=90.0, measured_s=10.0, interrupted=False),
    )


def nothing_measured() -> LoadtestDocument:
    """A test that was interrupted before anything was answered."""
    return replace(
        measured(),
        offered_per_s=0.0,
        sent_per_s=0.0,
        achieved_per_s=0.0,
        dispatch_lag_p99_s=None,
        flows=(),
        freshness=MeasuredFreshness(None, None, None, None, 0, 0),
        objectives=(),
        breakpoint=None,
        errors=(),
        pages=PageCheck(0, 0, 0),
        findings=(),
        timeline=(),
        levels=(),
        scalability=None,
        server_cpu=None,
        generator_cpu=None,
        run=LoadtestRun(seed=1, wall_s=3.0, measured_s=0.0, interrupted=True),
    )
