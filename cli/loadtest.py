"""`socialfeed loadtest`: the scenario's users against a server that runs."""

import sys
import time
from typing import Annotated

import typer

from cli.options import (
    DEFAULT_SCENARIO,
    DEFAULT_SEED,
    Dau,
    Json,
    Mau,
    ScenarioName,
    Seed,
    Sets,
)

DEFAULT_RATE_PER_S = 200.0


def _duration_s(text: str) -> float:
    from scenarios.errors import QuantityError
    from scenarios.quantities import Dimension, parse

    try:
        return parse(text, Dimension.DURATION)
    except QuantityError as error:
        raise typer.BadParameter(str(error)) from error


def _count(text: str) -> int:
    from scenarios.errors import QuantityError
    from scenarios.quantities import Dimension, parse

    try:
        return round(parse(text, Dimension.COUNT))
    except QuantityError as error:
        raise typer.BadParameter(str(error)) from error


def loadtest(
    scenario: ScenarioName = DEFAULT_SCENARIO,
    *,
    dau: Dau = None,
    mau: Mau = None,
    sets: Sets = None,
    seed: Seed = DEFAULT_SEED,
    rate: Annotated[float | None, typer.Option(help="Requests a second.")] = None,
    duration: Annotated[float, typer.Option(parser=_duration_s, metavar="DURATION")] = 60.0,
    warmup: Annotated[float, typer.Option(parser=_duration_s, metavar="DURATION")] = 5.0,
    world: Annotated[int, typer.Option(parser=_count, metavar="N")] = 10_000,
    as_json: Json = False,
) -> None:
    """Drive a server with the scenario's users, and tell how it did.

    \b
    Examples:
      socialfeed loadtest --rate 300 --duration 60s
    """
    from reports.document import to_json
    from scenarios.loader import load
    from sim.loadtest.bench import LoadSpec, own_bench, rate_of
    from sim.loadtest.document import Frame, loadtest_document
    from sim.loadtest.own_server import Program
    from sim.loadtest.traffic import scenario_traffic
    from sim.results.loadtest import PageCheck

    begun_s = time.perf_counter()
    loaded = load(scenario, dau=dau, mau=mau, overrides=sets or [])
    traffic = rate_of(scenario_traffic(loaded), rate_per_s=rate or DEFAULT_RATE_PER_S)
    program = Program((sys.executable, "-m", "cli.main"), (scenario,))
    with own_bench(program, users=world, seed=seed) as bench:
        plan = bench.plan(LoadSpec(traffic, duration, warmup, seed))
        measurement = bench.measure(plan)
    frame = Frame(
        loaded, "socialfeed loadtest", seed, time.perf_counter() - begun_s, PageCheck(0, 0, 0)
    )
    typer.echo(to_json(loadtest_document(measurement, bench, frame)), nl=False)
