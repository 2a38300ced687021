"""`socialfeed serve` as a real process on a real port."""

import http.client
import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.program import RunProgram


@dataclass(frozen=True)
class Answer:
    """An HTTP response, read to its end."""

    status: int
    content_type: str | None
    allow: str | None
    body: bytes


@dataclass(frozen=True)
class Server:
    """A server that is ready, with the address it told."""

    process: subprocess.Popen[str]
    port: int

    def request(self, method: str, path: str) -> Answer:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return Answer(
                status=response.status,
                content_type=response.headers["Content-Type"],
                allow=response.headers["Allow"],
                body=response.read(),
            )
        finally:
            connection.close()


@pytest.fixture
def server(program: Path, tmp_path: Path) -> Iterator[Server]:
    """A server on a free port, with its data in a folder that was not there before."""
    with subprocess.Popen(
        [program, "serve", "--port", "0", "--data", str(tmp_path / "new" / "data")],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        ready_line = process.stderr.readline()
        url = re.search(r"http://127\.0\.0\.1:(\d+)", ready_line)
        assert url, ready_line
        yield Server(process=process, port=int(url[1]))
        process.kill()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_started_server_is_healthy(server: Server, path: str) -> None:
    answer = server.request("GET", path)

    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})


def test_the_data_folder_is_made(server: Server, tmp_path: Path) -> None:
    assert server.process.poll() is None
    assert (tmp_path / "new" / "data").is_dir()


def test_an_unknown_path_is_a_problem_document(server: Server) -> None:
    answer = server.request("GET", "/no/such/path")

    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    problem = json.loads(answer.body)
    assert (problem["status"], problem["title"]) == (404, "Not Found")
    assert problem["type"] == "urn:socialfeed:problem:not-found"
    assert "/no/such/path" in problem["detail"]


def test_a_wrong_method_is_a_problem_document_that_tells_the_right_ones(server: Server) -> None:
    answer = server.request("POST", "/livez")

    assert (answer.status, answer.content_type) == (405, "application/problem+json")
    assert answer.allow is not None
    assert "GET" in answer.allow


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_with_exit_code_0(server: Server, number: signal.Signals) -> None:
    server.process.send_signal(number)

    assert server.process.wait(timeout=10) == 0


def test_a_stopping_server_is_not_ready_but_alive(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)

    while (readiness := server.request("GET", "/readyz")).status == 200:
        pass
    liveness = server.request("GET", "/livez")

    assert (readiness.status, json.loads(readiness.body)) == (503, {"status": "stopping"})
    assert liveness.status == 200


def test_a_taken_port_is_one_clear_message_and_makes_no_folder(
    run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run_socialfeed("serve", "--port", str(port))

    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: port {port} on 127.0.0.1 is taken")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# The second is an address set aside for documentation, which no machine has.
@pytest.mark.parametrize("host", ["", "192.0.2.1", "no-such-host.invalid", "a" * 80])
def test_a_host_that_cannot_be_listened_on_exits_2(run_socialfeed: RunProgram, host: str) -> None:
    done = run_socialfeed("serve", "--port", "0", "--host", host)

    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: cannot listen on {host!r}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("folder", ["file", "file/below", "/dev/null/below"])
def test_a_data_folder_that_cannot_be_written_to_exits_2(
    run_socialfeed: RunProgram, tmp_path: Path, folder: str
) -> None:
    tmp_path.joinpath("file").touch()

    done = run_socialfeed("serve", "--port", "0", "--data", folder)

    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: cannot keep data in {folder}")
    assert done.stderr.count("\n") == 1


def test_a_feed_cannot_be_dropped_at_once(run_socialfeed: RunProgram) -> None:
    done = run_socialfeed("serve", "--away", "0s", "--port", "0")

    assert done.returncode == 2
    assert "--away" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--public-url", "feed.example"),
        ("--public-url", "ftp://feed.example"),
        ("--public-url", "https://feed.example/below"),
        ("--s3", "http://10.0.0.7:8333/bucket"),
        ("--max-image", "5 parsecs"),
        ("--max-image", "-1MB"),
        ("--max-image", "0B"),
        ("--max-video", "-1MB"),
        ("--cdn-cache", "-1B"),
        ("--public-url", "http://feed.example:99999"),
        ("--public-url", "http://feed.example:0"),
        ("--public-url", "http://a:b:80"),
        ("--s3", "http://10.0.0.7:65536"),
        ("--upload-expiry", "8d"),
        ("--upload-expiry", "10ms"),
    ],
    ids=" ".join,
)
def test_a_wrong_option_of_uploads_exits_2(
    run_socialfeed: RunProgram, options: tuple[str, str]
) -> None:
    done = run_socialfeed("serve", "--port", "0", *options)

    assert done.returncode == 2
    assert "expected" in done.stderr
    assert options[0] in done.stderr


def test_a_server_on_every_address_says_which_urls_it_tells(program: Path, tmp_path: Path) -> None:
    command = [str(program), "serve", "--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path)]  # noqa: S104 - it is about that
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(2)]
        process.kill()

    assert lines[0].startswith("socialfeed is ready at")
    assert "--public-url" in lines[1]
