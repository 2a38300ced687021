"""The reference server put together: the one place that picks what the gateway talks to."""

from aiohttp import web

from server.gateway.health import READINESS, Readiness, health_routes
from server.gateway.problems import problem_responses


def build_app() -> web.Application:
    """Return the server's application, ready to take requests once it has started."""
    app = web.Application(middlewares=[problem_responses])
    app[READINESS] = Readiness()
    app.on_startup.append(_become_ready)
    app.add_routes(health_routes())
    return app


async def _become_ready(app: web.Application) -> None:
    app[READINESS].ready = True
