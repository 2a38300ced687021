"""What the OpenAPI document tells of `GET mediaUrl`, which is no call of the registry."""

from http import HTTPStatus
from typing import Any

from server.model.delivery import HINTS, WIDEST
from server.model.ids import ID_PATTERN
from server.model.media import MEDIA_TYPES

MEDIA_URL_PATH = "/media/u/{userId}/{name}"
_TYPES = sorted({*MEDIA_TYPES, "image/webp", "image/jpeg", "video/mp4"})
_REFUSALS = (400, 403, 404, 412, 416, 422, 429, 503)
_CONDITIONS = ("Range", "If-Range", "If-Match", "If-None-Match")
_HEADERS = {
    "ETag": "of what is sent",
    "Last-Modified": "when that was stored",
    "Cache-Control": "for ever for a rendition, no-cache while there is none",
    "Vary": "what of the request could have changed the answer",
    "X-Cache": "HIT or MISS, at the edge",
    "Age": "of what the edge had, in seconds",
    "Accept-Ranges": "bytes",
}


def media_operation(problem: dict[str, Any]) -> dict[str, Any]:
    """Return the operation; `problem` is what its errors have as their content."""
    media = {name: {"schema": {"type": "string", "format": "binary"}} for name in _TYPES}
    headers = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()
    }
    whole = {"description": "the original, or the rendition that fits", "headers": headers}
    part_headers = {**headers, "Content-Range": {"schema": {"type": "string"}}}
    responses: dict[str, Any] = {
        "200": {**whole, "content": media},
        "206": {"description": "the part that was asked for", "headers": part_headers}
        | {"content": media},
        "302": {"description": "for parts of a video: where one and the same file is"},
        "304": {"description": HTTPStatus(304).phrase},
    }
    for status in _REFUSALS:
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return {
        "summary": "Media, in the form that fits the client; `mediaUrl` is this path",
        "operationId": "getMedia",
        "tags": ["cdn"],
        "parameters": _parameters(),
        "responses": responses,
    }


def _parameters() -> list[dict[str, Any]]:
    text = {"type": "string"}
    width = {"type": "integer", "minimum": 1, "maximum": WIDEST}
    owner = {"type": "string", "pattern": ID_PATTERN}
    name = {"type": "string", "pattern": r"^[A-Za-z0-9_-]+\.[a-z0-9]+$"}
    return [
        {"name": "userId", "in": "path", "required": True, "schema": owner},
        {"name": "name", "in": "path", "required": True, "schema": name},
        {
            "name": "w",
            "in": "query",
            "description": "how wide its place is, in pixels of the screen",
            "schema": width,
        },
        {
            "name": "as",
            "in": "query",
            "description": "what was uploaded, also when there are renditions",
            "schema": {"type": "string", "enum": ["original"]},
        },
        # `Accept` cannot be described as a parameter (OpenAPI 3.1, "Parameter Object").
        *({"name": each, "in": "header", "schema": text} for each in (*_CONDITIONS, *HINTS)),
    ]
