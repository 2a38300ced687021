"""An S3 endpoint that cannot be used: told at the start, and by readiness."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.serving import READY, Serving, serving
from tests.e2e.sockets import eventually
from tests.e2e.uploads import post_media, signed
from tests.seaweedfs import ACCESS_KEY, SECRET_KEY, SeaweedFs, seaweedfs


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
        while not (line := process.stderr.readline()).startswith("socialfeed is ready"):
            assert line, lines
            lines.append(line)
        ready = READY.search(line)
        assert ready
        try:
            yield Serving(process, int(ready[1])), lines
        finally:
            process.kill()


def test_an_s3_endpoint_that_is_gone_is_told_at_the_start_and_is_503(
    program: Path, tmp_path: Path
) -> None:
    with with_useless_s3(program, tmp_path / "data", "--s3", "http://127.0.0.1:9") as (
        server,
        told,
    ):
        ada = server.sign_up("ada")
        upload = signed(server, ada, size_bytes=10)
        refused = post_media(server, ada, upload.media_url)
        ready = server.send("GET", "/readyz")

        assert len(told) == 1
        assert told[0].startswith("the object storage cannot be used: it is not reached")
        assert "http://127.0.0.1:9" in told[0]
        assert refused.status == ready.status == 503
        assert ready.json["status"].startswith("object storage failing: it is not reached")
        assert server.post(ada, "a text needs no S3")
        for answer in (refused, ready):
            assert b"127.0.0.1:9" not in answer.body


def test_an_endpoint_that_is_no_s3_and_one_that_never_answers_are_told(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path / "other") as other:
        url = f"http://127.0.0.1:{other.port}"
        with with_useless_s3(program, tmp_path / "one", "--s3", url) as (no_s3, told):
            assert "it answers 404" in told[0]
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
        (["--s3-bucket", "nowhere"], "NoSuchBucket"),
        (["--s3-secret-key", "wrong"], "SignatureDoesNotMatch"),
        (["--s3-access-key", "unknown"], "InvalidAccessKeyId"),
    ],
    ids=["bucket", "secret", "key"],
)
def test_a_bucket_or_a_key_that_cannot_be_used_is_told(
    program: Path, tmp_path: Path, endpoint: SeaweedFs, case: tuple[list[str], str]
) -> None:
    options, reason = case
    started = with_useless_s3(program, tmp_path / "data", "--s3", endpoint.url, *options)
    with started as (server, told):
        ready = server.send("GET", "/readyz")

        assert f"it answers {reason}" in told[0]
        assert (ready.status, reason in ready.json["status"]) == (503, True)


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
