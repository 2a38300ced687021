"""What a request waits for at low load, beside the CPU that it uses: the intercept.

With hardly any load nobody queues. What a response takes beyond its service times is then a worker
that wakes up at each visit, and the disk that each commit waits for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from sim.estimates.workload import WorkFlow


@dataclass(frozen=True, slots=True)
class LowLoad:
    """A flow at low load: its median response time, seconds, and how many requests tell it."""

    flow: WorkFlow
    median_s: float
    requests: float


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that a worker takes to wake up, and that a batch takes at the disk."""

    wake_up_s: float
    batch_s: float


def fitted_waits(flows: Sequence[LowLoad]) -> Waits:
    """Return the waits that explain the flows' medians best: least squares, none negative.

    Flows with more requests count more. The service times of the flows' steps must be measured.
    """
    weights = np.sqrt([each.requests for each in flows])
    visits = [[_visits(each.flow, batched=batched) for batched in (False, True)] for each in flows]
    beyond_s = [each.median_s - _service_s(each.flow) for each in flows]
    (wake_up_s, batch_s), _ = nnls(
        np.asarray(visits) * weights[:, None], np.asarray(beyond_s) * weights
    )
    return Waits(float(wake_up_s), float(batch_s))


def _visits(flow: WorkFlow, *, batched: bool) -> float:
    return sum(
        step.mean_visits
        for step in flow.steps
        if step.awaited and (step.habits.batch > 1) is batched
    )


def _service_s(flow: WorkFlow) -> float:
    return sum(step.mean_busy_s for step in flow.steps if step.awaited and step.habits.batch == 1)
