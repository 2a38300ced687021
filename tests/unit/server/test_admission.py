"""Admission: who waits too long is not let in, and nobody is refused by a server that keeps up."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from server.gateway.admission import Admission
from server.gateway.early_refusal import is_one_whole_call, refusal

# The loop begins a request every half millisecond, sixteen in a turn.
PACE_S = 0.0005
A_TURN = 16
# For glances, in each turn.
GLANCES_S = 0.002


class HandLoop:
    """An event loop whose turns are made by hand; each request it begins takes its time."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.pace_s = PACE_S
        self.begun: list[Request] = []
        self._ready: list[Callable[[], None]] = []

    def monotonic_s(self) -> float:
        return self.now_s

    def soon(self, callback: Callable[[], None]) -> None:
        self._ready.append(callback)

    def turn(self) -> int:
        """Make a turn; returns how many requests were begun in it."""
        before = len(self.begun)
        ready, self._ready = self._ready, []
        for callback in ready:
            callback()
        return len(self.begun) - before

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.turn()


@dataclass(eq=False)
class Request:
    """Takes the loop's time when its turn has come."""

    loop: HandLoop = field(repr=False)

    def hand_on(self) -> None:
        self.loop.now_s += self.loop.pace_s
        self.loop.begun.append(self)


@pytest.fixture
def loop() -> HandLoop:
    return HandLoop()


@pytest.fixture
def admission(loop: HandLoop) -> Admission:
    """Return an admission that has seen some hundred requests, all of which came at once."""
    admission = Admission(loop.monotonic_s, loop.soon)
    let_in(admission, loop, 400)
    loop.turns(30)
    assert admission.waiting == 0
    loop.begun.clear()
    return admission


def let_in(admission: Admission, loop: HandLoop, requests: int) -> int:
    """Have requests come at once; returns how many are let in."""
    count = 0
    for _ in range(requests):
        if admission.is_open:
            admission.join(Request(loop))
            count += 1
    return count


def flood(admission: Admission, loop: HandLoop, turns: int) -> None:
    """Have more come in each of some turns than is begun in it."""
    for _ in range(turns):
        let_in(admission, loop, 100)
        loop.turn()


def test_a_request_that_comes_alone_is_begun_at_once(admission: Admission, loop: HandLoop) -> None:
    admission.join(Request(loop))

    assert len(loop.begun) == 1


def test_so_many_are_begun_in_a_turn_and_the_others_wait(
    admission: Admission, loop: HandLoop
) -> None:
    let_in(admission, loop, 40)

    assert len(loop.begun) == A_TURN
    assert [loop.turn(), loop.turn(), loop.turn()] == [16, 8, 0]


def test_who_had_to_wait_is_told_for_how_long(loop: HandLoop) -> None:
    waits_s: list[float] = []
    admission = Admission(loop.monotonic_s, loop.soon, waited=waits_s.append)

    # Sixteen are begun at once; the first turn comes when they have taken their time.
    let_in(admission, loop, 40)
    loop.now_s += 0.1
    loop.turns(3)

    assert len(loop.begun) == 40
    assert waits_s == pytest.approx([0.1] * A_TURN + [0.1 + A_TURN * PACE_S] * 8)


def test_requests_are_begun_in_the_order_in_which_they_came(
    admission: Admission, loop: HandLoop
) -> None:
    requests = [Request(loop) for _ in range(100)]
    for start in range(0, 100, 20):
        for request in requests[start : start + 20]:
            admission.join(request)
        loop.turn()
    loop.turns(5)

    assert loop.begun == requests


def test_who_comes_in_a_turn_that_has_begun_its_share_waits(
    admission: Admission, loop: HandLoop
) -> None:
    let_in(admission, loop, 24)
    loop.turn()
    assert admission.waiting == 0

    let_in(admission, loop, 10)

    assert admission.waiting == 2


def test_a_request_that_fails_to_begin_holds_up_none_behind_it(
    admission: Admission, loop: HandLoop
) -> None:
    class Broken:
        def hand_on(self) -> None:
            raise ConnectionError

    let_in(admission, loop, A_TURN)
    admission.join(Broken())
    let_in(admission, loop, 10)
    with pytest.raises(ConnectionError):
        loop.turn()

    assert loop.turn() == 10


def test_a_burst_is_let_in_as_far_as_it_is_worked_off_in_a_quarter_of_a_second(
    admission: Admission, loop: HandLoop
) -> None:
    assert let_in(admission, loop, 5_000) == pytest.approx(0.25 / PACE_S, rel=0.1)


def test_when_more_comes_all_the_time_20_ms_of_it_wait(
    admission: Admission, loop: HandLoop
) -> None:
    flood(admission, loop, 200)

    assert admission.waiting == pytest.approx(0.02 / PACE_S, abs=A_TURN)


def test_the_least_may_wait_however_slow_the_loop_is(admission: Admission, loop: HandLoop) -> None:
    loop.pace_s = 20 * PACE_S
    flood(admission, loop, 50)

    let_in(admission, loop, 1_000)

    assert admission.waiting == 32


def test_a_loop_that_has_caught_up_takes_bursts_again(admission: Admission, loop: HandLoop) -> None:
    flood(admission, loop, 200)
    loop.turns(10)

    assert let_in(admission, loop, 5_000) == pytest.approx(0.25 / PACE_S, rel=0.1)


def test_those_not_let_in_are_looked_at_for_a_part_of_each_turn(
    admission: Admission, loop: HandLoop
) -> None:
    def look() -> str:
        loop.now_s += GLANCES_S / 10.5
        return "at hand"

    flood(admission, loop, 200)

    assert [admission.glance(look) for _ in range(100)].count("at hand") == 11
    loop.turn()
    assert [admission.glance(look) for _ in range(100)].count("at hand") == 11


def test_who_has_gone_waits_no_more(admission: Admission, loop: HandLoop) -> None:
    let_in(admission, loop, A_TURN)
    gone, there = Request(loop), Request(loop)
    admission.join(gone)
    admission.join(there)

    admission.leave(gone)
    admission.leave(gone)

    assert admission.waiting == 1
    assert loop.turn() == 1
    assert loop.begun[-1] is there


def test_a_slower_pace_makes_the_line_shorter(admission: Admission, loop: HandLoop) -> None:
    loop.pace_s = 2 * PACE_S
    flood(admission, loop, 200)

    assert admission.waiting == pytest.approx(0.02 / PACE_S / 2, abs=A_TURN)


def test_one_stall_refuses_nobody_where_few_come(admission: Admission, loop: HandLoop) -> None:
    admission.join(Request(loop))
    loop.now_s += 1.0
    loop.turn()

    assert let_in(admission, loop, 400) == 400


def test_time_without_requests_does_not_count(admission: Admission, loop: HandLoop) -> None:
    for _ in range(100):
        loop.now_s += 10
        let_in(admission, loop, 20)
        loop.turns(3)

    assert let_in(admission, loop, 400) == 400


GET = b"GET /v1/feeds/1?limit=2 HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/likes HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
KEPT = GET.replace(b"Host: x", b"Host: x\r\nConnection: keep-alive")


@pytest.mark.parametrize(
    "whole", [GET, POST, POST.lower().replace(b"post", b"POST").replace(b"http", b"HTTP"), KEPT]
)
def test_a_call_that_is_all_there_can_be_refused(whole: bytes) -> None:
    assert is_one_whole_call(whole)


@pytest.mark.parametrize(
    "other",
    [
        GET[:-1],
        GET + GET,
        POST[:-1],
        POST + b"x",
        POST + GET,
        POST.replace(b"Content", b"X-Content"),
        GET.replace(b"/v1/feeds/1", b"/readyz"),
        GET.replace(b"GET", b"HEAD"),
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b"Host: x", b"Connection: close"),
        POST.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
        POST.replace(b"Length: 2", b"Length: +2"),
        b"\x16\x03\x01",
    ],
)
def test_what_has_to_be_parsed_first_is_not_refused_early(other: bytes) -> None:
    assert not is_one_whole_call(other)


def test_a_refusal_says_when_to_come_back_and_keeps_the_connection() -> None:
    head, _, body = refusal("busy", closes=False).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1" in head
    assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head
    assert b"Connection" not in head
