"""Which loads are predicted and measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scenarios.calibration import Calibration
from sim.loadtest.traffic import Traffic

SHARES_OF_MAX = (0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
"""Of what the server can do; six, so that five are left when one is a load calibrated on."""

OTHER_SHARE = 0.5
OTHER_MIX = {"read_feed": 2.0, "text_post": 5.0, "media_post": 5.0, "like": 0.5, "comment": 0.5}
"""The other mix: how much more often a flow comes in it, before all are scaled to one rate."""

USUAL, OTHER = "usual", "other"

SAME_LOAD = 0.05
"""Loads no further apart than this share are the same for a calibration."""


@dataclass(frozen=True, slots=True)
class Point:
    """A load.

    Attributes:
        mix: its name.
        share_of_max: its rate over the server's maximum.
        calibrated_on: whether service times were measured at such a load.
    """

    traffic: Traffic
    mix: str
    share_of_max: float
    calibrated_on: bool


def points(traffic: Traffic, *, max_per_s: float, calibration: Calibration) -> Sequence[Point]:
    """Return the loads, from about 20 % to 90 % of the maximum, and one of another mix.

    A load that was calibrated on gives way to one a little smaller.
    """
    calibrated = [load.offered_per_s for load in calibration.loads if load.used_for != "waiting"]
    usual = []
    for share in SHARES_OF_MAX:
        clear_share = _clear_share(share, max_per_s, calibrated)
        usual.append(
            Point(
                traffic.at(clear_share * max_per_s),
                USUAL,
                clear_share,
                calibrated_on=_is_near(clear_share * max_per_s, calibrated),
            )
        )
    other = other_mix(traffic).at(OTHER_SHARE * max_per_s)
    return [*usual, Point(other, OTHER, OTHER_SHARE, calibrated_on=False)]


def _clear_share(share: float, max_per_s: float, calibrated: Sequence[float]) -> float:
    """Return a share of the maximum near this one that was not calibrated on, if there is one."""
    for _ in range(_MOST_STEPS):
        if not _is_near(share * max_per_s, calibrated):
            break
        share *= _ASIDE
    return share


_ASIDE = 0.92
_MOST_STEPS = 4


def _is_near(rate_per_s: float, calibrated: Sequence[float]) -> bool:
    return any(abs(rate_per_s - other) <= SAME_LOAD * other for other in calibrated)


def other_mix(traffic: Traffic) -> Traffic:
    """Return the traffic with more reads and posts, and fewer likes and comments."""
    return replace(
        traffic,
        rates_per_s={
            flow: rate_per_s * OTHER_MIX.get(flow, 1.0)
            for flow, rate_per_s in traffic.rates_per_s.items()
        },
    )
