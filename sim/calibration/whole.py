"""Loads that are only of use when they were measured to their end."""

from sim.calibration.errors import InterruptedRunError, InvalidLoadError
from sim.loadtest.bench import Bench, Watch
from sim.loadtest.cores import pin
from sim.loadtest.errors import UnreachableError
from sim.loadtest.measurement import Measurement
from sim.loadtest.plan import Plan
from sim.loadtest.verdict import invalid_because


def stay_with_generators(bench: Bench) -> None:
    """Keep this process, and what it measures with beside a load, off the server's core."""
    pin(0, bench.cores.generator)


def measured_whole(bench: Bench, plan: Plan, *, watch: Watch = lambda _: True) -> Measurement:
    """Send a plan to the target and return what was measured, from beginning to end.

    Raises:
        InterruptedRunError: if Ctrl-C has ended it.
        UnreachableError: if the target stopped answering.
        LoadTestError: if it cannot be measured.
    """
    measurement = bench.measure(plan, watch=watch)
    if measurement.interrupted:
        raise InterruptedRunError
    if measurement.target_lost_s is not None:
        reason = f"it stopped answering {measurement.target_lost_s:.0f} s after the load began"
        raise UnreachableError(url=bench.url, reason=reason)
    return measurement


def expect_valid(measurement: Measurement, *, rate_per_s: float) -> None:
    """Check that a measurement tells of the server.

    Raises:
        InvalidLoadError: if it tells of the load generator.
    """
    reasons = invalid_because(measurement)
    if reasons:
        raise InvalidLoadError(rate_per_s=rate_per_s, reasons=reasons)
