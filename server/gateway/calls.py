"""A call of the API: its path, what it takes, what it answers, and the code that does it.

The registry of calls is all there is: the routes and the OpenAPI document are both made from it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import hdrs, web
from pydantic import BaseModel

from server.errors import InvalidFieldError, NotFoundError, NotOwnerError
from server.gateway.cursors import Cursors
from server.gateway.parsing import parsed
from server.model.ids import LARGEST_ID, id_in
from server.model.pages import Page, PageRequest

LARGEST_PAGE = 100
DEFAULT_PAGE = 20

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item")

# For what a call makes, if it makes nothing.
NO_ID = 0


# Not frozen: that would make one four times as slow to make, once a request.
@dataclass(slots=True)
class Answer:
    """What a call answers: a document, perhaps as JSON already (`body`), or nothing."""

    status: int
    document: Mapping[str, Any] | None = None
    location: str | None = None
    body: bytes | None = None


# Not frozen either.
@dataclass(slots=True)
class Incoming:
    """A request that has passed the gateway's checks.

    Attributes:
        request: for what only a few calls need.
        parameters: what stands in the path for the names in the call's.
        caller_id: whose token it came with; None if nobody needs one (`--open`).
        raw_body: the body, read to its end.
        cursors: to make and to check cursors.
        fresh_id: an id for what a POST makes; the same when a keyed request is repeated.
    """

    request: web.Request
    parameters: Mapping[str, str]
    caller_id: int | None
    raw_body: bytes
    cursors: Cursors
    fresh_id: int

    @property
    def token(self) -> str:
        """The text of the token it came with."""
        return credentials(self.request)[1]

    @property
    def query(self) -> Mapping[str, str]:
        """The parts of the query by name."""
        raw_query = self.request.raw_path.partition("?")[2]
        if not raw_query:
            return {}
        if "%" in raw_query or "+" in raw_query:
            return self.request.query
        # Without escapes there is nothing to decode, which takes longer than all the rest.
        parts = [part.partition("=")[::2] for part in raw_query.split("&")]
        return dict(reversed(parts))

    def body(self, model: type[Model]) -> Model:
        """Return the body as a model.

        Raises:
            MalformedBodyError, InvalidBodyError: if it is not JSON, or not of the model.
        """
        return parsed(self.raw_body, model)

    def path_id(self, name: str, *, kind: str) -> int:
        """Return an id from the path.

        Raises:
            NotFoundError: if it is no id, so nothing can have it.
        """
        text = self.parameters[name]
        found = id_in(text)
        if found is None:
            raise NotFoundError(kind=kind, found=text)
        return found

    def query_id(self, name: str) -> int:
        """Return an id from the query.

        Raises:
            InvalidFieldError: if it is missing, or no id.
        """
        found = id_in(self.query.get(name, ""))
        if found is None:
            raise InvalidFieldError(field=name, reason="expected an id, a decimal number")
        return found

    def page(self, of: str) -> PageRequest:
        """Return which part of a list is asked for.

        Raises:
            InvalidFieldError: if `limit` or `cursor` is wrong.
        """
        query = self.query
        if not query:
            return _FIRST_PAGE
        given = query.get("limit")
        limit = DEFAULT_PAGE if given is None else _limit(given)
        return PageRequest(self.cursors.before(query.get("cursor"), of=of), limit)

    def list_of(self, page: Page[Item], of: str, shape: Callable[[Item], object]) -> Answer:
        """Return a page as the answer, each item in its shape."""
        items = [shape(item) for item in page.items]
        cursor = self.cursors.cursor(page.next_before, of=of)
        return Answer(200, {"items": items, "nextCursor": cursor})

    def list_of_json(self, items: Sequence[bytes], next_before: int | None, of: str) -> bytes:
        """Return a page in JSON of items that are JSON already."""
        cursor = self.cursors.cursor(next_before, of=of)
        end = b"null" if cursor is None else b'"%b"' % cursor.encode()
        return b'{"items":[%b],"nextCursor":%b}' % (b",".join(items), end)

    def expect_caller(self, user_id: int, *, what: str) -> None:
        """Check that what is asked for is the caller's.

        Raises:
            NotOwnerError: if it is somebody else's.
        """
        if self.caller_id not in {None, user_id}:
            raise NotOwnerError(what=what)


def credentials(request: web.Request) -> tuple[str, str]:
    """Return the scheme and the token of the header `Authorization`; empty without it."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return scheme, token.strip()


_FIRST_PAGE = PageRequest(LARGEST_ID, DEFAULT_PAGE)


def _limit(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_PAGE))
    if not is_number or text.startswith("0") or int(text) > LARGEST_PAGE:
        reason = f"expected a number from 1 to {LARGEST_PAGE}"
        raise InvalidFieldError(field="limit", reason=reason)
    return int(text)


Serve = Callable[[Incoming], Awaitable[Answer | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API.

    Attributes:
        method, path: as in the table of the contract.
        box: the box of the design that does it.
        serve: the code.
        at_hand: the same for what is in memory, without waiting; it returns None for what is not.
        summary: one line for the API pages.
        answers: the document of each status but errors; None for no document.
        body: the model of its body.
        query: required parts of the query, ids all.
        lists: the shape of an item, if it answers a page of a list.
        refuses: the statuses of errors beside those every call can have.
        is_public: whether it needs no token.
        claims: the field of its body, or of its path, that says who makes it where no token does.
        queues_events: whether it adds to the message queue: it is refused when that is full.
        media_type: of the answer.
    """

    method: str
    path: str
    box: str
    serve: Serve
    summary: str
    answers: Mapping[int, object | None] = field(default_factory=dict)
    body: type[BaseModel] | None = None
    query: Sequence[str] = ()
    lists: object | None = None
    refuses: Sequence[int] = ()
    is_public: bool = False
    claims: str = "userId"
    queues_events: bool = False
    media_type: str = "application/json"
    at_hand: Callable[["Incoming"], Answer | None] | None = None

    @property
    def is_stream(self) -> bool:
        """Whether its answer stays open."""
        return self.media_type == "text/event-stream"
