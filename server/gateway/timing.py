"""`Server-Timing`: what each box did for an answer."""

from collections.abc import Iterable, Sequence
from typing import Protocol, cast

from aiohttp import web
from aiohttp.typedefs import Handler

from server.ports.telemetry import BoxTiming


class Timings(Protocol):
    """What collects visits to boxes."""

    def collect_timings(self) -> list[BoxTiming]:
        """Return a list that grows while the boxes work for this task, and those it starts."""
        ...


def timed(routes: Iterable[web.RouteDef], timings: Timings) -> Sequence[web.RouteDef]:
    """Return routes whose answers tell their boxes, unless they are sent bit by bit."""
    return [
        web.RouteDef(route.method, route.path, _timed(route, timings), route.kwargs)
        for route in routes
    ]


def _timed(route: web.RouteDef, timings: Timings) -> Handler:
    answer = cast("Handler", route.handler)

    async def handle(request: web.Request) -> web.StreamResponse:
        visits = timings.collect_timings()
        response = await answer(request)
        if not response.prepared:
            response.headers["Server-Timing"] = server_timing(visits)
        return response

    return handle


def server_timing(timings: Sequence[BoxTiming]) -> str:
    """Return the value of a header `Server-Timing`."""
    return ", ".join(map(_metric, timings))


def _metric(timing: BoxTiming) -> str:
    """Return a metric of `Server-Timing`, milliseconds; `cpu` is a parameter of ours."""
    cpu = "" if timing.cpu_s is None else f";cpu={timing.cpu_s * 1000:.3f}"
    return f"{timing.box};dur={timing.duration_s * 1000:.3f}{cpu}"
