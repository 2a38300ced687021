"""A validation from beginning to end: calibration, maximum, loads, document."""

from collections.abc import Callable
from dataclasses import dataclass

from scenarios.calibration import Calibration
from scenarios.model import Scenario
from sim.calibration.run import Campaign, calibrated_bench
from sim.calibration.subject import Subject
from sim.calibration.whole import stay_with_generators
from sim.loadtest.bench import Bench, own_bench
from sim.loadtest.cores import processor
from sim.loadtest.own_server import Program
from sim.results.validation import ValidationDocument, ValidationRun, ValidationSetup
from sim.validation.document import Frame, validation_document
from sim.validation.loads import points
from sim.validation.prediction import capacity_per_s
from sim.validation.run import Maximum, Trial, compared, measured_maximum

Told = Callable[[str], None]

JUST_MEASURED = "measured just before, on the same server"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        calibration: that the prediction takes; None to calibrate first.
        campaign: how long loads are, with which seed; and those of a calibration.
        max_per_s: the server's maximum; None to measure it.
        users: of the world.
        command: what to type to run it again.
    """

    subject: Subject
    program: Program
    calibration: Calibration | None
    campaign: Campaign
    max_per_s: float | None
    users: int
    command: str


def validated(
    request: Request,
    *,
    told: Told,
    told_of_world: Callable[[str, int, int], None],
    clock_s: Callable[[], float],
) -> ValidationDocument:
    """Do what is asked for and return how far predictions are from measurements.

    Raises:
        LoadTestError, CalibrationRunError: if it cannot be measured.
    """
    begun_s = clock_s()
    campaign, traffic = request.campaign, request.subject.traffic

    with own_bench(
        request.program, users=request.users, seed=campaign.seed, told=told_of_world
    ) as bench:
        stay_with_generators(bench)
        calibration = request.calibration or calibrated_bench(
            bench, request.subject, campaign, told=told
        )
        scenario = request.subject.calibrated(calibration)
        trial = Trial(
            campaign.warmup_s,
            campaign.measured_s,
            campaign.seed,
            calibration.machine.yardstick_s,
            calibration.client_s,
        )
        maximum = (
            measured_maximum(bench, scenario, traffic, trial, told=told)
            if request.max_per_s is None
            else Maximum(request.max_per_s, None)
        )
        chosen = points(traffic, max_per_s=maximum.answered_per_s, calibration=calibration)
        course = compared(bench, scenario, chosen, trial, told=told)
        setup = _setup(request, scenario, bench, maximum)
    run = ValidationRun(campaign.seed, clock_s() - begun_s, is_interrupted=course.is_interrupted)
    return validation_document(course.found, Frame(scenario, setup, request.command, run))


def _setup(request: Request, scenario: Scenario, bench: Bench, maximum: Maximum) -> ValidationSetup:
    known = request.calibration
    return ValidationSetup(
        calibration=JUST_MEASURED if known is None else f"{known.file}, {known.measured_on}",
        measured_max_per_s=maximum.answered_per_s,
        predicted_max_per_s=maximum.speed
        * capacity_per_s(scenario, request.subject.traffic.rates_per_s),
        users=len(bench.world),
        warmup_s=request.campaign.warmup_s,
        measured_s=request.campaign.measured_s,
        cpu=processor(),
        saturating_per_s=maximum.offered_per_s,
    )
