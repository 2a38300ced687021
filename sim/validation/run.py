"""`validate`: loads predicted by the engine, then measured on a server of one's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scenarios.model import Scenario
from sim.calibration.yardstick import yardstick_s
from sim.loadtest.bench import Bench, LoadSpec
from sim.loadtest.document import achieved_per_s, flow_rows, freshness_of, server_cpu
from sim.loadtest.measurement import Measurement
from sim.loadtest.settling import wait_until_settled
from sim.loadtest.traffic import Traffic
from sim.loadtest.verdict import invalid_because
from sim.results.validation import ValidationLoad, ValidationPoint
from sim.validation.comparison import relative_error
from sim.validation.loads import Point
from sim.validation.prediction import Predicted, capacity_per_s, predicted

OVERLOAD = 1.3
"""Of what the model says is possible: enough to find the maximum, little enough to answer it."""

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """How loads are measured.

    Attributes:
        warmup_s, measured_s: seconds before, and while it is measured.
        seed: of the first.
        yardstick_s: of the machine when it was calibrated.
    """

    warmup_s: float
    measured_s: float
    seed: int
    yardstick_s: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One load, predicted and measured, and its flows."""

    load: ValidationLoad
    points: tuple[ValidationPoint, ...]


def measured_maximum(
    bench: Bench, scenario: Scenario, traffic: Traffic, trial: Trial, *, told: Told
) -> float:
    """Return the requests a second that a server answers while it has more than it can do.

    Raises:
        LoadTestError: if it cannot be measured.
    """
    offered_per_s = OVERLOAD * capacity_per_s(scenario, traffic.rates_per_s)
    told(f"measuring the maximum, {offered_per_s:.0f} requests/s offered")
    spec = LoadSpec(traffic.at(offered_per_s), trial.measured_s, trial.warmup_s, trial.seed)
    return achieved_per_s(bench.measure(bench.plan(spec)))


def compared(
    bench: Bench,
    scenario: Scenario,
    chosen: Sequence[Point],
    trial: Trial,
    *,
    told: Told,
) -> Sequence[Compared]:
    """Predict each load, then measure it; a load begins when the one before is worked off.

    Raises:
        LoadTestError: if it cannot be measured.
    """
    found = []
    for position, point in enumerate(chosen):
        rate_per_s = point.traffic.rate_per_s
        spec = LoadSpec(
            point.traffic,
            trial.measured_s,
            trial.warmup_s,
            trial.seed + _NEXT_SEED * (position + 1),
        )
        plan = bench.plan(spec)
        told(f"predicting {rate_per_s:.0f} requests/s ({point.mix})")
        prediction = predicted(scenario, point.traffic.rates_per_s, seed=spec.seed)
        told(f"measuring {rate_per_s:.0f} requests/s ({point.mix})")
        wait_until_settled(bench, scenario.objectives)
        speed = trial.yardstick_s / yardstick_s(bench.cores.server)
        measurement = bench.measure(plan)
        found.append(_compared(point, prediction, measurement, scenario, speed=speed))
    return found


_NEXT_SEED = 101


def _compared(
    point: Point,
    prediction: Predicted,
    measurement: Measurement,
    scenario: Scenario,
    *,
    speed: float,
) -> Compared:
    freshness = freshness_of(measurement)
    reasons = invalid_because(measurement)
    offered_per_s = point.traffic.rate_per_s
    answered_share = min(1.0, 1 / prediction.utilisation) if prediction.utilisation else 1.0
    load = ValidationLoad(
        offered_per_s=offered_per_s,
        mix=point.mix,
        share_of_max=point.share_of_max,
        predicted_per_s=offered_per_s * answered_share,
        measured_per_s=achieved_per_s(measurement),
        predicted_freshness_p50_s=prediction.freshness_p50_s,
        measured_freshness_p50_s=freshness.p50_s,
        predicted_freshness_p99_s=prediction.freshness_p99_s,
        measured_freshness_p99_s=freshness.p99_s,
        predicted_utilisation=prediction.busy,
        measured_utilisation=server_cpu(measurement),
        calibrated_on=point.calibrated_on,
        speed=speed,
        invalid_because=reasons,
    )
    rows = [
        ValidationPoint(
            flow=row.flow,
            offered_per_s=offered_per_s,
            mix=point.mix,
            requests=row.requests - row.errors,
            predicted_p50_s=prediction.p50_s.get(row.flow),
            measured_p50_s=row.p50_s,
            p50_error=relative_error(prediction.p50_s.get(row.flow), row.p50_s),
            predicted_p99_s=prediction.p99_s.get(row.flow),
            measured_p99_s=row.p99_s,
            p99_error=relative_error(prediction.p99_s.get(row.flow), row.p99_s),
            calibrated_on=point.calibrated_on,
            valid=not reasons,
        )
        for row in flow_rows(measurement, scenario)
    ]
    return Compared(load, tuple(rows))
