"""Object storage on an S3 endpoint, which clients upload to without passing this server."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from server.adapters.storage.presigning import Presigner
from server.adapters.storage.s3_errors import NO_S3, NothingThereError, told
from server.errors import NotFoundError, StorageError
from server.ports.object_storage import PresignedPut, StoredObject

CHUNK_BYTES = 262_144
# Of one request of S3's.
MOST_KEYS = 1_000
CONNECTIONS = 32
CONNECT_S, ANSWER_S = 5, 30
# For the first word of an answer that takes S3 no work, tries included.
SOON_S = 5.0
# Of keys that nothing else has; what is there tells whether a key can do what it has to.
PROBES_PREFIX = "probe/"
PUT, READ, LIST, DELETE = "put objects", "read objects", "list the bucket", "delete objects"


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
        """Look whether the bucket can be listed, which costs next to nothing.

        Raises:
            StorageError: if it cannot.
        """
        try:
            with told("", doing=LIST):
                await self.client.list_objects_v2(Bucket=self.presigner.bucket, MaxKeys=1)
        except NotFoundError as error:
            raise StorageError(reason=f"{NO_S3} (it answers 404)") from error.__cause__

    async def prove(self, name: str) -> None:
        """Do all that a server does there: list, and put, read and delete an object of that name.

        Raises:
            StorageError: if any of it fails.
        """
        await self.check()
        key, content = PROBES_PREFIX + name, name.encode()
        with told(key, doing=PUT):
            await self.client.put_object(**self._named(key), Body=content, ContentType="text/plain")
        found = b"".join([data async for data in self.read(key)])
        if found != content:
            raise StorageError(reason="it does not give back what was put there")
        await self.delete([key])

    async def head(self, key: str) -> StoredObject | None:
        """Return what is known of an object, or None if there is none."""
        try:
            async with _soon(key, doing=READ):
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
            async with _soon(key, doing=READ):
                answer = await self.client.get_object(**self._named(key), **asked)
        except NothingThereError:
            return  # Behind its end there are no bytes to yield.
        async with answer["Body"] as body:
            while True:
                with told(key, doing=READ):
                    data = await body.read(CHUNK_BYTES)
                if not data:
                    break
                yield data

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        """Store a file's content, in place of what was there."""
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        with path.open("rb") as file, told(key, doing=PUT):
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
            with told(some[0], doing=DELETE):
                answer = await self.client.delete_objects(
                    Bucket=self.presigner.bucket, Delete={"Objects": objects, "Quiet": True}
                )
            for error in answer.get("Errors", ()):
                raise StorageError(reason=f"the key may not {DELETE} ({error.get('Code')})")

    async def delete_under(self, prefix: str) -> None:
        """Delete all objects whose keys start with a prefix that ends in a slash."""
        pages = self.client.get_paginator("list_objects_v2")
        found: list[str] = []
        with told(prefix, doing=LIST):
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


@asynccontextmanager
async def _soon(key: str, *, doing: str) -> AsyncIterator[None]:
    """Tell what goes wrong with a request that is answered soon, or not at all."""
    with told(key, doing=doing):
        async with asyncio.timeout(SOON_S):
            yield


def _text(last: int | None) -> str:
    return "" if last is None else str(last)
