"""Which part of an object a request asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import UnsatisfiableRangeError
from server.model.ranges import Span, asked_span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("bytes=0-0", Span(0, 0)),
        ("bytes=5-7", Span(5, 7)),
        ("bytes=5-", Span(5, 9)),
        ("bytes=5-99", Span(5, 9)),
        ("bytes=-3", Span(7, 9)),
        ("bytes=-99", Span(0, 9)),
        ("bytes= 5 - 7", Span(5, 7)),
    ],
)
def test_one_range_is_that_part(text: str, span: Span) -> None:
    assert asked_span(text, 10) == span


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "lines=1-2",
        "bytes=0-1,4-5",
        "bytes=٣-",
        "x" * 99,
    ],
)
def test_what_is_no_single_range_is_all_of_it(text: str | None) -> None:
    assert asked_span(text, 10) is None


@pytest.mark.parametrize("text", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999-"])
def test_a_range_behind_the_end_is_refused(text: str) -> None:
    with pytest.raises(UnsatisfiableRangeError, match="10 bytes"):
        asked_span(text, 10)


def test_an_empty_object_has_no_parts() -> None:
    with pytest.raises(UnsatisfiableRangeError):
        asked_span("bytes=-1", 0)


@given(text=st.text() | st.from_regex(r"bytes=\d*-\d*"), size_bytes=st.integers(1, 2**40))
def test_whatever_is_asked_for_the_part_lies_within(text: str, size_bytes: int) -> None:
    try:
        span = asked_span(text, size_bytes)
    except UnsatisfiableRangeError:
        return

    assert span is None or 0 <= span.first <= span.last < size_bytes
