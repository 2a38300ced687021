"""The oracle: which pages are wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sim.loadtest.driver.calls import Request
from sim.loadtest.driver.evidence import Evidence
from sim.loadtest.driver.recorder import Timing
from sim.loadtest.oracle import ALLOWANCE_S, Fault, Oracle, checked_pages, shifted
from tests.unit.loadtest.worlds import FIRST_POST, FIRST_USER, ring

WORLD = ring()
# Users 4 and 5 follow user 0... in the ring of six, reader 0 follows 1 and 2.
READER = 0
FOLLOWED = (1, 2)
# Each has posted twice: 5001, 5002, 5007 and 5008.
RIGHT = [
    [FIRST_POST + 8, FIRST_USER + 2],
    [FIRST_POST + 7, FIRST_USER + 1],
    [FIRST_POST + 2, FIRST_USER + 2],
    [FIRST_POST + 1, FIRST_USER + 1],
]
LATE_S = ALLOWANCE_S + 5


def page(
    items: Sequence[Sequence[int]] | None,
    *,
    begun_s: float = LATE_S,
    before: int | None = None,
    is_last: bool = True,
) -> list[Any]:
    return [READER, begun_s, begun_s + 0.1, before, items, is_last]


def faults(*pages: list[Any], **more: list[Any]) -> list[set[Fault]]:
    evidence: Mapping[str, Any] = {"posts": [], "follows": [], "pages": list(pages), **more}
    return [{found.fault for found in each} for each in Oracle(WORLD, [evidence]).faults()]


def test_the_readers_of_the_world_are_as_said() -> None:
    assert WORLD.followees_of(READER).tolist() == list(FOLLOWED)


def test_a_right_page_has_no_fault() -> None:
    assert faults(page(RIGHT)) == [set()]
    assert faults(page(RIGHT[:2], is_last=False)) == [set()]
    assert faults(page(RIGHT[2:], before=RIGHT[1][0])) == [set()]


@pytest.mark.parametrize(
    ("items", "fault"),
    [
        (None, Fault.UNREADABLE),
        ([RIGHT[1], RIGHT[0], *RIGHT[2:]], Fault.MISORDERED),
        ([RIGHT[0], *RIGHT], Fault.DUPLICATE),
        ([[9_999, FIRST_USER + 3], *RIGHT], Fault.NOT_FOLLOWED),
        ([[9_999, FIRST_USER + READER], *RIGHT], Fault.NOT_FOLLOWED),
        ([[RIGHT[0][0], FIRST_USER + 1], *RIGHT[1:]], Fault.WRONG_AUTHOR),
        ([RIGHT[0], *RIGHT[2:]], Fault.MISSING),
        (RIGHT[1:], Fault.MISSING),
        (RIGHT[:3], Fault.MISSING),
        ([], Fault.MISSING),
    ],
)
def test_a_fault_is_found(items: Sequence[Sequence[int]] | None, fault: Fault) -> None:
    assert faults(page(items)) == [{fault}]


def test_a_page_that_goes_on_may_not_begin_above_where_the_last_one_ended() -> None:
    assert faults(page(RIGHT, before=RIGHT[0][0])) == [{Fault.DUPLICATE}]
    assert Fault.MISORDERED in faults(page(RIGHT, before=RIGHT[1][0]))[0]


def test_a_new_post_may_be_late_but_not_for_ever() -> None:
    new = [[1, 6_000, 0.9, 1.0]]

    assert faults(page(RIGHT, begun_s=ALLOWANCE_S), posts=new) == [set()]
    assert faults(page(RIGHT, begun_s=LATE_S), posts=new) == [{Fault.MISSING}]
    with_it = [[6_000, FIRST_USER + 1], *RIGHT]
    assert faults(page(with_it), posts=new) == [set()]


def test_after_an_unfollow_posts_may_be_there_until_it_is_confirmed() -> None:
    unfollowed = [["unfollow", READER, 1, 20.0, 20.5]]
    without = [row for row in RIGHT if row[1] != FIRST_USER + 1]

    for items in (RIGHT, without):
        assert faults(page(items, begun_s=20.2), follows=unfollowed) == [set()]
    assert faults(page(without, begun_s=21), follows=unfollowed) == [set()]
    assert faults(page(RIGHT, begun_s=21), follows=unfollowed) == [{Fault.NOT_FOLLOWED}]
    assert faults(page(without, begun_s=19), follows=unfollowed) == [{Fault.MISSING}]


def test_after_a_follow_posts_may_be_there_at_once_and_must_be_there_later() -> None:
    followed = [["follow", READER, 3, 1.0, 1.5]]
    of_new = [[FIRST_POST + 9, FIRST_USER + 3], [FIRST_POST + 3, FIRST_USER + 3]]
    with_new = sorted([*RIGHT, *of_new], reverse=True)

    assert faults(page(with_new, begun_s=1.2), follows=followed) == [set()]
    assert faults(page(RIGHT, begun_s=2), follows=followed) == [set()]
    assert faults(page(RIGHT, begun_s=LATE_S), follows=followed) == [{Fault.MISSING}]


def test_a_follow_that_was_never_confirmed_decides_nothing() -> None:
    followed = [["follow", READER, 3, 1.0, None]]

    assert faults(page(RIGHT), follows=followed) == [set()]


@pytest.mark.parametrize("done_s", [None, 24.0])
def test_of_a_follow_and_an_unfollow_at_once_either_may_have_come_last(
    done_s: float | None,
) -> None:
    both = [["follow", READER, 1, 20.0, done_s], ["unfollow", READER, 1, 21.0, 22.0]]
    without = [row for row in RIGHT if row[1] != FIRST_USER + 1]

    for items in (RIGHT, without):
        assert faults(page(items, begun_s=60), follows=both) == [set()]


def test_an_unfollow_that_was_never_confirmed_may_come_after_a_later_follow() -> None:
    both = [["unfollow", READER, 1, 20.0, None], ["follow", READER, 1, 21.0, 22.0]]
    without = [row for row in RIGHT if row[1] != FIRST_USER + 1]

    for items in (RIGHT, without):
        assert faults(page(items, begun_s=60), follows=both) == [set()]


def test_a_post_that_nobody_has_written_is_found() -> None:
    invented = [[9_999, FIRST_USER + 1], *RIGHT]

    assert faults(page(invented)) == [{Fault.INVENTED}]
    # One whose answer never came may have this id.
    unanswered = [[1, None, 3.0, None]]
    assert faults(page(invented), posts=unanswered) == [set()]
    assert faults(page(invented, begun_s=2.0), posts=unanswered) == [{Fault.INVENTED}]
    assert faults(page(invented), posts=[[2, None, 3.0, None]]) == [{Fault.INVENTED}]


def test_what_had_no_answer_is_kept_as_never_confirmed() -> None:
    kept, timing = Evidence.of(10), Timing(1.0, 1.0, 11.0)
    kept.keep(Request("unfollow", READER, 1), None, timing, is_measured=True)
    kept.keep(Request("text_post", READER, -1), None, timing, is_measured=True)

    told = kept.document(start_s=0.0)

    assert told["follows"] == [["unfollow", READER, 1, 1.0, None]]
    assert told["posts"] == [[READER, None, 1.0, None]]


def test_wrong_pages_are_charged_to_the_load_in_which_they_were_read() -> None:
    nothing: dict[str, list[Any]] = {"posts": [], "follows": [], "pages": []}
    loads = [{**nothing, "pages": pages} for pages in ([page(RIGHT)], [page(RIGHT[1:])] * 2)]

    of_first, of_second = (checked_pages(WORLD, loads, read=9, told_of=[n]) for n in (0, 1))

    assert of_first.wrong == of_second.wrong == [0, 2]
    assert of_first.pages.wrong == 2
    assert of_first.rows == []
    assert [row.requests for row in of_second.rows] == [2]


def test_wrong_pages_are_counted_with_an_example() -> None:
    evidence = {"posts": [], "follows": [], "pages": [page(RIGHT), page(RIGHT[1:])]}

    found = checked_pages(WORLD, [evidence], read=7)

    assert (found.pages.pages, found.pages.read, found.pages.wrong) == (2, 7, 1)
    assert [(row.kind, row.requests) for row in found.rows] == [(Fault.MISSING.value, 1)]
    assert str(RIGHT[0][0]) in found.rows[0].example


def test_the_evidence_of_a_later_load_is_put_on_the_clock_of_the_first() -> None:
    evidence = {
        "posts": [[1, 6_000, 0.9, 1.0]],
        "follows": [["follow", READER, 3, 1.0, None]],
        "pages": [page(RIGHT)],
    }

    moved = shifted(evidence, by_s=100.0)

    assert moved["posts"] == [[1, 6_000, 100.9, 101.0]]
    assert moved["follows"] == [["follow", READER, 3, 101.0, None]]
    assert moved["pages"][0][1:3] == [100 + LATE_S, 100 + LATE_S + 0.1]
