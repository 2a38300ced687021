"""Who sends a request without a token: on a loopback address still not every page of a browser.

A page from anywhere can have its own name resolve to 127.0.0.1 (DNS rebinding) and then reads what
a server on this machine answers; its name is in `Host`, and in `Origin`.
"""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from server.errors import ForeignOriginError


def expect_local(request: web.Request, *, own_name: str) -> None:
    """Check that a request is addressed to this machine, by a page of this machine if by any.

    Args:
        request: what was sent.
        own_name: the host that the server was told to listen on.

    Raises:
        ForeignOriginError: if it is not.
    """
    host = request.headers.get(hdrs.HOST)
    if host is not None and not _is_local(f"//{host}", own_name):
        raise ForeignOriginError(header="Host")
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and not _is_local(origin, own_name):
        raise ForeignOriginError(header="Origin")


# A client sends the same each time.
@lru_cache(maxsize=1_000)
def _is_local(url: str, own_name: str) -> bool:
    try:
        name = urlsplit(url).hostname
    except ValueError:
        return False  # What is no URL is nobody's whom we know.
    if name is None:
        return False
    if name in {"localhost", own_name.lower()} or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False  # It is a name, and none of ours.
