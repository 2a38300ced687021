"""The way of a request to its call without aiohttp's dispatcher, middlewares and signals."""

from aiohttp import web
from aiohttp.typedefs import Handler

from server.gateway.body_reading import expects_nothing_unknown
from server.gateway.envelope import Envelope, seal
from server.gateway.gateway import ServeRequest
from server.gateway.routing import Router


class FrontDoor:
    """Takes the requests whose path is plainly a call's; aiohttp's application gets the others.

    The application knows the calls too, for what is rare: paths with escapes, methods that a path
    does not have. Its general way costs some 10 µs (measured with bare handlers), a fifth of what a
    warm feed page costs without sockets.
    """

    def __init__(self, router: Router[ServeRequest], envelope: Envelope) -> None:
        """`closes` is whether each answer is its connection's last, since the server stops."""
        self.closes = False
        self._router = router
        self._envelope = envelope

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
