"""More than the server takes: it says so at once, counts it, stays small, and goes on later."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import time
from collections import Counter
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.program import RunProgram
from tests.e2e.serving import Person, Reply, Serving, serving
from tests.e2e.sockets import (
    answer,
    answers,
    connected,
    eventually,
    head,
    metric,
    post_in_parts,
    resident_bytes,
)

MB = 1_000_000
# More than a quarter of a second's work.
AT_ONCE = 2_500


def expect_refused(reply: Reply, status: int, *, box: str) -> None:
    assert reply.status == status, reply.body
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert int(reply.headers["Retry-After"]) >= 1
    assert box in reply.json["detail"]


def write_post(server: Serving, author: Person) -> Reply:
    body = {"userId": author.user_id, "text": "hello"}
    return server.send("POST", "/v1/posts", body, token=author.token)


def test_connections_past_the_bound_are_told_to_come_back(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data", "--connections", "3") as server, ExitStack() as held:
        for _ in range(3):
            held.enter_context(connected(server))
        with connected(server) as late:
            late.sendall(head("GET", "/livez"))
            refusal = answer(late)
        held.close()
        eventually(lambda: not answer_is_refused(server), within_s=2)

        assert metric(server, "socialfeed_connections_refused_total") >= 1
        server.sign_up("afterwards")

    headers, body = refusal.split(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: 1\r\n" in headers
    assert json.loads(body)["type"] == "urn:socialfeed:problem:service-unavailable"


def answer_is_refused(server: Serving) -> bool:
    try:
        return server.send("GET", "/livez").status == 503
    except ConnectionError:  # past the connections that are told why
        return True


def test_a_flood_of_connections_does_not_make_the_server_grow(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path / "data", "--connections", "50") as server:
        flood(server, 500)
        before_bytes = resident_bytes(server)
        for _ in range(3):
            flood(server, 500)

        assert resident_bytes(server) - before_bytes < 10 * MB
        # Of each 500 all but 50, but for those that are cut off meanwhile and make room.
        assert metric(server, "socialfeed_connections_refused_total") >= 4 * 300
        server.sign_up("afterwards")
        server.stop()
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""


def flood(server: Serving, connections: int) -> None:
    """Open many connections at once, each with a request that has only begun."""
    with ExitStack() as held:
        for _ in range(connections):
            client = held.enter_context(connected(server))
            try:
                client.sendall(b"POST /v1/posts HTTP/1.1\r\n")
            except ConnectionError:
                continue
    eventually(lambda: not answer_is_refused(server), within_s=5)


def test_more_connections_than_files_are_refused_at_the_start(run_socialfeed: RunProgram) -> None:
    done = run_socialfeed("serve", "--port", "0", "--connections", str(10**9))

    assert done.returncode == 2
    assert done.stderr.startswith("Error: --connections 1000000000: this process may open files")
    assert done.stderr.count("\n") == 1


def test_requests_past_the_bound_are_503(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(program, folder, "--requests-at-once", "3") as server, ExitStack() as held:
        author = server.sign_up("ada")
        request = b"".join(post_in_parts(author))
        clients = [held.enter_context(connected(server)) for _ in range(3)]
        with closing(sqlite3.connect(folder / "socialfeed.sqlite3", timeout=20)) as database:
            # They wait for their commit.
            database.execute("BEGIN IMMEDIATE")
            for client in clients:
                client.sendall(request)
            eventually(lambda: metric(server, "socialfeed_requests_in_progress") == 3, within_s=2)

            refused = write_post(server, author)
            alive = server.send("GET", "/livez")
            database.rollback()
        finished = [client.recv(65_536) for client in clients]

        expect_refused(refused, 503, box="api_gateway")
        assert alive.status == 200
        assert [each[:12] for each in finished] == [b"HTTP/1.1 201"] * 3
        assert write_post(server, author).status == 201
        assert answers(server, "POST", "/v1/posts", 503) == 1
        assert metric(server, "socialfeed_requests_in_progress") == 0


def test_a_body_that_is_on_its_way_takes_nobodys_place(program: Path, tmp_path: Path) -> None:
    with (
        serving(program, tmp_path / "data", "--requests-at-once", "3") as server,
        ExitStack() as held,
    ):
        author = server.sign_up("ada")
        begun, rest = post_in_parts(author)
        # From here on the token is known without a read.
        assert write_post(server, author).status == 201
        clients = [held.enter_context(connected(server)) for _ in range(10)]
        for client in clients:
            client.sendall(begun)
        eventually(lambda: metric(server, "socialfeed_requests_in_progress") == 10, within_s=2)

        assert write_post(server, author).status == 201
        for client in clients:
            client.sendall(rest)
        assert {client.recv(65_536)[:12] for client in clients} <= {
            b"HTTP/1.1 201",
            b"HTTP/1.1 503",
        }
        assert metric(server, "socialfeed_requests_in_progress") == 0


def test_what_comes_all_at_once_is_refused_before_it_waits_long(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path / "data") as server, ExitStack() as held:
        reader = server.sign_up("ada")
        clients = [held.enter_context(connected(server)) for _ in range(AT_ONCE)]
        feed = head("GET", f"/v1/feeds/{reader.user_id}", person=reader)
        for client in clients:
            client.sendall(head("GET", "/livez"))
            assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        # All of it is there when it goes on.
        os.kill(server.process.pid, signal.SIGSTOP)
        for number, client in enumerate(clients):
            client.sendall(head("GET", "/livez") if number % 10 == 0 else feed)
        # Long enough to be behind.
        time.sleep(0.5)
        os.kill(server.process.pid, signal.SIGCONT)
        replies = [client.recv(65_536) for client in clients]
        refusals = [reply for reply in replies if reply.startswith(b"HTTP/1.1 503")]

        assert {reply[:12] for reply in replies} == {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        assert {reply[:12] for reply in replies[::10]} == {b"HTTP/1.1 200"}
        assert all(b"\r\nRetry-After: 1\r\n" in reply for reply in refusals)
        # Before they are parsed, or because so many read already: the share is the machine's.
        early = metric(server, "socialfeed_requests_refused_total")
        assert early + answers(server, "GET", "/v1/feeds/{userId}", 503) == len(refusals)
        assert metric(server, "socialfeed_requests_waiting") == 0
        for client in clients:
            client.sendall(head("GET", "/livez"))
            assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        assert server.feed(reader) == []


def test_streams_past_the_bound_are_503(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data", "--streams", "2") as server, ExitStack() as held:
        reader = server.sign_up("ada")
        path = f"/v1/notifications/{reader.user_id}/stream"
        for _ in range(2):
            open_stream(server, held.enter_context(connected(server)), reader)

        expect_refused(
            server.send("GET", path, token=reader.token), 503, box="notification_service"
        )
        assert metric(server, "socialfeed_streams") == 2
        held.close()
        eventually(lambda: metric(server, "socialfeed_streams") == 0, within_s=2)
        with connected(server) as client:
            open_stream(server, client, reader)
        route = "/v1/notifications/{userId}/stream"
        assert answers(server, "GET", route, 503) == 1


def open_stream(server: Serving, client: socket.socket, reader: Person) -> None:
    streams = metric(server, "socialfeed_streams")
    client.sendall(head("GET", f"/v1/notifications/{reader.user_id}/stream", person=reader))
    assert client.recv(65_536).startswith(b"HTTP/1.1 200")
    assert metric(server, "socialfeed_streams") == streams + 1


def test_a_full_event_queue_refuses_what_would_add_to_it(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(program, folder, "--queued-events", "5") as server:
        author = server.sign_up("ada")
        put_off_events(folder, 5)
        eventually(lambda: metric(server, "socialfeed_queue_depth") == 5, within_s=5)

        expect_refused(write_post(server, author), 503, box="message_queue")
        # What adds nothing to it goes on.
        server.sign_up("eve")
        assert server.feed(author) == []
        assert answers(server, "POST", "/v1/posts", 503) == 1
        with closing(sqlite3.connect(folder / "socialfeed.sqlite3", timeout=20)) as database:
            database.execute("DELETE FROM events")
            database.commit()
        eventually(lambda: write_post(server, author).status == 201, within_s=5)


def put_off_events(folder: Path, count: int) -> None:
    """Put events into the feed generator's queue that wait for another attempt in a year."""
    with closing(sqlite3.connect(folder / "socialfeed.sqlite3", timeout=20)) as database:
        database.executemany(
            "INSERT INTO events (queue, kind, user_id, subject_id, due_at_ms, queued_at_ms)"
            " VALUES ('feed_generator', 'posted', 1, 1, unixepoch('now', '+1 year') * 1000, 1)",
            [()] * count,
        )
        database.commit()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_full_write_queue_is_503_and_no_memory(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(program, folder, "--requests-at-once", "4000") as server:
        author = server.sign_up("ada")
        first = asyncio.run(write_while_locked(server, author, folder))
        before_bytes = resident_bytes(server)
        second = asyncio.run(write_while_locked(server, author, folder))
        grown_bytes = resident_bytes(server) - before_bytes
        stored = len(all_posts(server, author))

        assert set(first) | set(second) == {201, 503}
        assert stored == first[201] + second[201]
        # Some are refused before they are parsed.
        refused = answers(server, "POST", "/v1/posts", 503)
        refused += metric(server, "socialfeed_requests_refused_total")
        assert refused == first[503] + second[503]
        assert grown_bytes < 20 * MB
        assert write_post(server, author).status == 201


async def write_while_locked(server: Serving, author: Person, folder: Path) -> Counter[int]:
    """Send posts while another program keeps the database from being written; statuses counted."""
    headers = {"Authorization": f"Bearer {author.token}"}
    body = {"userId": author.user_id, "text": "hello"}
    url = f"http://127.0.0.1:{server.port}"

    async def post(session: aiohttp.ClientSession) -> int:
        async with session.post(f"{url}/v1/posts", json=body, headers=headers) as reply:
            if reply.status == 503:
                assert reply.headers["Retry-After"] == "1"
                assert reply.content_type == "application/problem+json"
            return reply.status

    with closing(sqlite3.connect(folder / "socialfeed.sqlite3", timeout=20)) as database:
        database.execute("BEGIN IMMEDIATE")
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            posts = [asyncio.create_task(post(session)) for _ in range(3_000)]
            # Those past the bound are answered at once, while the others wait.
            await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
            assert metric(server, 'socialfeed_waiting_writes{box="posts_db"}') <= 2_000
            await asyncio.wait(posts, timeout=1)
            database.rollback()
            return Counter(await asyncio.gather(*posts))


def all_posts(server: Serving, author: Person) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        path = f"/v1/users/{author.user_id}/posts?limit=100{cursor}"
        page = server.send("GET", path, token=author.token).json
        found += [item["postId"] for item in page["items"]]
        if page["nextCursor"] is None:
            return found
        cursor = f"&cursor={page['nextCursor']}"


def test_too_many_passwords_at_once_are_503(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data") as server:
        statuses = asyncio.run(sign_up_at_once(server, 200))

        assert set(statuses) == {201, 503}
        assert answers(server, "POST", "/v1/users", 503) == statuses[503]
        server.sign_up("afterwards", "a good password")


async def sign_up_at_once(server: Serving, people: int) -> Counter[int]:
    url = f"http://127.0.0.1:{server.port}/v1/users"

    async def sign_up(session: aiohttp.ClientSession, number: int) -> int:
        body = {"name": f"person {number}", "password": "a good password"}
        async with session.post(url, json=body) as reply:
            assert reply.status == 201 or reply.headers["Retry-After"] == "1"
            return reply.status

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return Counter(await asyncio.gather(*(sign_up(session, n) for n in range(people))))


def test_a_rate_limit_is_counted_and_passes(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data", "--rate-limit", "2") as server:
        replies = [server.send("GET", "/v1/users/1") for _ in range(8)]
        refused = [reply for reply in replies if reply.status == 429]

        expect_refused(refused[-1], 429, box="too many requests")
        # The limit is on metrics too.
        counted = partial(answers, server, "GET", "/v1/users/{userId}", 429)
        eventually(lambda: counted() == len(refused), within_s=5)
        eventually(lambda: server.send("GET", "/v1/users/1").status == 401, within_s=3)


def test_who_is_past_the_rate_limit_has_no_page_made(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data", "--rate-limit", "3") as server:
        reader = server.sign_up("reader")
        hits = partial(metric, server, 'socialfeed_cache_hits_total{box="feed_cache"}')
        read = partial(server.send, "GET", f"/v1/feeds/{reader.user_id}", token=reader.token)
        for _ in range(3):
            read()
            time.sleep(1)
        before = hits()
        statuses = Counter(read().status for _ in range(100))
        time.sleep(1)

        assert statuses[429] > 50
        assert hits() - before <= statuses[200]


def test_paths_that_clients_make_up_do_not_make_metrics_grow(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data") as server:
        for method in ("GET", "PUT", "LOCK"):
            for number in range(20):
                server.send(method, f"/up/{number}")
        text = server.send("GET", "/metrics").body.decode()

    counted = [line for line in text.splitlines() if line.startswith("socialfeed_answers_total")]
    assert counted == ['socialfeed_answers_total{method="",route="",status="404"} 60']
