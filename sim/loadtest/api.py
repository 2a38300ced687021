"""A plain client of the server's API, for what is done before and after the load."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from sim.loadtest.errors import (
    BadTargetError,
    ForeignServerError,
    RefusedError,
    UnreachableError,
)

TIMEOUT_S = 10.0
READY_WITHIN_S = 10.0
AT_ONCE = 8

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `document` is None where the body is no JSON."""

    status: int
    document: Any
    text: str


def target_url(text: str) -> str:
    """Return the URL of a target without a path.

    Raises:
        BadTargetError: if it is no URL that a load can be sent to.
    """
    expected = "a URL such as http://127.0.0.1:8080"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadTargetError(url=text, expected=f"{expected} ({error})") from error
    if parts.scheme not in {"http", "https"}:
        raise BadTargetError(url=text, expected=f"{expected}, its scheme http or https")
    if not parts.hostname:
        raise BadTargetError(url=text, expected=f"{expected}, with a host")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username:
        raise BadTargetError(url=text, expected=f"{expected}, without a path, query or user")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


class Api:
    """Calls one server; from any thread, each with a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._parts = urlsplit(url)
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Self:
        """Use it, and close its connections at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections of all threads."""
        for connection in self._connections:
            connection.close()

    def ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, token: str = ""
    ) -> Reply:
        """Send one request, on a new connection if the last one has gone.

        Raises:
            UnreachableError: if there is no answer.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = None if body is None else json.dumps(body)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection = self._connection()
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            self._local.connection = None
            reason = f"no answer to {method} {path} ({str(error) or type(error).__name__})"
            raise UnreachableError(url=self.url, reason=reason) from error
        return Reply(response.status, _parsed(text), text)

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            kind = (
                http.client.HTTPSConnection
                if self._parts.scheme == "https"
                else http.client.HTTPConnection
            )
            connection = kind(self._parts.hostname or "", self._parts.port, timeout=TIMEOUT_S)
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    def expect(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, token: str = ""
    ) -> Any:  # noqa: ANN401 - whatever JSON the call answers
        """Send one request that must succeed; returns its document.

        Raises:
            RefusedError: if the status is not 2xx.
            UnreachableError: if there is no answer.
        """
        reply = self.ask(method, path, body, token=token)
        if not _OK <= reply.status < _NOT_OK:
            raise RefusedError(
                call=f"{method} {self.url}{path}", status=reply.status, answer=reply.text[:200]
            )
        return reply.document

    def expect_ready(self) -> None:
        """Check that a socialfeed server answers here, and wants requests.

        Raises:
            UnreachableError: if nobody answers, or it is not ready in time.
            ForeignServerError: if something else answers.
        """
        document = self.ask("GET", "/openapi.json").document
        title = document.get("info", {}).get("title") if isinstance(document, dict) else None
        paths = document.get("paths", {}) if isinstance(document, dict) else {}
        if "/v1/feeds/{userId}" not in paths:
            found = (
                f"it calls itself {title!r}" if title else "no /openapi.json that tells of feeds"
            )
            raise ForeignServerError(url=self.url, found=found)
        until_s = time.monotonic() + READY_WITHIN_S
        while (reply := self.ask("GET", "/readyz")).status != _OK:
            if time.monotonic() > until_s:
                raise UnreachableError(
                    url=self.url,
                    reason=f"not ready for {READY_WITHIN_S:g} s (/readyz: {reply.status})",
                )
            time.sleep(0.2)


_OK, _NOT_OK = 200, 300


def _parsed(text: str) -> object:
    try:
        parsed: object = json.loads(text)
    except ValueError:
        return None
    return parsed


def side_by_side(
    work: Callable[[_Item], _Result],
    items: Iterable[_Item],
    *,
    on_done: Callable[[int], None] = lambda _: None,
) -> Sequence[_Result]:
    """Do work for each item, a few at a time; returns the results in order of the items.

    `on_done` is told how many are done, now and then.
    """
    results = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            for number, result in enumerate(threads.map(work, items), start=1):
                results.append(result)
                if number % _TELL_EVERY == 0:
                    on_done(number)
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    return results


_TELL_EVERY = 100
