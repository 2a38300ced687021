"""What is wrong at an S3 endpoint, or on the way to it, in this server's own errors and words."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from socket import gaierror

from aiohttp import ClientPayloadError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from server.errors import NotFoundError, StorageError

NO_S3 = "no S3 answers there"
# Source: Amazon S3 API Reference, "Error responses".
_MEANINGS: Mapping[str, str] = {
    "NoSuchBucket": "there is no such bucket",
    "InvalidAccessKeyId": "the access key is not known there",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "AuthorizationHeaderMalformed": "the region is wrong",
    "PermanentRedirect": "the bucket is in another region",
    "RequestTimeTooSkewed": "the clocks of server and endpoint are too far apart",
}


class NothingThereError(Exception):
    """A range beyond the end of an object."""


@contextmanager
def told(key: str, *, doing: str) -> Iterator[None]:
    """Tell what goes wrong in this server's own errors; `doing` is what its key has to allow.

    Raises:
        NotFoundError: if there is no object `key`.
        NothingThereError: if it has nothing in the range asked for.
        StorageError: if anything else is wrong.
    """
    try:
        yield
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        # A HEAD tells no code: of its bucket, too, it says no more than 404.
        if status == HTTPStatus.NOT_FOUND and _code(error) != "NoSuchBucket":
            raise NotFoundError(kind="object", found=key) from error
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise NothingThereError from error
        raise _refused(error, doing) from error
    except ResponseParserError as error:
        raise StorageError(reason=NO_S3) from error
    # aiobotocore lets some of aiohttp's errors through, such as that of a body cut short.
    except (BotoCoreError, ClientPayloadError, OSError, TimeoutError) as error:
        raise _not_reached(error) from error


def _refused(error: ClientError, doing: str) -> StorageError:
    code = _code(error)
    if code == "AccessDenied":
        return StorageError(reason=f"the key may not {doing} ({code})")
    if code in _MEANINGS:
        return StorageError(reason=f"{_MEANINGS[code]} ({code})")
    # S3 has a code in each of its errors, but for those of a HEAD, which have no body.
    if code.isdecimal() and error.operation_name != "HeadObject":
        return StorageError(reason=f"{NO_S3} (it answers {code})")
    reason = f"it answers {code}" if code.isalnum() else "it refuses"
    return StorageError(reason=reason, detail=str(error))


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code"))


def _not_reached(error: Exception) -> StorageError:
    cause = error.kwargs.get("error") if isinstance(error, EndpointConnectionError) else error
    system = getattr(cause, "os_error", cause)
    match system:
        case ConnectTimeoutError() | ReadTimeoutError() | TimeoutError():
            return StorageError(reason="it does not answer in time")
        case gaierror():
            return StorageError(reason="its host is not known")
        case OSError(errno=errno.ECONNREFUSED):
            return StorageError(reason="nothing listens there (connection refused)")
        case _:
            # Its own words name the endpoint.
            return StorageError(
                reason=f"it is not reached ({type(error).__name__})", detail=str(error)
            )
