"""Rate limits: a token bucket for each user and each address."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from server.errors import TooManyRequestsError

BUCKETS = 100_000
# A bucket holds what is allowed in this time, so that a page that loads at once is no offence.
BURST_S = 2.0


class RateLimit:
    """At most so many requests a second for each key, with bursts of two seconds' worth."""

    def __init__(self, *, rate_per_s: float, monotonic_s: Callable[[], float]) -> None:
        self._rate_per_s = rate_per_s
        self._monotonic_s = monotonic_s
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, *keys: Hashable) -> None:
        """Let a request pass that counts for all of these.

        Raises:
            TooManyRequestsError: if a bucket is empty; then it counts for none.
        """
        if not self._rate_per_s:
            return
        now_s = self._monotonic_s()
        least = min(self._refill(key, now_s) for key in keys)
        if least < 1:
            raise TooManyRequestsError(retry_after_s=(1 - least) / self._rate_per_s)
        for key in keys:
            left, _ = self._buckets[key]
            self._buckets[key] = (left - 1, now_s)

    def would_pass(self, *keys: Hashable) -> bool:
        """Whether `take` would let it pass."""
        if not self._rate_per_s:
            return True
        now_s = self._monotonic_s()
        return all(self._refill(key, now_s) >= 1 for key in keys)

    def _refill(self, key: Hashable, now_s: float) -> float:
        most = max(self._rate_per_s * BURST_S, 1.0)
        left, at_s = self._buckets.pop(key, (most, now_s))
        left = min(left + (now_s - at_s) * self._rate_per_s, most)
        self._buckets[key] = (left, now_s)
        if len(self._buckets) > BUCKETS:
            self._buckets.popitem(last=False)
        return left
