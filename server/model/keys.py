"""Keys of objects in the object storage, which need no escape in a URL and fit into file names."""

import re

LONGEST_KEY = 512
# A file's name may have 255 bytes, and an adapter may add to it.
_SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*", re.ASCII)


def is_key(text: str) -> bool:
    """Whether an object can have this key."""
    return len(text) <= LONGEST_KEY and _KEY.fullmatch(text) is not None
