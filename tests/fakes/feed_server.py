"""A feed server that is known through and through: its pace, its pauses, and what it does wrong.

Run as a program: it prints its URL, and serves until it is killed. It keeps all in memory and
speaks as much of the API as a load test asks for.
"""

import argparse
import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FeedServer:
    """Answers one request at a time, each after `service_s`, as a single worker does."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._ids = 1_000_000
        self._tokens: dict[str, int] = {}
        self._followees: dict[int, set[int]] = defaultdict(set)
        self._posts: list[tuple[int, int]] = []
        self._signed: dict[str, int] = {}
        self._free_s = 0.0
        self._full_pages = 0

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._paced])
        app.add_routes(
            [
                web.get("/openapi.json", self._openapi),
                web.get("/readyz", self._ready),
                web.post("/v1/users", self._sign_up),
                web.post("/v1/follow", self._follow),
                web.delete("/v1/follow", self._unfollow),
                web.post("/v1/posts", self._post),
                web.post("/v1/media/uploads", self._sign),
                web.put("/storage/{name}", self._take),
                web.post("/v1/likes", self._react),
                web.post("/v1/comments", self._react),
                web.get("/v1/feeds/{user}", self._feed),
            ]
        )
        return app

    @web.middleware
    async def _paced(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._options.service_s and request.path.startswith("/v1/"):
            # On the clock, not on the length of each sleep: the pace is exact.
            self._free_s = max(self._free_s, time.monotonic()) + self._options.service_s
            await asyncio.sleep(self._free_s - time.monotonic())
        return await handler(request)

    async def _openapi(self, _request: web.Request) -> web.Response:
        return web.json_response({"info": {"title": "toy"}, "paths": {"/v1/feeds/{userId}": {}}})

    async def _ready(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": self._options.status}, status=self._options.ready)

    def _new_id(self) -> int:
        self._ids += 1
        return self._ids

    async def _sign_up(self, request: web.Request) -> web.Response:
        user = self._new_id()
        body = {"userId": str(user), "name": (await request.json())["name"], "token": f"t{user}"}
        return web.json_response(body, status=201)

    async def _follow(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._followees[int(body["followerId"])].add(int(body["followeeId"]))
        return web.json_response(body, status=201)

    async def _unfollow(self, request: web.Request) -> web.Response:
        self._followees[int(request.query["followerId"])].discard(int(request.query["followeeId"]))
        return web.Response(status=204)

    async def _post(self, request: web.Request) -> web.Response:
        author = int((await request.json())["userId"])
        post = self._new_id()
        self._posts.append((post, author))
        return web.json_response({"postId": str(post), "userId": str(author)}, status=201)

    async def _sign(self, request: web.Request) -> web.Response:
        body = await request.json()
        path = f"{self._new_id()}.jpg"
        self._signed[path] = int(body["sizeBytes"])
        told = {
            "uploadUrl": f"http://{request.host}/storage/{path}?signed=yes",
            "method": "PUT",
            "headers": {"Content-Type": body["contentType"]},
            "mediaUrl": f"http://{request.host}/media/{path}",
        }
        return web.json_response(told, status=201)

    async def _take(self, request: web.Request) -> web.Response:
        size = self._signed.pop(request.match_info["name"], None)
        right = len(await request.read()) == size and self._options.fault != "no storage"
        return web.Response(status=200 if right else 403)

    async def _react(self, request: web.Request) -> web.Response:
        return web.json_response(await request.json(), status=201)

    async def _feed(self, request: web.Request) -> web.Response:
        user, limit = int(request.match_info["user"]), int(request.query.get("limit", "20"))
        followees = self._followees[user]
        before = int(request.query.get("cursor", 1 << 62))
        newest = reversed(self._posts)
        items = [post for post in newest if post[1] in followees and post[0] < before]
        is_last = len(items) <= limit
        page = self._spoilt(items[:limit])
        if limit > 1:
            self._full_pages += 1
            if self._full_pages == self._options.stall_at:
                time.sleep(self._options.stall_s)  # noqa: ASYNC251 - everything stands still
            if self._full_pages == self._options.die_at:
                raise SystemExit(1)
        cursor = None if is_last else str(page[-1][0])
        shown = [{"postId": str(post), "userId": str(author)} for post, author in page]
        return web.json_response({"items": shown, "nextCursor": cursor})

    def _spoilt(self, page: list[tuple[int, int]]) -> list[tuple[int, int]]:
        match self._options.fault:
            case "misorder" if len(page) > 1:
                return [page[1], page[0], *page[2:]]
            case "drop" if len(page) > 2:
                return [page[0], *page[2:]]
            case "duplicate" if page:
                return [page[0], *page]
            case "stranger" if page:
                return [(self._new_id(), self._new_id()), *page]
            case _:
                return page


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--service-s", type=float, default=0.0)
    parser.add_argument("--stall-at", type=int, default=0)
    parser.add_argument("--stall-s", type=float, default=1.0)
    parser.add_argument("--die-at", type=int, default=0)
    parser.add_argument("--fault", default="")
    parser.add_argument("--ready", type=int, default=200)
    parser.add_argument("--status", default="ok")
    asyncio.run(_serve(FeedServer(parser.parse_args()).app()))


async def _serve(app: web.Application) -> None:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
