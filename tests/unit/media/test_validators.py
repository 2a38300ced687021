"""Whether a client has an object already."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model.validators import http_date, is_as_expected, is_unchanged

AT_S = 784_111_777  # The example of RFC 9110, section 5.6.7.
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def unchanged(none_match: str | None = None, modified_since: str | None = None) -> bool:
    return is_unchanged(
        etag='"a"', modified_at_s=AT_S, none_match=none_match, modified_since=modified_since
    )


def test_a_time_is_told_as_http_has_it() -> None:
    assert http_date(AT_S) == DATE


@pytest.mark.parametrize("tags", ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a"', "*", " * "])
def test_a_tag_that_is_named_is_known(tags: str) -> None:
    assert unchanged(tags)


@pytest.mark.parametrize("tags", ["", '"b"', "a", '"ba"', 'x"a', '"x"a"', '"A"'])
def test_a_tag_within_other_text_is_not(tags: str) -> None:
    assert not unchanged(tags)


@pytest.mark.parametrize(
    ("since", "is_known"),
    [
        (DATE, True),
        ("Sun, 06 Nov 1994 08:49:38 GMT", True),
        ("Sun, 06 Nov 1994 08:49:36 GMT", False),
        ("Sunday, 06-Nov-94 08:49:37 GMT", True),
        ("yesterday", False),
        ("Sun, 06 Nov 99999 08:49:37 GMT", False),
    ],
)
def test_a_date_tells_whether_it_has_changed_since(since: str, *, is_known: bool) -> None:
    assert unchanged(modified_since=since) is is_known


def test_a_tag_counts_more_than_a_date() -> None:
    assert not unchanged('"b"', DATE)


@pytest.mark.parametrize(
    ("match", "is_expected"),
    [
        (None, True),
        ('"a"', True),
        ('"b" , "a"', True),
        (" * ", True),
        ('"b"', False),
        ('W/"a"', False),
        ("a", False),
        ("", False),
    ],
)
def test_what_must_match_is_compared_strongly(match: str | None, *, is_expected: bool) -> None:
    found = is_as_expected(etag='"a"', modified_at_s=AT_S, match=match, unmodified_since=None)

    assert found is is_expected


@pytest.mark.parametrize(
    ("since", "match", "is_expected"),
    [
        (DATE, None, True),
        ("Sun, 06 Nov 1994 08:49:36 GMT", None, False),
        ("Sun, 06 Nov 1994 08:49:36 GMT", '"a"', True),
        ("yesterday", None, True),
    ],
)
def test_what_must_not_have_changed_is_told_by_a_date_where_no_tag_tells_it(
    since: str, match: str | None, *, is_expected: bool
) -> None:
    found = is_as_expected(etag='"a"', modified_at_s=AT_S, match=match, unmodified_since=since)

    assert found is is_expected


@given(text=st.text())
def test_no_date_is_too_odd_to_be_read(text: str) -> None:
    unchanged(modified_since=text)
