"""`socialfeed estimate`: the arithmetic of a scenario."""

import typer

from cli.exits import CommandError, ExitCode
from cli.options import (
    DEFAULT_SCENARIO,
    DEFAULT_SEED,
    Calibration,
    Dau,
    Json,
    Mau,
    Out,
    ScenarioName,
    Seed,
    Sets,
    calibration_of,
    told_of_calibration,
)


def estimate(
    scenario: ScenarioName = DEFAULT_SCENARIO,
    *,
    dau: Dau = None,
    mau: Mau = None,
    sets: Sets = None,
    calibration: Calibration = None,
    seed: Seed = DEFAULT_SEED,  # noqa: ARG001 - taken by every command that takes a scenario
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Work out what a scenario takes: throughput, storage, memory, network, fleet, cost.

    \b
    Examples:
      socialfeed estimate
      socialfeed estimate --dau 100M --set activity.posting_share=20%
      socialfeed estimate twitter_2013 --json
      socialfeed estimate my_feed.toml --out estimates
    """
    import shutil

    from reports.document import to_json
    from reports.estimates import estimates_text, shows_ranges
    from scenarios.loader import load
    from sim.estimates.document import estimate_document, estimated

    loaded = load(
        scenario, dau=dau, mau=mau, overrides=sets or [], calibration=calibration_of(calibration)
    )
    told_of_calibration(loaded, calibration)
    width = shutil.get_terminal_size().columns
    ranges = as_json or out is not None or shows_ranges(width=width)
    document = estimate_document(estimated(loaded), ranges=ranges)
    if out is not None:
        from reports.errors import ReportError
        from reports.folder import write_estimates

        try:
            write_estimates(document, out)
        except ReportError as error:
            raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
        typer.echo(f"Wrote estimate.json and estimate.csv to {out}", err=True)
    text = to_json(document) if as_json else estimates_text(document, width=width)
    typer.echo(text, nl=False)
