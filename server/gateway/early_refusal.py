"""Refusals that cost next to nothing: a call turned away before its HTTP is parsed."""

from http import HTTPStatus

from server.gateway.problems import RETRY_AFTER_S, problem_body

_CALLS = (b"GET /v1/", b"POST /v1/", b"PATCH /v1/", b"DELETE /v1/")
_VERSION = b" HTTP/1.1"
_HEADERS_END = b"\r\n\r\n"


def is_one_whole_call(data: bytes) -> bool:
    """Whether these bytes are one call of the API from its first byte to its last.

    Anything else has to be parsed to be answered, or must never be refused: health, metrics.
    """
    head, end, body = data.partition(_HEADERS_END)
    line, _, headers = head.partition(b"\r\n")
    if not (end and line.startswith(_CALLS) and line.endswith(_VERSION)):
        return False
    headers = b"\r\n" + headers.lower() + b"\r\n"
    if b"\r\nconnection:" in headers:
        headers = headers.replace(b"\r\nconnection: keep-alive\r\n", b"\r\n")
        if b"\r\nconnection:" in headers:
            return False
    if b"\r\ntransfer-encoding:" in headers:
        return False
    _, named, length = headers.partition(b"\r\ncontent-length:")
    if not named:
        return not body
    length = length.partition(b"\r\n")[0].strip()
    return length.isdigit() and len(body) == int(length)


def refusal(detail: str, *, closes: bool) -> bytes:
    """Return a whole response: come back later."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    body = problem_body(status, detail)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Server: socialfeed\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"Retry-After: {RETRY_AFTER_S}\r\n"
    )
    if closes:
        head += "Connection: close\r\n"
    return f"{head}\r\n".encode() + body
