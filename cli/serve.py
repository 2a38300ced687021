"""`socialfeed serve`: runs the reference server."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import CommandError, ExitCode
from cli.numbers import number_from_zero, whole_number
from cli.options import DEFAULT_PUSH_THRESHOLD, data_folder
from cli.serve_options import (
    LARGEST_PORT,
    cache_bytes,
    duration_s,
    origin,
    positive_s,
    s3_settings,
    size_bytes,
    upload_settings,
)
from scenarios.fanout import Fanout
from server.limits import MOST_CONNECTIONS, Limits

if TYPE_CHECKING:
    from server.process import Announce, Listening
    from server.settings import ServerSettings

# What a user or an address may ask for in a second, unless only this machine can ask.
DEFAULT_RATE_PER_S = 50.0
# Mastodon's, in its feed_manager.
DEFAULT_AWAY_S = 7 * 86_400.0
DEFAULT_SLOW_S = 1.0


def serve(
    context: typer.Context,
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            parser=whole_number(most=LARGEST_PORT),
            metavar="PORT",
            help="Port to listen on; 0 picks a free one.",
        ),
    ] = 8080,
    data: Annotated[
        Path,
        typer.Option(
            parser=data_folder, metavar="DIR", help="Folder for what is stored; made if missing."
        ),
    ] = Path("socialfeed-data"),
    public_url: Annotated[
        str | None,
        typer.Option(
            parser=origin,
            metavar="URL",
            help="Where clients find it, such as behind a proxy; else where it listens.",
        ),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Fill a new folder with a small world of people, pictures and clips."
        ),
    ] = False,
    fanout: Annotated[
        Fanout,
        typer.Option(help="Who fills a feed: posts pushed at writing, or pulled at reading."),
    ] = Fanout.HYBRID,
    push_threshold: Annotated[
        int,
        typer.Option(
            parser=whole_number(),
            metavar="N",
            help="With --fanout hybrid: more followers than this, pulled.",
        ),
    ] = DEFAULT_PUSH_THRESHOLD,
    away: Annotated[
        float | None,
        typer.Option(
            parser=duration_s,
            metavar="DURATION",
            help="Time without a read after which a feed is dropped, to be rebuilt on return; 7d.",
        ),
    ] = None,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="No tokens needed; on a loopback address only.")
    ] = False,
    rate_limit: Annotated[
        float | None,
        typer.Option(
            parser=number_from_zero,
            metavar="N",
            help="Requests a second for each user and each address, 0 for no limit; "
            f"{DEFAULT_RATE_PER_S:g} unless on a loopback address.",
        ),
    ] = None,
    connections: Annotated[
        int | None,
        typer.Option(
            parser=whole_number(least=1),
            metavar="N",
            help=f"Open connections; {MOST_CONNECTIONS}, or as many as the process may open files.",
            show_default=False,
        ),
    ] = None,
    requests_at_once: Annotated[
        int,
        typer.Option(
            parser=whole_number(least=1),
            metavar="N",
            help="Reads in progress, and as many writes; streams not counted.",
        ),
    ] = Limits.requests_at_once,
    streams: Annotated[
        int, typer.Option(parser=whole_number(), metavar="N", help="Open streams of notifications.")
    ] = Limits.streams,
    s3: Annotated[
        str | None,
        typer.Option(
            parser=origin,
            metavar="URL",
            help="S3 endpoint to keep media at, which clients reach; else in the data folder.",
        ),
    ] = None,
    s3_bucket: Annotated[
        str, typer.Option(metavar="NAME", help="Bucket at the S3 endpoint; it has to exist.")
    ] = "media",
    s3_access_key: Annotated[
        str | None,
        typer.Option(
            envvar="AWS_ACCESS_KEY_ID", show_envvar=True, metavar="ID", help="Of the S3 endpoint."
        ),
    ] = None,
    s3_secret_key: Annotated[
        str | None,
        typer.Option(
            envvar="AWS_SECRET_ACCESS_KEY",
            show_envvar=True,
            metavar="SECRET",
            help="Of the S3 endpoint; other users of the machine see options, not variables.",
        ),
    ] = None,
    s3_region: Annotated[
        str,
        typer.Option(
            envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
            show_envvar=True,
            metavar="NAME",
            help="Of the S3 endpoint.",
        ),
    ] = "us-east-1",
    uploads: Annotated[
        int,
        typer.Option(
            parser=whole_number(least=1),
            metavar="N",
            help="Uploads in progress, where clients upload to this server.",
        ),
    ] = Limits.uploads,
    max_image: Annotated[
        int | None,
        typer.Option(parser=size_bytes, metavar="SIZE", help="Of the largest image; 20MB."),
    ] = None,
    max_video: Annotated[
        int | None,
        typer.Option(parser=size_bytes, metavar="SIZE", help="Of the largest video; 200MB."),
    ] = None,
    upload_expiry: Annotated[
        float | None,
        typer.Option(
            parser=duration_s,
            metavar="DURATION",
            help="Time for which a signed upload may be begun; 15m.",
        ),
    ] = None,
    cdn_cache: Annotated[
        int | None,
        typer.Option(
            parser=cache_bytes, metavar="SIZE", help="Media that the edge keeps in memory; 256MiB."
        ),
    ] = None,
    queued_events: Annotated[
        int,
        typer.Option(
            parser=whole_number(least=1), metavar="N", help="Events that wait in the message queue."
        ),
    ] = Limits.queued_events,
    client_timeout: Annotated[
        float | None,
        typer.Option(
            parser=duration_s,
            metavar="DURATION",
            help="Time for a client to send headers, to send a body, and to take a part of an "
            f"answer; {Limits.client_s:g}s.",
        ),
    ] = None,
    idle_timeout: Annotated[
        float | None,
        typer.Option(
            parser=duration_s,
            metavar="DURATION",
            help=f"Time for which a connection stays open without a request; {Limits.idle_s:g}s.",
        ),
    ] = None,
    server_timing: Annotated[
        bool,
        typer.Option(
            "--server-timing", help="Tell the time of each box in every answer that is no error."
        ),
    ] = False,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="A JSON line for each request, to stdout.")
    ] = False,
    slow_requests: Annotated[
        float | None,
        typer.Option(
            parser=duration_s,
            metavar="DURATION",
            help="Requests that take this long get a JSON line with the times of their boxes, to "
            "stderr; 1s.",
        ),
    ] = None,
) -> None:
    """Run the reference server.

    It serves until Ctrl+C or SIGTERM.

    \b
    Examples:
      socialfeed serve
      socialfeed serve --demo --data demo  with people in it, for a browser
      socialfeed serve --port 0            a free port; the first line tells it
      socialfeed serve --fanout pull       feeds made when they are read
      socialfeed serve --host 0.0.0.0      for all machines that reach this one
    """
    from server.adapters.clock import SystemClock
    from server.adapters.log_lines import LogLines
    from server.errors import BackgroundError, StartError
    from server.gateway.envelope import Logs
    from server.gateway.gateway import GatewaySettings
    from server.process import is_loopback, run
    from server.services.cdn import CdnSettings
    from server.services.feed_generator import FeedSettings
    from server.settings import ServerSettings

    if rate_limit is None:
        rate_limit = 0.0 if is_loopback(host) else DEFAULT_RATE_PER_S
    access_lines, slow_lines = LogLines(typer.echo), LogLines(partial(typer.echo, err=True))
    logs = Logs(
        access=access_lines.take if access_log else None,
        slow=slow_lines.take,
        slow_s=positive_s(slow_requests, "--slow-requests", DEFAULT_SLOW_S),
        dropped=lambda: access_lines.dropped + slow_lines.dropped,
    )
    settings = ServerSettings(
        data_folder=data,
        gateway=GatewaySettings(
            is_open=open_to_all,
            own_name=host,
            rate_per_s=rate_limit,
            shows_timing=server_timing,
        ),
        feeds=FeedSettings(
            fanout=fanout,
            push_threshold=push_threshold,
            away_s=positive_s(away, "--away", DEFAULT_AWAY_S),
        ),
        limits=Limits(
            connections=connections,
            requests_at_once=requests_at_once,
            streams=streams,
            uploads=uploads,
            queued_events=queued_events,
            client_s=positive_s(client_timeout, "--client-timeout", Limits.client_s),
            idle_s=positive_s(idle_timeout, "--idle-timeout", Limits.idle_s),
        ),
        logs=logs,
        uploads=upload_settings(max_image, max_video, upload_expiry),
        cdn=CdnSettings() if cdn_cache is None else CdnSettings(cache_bytes=cdn_cache),
        s3=s3_settings(context, s3, s3_bucket, (s3_access_key, s3_secret_key), region=s3_region),
        public_url=public_url,
        tell=partial(typer.echo, err=True),
    )
    announce = partial(_announce, data=data, has_public_url=public_url is not None)
    try:
        with access_lines, slow_lines:
            if demo:
                _run_demo(settings, host=host, port=port, announce=announce)
            else:
                run(settings, host=host, port=port, clock=SystemClock(), announce=announce)
    except StartError as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
    except BackgroundError as error:
        raise CommandError(str(error), exit_code=ExitCode.OUR_FAULT) from error


def _announce(listening: "Listening", *, data: Path, has_public_url: bool) -> None:
    from server.process import is_everywhere

    where = f"{' and '.join(listening.urls)} (data in {data})"
    if listening.is_ready:
        typer.echo(f"socialfeed is ready at {where}", err=True)
    else:
        typer.echo(f"socialfeed listens at {where}, but is not ready, as told above", err=True)
    if not has_public_url and any(map(is_everywhere, listening.urls)):
        typer.echo(
            "each client is told media URLs of the address that it has called; "
            "behind a proxy, name the proxy's with --public-url",
            err=True,
        )


def _run_demo(settings: "ServerSettings", *, host: str, port: int, announce: "Announce") -> None:
    """Fill the folder first, and tell how to sign in once the server is ready."""
    import secrets
    from contextlib import ExitStack
    from dataclasses import replace

    from cli.progress import quarters_shown
    from server.adapters.clock import SystemClock
    from server.demo.world import demo_world
    from server.process import run
    from server.settings import DemoSettings

    password = secrets.token_urlsafe(9)
    is_filled = False
    first, *others = (person.name for person in demo_world().people)

    def welcome(listening: "Listening") -> None:
        nonlocal is_filled
        is_filled = True
        drawing.close()
        announce(listening)
        typer.echo(f"Sign in as {first!r} with the password {password}", err=True)
        typer.echo(f"(or as {', '.join(others)}: the password is everybody's)", err=True)

    folder = settings.data_folder
    with ExitStack() as drawing:
        progress = drawing.enter_context(quarters_shown(f"filling {folder} with a small world"))
        settings = replace(settings, demo=DemoSettings(password, progress=progress))
        try:
            run(settings, host=host, port=port, clock=SystemClock(), announce=welcome)
        except (KeyboardInterrupt, SystemExit):
            drawing.close()
            if not is_filled:
                typer.echo(f"stopped: {folder} is as it was before", err=True)
            raise
