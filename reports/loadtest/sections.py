"""The sections of a load test's report: the answer first, how to run it again last."""

from reports import figures
from reports.content import Block, Chart, Column, Command, Kind, Paragraph, Section, Table
from reports.loadtest import charts
from reports.loadtest.verdict import verdict
from reports.sections.opening import findings_table, objectives_table
from sim.results.loadtest import LoadtestDocument, MeasuredFreshness, Scalability


def outline(document: LoadtestDocument) -> tuple[Section, ...]:
    """Return the sections in their order; those about what was not done are left out."""
    sections = [_opening(document), _search(document), _times(document), _run(document)]
    sections += [_errors(document), _setup(document), _reproduce(document)]
    return tuple(section for section in sections if section is not None)


def _opening(document: LoadtestDocument) -> Section:
    answer = verdict(document)
    blocks: list[Block] = [Paragraph(answer.breaks_first)]
    if document.objectives:
        blocks.append(objectives_table(document.objectives))
    if document.findings:
        blocks.append(findings_table(document.findings))
    return Section("verdict", "Verdict", answer.headline, tuple(blocks))


def _search(document: LoadtestDocument) -> Section | None:
    if not document.levels:
        return None
    lead = (
        f"{len(document.levels)} loads of {figures.duration(document.setup.duration_s)} each: "
        "doubled until one was bad, then halved towards the limit. A load is bad if an objective "
        "is missed, or less than 99 % of it is answered in time, twice. One that could not be "
        "measured is neither good nor bad. The other sections are of the largest good load."
    )
    blocks = _charts(charts.against_load(document))
    if document.scalability is not None:
        blocks.append(Paragraph(_law(document.scalability)))
    return Section("search", "The largest load", lead, tuple(blocks))


def _law(law: Scalability) -> str:
    limit = (
        "it has no limit"
        if law.peak_per_s is None
        else f"its limit is {figures.load(law.peak_per_s)}"
    )
    return (
        f"Universal Scalability Law: {figures.load(law.rate_per_s)} with one request at a time, "
        f"contention {law.contention:.3g}, coherency {law.coherency:.3g}; {limit} "
        f"(R² {law.r_squared:.2f})."
    )


def _times(document: LoadtestDocument) -> Section:
    fresh = document.freshness
    return Section(
        "times",
        "Response times",
        "From when a request was due to its answer, so that a server that stands still is seen by "
        "all who would have asked meanwhile.",
        (*_charts(charts.percentiles(document)), Paragraph(_freshness(fresh))),
    )


def _freshness(fresh: MeasuredFreshness) -> str:
    watched = fresh.posts + fresh.lost
    if not watched:
        return "No post was watched on its way into feeds."
    known = [
        f"{figures.duration(value)} {of}"
        for value, of in (
            (fresh.p50_s, "for half of them"),
            (fresh.p99_s, "for 99 %"),
            (fresh.max_s, "for the slowest"),
        )
        if value is not None
    ]
    lost = (
        f" {figures.whole(fresh.lost)} of them were not there when they were given up, which "
        "counts as so long."
        if fresh.lost
        else ""
    )
    told = (
        f"Freshness: {figures.whole(watched)} posts were watched by followers who read until it "
        f"was there. The last one had it, from its confirmation on, after {', '.join(known)}."
    )
    if fresh.resolution_s is None:
        return told + lost
    return (
        f"{told}{lost} Followers read now and then, so that these times are too long by up to "
        f"{figures.duration(fresh.resolution_s)} (median)."
    )


def _run(document: LoadtestDocument) -> Section:
    setup = document.setup
    return Section(
        "run",
        "The run",
        f"{figures.duration(round(document.run.measured_s, 1))} were measured, after "
        f"{figures.duration(setup.warmup_s)} of the same load that were not.",
        tuple(_charts(charts.over_time(document), charts.kept_up(document))),
    )


def _charts(*found: Chart | None) -> list[Block]:
    return [chart for chart in found if chart is not None]


def _errors(document: LoadtestDocument) -> Section:
    pages = document.pages
    checked = (
        f"Of {figures.whole(pages.read)} pages that were read {figures.whole(pages.pages)} were "
        "checked for order, duplicates, posts of people who are not followed and posts that are "
        f"missing; {figures.whole(pages.wrong)} were wrong."
    )
    if not document.errors:
        return Section(
            "errors", "Errors", "Every request had a right answer.", (Paragraph(checked),)
        )
    table = Table(
        title="What went wrong",
        columns=(
            Column("flow"),
            Column("kind"),
            Column("requests", Kind.NUMBER),
            Column("for example", Kind.CODE),
        ),
        rows=tuple(
            (figures.label(row.flow), row.kind, figures.whole(row.requests), row.example)
            for row in document.errors
        ),
    )
    lead = f"{figures.whole(sum(row.requests for row in document.errors))} errors."
    return Section("errors", "Errors", lead, (table, Paragraph(checked)))


def _setup(document: LoadtestDocument) -> Section:
    setup = document.setup
    rows = [
        ("target", document.target),
        ("server", "started for this test" if setup.own_server else "was running already"),
        ("machine of the load generator", setup.cpu),
        ("users", figures.whole(setup.users)),
        ("load", f"{setup.load}, {setup.processes} generating"),
        ("cores of the server", _cores(setup.server_cores)),
        ("cores of the load generator", _cores(setup.generator_cores)),
        ("of it to watch posts arrive", figures.load(setup.canary_per_s)),
        ("busy: server", figures.rounded_share(document.server_cpu)),
        ("busy: busiest generator", figures.rounded_share(document.generator_cpu)),
        ("sent after it was due, p99", figures.duration(document.dispatch_lag_p99_s)),
    ]
    table = Table("How it was measured", (Column("what"), Column("how")), tuple(rows))
    return Section("setup", "How it was measured", "What the figures rest on.", (table,))


def _cores(cores: tuple[int, ...]) -> str:
    return ", ".join(map(str, cores)) or "any"


def _reproduce(document: LoadtestDocument) -> Section:
    versions = Table(
        title="Versions",
        columns=(Column("package"), Column("version", Kind.CODE)),
        rows=tuple(document.reproduce.versions.items()),
        folded=True,
    )
    return Section(
        "reproduce",
        "How to reproduce it",
        f"The same command with seed {document.run.seed} sends the same requests at the same "
        "times; the answers' times are the machine's.",
        (Command(document.reproduce.command), versions),
    )
