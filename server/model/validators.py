"""What a client has of an object already, by its entity tag or by its date.

Source: RFC 9110, sections 8.8 and 13.
"""

import re
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime

_ETAG = re.compile(r'(?:W/)?("[^"]*")')


def http_date(at_s: int) -> str:
    """Return a time, seconds since 1970, as headers have it."""
    return formatdate(at_s, usegmt=True)


def is_unchanged(
    *, etag: str, modified_at_s: int, none_match: str | None, modified_since: str | None
) -> bool:
    """Whether the client has these bytes, by its `If-None-Match`, or else `If-Modified-Since`.

    Tags are compared weakly; a date that is none says nothing.
    """
    if none_match is not None:
        return none_match.strip() == "*" or etag in _ETAG.findall(none_match)
    since_s = None if modified_since is None else _seconds(modified_since)
    return since_s is not None and modified_at_s <= since_s


def is_as_expected(
    *, etag: str, modified_at_s: int, match: str | None, unmodified_since: str | None
) -> bool:
    """Whether these are the bytes that `If-Match`, or else `If-Unmodified-Since`, asks for.

    Tags are compared strongly; a date that is none expects nothing.
    """
    if match is not None:
        return match.strip() == "*" or etag in {tag.strip() for tag in match.split(",")}
    since_s = None if unmodified_since is None else _seconds(unmodified_since)
    return since_s is None or modified_at_s <= since_s


def _seconds(date: str) -> float | None:
    """Return a date of HTTP's as seconds since 1970; None for what is no date."""
    try:
        at = parsedate_to_datetime(date)
        return at.replace(tzinfo=at.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
