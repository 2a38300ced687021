"""The process around the application: binds, tells where, and stops gracefully on a signal."""

import asyncio
import errno
import gc
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop
from aiohttp import web

from server.adapters.folder import locked_folder
from server.adapters.open_files import allow_connections
from server.app import (
    BACKGROUND,
    CONNECTIONS,
    END,
    ENVELOPE,
    FRONT_DOOR,
    IN_PROGRESS,
    SITE,
    build_app,
)
from server.demo.attempt import attempt, names_in, remove_unfinished
from server.errors import AddressError, BackgroundError, OpenToAllError, PortTakenError
from server.gateway.connection import arriving
from server.gateway.health import READINESS
from server.gateway.http_protocol import HttpProtocol
from server.limits import Limits
from server.ports.clock import Clock
from server.settings import DemoSettings, ServerSettings

# After SIGTERM the server answers on for a while, not ready, so that balancers turn away before
# it stops listening; a person's Ctrl+C does not wait. Then requests in flight have some time, and
# what is left of them, and streams, a moment (aiohttp takes it twice). Together that stays well
# below the 10 s after which orchestrators kill.
DRAIN_S = 1.0
REQUESTS_IN_FLIGHT_S = 5.5
LEFT_OVER_S = 0.5
LOOK_AGAIN_S = 0.02
# Connections that the system keeps until they are accepted; it cuts this down to its own limit.
BACKLOG = 1_024
ACCEPTED_A_TURN = 16


@dataclass(frozen=True, slots=True)
class Listening:
    """A server that takes requests.

    Attributes:
        urls: where.
        is_ready: whether its object storage can be used, too.
    """

    urls: Sequence[str]
    is_ready: bool


Announce = Callable[[Listening], None]


def run(
    settings: ServerSettings,
    *,
    host: str,
    port: int,
    clock: Clock,
    announce: Announce,
) -> None:
    """Serve until SIGTERM or SIGINT; `announce` is told once requests are taken.

    Port 0 picks a free port.

    Raises:
        OpenToAllError: if nobody needs a token and the host is not this machine alone.
        AddressError: if the host or the port cannot be listened on.
        PortTakenError: if another program listens there.
        DataFolderError: if the data folder cannot be used.
        FolderNotEmptyError: if a folder to be filled with the demo's world has users already, or
            files of others.
        OpenFilesError: if the process may not open as many files as it has connections.
        BackgroundError: if it had to stop, because work in the background had.
    """
    if settings.gateway.is_open and not is_loopback(host):
        raise OpenToAllError(host=host)
    _expect_bindable(host, port)
    connections = allow_connections(settings.limits.connections)
    settings = replace(settings, limits=replace(settings.limits, connections=connections))
    folder = settings.data_folder
    found = names_in(folder)
    with locked_folder(folder):
        remove_unfinished(folder)
        if settings.demo:
            with attempt(folder, found=found) as settling:
                _settle(settings, settings.demo, clock)
                settling.is_done = True
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, host=host, port=port, clock=clock, announce=announce))


def _settle(settings: ServerSettings, demo: DemoSettings, clock: Clock) -> None:
    # Drawing needs packages that no other server waits for.
    from server.demo.settle import settle  # noqa: PLC0415

    async def settled() -> None:
        # Ends it between two turns of the loop, as Ctrl+C does: to end in the middle of opening a
        # database would leave a thread that keeps the process alive.
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        loop.add_signal_handler(signal.SIGTERM, lambda: task and task.cancel())
        await settle(settings, demo, clock=clock, random_bytes=secrets.token_bytes)

    before = signal.getsignal(signal.SIGTERM)
    is_terminated = False
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(settled())
    except asyncio.CancelledError:
        is_terminated = True
    finally:
        signal.signal(signal.SIGTERM, before)
    if is_terminated:
        signal.raise_signal(signal.SIGTERM)


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach a host; False for what is no host."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host or None, None)}
    except (OSError, UnicodeError):
        return False
    return bool(host) and all(ip_address(str(address)).is_loopback for address in found)


def is_everywhere(url: str) -> bool:
    """Whether the host of a URL stands for every address of the machine, and is none itself."""
    return ip_address(urlsplit(url).hostname or "").is_unspecified


async def _serve(
    settings: ServerSettings,
    *,
    host: str,
    port: int,
    clock: Clock,
    announce: Announce,
) -> None:
    stop = _stop_signal()
    _collect_garbage_seldom()
    app = await build_app(settings, clock=clock, random_bytes=secrets.token_bytes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=LEFT_OVER_S)
    try:
        await runner.setup()
    except BaseException:
        # Else the threads of what it has opened keep the process alive.
        await app[END]()
        raise
    try:
        protocol = protocols(app, runner, settings.limits)
        async with _listening(protocol, host=host, port=port) as listener:
            if settings.gateway.is_open:
                _expect_loopback(listener)
            urls = _told_site(app, listener)
            async with _accepting(listener, protocol):
                is_ready = app[READINESS].storage_failure() is None
                announce(Listening(urls, is_ready=is_ready))
                is_persons = await _until_stopped(stop, app[BACKGROUND].broken)
                app[READINESS].ready = False
                app[FRONT_DOOR].closes = True
                if not is_persons:
                    await asyncio.sleep(DRAIN_S)
        await _requests_done(app[IN_PROGRESS])
    finally:
        await runner.cleanup()
    _expect_whole(app[BACKGROUND].broken)


def _told_site(app: web.Application, listener: asyncio.Server) -> Sequence[str]:
    """Tell the application where clients find it, unless it knows; returns what is bound."""
    urls = [_url(each.getsockname()) for each in listener.sockets]
    if not app[SITE].url:
        app[SITE].url = urls[0]
        app[SITE].is_everywhere = any(map(is_everywhere, urls))
    return urls


async def _until_stopped(
    stop: asyncio.Future[signal.Signals], broken: asyncio.Future[BaseException | None]
) -> bool:
    """Return when the server has to stop; whether a person wants that, who is not kept waiting."""
    waiting: list[asyncio.Future[Any]] = [stop, broken]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    return stop.done() and stop.result() is signal.SIGINT


def _expect_whole(broken: asyncio.Future[BaseException | None]) -> None:
    if broken.done():
        raise BackgroundError(broken.result())


async def _requests_done(in_progress: Callable[[], int]) -> None:
    """Return when no request is in progress, or after a time.

    aiohttp's own shutdown would close their connections at once for reading, before their bodies
    have come.
    """
    for _ in range(round(REQUESTS_IN_FLIGHT_S / LOOK_AGAIN_S)):
        if not in_progress():
            return
        await asyncio.sleep(LOOK_AGAIN_S)


def _collect_garbage_seldom() -> None:
    """Look for cycles after 20,000 new objects, not 700: that is a few hundred requests.

    Hardly anything here is in a cycle, and to look for them at Python's usual pace takes 5 % of the
    time of a post.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def protocols(
    app: web.Application, runner: web.AppRunner, limits: Limits
) -> Callable[[], asyncio.Protocol]:
    """Return what makes the protocol of each connection to an application that was set up."""
    server = runner.server
    assert server is not None  # noqa: S101 - for the type checker: the runner is set up
    # Its requests are the application's, which are of a narrower type than it says.
    others = cast("Any", server.request_handler)
    server.request_handler = cast("Any", app[FRONT_DOOR].before(others))

    def speak_http() -> asyncio.Protocol:
        return HttpProtocol(server, app[ENVELOPE], lingering_s=limits.client_s)

    return lambda: arriving(app[CONNECTIONS], speak_http)


def _expect_loopback(listener: asyncio.Server) -> None:
    """Look at what is bound: a name may have been resolved anew since it was checked."""
    for each in listener.sockets:
        host = each.getsockname()[0]
        if not is_loopback(host):
            raise OpenToAllError(host=host)


def _stop_signal() -> asyncio.Future[signal.Signals]:
    """Return a future that becomes the first signal asking the process to stop."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[signal.Signals] = loop.create_future()

    def received(number: signal.Signals) -> None:
        if not stop.done():
            stop.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received, number)
    return stop


@asynccontextmanager
async def _listening(
    protocol: Callable[[], asyncio.Protocol], *, host: str, port: int
) -> AsyncIterator[asyncio.Server]:
    """Bind, without serving yet; nothing listens any more at the end."""
    listener = await _bound(protocol, host=host, port=port)
    try:
        yield listener
    finally:
        listener.close()


@asynccontextmanager
async def _accepting(
    listener: asyncio.Server, protocol: Callable[[], asyncio.Protocol]
) -> AsyncIterator[None]:
    """Accept connections on what is bound.

    libuv, and so uvloop, accepts one connection of a socket in each turn of the loop. With turns of
    20 ms under load, new clients waited for seconds: so each socket is watched several times.
    """
    loop = asyncio.get_running_loop()
    with ExitStack() as undo:
        for each in listener.sockets * (ACCEPTED_A_TURN - 1):
            again = socket.fromfd(each.fileno(), each.family, each.type)
            watch = await loop.create_server(protocol, sock=again, backlog=BACKLOG)
            undo.callback(watch.close)
        await listener.start_serving()
        yield


def _expect_bindable(host: str, port: int) -> None:
    """Try the address before the data folder is made; it may still be taken in between."""
    with _address_errors(host, port):
        passive = socket.AI_PASSIVE
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=passive)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)


async def _bound(
    protocol: Callable[[], asyncio.Protocol], *, host: str, port: int
) -> asyncio.Server:
    with _address_errors(host, port):
        return await asyncio.get_running_loop().create_server(
            protocol, host, port, backlog=BACKLOG, start_serving=False
        )


@contextmanager
def _address_errors(host: str, port: int) -> Iterator[None]:
    if not host:  # asyncio would take it for every address of the machine
        raise AddressError(host=host, port=port, reason="no host given")
    try:
        yield
    except UnicodeError as error:
        raise AddressError(host=host, port=port, reason="no host name") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(host=host, port=port) from error
        # asyncio gives no errno when none of the host's addresses is this machine's.
        if isinstance(error, socket.gaierror) or error.errno in {None, errno.EADDRNOTAVAIL}:
            reason = "no address of this machine"
        elif error.errno == errno.EACCES:
            reason = "not permitted to this user"
        else:
            raise
        raise AddressError(host=host, port=port, reason=reason) from error


def _url(address: tuple[str, int]) -> str:
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
