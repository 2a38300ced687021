"""Health of the process: alive (restart it if not) and ready (send it requests if so)."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web


@dataclass
class Readiness:
    """Whether the server wants requests: off until it has started, off again when it stops."""

    ready: bool = False


READINESS = web.AppKey("READINESS", Readiness)


def health_routes() -> Sequence[web.RouteDef]:
    """Return the routes that an orchestrator or a load balancer asks."""
    return [web.get("/livez", _livez), web.get("/readyz", _readyz)]


async def _livez(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _readyz(request: web.Request) -> web.Response:
    if request.app[READINESS].ready:
        return web.json_response({"status": "ok"})
    return web.json_response({"status": "stopping"}, status=503)
