"""What is calibrated: a scenario, as it stands and as a calibration changes it."""

from collections.abc import Callable
from dataclasses import dataclass

from scenarios.calibration import Calibration
from scenarios.model import Scenario
from sim.loadtest.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Subject:
    """The scenario that is measured.

    Attributes:
        assumed: as it stands.
        calibrated: returns it with what a calibration has measured.
        traffic: of its users.
    """

    assumed: Scenario
    calibrated: Callable[[Calibration], Scenario]
    traffic: Traffic
