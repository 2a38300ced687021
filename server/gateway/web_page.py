"""The page at `/`: files of this package, read once and served from memory."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_address
from string import Template
from urllib.parse import urlsplit

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from server.gateway import bodies
from server.gateway.site import Site
from server.model.delivery import WIDTHS
from server.model.media import MEDIA_TYPES

_FOLDER = files("server.gateway") / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# What the page lets nobody write or send, as the calls do not take it.
_LIMITS = {
    "name_characters": bodies.NAME_CHARACTERS,
    "least_password_characters": bodies.LEAST_PASSWORD_CHARACTERS,
    "password_characters": bodies.PASSWORD_CHARACTERS,
    "text_characters": bodies.TEXT_CHARACTERS,
    "description_characters": bodies.DESCRIPTION_CHARACTERS,
    "comment_characters": bodies.COMMENT_CHARACTERS,
    "hashtags": bodies.HASHTAGS,
    "hashtag_characters": bodies.HASHTAG_CHARACTERS,
    "media_types": ",".join(MEDIA_TYPES),
    "image_widths": " ".join(map(str, WIDTHS)),
}
# Asked for again with each visit, and answered with 304: a new version shows at the next reload.
_CACHING = "no-cache"
# Asks a browser to tell, with each picture, how fast its connection is (four steps), for which a
# smaller one may be chosen; its place's width is in the picture's URL.
_HINTS = {"Accept-CH": "ECT"}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    etag: str


def page_routes(
    site: Site, *, upload_origins: Sequence[str] = (), welcome: Sequence[int] = ()
) -> Sequence[web.RouteDef]:
    """Return the routes of the page and of its files.

    `upload_origins` are those besides the site's that a browser uploads to; `welcome` are the
    users whom somebody who is new is shown first.
    """
    served = {
        entry.name: _file(entry.read_bytes(), entry.name)
        for entry in _FOLDER.iterdir()
        if entry.name.endswith(tuple(_TYPES))
    }
    index = _filled(served.pop("index.html"))
    known = orjson.dumps({"userIds": [str(user_id) for user_id in welcome]})
    served["welcome.json"] = _File(known, "application/json", _etag(known))

    def policy() -> str:
        # Where each client has an address of its own, that is the page's own, too.
        own = [] if site.is_everywhere else [site.url]
        return _policy(uploads=["'self'", *own, *upload_origins], media=own)

    tell_index = _teller(index, policy, hints=_HINTS)

    async def show(request: web.Request) -> web.StreamResponse:
        if _is_known_elsewhere(request, site):
            # What a browser sends to the site's own address, it sends to another one from here.
            return web.Response(status=307, headers={"Location": f"{site.url}/"})
        return await tell_index(request)

    return [
        web.get("/", show),
        *(web.get(f"/page/{name}", _teller(file, policy)) for name, file in served.items()),
    ]


def _is_known_elsewhere(request: web.Request, site: Site) -> bool:
    """Whether it was asked for by another name of this machine, such as localhost."""
    try:
        asked = urlsplit(f"//{request.host}")
        asked_port = asked.port
    except ValueError:
        return False  # It is no host, whatever it is.
    known = urlsplit(site.url)
    is_here = _is_loopback(asked.hostname) and _is_loopback(known.hostname)
    return is_here and asked_port == known.port and asked.hostname != known.hostname


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False  # It is another name.


def _policy(*, uploads: Sequence[str], media: Sequence[str]) -> str:
    """Return the content security policy: what is not named here, a browser does not do.

    Nothing runs or styles that is not a file of the page, and a text can never become markup or
    script (trusted types), whatever somebody posts.
    """
    shown = " ".join(["'self'", "blob:", *media])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src {shown}; media-src {shown}; "
        f"connect-src {' '.join(uploads)}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _teller(
    file: _File, policy: Callable[[], str], *, hints: Mapping[str, str] | None = None
) -> Handler:
    headers = {
        **(hints or {}),
        "ETag": file.etag,
        "Cache-Control": _CACHING,
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }

    async def tell(request: web.Request) -> web.Response:
        sent = {**headers, "Content-Security-Policy": policy()}
        known = request.if_none_match or ()
        if any(etag.value in {"*", file.etag.strip('"')} for etag in known):
            return web.Response(status=304, headers=sent)
        sent["Content-Type"] = file.content_type
        return web.Response(body=file.body, headers=sent)

    return tell


def _filled(index: _File) -> _File:
    """Return the page with the limits in their places."""
    body = Template(index.body.decode()).substitute(_LIMITS).encode()
    return _File(body, index.content_type, _etag(body))


def _file(body: bytes, name: str) -> _File:
    return _File(body, _TYPES[name[name.rindex(".") :]], _etag(body))


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
