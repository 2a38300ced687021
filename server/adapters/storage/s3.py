"""Object storage on an S3 endpoint, which clients upload to without passing this server."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import ClientPayloadError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from server.adapters.storage.presigning import Presigner
from server.errors import NotFoundError, StorageError
from server.ports.object_storage import PresignedPut, StoredObject

CHUNK_BYTES = 262_144
# Of one request of S3's.
MOST_KEYS = 1_000
CONNECTIONS = 32
CONNECT_S, ANSWER_S = 5, 30


@dataclass(frozen=True, slots=True)
class S3Storage:
    """Keeps the port `ObjectStorage`. Made by `s3_storage`."""

    presigner: Presigner
    client: Any

    def presigned_put(
        self, key: str, *, content_type: str, size_bytes: int, expires_s: int, site_url: str
    ) -> PresignedPut:
        """Return a request that puts exactly so many bytes of that type there."""
        return self.presigner.put(
            key,
            content_type=content_type,
            size_bytes=size_bytes,
            expires_s=expires_s,
            site_url=site_url,
        )

    async def check(self) -> None:
        """Look whether bucket and key can be used: they can, if the bucket can be listed.

        Raises:
            StorageError: if they cannot.
        """
        try:
            with _told(""):
                await self.client.list_objects_v2(Bucket=self.presigner.bucket, MaxKeys=1)
        except NotFoundError as error:
            raise StorageError(reason="it answers 404") from error.__cause__

    async def head(self, key: str) -> StoredObject | None:
        """Return what is known of an object, or None if there is none."""
        try:
            with _told(key):
                found = await self.client.head_object(**self._named(key))
        except NotFoundError:
            return None
        modified_at_s = int(found["LastModified"].timestamp())
        return StoredObject(
            found["ContentLength"], found["ContentType"], found["ETag"], modified_at_s
        )

    async def read(
        self, key: str, *, first: int = 0, last: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield an object's bytes from `first` to `last`, both included; None is the end."""
        asked = {} if (first, last) == (0, None) else {"Range": f"bytes={first}-{_text(last)}"}
        try:
            with _told(key):
                answer = await self.client.get_object(**self._named(key), **asked)
        except _NothingThereError:
            return
        async with answer["Body"] as body:
            while True:
                with _told(key):
                    data = await body.read(CHUNK_BYTES)
                if not data:
                    break
                yield data

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        """Store a file's content, in place of what was there."""
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        with path.open("rb") as file, _told(key):
            await self.client.put_object(
                **self._named(key), Body=file, ContentLength=size_bytes, ContentType=content_type
            )

    async def download(self, key: str, path: Path) -> None:
        """Write an object's content to a file."""
        with path.open("wb") as file:
            async for data in self.read(key):
                await asyncio.to_thread(file.write, data)

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, no matter whether they are there."""
        every = list(keys)
        for start in range(0, len(every), MOST_KEYS):
            some = every[start : start + MOST_KEYS]
            objects = [{"Key": key} for key in some]
            with _told(some[0]):
                answer = await self.client.delete_objects(
                    Bucket=self.presigner.bucket, Delete={"Objects": objects, "Quiet": True}
                )
            for error in answer.get("Errors", ()):
                raise StorageError(reason=f"it answers {error.get('Code')}")

    async def delete_under(self, prefix: str) -> None:
        """Delete all objects whose keys start with a prefix that ends in a slash."""
        pages = self.client.get_paginator("list_objects_v2")
        found: list[str] = []
        with _told(prefix):
            async for page in pages.paginate(Bucket=self.presigner.bucket, Prefix=prefix):
                found += [each["Key"] for each in page.get("Contents", ())]
        await self.delete(found)

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self.presigner.bucket, "Key": key}


@asynccontextmanager
async def s3_storage(presigner: Presigner) -> AsyncIterator[S3Storage]:
    """Yield the bucket that a presigner signs for; nothing is asked for before it is used."""
    config = AioConfig(
        s3={"addressing_style": "path"},
        connect_timeout=CONNECT_S,
        read_timeout=ANSWER_S,
        max_pool_connections=CONNECTIONS,
        retries={"max_attempts": 2, "mode": "standard"},
    )
    async with get_session().create_client(
        "s3",
        endpoint_url=presigner.endpoint,
        region_name=presigner.region,
        aws_access_key_id=presigner.access_key.key_id,
        aws_secret_access_key=presigner.access_key.secret,
        config=config,
    ) as client:
        yield S3Storage(presigner, client)


class _NothingThereError(Exception):
    """A range beyond the end of an object."""


@contextmanager
def _told(key: str) -> Iterator[None]:
    """Tell what goes wrong in this server's own errors."""
    try:
        yield
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        # A HEAD tells no code: of its bucket, too, it says no more than 404.
        if status == HTTPStatus.NOT_FOUND and error.response["Error"]["Code"] != "NoSuchBucket":
            raise NotFoundError(kind="object", found=key) from error
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _NothingThereError from error
        raise StorageError(reason=_refusal(error)) from error
    except ResponseParserError as error:
        raise StorageError(reason="what it answers is not S3's") from error
    # aiobotocore lets some of aiohttp's errors through, such as that of a body cut short.
    except (BotoCoreError, ClientPayloadError, OSError, TimeoutError) as error:
        # Their own words name the endpoint.
        raise StorageError(reason=f"it is not reached ({type(error).__name__})") from error


def _refusal(error: ClientError) -> str:
    """Return what clients may know of an endpoint's refusal."""
    code = str(error.response["Error"].get("Code"))
    return f"it answers {code}" if code.isalnum() else "it refuses"


def _text(last: int | None) -> str:
    return "" if last is None else str(last)
