"""Admission: who waits too long is not let in, and nobody is refused by a server that keeps up."""

import pytest

from server.gateway.admission import Admission
from server.gateway.early_refusal import is_one_whole_call, refusal

# The loop begins a request every half millisecond.
PACE_S = 0.0005


class HandClock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic_s(self) -> float:
        return self.now_s


def begin(admission: Admission, clock: HandClock, requests: int) -> None:
    for _ in range(requests):
        clock.now_s += PACE_S
        admission.begin()


def practised(clock: HandClock) -> Admission:
    """Return an admission that has seen a thousand requests, in lines of ten."""
    admission = Admission(clock.monotonic_s)
    for _ in range(100):
        for _ in range(10):
            admission.arrive()
        begin(admission, clock, 10)
    return admission


def let_in(admission: Admission, requests: int) -> int:
    """Have requests come at once; returns how many are let in."""
    count = 0
    for _ in range(requests):
        if admission.is_open:
            admission.arrive()
            count += 1
    return count


def test_a_burst_is_let_in_as_far_as_it_is_worked_off_in_a_quarter_of_a_second() -> None:
    admission = practised(HandClock())

    assert let_in(admission, 480) == 480
    assert let_in(admission, 1_000) == pytest.approx(20, abs=6)


def test_a_loop_that_is_behind_lets_50_ms_of_work_in() -> None:
    admission = practised(HandClock())
    for _ in range(20):
        admission.note_lag(0.015)

    assert let_in(admission, 1_000) == pytest.approx(100, abs=3)


def test_the_least_may_wait_however_slow_the_loop_is() -> None:
    clock = HandClock()
    admission = practised(clock)
    for _ in range(500):
        admission.arrive()
        clock.now_s += 20 * PACE_S
        admission.begin()
    for _ in range(20):
        admission.note_lag(0.015)

    assert let_in(admission, 1_000) == 32


def test_a_loop_that_has_caught_up_takes_bursts_again() -> None:
    admission = practised(HandClock())
    for _ in range(20):
        admission.note_lag(0.015)
    for _ in range(60):
        admission.note_lag(0.0005)

    assert let_in(admission, 1_000) > 480


def test_a_line_gets_shorter_as_requests_begin_and_clients_go() -> None:
    clock = HandClock()
    admission = practised(clock)
    let_in(admission, 1_000)
    assert not admission.is_open

    begin(admission, clock, 10)
    admission.leave()

    assert let_in(admission, 1_000) == pytest.approx(11, abs=2)


def test_a_slower_pace_makes_the_line_shorter() -> None:
    clock = HandClock()
    admission = practised(clock)
    fast = let_in(admission, 1_000)
    begin(admission, clock, fast)
    for _ in range(500):
        admission.arrive()
        clock.now_s += 2 * PACE_S
        admission.begin()

    assert let_in(admission, 1_000) == pytest.approx(fast / 2, rel=0.2)


def test_one_stall_refuses_nobody_where_few_come() -> None:
    clock = HandClock()
    admission = practised(clock)
    admission.arrive()
    clock.now_s += 1.0
    admission.begin()

    assert let_in(admission, 30) == 30


def test_time_without_requests_does_not_count() -> None:
    clock = HandClock()
    admission = practised(clock)
    for _ in range(100):
        clock.now_s += 10
        admission.arrive()
        begin(admission, clock, 1)

    assert let_in(admission, 90) == 90


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
