"""The document of a study: what `simulate --json` prints and reports are made from."""

from collections.abc import Mapping, Sequence

import numpy as np

from scenarios.quantities import HOUR_S, MONTH_S, YEAR_S
from sim.engine.replication import SliceResult
from sim.engine.sampling import SamplePlan
from sim.estimates import cost, reliability, storage
from sim.estimates.document import (
    assumption_rows,
    cost_sensitivity,
    estimate_rows,
    scenario_summary,
)
from sim.estimates.ranges import value_range
from sim.judgement import findings, objective_rows
from sim.percentiles import Samples, pooled_samples, quantile_interval_s
from sim.results.simulation import (
    Availability,
    AvailabilityPart,
    Cost,
    CostLine,
    FleetRow,
    FlowRow,
    Freshness,
    HourRow,
    Reproduce,
    Run,
    Sampling,
    SimulationDocument,
    YearRow,
)
from sim.study import HourStudy, Study
from sim.versions import told_versions

_YEARS = 10
_TOLD_VERSIONS = ("socialfeed", "simpy", "numpy", "pydantic")


def simulation_document(
    study: Study, *, seed: int, command: str, wall_s: float
) -> SimulationDocument:
    """Return the document of a study.

    Args:
        study: what was found.
        seed: the run's.
        command: what to type to get this document again.
        wall_s: seconds that the run took.
    """
    estimation = study.estimation
    flows = _flow_rows(study)
    freshness = _freshness(study)
    objectives = objective_rows(study, flows, freshness)
    return SimulationDocument(
        scenario=scenario_summary(study.scenario),
        estimates=estimate_rows(estimation),
        assumptions=assumption_rows(study.scenario),
        fleet=_fleet_rows(study),
        flows=flows,
        freshness=freshness,
        availability=_availability(study),
        cost=_cost(study),
        objectives=objectives,
        findings=findings(study, objectives),
        day=tuple(_hour_row(study, hour) for hour in study.hours),
        years=tuple(_year_row(study, year) for year in range(1, _YEARS + 1)),
        sensitivity=cost_sensitivity(estimation),
        sampling=Sampling(
            region=study.region,
            peak_hour=study.peak_hour,
            share_of_requests=study.peak_plan.common_share,
            replications=len(study.peak),
            measured_s=study.peak_plan.measured_s,
            warmup_s=study.peak_plan.warmup_s,
        ),
        reproduce=Reproduce(command=command, versions=told_versions(_TOLD_VERSIONS)),
        run=_run(study, seed=seed, wall_s=wall_s),
    )


def _flow_rows(study: Study) -> tuple[FlowRow, ...]:
    rows = []
    for flow in study.work.flows:
        replications = [
            Samples.joined([(result.response_times_s[flow.name], 1.0)]) for result in study.peak
        ]
        pooled = pooled_samples(replications)
        rows.append(
            FlowRow(
                flow=flow.name,
                title=flow.title,
                requests=len(pooled),
                failed=sum(result.failed[flow.name] for result in study.peak),
                mean_s=pooled.mean_s(),
                p50_s=pooled.quantile_s(0.5),
                p95_s=pooled.quantile_s(0.95),
                p99_s=pooled.quantile_s(0.99),
                p999_s=pooled.quantile_s(0.999),
                p99_ci_s=quantile_interval_s(replications, 0.99),
            )
        )
    return tuple(rows)


def _freshness(study: Study) -> Freshness:
    replications = [_freshness_samples(study, study.peak_plan, result) for result in study.peak]
    pooled = pooled_samples(replications)
    return Freshness(
        p50_s=pooled.quantile_s(0.5),
        p99_s=pooled.quantile_s(0.99),
        p99_ci_s=quantile_interval_s(replications, 0.99),
        posts=len(pooled),
    )


def _freshness_samples(study: Study, plan: SamplePlan, result: SliceResult) -> Samples:
    # Followers in other regions get the post one crossing later, on top of the fan-out.
    crossing_s = _crossing_s(study)
    return Samples.joined(
        (times_s + crossing_s, 1 / plan.followed[flow])
        for flow, times_s in result.freshness_s.items()
    )


def _crossing_s(study: Study) -> float:
    one_region = len(study.scenario.population.regions) == 1
    return 0.0 if one_region else float(study.scenario.network.between_regions)


def _fleet_rows(study: Study) -> tuple[FleetRow, ...]:
    simulated = _mean_utilisation(study)
    month_hours = MONTH_S / HOUR_S
    return tuple(
        FleetRow(
            box=fleet.box,
            region=fleet.region,
            instances=fleet.instances,
            workers=fleet.workers,
            peak_utilisation=fleet.peak_utilisation,
            utilisation_region_lost=fleet.utilisation_region_lost,
            limited_by=fleet.limited_by,
            usd_per_month=fleet.instances * study.scenario.boxes[fleet.box].price * month_hours,
            simulated_utilisation=simulated.get(fleet.box)
            if fleet.region == study.region
            else None,
        )
        for fleet in study.fleet.boxes
    )


def _mean_utilisation(study: Study) -> Mapping[str, float]:
    if not study.peak:
        return {}
    return {
        box: float(np.mean([result.utilisation[box] for result in study.peak]))
        for box, load in study.work.boxes.items()
        # A box that starts idle is busy as usual only after some of its service times.
        if study.peak_plan.warmup_s > _SETTLING_SERVICES * load.mean_service_time_s
    }


_SETTLING_SERVICES = 3


def _availability(study: Study) -> Availability:
    sheet = study.estimation.sheet
    parts = {
        "boxes and zones": reliability.unavailability_boxes,
        "lost regions": reliability.unavailability_regions,
        "everything at once": reliability.unavailability_global,
    }
    return Availability(
        value=reliability.availability(sheet),
        downtime_s_per_year=reliability.downtime_s_per_year(sheet),
        parts=tuple(
            AvailabilityPart(name, part(sheet), part(sheet) * YEAR_S)
            for name, part in parts.items()
        ),
    )


def _cost(study: Study) -> Cost:
    sheet = study.estimation.sheet
    total = cost.usd_per_month(sheet)
    low, high = value_range(cost.usd_per_month, total, study.estimation.swings)
    return Cost(
        usd_per_month=total,
        low_usd_per_month=low,
        high_usd_per_month=high,
        usd_per_dau_per_month=cost.usd_per_dau_per_month(sheet),
        lines=tuple(
            CostLine(
                name=line.name.removeprefix("usd_").replace("_", " "),
                usd_per_month=line(sheet),
                formula=line.formula,
            )
            for line in cost.LINES
        ),
    )


def _hour_row(study: Study, hour: HourStudy) -> HourRow:
    reads = _hour_samples(hour, [_READS])
    writes = _hour_samples(hour, _WRITES)
    freshness = (
        _freshness_samples(study, hour.plan, hour.result) if hour.result else Samples.joined([])
    )
    return HourRow(
        hour=hour.conditions.hour,
        requests_per_s={
            flow.name: flow.requests_per_s * hour.conditions.world_factor
            for flow in hour.work.flows
        },
        utilisation=dict(hour.utilisation),
        feed_p50_s=reads.quantile_s(0.5),
        feed_p99_s=reads.quantile_s(0.99),
        write_p99_s=writes.quantile_s(0.99),
        freshness_p95_s=freshness.quantile_s(0.95),
        events=hour.conditions.events,
    )


_READS = "read_feed"
_WRITES = ("text_post", "like", "comment", "follow", "unfollow")


def _hour_samples(hour: HourStudy, flows: Sequence[str]) -> Samples:
    if hour.result is None:
        return Samples.joined([])
    times = hour.result.response_times_s
    return Samples.joined(
        (times[flow], 1 / hour.plan.followed[flow]) for flow in flows if flow in times
    )


def _year_row(study: Study, year: int) -> YearRow:
    sheet = study.estimation.sheet
    a_year = storage.post_bytes_per_day(sheet) * 365
    grown = a_year * storage.grown_years(float(study.scenario.population.growth_per_year), year)
    return YearRow(
        year=year,
        post_bytes=a_year * year,
        post_bytes_with_growth=grown,
        all_bytes_with_copies=grown
        * storage.renditions_factor(sheet)
        * study.scenario.storage.media_copies,
    )


def _run(study: Study, *, seed: int, wall_s: float) -> Run:
    results = [*study.peak, *(hour.result for hour in study.hours if hour.result)]
    return Run(
        seed=seed,
        wall_s=wall_s,
        requests=sum(result.requests for result in results),
        visits=sum(result.visits for result in results),
    )
