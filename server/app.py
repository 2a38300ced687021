"""The reference server put together: the one place that picks what the gateway talks to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import count

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.adapters.cpu import meter_tasks, metered
from server.adapters.folder import emptied_scratch, folder_secret
from server.adapters.loop_lag import LoopLag
from server.adapters.metrics import Metrics
from server.adapters.passwords import ScryptPasswords
from server.adapters.pictures import PillowPictures
from server.adapters.renditions.transcoder import ProcessTranscoder
from server.adapters.sqlite.memory import meter as sqlite_meter
from server.adapters.sqlite.stores import Databases, last_id_in, open_databases, sqlite_stores
from server.adapters.welcome import welcome
from server.background import Background
from server.gateway.admission import Admission
from server.gateway.calls import Call
from server.gateway.connections import Connections
from server.gateway.cursors import Cursors
from server.gateway.envelope import Envelope, seal
from server.gateway.front_door import FrontDoor
from server.gateway.gateway import BOX, Gateway, ServeRequest
from server.gateway.health import HEALTH_PATHS, READINESS, Readiness, health_routes
from server.gateway.idempotency import Idempotency
from server.gateway.media_calls import MediaCalls
from server.gateway.media_delivery import MEDIA_PATTERN, MediaDelivery
from server.gateway.openapi import documentation_routes
from server.gateway.post_calls import PostCalls
from server.gateway.reaction_calls import ReactionCalls
from server.gateway.shapes import PostShapes
from server.gateway.site import Site
from server.gateway.timing import timed, timed_routes
from server.gateway.user_calls import UserCalls
from server.gateway.web_page import page_routes
from server.model.events import Backlog, Queue
from server.model.ids import IdGenerator
from server.ports.clock import Clock
from server.services.boxes import Boxes, MediaSettings, Surroundings, build_boxes
from server.services.cdn import gauges as cdn_gauges
from server.settings import ServerSettings
from server.storage import OpenStorage, open_storage

CONNECTIONS = web.AppKey("CONNECTIONS", Connections)
SITE = web.AppKey("SITE", Site)
BOXES = web.AppKey("BOXES", Boxes)
# Ends what the application has opened, where it was never started.
END: web.AppKey[Callable[[], Awaitable[None]]] = web.AppKey("END")
FRONT_DOOR = web.AppKey("FRONT_DOOR", FrontDoor)
ENVELOPE = web.AppKey("ENVELOPE", Envelope)
BACKGROUND = web.AppKey("BACKGROUND", Background)
# How many requests are in progress, uploads among them, streams not counted.
IN_PROGRESS: web.AppKey[Callable[[], int]] = web.AppKey("IN_PROGRESS")
REQUEST_ID_BYTES = 6
# An image and a video: each has a lane of its own.
RENDERED_AT_ONCE = 2


async def build_app(
    settings: ServerSettings, *, clock: Clock, random_bytes: Callable[[int], bytes]
) -> web.Application:
    """Return the server's application, ready to take requests once it has started.

    The data folder must be this process's own (`locked_folder`).

    Raises:
        NewerSchemaError: if a later version wrote the data.
        DamagedFileError: if what is in the folder cannot be opened.
        OSError: if the disk is full.
    """
    metrics = Metrics(is_metered=settings.gateway.shows_timing)
    if settings.gateway.shows_timing:
        meter_tasks(asyncio.get_running_loop(), metrics.charge)
    secret = folder_secret(settings.data_folder, random_bytes=random_bytes)
    databases = await open_databases(settings.data_folder, clock=clock, telemetry=metrics)
    async with AsyncExitStack() as undo:
        # An open database has threads that would keep the process alive.
        undo.push_async_callback(databases.close)
        ids = IdGenerator(clock.now_ms, last_id=await last_id_in(databases))
        databases.main.last_id = lambda: ids.last_id
        site = Site(settings.public_url or "")
        opened = await undo.enter_async_context(
            open_storage(settings, clock=clock, random_bytes=random_bytes)
        )
        surroundings = Surroundings(
            clock,
            ids,
            random_bytes,
            ScryptPasswords(random_bytes),
            metrics,
            storage=opened.storage,
            pictures=PillowPictures(),
            transcoder=ProcessTranscoder(workers=RENDERED_AT_ONCE),
            scratch=emptied_scratch(settings.data_folder),
            storage_failure=opened.failure,
        )
        parts = _Parts(site, databases, opened, metrics)
        app = _app(settings, surroundings, parts, secret=secret)
        parts.resources.push_async_exit(undo.pop_all())
    return app


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the application is built of, beside its settings and surroundings."""

    site: Site
    databases: Databases
    storage: OpenStorage
    metrics: Metrics
    resources: AsyncExitStack = field(default_factory=AsyncExitStack)


def _app(
    settings: ServerSettings, surroundings: Surroundings, parts: _Parts, *, secret: bytes
) -> web.Application:
    boxes = build_boxes(
        sqlite_stores(parts.databases, max_entries=settings.feeds.max_entries),
        surroundings,
        feeds=settings.feeds,
        token_lifetime_s=settings.token_lifetime_s,
        media=MediaSettings(settings.uploads, settings.cdn),
        most_streams=settings.limits.streams,
    )
    lag = LoopLag(surroundings.clock.monotonic_s)
    background = Background(boxes, parts.databases, parts.storage.watch, lag)
    gateway = _gateway(settings, boxes, background, cursors=Cursors(secret), metrics=parts.metrics)
    envelope = Envelope(
        request_id=_request_ids(surroundings.random_bytes(REQUEST_ID_BYTES).hex()),
        answered=parts.metrics.answered,
        logs=settings.logs,
        now_ms=surroundings.clock.now_ms,
    )
    app = web.Application(
        middlewares=[envelope.middleware, _guard(gateway)],
        client_max_size=settings.limits.body_bytes,
    )
    app[SITE] = parts.site
    app[BOXES] = boxes
    app[BACKGROUND] = background
    app[ENVELOPE] = envelope
    app[END] = lambda: _end(boxes, parts)
    app[READINESS] = Readiness(
        store_failure=lambda: parts.databases.failure, storage_failure=parts.storage.failure
    )
    _add_ways_in(app, gateway, settings, parts)
    _add_gauges(app, gateway, parts)
    parts.metrics.gauge("socialfeed_log_lines_dropped_total", BOX, settings.logs.dropped)
    app.on_response_prepare.append(_seal)
    app.on_shutdown.append(_end_streams(boxes))
    app.cleanup_ctx.append(_life(boxes, parts, background))
    return app


def _gateway(
    settings: ServerSettings,
    boxes: Boxes,
    background: Background,
    *,
    cursors: Cursors,
    metrics: Metrics,
) -> Gateway:
    around = boxes.surroundings
    return Gateway(
        settings=settings.gateway,
        limits=settings.limits,
        queued_events=lambda: background.backlogs.events,
        accounts=boxes.accounts,
        cursors=cursors,
        idempotency=Idempotency(boxes.stores.keys),
        ids=around.ids,
        telemetry=metrics,
        monotonic_s=around.clock.monotonic_s,
    )


def _add_ways_in(
    app: web.Application, gateway: Gateway, settings: ServerSettings, parts: _Parts
) -> None:
    """Add all that answers: aiohttp's routes, the front door before them, and the connections."""
    boxes, metrics = app[BOXES], parts.metrics
    calls = _calls(boxes, parts.site)
    delivery = MediaDelivery(boxes.cdn, metrics)
    media_routes, uploads = _media(delivery, boxes, parts)
    serve: ServeRequest = delivery.serve
    if settings.gateway.shows_timing:
        media_routes, serve = timed_routes(media_routes, metrics), timed(serve, metrics)
    app.add_routes(
        [
            *gateway.routes(calls),
            *health_routes(metrics.text),
            *documentation_routes(calls, version=version("socialfeed")),
            *_page(settings, parts.site),
            *media_routes,
        ]
    )
    app[IN_PROGRESS] = lambda: gateway.in_progress + uploads()
    app[FRONT_DOOR] = FrontDoor(gateway.router(calls, {MEDIA_PATTERN: serve}), app[ENVELOPE])
    clock = boxes.surroundings.clock
    app[CONNECTIONS] = _connections(settings, clock, app[FRONT_DOOR], metrics)


def _connections(
    settings: ServerSettings, clock: Clock, front_door: FrontDoor, metrics: Metrics
) -> Connections:
    take, glance = front_door.take, front_door.glance
    if settings.gateway.shows_timing:
        take, glance = metered(take, metrics.charge), metered(glance, metrics.charge)
    # Not in the context of whoever is the first in a turn: what it notes would be noted for him.
    soon = partial(asyncio.get_running_loop().call_soon, context=Context())
    admission = Admission(clock.monotonic_s, soon, waited=metrics.waits(BOX))
    return Connections(settings.limits, admission, take=take, glance=glance)


def _media(
    delivery: MediaDelivery, boxes: Boxes, parts: _Parts
) -> tuple[Sequence[web.RouteDef], Callable[[], int]]:
    """Return the routes of the cdn and of the embedded storage, and how to count its uploads."""
    metrics = parts.metrics
    routes = [*delivery.routes()]
    for name, value in cdn_gauges(boxes.cdn).items():
        metrics.gauge(name, "cdn", value)
    if not parts.storage.endpoint:
        return routes, lambda: 0
    endpoint = parts.storage.endpoint(boxes.upload_signer, metrics)
    metrics.gauge("socialfeed_uploads", "object_storage", lambda: endpoint.uploads)
    return [*routes, *endpoint.routes()], lambda: endpoint.uploads


def _guard(gateway: Gateway) -> Middleware:
    """Return what admits the requests that are for no call, such as for `/metrics`."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/v1/") and request.path not in HEALTH_PATHS:
            gateway.admit(request)
        return await handler(request)

    return guard


def _request_ids(start: str) -> Callable[[], str]:
    """Return what makes ids: unlike those of any other start of the server, and numbered."""
    numbers = count(1)
    return lambda: f"{start}-{next(numbers)}"


def _calls(boxes: Boxes, site: Site) -> Sequence[Call]:
    shapes = PostShapes(site)
    return [
        *UserCalls(boxes.accounts, boxes.follow_service, boxes.post_reader, shapes).calls(),
        *PostCalls(boxes.post_writer, boxes.post_reader, boxes.feed_reader, shapes).calls(),
        *MediaCalls(boxes.upload_signer, site).calls(),
        *ReactionCalls(
            boxes.comment_service,
            boxes.like_service,
            boxes.notification_service,
            while_valid=boxes.accounts.while_valid,
        ).calls(),
    ]


async def _seal(request: web.Request, response: web.StreamResponse) -> None:
    seal(request, response)


def _page(settings: ServerSettings, site: Site) -> Sequence[web.RouteDef]:
    return page_routes(
        site,
        upload_origins=[settings.s3.url] if settings.s3 else [],
        welcome=welcome(settings.data_folder),
    )


def _add_gauges(app: web.Application, gateway: Gateway, parts: _Parts) -> None:
    boxes, background, metrics = app[BOXES], app[BACKGROUND], parts.metrics
    metrics.gauge("socialfeed_waiting_writes", "posts_db", lambda: parts.databases.main.waiting)
    metrics.gauge("socialfeed_waiting_writes", "feeds_db", lambda: parts.databases.feeds.waiting)
    for queue in Queue:
        backlog = partial(background.backlogs.of.__getitem__, queue)
        _add_queue_gauges(metrics, queue, backlog, boxes.surroundings.clock)
    _add_client_gauges(metrics, app[CONNECTIONS], gateway, background.lag)
    service = boxes.notification_service
    metrics.gauge("socialfeed_streams", "notification_service", lambda: service.open_streams)
    _add_cache_gauges(metrics, boxes)


def _add_client_gauges(
    metrics: Metrics, connections: Connections, gateway: Gateway, lag: LoopLag
) -> None:
    gauges: dict[str, Callable[[], float]] = {
        "socialfeed_connections": lambda: connections.open,
        "socialfeed_connections_refused_total": lambda: connections.refused,
        "socialfeed_slow_clients_total": lambda: connections.cut,
        "socialfeed_loop_lag_seconds": lambda: lag.longest_s,
        "socialfeed_answered_at_once_total": lambda: connections.answered_at_once,
        "socialfeed_requests_waiting": lambda: connections.admission.waiting,
        "socialfeed_requests_refused_total": lambda: connections.admission.refused,
        "socialfeed_requests_in_progress": lambda: gateway.in_progress,
    }
    for name, value in gauges.items():
        metrics.gauge(name, "api_gateway", value)


def _add_cache_gauges(metrics: Metrics, boxes: Boxes) -> None:
    """Tell what caches hold: memory that grows until they are full, and no further."""
    held: dict[str, Callable[[], float] | None] = {
        "feed_cache": lambda: boxes.feed_cache.held_bytes,
        "page_cache": lambda: boxes.feed_reader.pages_bytes,
        "post_cache": lambda: boxes.post_cache.held_bytes,
        "likes_cache": lambda: boxes.likes_cache.held_bytes,
        "sqlite": sqlite_meter(),
    }
    for box, held_bytes in held.items():
        if held_bytes:
            metrics.gauge("socialfeed_cache_bytes", box, held_bytes)


def _add_queue_gauges(
    metrics: Metrics, queue: Queue, backlog: Callable[[], Backlog], clock: Clock
) -> None:
    def age_s() -> float:
        since_ms = backlog().oldest_queued_at_ms
        return 0.0 if since_ms is None else max(clock.now_ms() - since_ms, 0) / 1000

    metrics.gauge("socialfeed_queue_depth", queue, lambda: backlog().events)
    metrics.gauge("socialfeed_queue_age_seconds", queue, age_s)
    metrics.gauge("socialfeed_dead_letters", queue, lambda: backlog().dead_letters)


def _end_streams(boxes: Boxes) -> Callable[[web.Application], Awaitable[None]]:
    async def end_streams(_app: web.Application) -> None:
        boxes.notification_service.stop()

    return end_streams


def _life(
    boxes: Boxes, parts: _Parts, background: Background
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def life(app: web.Application) -> AsyncIterator[None]:
        await background.start()
        app[READINESS].ready = True
        yield
        await background.stop()
        await _end(boxes, parts)

    return life


async def _end(boxes: Boxes, parts: _Parts) -> None:
    await boxes.stop()
    await boxes.surroundings.transcoder.close()
    await parts.resources.aclose()
    boxes.surroundings.passwords.close()
