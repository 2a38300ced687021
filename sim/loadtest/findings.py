"""Findings: what a reader of a load test should know, problems first."""

from collections.abc import Iterator

from scenarios.quantities import format_duration, format_share
from sim.loadtest.plan import Load
from sim.loadtest.traffic import Traffic
from sim.results.loadtest import LoadtestDocument
from sim.results.simulation import Finding, ObjectiveRow

PROBLEM, WARNING, NOTE = "problem", "warning", "note"

TOO_MANY = "status 429"

KEEPS_UP = 0.99
"""Share of the offered requests that a server which keeps up answers in time."""


def findings(document: LoadtestDocument, traffic: Traffic) -> tuple[Finding, ...]:
    """Return what a load test has shown, and what it leaves out of the scenario."""
    found = [
        *_early_end(document),
        *(finding for row in document.objectives for finding in _objective(row)),
        *_errors(document),
        *_server(document),
        *_left_out(traffic),
    ]
    rank = {PROBLEM: 0, WARNING: 1, NOTE: 2}
    return tuple(sorted(found, key=lambda finding: rank[finding.severity]))


def _early_end(document: LoadtestDocument) -> Iterator[Finding]:
    for reason in document.invalid_because:
        yield Finding(PROBLEM, f"The run is not valid: {reason}.")
    if document.target_lost_s is not None:
        yield Finding(
            PROBLEM,
            f"The target stopped answering about {format_duration(document.target_lost_s)} after "
            "the start; the figures are those until then.",
        )
    if document.run.interrupted:
        yield Finding(WARNING, "The run was interrupted; the figures are those until then.")


def _objective(row: ObjectiveRow) -> Iterator[Finding]:
    name = row.name[:1].upper() + row.name[1:].replace("_", " ")
    if row.met is None:
        yield Finding(WARNING, f"{name} could not be told: too few requests were answered.")
    elif not row.met and row.value is not None:
        told = format_duration if row.unit == "s" else format_share
        yield Finding(PROBLEM, f"{name} is {told(row.value)}, the objective is {told(row.target)}.")


def _errors(document: LoadtestDocument) -> Iterator[Finding]:
    requests = sum(flow.requests for flow in document.flows)
    errors = sum(flow.errors for flow in document.flows)
    if errors:
        share = format_share(errors / requests)
        yield Finding(
            WARNING, f"{errors:,} of {requests:,} requests ({share}) had no right answer."
        )
    limited = sum(row.requests for row in document.errors if row.kind == TOO_MANY)
    if limited:
        yield Finding(
            PROBLEM,
            f"{limited:,} requests were refused with status 429: the server limits how often a "
            "user or an address may ask; `socialfeed serve --rate-limit 0` lifts that.",
        )
    if document.pages.wrong:
        yield Finding(
            PROBLEM, f"{document.pages.wrong:,} of {document.pages.pages:,} pages are wrong."
        )
    if document.freshness.lost:
        yield Finding(
            PROBLEM,
            f"{document.freshness.lost:,} canary posts did not reach all followers who watched.",
        )


def _server(document: LoadtestDocument) -> Iterator[Finding]:
    offered, achieved = document.offered_per_s, document.achieved_per_s
    is_whole = document.target_lost_s is None and not document.run.interrupted
    kept_time = document.valid and document.setup.load == Load.OPEN.value
    if is_whole and kept_time and achieved < KEEPS_UP * offered:
        yield Finding(
            PROBLEM,
            f"The server did not keep up: of {offered:,.0f} requests a second it answered "
            f"{achieved:,.0f} rightly in time, so its queue grew for as long as the load lasted.",
        )
    if document.setup.own_server and not document.setup.server_cores:
        yield Finding(
            WARNING, "Server and load generator shared their cores, and slowed each other down."
        )


def _left_out(traffic: Traffic) -> Iterator[Finding]:
    for flow in traffic.left_out:
        yield Finding(
            WARNING, f"No call of the API stands for the flow {flow}; its requests are left out."
        )
    if "media_post" in traffic.rates_per_s:
        yield Finding(
            NOTE,
            "A media post is three requests, counted as one: an upload signed, put and posted. "
            "What is put is a JPEG of some tens of kilobytes, whatever sizes the scenario has.",
        )
