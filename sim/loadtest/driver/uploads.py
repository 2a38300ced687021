"""The flow "create a media post": an upload signed, put into object storage, and posted."""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from sim.loadtest.driver.calls import Calls
from sim.loadtest.driver.connections import (
    Answer,
    AnswerMalformedError,
    Connections,
    StepRefusedError,
)

_SIGNED = 201
_STORED = range(200, 300)


class Uploads:
    """Makes media posts, each of three requests, one after the other."""

    def __init__(
        self, calls: Calls, api: Connections, pictures: list[bytes], *, timeout_s: float
    ) -> None:
        self._calls = calls
        self._api = api
        self._pictures = pictures
        self._timeout_s = timeout_s
        # Object storage may be somewhere else.
        self._storages: dict[str, Connections] = {}
        self._made = 0

    def post(self, actor: int) -> Answer:
        """Upload a picture and post it; returns the answer of the post.

        Raises:
            StepRefusedError: if the upload is not signed, or not taken.
            OSError: as `Connections.ask` does.
        """
        self._made += 1
        data = self._pictures[self._made % len(self._pictures)]
        signed = self._api.ask(self._calls.upload(actor, size_bytes=len(data)))
        if signed.status != _SIGNED:
            raise StepRefusedError(step="upload_signer", answer=signed)
        try:
            told = json.loads(signed.body)
            url, media_url = str(told["uploadUrl"]), str(told["mediaUrl"])
            put = _put(url, told["method"], told["headers"], data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AnswerMalformedError(found=signed.body) from error
        stored = self._storage(url).ask(put)
        if stored.status not in _STORED:
            raise StepRefusedError(step="object_storage", answer=stored)
        return self._api.ask(self._calls.media_post(actor, media_url))

    def close(self) -> None:
        """Close the connections to object storage."""
        for storage in self._storages.values():
            storage.close()

    def _storage(self, url: str) -> Connections:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._storages:
            self._storages[origin] = Connections(origin, timeout_s=self._timeout_s)
        return self._storages[origin]


def _put(url: str, method: str, headers: Mapping[str, str], data: bytes) -> bytes:
    parts = urlsplit(url)
    lines = [f"{method} {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(data)}", "", ""]).encode() + data
