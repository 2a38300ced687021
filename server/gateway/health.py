"""Health of the process: alive (restart it if not) and ready (send it requests if so)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
from aiohttp import web


@dataclass
class Readiness:
    """Whether the server wants requests: off until it has started, off again when it stops.

    Attributes:
        ready: between its start and its stop.
        store_failure: why the store does not take writes; None while it does.
        storage_failure: why object storage elsewhere cannot be used; None while it can.
    """

    ready: bool = False
    store_failure: Callable[[], Exception | None] = lambda: None
    storage_failure: Callable[[], str | None] = lambda: None


# An orchestrator asks for these however busy the server is.
HEALTH_PATHS = frozenset({"/livez", "/readyz"})
READINESS = web.AppKey("READINESS", Readiness)


def health_routes(metrics: Callable[[], str]) -> Sequence[web.RouteDef]:
    """Return the routes that an orchestrator, a load balancer or a monitor asks."""

    async def tell_metrics(_request: web.Request) -> web.Response:
        return web.Response(
            body=metrics().encode(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    return [
        web.get("/livez", _livez),
        web.get("/readyz", _readyz),
        web.get("/metrics", tell_metrics),
    ]


async def _livez(_request: web.Request) -> web.Response:
    return _health("ok")


async def _readyz(request: web.Request) -> web.Response:
    readiness = request.app[READINESS]
    if not readiness.ready:
        return _health("stopping", code=503)
    if readiness.store_failure() is not None:
        return _health("store failing", code=503)
    failure = readiness.storage_failure()
    if failure is not None:
        return _health(f"object storage failing: {failure}", code=503)
    return _health("ok")


def _health(status: str, *, code: int = 200) -> web.Response:
    body = orjson.dumps({"status": status})
    return web.Response(body=body, status=code, content_type="application/json")
