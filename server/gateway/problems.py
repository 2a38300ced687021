"""Errors as `application/problem+json` documents (RFC 9457)."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from math import ceil

import orjson
from aiohttp import web

from server.errors import (
    BodyTooLargeError,
    BrokenBodyError,
    ForeignOriginError,
    InvalidFieldError,
    KeyInProgressError,
    KeyReusedError,
    MediaGoneError,
    NameTakenError,
    NotAuthenticatedError,
    NotFoundError,
    NotOwnerError,
    ObjectExistsError,
    OverloadedError,
    RequestError,
    SlowBodyError,
    StorageError,
    TooManyRequestsError,
    UnsatisfiableRangeError,
    UnsupportedBodyError,
    WrongBytesError,
)
from server.gateway.parsing import InvalidBodyError, MalformedBodyError
from server.gateway.shapes import FieldProblem, ProblemShape

RETRY_AFTER_S = 1

_STATUSES: dict[type[RequestError], HTTPStatus] = {
    BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    BrokenBodyError: HTTPStatus.BAD_REQUEST,
    MalformedBodyError: HTTPStatus.BAD_REQUEST,
    SlowBodyError: HTTPStatus.REQUEST_TIMEOUT,
    NotAuthenticatedError: HTTPStatus.UNAUTHORIZED,
    NotOwnerError: HTTPStatus.FORBIDDEN,
    ForeignOriginError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    NameTakenError: HTTPStatus.CONFLICT,
    KeyInProgressError: HTTPStatus.CONFLICT,
    InvalidBodyError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidFieldError: HTTPStatus.UNPROCESSABLE_ENTITY,
    MediaGoneError: HTTPStatus.UNPROCESSABLE_ENTITY,
    WrongBytesError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ObjectExistsError: HTTPStatus.CONFLICT,
    KeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnsupportedBodyError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    UnsatisfiableRangeError: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    OverloadedError: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def problem_for(error: Exception, request: web.Request) -> web.Response:
    """Return the answer to a request that ended in an error."""
    match error:
        case RequestError():
            return refusal(error)
        case web.HTTPClientError():
            response = problem(HTTPStatus(error.status), _wording(error, request))
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response
        case _:
            context = {"message": f"{request.method} {request.path} failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a bug in the server")


def _wording(error: web.HTTPClientError, request: web.Request) -> str:
    """Return what is wrong with a request that no call has seen."""
    match error:
        case web.HTTPNotFound():
            return f"there is nothing at {request.path}; /openapi.json tells what there is"
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return f"expected {allowed} for {request.path}; found {request.method}"
        case web.HTTPExpectationFailed():
            found = request.headers.get("Expect", "")
            return f"expected Expect: 100-continue, or none; found {found}"
        case _:
            return f"{request.method} {request.path}: {HTTPStatus(error.status).description}"


def problem(
    status: HTTPStatus, detail: str, *, fields: Sequence[FieldProblem] = ()
) -> web.Response:
    """Return a problem document as a response."""
    return web.Response(
        # As bytes, since the media type has no charset parameter.
        body=problem_body(status, detail, fields=fields),
        status=status.value,
        content_type="application/problem+json",
    )


def problem_body(status: HTTPStatus, detail: str, *, fields: Sequence[FieldProblem] = ()) -> bytes:
    """Return a problem document."""
    document: ProblemShape = {
        "type": f"urn:socialfeed:problem:{status.name.lower().replace('_', '-')}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
    }
    if fields:
        document["errors"] = list(fields)
    return orjson.dumps(document)


def refusal(error: RequestError) -> web.Response:
    """Return the answer to a request that cannot be done."""
    response = problem(_status(error), str(error), fields=_fields(error))
    match error:
        case TooManyRequestsError():
            response.headers["Retry-After"] = str(max(ceil(error.retry_after_s), RETRY_AFTER_S))
        case OverloadedError() | StorageError():
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        case BrokenBodyError() | SlowBodyError():
            # The rest of it may be taken for the next request.
            response.force_close()
        case NotAuthenticatedError():
            response.headers["WWW-Authenticate"] = "Bearer"
        case UnsatisfiableRangeError():
            response.headers["Content-Range"] = f"bytes */{error.size_bytes}"
        case _:
            pass
    return response


def _status(error: RequestError) -> HTTPStatus:
    """Return the status of an error, or of the nearest kind of error that it is."""
    return next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)


def _fields(error: RequestError) -> Sequence[FieldProblem]:
    match error:
        case InvalidBodyError():
            return error.problems
        case InvalidFieldError():
            return [{"field": error.field, "message": error.reason}]
        case _:
            return ()
