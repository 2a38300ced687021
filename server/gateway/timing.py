"""`Server-Timing`: what each box did for an answer."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVarTuple, cast

from aiohttp import web

from server.gateway.whole_response import WholeResponse
from server.ports.telemetry import BoxTiming, Timed, timings_of

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

Given = TypeVarTuple("Given")
_HEADER = "Server-Timing"


class Timings(Protocol):
    """What collects visits to boxes."""

    def collect_visits(self) -> list[Timed]:
        """Return a list that grows while the boxes work for this task, and those it starts."""
        ...


def timed_routes(routes: Iterable[web.RouteDef], timings: Timings) -> Sequence[web.RouteDef]:
    """Return routes whose answers tell their boxes, unless they are sent bit by bit."""
    return [
        web.RouteDef(
            route.method, route.path, timed(cast("Handler", route.handler), timings), route.kwargs
        )
        for route in routes
    ]


def timed(
    answer: Callable[[web.Request, *Given], Awaitable[web.StreamResponse]], timings: Timings
) -> Callable[[web.Request, *Given], Awaitable[web.StreamResponse]]:
    """Do the same for what answers requests."""

    async def handle(request: web.Request, *given: *Given) -> web.StreamResponse:
        visits = timings.collect_visits()
        response = await answer(request, *given)
        if isinstance(response, WholeResponse):
            response.add_header(_HEADER, server_timing(visits))
        elif not response.prepared:
            response.headers[_HEADER] = server_timing(visits)
        return response

    return handle


def server_timing(visits: Iterable[Timed]) -> str:
    """Return the value of a header `Server-Timing`."""
    return ", ".join(map(_metric, timings_of(visits)))


def _metric(timing: BoxTiming) -> str:
    """Return a metric of `Server-Timing`, milliseconds; `cpu` is a parameter of ours."""
    cpu = "" if timing.cpu_s is None else f";cpu={timing.cpu_s * 1000:.3f}"
    return f"{timing.box};dur={timing.duration_s * 1000:.3f}{cpu}"
