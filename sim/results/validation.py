"""The document of `validate --json`, and all that its report is made from."""

from dataclasses import dataclass, field

from sim.results.estimates import ScenarioSummary
from sim.results.simulation import Finding, ObjectiveRow, Reproduce


@dataclass(frozen=True, slots=True)
class ValidationPoint:
    """One flow under one load; None where too few requests tell a percentile.

    Attributes:
        offered_per_s: of the load, all flows together.
        mix: `usual`, the scenario's, or `other`.
        requests: of the flow that were answered.
        p50_error, p99_error: how far the prediction is from the measurement, as a share of it; None
            where one of them is missing.
        calibrated_on: whether the calibration measured service times at such a load.
        valid: whether the load tells of the server, not of the load generator.
    """

    flow: str
    offered_per_s: float
    mix: str
    requests: int
    predicted_p50_s: float | None
    measured_p50_s: float | None
    p50_error: float | None
    predicted_p99_s: float | None
    measured_p99_s: float | None
    p99_error: float | None
    calibrated_on: bool
    valid: bool


@dataclass(frozen=True, slots=True)
class ValidationLoad:
    """One load.

    Attributes:
        share_of_max: its rate over the measured maximum.
        predicted_per_s, measured_per_s: requests answered rightly in a second.
        predicted_utilisation, measured_utilisation: busy part of the server's cores; what the model
            says is of its busiest box.
        speed: of the machine over that at the calibration; 1 is equally fast.
        invalid_because: why the load tells nothing of the server; empty if it does.
    """

    offered_per_s: float
    mix: str
    share_of_max: float
    predicted_per_s: float
    measured_per_s: float
    predicted_freshness_p50_s: float | None
    measured_freshness_p50_s: float | None
    predicted_freshness_p99_s: float | None
    measured_freshness_p99_s: float | None
    predicted_utilisation: float
    measured_utilisation: float | None
    calibrated_on: bool
    speed: float
    invalid_because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValidationError:
    """Medians of errors, over valid points and loads that were not calibrated on.

    What was measured and not predicted counts as infinitely far off; a median is None where it is
    infinite, or where there is nothing to take it of.

    Attributes:
        points, p99_points: that the medians of p50 and p99 are of: those with requests enough.
        unpredicted: of `points`, those without a prediction.
    """

    p50_median: float | None
    p99_median: float | None
    throughput_median: float | None
    freshness_p50_median: float | None
    points: int
    p99_points: int = 0
    unpredicted: int = 0


@dataclass(frozen=True, slots=True)
class ValidationRun:
    """What differs from run to run; `is_interrupted` where Ctrl-C has ended it before its time."""

    seed: int
    wall_s: float
    is_interrupted: bool = False


@dataclass(frozen=True, slots=True)
class ValidationSetup:
    """How it was measured.

    Attributes:
        calibration: the file whose figures the prediction takes, or that they were measured just
            before.
        measured_max_per_s: requests answered in a second by a server with more than it can do; the
            maximum that was given where none was measured.
        saturating_per_s: what was offered to it then, of which it did not answer all; None where
            the maximum was given.
        predicted_max_per_s: where the model says that the first box saturates, on a machine as fast
            as it was while the maximum was measured.
        users: of the world.
        warmup_s, measured_s: of each load.
    """

    calibration: str
    measured_max_per_s: float
    predicted_max_per_s: float
    users: int
    warmup_s: float
    measured_s: float
    cpu: str
    saturating_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class ValidationDocument:
    """The document of `validate --json`.

    Attributes:
        objectives: how small errors are wanted.
        measured_figures, assumed_figures: of the scenario that predicts.
    """

    scenario: ScenarioSummary
    points: tuple[ValidationPoint, ...]
    error: ValidationError
    loads: tuple[ValidationLoad, ...]
    objectives: tuple[ObjectiveRow, ...]
    findings: tuple[Finding, ...]
    measured_figures: int
    assumed_figures: int
    setup: ValidationSetup
    reproduce: Reproduce
    run: ValidationRun
    format_version: int = field(default=1)
    kind: str = field(default="validation")
