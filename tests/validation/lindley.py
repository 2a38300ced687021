"""One worker, first come, first served, by Lindley's recursion: exact, and fast."""

import numpy as np
from numpy.typing import NDArray


def response_times_s(
    gaps_s: NDArray[np.float64], services_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the response times, shape (replications, customers), from an idle start.

    The wait is the walk of service minus gap, above its lowest point so far.

    Args:
        gaps_s: before each customer's arrival, shape (replications, customers).
        services_s: of the same shape.
    """
    walk_s = np.cumsum(services_s[:, :-1] - gaps_s[:, 1:], axis=1)
    walk_s = np.concatenate([np.zeros((len(walk_s), 1)), walk_s], axis=1)
    waits_s: NDArray[np.float64] = walk_s - np.minimum(np.minimum.accumulate(walk_s, axis=1), 0)
    return waits_s + services_s
