"""The answer of a load test in a sentence."""

from reports import figures
from reports.verdict import Outcome, Verdict, headline, outcome_by
from sim.results.loadtest import LoadtestDocument


def verdict(document: LoadtestDocument) -> Verdict:
    """Return whether the measured server met the objectives, and how much it bore."""
    ended = _ended_early(document)
    if not document.valid:
        return Verdict(
            Outcome.UNKNOWN,
            f"{ended}Not valid: the figures do not tell of the server alone.",
            f"{figures.sentence_case(document.invalid_because[0])}.",
        )
    outcome = Outcome.MISSED if document.target_lost_s is not None else None
    return Verdict(
        outcome or outcome_by(document.objectives),
        ended + headline(document.objectives),
        limit(document),
    )


def _ended_early(document: LoadtestDocument) -> str:
    measured = figures.duration(round(document.run.measured_s, 1))
    if document.target_lost_s is not None:
        return f"The target stopped answering; the figures are of the {measured} until then. "
    if document.run.interrupted:
        return f"Interrupted; the figures are of the {measured} until then. "
    return ""


def limit(document: LoadtestDocument) -> str:
    """Return how much load the server bore, in a sentence."""
    found = document.breakpoint
    if found is None:
        return (
            f"Measured at {figures.load(document.offered_per_s)} offered, "
            f"{figures.load(document.achieved_per_s)} of them answered rightly in time."
        )
    match found.last_good_per_s, found.first_bad_per_s:
        case None, None:
            return f"No load was found to meet the objectives{_search_end(document)}."
        case None, bad:
            return f"No load met the objectives, not even {figures.load(bad)}."
        case good, None:
            return (
                f"{figures.load(good)} met the objectives; where they break was not found"
                f"{_search_end(document)}."
            )
        case good, bad:
            return (
                f"The objectives hold at {figures.load(good)} and break at {figures.load(bad)}"
                f"{_search_end(document)}."
            )


def _search_end(document: LoadtestDocument) -> str:
    found = document.breakpoint
    if found is None or not found.ended_because:
        return ""
    return f", when the search ended: {found.ended_because}"
