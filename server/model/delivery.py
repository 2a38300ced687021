"""Adaptive delivery: which rendition fits a client, by what it says of itself.

What a client can show bounds the size from above, and so does what its connection carries: a slow
client gets a smaller rendition, a fast one a larger.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from server.errors import InvalidFieldError
from server.model.media import Media, MediaKind, MediaState, Rendition, media_path

JPEG = "image/jpeg"
WEBP = "image/webp"
MP4 = "video/mp4"
PLAYLIST = "application/vnd.apple.mpegurl"

# Of a media URL, so that it leads to what was uploaded also when there are renditions.
AS_ORIGINAL = "as=original"

# Widths that images are made at, beside the original's.
WIDTHS = (320, 640, 1080)
# Shorter sides that videos are made at: 240p, 480p and 720p.
SHORT_SIDES = (240, 480, 720)
# For a client that tells nothing of its screen.
DEFAULT_WIDTH = WIDTHS[-1]
WIDEST = 16_384
_PIXELS = re.compile("[1-9][0-9]{0,4}")

NETWORK_HEADERS = ("Save-Data", "ECT", "Downlink")
SCREEN_HEADERS = (
    "Sec-CH-Width",
    "Width",
    "Sec-CH-DPR",
    "DPR",
    "Sec-CH-Viewport-Width",
    "Viewport-Width",
)
HINTS = (*NETWORK_HEADERS, *SCREEN_HEADERS)
_TELLING = ("Accept", *HINTS)

# Largest measure of a rendition for a slow client and for a middling one: a still's width, a
# video's shorter side.
_CAPS = {MediaKind.IMAGE: (WIDTHS[0], WIDTHS[1]), MediaKind.VIDEO: (SHORT_SIDES[0], SHORT_SIDES[1])}
# Source: the effective connection types of the Network Information API (WICG), whose 2g ends at
# 70 kbit/s and 3g at 700 kbit/s.
_SLOW = frozenset({"slow-2g", "2g"})
_MIDDLING = frozenset({"3g"})
_SLOW_MBIT_PER_S = 0.07
_MIDDLING_MBIT_PER_S = 0.7


@dataclass(frozen=True, slots=True)
class Client:
    """What a client has told of itself.

    Attributes:
        takes_webp: whether it has asked for WebP, and not for JPEG rather.
        width: the widest that it can show, in pixels of its screen; None if it does not tell.
        asked_width: whether the URL has told the width, and no header was asked.
        pace: 0 for a slow connection or one where data is to be saved, 1 for a middling one, 2 for
            any other.
    """

    takes_webp: bool = False
    width: float | None = None
    asked_width: bool = False
    pace: int = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """The rendition that fits, and the headers that another client could have changed it with."""

    rendition: Rendition
    vary: tuple[str, ...]


def client_of(headers: Mapping[str, str], *, asked_width: str | None) -> Client:
    """Return what a request tells; hints that are no numbers are as if not there.

    Raises:
        InvalidFieldError: if the width in its URL is no number of pixels.
    """
    return _client(asked_width, *map(headers.get, _TELLING))


# Few kinds of clients ask for most of it.
@lru_cache(maxsize=256)
def _client(asked_width: str | None, *told: str | None) -> Client:
    headers = {name: text for name, text in zip(_TELLING, told, strict=True) if text is not None}
    width = _asked(asked_width) if asked_width is not None else _screen_width(headers)
    return Client(
        takes_webp=_takes_webp(headers.get("Accept", "")),
        width=width,
        asked_width=asked_width is not None,
        pace=_pace(headers),
    )


def choice(kind: MediaKind, renditions: Sequence[Rendition], client: Client) -> Choice:
    """Return the rendition for a client, of those that were made (one at least).

    The smallest that fills what the client shows, among those that its connection carries; the
    largest of these if none fills it.
    """
    shown = [each for each in renditions if each.content_type in _shown_types(kind)]
    types = {each.content_type for each in shown}
    wanted = WEBP if WEBP in types and (client.takes_webp or types == {WEBP}) else min(types)
    fitting = sorted(
        (each for each in shown if each.content_type == wanted), key=lambda each: each.width
    )
    vary: tuple[str, ...] = ("Accept",) if len(types) > 1 else ()
    if len(fitting) > 1:
        vary += NETWORK_HEADERS if client.asked_width else HINTS
    return Choice(_of_size(kind, fitting, client), vary)


def source_path(media: Media) -> str | None:
    """Return where a video's file is, one and the same for ever; None for an image.

    That is the largest rendition once there is one. An image's file is asked for in one piece, by a
    URL that leads to what fits.
    """
    if media.kind is not MediaKind.VIDEO:
        return None
    if media.state is not MediaState.READY:
        return f"{media.path}?{AS_ORIGINAL}"
    films = [each for each in media.renditions if each.content_type == MP4]
    return media_path(max(films, key=lambda each: each.width).key)


def _of_size(kind: MediaKind, by_width: Sequence[Rendition], client: Client) -> Rendition:
    most = (*_CAPS[kind], math.inf)[client.pace]
    carried = [each for each in by_width if _measure(kind, each) <= most] or by_width[:1]
    default = DEFAULT_WIDTH if kind is MediaKind.IMAGE else math.inf
    needed = default if client.width is None else client.width
    return next((each for each in carried if each.width >= needed), carried[-1])


def _measure(kind: MediaKind, rendition: Rendition) -> int:
    if kind is MediaKind.IMAGE:
        return rendition.width
    return min(rendition.width, rendition.height)


def _shown_types(kind: MediaKind) -> frozenset[str]:
    return frozenset({MP4}) if kind is MediaKind.VIDEO else frozenset({JPEG, WEBP})


def _takes_webp(accept: str) -> bool:
    """Whether to send WebP: to clients that name it, since others just say `*/*`."""
    named = _quality(accept, WEBP, exactly=True)
    return named > 0 and named >= _quality(accept, JPEG)


def _quality(accept: str, content_type: str, *, exactly: bool = False) -> float:
    """Return the weight that a header `Accept` gives a type; 0 if it does not name it.

    Source: RFC 9110, section 12.5.1: the most specific range counts.
    """
    ranges = (content_type,) if exactly else (content_type, "image/*", "*/*")
    weights = dict(_weights(accept))
    return next((weights[each] for each in ranges if each in weights), 0.0)


def _weights(accept: str) -> Sequence[tuple[str, float]]:
    found = []
    for part in accept.lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        found.append((name, _number(weight) or 0.0))
    return found


def _asked(text: str) -> float:
    if not _PIXELS.fullmatch(text) or int(text) > WIDEST:
        raise InvalidFieldError(field="w", reason=f"expected pixels, from 1 to {WIDEST}")
    return float(text)


def _screen_width(headers: Mapping[str, str]) -> float | None:
    """Return the pixels that an image fills: of its place in the page, or else of the window."""
    place = _hint(headers, "Sec-CH-Width", "Width")
    if place is not None:
        return place
    window = _hint(headers, "Sec-CH-Viewport-Width", "Viewport-Width")
    if window is None:
        return None
    return window * (_hint(headers, "Sec-CH-DPR", "DPR") or 1.0)


def _hint(headers: Mapping[str, str], *names: str) -> float | None:
    numbers = (_number(headers.get(name, "")) for name in names)
    return next((number for number in numbers if number), None)


def _number(text: str) -> float | None:
    """Return a number that is not negative; None if it is no such number."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None


def _pace(headers: Mapping[str, str]) -> int:
    effective = headers.get("ECT", "").strip().lower()
    mbit_per_s = _number(headers.get("Downlink", ""))
    if headers.get("Save-Data", "").strip().lower() == "on" or effective in _SLOW:
        return 0
    if mbit_per_s is not None and mbit_per_s <= _SLOW_MBIT_PER_S:
        return 0
    if effective in _MIDDLING or (mbit_per_s is not None and mbit_per_s <= _MIDDLING_MBIT_PER_S):
        return 1
    return 2
