"""Errors as `application/problem+json` documents (RFC 9457)."""

import json
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler


@web.middleware
async def problem_responses(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with the handler's response, or with a problem document for an HTTP error."""
    try:
        return await handler(request)
    except web.HTTPClientError as error:
        return _problem(request, error)


def _problem(request: web.Request, error: web.HTTPClientError) -> web.Response:
    status = HTTPStatus(error.status)
    document = {
        "type": f"urn:socialfeed:problem:{status.name.lower().replace('_', '-')}",
        "title": status.phrase,
        "status": status.value,
        "detail": f"{request.method} {request.path}: {status.description}",
    }
    response = web.Response(
        # As bytes, since the media type has no charset parameter.
        body=json.dumps(document).encode(),
        status=status.value,
        content_type="application/problem+json",
    )
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = error.headers["Allow"]
    return response
