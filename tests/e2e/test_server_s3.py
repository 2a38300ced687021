"""Any S3 client works with the embedded object storage, and the server with any S3 endpoint."""

import base64
import hashlib
import http.client
import json
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from server.adapters.clock import SystemClock
from server.model.signatures import (
    AccessKey,
    ChunkSigner,
    Scope,
    SignedRequest,
    amz_date,
    signature,
)
from tests.e2e.program import RunProgram
from tests.e2e.serving import Person, Reply, Serving, serving
from tests.e2e.uploads import picture, post_media, s3_code, signed, uploaded
from tests.seaweedfs import (
    ACCESS_KEY,
    BUCKET,
    SECRET_KEY,
    S3Client,
    SeaweedFs,
    s3_client,
    seaweedfs,
)

SCOPE_REGION = "eu-west-1"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(program: Path, folder: Path) -> Iterator[Serving]:
    with serving(program, folder, "--max-video", "12MB", "--max-image", "1MB") as server:
        yield server


@pytest.fixture(scope="module")
def key(server: Serving, folder: Path) -> AccessKey:
    assert server.port
    kept = json.loads((folder / "storage-key.json").read_text())
    return AccessKey(kept["accessKey"], kept["secretKey"])


@pytest.fixture(scope="module")
def client(server: Serving, key: AccessKey) -> S3Client:
    return s3_client(f"http://127.0.0.1:{server.port}/storage", key.key_id, key.secret)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_boto3_puts_reads_and_deletes_objects(client: S3Client) -> None:
    data = bytes(range(256)) * 3_000
    etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'

    put = client.put_object(Bucket=BUCKET, Key="a/b-c.bin", Body=data, ContentType="x/y")
    read = client.get_object(Bucket=BUCKET, Key="a/b-c.bin")
    part = client.get_object(Bucket=BUCKET, Key="a/b-c.bin", Range="bytes=-10")

    assert put["ETag"] == read["ETag"] == etag
    assert (read["Body"].read(), read["ContentType"]) == (data, "x/y")
    assert part["Body"].read() == data[-10:]
    assert client.head_object(Bucket=BUCKET, Key="a/b-c.bin")["ContentLength"] == len(data)
    client.head_bucket(Bucket=BUCKET)
    client.delete_object(Bucket=BUCKET, Key="a/b-c.bin")
    with pytest.raises(ClientError) as error:
        client.get_object(Bucket=BUCKET, Key="a/b-c.bin")
    assert code_of(error) == "NoSuchKey"


def test_boto3_uploads_a_file_that_is_posted(
    server: Serving,
    client: S3Client,
) -> None:
    ada = server.sign_up("boto3")
    data = picture()
    upload = signed(server, ada, size_bytes=len(data))
    object_key = urlsplit(upload.media_url).path.removeprefix("/media/")

    client.upload_fileobj(
        BytesIO(data), BUCKET, object_key, ExtraArgs={"ContentType": "image/jpeg"}
    )

    assert post_media(server, ada, upload.media_url).status == 201


# Source: the catalogue of parametrised CRC algorithms (reveng), "check".
@pytest.mark.parametrize(
    ("name", "checksum"),
    [
        ("ChecksumCRC32", 0xCBF43926.to_bytes(4, "big")),
        ("ChecksumCRC32C", 0xE3069283.to_bytes(4, "big")),
        ("ChecksumCRC64NVME", 0xAE8B14860A799888.to_bytes(8, "big")),
        ("ChecksumSHA1", hashlib.sha1(b"123456789", usedforsecurity=False).digest()),
        ("ChecksumSHA256", hashlib.sha256(b"123456789").digest()),
    ],
)
def test_every_checksum_that_s3_has_is_checked(
    client: S3Client, name: str, checksum: bytes
) -> None:
    told: dict[str, Any] = {name: base64.b64encode(checksum).decode()}

    client.put_object(Bucket=BUCKET, Key=f"summed/{name}", Body=b"123456789", **told)
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=BUCKET, Key=f"summed/{name}", Body=b"123456780", **told)

    assert code_of(error) == "BadDigest"


def test_a_url_that_boto3_signs_works_with_any_client(
    server: Serving,
    client: S3Client,
) -> None:
    url = client.generate_presigned_url(
        "put_object", Params={"Bucket": BUCKET, "Key": "x/y", "ContentType": "text/plain"}
    )
    path = url.partition(str(server.port))[2]
    wrong = server.send("PUT", path, b"hello", headers={"Content-Type": "text/html"})
    right = server.send("PUT", path, b"hello", headers={"Content-Type": "text/plain"})
    read = client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "x/y"})

    assert (wrong.status, right.status) == (403, 200)
    assert server.send("GET", read.partition(str(server.port))[2]).body == b"hello"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Bucket": "other"}, "NoSuchBucket"),
        ({"Key": "a/../b"}, "InvalidArgument"),
        ({"Key": "a b"}, "InvalidArgument"),
        ({"Body": b"x" * 12_000_001}, "EntityTooLarge"),
        ({"ContentType": "image/png", "Body": b"<script>"}, "InvalidRequest"),
        ({"ContentMD5": base64.b64encode(b"x" * 16).decode()}, "BadDigest"),
        ({"ChecksumSHA256": base64.b64encode(b"x" * 32).decode()}, "BadDigest"),
        ({"IfMatch": "x"}, "NotImplemented"),
        (
            {"Key": "u/1/nobody.jpg", "Body": b"\xff\xd8\xff", "ContentType": "image/jpeg"},
            "NoSuchKey",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_boto3_is_told_what_is_wrong(
    client: S3Client,
    changes: dict[str, Any],
    code: str,
) -> None:
    with pytest.raises(ClientError) as error:
        client.put_object(**{"Bucket": BUCKET, "Key": "any/thing", "Body": b"x"} | changes)

    assert code_of(error) == code
    with pytest.raises(ClientError):
        client.head_object(Bucket=BUCKET, Key="any/thing")


@pytest.mark.parametrize("wrong", [("", "other secret"), ("other-id", "")])
def test_another_key_is_refused(server: Serving, key: AccessKey, wrong: tuple[str, str]) -> None:
    key_id, secret = wrong[0] or key.key_id, wrong[1] or key.secret
    stranger = s3_client(f"http://127.0.0.1:{server.port}/storage", key_id, secret)

    with pytest.raises(ClientError) as error:
        stranger.put_object(Bucket=BUCKET, Key="any/thing", Body=b"x")
    assert code_of(error) in {"SignatureDoesNotMatch", "InvalidAccessKeyId"}


def test_what_this_storage_cannot_do_it_says(client: S3Client) -> None:
    asked: list[Callable[[], object]] = [
        lambda: client.list_objects_v2(Bucket=BUCKET),
        lambda: client.list_parts(Bucket=BUCKET, Key="a", UploadId="1"),
        lambda: client.copy_object(Bucket=BUCKET, Key="a", CopySource=f"{BUCKET}/b"),
        lambda: client.put_object_acl(Bucket=BUCKET, Key="a", ACL="public-read"),
    ]
    for ask in asked:
        with pytest.raises(ClientError) as error:
            ask()
        assert code_of(error) == "NotImplemented"


class Chunked:
    """A put in chunks, as the SDKs of other languages send it."""

    def __init__(self, server: Serving, key: AccessKey, payload: str, chunks: list[bytes]) -> None:
        self._server = server
        self._chunks = [*chunks, b""]
        self._payload = payload
        date = amz_date(SystemClock().now_ms())
        self._scope = Scope(date[:8], SCOPE_REGION)
        self._path = f"/storage/{BUCKET}/chunked/{payload.lower()}"
        data = b"".join(chunks)
        self.checksum = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
        headers = {
            "content-encoding": "aws-chunked",
            "host": f"127.0.0.1:{server.port}",
            "x-amz-content-sha256": payload,
            "x-amz-date": date,
            "x-amz-decoded-content-length": str(len(data)),
        }
        if payload.endswith("TRAILER"):
            headers["x-amz-trailer"] = "x-amz-checksum-crc32"
        request = SignedRequest("PUT", self._path, (), headers, payload)
        self._seed = signature(request, key=key, scope=self._scope, date=date)
        self._signer = ChunkSigner(key, self._scope, date)
        credential = f"{key.key_id}/{self._scope}"
        self._headers = headers | {
            "authorization": f"AWS4-HMAC-SHA256 Credential={credential}, "
            f"SignedHeaders={request.signed_headers}, Signature={self._seed}"
        }

    def body(self) -> bytes:
        previous, parts = self._seed, []
        for chunk in self._chunks:
            head = f"{len(chunk):x}"
            if self._payload != UNSIGNED_TRAILER:
                digest = hashlib.sha256(chunk).hexdigest()
                previous = self._signer.chunk(digest, previous=previous)
                head += f";chunk-signature={previous}"
            parts.append(head.encode() + b"\r\n" + chunk + (b"\r\n" if chunk else b""))
        if self._payload.endswith("TRAILER"):
            line = f"x-amz-checksum-crc32:{self.checksum}"
            parts.append(f"{line}\r\n".encode())
            if self._payload == SIGNED_TRAILER:
                last = self._signer.trailer(f"{line}\n", previous=previous)
                parts.append(f"x-amz-trailer-signature:{last}\r\n".encode())
        return b"".join([*parts, b"\r\n"])

    def send(self, body: bytes | None = None, *, by_length: bool = True) -> Reply:
        body = self.body() if body is None else body
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)
        sent = body if by_length else iter([body])
        connection.request("PUT", self._path, sent, self._headers)
        response = connection.getresponse()
        reply = Reply(response.status, dict(response.headers), response.read())
        connection.close()
        return reply


@pytest.mark.parametrize("payload", [SIGNED_CHUNKS, SIGNED_TRAILER, UNSIGNED_TRAILER])
def test_bodies_in_chunks_are_taken_and_checked(
    server: Serving, key: AccessKey, payload: str
) -> None:
    chunks = [b"a" * 70_000, b"b" * 8_192, b"c"]
    put = Chunked(server, key, payload, chunks)
    body = put.body()
    changed = put.send(body.replace(b"bbbb", b"bbbx", 1))
    cut = put.send(body[: len(body) // 2])

    assert (changed.status, s3_code(changed)) in {
        (403, "SignatureDoesNotMatch"),
        (400, "BadDigest"),
    }
    assert cut.status in {400, 403}
    assert put.send(body).status == 200
    assert put.send(body, by_length=False).status == 200


def test_a_body_of_more_chunks_than_told_is_refused(server: Serving, key: AccessKey) -> None:
    put = Chunked(server, key, UNSIGNED_TRAILER, [b"a" * 1_000])

    reply = put.send(b"3e8\r\n" + b"a" * 1_000 + b"\r\n" + b"ffffff\r\n" + b"b" * 100_000)

    assert (reply.status, s3_code(reply)) == (400, "InvalidRequest")


def test_a_length_that_is_not_told_is_411(server: Serving, key: AccessKey) -> None:
    url = s3_client(
        f"http://127.0.0.1:{server.port}/storage", key.key_id, key.secret
    ).generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "no/length"})
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("PUT", f"{parts.path}?{parts.query}", iter([b"abc"]))
    response = connection.getresponse()

    document = response.read()
    connection.close()
    assert b"<Code>MissingContentLength</Code>" in document
    assert response.status == 411


# The other way round: the server on a real S3 endpoint.


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFs]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as started:
        yield started


@pytest.fixture(scope="module")
def on_s3(
    program: Path, tmp_path_factory: pytest.TempPathFactory, endpoint: SeaweedFs
) -> Iterator[Serving]:
    options = ["--s3", endpoint.url, "--s3-bucket", BUCKET]
    options += ["--s3-access-key", ACCESS_KEY, "--s3-secret-key", SECRET_KEY]
    with serving(program, tmp_path_factory.mktemp("data"), *options) as server:
        yield server


@pytest.fixture
def grace(on_s3: Serving, request: pytest.FixtureRequest) -> Person:
    return on_s3.sign_up(request.node.name)


def test_media_goes_to_s3_past_the_server(
    on_s3: Serving, endpoint: SeaweedFs, grace: Person
) -> None:
    data = picture(side=8)
    upload = signed(on_s3, grace, size_bytes=len(data))
    assert upload.url.startswith(f"{endpoint.url}/{BUCKET}/u/{grace.user_id}/")
    assert post_media(on_s3, grace, upload.media_url).status == 422
    assert upload.put(data).status == 200

    reply = post_media(on_s3, grace, upload.media_url)

    shown = {"kind": "image", "width": 48, "height": 64, "state": "stored"}
    assert (reply.status, reply.json["media"]) == (201, shown)
    assert on_s3.send("PUT", "/storage/media/x", b"x").status == 404


def test_what_s3_cannot_check_is_checked_when_it_is_posted(on_s3: Serving, grace: Person) -> None:
    page = b"<!doctype html><script>alert(1)</script>"
    upload = signed(on_s3, grace, size_bytes=len(page))
    assert upload.put(page).status == 200

    reply = post_media(on_s3, grace, upload.media_url)

    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "mediaUrl")


def test_a_put_on_s3_is_good_once_and_for_what_was_signed(on_s3: Serving, grace: Person) -> None:
    data = picture()
    upload = signed(on_s3, grace, size_bytes=len(data))

    assert upload.put(data[:-1]).status == 403
    assert upload.put(data, Content_Type="text/html").status == 403
    assert upload.put(data).status == 200
    assert upload.put(data).status == 412


def test_s3_needs_an_access_key(run_socialfeed: RunProgram) -> None:
    done = run_socialfeed("serve", "--port", "0", "--s3", "http://127.0.0.1:9")

    assert done.returncode == 2
    assert "AWS_ACCESS_KEY_ID" in done.stderr


def test_an_option_of_s3_needs_an_endpoint_and_a_variable_does_not(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_socialfeed("serve", "--port", "0", "--s3-bucket", "pictures")
    assert done.returncode == 2
    assert "--s3-bucket is about an S3 endpoint: name it with --s3" in done.stderr
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)

    with serving(program, tmp_path / "data") as server:
        assert server.send("GET", "/readyz").status == 200


def test_posting_the_same_media_twice_is_fine(on_s3: Serving, grace: Person) -> None:
    media_url = uploaded(on_s3, grace)

    assert [post_media(on_s3, grace, media_url).status for _ in range(2)] == [201, 201]
