"""S3's errors, as its documents tell them.

Source: Amazon S3 API Reference, "Error Responses".
"""

from enum import Enum
from http import HTTPStatus
from xml.sax.saxutils import escape

from aiohttp import web

from server.errors import RequestError


class Code(Enum):
    """S3's code of an error, and its status."""

    ACCESS_DENIED = "AccessDenied", HTTPStatus.FORBIDDEN
    AUTHORIZATION_HEADER_MALFORMED = "AuthorizationHeaderMalformed", HTTPStatus.BAD_REQUEST
    AUTHORIZATION_QUERY_ERROR = "AuthorizationQueryParametersError", HTTPStatus.BAD_REQUEST
    BAD_DIGEST = "BadDigest", HTTPStatus.BAD_REQUEST
    # S3 answers it with 400; 413 tells clients that are not S3's.
    ENTITY_TOO_LARGE = "EntityTooLarge", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    INCOMPLETE_BODY = "IncompleteBody", HTTPStatus.BAD_REQUEST
    INVALID_ACCESS_KEY_ID = "InvalidAccessKeyId", HTTPStatus.FORBIDDEN
    INVALID_ARGUMENT = "InvalidArgument", HTTPStatus.BAD_REQUEST
    INVALID_PART = "InvalidPart", HTTPStatus.BAD_REQUEST
    INVALID_RANGE = "InvalidRange", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    INVALID_REQUEST = "InvalidRequest", HTTPStatus.BAD_REQUEST
    MALFORMED_XML = "MalformedXML", HTTPStatus.BAD_REQUEST
    METHOD_NOT_ALLOWED = "MethodNotAllowed", HTTPStatus.METHOD_NOT_ALLOWED
    MISSING_CONTENT_LENGTH = "MissingContentLength", HTTPStatus.LENGTH_REQUIRED
    NO_SUCH_BUCKET = "NoSuchBucket", HTTPStatus.NOT_FOUND
    NO_SUCH_KEY = "NoSuchKey", HTTPStatus.NOT_FOUND
    NO_SUCH_UPLOAD = "NoSuchUpload", HTTPStatus.NOT_FOUND
    NOT_IMPLEMENTED = "NotImplemented", HTTPStatus.NOT_IMPLEMENTED
    PRECONDITION_FAILED = "PreconditionFailed", HTTPStatus.PRECONDITION_FAILED
    REQUEST_TIME_TOO_SKEWED = "RequestTimeTooSkewed", HTTPStatus.FORBIDDEN
    REQUEST_TIMEOUT = "RequestTimeout", HTTPStatus.BAD_REQUEST
    SERVICE_UNAVAILABLE = "ServiceUnavailable", HTTPStatus.SERVICE_UNAVAILABLE
    SIGNATURE_DOES_NOT_MATCH = "SignatureDoesNotMatch", HTTPStatus.FORBIDDEN
    SLOW_DOWN = "SlowDown", HTTPStatus.SERVICE_UNAVAILABLE
    CONTENT_SHA256_MISMATCH = "XAmzContentSHA256Mismatch", HTTPStatus.BAD_REQUEST

    def __init__(self, text: str, status: HTTPStatus) -> None:
        self.text = text
        self.status = status


class S3Error(RequestError):
    """A request to the object storage that cannot be done."""

    def __init__(self, code: Code, reason: str) -> None:
        self.code = code
        super().__init__(reason)


def error_response(error: S3Error, request: web.Request) -> web.Response:
    """Return S3's document of an error; a HEAD gets none."""
    parts = {
        "Code": error.code.text,
        "Message": str(error),
        "Resource": request.path,
    }
    document = '<?xml version="1.0" encoding="UTF-8"?>\n<Error>{}</Error>'.format(
        "".join(f"<{name}>{escape(_printable(text))}</{name}>" for name, text in parts.items())
    )
    response = web.Response(
        status=error.code.status.value,
        body=b"" if request.method == "HEAD" else document.encode(),
        content_type="application/xml",
    )
    if not request.content.is_eof():
        # What comes next may be the rest of the body, or, from a client that has not been told to
        # continue, another request.
        response.force_close()
    if error.code.status is HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "1"
    return response


def _printable(text: str) -> str:
    """Leave out what XML cannot hold."""
    return "".join(character if character.isprintable() else "?" for character in text)
