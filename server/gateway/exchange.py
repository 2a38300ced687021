"""A request and its answer, while they are on their way."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web

from server.ports.telemetry import Timed


# Not frozen: the gateway finds out whose it is.
@dataclass(slots=True)
class Exchange:
    """What is known of a request beside what was sent.

    Attributes:
        request_id: what its answer and its line in a log are found by.
        caller_id: whose token it came with; None if that is not known, or nobody needs one.
        visits: those to boxes that are over, in the order in which they ended.
    """

    request_id: str
    caller_id: int | None = field(default=None, init=False)
    visits: Sequence[Timed] = field(default=(), init=False)


# Where a request has it.
EXCHANGE = web.RequestKey("exchange", Exchange)
