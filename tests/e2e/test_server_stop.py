"""SIGTERM: what has begun is answered, and the server is gone within 10 s whatever clients do."""

import signal
import time
from contextlib import closing
from pathlib import Path

from tests.e2e.serving import serving
from tests.e2e.sockets import answer, connected, head, post_in_parts

ORCHESTRATOR_KILLS_S = 10.0
# For a machine that does other things too.
MARGIN_S = 1.0


def test_a_request_in_flight_is_answered_and_kept(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server:
        ada = server.sign_up("ada")
        begin, end = post_in_parts(ada)
        with closing(connected(server)) as client:
            client.sendall(begin)
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(3)
            client.sendall(end)
            reply = answer(client)

        assert reply.startswith(b"HTTP/1.1 201 ")
        assert server.process.wait(timeout=5) == 0
    with serving(program, tmp_path) as server:
        posts = server.send("GET", f"/v1/users/{ada.user_id}/posts", token=ada.token).json
        assert [post["text"] for post in posts["items"]] == ["in two parts"]


def test_a_request_that_came_whole_is_answered_too(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server:
        body = b'{"name":"ada","password":"long enough to be hashed"}'
        request = head("POST", "/v1/users", length=len(body)) + body
        with closing(connected(server)) as client:
            client.sendall(request)
            server.process.send_signal(signal.SIGTERM)
            reply = answer(client)

        assert reply.startswith(b"HTTP/1.1 201 ")
        assert server.process.wait(timeout=5) == 0


def test_clients_that_never_finish_do_not_keep_the_server(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server:
        ada = server.sign_up("ada")
        begin, _ = post_in_parts(ada)
        with (
            closing(connected(server)) as half_a_request,
            closing(connected(server)) as stream,
            closing(connected(server)) as half_a_head,
        ):
            half_a_request.sendall(begin)
            half_a_head.sendall(b"GET /livez HTTP/1.1\r\n")
            stream.sendall(head("GET", f"/v1/notifications/{ada.user_id}/stream", person=ada))
            assert stream.recv(65_536)
            stopped_s = time.monotonic()
            server.process.send_signal(signal.SIGTERM)

            assert server.process.wait(timeout=ORCHESTRATOR_KILLS_S - MARGIN_S) == 0
            assert time.monotonic() - stopped_s < ORCHESTRATOR_KILLS_S - MARGIN_S


def test_a_stream_does_not_keep_the_server(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server:
        ada = server.sign_up("ada")
        with closing(connected(server)) as client:
            client.sendall(head("GET", f"/v1/notifications/{ada.user_id}/stream", person=ada))
            assert client.recv(65_536)
            server.process.send_signal(signal.SIGTERM)

            assert server.process.wait(timeout=4) == 0
