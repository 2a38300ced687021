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
    if modified_since is None:
        return False
    try:
        since = parsedate_to_datetime(modified_since)
        return modified_at_s <= since.replace(tzinfo=since.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return False
