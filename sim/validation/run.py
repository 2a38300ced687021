"""`validate`: loads predicted by the engine, then measured on a server of one's own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scenarios.model import Scenario
from sim.calibration.errors import InterruptedRunError, NoMaximumError
from sim.calibration.whole import measured_whole
from sim.calibration.yardstick import yardstick
from sim.loadtest.bench import Bench, LoadSpec
from sim.loadtest.document import achieved_per_s, flow_rows, freshness_of, server_cpu
from sim.loadtest.measurement import Measurement
from sim.loadtest.settling import wait_until_settled
from sim.loadtest.traffic import Traffic
from sim.loadtest.verdict import invalid_because
from sim.results.validation import ValidationLoad, ValidationPoint
from sim.validation.comparison import told_error
from sim.validation.loads import Point
from sim.validation.prediction import Predicted, capacity_per_s, predicted

FIRST_OVERLOAD = 1.1
"""Of what the model says is possible: what is offered first."""

GROWTH = 1.3
"""From one offered load to the next, until the server does not keep up."""

KEEPS_UP = 0.95
"""Of what is offered, answered less than this: the server is saturated."""

MOST_OVERLOADS = 8

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """How loads are measured.

    Attributes:
        warmup_s, measured_s: seconds before, and while it is measured.
        seed: of the first.
        yardstick_s: of the machine as it was calibrated.
        client_s: what the load generator took itself of a response there, by flow.
    """

    warmup_s: float
    measured_s: float
    seed: int
    yardstick_s: float
    client_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Compared:
    """One load, predicted and measured, and its flows."""

    load: ValidationLoad
    points: tuple[ValidationPoint, ...]


@dataclass(frozen=True, slots=True)
class Maximum:
    """What a server can do: answered a second, of what it was offered and did not keep up with.

    The latter is None where the maximum was not measured. `speed` is how fast the machine was
    meanwhile, over its speed when it was calibrated.
    """

    answered_per_s: float
    offered_per_s: float | None
    speed: float = 1.0


def measured_maximum(
    bench: Bench, scenario: Scenario, traffic: Traffic, trial: Trial, *, told: Told
) -> Maximum:
    """Return the requests a second that a server answers while it has more than it can do.

    The load is raised until it does not keep up any more.

    Raises:
        NoMaximumError: if it answers whatever the load generator can offer.
        LoadTestError, CalibrationRunError: if it cannot be measured.
    """
    offered_per_s = FIRST_OVERLOAD * capacity_per_s(scenario, traffic.rates_per_s)
    answered_per_s = 0.0
    for _ in range(MOST_OVERLOADS):
        told(f"measuring the maximum, {offered_per_s:.0f} requests/s offered")
        spec = LoadSpec(traffic.at(offered_per_s), trial.measured_s, trial.warmup_s, trial.seed)
        with yardstick(bench.cores.server) as pace:
            measurement = measured_whole(bench, bench.plan(spec))
        reasons = invalid_because(measurement)
        if reasons:
            raise NoMaximumError(
                answered_per_s=achieved_per_s(measurement),
                offered_per_s=offered_per_s,
                why="; ".join(reasons),
            )
        answered_per_s = max(answered_per_s, achieved_per_s(measurement))
        if achieved_per_s(measurement) < KEEPS_UP * offered_per_s:
            return Maximum(answered_per_s, offered_per_s, trial.yardstick_s / pace.median_s)
        wait_until_settled(bench, scenario.objectives)
        offered_per_s *= GROWTH
    raise NoMaximumError(
        answered_per_s=answered_per_s,
        offered_per_s=offered_per_s / GROWTH,
        why=f"{MOST_OVERLOADS} loads were tried",
    )


@dataclass(slots=True)
class Course:
    """The loads that have been measured until now, and whether Ctrl-C has ended it."""

    found: list[Compared] = field(default_factory=list)
    is_interrupted: bool = False


def compared(
    bench: Bench,
    scenario: Scenario,
    chosen: Sequence[Point],
    trial: Trial,
    *,
    told: Told,
) -> Course:
    """Measure each load and predict it; a load begins when the one before is worked off.

    After Ctrl-C, what was found until then is returned.

    Raises:
        LoadTestError, CalibrationRunError: if it cannot be measured.
    """
    course = Course()
    try:
        for position, point in enumerate(chosen):
            seed = trial.seed + _NEXT_SEED * (position + 1)
            course.found.append(
                _one_load(bench, scenario, point, replace(trial, seed=seed), told=told)
            )
    except (InterruptedRunError, KeyboardInterrupt):
        course.is_interrupted = True
    return course


_NEXT_SEED = 101


def _one_load(
    bench: Bench, scenario: Scenario, point: Point, trial: Trial, *, told: Told
) -> Compared:
    rate_per_s = point.traffic.rate_per_s
    is_settled = wait_until_settled(bench, scenario.objectives)
    told(f"measuring {rate_per_s:.0f} requests/s ({point.mix})")
    plan = bench.plan(LoadSpec(point.traffic, trial.measured_s, trial.warmup_s, trial.seed))
    with yardstick(bench.cores.server) as pace:
        measurement = measured_whole(bench, plan)
    # The machine's speed is no property of the server: it is measured beside it, not predicted.
    speed = trial.yardstick_s / pace.median_s
    told(f"predicting {rate_per_s:.0f} requests/s ({point.mix})")
    prediction = predicted(
        scenario,
        point.traffic.rates_per_s,
        seed=trial.seed,
        speed=speed,
        client_s=trial.client_s,
    )
    reasons = (*invalid_because(measurement), *(() if is_settled else (_UNSETTLED,)))
    tried = _Tried(point, prediction, measurement, speed, reasons)
    return Compared(_load_of(tried), _points_of(tried, scenario))


_UNSETTLED = "the server had not worked off the load before"


@dataclass(frozen=True, slots=True)
class _Tried:
    """A load, with how fast the machine was, over its speed at the calibration, and its faults."""

    point: Point
    prediction: Predicted
    measurement: Measurement
    speed: float
    reasons: tuple[str, ...]


def _load_of(tried: _Tried) -> ValidationLoad:
    prediction, freshness = tried.prediction, freshness_of(tried.measurement)
    offered_per_s = tried.point.traffic.rate_per_s
    answered_share = min(1.0, 1 / prediction.utilisation) if prediction.utilisation else 1.0
    return ValidationLoad(
        offered_per_s=offered_per_s,
        mix=tried.point.mix,
        share_of_max=tried.point.share_of_max,
        predicted_per_s=offered_per_s * answered_share,
        measured_per_s=achieved_per_s(tried.measurement),
        predicted_freshness_p50_s=prediction.freshness_p50_s,
        measured_freshness_p50_s=freshness.p50_s,
        predicted_freshness_p99_s=prediction.freshness_p99_s,
        measured_freshness_p99_s=freshness.p99_s,
        predicted_utilisation=prediction.busy,
        measured_utilisation=server_cpu(tried.measurement),
        calibrated_on=tried.point.calibrated_on,
        speed=tried.speed,
        invalid_because=tried.reasons,
    )


def _points_of(tried: _Tried, scenario: Scenario) -> tuple[ValidationPoint, ...]:
    p50_s, p99_s = tried.prediction.p50_s, tried.prediction.p99_s
    return tuple(
        ValidationPoint(
            flow=row.flow,
            offered_per_s=tried.point.traffic.rate_per_s,
            mix=tried.point.mix,
            requests=row.requests - row.errors,
            predicted_p50_s=p50_s.get(row.flow),
            measured_p50_s=row.p50_s,
            p50_error=told_error(p50_s.get(row.flow), row.p50_s),
            predicted_p99_s=p99_s.get(row.flow),
            measured_p99_s=row.p99_s,
            p99_error=told_error(p99_s.get(row.flow), row.p99_s),
            calibrated_on=tried.point.calibrated_on,
            valid=not tried.reasons,
        )
        for row in flow_rows(tried.measurement, scenario)
    )
