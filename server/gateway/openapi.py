"""The OpenAPI 3.1 document and the API pages, both made from the registry of calls."""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from http import HTTPStatus
from typing import Any, Literal

from aiohttp import web
from pydantic import TypeAdapter

from server.gateway.calls import DEFAULT_PAGE, LARGEST_PAGE, Call
from server.gateway.openapi_media import MEDIA_URL_PATH, media_operation
from server.gateway.shapes import Health, ProblemShape
from server.model.ids import ID_PATTERN

_REF = "#/components/schemas/{model}"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_ID_SCHEMA = {"type": "string", "pattern": ID_PATTERN}
_Mode = Literal["serialization", "validation"]


def documentation_routes(calls: Sequence[Call], *, version: str) -> Sequence[web.RouteDef]:
    """Return the routes of the document and of the page that shows it."""
    body = json.dumps(openapi(calls, version=version)).encode()
    page = _page(calls).encode()

    async def tell_openapi(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async def show(_request: web.Request) -> web.Response:
        return web.Response(
            body=page,
            headers={
                "Content-Type": "text/html; charset=utf-8",
                "Content-Security-Policy": _PAGE_POLICY,
            },
        )

    return [
        web.get("/openapi.json", tell_openapi),
        web.get("/docs", show),
    ]


def openapi(calls: Sequence[Call], *, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the calls."""
    schemas = _Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, schemas)
    for path in ("/livez", "/readyz"):
        paths[path] = {"get": _health_operation(path, schemas)}
    paths["/"] = {"get": _page_operation()}
    problem = _response(404, "application/problem+json", ProblemShape, schemas)["content"]
    paths[MEDIA_URL_PATH] = {"get": media_operation(problem)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "socialfeed", "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas.all,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Schemas:
    """The schemas of the document, each once."""

    def __init__(self) -> None:
        self.all: dict[str, Any] = {}
        # One shape is asked for by many operations, and takes a millisecond to describe.
        self._known: dict[tuple[Any, _Mode], Mapping[str, Any]] = {}

    def of(self, shape: Any, *, mode: _Mode = "serialization") -> Mapping[str, Any]:  # noqa: ANN401 - any type
        if (shape, mode) not in self._known:
            self._known[shape, mode] = self._described(shape, mode)
        return self._known[shape, mode]

    def _described(self, shape: Any, mode: _Mode) -> Mapping[str, Any]:  # noqa: ANN401 - any type
        schema = TypeAdapter(shape).json_schema(ref_template=_REF, mode=mode)
        self.all |= schema.pop("$defs", {})
        name = schema.get("title")
        if name is None or schema.get("type") != "object":
            return schema
        self.all[name] = schema
        return {"$ref": _REF.format(model=name)}


def _operation(call: Call, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": call.summary,
        "operationId": _operation_id(call),
        "tags": [call.box],
        "parameters": _parameters(call),
        "responses": _responses(call, schemas),
    }
    if call.body:
        schema = schemas.of(call.body, mode="validation")
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    if not call.is_public:
        operation["security"] = [{"token": []}]
    return operation


def _operation_id(call: Call) -> str:
    words = re.findall(r"[A-Za-z]+", call.path.removeprefix("/v1"))
    return call.method.lower() + "".join(word[0].upper() + word[1:] for word in words)


def _parameters(call: Call) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _ID_SCHEMA}
        for name in re.findall(r"\{(\w+)\}", call.path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": True, "schema": _ID_SCHEMA} for name in call.query
    ]
    if call.lists is not None:
        limit = {
            "type": "integer",
            "minimum": 1,
            "maximum": LARGEST_PAGE,
            "default": DEFAULT_PAGE,
        }
        parameters += [
            {"name": "limit", "in": "query", "schema": limit},
            {"name": "cursor", "in": "query", "schema": {"type": "string"}},
        ]
    if call.method == "POST":
        key = {"type": "string", "minLength": 1, "maxLength": 255}
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": key})
    return parameters


def _responses(call: Call, schemas: _Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, shape in call.answers.items():
        responses[str(status)] = _response(status, call.media_type, shape, schemas)
    if call.lists is not None:
        item = schemas.of(call.lists)
        page = {
            "type": "object",
            "required": ["items", "nextCursor"],
            "properties": {
                "items": {"type": "array", "items": item},
                "nextCursor": {"type": ["string", "null"]},
            },
        }
        responses["200"] = {
            "description": "a page of the list",
            "content": {"application/json": {"schema": page}},
        }
    for status in sorted(_refusals(call)):
        responses[str(status)] = _response(
            status, "application/problem+json", ProblemShape, schemas
        )
    return responses


def _refusals(call: Call) -> set[int]:
    # 403 where nobody needs a token: for pages from elsewhere.
    refusals = {400, 403, 429, 503, *call.refuses}
    if not call.is_public:
        refusals.add(401)
    if call.body:
        refusals |= {408, 413, 415, 417, 422}
    if call.method == "POST":
        refusals |= {409, 422}
    if call.query or call.lists is not None or call.media_type == "text/event-stream":
        refusals.add(422)
    return refusals


def _response(
    status: int, media_type: str, shape: object | None, schemas: _Schemas
) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if shape is not None:
        response["content"] = {media_type: {"schema": schemas.of(shape)}}
    return response


def _health_operation(path: str, schemas: _Schemas) -> dict[str, Any]:
    responses = {
        str(status): _response(status, "application/json", Health, schemas) for status in (200, 503)
    }
    return {
        "summary": "Whether the server lives" if path == "/livez" else "Whether it wants requests",
        "operationId": f"get{path.strip('/').capitalize()}",
        "tags": ["api_gateway"],
        "responses": responses,
    }


def _page_operation() -> dict[str, Any]:
    return {
        "summary": "The feed as a page, for a browser",
        "operationId": "getPage",
        "tags": ["api_gateway"],
        "responses": {
            "200": {"description": "OK", "content": {"text/html": {"schema": {"type": "string"}}}},
            "304": {"description": "Not Modified"},
        },
    }


def _page(calls: Sequence[Call]) -> str:
    rows = "".join(
        f"<tr><td><b>{call.method}</b></td><td><code>{escape(call.path)}</code></td>"
        f"<td>{escape(call.summary)}</td><td>{escape(_body_text(call))}</td>"
        f"<td>{escape(', '.join(map(str, call.answers)) or '200')}</td><td>{call.box}</td></tr>"
        for call in calls
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>socialfeed API</title>"
        "<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;"
        "padding:0 1rem}table{border-collapse:collapse}td,th{border-bottom:1px solid #ccc;"
        "padding:.4rem .8rem;text-align:left;vertical-align:top}</style>"
        "<h1>socialfeed API</h1><p>Every call but the first two of users and tokens needs "
        "<code>Authorization: Bearer TOKEN</code>. Errors are problem documents (RFC 9457). "
        'The whole of it is in <a href="/openapi.json">openapi.json</a>; '
        'the feed as a page is at <a href="/">/</a>. A <code>mediaUrl</code> is read by '
        "<code>GET</code> without a token, an <code>uploadUrl</code> is for the one request that "
        "comes with it.</p><table>"
        "<tr><th>Method<th>Path<th>What it does<th>Body or query<th>Answers<th>Box</tr>"
        f"{rows}</table></html>"
    )


def _body_text(call: Call) -> str:
    if call.body:
        return ", ".join(
            (field.alias or name) + ("" if field.is_required() else "?")
            for name, field in call.body.model_fields.items()
        )
    return "limit?, cursor?" if call.lists is not None else ", ".join(call.query)
