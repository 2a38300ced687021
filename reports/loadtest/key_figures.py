"""The figures of a load test that a reader wants first."""

from reports import figures
from reports.key_figures import FEED_FLOW, KeyFigure
from sim.results.loadtest import LoadtestDocument


def key_figures(document: LoadtestDocument) -> tuple[KeyFigure, ...]:
    """Return the key figures of a load test."""
    feed = next((flow for flow in document.flows if flow.flow == FEED_FLOW), None)
    requests = sum(flow.requests for flow in document.flows)
    errors = sum(flow.errors for flow in document.flows)
    return (
        KeyFigure("Offered", figures.load(document.offered_per_s), _load(document)),
        KeyFigure("Achieved", figures.load(document.achieved_per_s), "answered rightly in time"),
        *_breakpoint(document),
        KeyFigure(
            "Feed page p50",
            figures.duration(feed.p50_s if feed else None),
            "from when it was due",
        ),
        KeyFigure(
            "Feed page p99", figures.duration(feed.p99_s if feed else None), "from when it was due"
        ),
        KeyFigure(
            "Freshness p99",
            figures.duration(document.freshness.p99_s),
            f"{figures.whole(document.freshness.posts)} posts watched",
        ),
        KeyFigure(
            "Errors", figures.share(errors / requests if requests else None), _errors(errors)
        ),
        KeyFigure(
            "Wrong pages",
            figures.whole(document.pages.wrong),
            f"of {figures.whole(document.pages.pages)} checked",
        ),
        KeyFigure("Server", figures.rounded_share(document.server_cpu), "of a core busy"),
        KeyFigure(
            "Load generator",
            figures.rounded_share(document.generator_cpu),
            f"of a core busy, {figures.duration(document.dispatch_lag_p99_s)} late (p99)",
        ),
    )


def _load(document: LoadtestDocument) -> str:
    if document.setup.closed_users is not None:
        return f"{figures.whole(document.setup.closed_users)} users who wait for answers"
    return "requests, as they came due"


def _errors(errors: int) -> str:
    return f"{figures.whole(errors)} requests without a right answer"


def _breakpoint(document: LoadtestDocument) -> tuple[KeyFigure, ...]:
    if document.breakpoint is None:
        return ()
    return (
        KeyFigure(
            "Largest load",
            figures.load(document.breakpoint.last_good_per_s),
            f"first bad at {figures.load(document.breakpoint.first_bad_per_s)}",
        ),
    )
