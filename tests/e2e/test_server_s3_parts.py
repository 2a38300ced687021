"""Large files go to the embedded object storage in parts, as boto3 sends them by itself."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from tests.e2e.serving import Serving, serving
from tests.e2e.uploads import picture, post_media, signed
from tests.seaweedfs import BUCKET, S3Client, s3_client

# Past 8 MB boto3 sends parts.
FILE_BYTES = 9_000_000
MOST_BYTES = 12_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(program: Path, folder: Path) -> Iterator[Serving]:
    with serving(program, folder, "--max-video", "12MB", "--max-image", "1MB") as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Serving, folder: Path) -> S3Client:
    return client_of(server, folder)


def client_of(server: Serving, folder: Path) -> S3Client:
    kept = json.loads((folder / "storage-key.json").read_text())
    url = f"http://127.0.0.1:{server.port}/storage"
    return s3_client(url, kept["accessKey"], kept["secretKey"])


def begun(client: S3Client, key: str, content_type: str = "x/y") -> dict[str, str]:
    """Begin an upload; returns what names it."""
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=key, ContentType=content_type)
    return {"Bucket": BUCKET, "Key": key, "UploadId": upload["UploadId"]}


def put(client: S3Client, upload: dict[str, str], number: int, data: bytes) -> dict[str, object]:
    """Put a part; returns what tells it."""
    etag = client.upload_part(**upload, PartNumber=number, Body=data)["ETag"]
    return {"PartNumber": number, "ETag": etag}


def finish(client: S3Client, upload: dict[str, str], *parts: dict[str, object]) -> str:
    told = {"Parts": [*parts]}
    return str(client.complete_multipart_upload(**upload, MultipartUpload=told)["ETag"])


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def parts_in(folder: Path, *, upload_id: str = "*") -> list[Path]:
    """Return what there is of the parts of an upload on disk, or of all uploads."""
    return [*(folder / "storage" / "media" / "parts").glob(f"{upload_id}/*")]


def test_boto3_uploads_a_large_file(client: S3Client, folder: Path, tmp_path: Path) -> None:
    data = np.random.default_rng(1).bytes(FILE_BYTES)
    (tmp_path / "file").write_bytes(data)

    client.upload_file(str(tmp_path / "file"), BUCKET, "a/large", ExtraArgs={"ContentType": "x/y"})

    read = client.get_object(Bucket=BUCKET, Key="a/large")
    assert (read["Body"].read() == data, read["ContentType"]) == (True, "x/y")
    assert read["ETag"] == f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
    assert parts_in(folder) == []


def test_a_file_that_is_too_large_in_all_is_refused(
    client: S3Client, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(bytes(MOST_BYTES + 1))

    with pytest.raises(S3UploadFailedError, match=r"EntityTooLarge|InvalidPart"):
        client.upload_file(str(tmp_path / "file"), BUCKET, "too/large")
    # boto3 abandons what has failed.
    assert parts_in(folder) == []


def test_an_upload_in_parts_is_posted(server: Serving, client: S3Client) -> None:
    ada, data = server.sign_up("parts"), picture()
    sign = signed(server, ada, size_bytes=len(data))
    upload = begun(client, urlsplit(sign.media_url).path.removeprefix("/media/"), "image/jpeg")

    parts = [put(client, upload, 2, data[300:]), put(client, upload, 1, data[:300])]
    finish(client, upload, *reversed(parts))

    assert post_media(server, ada, sign.media_url).status == 201


def test_parts_of_another_type_than_told_are_not_put_together(client: S3Client) -> None:
    upload = begun(client, "a/page", "image/jpeg")
    part = put(client, upload, 1, b"<script>")

    with pytest.raises(ClientError) as error:
        finish(client, upload, part)

    client.abort_multipart_upload(**upload)
    assert code_of(error) == "InvalidRequest"
    with pytest.raises(ClientError, match="404"):
        client.head_object(Bucket=BUCKET, Key="a/page")


def test_a_part_that_is_put_again_is_the_later_one(client: S3Client) -> None:
    upload = begun(client, "a/again")
    put(client, upload, 1, b"first")

    finish(client, upload, put(client, upload, 1, b"second"))

    assert client.get_object(Bucket=BUCKET, Key="a/again")["Body"].read() == b"second"


@pytest.mark.parametrize("wrong", ["order", "tag", "number", "twice"])
def test_parts_that_were_not_put_are_not_put_together(client: S3Client, wrong: str) -> None:
    upload = begun(client, f"a/{wrong}")
    one, two = put(client, upload, 1, b"one"), put(client, upload, 2, b"two")
    told = {
        "order": [two, one],
        "tag": [one, two | {"ETag": one["ETag"]}],
        "number": [one, two | {"PartNumber": 3}],
        "twice": [one, one],
    }

    with pytest.raises(ClientError) as error:
        finish(client, upload, *told[wrong])
    assert code_of(error) == "InvalidPart"

    assert finish(client, upload, one, two)


def test_what_is_abandoned_is_gone(client: S3Client, folder: Path) -> None:
    upload = begun(client, "a/gone")
    part = put(client, upload, 1, b"one")

    client.abort_multipart_upload(**upload)

    assert parts_in(folder, upload_id=upload["UploadId"]) == []
    for ask in (
        lambda: put(client, upload, 2, b"two"),
        lambda: finish(client, upload, part),
        lambda: client.abort_multipart_upload(**upload),
    ):
        with pytest.raises(ClientError) as error:
            ask()
        assert code_of(error) == "NoSuchUpload"


def test_an_upload_is_of_its_key_alone(client: S3Client) -> None:
    upload = begun(client, "a/mine")

    with pytest.raises(ClientError) as error:
        put(client, upload | {"Key": "a/yours"}, 1, b"one")

    assert code_of(error) == "NoSuchUpload"


def test_parts_that_a_server_that_died_has_left_are_removed(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server:
        client = client_of(server, tmp_path)
        upload = begun(client, "a/left")
        put(client, upload, 1, b"one")
    assert len(parts_in(tmp_path)) == 1

    with serving(program, tmp_path) as server:
        client = client_of(server, tmp_path)
        with pytest.raises(ClientError) as error:
            put(client, upload, 2, b"two")
        begun(client, "a/next")

    assert code_of(error) == "NoSuchUpload"
    assert parts_in(tmp_path) == []
