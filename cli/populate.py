"""`socialfeed populate`: fills a data folder with a scenario's world."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from cli.exits import CommandError, ExitCode
from cli.numbers import number_from_zero, whole_number
from cli.options import (
    DEFAULT_PUSH_THRESHOLD,
    DEFAULT_SCENARIO,
    DEFAULT_SEED,
    ScenarioName,
    Seed,
    Sets,
    data_folder,
)
from cli.progress import steps_shown
from scenarios.fanout import Fanout

if TYPE_CHECKING:
    import numpy as np

    from scenarios.model import Scenario
    from server.populate import Populated, World
    from server.services.feed_generator import FeedSettings

DEFAULT_USERS = 10_000


def _count(text: str) -> int:
    from scenarios.errors import QuantityError
    from scenarios.quantities import Dimension, parse

    try:
        count = parse(text, Dimension.COUNT)
    except QuantityError as error:
        raise typer.BadParameter(str(error)) from error
    if count < 2:  # noqa: PLR2004 - one user has nobody to follow
        message = f"found {text!r}, expected at least 2 users"
        raise typer.BadParameter(message)
    return round(count)


def populate(
    scenario: ScenarioName = DEFAULT_SCENARIO,
    *,
    users: Annotated[
        int | None,
        typer.Option(parser=_count, metavar="N", help="Users of the world, such as 10K (default)."),
    ] = None,
    days: Annotated[
        float,
        typer.Option(parser=number_from_zero, metavar="DAYS", help="Days of posts, up to now."),
    ] = 30,
    data: Annotated[
        Path,
        typer.Option(
            parser=data_folder, metavar="DIR", help="Folder to fill: new, or without users."
        ),
    ] = Path("socialfeed-data"),
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Give each user a token, and write these and the world here."
        ),
    ] = None,
    feeds: Annotated[
        Fanout | None,
        typer.Option(help="Build every feed too, as `serve` with this --fanout fills it."),
    ] = None,
    push_threshold: Annotated[
        int,
        typer.Option(
            parser=whole_number(), metavar="N", help="With --feeds hybrid: as for `serve`."
        ),
    ] = DEFAULT_PUSH_THRESHOLD,
    sets: Sets = None,
    seed: Seed = DEFAULT_SEED,
) -> None:
    """Fill a data folder for `serve` with users, who follows whom, and posts.

    The numbers of followers have the scenario's power law. Users have no password: use `serve
    --open`, or the tokens of a manifest.

    \b
    Examples:
      socialfeed populate --users 10K --data world
      socialfeed populate --data world --manifest world.npz  with tokens
      socialfeed populate --data world --feeds push          for --fanout push
      socialfeed populate my_feed.toml --users 2K --days 7 --seed 3
    """
    import numpy as np

    from scenarios.loader import load
    from server.adapters.clock import SystemClock
    from server.errors import DataFolderError, WorldError
    from server.populate import populate as fill
    from server.services.feed_generator import FeedSettings

    rng = np.random.default_rng(seed)
    asked = load(scenario, overrides=sets or ())
    settings = None if feeds is None else FeedSettings(feeds, push_threshold)
    draw = partial(
        _drawn_world,
        asked,
        users=users or DEFAULT_USERS,
        days=days,
        rng=rng,
        feeds=settings,
        has_tokens=manifest is not None,
    )
    try:
        _expect_possible(asked, users=users or DEFAULT_USERS, days=days)
        with _manifest_file(manifest) as archive, steps_shown("populate") as progress:
            filled = fill(data, draw, clock=SystemClock(), rng=rng, progress=progress)
            if archive:
                _write_manifest(archive, filled)
    except (DataFolderError, WorldError) as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
    world = filled.world
    typer.echo(
        f"{data}: {world.users} users, {len(world.graph)} follows, {len(world.authors)} posts",
        err=True,
    )


def _expect_possible(scenario: "Scenario", *, users: int, days: float) -> None:
    from server.adapters.clock import SystemClock
    from server.populate import expect_possible

    activity = scenario.activity
    # Not of `scaled_to`, whose fit has no end for a world without bounds.
    expect_possible(
        users=users,
        follows=users * min(activity.followers.distribution.mean, users),
        days=days,
        posts=users * float(activity.posting_share) * days,
        now_ms=SystemClock().now_ms(),
    )


def _drawn_world(
    scenario: "Scenario",
    *,
    users: int,
    days: float,
    rng: "np.random.Generator",
    feeds: "FeedSettings | None",
    has_tokens: bool,
) -> "World":
    import secrets

    from scenarios.graph import drawn_graph, scaled_to
    from server.populate import World

    distribution = scaled_to(scenario.activity.followers.distribution, users=users)
    graph = drawn_graph(distribution, users=users, rng=rng)
    posts = rng.poisson(users * float(scenario.activity.posting_share) * days)
    tokens = [secrets.token_urlsafe(32) for _ in range(users)] if has_tokens else ()
    return World(graph, users, rng.integers(users, size=posts), days, tokens, feeds)


@contextmanager
def _manifest_file(file: Path | None) -> Iterator[BinaryIO | None]:
    """Open the file before the work is begun; one that was made for nothing is removed.

    Its tokens are for its owner's eyes only.
    """
    if file is None:
        yield None
        return
    is_new = not file.exists()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError as error:
        message = f"--manifest: cannot write {file}: {error.strerror}"
        raise CommandError(message, exit_code=ExitCode.BAD_INPUT) from error
    with ExitStack() as undo, os.fdopen(descriptor, "wb") as archive:
        if is_new:
            undo.callback(file.unlink)
        os.fchmod(descriptor, 0o600)
        yield archive
        undo.pop_all()


def _write_manifest(archive: BinaryIO, filled: "Populated") -> None:
    """Write the world's arrays as an .npz archive."""
    import numpy as np

    world = filled.world
    archive.truncate()
    np.savez(
        archive,
        user_ids=filled.user_ids,
        tokens=np.asarray(world.tokens),
        followers=world.graph.followers,
        followees=world.graph.followees,
        post_ids=filled.post_ids,
        authors=world.authors,
    )
