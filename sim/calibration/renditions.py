"""Renditions, which processes of their own make: what they take for an upload."""

import math
from collections.abc import Sequence

from scenarios.calibration import MEDIA_PROCESSOR, BoxService
from sim.calibration.attribution import LEAST_SAMPLES, Observation
from sim.calibration.batches import UNKNOWN_SCV
from sim.calibration.telling import CALLS

RENDERING = MEDIA_PROCESSOR
"""The box whose work is done by other processes, so that no thread of the server's tells it."""


def renditions_service(observations: Sequence[Observation]) -> dict[str, BoxService]:
    """Return the service time of an upload at the media processor.

    It is the CPU of the processes that the server has started and that have ended, at the lowest
    priority; none if next to no upload was processed. The interval is the range of the loads.
    """
    totals_s = [observation.cpu.children_s for observation in observations]
    uploads = [observation.metrics.of(CALLS, RENDERING) for observation in observations]
    if sum(uploads) < LEAST_SAMPLES or not sum(totals_s):
        return {}
    each_s = [total_s / count for total_s, count in zip(totals_s, uploads, strict=True) if count]
    return {
        RENDERING: BoxService(
            mean_s=math.fsum(totals_s) / sum(uploads),
            scv=UNKNOWN_SCV,
            interval_s=(min(each_s), max(each_s)),
            samples=round(sum(uploads)),
        )
    }
