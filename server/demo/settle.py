"""Fills a new data folder with the demo's world, by the calls that clients make.

Everything goes through the boxes and the ports, as it does on a server that runs: passwords are
hashed, uploads signed and stored, posts pushed into feeds, owners notified. Only the clock is
another: it goes through the last days, so that the world has a past.
"""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from server.adapters.sqlite.bulk import loading
from server.adapters.sqlite.stores import FILE_NAME
from server.adapters.welcome import write_welcome
from server.app import BOXES, END, build_app
from server.demo.attempt import UNFINISHED_NAME, expect_own_files, remove_unfinished
from server.demo.clips import film
from server.demo.pictures import draw
from server.demo.world import HOUR_MS, World, WorldComment, WorldPost, demo_world
from server.errors import FolderNotEmptyError
from server.model.events import Queue
from server.model.ids import first_id_at
from server.ports.clock import Clock
from server.services.boxes import Boxes
from server.services.comment_service import NewComment
from server.services.post_writer import PostContent
from server.settings import DemoSettings, ServerSettings

# The world begins so long ago.
AGE_MS = 96 * HOUR_MS
MINUTE_MS = 60_000
# A follower likes a post so often, and within about so long.
LIKING = 0.55
LIKED_WITHIN_MS = 90 * MINUTE_MS
ANSWERED_WITHIN_MS = 11 * MINUTE_MS
# What is older than this has been read by the one to sign in as.
READ_MS = 4 * HOUR_MS
DRAWN_AT_ONCE = 2
# Done by the server once it runs.
_LATER = frozenset({Queue.MEDIA_PROCESSOR, Queue.VIDEO_RENDITIONS})

RandomBytes = Callable[[int], bytes]


@dataclass
class _WorldClock:
    """A clock that is set; time that only goes forward is the machine's own."""

    real: Clock
    at_ms: int

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.real.monotonic_s()


@dataclass(frozen=True, slots=True)
class _Step:
    at_ms: int
    act: Callable[[], Awaitable[None]]


async def settle(
    settings: ServerSettings, demo: DemoSettings, *, clock: Clock, random_bytes: RandomBytes
) -> None:
    """Fill the folder of these settings.

    The folder must be this process's own (`locked_folder`). It is filled at the end. Whoever stops
    it is told so at once; what is being drawn is drawn to its end.

    Raises:
        FolderNotEmptyError: if there are users already, or files of others.
    """
    folder = settings.data_folder
    _expect_room(folder)
    now_ms = clock.now_ms()
    world_clock = _WorldClock(clock, now_ms - AGE_MS)
    unfinished = folder / UNFINISHED_NAME
    home, scratch = unfinished / "home", unfinished / "scratch"
    for each in (unfinished, home, scratch):
        each.mkdir()
    try:
        async with _running(
            replace(settings, data_folder=home), world_clock, random_bytes
        ) as boxes:
            settling = _Settling(boxes, demo_world(), demo, scratch, now_ms)
            steps = sorted(settling.steps(), key=lambda step: step.at_ms)
            for done, step in enumerate(steps):
                demo.progress(done, len(steps))
                world_clock.at_ms = step.at_ms
                await step.act()
                await _catch_up(boxes)
            await settling.read_some()
        write_welcome(home, list(settling.ids.values()))
        _move(home, folder)
    except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
        settings.tell("stopping")
        raise
    finally:
        remove_unfinished(folder)


def _expect_room(folder: Path) -> None:
    expect_own_files(folder)
    if not (folder / FILE_NAME).exists():
        return
    try:
        with loading(folder):
            pass  # It finds users, if there are any.
    except FolderNotEmptyError as error:
        raise FolderNotEmptyError(
            folder=folder, advice="leave --demo out to serve them, or choose a new folder"
        ) from error


def _move(home: Path, folder: Path) -> None:
    """Put what is in one folder in place of what has the same name, or begins so, in the other."""
    for entry in home.iterdir():
        for old in folder.glob(f"{entry.name}*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        entry.rename(folder / entry.name)


@asynccontextmanager
async def _running(
    settings: ServerSettings, clock: Clock, random_bytes: RandomBytes
) -> AsyncIterator[Boxes]:
    """Open the application without starting it: nothing runs but what is asked of its boxes."""
    app = await build_app(settings, clock=clock, random_bytes=random_bytes)
    try:
        await app[BOXES].feed_generator.start()
        yield app[BOXES]
    finally:
        await app[END]()


async def _catch_up(boxes: Boxes) -> None:
    """Make feeds and notifications; renditions are made later, by the server."""
    consumers = [each for each in boxes.consumers if each.queue not in _LATER]
    while sum([await consumer.step() for consumer in consumers]):
        pass


@dataclass
class _Settling:
    """The steps of a world, and the ids that its people and posts get."""

    boxes: Boxes
    world: World
    demo: DemoSettings
    scratch: Path
    now_ms: int
    ids: dict[str, int] = field(default_factory=dict)
    posts: dict[int, int] = field(default_factory=dict)
    last_comments: dict[int, int] = field(default_factory=dict)
    drawing: dict[int, asyncio.Task[Path]] = field(default_factory=dict)
    pens: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DRAWN_AT_ONCE))

    def steps(self) -> Iterator[_Step]:
        """Yield all steps; what they need is drawn meanwhile."""
        start_ms = self.now_ms - AGE_MS
        rng = np.random.default_rng(self.demo.seed)
        for number, person in enumerate(self.world.people):
            yield _Step(start_ms + number, partial(self._sign_up, person.name))
            for name in person.follows:
                yield _Step(start_ms + MINUTE_MS, partial(self._follow, person.name, name))
        for number, post in enumerate(self.world.posts):
            if post.picture or post.clip:
                self.drawing[number] = asyncio.create_task(self._drawn(number, post))
            yield _Step(self.now_ms - post.age_ms, partial(self._post, number, post))
            yield from self._likes(number, post, rng)
        yield from self._comments()

    async def read_some(self) -> None:
        """Let the one to sign in as have read what is not quite new."""
        you = self.ids[self.world.people[0].name]
        up_to = first_id_at(self.now_ms - READ_MS)
        await self.boxes.notification_service.mark_read(you, up_to=up_to)

    def _likes(self, number: int, post: WorldPost, rng: np.random.Generator) -> Iterator[_Step]:
        for person in self.world.people:
            if post.by in person.follows and rng.random() < LIKING:
                after_ms = MINUTE_MS + round(rng.exponential(LIKED_WITHIN_MS))
                at_ms = min(self.now_ms - post.age_ms + after_ms, self.now_ms)
                yield _Step(at_ms, partial(self._like, number, person.name))

    def _comments(self) -> Iterator[_Step]:
        counts: dict[int, int] = defaultdict(int)
        for comment in self.world.comments:
            counts[comment.on] += 1
            after_ms = ANSWERED_WITHIN_MS * counts[comment.on]
            at_ms = self.now_ms - self.world.posts[comment.on].age_ms + after_ms
            yield _Step(min(at_ms, self.now_ms), partial(self._comment, comment))

    async def _sign_up(self, name: str) -> None:
        issued = await self.boxes.accounts.sign_up(name, self.demo.password, fresh_id=self._id())
        self.ids[name] = issued.user_id

    async def _follow(self, one: str, other: str) -> None:
        await self.boxes.follow_service.follow(self.ids[one], self.ids[other])

    async def _post(self, number: int, post: WorldPost) -> None:
        author_id = self.ids[post.by]
        hashtags = tuple(word[1:] for word in post.text.split() if word.startswith("#"))
        content = PostContent(text=post.text, hashtags=hashtags)
        if number in self.drawing:
            url = await self._upload(author_id, await self.drawing[number])
            content = PostContent(media_url=url, description=post.text, hashtags=hashtags)
        made = await self.boxes.post_writer.create(author_id, content, fresh_id=self._id())
        self.posts[number] = made.post_id

    async def _upload(self, owner_id: int, file: Path) -> str:
        """Store a file as an upload of its owner; returns what a post refers to it by."""
        content_type = "image/jpeg" if file.suffix == ".jpg" else "video/mp4"
        size_bytes = (await asyncio.to_thread(file.stat)).st_size
        signed = await self.boxes.upload_signer.sign(
            owner_id,
            content_type=content_type,
            size_bytes=size_bytes,
            fresh_id=self._id(),
            site_url="",
        )
        storage = self.boxes.surroundings.storage
        await storage.put_file(signed.media.key, file, content_type=content_type)
        await self.boxes.upload_signer.stored(signed.media.key)
        return signed.media.path

    async def _drawn(self, number: int, post: WorldPost) -> Path:
        async with self.pens:
            if post.picture:
                file = self.scratch / f"{number}.jpg"
                await asyncio.to_thread(draw, post.picture, file)
            else:
                assert post.clip is not None  # noqa: S101 - for the type checker
                file = self.scratch / f"{number}.mp4"
                await film(post.clip, file)
        return file

    async def _like(self, number: int, name: str) -> None:
        await self.boxes.like_service.like(self.ids[name], self.posts[number])

    async def _comment(self, comment: WorldComment) -> None:
        new = NewComment(
            author_id=self.ids[comment.by],
            post_id=self.posts[comment.on],
            text=comment.text,
            parent_id=self.last_comments[comment.on] if comment.replies else None,
        )
        made = await self.boxes.comment_service.create(new, fresh_id=self._id())
        self.last_comments[comment.on] = made.comment_id

    def _id(self) -> int:
        return self.boxes.surroundings.ids.new()
