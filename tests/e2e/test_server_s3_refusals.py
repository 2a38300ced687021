"""Whatever is sent to the embedded object storage, or left half-read, is no bug of the server's."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes, urlsplit

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.e2e.serving import Serving, serving
from tests.e2e.sockets import answer, connected, head
from tests.seaweedfs import BUCKET, S3Client, s3_client

LARGE_BYTES = 8_000_000
SENT_AT_ONCE = 4_096


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(program: Path, folder: Path) -> Iterator[Serving]:
    with serving(program, folder) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Serving, folder: Path) -> S3Client:
    kept = json.loads((folder / "storage-key.json").read_text())
    url = f"http://127.0.0.1:{server.port}/storage"
    return s3_client(url, kept["accessKey"], kept["secretKey"])


def log_of(server: Serving) -> str:
    """Stop a server; returns what it has written since it was ready."""
    server.stop()
    assert server.process.stderr is not None
    return str(server.process.stderr.read())


def sent(server: Serving, request: bytes) -> bytes:
    """Send raw bytes; returns the first line of the answer."""
    with connected(server) as connection:
        connection.sendall(request)
        return answer(connection).partition(b"\r\n")[0]


octets = st.binary(max_size=12)
digits = st.integers(1, 5_000).map(lambda length: b"9" * length)
escaped = (octets | digits).map(lambda each: quote_from_bytes(each, safe="").encode())
header = octets.map(lambda each: each.translate(None, b"\r\n\0"))


def presigned(expires: bytes, credential: bytes, date: bytes, signature: bytes) -> bytes:
    return (
        b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=%s&X-Amz-Credential=%s&X-Amz-Date=%s"
        b"&X-Amz-SignedHeaders=host%%3Bx-y&X-Amz-Signature=%s"
    ) % (expires, credential, date, signature)


credentials = escaped | header.map(lambda key: b"%s/20130524/here/s3/aws4_request" % key)
queries = st.builds(
    presigned,
    st.just(b"60") | escaped,
    credentials,
    st.just(b"20130524T000000Z") | escaped,
    escaped,
)


@settings(max_examples=150, deadline=None)
@given(query=queries | escaped, path=escaped, value=header)
def test_no_request_without_a_key_is_a_bug(
    server: Serving, query: bytes, path: bytes, value: bytes
) -> None:
    request = b"PUT /storage/media/%s?%s HTTP/1.1\r\nHost: h\r\nX-Y: %s\r\n" % (path, query, value)

    status = sent(server, request + b"Connection: close\r\nContent-Length: 0\r\n\r\n")

    assert status.startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))


@pytest.mark.parametrize(
    ("expires", "value"), [("9" * 5_000, b"x"), ("60", b"\xff")], ids=["digits", "octet"]
)
def test_a_url_that_somebody_has_altered_is_refused(
    server: Serving, client: S3Client, expires: str, value: bytes
) -> None:
    url = client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "a"})
    query = urlsplit(url).query.replace("X-Amz-Expires=3600", f"X-Amz-Expires={expires}")
    query = query.replace("SignedHeaders=host", "SignedHeaders=host%3Bx-y")
    request = f"GET /storage/media/a?{query} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Y: "

    status = sent(server, request.encode() + value + b"\r\n\r\n")

    assert status in {b"HTTP/1.1 400 Bad Request", b"HTTP/1.1 403 Forbidden"}


@pytest.mark.parametrize(
    "asked",
    [
        {"Metadata": {"colour": "blue"}},
        {"ContentEncoding": "gzip"},
        {"Tagging": "a=b"},
        {"ACL": "public-read"},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_what_would_not_be_kept_is_not_taken(client: S3Client, asked: dict[str, object]) -> None:
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=BUCKET, Key="a", Body=b"x", **asked)

    assert error.value.response["Error"]["Code"] == "NotImplemented"


def test_objects_tell_when_they_were_stored(client: S3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="dated", Body=b"x")

    read = client.get_object(Bucket=BUCKET, Key="dated")["LastModified"]

    assert read == client.head_object(Bucket=BUCKET, Key="dated")["LastModified"]
    for ask in (client.get_object, client.head_object):
        with pytest.raises(ClientError, match="304"):
            ask(Bucket=BUCKET, Key="dated", IfModifiedSince=read)


def test_a_tag_within_another_is_another(client: S3Client) -> None:
    etag = client.put_object(Bucket=BUCKET, Key="tagged", Body=b"x")["ETag"]

    assert client.get_object(Bucket=BUCKET, Key="tagged", IfNoneMatch=f'"x{etag}')["ETag"] == etag
    with pytest.raises(ClientError, match="304"):
        client.get_object(Bucket=BUCKET, Key="tagged", IfNoneMatch=f'"other", W/{etag}')


def leave_early(server: Serving, request: bytes) -> None:
    """Go before the answer to a request has been taken, which the server notices at once."""
    with connected(server, receive_bytes=SENT_AT_ONCE) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(request)


def test_a_client_that_leaves_early_is_no_failure(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server:
        kept = json.loads((tmp_path / "storage-key.json").read_text())
        url = f"http://127.0.0.1:{server.port}/storage"
        client = s3_client(url, kept["accessKey"], kept["secretKey"])
        client.put_object(Bucket=BUCKET, Key="r/large/1.mp4", Body=bytes(LARGE_BYTES))
        asked = client.generate_presigned_url(
            "get_object", Params={"Bucket": BUCKET, "Key": "r/large/1.mp4"}
        )
        parts = urlsplit(asked)
        signed_head = head("GET", f"{parts.path}?{parts.query}").replace(
            b"Host: 127.0.0.1", f"Host: {parts.netloc}".encode()
        )
        for _ in range(20):
            leave_early(server, signed_head)
            leave_early(server, head("GET", "/media/r/large/1.mp4"))

        assert server.send("HEAD", "/media/r/large/1.mp4").status == 200
        assert log_of(server) == ""
