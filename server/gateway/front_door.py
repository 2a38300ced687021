"""The way of a request to its call without aiohttp's dispatcher, middlewares and signals."""

from collections.abc import Coroutine, Mapping
from contextlib import suppress

from aiohttp import web
from aiohttp.typedefs import Handler

from server.gateway.body_reading import expects_nothing_unknown
from server.gateway.envelope import Envelope, seal
from server.gateway.gateway import Served
from server.gateway.routing import Route, Router
from server.gateway.whole_request import WholeRequests
from server.gateway.whole_response import WholeResponse

# A path that is longer is no plain call's.
_LONGEST_TARGET = 256


class FrontDoor:
    """Takes the requests whose path is plainly a call's; aiohttp's application gets the others.

    The application knows the calls too, for what is rare: paths with escapes, methods that a path
    does not have. Its general way costs some 10 µs (measured with bare handlers), a fifth of what a
    warm feed page costs without sockets.

    Attributes:
        closes: whether each answer is its connection's last, since the server stops.
    """

    def __init__(self, router: Router[Served], envelope: Envelope) -> None:
        self.closes = False
        self._router = router
        self._envelope = envelope
        self._requests = WholeRequests()

    def before(self, others: Handler) -> Handler:
        """Return what answers all requests; `others` answers those that are no plain call."""
        find = self._router.find

        async def answer(request: web.Request) -> web.StreamResponse:
            found = find(request.method, request.raw_path.partition("?")[0])
            if found is None:
                known = expects_nothing_unknown(request)
                return await (others(request) if known else self._not_as_expected(request))
            return await self._response(request, *found)

        return answer

    def take(
        self, data: bytes, http: web.RequestHandler
    ) -> bytes | Coroutine[None, None, bytes | bool] | None:
        """Answer a call that has come whole, without aiohttp's own loop for a connection.

        Args:
            data: what a client has sent, which may be anything.
            http: the protocol of its connection; what is not taken is for it to read.

        Returns:
            The whole answer if it is at hand; what gives it, if somebody has to wait for it, or
            sends it and tells whether the connection stays; None for what is not taken.
        """
        found = self._call_in(data)
        request = found and self._requests.read(data, http)
        if not found or not request:
            return None
        return self._answer_at_hand(request, *found) or self._answer(request, *found)

    def glance(self, data: bytes, http: web.RequestHandler) -> bytes | None:
        """Return the whole answer only if it is at hand, so that nothing has to be waited for."""
        found = self._call_in(data)
        if not found or not found[0].target.at_hand:
            return None
        request = self._requests.read(data, http)
        return self._answer_at_hand(request, *found) if request else None

    def _call_in(self, data: bytes) -> tuple[Route[Served], Mapping[str, str]] | None:
        method, _, rest = data[:_LONGEST_TARGET].partition(b" ")
        target, space, _ = rest.partition(b" ")
        if self.closes or not space:
            return None
        path = target.partition(b"?")[0].decode("latin-1")
        found = self._router.find(method.decode("latin-1"), path)
        return found if found and found[0].target.is_call else None

    def _answer_at_hand(
        self, request: web.Request, route: Route[Served], parameters: Mapping[str, str]
    ) -> bytes | None:
        find = route.target.at_hand
        if find is None:
            return None
        response = self._envelope.around_at_hand(request, find, parameters, route=route.pattern)
        return response.whole(request) if response else None

    async def _answer(
        self, request: web.Request, route: Route[Served], parameters: Mapping[str, str]
    ) -> bytes | bool:
        response = await self._response(request, route, parameters)
        if isinstance(response, WholeResponse) and response.is_short and not self.closes:
            return response.whole(request)
        # The client may have gone.
        with suppress(ConnectionError):
            await response.prepare(request)
            await response.write_eof()
        return bool(response.keep_alive)

    async def _response(
        self, request: web.Request, route: Route[Served], parameters: Mapping[str, str]
    ) -> web.StreamResponse:
        response = await self._envelope.around(
            request, route.target.serve, parameters, route=route.pattern
        )
        seal(request, response)
        if self.closes:
            response.force_close()
        return response

    async def _not_as_expected(self, request: web.Request) -> web.StreamResponse:
        # aiohttp answers this before its middlewares, so without what every response has.
        async def refuse(_request: web.Request) -> web.StreamResponse:
            raise web.HTTPExpectationFailed

        response = await self._envelope.around(request, refuse, route=None)
        seal(request, response)
        return response
