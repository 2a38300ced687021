"""Requests read by one parser for all connections: what one client sends is never another's."""

import pytest
import uvloop
from aiohttp import web

from server.gateway.whole_request import WholeRequests

READ = b"GET /v1/users/1 HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/posts HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"POST /v1/posts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
OTHERS = b"DELETE /v1/follow HTTP/1.1\r\nHost: others\r\n\r\n"

Seen = tuple[str, str, str, bytes] | None


def read_in_turn(*received: bytes) -> list[Seen]:
    """Read what came on connections, one after the other; returns method, path, host and body."""

    async def read() -> list[Seen]:
        async def answer(_request: web.BaseRequest) -> web.StreamResponse:
            return web.Response()

        requests = WholeRequests()
        seen: list[Seen] = []
        for data in received:
            request = requests.read(data, web.Server(answer)())
            if request is None:
                seen.append(None)
            else:
                told = request.method, request.path, request.headers["Host"]
                seen.append((*told, await request.read()))
        return seen

    return uvloop.run(read())


@pytest.mark.parametrize("data", [READ, POST])
def test_a_whole_request_is_read(data: bytes) -> None:
    method, path = data.decode().split()[:2]

    assert read_in_turn(data) == [(method, path, "x", b"{}" if data is POST else b"")]


@pytest.mark.parametrize(
    "data",
    [
        READ + b"G",
        READ + b"DELETE /x HTTP/1.1\r\nHost: me\r\nX: ",
        READ + b"\r\n",
        READ + READ,
        READ[:-2],
        POST + b"G",
        POST + READ[:-4],
        POST[:-1],
        CHUNKED,
        CHUNKED + b"2\r\n{}\r\n",
        CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"0\r\n\r\nGET /x HTTP/1.1\r\nX: ",
        b"GET /x HTTP/1.1\nHost: me\n\nGET /y HTTP/1.1\r\nX: ",
        b"POST /x HTTP/1.1\r\nHost: me\r\nContent-Length : 2\r\n\r\n{}",
        b"POST /x HTTP/1.1\r\nHost: me\r\nContent-Length: 0\r\n\r\n{}",
        b"POST /x HTTP/1.1\r\nHost: me\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
    ],
)
def test_what_is_no_whole_request_is_not_read_and_leaves_nothing_behind(data: bytes) -> None:
    assert read_in_turn(data, OTHERS) == [None, ("DELETE", "/v1/follow", "others", b"")]
