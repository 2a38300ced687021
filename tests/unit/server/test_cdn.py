"""The cdn between an edge cache and object storage."""

import asyncio
import io
from collections.abc import Coroutine
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest

from server.adapters.memory.stores import memory_stores
from server.adapters.metrics import Metrics
from server.errors import NotFoundError, StorageError
from server.model.delivery import Client
from server.model.events import Event, EventKind
from server.model.media import Media, MediaState, Rendition
from server.services.cdn import SLICE_BYTES, Cdn, CdnSettings, Part
from sim.theory.caches import two_lru_hit_ratio
from tests.e2e.uploads import picture
from tests.fakes.clock import ManualClock
from tests.fakes.object_storage import CountingStorage
from tests.unit.server.pictures import two_halves

KEY = "u/7/abc.jpg"
ANYBODY = Client()
Result = TypeVar("Result")


def now(work: Coroutine[object, object, Result]) -> Result:
    return asyncio.run(work)


class Edge:
    """A cdn on storage that counts, with media that is stored and not rendered."""

    def __init__(self, objects: dict[str, bytes], *, cache_bytes: int = 10 * SLICE_BYTES) -> None:
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.storage = CountingStorage({key: (each, "image/jpeg") for key, each in objects.items()})
        self.stores = memory_stores(clock=self.clock, max_entries=10)
        self.cdn = Cdn(
            settings=CdnSettings(cache_bytes=cache_bytes),
            storage=self.storage,
            media=self.stores.media,
            telemetry=self.metrics,
            monotonic_s=self.clock.monotonic_s,
        )

    async def add(self, media: Media) -> None:
        await self.stores.media.add(media)
        event = Event(EventKind.UPLOADED, 7, media.media_id)
        await self.stores.media.complete(media.media_id, width=None, height=None, event=event)

    async def get(self, key: str) -> tuple[bytes, Part]:
        found = await self.cdn.find(key, ANYBODY)
        part = await self.cdn.part(found, first=0, last=found.stored.size_bytes - 1)
        return await whole(part), part


async def whole(part: Part) -> bytes:
    rest = b"" if part.rest is None else b"".join([piece async for piece in part.rest])
    return part.head + rest


def test_the_second_client_gets_it_from_the_cache() -> None:
    async def scenario() -> None:
        edge = Edge({"r/a/1.jpg": b"picture"})

        first, was_missed = await edge.get("r/a/1.jpg")
        edge.clock.ms += 12_000
        second, was_hit = await edge.get("r/a/1.jpg")

        assert first == second == b"picture"
        assert (was_missed.is_hit, was_hit.is_hit, was_hit.age_s) == (False, True, 12.0)
        assert edge.storage.reads == ["r/a/1.jpg"]

    now(scenario())


def test_clients_that_come_at_once_share_one_fetch() -> None:
    async def scenario() -> None:
        edge = Edge({"r/a/1.jpg": b"picture"})
        edge.storage.open.clear()
        clients = [asyncio.create_task(edge.get("r/a/1.jpg")) for _ in range(50)]
        await asyncio.sleep(0)
        clients[0].cancel()  # the one that has started the fetch
        await asyncio.sleep(0)

        edge.storage.open.set()
        answers = await asyncio.gather(*clients, return_exceptions=True)

        assert isinstance(answers[0], asyncio.CancelledError)
        assert all(isinstance(each, tuple) and each[0] == b"picture" for each in answers[1:])
        assert len(edge.storage.reads) == 1

    now(scenario())


def test_a_fetch_that_fails_is_told_to_all_and_tried_again() -> None:
    async def scenario() -> None:
        edge = Edge({"r/a/1.jpg": b"picture"})
        edge.storage.fails = True
        answers = await asyncio.gather(
            *(edge.get("r/a/1.jpg") for _ in range(3)), return_exceptions=True
        )
        assert all(isinstance(each, StorageError) for each in answers)

        edge.storage.fails = False

        assert (await edge.get("r/a/1.jpg"))[0] == b"picture"

    now(scenario())


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (0, 0),
        (0, SLICE_BYTES - 1),
        (SLICE_BYTES - 1, SLICE_BYTES),
        (5, 2 * SLICE_BYTES + 7),
        (2 * SLICE_BYTES + 999, 2 * SLICE_BYTES + 999),
        (0, 2 * SLICE_BYTES + 999),
    ],
)
def test_any_part_of_a_large_object_is_that_part(first: int, last: int) -> None:
    content = np.random.default_rng(2).bytes(2 * SLICE_BYTES + 1_000)

    async def scenario() -> None:
        edge = Edge({"r/a/720p.mp4": content})
        found = await edge.cdn.find("r/a/720p.mp4", ANYBODY)
        for is_hit in (False, True):
            part = await edge.cdn.part(found, first=first, last=last)
            assert await whole(part) == content[first : last + 1]
            assert part.is_hit is is_hit

    now(scenario())


def test_an_object_larger_than_the_cache_goes_through_slice_by_slice() -> None:
    async def scenario() -> None:
        edge = Edge({"r/a/720p.mp4": bytes(8 * SLICE_BYTES)}, cache_bytes=2 * SLICE_BYTES)
        found = await edge.cdn.find("r/a/720p.mp4", ANYBODY)
        part = await edge.cdn.part(found, first=0, last=8 * SLICE_BYTES - 1)
        assert part.rest is not None
        assert len(edge.storage.reads) == 1

        sizes = [len(piece) async for piece in part.rest]

        assert sizes == [SLICE_BYTES] * 7
        assert edge.cdn.cache.held_bytes == 2 * SLICE_BYTES

    now(scenario())


def plain_jpeg() -> bytes:
    """A picture that tells nothing beside itself."""
    into = io.BytesIO()
    two_halves(40, 30).save(into, "JPEG")
    return into.getvalue()


def test_the_original_is_shown_until_its_renditions_are_there() -> None:
    async def scenario() -> None:
        original = plain_jpeg()
        edge = Edge({KEY: original, "r/abc/320.jpg": b"rendition"})
        media = Media(1, KEY, 7, "image/jpeg", len(original))
        await edge.add(media)
        before, _ = await edge.get(KEY)
        rendition = Rendition("r/abc/320.jpg", "image/jpeg", 320, 200, 9)
        ready = replace(media, state=MediaState.READY, renditions=(rendition,))

        await edge.stores.media.update(ready)
        edge.cdn.forget(ready)
        after, _ = await edge.get(KEY)

        assert (before, after) == (original, b"rendition")
        assert (await edge.cdn.find(KEY, ANYBODY)).is_final

    now(scenario())


def test_clients_who_want_an_original_at_once_share_one_search_for_its_metadata() -> None:
    async def scenario() -> None:
        original = picture(side=6)
        edge = Edge({KEY: original})
        await edge.add(Media(1, KEY, 7, "image/jpeg", len(original)))
        edge.storage.open.clear()
        clients = [asyncio.create_task(edge.cdn.find(KEY, ANYBODY)) for _ in range(9)]
        await asyncio.sleep(0.01)
        clients[0].cancel()

        edge.storage.open.set()
        answers = await asyncio.gather(*clients, return_exceptions=True)
        again = await edge.cdn.find(KEY, ANYBODY)

        assert isinstance(answers[0], asyncio.CancelledError)
        assert all(each == again for each in answers[1:])
        assert edge.storage.reads == [KEY]

    now(scenario())


@pytest.mark.parametrize("key", ["u/7/nobody.jpg", "r/none/1.jpg"])
def test_what_nobody_uploaded_is_not_found(key: str) -> None:
    async def scenario() -> None:
        edge = Edge({"u/7/nobody.jpg": b"in the store, but nobody's"})
        with pytest.raises(NotFoundError):
            await edge.cdn.find(key, ANYBODY)
        assert not edge.storage.reads

    now(scenario())


def test_an_upload_that_is_not_complete_is_not_shown() -> None:
    async def scenario() -> None:
        edge = Edge({KEY: b"half"})
        await edge.stores.media.add(Media(1, KEY, 7, "image/jpeg", 8))
        with pytest.raises(NotFoundError):
            await edge.cdn.find(KEY, ANYBODY)

    now(scenario())


def test_removed_media_is_gone_from_the_cache_too() -> None:
    async def scenario() -> None:
        edge = Edge({KEY: b"original", "r/abc/320.jpg": b"rendition", "r/abcd/1.jpg": b"other"})
        rendition = Rendition("r/abc/320.jpg", "image/jpeg", 320, 200, 9)
        media = Media(1, KEY, 7, "image/jpeg", 8, renditions=(rendition,))
        for key in ("r/abc/320.jpg", "r/abcd/1.jpg"):
            await edge.get(key)
        await edge.storage.delete([KEY, "r/abc/320.jpg"])

        edge.cdn.forget(replace(media, state=MediaState.REMOVED))

        assert len(edge.cdn.cache) == 1
        with pytest.raises(NotFoundError):
            await edge.cdn.find("r/abc/320.jpg", ANYBODY)

    now(scenario())


@pytest.mark.slow
def test_hit_ratio_and_bytes_are_told_and_are_those_of_the_model() -> None:
    items, cached, alpha, size_bytes = 1_000, 100, 0.9, 50

    async def scenario() -> None:
        edge = Edge(
            {f"r/{item}/1.jpg": bytes(size_bytes) for item in range(items)},
            cache_bytes=cached * size_bytes,
        )
        weights = np.arange(1, items + 1, dtype=np.float64) ** -alpha
        rng = np.random.default_rng(3)
        trace = rng.choice(items, size=40_000, p=weights / weights.sum()).tolist()
        for item in trace[:10_000]:
            await edge.get(f"r/{item}/1.jpg")
        before = told(edge.metrics)
        for item in trace[10_000:]:
            await edge.get(f"r/{item}/1.jpg")

        hits, misses = (after - one for after, one in zip(told(edge.metrics), before, strict=True))

        assert hits + misses == 30_000
        model = two_lru_hit_ratio(items=items, cached_items=cached, alpha=alpha)
        assert hits / 30_000 == pytest.approx(model, abs=0.02)
        assert edge.cdn.traffic.sent_bytes == 40_000 * size_bytes
        assert edge.cdn.traffic.fetched_bytes == len(edge.storage.reads) * size_bytes

    now(scenario())


def told(metrics: Metrics) -> tuple[float, float]:
    lines = dict(line.rsplit(" ", 1) for line in metrics.text().splitlines() if line[0] != "#")
    return (
        float(lines['socialfeed_cache_hits_total{box="cdn"}']),
        float(lines['socialfeed_cache_misses_total{box="cdn"}']),
    )
