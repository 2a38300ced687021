"""Watchers of a post: when it is there, and when it is lost."""

import json
import time

import pytest

from sim.loadtest.driver import watching
from sim.loadtest.driver.watching import Arrival, arrival_at_last


def page(*posts: int) -> bytes:
    return json.dumps({"items": [{"postId": str(post)} for post in posts]}).encode()


def watched(
    read: watching.ReadFeed, *, watchers: tuple[int, ...] = (1,), stretch: float = 1.0
) -> Arrival | None:
    return arrival_at_last(
        5,
        watchers,
        read_feed=read,
        confirmed_s=time.monotonic(),
        is_stopping=lambda: False,
        stretch=lambda: stretch,
    )


def test_a_post_arrives_when_the_last_watcher_has_read_it() -> None:
    begun_s = time.monotonic()

    def read(watcher: int, _: bool) -> bytes:  # noqa: FBT001 - a callback
        return page(5) if time.monotonic() - begun_s > 0.1 * watcher else page()

    found = watched(read, watchers=(1, 2))

    assert found is not None
    assert found.fresh_s >= 0.2
    # The read before the one that had it did not, and growing pauses say how far apart they are.
    assert found.fresh_s - found.resolution_s <= 0.2 + 0.1


def test_the_first_look_comes_after_two_milliseconds() -> None:
    found = watched(lambda *_: page(5))

    assert found is not None
    assert found.fresh_s >= 0.002
    assert found.resolution_s == pytest.approx(found.fresh_s, rel=0.5)


def test_a_post_that_newer_ones_have_pushed_off_the_page_is_found_below() -> None:
    found = watched(lambda _, is_deep: page(9, 8, 5) if is_deep else page(9, 8))

    assert found is not None


def test_a_late_server_is_asked_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "GIVE_UP_S", 0.5)
    reads = {1.0: 0, 50.0: 0}

    for stretch in reads:

        def read(_: int, __: bool, stretch: float = stretch) -> bytes:  # noqa: FBT001
            reads[stretch] += 1
            return page()

        assert watched(read, stretch=stretch) is None

    assert 0 < 2 * reads[50.0] <= reads[1.0]
