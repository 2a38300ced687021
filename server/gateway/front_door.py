"""The way of a request to its call without aiohttp's dispatcher, middlewares and signals."""

from aiohttp import web
from aiohttp.typedefs import Handler

from server.gateway.body_reading import expects_nothing_unknown
from server.gateway.envelope import Envelope, seal
from server.gateway.gateway import AtHand, ServeRequest
from server.gateway.routing import Router
from server.gateway.whole_request import HEADERS_END, WholeRequests

# A path that is longer is no plain call's.
_LONGEST_AT_HAND = 256


class FrontDoor:
    """Takes the requests whose path is plainly a call's; aiohttp's application gets the others.

    The application knows the calls too, for what is rare: paths with escapes, methods that a path
    does not have. Its general way costs some 10 µs (measured with bare handlers), a fifth of what a
    warm feed page costs without sockets.
    """

    def __init__(
        self, router: Router[ServeRequest], at_hand: Router[AtHand], envelope: Envelope
    ) -> None:
        """`closes` is whether each answer is its connection's last, since the server stops."""
        self.closes = False
        self._router = router
        self._at_hand = at_hand
        self._envelope = envelope
        self._requests = WholeRequests()

    def at_once(self, data: bytes, http: web.RequestHandler) -> bytes | None:
        """Return the whole answer to a request if it is at hand, in place of a task's for it.

        Args:
            data: what a client has sent, which may be anything.
            http: the protocol of its connection; what is not answered is for it to read.
        """
        method, _, rest = data[:_LONGEST_AT_HAND].partition(b" ")
        target, space, _ = rest.partition(b" ")
        if self.closes or not space or data.find(HEADERS_END) != len(data) - len(HEADERS_END):
            return None
        path = target.partition(b"?")[0].decode("latin-1")
        found = self._at_hand.find(method.decode("latin-1"), path)
        request = found and self._requests.read(data, http)
        if not found or not request:
            return None
        route, parameters = found
        response = self._envelope.around_at_hand(
            request, route.target, parameters, route=route.pattern
        )
        return response.whole(request) if response else None

    def before(self, others: Handler) -> Handler:
        """Return what answers all requests; `others` answers those that are no plain call."""
        find, envelope = self._router.find, self._envelope

        async def answer(request: web.Request) -> web.StreamResponse:
            found = find(request.method, request.raw_path.partition("?")[0])
            if found is None:
                known = expects_nothing_unknown(request)
                return await (others(request) if known else self._not_as_expected(request))
            route, parameters = found
            response = await envelope.around(request, route.target, parameters, route=route.pattern)
            seal(request, response)
            if self.closes:
                response.force_close()
            return response

        return answer

    async def _not_as_expected(self, request: web.Request) -> web.StreamResponse:
        # aiohttp answers this before its middlewares, so without what every response has.
        async def refuse(_request: web.Request) -> web.StreamResponse:
            raise web.HTTPExpectationFailed

        response = await self._envelope.around(request, refuse, route=None)
        seal(request, response)
        return response
