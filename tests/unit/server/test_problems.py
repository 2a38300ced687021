"""What a refusal tells the client is true."""

import pytest

from server.errors import TooManyRequestsError
from server.gateway.problems import refusal
from server.gateway.rate_limit import RateLimit
from tests.fakes.clock import ManualClock


@pytest.mark.parametrize("rate_per_s", [0.4, 0.6, 3.0])
def test_who_comes_back_when_told_is_let_through(rate_per_s: float) -> None:
    clock = ManualClock()
    limit = RateLimit(rate_per_s=rate_per_s, monotonic_s=clock.monotonic_s)
    with pytest.raises(TooManyRequestsError) as refused:
        use_up(limit)
    told_s = int(refusal(refused.value).headers["Retry-After"])
    clock.ms += told_s * 1_000

    limit.take("ada")


def use_up(limit: RateLimit) -> None:
    while True:
        limit.take("ada")
