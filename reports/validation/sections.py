"""The sections of a validation's report: how wrong the model is first, how to run it again last."""

from reports import figures
from reports.content import Block, Chart, Column, Command, Kind, Paragraph, Section, Table
from reports.sections.opening import findings_table, objectives_table
from reports.validation import charts
from reports.validation.tables import loads_table, points_table
from reports.validation.verdict import verdict
from sim.results.validation import ValidationDocument


def outline(document: ValidationDocument) -> tuple[Section, ...]:
    """Return the sections in their order."""
    return (
        _opening(document),
        _times(document),
        _loads(document),
        _setup(document),
        _reproduce(document),
    )


def _opening(document: ValidationDocument) -> Section:
    answer = verdict(document)
    blocks: list[Block] = [Paragraph(answer.breaks_first), objectives_table(document.objectives)]
    if document.findings:
        blocks.append(findings_table(document.findings))
    return Section("verdict", "How far the model is off", answer.headline, tuple(blocks))


def _times(document: ValidationDocument) -> Section:
    return Section(
        "times",
        "Response times",
        "Predicted by the simulation engine from the service times that the calibration has "
        "measured at other loads, for a machine as fast as a yardstick beside the load has found "
        "it. An error is a share of what was measured; what was not predicted is infinitely off.",
        (
            *_charts(charts.medians(document), charts.slowest(document)),
            points_table(document.points),
        ),
    )


def _loads(document: ValidationDocument) -> Section:
    return Section(
        "loads",
        "Throughput and freshness",
        "Freshness is predicted as the watchers of a load test see it: they read again and again.",
        (
            *_charts(charts.throughput(document), charts.freshness(document)),
            loads_table(document.loads),
        ),
    )


def _charts(*found: Chart | None) -> list[Block]:
    return [chart for chart in found if chart is not None]


def _setup(document: ValidationDocument) -> Section:
    setup = document.setup
    rows = (
        ("machine", setup.cpu),
        ("its speed over that at the calibration", _speeds(document)),
        ("calibration", setup.calibration),
        ("figures that are measured", figures.whole(document.measured_figures)),
        ("figures that are assumed", figures.whole(document.assumed_figures)),
        ("users", figures.whole(setup.users)),
        ("each load", f"{figures.duration(setup.measured_s)} measured"),
        ("before that, not measured", figures.duration(setup.warmup_s)),
    )
    table = Table("How it was measured", (Column("what"), Column("how")), rows)
    return Section("setup", "How it was measured", "What the figures rest on.", (table,))


def _speeds(document: ValidationDocument) -> str:
    speeds = sorted(load.speed for load in document.loads)
    return f"{speeds[0]:.2f} to {speeds[-1]:.2f}" if speeds else figures.UNKNOWN


def _reproduce(document: ValidationDocument) -> Section:
    versions = Table(
        title="Versions",
        columns=(Column("package"), Column("version", Kind.CODE)),
        rows=tuple(document.reproduce.versions.items()),
        folded=True,
    )
    return Section(
        "reproduce",
        "How to reproduce it",
        f"The same command with seed {document.run.seed} sends the same requests; what a machine "
        "takes for them differs from run to run.",
        (Command(document.reproduce.command), versions),
    )
