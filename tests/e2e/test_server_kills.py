"""`kill -9` at the worst moments: what was confirmed is there, once, two seconds after a restart.

`--kill-rounds 200` kills as often as that; `-s` shows what was seen.
"""

import math
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from scenarios.fanout import Fanout
from scenarios.graph import FollowerGraph
from server.adapters.clock import SystemClock
from server.populate import World, populate
from server.services.feed_generator import FeedSettings
from tests.e2e.ledger import Ledger, Sent, Writer, seen_counts
from tests.e2e.locks import LOCKS, WalLock, holds, kill_while
from tests.e2e.old_folder import AUTHOR, READER, write_old_folder
from tests.e2e.serving import Person, Serving, serving
from tests.e2e.sockets import eventually

ROUNDS_A_SERIES = 20
COMPLETE_WITHIN_S = 2.0
WRITERS = 3
# Three chunks of a wide fan-out.
FOLLOWERS = 25_000
FOLLOWERS_LOOKED_AT = 20
QUEUED_EVENTS = "100"
# What a wide fan-out and a migration take; in between, one is caught after a few tries.
FAN_OUT_S, MIGRATION_S = 0.1, 0.05
TRIES = 5
OPTIONS = ("--open", "--fanout", "push", "--queued-events", QUEUED_EVENTS)
MAIN, FEEDS = "socialfeed.sqlite3", "feeds.sqlite3"


class Moment(StrEnum):
    """When the server dies."""

    ANY = "any moment under load"
    FULL_QUEUE = "the event queue full"
    FAN_OUT = "in a wide fan-out"
    CHECKPOINT = "in a checkpoint"
    MIGRATION = "in a migration"


@dataclass
class Seen:
    """What a series has seen."""

    rounds: Counter[Moment] = field(default_factory=Counter)
    hits: Counter[Moment] = field(default_factory=Counter)
    complete_after_s: list[float] = field(default_factory=list)


@dataclass
class Town:
    """A world on disk, its people, and what the server has confirmed to them."""

    folder: Path
    star: Person
    authors: Sequence[Person]
    reader: Person
    followers: Sequence[Person]
    ledger: Ledger = field(default_factory=Ledger)
    # Of the one whose posts go to all followers.
    star_ledger: Ledger = field(default_factory=Ledger)
    # Up to which post the reader's feed was compared.
    compared: int = 0

    @property
    def ledgers(self) -> tuple[Ledger, Ledger]:
        """Both ledgers."""
        return self.ledger, self.star_ledger


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run as many series as the rounds that are asked for need."""
    if "kill_series" in metafunc.fixturenames:
        rounds = metafunc.config.getoption("--kill-rounds")
        metafunc.parametrize("kill_series", range(math.ceil(rounds / ROUNDS_A_SERIES)))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not LOCKS.exists(), reason="this system does not tell of locks")
def test_kill_9_under_load_loses_nothing_that_was_confirmed(
    program: Path, tmp_path: Path, kill_series: int
) -> None:
    rng = np.random.default_rng(kill_series)
    town = found_town(tmp_path / "data", rng)
    old_posts = write_old_folder(tmp_path / "old")
    seen = Seen()
    moments = [*Moment] * (ROUNDS_A_SERIES // len(Moment))
    for index in rng.permutation(len(moments)).tolist():
        moment = moments[index]
        if moment is Moment.MIGRATION:
            hit = kill_in_migration(program, tmp_path / "old", tmp_path / "copy", rng)
            expect_migrated(program, tmp_path / "copy", old_posts, seen)
        else:
            with serving(program, town.folder, *OPTIONS) as server:
                expect_nothing_lost(server, town, rng, seen)
                hit = kill_under_load(server, town, moment, rng)
        seen.rounds[moment] += 1
        seen.hits[moment] += hit

    with serving(program, town.folder, *OPTIONS) as server:
        expect_nothing_lost(server, town, rng, seen)
        expect_everything(server, town)
        assert server.stop() == 0
    tell(town, seen)
    assert all(seen.hits[moment] for moment in Moment), seen.hits


def found_town(folder: Path, rng: np.random.Generator) -> Town:
    """Write a world: one star with many followers, some authors, and a reader of all of them."""
    numbers = np.arange(WRITERS + 2 + FOLLOWERS)
    star, authors, reader = 0, numbers[1 : WRITERS + 1], WRITERS + 1
    followers = np.concatenate([numbers[reader:], np.full(WRITERS, reader)])
    followees = np.concatenate([np.full(len(numbers) - reader, star), authors])
    world = World(
        FollowerGraph(followers, followees),
        users=len(numbers),
        authors=np.empty(0, dtype=np.int64),
        days=1,
        feeds=FeedSettings(Fanout.PUSH),
    )
    filled = populate(folder, lambda: world, clock=SystemClock(), rng=rng, progress=lambda *_: None)
    people = [Person(str(user_id), token="") for user_id in filled.user_ids.tolist()]
    return Town(folder, people[star], people[1 : WRITERS + 1], people[reader], people[reader + 1 :])


def kill_under_load(server: Serving, town: Town, moment: Moment, rng: np.random.Generator) -> bool:
    """Write until the moment has come, and kill; whether it had come."""
    writers = [Writer(server, author, town.reader, town.ledger) for author in town.authors]
    for writer in writers:
        writer.start()
    try:
        match moment:
            case Moment.FULL_QUEUE:
                return kill_with_full_queue(server, town, rng)
            case Moment.FAN_OUT:
                return kill_in_fan_out(server, town, rng)
            case Moment.CHECKPOINT:
                return kill_in_checkpoint(server, town)
            case _:
                time.sleep(rng.uniform(0.05, 0.5))
                return True
    finally:
        server.process.kill()
        for writer in writers:
            writer.join()


def kill_with_full_queue(server: Serving, town: Town, rng: np.random.Generator) -> bool:
    """Keep the feeds from being written until events are refused."""
    refused = town.ledger.refused
    with closing(sqlite3.connect(town.folder / FEEDS, isolation_level=None)) as feeds:
        feeds.execute("BEGIN IMMEDIATE")
        eventually(lambda: town.ledger.refused > refused, within_s=20)
        time.sleep(rng.uniform(0, 0.3))
        server.process.kill()
        server.process.wait()
    return True


def kill_in_fan_out(server: Serving, town: Town, rng: np.random.Generator) -> bool:
    """Post as the star, and kill while the post is in some of the followers' feeds."""
    body = {"userId": town.star.user_id, "text": "to many"}
    with closing(sqlite3.connect(f"file:{town.folder / MAIN}?mode=ro", uri=True)) as main:

        def is_under_way() -> bool:
            found = main.execute("SELECT 1 FROM events WHERE queue = 'wide_fan_out'").fetchone()
            return found is not None

        for number in range(TRIES):
            sent = Sent("/v1/posts", body, f"star-{server.process.pid}-{number}")
            town.star_ledger.note(sent, sent.through(server))
            later_s = rng.uniform(0, FAN_OUT_S)
            if kill_while(server.process.pid, is_under_way, later_s=later_s, within_s=0.5):
                return True
    return False


def kill_in_checkpoint(server: Serving, town: Town) -> bool:
    return kill_while(
        server.process.pid,
        lambda: holds(server.process.pid, town.folder / MAIN, WalLock.CHECKPOINT),
        later_s=0,
        within_s=10,
    )


def kill_in_migration(program: Path, old: Path, folder: Path, rng: np.random.Generator) -> bool:
    """Start on a copy of an old folder, and kill while its schema is written."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(old, folder)
    command: list[str | Path] = [program, "serve", "--port", "0", "--data", folder, *OPTIONS]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:

        def is_migrating() -> bool:
            return holds(process.pid, folder / MAIN, WalLock.WRITE)

        later_s = rng.uniform(0, MIGRATION_S)
        hit = kill_while(process.pid, is_migrating, later_s=later_s, within_s=10)
        process.kill()
        return hit


def expect_migrated(program: Path, folder: Path, posts: Sequence[str], seen: Seen) -> None:
    """Everything of the old folder is there once it has been brought up."""
    with serving(program, folder, *OPTIONS) as server:
        ready_s = time.monotonic()
        items = server.feed(Person(str(READER), token=""))
        seen.complete_after_s.append(time.monotonic() - ready_s)

        assert [item["postId"] for item in items] == [*reversed(posts)]
        assert {item["likeCount"] for item in items} == {1}
        assert server.post(Person(str(AUTHOR), token=""), "new") > posts[-1]


def expect_nothing_lost(server: Serving, town: Town, rng: np.random.Generator, seen: Seen) -> None:
    """Feeds are complete soon after a start; then what had no answer is repeated, and there."""
    ready_s = time.monotonic()
    confirmed = {post for ledger in town.ledgers for post in ledger.posts}
    recent = {post for post in confirmed if int(post) > town.compared}
    eventually(lambda: recent <= recent_posts(server, town), within_s=COMPLETE_WITHIN_S)
    looked_at = [town.followers[0], town.followers[-1]]
    looked_at += [town.followers[n] for n in rng.integers(FOLLOWERS - 1, size=FOLLOWERS_LOOKED_AT)]
    of_star = set(town.star_ledger.posts)
    for person in looked_at:
        eventually(
            partial(has_all, server, person, of_star),
            within_s=max(COMPLETE_WITHIN_S - (time.monotonic() - ready_s), 0),
        )
    seen.complete_after_s.append(time.monotonic() - ready_s)
    unanswered = sum(len(ledger.unanswered) for ledger in town.ledgers)
    assert len(recent_posts(server, town) - confirmed) <= unanswered

    for ledger in town.ledgers:
        ledger.send_again(server)
        assert ledger.wrong == []
    confirmed = {post for ledger in town.ledgers for post in ledger.posts}
    recent = {post for post in confirmed if int(post) > town.compared}
    eventually(lambda: recent <= recent_posts(server, town), within_s=COMPLETE_WITHIN_S)
    assert recent_posts(server, town) == recent
    town.compared = max(map(int, confirmed), default=0)


def has_all(server: Serving, person: Person, posts: set[str]) -> bool:
    return posts <= {item["postId"] for item in server.feed(person)}


def recent_posts(server: Serving, town: Town) -> set[str]:
    """Return what is in the reader's feed above what was compared before: in order, each once."""
    found: list[str] = []
    cursor = ""
    while True:
        path = f"/v1/feeds/{town.reader.user_id}?limit=100{cursor}"
        page = server.send("GET", path).json
        found += [item["postId"] for item in page["items"]]
        if page["nextCursor"] is None or int(found[-1]) <= town.compared:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert found == sorted(set(found), key=int, reverse=True)
    return {post for post in found if int(post) > town.compared}


def expect_everything(server: Serving, town: Town) -> None:
    """The whole feed, all counts and all notifications are what was confirmed, each once."""
    items = server.feed(town.reader)
    seen = [item["postId"] for item in items]
    confirmed = [post for ledger in town.ledgers for post in ledger.posts]
    assert seen == sorted(confirmed, key=int, reverse=True)
    expected = {post: (int(post in town.ledger.liked), town.ledger.comments[post]) for post in seen}
    assert seen_counts(items) == expected
    told = Counter(
        (item["kind"], item["postId"])
        for author in town.authors
        for item in notifications(server, author)
    )
    assert told == Counter(
        {("like", post): 1 for post in town.ledger.liked}
        | {("comment", post): number for post, number in town.ledger.comments.items()}
    )
    for person in town.followers[:: FOLLOWERS // FOLLOWERS_LOOKED_AT]:
        posts = [item["postId"] for item in server.feed(person)]
        assert posts == sorted(town.star_ledger.posts, key=int, reverse=True)


def notifications(server: Serving, person: Person) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    cursor = ""
    while True:
        path = f"/v1/notifications/{person.user_id}?limit=100{cursor}"
        page = server.send("GET", path).json
        found += page["items"]
        if page["nextCursor"] is None:
            return found
        cursor = f"&cursor={page['nextCursor']}"


def tell(town: Town, seen: Seen) -> None:
    kills = ", ".join(f"{seen.hits[moment]} of {seen.rounds[moment]} {moment}" for moment in Moment)
    confirmations = sum(ledger.confirmations for ledger in town.ledgers)
    print(
        f"\nkilled {seen.rounds.total()} times: {kills}; {confirmations:,} confirmations,"
        f" {town.ledger.refused} refusals, nothing lost, nothing twice;"
        f" feeds complete {max(seen.complete_after_s):.2f} s after a start at the latest"
    )
