"""Clients that behave badly: plain sockets, and what the server tells of them."""

import json
import re
import socket
import time
from collections.abc import Callable

from tests.e2e.serving import Person, Serving


def connected(server: Serving, *, receive_bytes: int | None = None) -> socket.socket:
    """Return a connection; one with few `receive_bytes` is soon full."""
    client = socket.socket()
    if receive_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(20)
    client.connect(("127.0.0.1", server.port))
    return client


def head(method: str, path: str, *, person: Person | None = None, length: int = 0) -> bytes:
    """Return the headers of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if person:
        lines.append(f"Authorization: Bearer {person.token}")
    if length:
        lines += ["Content-Type: application/json", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def post_in_parts(author: Person) -> tuple[bytes, bytes]:
    """Return a post, cut in two inside its body."""
    body = json.dumps({"userId": author.user_id, "text": "in two parts"}).encode()
    return head("POST", "/v1/posts", person=author, length=len(body)) + body[:10], body[10:]


def answer(client: socket.socket) -> bytes:
    """Return all that the server sends until it closes; nothing if it resets."""
    received = b""
    try:
        while part := client.recv(65_536):
            received += part
    except ConnectionError:
        pass
    return received


def metric(server: Serving, name: str) -> float:
    """Return a value of `/metrics`; `name` may have labels. Zero if it is not told (yet)."""
    text = server.send("GET", "/metrics").body.decode()
    found = re.search(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def answers(server: Serving, method: str, route: str, status: int) -> float:
    """Return how many requests were answered with a status, by `/metrics`."""
    labels = f'method="{method}",route="{route}",status="{status}"'
    return metric(server, f"socialfeed_answers_total{{{labels}}}")


def eventually(check: Callable[[], bool], *, within_s: float) -> None:
    """Wait until something comes true."""
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def resident_bytes(server: Serving) -> int:
    """Return the server's memory."""
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - no file
        return int(file.read().split()[1]) * 4096
