"""What every adapter of the object storage promises: a folder's, and that of a real S3 endpoint."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from server.adapters.clock import SystemClock
from server.adapters.memory.stores import memory_stores
from server.adapters.metrics import Metrics
from server.adapters.pictures import PillowPictures
from server.adapters.storage.local import LocalStorage
from server.adapters.storage.presigning import Presigner
from server.adapters.storage.s3 import s3_storage
from server.errors import DamagedObjectError, NotFoundError, StorageError
from server.gateway.storage.endpoint import STORAGE_PATH, StorageAccess, StorageEndpoint
from server.limits import Limits
from server.model.signatures import AccessKey
from server.ports.object_storage import ObjectStorage, PresignedPut
from server.services.accounts import Accounts
from server.services.object_storage import ObjectReceiver
from server.services.upload_signer import UploadSettings, UploadSigner
from tests.fakes.clock import ManualClock
from tests.fakes.passwords import PlainPasswords
from tests.seaweedfs import (
    ACCESS_KEY,
    BUCKET,
    REGION,
    SECRET_KEY,
    SeaweedFs,
    free_ports,
    seaweedfs,
)

KEY = AccessKey(ACCESS_KEY, SECRET_KEY)
DATA = bytes(range(256)) * 2_000


@dataclass(frozen=True)
class Opened:
    """A storage, and the clock that its signatures are made by."""

    storage: ObjectStorage
    clock: ManualClock


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFs]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as started:
        yield started


@pytest.fixture(params=["folder", "seaweedfs"])
def opened(
    request: pytest.FixtureRequest, runner: asyncio.Runner, tmp_path: Path
) -> Iterator[Opened]:
    clock = ManualClock()
    clock.ms = SystemClock().now_ms()
    stack = AsyncExitStack()
    if request.param == "folder":
        storage = runner.run(stack.enter_async_context(folder_storage(tmp_path, clock)))
    else:
        url = request.getfixturevalue("endpoint").url
        presigner = Presigner(url, BUCKET, KEY, REGION, clock)
        storage = runner.run(stack.enter_async_context(s3_storage(presigner)))
    yield Opened(storage, clock)
    runner.run(stack.aclose())


@asynccontextmanager
async def folder_storage(folder: Path, clock: ManualClock) -> AsyncIterator[ObjectStorage]:
    """Yield the embedded storage behind its endpoint, which goes by the machine's clock."""
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}{STORAGE_PATH}"
    storage = LocalStorage(folder, Presigner(url, BUCKET, KEY, REGION, clock))
    stores = memory_stores(clock, max_entries=5)
    signer = UploadSigner(
        settings=UploadSettings(),
        storage=storage,
        media=stores.media,
        pictures=PillowPictures(),
        accounts=Accounts(
            users=stores.users,
            passwords=PlainPasswords(),
            clock=clock,
            random_bytes=bytes,
            token_lifetime_s=60,
        ),
        clock=clock,
        random_bytes=bytes,
        on_removal=lambda _: None,
    )
    endpoint = StorageEndpoint(
        access=StorageAccess(BUCKET, KEY, 1_000_000),
        storage=storage,
        receiver=ObjectReceiver(storage, signer),
        limits=Limits(),
        clock=SystemClock(),
        telemetry=Metrics(),
    )
    app = web.Application()
    app.add_routes(endpoint.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield storage
    await runner.cleanup()
    storage.close()


def signed(opened: Opened, key: str, *, size_bytes: int) -> PresignedPut:
    """Return what may be put within a minute."""
    return opened.storage.presigned_put(
        key, content_type="text/plain", size_bytes=size_bytes, expires_s=60, site_url=""
    )


async def send(put: PresignedPut, data: bytes, **headers: str) -> int:
    """Send what was signed with any HTTP client; returns the status."""
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            put.method, put.url, data=data, headers={**put.headers, **changed}
        ) as response,
    ):
        await response.read()
        return response.status


async def content(storage: ObjectStorage, key: str, **part: int) -> bytes:
    return b"".join([data async for data in storage.read(key, **part)])


async def put(opened: Opened, key: str, data: bytes, folder: Path) -> None:
    path = folder / "to-put"
    path.write_bytes(data)
    await opened.storage.put_file(key, path, content_type="text/plain")


async def test_what_was_signed_can_be_put_and_is_there_whole(opened: Opened) -> None:
    put = signed(opened, "any/whole", size_bytes=len(DATA))

    assert await opened.storage.head("any/whole") is None
    assert await send(put, DATA) == 200

    stored = await opened.storage.head("any/whole")
    assert stored
    assert (stored.size_bytes, stored.content_type) == (len(DATA), "text/plain")
    assert stored.etag.strip('"')
    assert await content(opened.storage, "any/whole") == DATA


async def test_nothing_but_what_was_signed_can_be_put(opened: Opened) -> None:
    put = signed(opened, "any/exact", size_bytes=100)
    other = signed(opened, "any/other", size_bytes=100)
    elsewhere = PresignedPut(put.url.replace("exact", "other"), put.headers, put.expires_at_ms)
    data = DATA[:100]

    assert await send(put, data[:-1]) == 403
    assert await send(put, data + b"x") == 403
    assert await send(put, data, content_type="text/html") == 403
    assert await send(elsewhere, data) == 403
    assert await opened.storage.head("any/exact") is None
    assert await opened.storage.head("any/other") is None
    assert await send(put, data) == await send(other, data) == 200


async def test_a_put_is_good_once(opened: Opened) -> None:
    put = signed(opened, "any/once", size_bytes=4)

    assert await send(put, b"good") == 200
    assert await send(put, b"evil") == 412
    assert await content(opened.storage, "any/once") == b"good"


async def test_a_put_is_good_for_a_while(opened: Opened) -> None:
    now_ms = opened.clock.ms
    opened.clock.ms = now_ms - 120_000
    late = signed(opened, "any/late", size_bytes=4)
    opened.clock.ms = now_ms - 30_000
    timely = signed(opened, "any/late", size_bytes=4)

    assert (late.expires_at_ms - now_ms) // 1000 in {-61, -60}
    assert await send(late, b"late") == 403
    assert await send(timely, b"good") == 200


async def test_a_file_is_stored_replaced_and_downloaded(opened: Opened, tmp_path: Path) -> None:
    await put(opened, "any/file", b"old", tmp_path)
    await put(opened, "any/file", DATA, tmp_path)

    await opened.storage.download("any/file", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == DATA
    stored = await opened.storage.head("any/file")
    assert stored
    assert stored.size_bytes == len(DATA)


async def test_parts_of_an_object_are_read(opened: Opened, tmp_path: Path) -> None:
    await put(opened, "any/parts", DATA, tmp_path)

    assert await content(opened.storage, "any/parts", first=10, last=19) == DATA[10:20]
    assert await content(opened.storage, "any/parts", first=len(DATA) - 3) == DATA[-3:]
    assert await content(opened.storage, "any/parts", last=10**9) == DATA
    assert await content(opened.storage, "any/parts", first=len(DATA)) == b""


async def test_what_is_not_there_is_not_found(opened: Opened, tmp_path: Path) -> None:
    assert await opened.storage.head("any/nothing") is None
    with pytest.raises(NotFoundError):
        await content(opened.storage, "any/nothing")
    with pytest.raises(NotFoundError):
        await opened.storage.download("any/nothing", tmp_path / "back")


async def test_objects_are_deleted_one_by_one_and_by_folder(opened: Opened, tmp_path: Path) -> None:
    keys = ["r/abc/1.webp", "r/abc/hls/2.m4s", "r/abcd/3.webp", "u/4.jpg", "u/5.jpg"]
    for key in keys:
        await put(opened, key, b"x", tmp_path)

    await opened.storage.delete_under("r/abc/")
    await opened.storage.delete_under("r/nothing/")
    await opened.storage.delete(["u/4.jpg", "u/nothing.jpg"])
    await opened.storage.delete([])

    left = [key for key in keys if await opened.storage.head(key)]
    assert left == ["r/abcd/3.webp", "u/5.jpg"]


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize("left_bytes", [0, 3, 9, len(DATA) - 5, len(DATA) + 30])
async def test_a_file_that_is_damaged_is_no_store_that_is_away(
    tmp_path: Path, clock: ManualClock, left_bytes: int
) -> None:
    presigner = Presigner("", BUCKET, KEY, REGION, clock)
    storage = LocalStorage(tmp_path / "storage", presigner)
    (tmp_path / "file").write_bytes(DATA)
    await storage.put_file("any/damaged", tmp_path / "file", content_type="text/plain")
    [file] = (tmp_path / "storage").rglob("damaged*")
    os.truncate(file, left_bytes)

    with pytest.raises(DamagedObjectError):
        await storage.head("any/damaged")
    with pytest.raises(DamagedObjectError):
        await content(storage, "any/damaged")
    with pytest.raises(DamagedObjectError):
        await storage.download("any/damaged", tmp_path / "back")
    storage.close()


@pytest.mark.usefixtures("runner")
async def test_a_bucket_that_is_not_there_is_a_storage_error(
    endpoint: SeaweedFs, tmp_path: Path
) -> None:
    presigner = Presigner(endpoint.url, "nowhere", KEY, REGION, SystemClock())
    (tmp_path / "file").write_bytes(b"x")
    async with s3_storage(presigner) as storage:
        with pytest.raises(StorageError):
            await storage.delete(["any/thing"])
        with pytest.raises(StorageError):
            await storage.delete_under("any/")
        with pytest.raises(StorageError):
            await content(storage, "any/thing")
        assert await storage.head("any/thing") is None


@pytest.mark.usefixtures("runner")
async def test_an_endpoint_that_does_not_answer_is_a_storage_error(clock: ManualClock) -> None:
    [port] = free_ports(1)
    presigner = Presigner(f"http://127.0.0.1:{port}", BUCKET, KEY, REGION, clock)
    async with s3_storage(presigner) as storage:
        with pytest.raises(StorageError):
            await storage.head("any/thing")
        with pytest.raises(StorageError):
            await storage.delete(["any/thing"])


async def cut_short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with less than is told."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: x\r\n\r\nten bytes.")
    writer.close()


@pytest.mark.usefixtures("runner")
async def test_an_object_that_comes_cut_short_is_a_storage_error(clock: ManualClock) -> None:
    server = await asyncio.start_server(cut_short, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    presigner = Presigner(f"http://127.0.0.1:{port}", BUCKET, KEY, REGION, clock)
    async with server, s3_storage(presigner) as storage:
        with pytest.raises(StorageError):
            await content(storage, "any/thing")
