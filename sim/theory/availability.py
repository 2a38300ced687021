"""Availability of parts in series, in parallel, k of n, across zones and regions.

Everything is told as unavailability, the share of time something is down: 1e-12 keeps its digits,
0.999999999999 does not.
"""

import math
from collections.abc import Mapping, Sequence

from sim.theory.binomial import binomial_upper_tail
from sim.theory.ranges import (
    require_count,
    require_non_negative,
    require_positive,
    require_probability,
)

SECONDS_PER_YEAR = 365 * 86_400


def component_unavailability(*, mttf_s: float, mttr_s: float) -> float:
    """Share of time that a component is down, by its mean times to failure and to repair.

    Holds for any distribution of both times.

    Raises:
        OutOfRangeError: if the time to failure is not above 0, or that to repair negative.

    Source: Barlow & Proschan, Statistical Theory of Reliability and Life Testing (1975), ch. 7.
    """
    require_positive(mttf_s=mttf_s)
    require_non_negative(mttr_s=mttr_s)
    return mttr_s / (mttf_s + mttr_s)


def series_unavailability(unavailabilities: Sequence[float]) -> float:
    """Share of time that at least one of these independent parts is down; 0 for no parts.

    Raises:
        OutOfRangeError: if one of them is not in [0, 1].

    Source: Trivedi, Probability and Statistics with Reliability, 2nd ed. (2002), chapter 1.
    """
    for unavailability in unavailabilities:
        require_probability(unavailability=unavailability)
    if any(unavailability == 1 for unavailability in unavailabilities):
        return 1.0
    return -math.expm1(math.fsum(math.log1p(-each) for each in unavailabilities))


def parallel_unavailability(unavailabilities: Sequence[float]) -> float:
    """Share of time that all of these independent parts are down; 1 for no parts.

    Raises:
        OutOfRangeError: if one of them is not in [0, 1].

    Source: Trivedi, Probability and Statistics with Reliability, 2nd ed. (2002), chapter 1.
    """
    for unavailability in unavailabilities:
        require_probability(unavailability=unavailability)
    return math.prod(unavailabilities)


def k_of_n_unavailability(*, needed: int, total: int, unavailability: float) -> float:
    """Share of time that fewer than `needed` of `total` equal, independent parts are up.

    1 if more are needed than there are, 0 if none is needed.

    Raises:
        OutOfRangeError: if there is no part, a negative number is needed, or the unavailability
            is not in [0, 1].

    Source: Trivedi, Probability and Statistics with Reliability, 2nd ed. (2002), chapter 1.
    """
    require_non_negative(needed=needed)
    return binomial_upper_tail(
        trials=total, at_least=total - needed + 1, probability=unavailability
    )


def zoned_unavailability(
    *,
    needed: int,
    instances_per_zone: Sequence[int],
    zone_unavailability: float,
    instance_unavailability: float,
) -> float:
    """Share of time that fewer than `needed` instances are up, where zones fail as one.

    Conditions on which zones are up; zones fail independently of each other, instances
    independently within zones that are up. `instance_unavailability` is that of an instance in a
    zone that is up.

    Raises:
        OutOfRangeError: if no zone is given, a zone holds a negative number, or a probability is
            not in [0, 1].

    Source: Trivedi, Probability and Statistics with Reliability, 2nd ed. (2002), chapter 1
    (conditioning on a common cause).
    """
    require_count(zones=len(instances_per_zone))
    require_probability(
        zone_unavailability=zone_unavailability, instance_unavailability=instance_unavailability
    )
    require_non_negative(needed=needed)
    reachable = _reachable_instances(instances_per_zone, zone_unavailability)
    down = math.fsum(
        probability * _group_unavailability(needed, instances, instance_unavailability)
        for instances, probability in reachable.items()
    )
    # The probabilities of all outcomes add up to one but for rounding.
    return min(1.0, down)


def _reachable_instances(
    instances_per_zone: Sequence[int], zone_unavailability: float
) -> Mapping[int, float]:
    """Distribution of the number of instances in zones that are up."""
    reachable = {0: 1.0}
    for instances in instances_per_zone:
        require_non_negative(instances=instances)
        after: dict[int, float] = {}
        for others, probability in reachable.items():
            up, down = others + instances, others
            after[up] = after.get(up, 0.0) + probability * (1 - zone_unavailability)
            after[down] = after.get(down, 0.0) + probability * zone_unavailability
        reachable = after
    return reachable


def _group_unavailability(needed: int, instances: int, unavailability: float) -> float:
    if needed == 0:
        return 0.0
    if instances < needed:
        return 1.0
    return k_of_n_unavailability(needed=needed, total=instances, unavailability=unavailability)


def active_active_unavailability(
    *, regions: int, needed_regions: int, mttf_s: float, mttr_s: float, failover_s: float
) -> float:
    """Share of time that a user is not served, with all regions serving all the time.

    A user is not served while fewer than `needed_regions` are up to carry the load, and for
    `failover_s` (or until repair, if sooner) after their own region fails. An upper bound: times
    when both hold count twice. Regions fail independently of each other.

    Raises:
        OutOfRangeError: if there is no region, or a time is outside its range.

    Source: Trivedi, Probability and Statistics with Reliability, 2nd ed. (2002), chapter 1;
    failures per second of a repairable part: Barlow & Proschan (1975), ch. 7.
    """
    require_non_negative(failover_s=failover_s)
    region_unavailability = component_unavailability(mttf_s=mttf_s, mttr_s=mttr_s)
    too_few = k_of_n_unavailability(
        needed=needed_regions, total=regions, unavailability=region_unavailability
    )
    failing_over = min(failover_s, mttr_s) / (mttf_s + mttr_s)
    return min(1.0, too_few + failing_over)


def downtime_s_per_year(*, unavailability: float) -> float:
    """Mean time down in a year of 365 days.

    Raises:
        OutOfRangeError: if the unavailability is not in [0, 1].

    Source: definition.
    """
    require_probability(unavailability=unavailability)
    return unavailability * SECONDS_PER_YEAR
