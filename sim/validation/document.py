"""The document of a validation: what `validate --json` prints and its report is made from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scenarios.calibration import is_measured
from scenarios.model import Scenario
from sim.estimates.document import scenario_summary
from sim.results.simulation import Finding, Reproduce
from sim.results.validation import (
    ValidationDocument,
    ValidationLoad,
    ValidationPoint,
    ValidationRun,
    ValidationSetup,
)
from sim.validation.comparison import error_of, objectives_of
from sim.validation.run import Compared
from sim.versions import told_versions

_TOLD_VERSIONS = ("socialfeed", "aiohttp", "aiosqlite", "simpy", "locust", "numpy")
_SATURATES = 0.95
"""Of what is offered, answered less than this: the server could not keep up."""


_DRIFT = 0.1
"""Of a machine's speed: more is told."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a document says beside what was compared; `scenario` is the calibrated one."""

    scenario: Scenario
    setup: ValidationSetup
    command: str
    run: ValidationRun


def validation_document(found: Sequence[Compared], frame: Frame) -> ValidationDocument:
    """Return the document of loads that were predicted and measured."""
    points = tuple(point for each in found for point in each.points)
    loads = tuple(each.load for each in found)
    error = error_of(points, loads)
    sources = [assumption.source for _, assumption in frame.scenario.assumptions()]
    measured = sum(map(is_measured, sources))
    return ValidationDocument(
        scenario=scenario_summary(frame.scenario),
        points=points,
        error=error,
        loads=loads,
        objectives=objectives_of(error),
        findings=(*_ending(frame.run, loads), *_findings(points, loads)),
        measured_figures=measured,
        assumed_figures=len(sources) - measured,
        setup=frame.setup,
        reproduce=Reproduce(command=frame.command, versions=told_versions(_TOLD_VERSIONS)),
        run=frame.run,
    )


def _ending(run: ValidationRun, loads: Sequence[ValidationLoad]) -> Iterator[Finding]:
    if run.is_interrupted:
        yield Finding("warning", f"Interrupted after {len(loads)} loads: the others are not told.")


def _findings(
    points: Sequence[ValidationPoint], loads: Sequence[ValidationLoad]
) -> Iterator[Finding]:
    for load in loads:
        for reason in load.invalid_because:
            yield Finding(
                "warning", f"The load of {load.offered_per_s:.0f}/s does not count: {reason}."
            )
        if load.measured_per_s < _SATURATES * load.offered_per_s <= load.predicted_per_s:
            yield Finding(
                "warning",
                f"At {load.offered_per_s:.0f}/s the server answered {load.measured_per_s:.0f}/s; "
                "the model says that it keeps up.",
            )
        if load.predicted_per_s < _SATURATES * load.offered_per_s <= load.measured_per_s:
            yield Finding(
                "warning",
                f"At {load.offered_per_s:.0f}/s the model says that the server answers no more "
                f"than {load.predicted_per_s:.0f}/s; it answered {load.measured_per_s:.0f}/s.",
            )
    speeds = sorted(load.speed for load in loads)
    if speeds and (speeds[0] < 1 - _DRIFT or speeds[-1] > 1 + _DRIFT):
        yield Finding(
            "note",
            f"The machine was {speeds[0]:.2f} to {speeds[-1]:.2f} times as fast as when it was "
            "calibrated, by a yardstick that ran beside each load; the predictions take that into "
            "account.",
        )
    worst = max(
        (point for point in points if point.valid and point.p50_error is not None),
        key=lambda point: point.p50_error or 0.0,
        default=None,
    )
    if worst is not None and worst.p50_error is not None:
        yield Finding(
            "note",
            f"The prediction is worst for {worst.flow} at {worst.offered_per_s:.0f}/s "
            f"({worst.mix} mix): its median is {worst.p50_error:.0%} off.",
        )
