"""What the embedded object storage brings to disk before it confirms anything."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from server.adapters.storage.local import LocalStorage
from server.adapters.storage.presigning import Presigner
from server.model.signatures import AccessKey
from tests.fakes.clock import ManualClock

PRESIGNER = Presigner(
    endpoint="/storage",
    bucket="media",
    access_key=AccessKey("id", "secret"),
    region="here",
    clock=ManualClock(),
)
HELD_S = 0.3


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "some-data"
    path.write_bytes(b"some data")
    return path


def watch_syncs(
    monkeypatch: pytest.MonkeyPatch, before: Callable[[str], object] = lambda _: None
) -> list[str]:
    """Return a list of what is brought to disk; `before` is told first."""
    synced: list[str] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        before(path)
        sync(descriptor)
        synced.append(path)

    monkeypatch.setattr(os, "fsync", watched)
    return synced


async def put(storage: LocalStorage, key: str, data: Path) -> None:
    await storage.put_file(key, data, content_type="text/plain")


def test_an_object_is_on_disk_with_every_folder_that_was_made_for_it(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = watch_syncs(monkeypatch)
    folder = tmp_path / "storage"
    storage = LocalStorage(folder, PRESIGNER)

    asyncio.run(put(storage, "u/7/a.txt", data))

    # Each folder holds the name of the one that was made in it.
    made_in = [tmp_path, folder, folder / "media", folder / "media/u", folder / "media/u/7"]
    assert {str(each) for each in made_in} <= {*synced}
    storage.close()


def test_nothing_is_confirmed_while_the_folder_that_another_has_made_is_not_on_disk(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path / "storage", PRESIGNER)
    is_held, goes_on = threading.Event(), threading.Event()

    def hold(path: str) -> None:
        if path.endswith("/storage/media") and not is_held.is_set():
            is_held.set()
            goes_on.wait(timeout=10)

    watch_syncs(monkeypatch, before=hold)

    async def scenario() -> None:
        first = asyncio.create_task(put(storage, "u/7/a.txt", data))
        await asyncio.to_thread(is_held.wait, 10)
        second = asyncio.create_task(put(storage, "u/7/b.txt", data))
        done, _ = await asyncio.wait([second], timeout=HELD_S)
        goes_on.set()
        await asyncio.gather(first, second)

        assert not done

    asyncio.run(scenario())
    storage.close()


def test_what_a_process_that_died_has_left_is_brought_to_disk_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished = tmp_path / "storage" / "unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "0").write_bytes(b"half an obj")
    syncs: list[str] = []
    monkeypatch.setattr(os, "sync", lambda: syncs.append("all"))

    LocalStorage(tmp_path / "storage", PRESIGNER).close()
    LocalStorage(tmp_path / "storage", PRESIGNER).close()

    assert not any(unfinished.iterdir())
    assert syncs == ["all"]
