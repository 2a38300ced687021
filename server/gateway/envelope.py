"""What every response carries, whatever it is: a request id, safe headers, a line in the log."""

import json
import re
import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

AccessLog = Callable[[str], None]


def envelopes(*, request_id: Callable[[], str], access_log: AccessLog | None) -> Middleware:
    """Return the outermost middleware; `access_log` takes one JSON line for a request."""

    def seal(request: web.Request, response: web.StreamResponse) -> None:
        given = request.headers.get("X-Request-ID", "")
        own = given if _REQUEST_ID.fullmatch(given) else request_id()
        response.headers["X-Request-ID"] = own
        response.headers["X-Content-Type-Options"] = "nosniff"
        if request.path.startswith("/v1"):
            response.headers["Cache-Control"] = "no-store"

    @web.middleware
    async def envelope(request: web.Request, handler: Handler) -> web.StreamResponse:
        started_s = time.perf_counter()
        response = await handler(request)
        if not response.prepared:
            seal(request, response)
        if access_log:
            line = {
                "requestId": response.headers.get("X-Request-ID"),
                "remote": request.remote,
                "method": request.method,
                "path": request.path,
                "status": response.status,
                "durationS": round(time.perf_counter() - started_s, 6),
            }
            access_log(json.dumps(line))
        return response

    return envelope
