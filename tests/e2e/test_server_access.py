"""Who may listen in: `--open` on this machine only, and nothing private in the access log."""

import json
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from server.adapters.clock import SystemClock
from server.model.ids import timestamp_at
from tests.e2e.program import RunProgram
from tests.e2e.serving import serving
from tests.e2e.sockets import answer, connected, eventually, head, metric

READY = re.compile(r"is ready at http://\S+:\d+")
NAMES = """\
127.0.0.1 localhost
192.0.2.1 elsewhere.test
127.0.0.1 both.test
192.0.2.1 both.test
"""


def expect_refused(done: subprocess.CompletedProcess[str], host: str, folder: Path) -> None:
    assert done.returncode == 2
    assert done.stderr.startswith("Error: --open turns authentication off, so it listens on a")
    assert repr(host) in done.stderr
    assert done.stderr.count("\n") == 1
    # Refused before anything was made.
    assert not (folder / "data").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0", "192.0.2.1", "no-such-host.invalid", ""])  # noqa: S104 - refused
def test_an_open_server_refuses_an_address_that_others_reach(
    run_socialfeed: RunProgram, tmp_path: Path, host: str
) -> None:
    done = run_socialfeed("serve", "--open", "--port", "0", "--data", "data", "--host", host)

    expect_refused(done, host, tmp_path)


@pytest.mark.parametrize("host", ["elsewhere.test", "both.test"])
def test_an_open_server_refuses_a_name_that_resolves_elsewhere(
    program: Path, tmp_path: Path, host: str
) -> None:
    names = tmp_path / "hosts"
    names.write_text(NAMES, encoding="ascii")
    unshare = shutil.which("unshare")
    # In a mount namespace of its own, so that only the server sees these names.
    script = f'mount --bind "{names}" /etc/hosts || exit 99; exec "$@"'
    if not unshare:
        pytest.skip("has no namespaces")
    in_namespace = [unshare, "--mount", "sh", "-c", script, "sh", str(program)]
    done = subprocess.run(
        [*in_namespace, "serve", "--open", "--port", "0", "--data", "data", "--host", host],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 99 or "unshare failed" in done.stderr:
        pytest.skip("names cannot be made here")

    expect_refused(done, host, tmp_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_an_open_server_listens_on_a_loopback_address(
    program: Path, tmp_path: Path, host: str
) -> None:
    with subprocess.Popen(
        [program, "serve", "--open", "--port", "0", "--data", "data", "--host", host],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        if "no address of this machine" in line:
            pytest.skip(f"{host} is no address here")

        assert READY.search(line), line
        assert process.wait(timeout=10) == 0


def test_each_line_of_the_access_log_has_its_time(program: Path, tmp_path: Path) -> None:
    log, clock = tmp_path / "log", SystemClock()
    times = [timestamp_at(clock.now_ms())]
    with (
        log.open("w", encoding="utf-8") as file,
        serving(program, tmp_path / "data", "--access-log", stdout=file) as server,
    ):
        for _ in range(3):
            server.send("GET", "/livez")
            times.append(timestamp_at(clock.now_ms()))
        server.stop()

    told = [json.loads(line)["time"] for line in log.read_text(encoding="utf-8").splitlines()]
    assert sorted([*times, *told]) == [times[0], *chain(*zip(told, times[1:], strict=True))]


def test_the_access_log_has_a_line_for_each_request_and_nothing_private(
    program: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with (
        log.open("w", encoding="utf-8") as file,
        serving(program, tmp_path / "data", "--access-log", stdout=file) as server,
    ):
        ada = server.sign_up("name of ada", "password of ada")
        body = {"userId": ada.user_id, "text": "text of ada", "hashtags": ["tag of ada"]}
        made = server.send(
            "POST", "/v1/posts", body, token=ada.token, headers={"X-Request-ID": "mine-1"}
        )
        server.send("POST", "/v1/tokens", {"name": "name of ada", "password": "wrong of ada"})
        server.send("GET", f"/v1/posts/{made.json['postId']}?q=query+of+ada", token=ada.token)
        server.send("GET", "/path-of-ada", token="token of ada")  # noqa: S106 - no token
        with connected(server) as client:
            client.sendall(b"GET /livez HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n")
            assert answer(client).startswith(b"HTTP/1.1 200")
        with connected(server) as client:
            path = f"/v1/notifications/{ada.user_id}/stream"
            client.sendall(head("GET", path, person=ada))
            client.recv(65_536)
        server.stop()

    text = log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/v1/users", 201),
        ("POST", "/v1/posts", 201),
        ("POST", "/v1/tokens", 401),
        ("GET", "/v1/posts/{postId}", 200),
        ("GET", None, 404),
        ("GET", "/livez", 200),
        ("GET", "/v1/notifications/{userId}/stream", 200),
    ]
    users = [None, ada.user_id, None, ada.user_id, None, None, ada.user_id]
    assert [line["userId"] for line in lines] == users
    assert all(line["durationS"] > 0 for line in lines)
    assert [line["bytes"] for line in (lines[1], lines[-1])] == [len(made.body), None]
    assert (lines[1]["requestId"], made.headers["X-Request-ID"]) == ("mine-1", "mine-1")
    assert len({line["requestId"] for line in lines}) == len(lines)
    assert "of ada" not in text
    assert "of-ada" not in text
    assert "of+ada" not in text
    assert ada.token not in text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no disk that is always full")
def test_an_access_log_that_cannot_be_written_keeps_no_request_from_its_answer(
    program: Path, tmp_path: Path
) -> None:
    with (
        Path("/dev/full").open("w", encoding="utf-8") as file,
        serving(program, tmp_path / "data", "--access-log", stdout=file) as server,
    ):
        ada = server.sign_up("ada")
        post_id = server.post(ada, "text of ada")

        assert server.send("GET", f"/v1/posts/{post_id}", token=ada.token).status == 200
        dropped = partial(metric, server, "socialfeed_log_lines_dropped_total")
        eventually(lambda: dropped() >= 3, within_s=5)


def test_an_access_log_that_nobody_reads_holds_nobody_up(program: Path, tmp_path: Path) -> None:
    unread, into = os.pipe()
    # All that a pipe holds, so that the first line waits.
    os.set_blocking(into, False)
    with suppress(BlockingIOError):
        while os.write(into, bytes(65_536)):
            pass
    os.set_blocking(into, True)
    with (
        os.fdopen(unread),
        os.fdopen(into, "w") as file,
        serving(program, tmp_path / "data", "--access-log", stdout=file) as server,
    ):
        for _ in range(100):
            assert server.send("GET", "/livez").status == 200


def test_a_slow_request_is_logged_with_the_times_of_its_boxes(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path / "data", "--slow-requests", "0.001ms") as server:
        ada = server.sign_up("ada")
        server.post(ada, "text of ada")
        at_hand = partial(metric, server, "socialfeed_answered_at_once_total")
        eventually(lambda: server.feed(ada) == [] and at_hand() > 0, within_s=10)
        server.stop()
        assert server.process.stderr is not None
        entries = [json.loads(line) for line in server.process.stderr if line.startswith("{")]

    # Also of what was at hand.
    for read in (entry for entry in entries if entry["route"] == "/v1/feeds/{userId}"):
        assert {"api_gateway", "feed_reader"} <= {box for each in read["boxesS"] for box in each}
    made = next(entry for entry in entries if entry["route"] == "/v1/posts")
    boxes = {box: took_s for each in made["boxesS"] for box, took_s in each.items()}
    assert made["slow"]
    assert made["userId"] == ada.user_id
    assert 0 < boxes["posts_db"] <= boxes["post_writer"] <= boxes["api_gateway"]
    assert boxes["api_gateway"] <= made["durationS"]


def test_a_request_that_is_quick_enough_is_not_logged(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data", "--slow-requests", "1h") as server:
        server.sign_up("ada")
        server.stop()
        assert server.process.stderr is not None

        assert "slow" not in server.process.stderr.read()
