"""An S3 endpoint that cannot be used: told at the start, and by readiness."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.e2e.serving import READY, Serving, serving
from tests.e2e.sockets import eventually
from tests.e2e.uploads import post_media, uploaded
from tests.seaweedfs import ACCESS_KEY, READER_KEY, SECRET_KEY, SeaweedFs, seaweedfs

# The server waits for five seconds; the rest is for a busy machine.
HUNG_S, AT_ONCE_S = 10.0, 2.0
Result = TypeVar("Result")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFs]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as started:
        yield started


@contextmanager
def with_useless_s3(
    program: Path, folder: Path, *options: str
) -> Iterator[tuple[Serving, list[str]]]:
    """Start a server whose S3 endpoint is of no use; yield it, and the lines before it is ready."""
    keys = ["--s3-access-key", ACCESS_KEY, "--s3-secret-key", SECRET_KEY]
    command = [str(program), "serve", "--port", "0", "--data", str(folder), *keys, *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines: list[str] = []
        while not (line := process.stderr.readline()).startswith("socialfeed "):
            assert line, lines
            lines.append(line)
        assert "but is not ready" in line
        ready = READY.search(line)
        assert ready
        try:
            yield Serving(process, int(ready[1])), lines
        finally:
            process.kill()


@contextmanager
def stopped(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Have a process keep its connections and do nothing."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return what comes of work, and how long it took, in seconds."""
    started_s = time.monotonic()
    return work(), time.monotonic() - started_s


def test_an_s3_endpoint_that_is_gone_is_told_at_the_start_and_is_503(
    program: Path, tmp_path: Path
) -> None:
    with with_useless_s3(program, tmp_path / "data", "--s3", "http://127.0.0.1:9") as (
        server,
        told,
    ):
        ada = server.sign_up("ada")
        body = {"userId": ada.user_id, "contentType": "image/jpeg", "sizeBytes": 10}
        refused = server.send("POST", "/v1/media/uploads", body, token=ada.token)
        ready = server.send("GET", "/readyz")

        assert [line.partition(";")[0] for line in told] == [
            (
                "the object storage at http://127.0.0.1:9 (bucket 'media') cannot be used: "
                "nothing listens there (connection refused)"
            )
        ]
        assert refused.status == ready.status == 503
        assert refused.headers["Retry-After"] == "1"
        assert ready.json["status"] == (
            "object storage failing: nothing listens there (connection refused)"
        )
        assert server.post(ada, "a text needs no S3")
        for answer in (refused, ready):
            assert b"127.0.0.1:9" not in answer.body


def test_an_endpoint_that_is_no_s3_and_one_that_never_answers_are_told(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path / "other") as other:
        url = f"http://127.0.0.1:{other.port}"
        with with_useless_s3(program, tmp_path / "one", "--s3", url) as (no_s3, told):
            assert "no S3 answers there (it answers 404)" in told[0]
            assert no_s3.send("GET", "/readyz").status == 503
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started_s = time.monotonic()
        with with_useless_s3(program, tmp_path / "two", "--s3", url) as (waiting, told):
            assert time.monotonic() - started_s < 15
            assert "no answer within 5 s" in told[0]
            assert waiting.send("GET", "/readyz").status == 503


@pytest.mark.parametrize(
    "case",
    [
        (["--s3-bucket", "nowhere"], "there is no such bucket (NoSuchBucket)"),
        (["--s3-secret-key", "wrong"], "the secret key is wrong (SignatureDoesNotMatch)"),
        (["--s3-access-key", "unknown"], "the access key is not known there (InvalidAccessKeyId)"),
        (["--s3-access-key", READER_KEY], "the key may not put objects (AccessDenied)"),
    ],
    ids=["bucket", "secret", "key", "reader"],
)
def test_a_bucket_or_a_key_that_cannot_be_used_is_told(
    program: Path, tmp_path: Path, endpoint: SeaweedFs, case: tuple[list[str], str]
) -> None:
    options, reason = case
    started = with_useless_s3(program, tmp_path / "data", "--s3", endpoint.url, *options)
    with started as (server, told):
        ready = server.send("GET", "/readyz")

        assert [line.partition("used: ")[2].partition(";")[0] for line in told] == [reason]
        assert (ready.status, ready.json["status"]) == (503, f"object storage failing: {reason}")


def test_a_server_is_ready_once_its_bucket_is_there(
    program: Path, tmp_path: Path, endpoint: SeaweedFs
) -> None:
    options = ["--s3", endpoint.url, "--s3-bucket", "later"]
    with with_useless_s3(program, tmp_path / "data", *options) as (server, _):
        assert server.send("GET", "/readyz").status == 503
        endpoint.client().create_bucket(Bucket="later")

        eventually(lambda: server.send("GET", "/readyz").status == 200, within_s=30)

        assert server.process.stderr is not None
        assert "can be used again" in server.process.stderr.readline()
        kept = endpoint.client().list_objects_v2(Bucket="later").get("Contents", [])
        assert [each["Key"] for each in kept] == []


def test_an_endpoint_that_hangs_holds_no_post_for_long(
    program: Path, tmp_path: Path, endpoint: SeaweedFs
) -> None:
    keys = ["--s3-access-key", ACCESS_KEY, "--s3-secret-key", SECRET_KEY]
    with serving(program, tmp_path / "data", "--s3", endpoint.url, *keys) as server:
        ada = server.sign_up("ada")
        media_url = uploaded(server, ada)
        with stopped(endpoint.process):
            hung, hung_s = timed(lambda: post_media(server, ada, media_url))
            eventually(lambda: server.send("GET", "/readyz").status == 503, within_s=30)
            known, known_s = timed(lambda: post_media(server, ada, media_url))
        eventually(lambda: server.send("GET", "/readyz").status == 200, within_s=30)

        assert [reply.status for reply in (hung, known)] == [503, 503]
        assert [reply.headers["Retry-After"] for reply in (hung, known)] == ["1", "1"]
        assert hung_s < HUNG_S
        assert known_s < AT_ONCE_S
        assert post_media(server, ada, media_url).status == 201
